//! logutil-service and logutil-newfifo: s6-log as nobody, with the container's script.

use super::container::settings;
use crate::sys::identity::{Identity, Refused};
use crate::sys::{remove, user::User};
use crate::tools::die::{octal, show};
use crate::tools::s6::{applyuidgid, envuidgid};
use crate::tools::{Exit, Next, Options, Process, Word, path};
use nix::errno::Errno;
use nix::sys::stat::Mode;
use nix::unistd::{Gid, Uid, geteuid};

/// Whom logutil-service becomes where there is no user called nobody.
const NOBODY: u32 = 65534;

/// `logutil-service [ -f fifo ] dir`: logs its stdin, or what is written to a FIFO, into `dir`.
pub(super) fn service(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "f:").map_err(|_| Exit(1))?;
    let fifo = options.value('f').map(<[u8]>::to_vec).filter(|fifo| !fifo.is_empty());
    let dir = options.rest().into_iter().next().ok_or(Exit(1))?;
    if let Some(fifo) = fifo {
        // The FIFO is opened with the rights of whoever starts the logger.
        let open = words("redirfd -rnb 0").chain([fifo]);
        return Ok(open.chain(words("logutil-service --")).chain([dir]).collect::<Vec<_>>().into());
    }
    become_nobody(process)?;
    let mut chain: Vec<_> = words("exec -c s6-log -b --").collect();
    let script = settings(process).logging_script;
    let blank = |b: &u8| b" \t\n".contains(b);
    chain.extend(script.split(blank).filter(|w| !w.is_empty()).map(<[u8]>::to_vec));
    chain.push(dir);
    Ok(chain.into())
}

/// Gives up root's rights.
///
/// Differs: whoever may not become another user (an ordinary user, root without capabilities or
/// in a namespace without that user) logs as itself.
fn become_nobody(process: &Process) -> Result<(), Exit> {
    let nobody = Identity { uid: Some(NOBODY), gid: Some(NOBODY), groups: Some(Vec::new()) };
    let nobody = envuidgid::account(process, b"nobody")?.unwrap_or(nobody);
    match applyuidgid::attempt(nobody) {
        Err(Refused { errno: Errno::EPERM | Errno::EINVAL, step }) => {
            if geteuid().is_root() {
                process.warn(format_args!("unable to {step}: logging as root, not as nobody"));
            }
            Ok(())
        }
        other => other.map_err(|r| process.unable(r.step)(r.errno)),
    }
}

fn words(line: &str) -> impl Iterator<Item = Word> {
    line.split(' ').map(|word| word.as_bytes().to_vec())
}

/// `logutil-newfifo [ -m mode ] [ -o owner ] fifo`
pub(super) fn new_fifo(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "m:o:").map_err(|_| Exit(1))?;
    let mode = octal(options.value('m').unwrap_or(b"0600")).ok_or_else(|| process.usage())?;
    let mode = Mode::from_bits_truncate(mode);
    let owner = options.value('o').unwrap_or(b"root").to_vec();
    let fifo = options.rest().into_iter().next().ok_or(Exit(1))?;
    process.warn("this binary is deprecated, use s6-mkfifo and s6-chown instead");

    let shown = show(&fifo);
    let unable =
        |what: &str, e: Errno| process.fatal_errno(format_args!("unable to {what} {shown}"), e);
    let path = path(&fifo);
    remove::hierarchy(path).map_err(|e| unable("remove", e))?;
    let mask = nix::sys::stat::umask(Mode::empty());
    let made = nix::unistd::mkfifo(path, mode);
    nix::sys::stat::umask(mask);
    made.map_err(|e| unable("make", e))?;
    let user = User::by_name(&owner).map_err(|e| process.fatal_errno("/etc/passwd", e))?;
    let user =
        user.ok_or_else(|| process.fatal(1, format_args!("unknown user: {}", show(&owner))))?;
    nix::unistd::chown(path, Some(Uid::from_raw(user.uid)), Some(Gid::from_raw(user.gid)))
        .map_err(|e| unable("chown", e))?;
    Ok(Next::Exit(0))
}
