//! s6-nuke and s6-pause: signals to everybody, and none to this one.
//! Reference: <https://skarnet.org/software/s6-portable-utils/s6-nuke.html> and `s6-pause.html`.

use crate::format::decimal;
use crate::sys::process::kill;
use crate::sys::signal::ignore_number;
use crate::tools::{Exit, Next, Options, Process, Word};
use nix::libc;

/// `s6-nuke [ -h | -t | -k ]`: to every process that this one may signal.
pub fn s6_nuke(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "htk")?;
    let sent: [(char, &[i32]); 3] =
        [('h', &[libc::SIGHUP]), ('t', &[libc::SIGTERM, libc::SIGCONT]), ('k', &[libc::SIGKILL])];
    for (_, signals) in sent.iter().filter(|(letter, _)| options.has(*letter)) {
        for &signal in *signals {
            let _ = ignore_number(signal as u8);
            kill(-1, signal as u8).map_err(process.unable("kill"))?;
        }
    }
    Ok(Next::Exit(0))
}

/// `s6-linux-init-nuke`: SIGKILL to every process but this one and PID 1.
pub fn s6_linux_init_nuke(process: &mut Process, _: Vec<Word>) -> Result<Next, Exit> {
    kill(-1, libc::SIGKILL as u8).map_err(process.unable("kill"))?;
    Ok(Next::Exit(0))
}

/// `s6-pause [ -t ] [ -h ] [ -a ] [ -q ] [ -b ] [ -i ] [ -p signal,signal... ]`: ignores these
/// signals, and waits for any other.
pub fn s6_pause(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "thaqbip:")?;
    let mut ignored = Vec::new();
    for (letter, value) in options.iter() {
        match letter {
            't' => ignored.push(libc::SIGTERM as u8),
            'h' => ignored.push(libc::SIGHUP as u8),
            'a' => ignored.push(libc::SIGALRM as u8),
            'q' => ignored.push(libc::SIGQUIT as u8),
            'b' => ignored.push(libc::SIGABRT as u8),
            'i' => ignored.push(libc::SIGINT as u8),
            _ => {
                let numbers: Option<Vec<u32>> = decimal::list(value);
                let numbers = numbers.ok_or_else(|| process.usage())?;
                ignored.extend(numbers.into_iter().filter_map(|number| u8::try_from(number).ok()));
            }
        }
    }
    for signal in ignored {
        // One that cannot be ignored is not.
        let _ = ignore_number(signal);
    }
    nix::unistd::pause();
    Ok(Next::Exit(0))
}
