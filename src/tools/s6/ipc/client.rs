//! s6-ipcclient: connects to a local socket, then becomes a program that talks through it.
//! Reference: <https://skarnet.org/software/s6/s6-ipcclient.html>.

use crate::sys::fd;
use crate::sys::ipc::{self, SocketKind};
use crate::tools::die::show;
use crate::tools::{Exit, Next, Options, Process, Word};
use std::os::fd::RawFd;

/// Where the program reads, and where it writes.
pub const DESCRIPTORS: (RawFd, RawFd) = (6, 7);

/// `s6-ipcclient [ -q | -Q | -v ] [ -p bindpath ] [ -l localname ] path prog...`
pub fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "qQvp:l:")?;
    let words = options.words().to_vec();
    let ([path], program) = process.operands(words)?;
    connect(process, &options, &path)?;
    Ok(program.into())
}

/// How much is told: -v more, -q less, -Q the ordinary.
pub fn verbosity(options: &Options) -> u32 {
    options.iter().fold(1, |verbosity: u32, (letter, _)| match letter {
        'q' => verbosity.saturating_sub(1),
        'Q' => 1,
        'v' => verbosity.saturating_add(1),
        _ => verbosity,
    })
}

/// Connects to the socket at `path`, places the connection and tells of it in the environment.
pub fn connect(process: &mut Process, options: &Options, path: &[u8]) -> Result<(), Exit> {
    let socket = ipc::new(SocketKind::Stream, true).map_err(process.unable("create socket"))?;
    if let Some(own) = options.value('p') {
        let unable = process.unable(format!("bind socket to {}", show(own)));
        ipc::bind(&socket, own).map_err(unable)?;
    }
    ipc::connect(&socket, path)
        .map_err(process.unable(format_args!("connect to {}", show(path))))?;
    if verbosity(options) > 1 {
        process.info(format_args!("connected to {}", show(path)));
    }
    let (read, write) = DESCRIPTORS;
    fd::place(read, socket).map_err(process.unable(format_args!("set up fd {read}")))?;
    fd::copy(write, read).map_err(process.unable(format_args!("set up fd {write}")))?;
    process.env.set(b"PROTO", b"IPC");
    let local = match options.value('l') {
        Some(name) => Some(name.to_vec()),
        None => ipc::local_path(read).ok().map(Option::unwrap_or_default),
    };
    match local {
        Some(local) => process.env.set(b"IPCLOCALPATH", &local),
        None => process.env.unset(b"IPCLOCALPATH"),
    }
    Ok(())
}
