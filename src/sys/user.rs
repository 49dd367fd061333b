//! Users and groups, straight from /etc/passwd and /etc/group: a static program has no name-service
//! switch, and PID 1 must not wait for one.

use super::file;
use crate::format::decimal;
use nix::errno::Errno;
use std::path::Path;

const PASSWD: &str = "/etc/passwd";
const GROUP: &str = "/etc/group";

/// More than any database has.
const DATABASE_BYTES: usize = 64 << 20;

/// A line of /etc/passwd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The login name.
    pub name: Vec<u8>,
    /// The user's number.
    pub uid: u32,
    /// The number of the primary group.
    pub gid: u32,
    /// The home directory.
    pub home: Vec<u8>,
    /// The login shell.
    pub shell: Vec<u8>,
}

/// A line of /etc/group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The group's name.
    pub name: Vec<u8>,
    /// The group's number.
    pub gid: u32,
    /// The names of the users who have it as a supplementary group.
    pub members: Vec<Vec<u8>>,
}

impl User {
    /// All users.
    pub fn all() -> Result<Vec<Self>, Errno> {
        Ok(users(&read(PASSWD)?).collect())
    }
    /// The first user of this name.
    pub fn by_name(name: &[u8]) -> Result<Option<Self>, Errno> {
        Ok(users(&read(PASSWD)?).find(|u| u.name == name))
    }
    /// The first user of this number.
    pub fn by_uid(uid: u32) -> Result<Option<Self>, Errno> {
        Ok(users(&read(PASSWD)?).find(|u| u.uid == uid))
    }
}

impl Group {
    /// All groups.
    pub fn all() -> Result<Vec<Self>, Errno> {
        Ok(groups(&read(GROUP)?).collect())
    }
    /// The first group of this name.
    pub fn by_name(name: &[u8]) -> Result<Option<Self>, Errno> {
        Ok(groups(&read(GROUP)?).find(|g| g.name == name))
    }
    /// The first group of this number.
    pub fn by_gid(gid: u32) -> Result<Option<Self>, Errno> {
        Ok(groups(&read(GROUP)?).find(|g| g.gid == gid))
    }
    /// The numbers of the groups that list `user` as a member, in the file's order, each once. The
    /// primary group is among them only if it lists the user, too.
    pub fn memberships(user: &[u8]) -> Result<Vec<u32>, Errno> {
        Ok(memberships(&read(GROUP)?, user))
    }
}

/// The users of a text in the format of passwd(5); a malformed line is none.
pub fn users(text: &[u8]) -> impl Iterator<Item = User> {
    text.split(|&b| b == b'\n').filter_map(|line| {
        let mut field = line.split(|&b| b == b':');
        let name = field.next().filter(|n| !n.is_empty())?.to_vec();
        let _password = field.next()?;
        let (uid, gid) = (decimal::parse(field.next()?)?, decimal::parse(field.next()?)?);
        let _comment = field.next()?;
        let (home, shell) = (field.next()?.to_vec(), field.next().unwrap_or_default().to_vec());
        Some(User { name, uid, gid, home, shell })
    })
}

/// The groups of a text in the format of group(5); a malformed line is none.
pub fn groups(text: &[u8]) -> impl Iterator<Item = Group> {
    text.split(|&b| b == b'\n').filter_map(|line| {
        let mut field = line.split(|&b| b == b':');
        let name = field.next().filter(|n| !n.is_empty())?.to_vec();
        let _password = field.next()?;
        let gid = decimal::parse(field.next()?)?;
        let members = field.next().unwrap_or_default().split(|&b| b == b',');
        let members = members.filter(|m| !m.is_empty()).map(<[u8]>::to_vec).collect();
        Some(Group { name, gid, members })
    })
}

fn memberships(text: &[u8], user: &[u8]) -> Vec<u32> {
    let mut gids = Vec::new();
    for group in groups(text).filter(|g| g.members.iter().any(|m| m == user)) {
        if !gids.contains(&group.gid) {
            gids.push(group.gid);
        }
    }
    gids
}

/// The whole of a database, which must be a regular file: a FIFO would be waited for. One that is
/// not there is empty, as in an image from scratch.
fn read(file: &str) -> Result<Vec<u8>, Errno> {
    match file::whole(Path::new(file), DATABASE_BYTES) {
        Ok(text) => Ok(text),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(e) => Err(super::errno::of(&e)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_all_fields_and_a_malformed_line_is_skipped() {
        let text = b"# passwd\nroot:x:0:0:root:/root:/bin/sh\nbad:x:a:0::/:\n:x:1:1::/:/x\n\
                     +::::::\nweb:x:33:34:Web, server:/var/www\n";
        let all: Vec<_> = users(text).collect();
        let web = User {
            name: b"web".to_vec(),
            uid: 33,
            gid: 34,
            home: b"/var/www".to_vec(),
            shell: Vec::new(),
        };
        assert_eq!(all.len(), 2);
        assert_eq!(all.first().map(|u| u.shell.as_slice()), Some(b"/bin/sh".as_slice()));
        assert_eq!(all.last(), Some(&web));
    }

    #[test]
    fn memberships_are_in_order_and_unique() {
        let text = b"b:x:7:web,root\na:x:3:root\nc:x:7:web\nd:x:1:webber,we\ne:!:0:,web,\nf:x:2\n";
        assert_eq!(memberships(text, b"web"), [7, 0]);
        assert_eq!(memberships(text, b"nobody"), [0u32; 0]);
        assert_eq!(groups(text).last().map(|g| g.members), Some(vec![]));
    }

    #[test]
    fn root_is_known_to_this_machine() {
        let root = User::by_uid(0).expect("/etc/passwd can be read").expect("uid 0 is there");
        assert_eq!(User::by_name(&root.name).expect("readable").map(|u| u.uid), Some(0));
        assert_eq!(Group::by_gid(0).expect("readable").map(|g| g.gid), Some(0));
        assert_eq!(Group::by_name(b"no such group"), Ok(None));
    }
}
