//! What an ordinary user's `/init` may not do in an image (`--user`, as `docker run --user`).

use super::root::Root;
use super::{Findings, builtin};
use crate::cli::arguments::{Argument, ValueKind};
use crate::definition::{Definition, Fault, FaultPlace, Problem};
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use walkdir::WalkDir;

/// The bits of a mode, for one of owner, group and others.
const READ: u32 = 0o4;
const WRITE_AND_SEARCH: u32 = 0o3;

/// The user that a container runs as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageUser {
    uid: u32,
    gid: u32,
}

/// `--user UID[:GID]`
pub(super) const ARGUMENT: Argument = Argument::option(
    "user",
    "UID[:GID]",
    "Tell what is in this user's way, too [default group: 0, as with docker run]",
)
.kind(ValueKind::Checked(|text| ImageUser::parse(text).map(drop)));

/// What is in the user's way.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Obstacle {
    /// Where the live tree belongs.
    #[error(
        "uid {} may not write to it (mode {mode:04o}, owner {owner}): /init takes /tmp/sixtree-{0} \
         instead, where scripts that name files below /run do not find them",
        user.uid
    )]
    RunNotWritable {
        /// Who may not.
        user: ImageUser,
        /// Its mode.
        mode: u32,
        /// Its owner.
        owner: u32,
    },
    /// A file of a definition.
    #[error("uid {} may not read it (mode {mode:04o}, owner {owner})", user.uid)]
    NotReadable {
        /// Who may not.
        user: ImageUser,
        /// Its mode.
        mode: u32,
        /// Its owner.
        owner: u32,
    },
}

impl Problem for Obstacle {
    fn code(&self) -> &'static str {
        match self {
            Self::RunNotWritable { .. } => "W230",
            Self::NotReadable { .. } => "E230",
        }
    }

    fn remedy(&self) -> String {
        match self {
            Self::RunNotWritable { user: ImageUser { uid, gid }, .. } => format!(
                "RUN chmod 1777 /run, or start the container with --tmpfs /run:uid={uid},gid={gid}"
            ),
            Self::NotReadable { .. } => "chmod a+r it".to_owned(),
        }
    }
}

impl ImageUser {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (uid, gid) = text.split_once(':').unwrap_or((text, "0"));
        let number = |word: &str| word.parse().map_err(|_| format!("{word:?} is no number"));
        Ok(Self { uid: number(uid)?, gid: number(gid)? })
    }

    /// Whether the user has these rights to a file.
    fn may(self, wanted: u32, file: &Metadata) -> bool {
        let shift = match file {
            _ if self.uid == 0 => return true,
            file if file.uid() == self.uid => 6,
            file if file.gid() == self.gid => 3,
            _ => 0,
        };
        file.mode() >> shift & wanted == wanted
    }

    /// Looks for what is in this user's way.
    pub(super) fn lint(self, definitions: &[Definition], root: &Root, found: &mut Findings) {
        if let Some(run) = root.find(Path::new("/run")) {
            self.lint_run(&run, found);
        }
        for definition in definitions.iter().filter(|d| !builtin::is_builtin(d)) {
            let files = WalkDir::new(&definition.directory).into_iter().filter_map(Result::ok);
            for file in files.filter(|entry| entry.file_type().is_file()) {
                let Ok(metadata) = file.metadata() else { continue };
                if !self.may(READ, &metadata) {
                    let (mode, owner) = (metadata.mode() & 0o7777, metadata.uid());
                    let obstacle = Obstacle::NotReadable { user: self, mode, owner };
                    found.report_at(definition, file.into_path(), 0, &obstacle);
                }
            }
        }
    }

    fn lint_run(self, run: &Path, found: &mut Findings) {
        let Ok(metadata) = run.metadata() else { return };
        if !self.may(WRITE_AND_SEARCH, &metadata) {
            let (mode, owner) = (metadata.mode() & 0o7777, metadata.uid());
            let obstacle = Obstacle::RunNotWritable { user: self, mode, owner };
            let place = FaultPlace { service: None, file: run.to_owned(), line: 0 };
            found.faults.push(Fault::new(place, &obstacle));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{CheckRequest, check};
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn what_is_in_a_users_way_is_told_to_that_user() {
        let scratch = tempfile::tempdir().unwrap();
        let top = scratch.path().join("top");
        let service = top.join("etc/s6-overlay/s6-rc.d/web");
        fs::create_dir_all(&service).unwrap();
        fs::create_dir_all(top.join("run")).unwrap();
        fs::write(service.join("type"), "longrun\n").unwrap();
        fs::write(service.join("run"), "#!/command/execlineb -P\ns6-pause\n").unwrap();
        let set = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        };
        let owner = fs::metadata(&top).unwrap().uid();
        let codes = |user: Option<&str>| {
            let user = user.map(|user| ImageUser::parse(user).unwrap());
            let request = CheckRequest { root: Some(top.clone()), user, ..CheckRequest::default() };
            let faults = check(&request).unwrap().1.into_iter();
            faults.map(|fault| fault.code).filter(|code| code.ends_with("230")).collect::<Vec<_>>()
        };
        set(&top.join("run"), 0o755);
        set(&service.join("run"), 0o700);
        assert_eq!(codes(None), [""; 0]);
        assert_eq!(codes(Some("4321")), ["E230", "W230"]);
        assert_eq!(codes(Some(&owner.to_string())), [""; 0]);
        set(&top.join("run"), 0o1777);
        set(&service.join("run"), 0o755);
        assert_eq!(codes(Some("4321:4321")), [""; 0]);
        assert!(ImageUser::parse("app").is_err());
    }
}
