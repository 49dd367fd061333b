//! s6-head: the first lines or bytes.
//! Reference: <https://skarnet.org/software/s6-portable-utils/s6-head.html>.

use crate::sys::fd;
use crate::tools::die::show;
use crate::tools::{Exit, Next, Options, Process, Word};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use std::os::fd::{AsRawFd, RawFd};

/// How much to print.
#[derive(Clone, Copy)]
enum Amount {
    Lines(u32),
    Bytes(u32),
}

/// `s6-head [ -S ] [ -1..9 | -n lines | -c chars ] [ file... ]`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "S123456789n:c:")?;
    let amount = amount(process, &options)?;
    // Nobody reads on in a file that was opened here.
    let careful = options.has('S');
    let files = options.rest();
    if files.is_empty() {
        head(0, amount, careful).map_err(process.unable("head stdin"))?;
    }
    for (at, file) in files.iter().enumerate() {
        let name = show(file);
        if files.len() > 1 && !file.is_empty() {
            let gap = if at > 0 { "\n" } else { "" };
            process.print(format!("{gap}==> {name} <==\n").as_bytes())?;
        }
        if file == b"-" {
            head(0, amount, false).map_err(process.unable("head stdin"))?;
            continue;
        }
        let opened = open(file.as_slice(), OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())
            .map_err(process.unable(format_args!("open {name} for reading")))?;
        head(opened.as_raw_fd(), amount, false)
            .map_err(process.unable(format_args!("head {name}")))?;
    }
    Ok(Next::Exit(0))
}

fn amount(process: &Process, options: &Options) -> Result<Amount, Exit> {
    let mut given = options.iter().filter(|(letter, _)| *letter != 'S');
    let amount = match given.next() {
        None => Amount::Lines(10),
        Some(('n', lines)) => Amount::Lines(process.number(lines)?),
        Some(('c', bytes)) => Amount::Bytes(process.number(bytes)?),
        Some((digit, _)) => Amount::Lines(digit.to_digit(10).unwrap_or(0)),
    };
    if given.next().is_some() { Err(process.usage()) } else { Ok(amount) }
}

/// Prints the head of what can be read. If it is `careful`, it reads no byte more than that.
// Differs: the reference takes an end of the file before that many bytes for an error.
fn head(from: RawFd, amount: Amount, careful: bool) -> Result<(), Errno> {
    match amount {
        Amount::Bytes(bytes) => fd::pour(1, from, bytes.into()).map(drop),
        Amount::Lines(lines) => first_lines(from, lines as usize, careful),
    }
}

fn first_lines(from: RawFd, mut left: usize, careful: bool) -> Result<(), Errno> {
    let mut chunk = vec![0; 65_536];
    while left > 0 {
        // Every line that is still to come has one byte at least: its newline.
        let most = if careful { left.min(chunk.len()) } else { chunk.len() };
        let n = fd::read(from, &mut chunk[..most])?;
        if n == 0 {
            break;
        }
        let newlines = chunk[..n].iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        let ends: Vec<usize> = newlines.map(|(at, _)| at + 1).take(left).collect();
        left -= ends.len();
        let wanted = if left == 0 { ends.last().copied().unwrap_or(n) } else { n };
        fd::write_all(1, &chunk[..wanted])?;
    }
    Ok(())
}
