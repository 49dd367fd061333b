//! s6-envuidgid: tells a program, in its environment, the numbers of an account.
//! Reference: <https://skarnet.org/software/s6/s6-envuidgid.html>.

use super::applyuidgid::group_list;
use crate::format::decimal;
use crate::sys::identity::Identity;
use crate::sys::user::{Group, User};
use crate::tools::die::show;
use crate::tools::{Exit, Next, Options, Process, Word};

/// What is looked up, and so which variables are set.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    Account,
    User,
    Group,
    Both,
}

/// `s6-envuidgid [ -u | -g | -B ] [ -n ] [ -i | -D uid:gid:gidlist ] account prog...`
pub fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "ugBniD:")?;
    let mut scope = Scope::Account;
    let (mut defaults, mut insist) = (Identity::default(), true);
    for (letter, value) in options.iter() {
        match letter {
            'u' => scope = Scope::User,
            'g' => scope = Scope::Group,
            'B' => scope = Scope::Both,
            // Numbers have no supplementary groups to look up.
            'n' if scope == Scope::Account => scope = Scope::Both,
            'i' => insist = true,
            'D' => {
                defaults = parse_defaults(value).ok_or_else(|| process.usage())?;
                insist = false;
            }
            _ => {}
        }
    }
    let numeric = options.has('n');
    let mut words = options.rest().into_iter();
    let account = words.next().filter(|_| words.len() > 0).ok_or_else(|| process.usage())?;
    let look_up = LookUp { process, numeric, insist, defaults };
    let identity = look_up.identity(scope, &account)?;
    export(process, scope, identity);
    Ok(words.collect::<Vec<_>>().into())
}

/// How names become numbers.
struct LookUp<'a> {
    process: &'a Process,
    /// A name that is unknown may be a number.
    numeric: bool,
    /// A name that is unknown is an error.
    insist: bool,
    /// What stands for unknown names, and for those that are not asked for.
    defaults: Identity,
}

impl LookUp<'_> {
    fn identity(&self, scope: Scope, name: &[u8]) -> Result<Identity, Exit> {
        let (user, group) = match scope {
            Scope::Account => return self.account(name),
            Scope::User => (Some(name), None),
            Scope::Group => (None, Some(name)),
            Scope::Both => both(name),
        };
        let mut identity = self.defaults.clone();
        if let Some(group) = group {
            let found = Group::by_name(group).map_err(|e| unreadable(self.process, "group", e))?;
            identity.gid = self.id("group", group, found.map(|g| g.gid))?.or(identity.gid);
        }
        if let Some(user) = user {
            let found = User::by_name(user).map_err(|e| unreadable(self.process, "user", e))?;
            identity.uid = self.id("user", user, found.map(|u| u.uid))?.or(identity.uid);
        }
        Ok(identity)
    }

    fn account(&self, name: &[u8]) -> Result<Identity, Exit> {
        match account(self.process, name)? {
            Some(found) => Ok(found),
            None if self.insist => Err(unknown(self.process, "user", name)),
            None => Ok(self.defaults.clone()),
        }
    }

    /// The number of what was found, or is one. `None`: the default counts.
    fn id(&self, kind: &str, name: &[u8], found: Option<u32>) -> Result<Option<u32>, Exit> {
        let id = found.or_else(|| decimal::leading(name).filter(|_| self.numeric));
        if id.is_none() && self.insist {
            return Err(unknown(self.process, kind, name));
        }
        Ok(id)
    }
}

/// The user of this name with its primary and supplementary groups; `None` if there is none.
pub fn account(process: &Process, name: &[u8]) -> Result<Option<Identity>, Exit> {
    let user = User::by_name(name).map_err(|e| unreadable(process, "user", e))?;
    let Some(user) = user else { return Ok(None) };
    let groups = Group::memberships(name).map_err(|e| {
        let text = format!("unable to get supplementary groups for {}", show(name));
        process.fatal_errno(&text, e)
    })?;
    Ok(Some(Identity { uid: Some(user.uid), gid: Some(user.gid), groups: Some(groups) }))
}

/// Says that there is no such account; exit 1.
pub fn unknown(process: &Process, kind: &str, name: &[u8]) -> Exit {
    process.fatal(1, format_args!("unknown {kind}: {}", show(name)))
}

fn unreadable(process: &Process, kind: &str, e: nix::errno::Errno) -> Exit {
    process.fatal_errno(format_args!("unable to read {kind} database"), e)
}

/// `user:group`, either of which may be empty. Without a colon it is a user, of any name.
fn both(name: &[u8]) -> (Option<&[u8]>, Option<&[u8]>) {
    let Some(colon) = name.iter().position(|&b| b == b':') else { return (Some(name), None) };
    let filled = |part: &&[u8]| !part.is_empty();
    (Some(&name[..colon]).filter(filled), Some(&name[colon + 1..]).filter(filled))
}

/// `uid:gid:gidlist`; what is left out is 0, or no group.
pub fn parse_defaults(text: &[u8]) -> Option<Identity> {
    let mut parts = text.splitn(3, |&b| b == b':');
    let first = parts.next()?;
    let second = parts.next();
    if first.is_empty() && second.is_none() {
        return None;
    }
    let id = |part: &[u8]| if part.is_empty() { Some(0) } else { decimal::parse(part) };
    let (uid, gid) = (id(first)?, id(second.unwrap_or_default())?);
    let groups = group_list(parts.next().unwrap_or_default())?;
    Some(Identity { uid: Some(uid), gid: Some(gid), groups: Some(groups) })
}

fn export(process: &mut Process, scope: Scope, identity: Identity) {
    let mut set = |name: &[u8], value: String| process.env.set(name, value.as_bytes());
    if scope != Scope::Group {
        set(b"UID", identity.uid.unwrap_or(0).to_string());
    }
    if scope != Scope::User {
        set(b"GID", identity.gid.unwrap_or(0).to_string());
    }
    if scope == Scope::Account {
        let groups = identity.groups.unwrap_or_default();
        set(b"GIDLIST", groups.iter().map(u32::to_string).collect::<Vec<_>>().join(","));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_may_leave_parts_out() {
        let identity = |uid, gid, groups: &[u32]| {
            Some(Identity { uid: Some(uid), gid: Some(gid), groups: Some(groups.to_vec()) })
        };
        assert_eq!(parse_defaults(b"5"), identity(5, 0, &[]));
        assert_eq!(parse_defaults(b":6:"), identity(0, 6, &[]));
        assert_eq!(parse_defaults(b"::7,8"), identity(0, 0, &[7, 8]));
        assert_eq!(parse_defaults(b""), None);
        assert_eq!(parse_defaults(b"1:2:3:4"), identity(1, 2, &[3, 4]));
        assert_eq!(parse_defaults(b"1:2:x"), None);
    }

    #[test]
    fn either_side_of_the_colon_may_be_empty() {
        assert_eq!(both(b"a:b"), (Some(&b"a"[..]), Some(&b"b"[..])));
        assert_eq!(both(b"a"), (Some(&b"a"[..]), None));
        assert_eq!(both(b":b"), (None, Some(&b"b"[..])));
        assert_eq!(both(b":"), (None, None));
        assert_eq!(both(b""), (Some(&b""[..]), None));
    }
}
