//! redirfd: opens a file as a descriptor of the next program.
//! Reference: <https://skarnet.org/software/execline/redirfd.html>.

use super::autoimport;
use crate::sys::fd;
use crate::tools::die::show;
use crate::tools::{Exit, Next, Options, Process, Word};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd};

const READ: u16 = 1;
const WRITE: u16 = 1 << 1;
const CREATE: u16 = 1 << 2;
const APPEND: u16 = 1 << 3;
const TRUNCATE: u16 = 1 << 4;
const EXCLUSIVE: u16 = 1 << 5;
const NONBLOCKING: u16 = 1 << 6;
/// Switch between blocking and not once the file is open.
const SWITCH: u16 = 1 << 7;
/// Take any number, and tell it in a variable.
const ANY_NUMBER: u16 = 1 << 8;
const IMPORT: u16 = 1 << 9;

/// What every option takes away and adds. The upper case ones that have no short form are here for
/// the sake of the long ones.
const OPTIONS: &[(char, u16, u16)] = &[
    ('r', WRITE | APPEND | CREATE | TRUNCATE | EXCLUSIVE, READ),
    ('w', READ | APPEND | EXCLUSIVE, WRITE | CREATE | TRUNCATE),
    ('u', APPEND | CREATE | TRUNCATE | EXCLUSIVE, READ | WRITE),
    ('a', READ | TRUNCATE | EXCLUSIVE, WRITE | CREATE | APPEND),
    ('x', READ | APPEND | TRUNCATE, WRITE | CREATE | EXCLUSIVE),
    ('N', NONBLOCKING, 0),
    ('n', 0, NONBLOCKING),
    ('b', 0, SWITCH),
    ('f', 0, ANY_NUMBER),
    ('e', IMPORT, 0),
    ('E', 0, IMPORT),
    ('0', READ, 0),
    ('1', 0, READ),
    ('2', WRITE, 0),
    ('3', 0, WRITE),
    ('4', CREATE, 0),
    ('5', 0, CREATE),
    ('6', APPEND, 0),
    ('7', 0, APPEND),
    ('8', TRUNCATE, 0),
    ('9', 0, TRUNCATE),
    ('-', EXCLUSIVE, 0),
    ('+', 0, EXCLUSIVE),
];

const LONG: &[(&str, char)] = &[
    ("block", 'N'),
    ("nonblock", 'n'),
    ("switch-block", 'b'),
    ("open", 'f'),
    ("no-autoimport", 'e'),
    ("autoimport", 'E'),
    ("no-read", '0'),
    ("read", '1'),
    ("no-write", '2'),
    ("write", '3'),
    ("no-create", '4'),
    ("create", '5'),
    ("no-append", '6'),
    ("append", '7'),
    ("no-trunc", '8'),
    ("trunc", '9'),
    ("no-excl", '-'),
    ("excl", '+'),
];

/// `redirfd -[ r | w | u | a | x ] [ -N | -n ] [ -b ] [ -f ] [ -E | -e ] fd|var file prog...`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse_long(process, argv, "rwuaxNnbfeE", LONG)?;
    let how = combined(&options);
    let ([target, file], program) = process.operands(options.rest())?;
    if how & (READ | WRITE) == 0 {
        return Err(process.usage());
    }
    let number = if how & ANY_NUMBER == 0 { Some(process.descriptor(&target)?) } else { None };
    let opened =
        open_file(&file, how).map_err(process.unable(format_args!("open {}", show(&file))))?;
    if how & SWITCH != 0 {
        fd::set_nonblocking(opened.as_raw_fd(), how & NONBLOCKING == 0)
            .map_err(process.unable("change blocking mode"))?;
    }
    let Some(number) = number else {
        let opened = opened.into_raw_fd().to_string();
        let import = how & IMPORT != 0;
        return Ok(autoimport::go_on(process, &target, Some(opened.as_bytes()), program, import));
    };
    fd::place(number, opened).map_err(process.unable("fd_move"))?;
    Ok(program.into())
}

/// What all the options come to, in their order.
fn combined(options: &Options) -> u16 {
    options.iter().fold(0, |how, (letter, _)| {
        let option = OPTIONS.iter().find(|(l, _, _)| *l == letter);
        option.map_or(how, |(_, clear, set)| how & !clear | set)
    })
}

/// Opens a file, not closed on exec. A FIFO that has no reader yet is opened for writing all the
/// same, without waiting, if it is to be non-blocking.
fn open_file(file: &[u8], how: u16) -> Result<OwnedFd, Errno> {
    let opened = open(file, flags(how), Mode::from_bits_retain(0o666));
    if !matches!(opened, Err(Errno::ENXIO)) || how & WRITE == 0 {
        return opened;
    }
    let reader = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let _reader = open(file, reader, Mode::empty())?;
    open(file, flags(how), Mode::from_bits_retain(0o666))
}

fn flags(how: u16) -> OFlag {
    let access = match (how & READ != 0, how & WRITE != 0) {
        (_, false) => OFlag::O_RDONLY,
        (false, true) => OFlag::O_WRONLY,
        (true, true) => OFlag::O_RDWR,
    };
    [
        (CREATE, OFlag::O_CREAT),
        (APPEND, OFlag::O_APPEND),
        (TRUNCATE, OFlag::O_TRUNC),
        (EXCLUSIVE, OFlag::O_EXCL),
        (NONBLOCKING, OFlag::O_NONBLOCK),
    ]
    .into_iter()
    .filter(|(bit, _)| how & bit != 0)
    .fold(access, |all, (_, flag)| all | flag)
}
