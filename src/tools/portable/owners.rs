//! s6-chmod and s6-chown: who may do what with a file, in numbers.
//! Reference: <https://skarnet.org/software/s6-portable-utils/s6-chmod.html> and `s6-chown.html`.

use crate::format::decimal;
use crate::tools::die::{octal, show};
use crate::tools::{Exit, Next, Options, Process, Word};
use nix::fcntl::AT_FDCWD;
use nix::sys::stat::{FchmodatFlags, Mode, fchmodat};
use nix::unistd::{Gid, Uid};

/// `s6-chmod mode file`
pub(super) fn s6_chmod(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let [_, mode, file, ..] = argv.as_slice() else { return Err(process.usage()) };
    let mode = octal(mode).ok_or_else(|| process.usage())?;
    let mode = Mode::from_bits_truncate(mode & 0o7777);
    fchmodat(AT_FDCWD, file.as_slice(), mode, FchmodatFlags::FollowSymlink)
        .map_err(process.unable(format_args!("change mode of {}", show(file))))?;
    Ok(Next::Exit(0))
}

/// `s6-chown [ -U ] [ -u uid ] [ -g gid ] file`
pub(super) fn s6_chown(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "Uu:g:")?;
    let (mut uid, mut gid) = (None, None);
    for (letter, value) in options.iter() {
        match letter {
            'u' => uid = Some(process.number(value)?),
            'g' => gid = Some(process.number(value)?),
            _ => (uid, gid) = (Some(variable(process, "UID")?), Some(variable(process, "GID")?)),
        }
    }
    let file = options.rest().into_iter().next().ok_or_else(|| process.usage())?;
    nix::unistd::chown(file.as_slice(), uid.map(Uid::from_raw), gid.map(Gid::from_raw))
        .map_err(process.unable(format_args!("chown {}", show(&file))))?;
    Ok(Next::Exit(0))
}

/// The number in a variable that must be there.
fn variable(process: &Process, name: &str) -> Result<u32, Exit> {
    let value = process.env.get(name.as_bytes());
    let value = value.ok_or_else(|| process.fatal(100, format_args!("{name} not set")))?;
    decimal::parse(value).ok_or_else(|| process.fatal(100, format_args!("invalid {name}")))
}
