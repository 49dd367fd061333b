//! Who this process is: its user and its groups.

use nix::errno::Errno;
use nix::unistd::{Gid, Uid, getegid, getresgid, getresuid, setgid, setgroups, setuid};

/// The identity to take on. What is `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The user: real, effective and saved.
    pub uid: Option<u32>,
    /// The primary group.
    pub gid: Option<u32>,
    /// The supplementary groups; the primary one becomes the first of them.
    pub groups: Option<Vec<u32>>,
}

/// The step that the kernel has refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The text for a message, after `unable to`.
    pub step: &'static str,
    /// Why.
    pub errno: Errno,
}

impl Identity {
    /// Becomes it: groups first, as nobody but root may change them, and the user last.
    pub fn assume(&self) -> Result<(), Refused> {
        let refused = |step| move |errno| Refused { step, errno };
        if let Some(groups) = &self.groups {
            let primary = self.gid.map_or_else(getegid, Gid::from_raw);
            let others = groups.iter().copied().map(Gid::from_raw).filter(|g| *g != primary);
            let all: Vec<Gid> = [primary].into_iter().chain(others).collect();
            match setgroups(&all) {
                // Differs: a process that has this identity already keeps the groups that the
                // container has given it, where the kernel does not allow it to change them.
                Err(Errno::EPERM) if self.is_held() => {}
                set => set.map_err(refused("set supplementary group list"))?,
            }
        }
        if let Some(gid) = self.gid {
            setgid(Gid::from_raw(gid)).map_err(refused("setgid"))?;
        }
        if let Some(uid) = self.uid {
            setuid(Uid::from_raw(uid)).map_err(refused("setuid"))?;
        }
        Ok(())
    }

    /// Whether this process is that user in that group, and may become no other: real, effective
    /// and saved numbers are the same. An identity without a user or a group is nobody's.
    fn is_held(&self) -> bool {
        let (Some(uid), Some(gid)) = (self.uid, self.gid) else { return false };
        let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
        getresuid().is_ok_and(|now| [now.real, now.effective, now.saved] == [uid; 3])
            && getresgid().is_ok_and(|now| [now.real, now.effective, now.saved] == [gid; 3])
    }
}
