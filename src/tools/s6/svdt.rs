//! s6-svdt and s6-svdt-clear: the deaths of a service.
//! Reference: <https://skarnet.org/software/s6/s6-svdt.html> and `s6-svdt-clear.html`.

use crate::format::signal;
use crate::format::tally::{self, Death};
use crate::sys::file;
use crate::tools::die::{errno, show};
use crate::tools::{Exit, Next, Options, Process, Word, path};
use nix::errno::Errno;

/// `s6-svdt [ -S | -s ] [ -n maxentries ] servicedir`
pub(super) fn list(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "Ssn:")?;
    let by_number = options.last_of("Ss") == Some('s');
    let max = options.number(process, 'n', u32::MAX)? as usize;
    let rest = options.rest();
    let dir = rest.first().ok_or_else(|| process.usage())?;
    if max == 0 {
        return Ok(Next::Exit(0));
    }
    let deaths = read(dir)
        .map_err(process.unable(format_args!("read death tally for service {}", show(dir))))?;
    let last = deaths.get(deaths.len().saturating_sub(max)..).unwrap_or_default();
    let lines: Vec<u8> = last.iter().flat_map(|death| line(death, by_number)).collect();
    process.print(&lines)?;
    Ok(Next::Exit(0))
}

/// `s6-svdt-clear servicedir`
pub(super) fn clear(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let dir = argv.get(1).ok_or_else(|| process.usage())?;
    let (file, new) = (tally_of(dir, ""), tally_of(dir, ".new"));
    let written =
        std::fs::write(path(&new), []).and_then(|()| std::fs::rename(path(&new), path(&file)));
    match written {
        Ok(()) => Ok(Next::Exit(0)),
        Err(e) => {
            let text = format!("unable to clear death tally for service {}", show(dir));
            Err(process.fatal_errno(&text, errno(&e)))
        }
    }
}

/// The deaths of a service, oldest first; none if it is supervised and has no tally yet.
pub(super) fn read(dir: &[u8]) -> Result<Vec<Death>, Errno> {
    match file::head(&tally_of(dir, ""), tally::MAX_BYTES) {
        // Differs: the original makes a file that is missing, and empties one that ends within a
        // record.
        Ok(bytes) => Ok(tally::decode(&bytes)),
        Err(Errno::ENOENT) if path(&[dir, b"/supervise"].concat()).is_dir() => Ok(Vec::new()),
        Err(e) => Err(e),
    }
}

fn tally_of(dir: &[u8], suffix: &str) -> Word {
    [dir, b"/supervise/death_tally", suffix.as_bytes()].concat()
}

fn line(death: &Death, by_number: bool) -> Vec<u8> {
    let cause = match death.signal {
        0 => format!(" exitcode {}\n", death.exit_code),
        signal if by_number => format!(" signal {signal}\n"),
        signal => format!(" signal SIG{}\n", signal::s6_name(signal)),
    };
    [death.stamp.label().as_slice(), cause.as_bytes()].concat()
}
