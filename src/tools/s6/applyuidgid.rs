//! s6-applyuidgid: becomes another user, then a program.
//! Reference: <https://skarnet.org/software/s6/s6-applyuidgid.html>.

use crate::format::decimal;
use crate::sys::identity::{Identity, Refused};
use crate::tools::{Exit, Next, Options, Process, Word};
use nix::unistd::{getegid, geteuid, getgid, getuid};

/// `s6-applyuidgid [ -z ] [ -u uid ] [ -g gid ] [ -G gidlist ] [ -U ] prog...`
pub fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "zUu:g:G:")?;
    let identity = wanted(process, &options)?;
    let unexport = options.has('z');
    let program = options.rest();
    if program.is_empty() {
        return Err(process.usage());
    }
    assume(process, identity)?;
    if unexport {
        unset(process);
    }
    Ok(program.into())
}

/// The identity that the options -u, -g, -G and -U tell.
pub fn wanted(process: &Process, options: &Options) -> Result<Identity, Exit> {
    let mut identity = Identity::default();
    for (letter, value) in options.iter() {
        match letter {
            'u' => identity.uid = Some(process.number(value)?),
            'g' => identity.gid = Some(process.number(value)?),
            'G' => identity.groups = Some(group_list(value).ok_or_else(|| process.usage())?),
            'U' => identity = from_environment(process)?,
            _ => {}
        }
    }
    Ok(identity)
}

/// Becomes `identity`, in which a uid or gid of 0 means no change.
pub fn assume(process: &Process, identity: Identity) -> Result<(), Exit> {
    attempt(identity)
        .map_err(|r| process.fatal_errno(format_args!("unable to {}", r.step), r.errno))
}

/// The same for a tool that has an alternative.
pub fn attempt(identity: Identity) -> Result<(), Refused> {
    let is_root = getuid().is_root() && geteuid().is_root();
    let is_roots = getgid().as_raw() == 0 && getegid().as_raw() == 0;
    let uid = identity.uid.filter(|uid| *uid != 0 || is_root);
    let gid = identity.gid.filter(|gid| *gid != 0 || is_roots);
    Identity { uid, gid, groups: identity.groups }.assume()
}

/// Removes the variables that tell whom to become.
pub fn unset(process: &mut Process) {
    [&b"UID"[..], b"GID", b"GIDLIST"].into_iter().for_each(|name| process.env.unset(name));
}

/// A list of groups, which may be empty.
pub fn group_list(text: &[u8]) -> Option<Vec<u32>> {
    if text.is_empty() { Some(Vec::new()) } else { decimal::list(text) }
}

/// The identity that UID, GID and GIDLIST tell.
fn from_environment(process: &Process) -> Result<Identity, Exit> {
    let invalid = |name: &str| process.fatal(100, format_args!("invalid ${name}"));
    let number = |name: &str| {
        let id = decimal::parse(process.variable(name)?);
        id.ok_or_else(|| invalid(name))
    };
    let (uid, gid) = (Some(number("UID")?), Some(number("GID")?));
    let groups = group_list(process.variable("GIDLIST")?).ok_or_else(|| invalid("GIDLIST"))?;
    Ok(Identity { uid, gid, groups: Some(groups) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_groups_is_numbers_only() {
        assert_eq!(group_list(b""), Some(vec![]));
        assert_eq!(group_list(b"5,0,4294967295"), Some(vec![5, 0, u32::MAX]));
        assert_eq!(group_list(b"5,, 6:7,"), Some(vec![5, 6, 7]));
        for wrong in [&b","[..], b"a", b"4294967296"] {
            assert_eq!(group_list(wrong), None);
        }
    }
}
