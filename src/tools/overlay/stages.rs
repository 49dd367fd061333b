//! s6-overlay-suexec, preinit and stage0: the links of the original's chain from /init to PID 1.
//! Images with an /init of their own end it by calling them.

use super::script;
use crate::sys::user::{Group, User};
use crate::tools::execline::blocks::Blocks;
use crate::tools::{Environment, Exec, Exit, Next, Process, Word};
use nix::unistd::{getegid, geteuid, getgid, getuid};

/// Where the program is, if the kernel does not tell.
const PROGRAM: &[u8] = b"/command/sixtree";

/// `s6-overlay-suexec { root_block... } normal_init...`: runs the block, then goes on.
///
/// Differs: at any pid, and without a setuid bit: the block has no more rights than what follows.
pub(super) fn suexec(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let words: Vec<_> = argv.into_iter().skip(1).collect();
    if words.is_empty() {
        return Err(process.usage());
    }
    let (block, rest) = Blocks::new(process).take_filled(words, "block")?;
    if rest.is_empty() {
        return Err(process.fatal(100, "empty remainder"));
    }
    let own = std::mem::take(&mut process.env);
    process.env = with_identity(own.clone());
    match script::run_words(process, block) {
        Ok(0) => process.env = own,
        Ok(code) => {
            return Err(process.fatal(code, format_args!("child failed with exit code {code}")));
        }
        Err(e) => return Err(process.fatal_errno("unable to spawn the block", e)),
    }
    Ok(rest.into())
}

/// Adds what the block is told of the container's user.
fn with_identity(mut env: Environment) -> Environment {
    let user = |uid| User::by_uid(uid).ok().flatten().map(|u| u.name).unwrap_or_default();
    let group = |gid| Group::by_gid(gid).ok().flatten().map(|g| g.name).unwrap_or_default();
    let (uid, euid) = (getuid().as_raw(), geteuid().as_raw());
    let (gid, egid) = (getgid().as_raw(), getegid().as_raw());
    env.unset(b"GIDLIST");
    env.set(b"GID", gid.to_string().as_bytes());
    env.set(b"EGID", egid.to_string().as_bytes());
    env.set(b"UID", uid.to_string().as_bytes());
    env.set(b"EUID", euid.to_string().as_bytes());
    env.set(b"USER", &user(uid));
    env.set(b"EUSER", &user(euid));
    env.set(b"GROUP", &group(gid));
    env.set(b"EGROUP", &group(egid));
    env
}

/// `preinit`: /init itself makes the run directory usable, with whatever rights it has, so there is
/// nothing to do before it.
pub(super) fn preinit(_: &mut Process, _: Vec<Word>) -> Result<Next, Exit> {
    Ok(Next::Exit(0))
}

/// `stage0 cmd...`: becomes /init, which in such an image is another file.
pub(super) fn stage0(_: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    use std::os::unix::ffi::OsStringExt;
    let program = std::fs::read_link("/proc/self/exe").map(|path| path.into_os_string().into_vec());
    let argv = [b"init".to_vec()].into_iter().chain(argv.into_iter().skip(1)).collect();
    let file = Some(program.unwrap_or_else(|_| PROGRAM.to_vec()));
    Ok(Exec { argv, file, ..Exec::default() }.into())
}
