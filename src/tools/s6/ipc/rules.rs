//! Who may connect: rules in a directory, or in a constant database made from one.
//! Reference: <https://skarnet.org/software/s6/s6-accessrules-cdb-from-fs.html>.

use crate::format::access::{Grant, MAX, Rule};
use crate::format::cdb::Cdb;
use crate::format::envdir::Reading;
use crate::sys::fd;
use crate::tools::die::errno;
use crate::tools::s6::envdir;
use crate::tools::{Options, Word};
use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::unistd::{AccessFlags, access, getegid, geteuid};
use std::ffi::OsStr;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;

/// A set of rules.
pub enum Rules {
    /// A directory with a directory for each rule.
    Directory(Word),
    /// A database.
    Database(Cdb),
}

/// Where rules are: the last of the options -i and -x.
pub fn place(options: &Options) -> Option<(char, &[u8])> {
    let letter = options.last_of("ix")?;
    options.value(letter).map(|place| (letter, place))
}

impl Rules {
    /// The rules in the directory (`i`) or in the file (`x`) of this name.
    pub fn open((letter, place): (char, &[u8])) -> Result<Self, Errno> {
        match letter {
            'i' => Ok(Self::Directory(place.to_vec())),
            _ => {
                let content = std::fs::read(OsStr::from_bytes(place)).map_err(|e| errno(&e))?;
                Cdb::new(content).map(Self::Database).map_err(|_| Errno::EINVAL)
            }
        }
    }

    /// The first rule that matches a user and a group.
    pub fn check(&self, user: u32, group: u32) -> Result<Option<Rule>, Errno> {
        let own_user = (user == geteuid().as_raw()).then(|| "uid/self".to_string());
        let own_group = (group == getegid().as_raw()).then(|| "gid/self".to_string());
        let keys = own_user
            .into_iter()
            .chain([format!("uid/{user}")])
            .chain(own_group)
            .chain([format!("gid/{group}"), "uid/default".to_string()]);
        self.first(keys)
    }

    /// The first rule that there is under one of these keys.
    pub fn first(&self, keys: impl IntoIterator<Item = String>) -> Result<Option<Rule>, Errno> {
        let mut found = keys.into_iter().map(|key| self.find(key.as_bytes()));
        found.find_map(Result::transpose).transpose()
    }

    fn find(&self, key: &[u8]) -> Result<Option<Rule>, Errno> {
        match self {
            Self::Directory(dir) => read(&[dir.as_slice(), b"/", key].concat(), AccessFlags::R_OK),
            Self::Database(cdb) => match cdb.find(key).map_err(|_| Errno::EINVAL)? {
                Some(record) => Rule::decode(record).ok_or(Errno::EINVAL),
                None => Ok(None),
            },
        }
    }
}

/// The rule in a directory, if there is one: a file `allow` or `deny`, which can be accessed so.
pub fn read(dir: &[u8], how: AccessFlags) -> Result<Option<Rule>, Errno> {
    let path = |name: &[u8]| [dir, b"/", name].concat();
    let is_there = |name: &[u8]| match access(path(name).as_slice(), how) {
        Ok(()) => Ok(true),
        Err(Errno::EACCES | Errno::ENOENT) => Ok(false),
        Err(e) => Err(e),
    };
    if is_there(b"allow")? {
        let (env, exec) = (variables(&path(b"env"))?, line(&path(b"exec"))?);
        return Ok(Some(Rule::Allow(Grant { env, exec })));
    }
    Ok(is_there(b"deny")?.then_some(Rule::Deny))
}

fn variables(dir: &[u8]) -> Result<Vec<envdir::Change>, Errno> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    match open(dir, flags, Mode::empty()) {
        Err(Errno::ENOENT) => Ok(Vec::new()),
        opened => envdir::read(Dir::from_fd(opened?)?, Reading::default()),
    }
}

fn line(file: &[u8]) -> Result<Word, Errno> {
    match open(file, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty()) {
        Err(Errno::ENOENT | Errno::EACCES) => Ok(Word::new()),
        opened => {
            let mut line = fd::read_to_end(opened?.as_raw_fd())?;
            line.truncate(MAX);
            Ok(line)
        }
    }
}
