//! s6-setuidgid: becomes another user with all its groups, then a program.
//! Reference: <https://skarnet.org/software/s6/s6-setuidgid.html>.

use super::{applyuidgid, envuidgid};
use crate::sys::identity::Identity;
use crate::tools::{Exit, Next, Process, Word};

/// `s6-setuidgid user prog...`; the user may be `uid:gid`, in numbers.
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let mut words = argv.into_iter().skip(1);
    let account = words.next().filter(|a| !a.starts_with(b"-")).ok_or_else(|| process.usage())?;
    let program: Vec<_> = words.collect();
    if program.is_empty() {
        return Err(process.usage());
    }
    if account.is_empty() {
        return Ok(program.into());
    }
    match account.iter().position(|&b| b == b':') {
        Some(colon) => {
            let (uid, gid) = (&account[..colon], &account[colon + 1..]);
            let (uid, gid) = (Some(process.number(uid)?), Some(process.number(gid)?));
            applyuidgid::assume(process, Identity { uid, gid, groups: Some(Vec::new()) })?;
        }
        None => {
            let identity = envuidgid::account(process, &account)?;
            let unknown = || envuidgid::unknown(process, "user", &account);
            applyuidgid::assume(process, identity.ok_or_else(unknown)?)?;
            applyuidgid::unset(process);
        }
    }
    Ok(program.into())
}
