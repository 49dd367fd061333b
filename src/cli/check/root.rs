//! An image's root, seen from outside: its links lead to where they lead inside it.

use crate::definition::similar;
use std::collections::VecDeque;
use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};
use walkdir::WalkDir;

/// Where programs are looked for, as in a container without a PATH of its own.
const PATH: [&str; 7] =
    ["/command", "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// No more files of an image than this are looked at, to see whether a program is among them.
const MOST: usize = 500_000;

/// What a whole image has, and what is copied into one has not: a few programs in `usr/bin` are no
/// image.
const WHOLE: [&str; 3] = ["/bin/sh", "/etc/os-release", "/usr/lib/os-release"];

/// What `base` goes through.
const PREPARE: [&str; 2] = ["/etc/cont-init.d", "/etc/fix-attrs.d"];

/// More links than this in one path go round in a circle.
const LINKS: usize = 40;

/// The root of an image, or of what a Dockerfile copies into one.
pub(super) struct Root {
    path: PathBuf,
    /// Whether programs can be looked for: it is all of an image.
    whole: bool,
    /// Where they are looked for.
    folders: Vec<PathBuf>,
    /// Whether even what is ours may be in another layer.
    is_layer: bool,
}

impl Root {
    /// The image at this path; without one, nothing is known of it. Other layers may have more.
    pub(super) fn new(path: Option<&Path>, is_layer: bool) -> Self {
        let path = path.unwrap_or(Path::new("")).to_owned();
        let mut root = Self { path, whole: false, folders: Vec::new(), is_layer };
        let is_whole = WHOLE.iter().any(|file| root.find(Path::new(file)).is_some());
        root.whole = is_whole && root.is_given() && !is_layer;
        if root.is_given() {
            root.folders = root.path_folders();
        }
        root
    }

    /// Whether it can be told that a file is not in the image.
    pub(super) fn knows(&self, path: &Path) -> bool {
        let is_ours = self.is_given() && path.starts_with("/etc/s6-overlay");
        self.whole || (is_ours && !self.is_layer)
    }

    /// Whether `base` has anything to do there, as far as can be seen.
    pub(super) fn prepares(&self) -> bool {
        let has_entries = |folder: &&str| {
            let folder = self.find(Path::new(folder)).and_then(|path| path.read_dir().ok());
            folder.is_some_and(|mut entries| entries.next().is_some())
        };
        !self.is_given() || PREPARE.iter().any(has_entries)
    }

    /// Whether all of an image is there, so that what is not there is known.
    pub(super) fn is_whole(&self) -> bool {
        self.whole
    }

    /// Where it is, seen from here.
    pub(super) fn path(&self) -> Option<&Path> {
        self.is_given().then_some(self.path.as_path())
    }

    /// Whether there is a root at all.
    fn is_given(&self) -> bool {
        !self.path.as_os_str().is_empty()
    }

    /// Where an absolute path of the image leads, seen from here.
    pub(super) fn find(&self, path: &Path) -> Option<PathBuf> {
        let mut inside = PathBuf::from("/");
        let mut links = 0;
        let mut rest: VecDeque<OsString> = parts(path);
        while let Some(part) = rest.pop_front() {
            if part == ".." {
                inside.pop();
                continue;
            }
            inside.push(&part);
            let outside = self.outside(&inside);
            let metadata = std::fs::symlink_metadata(&outside).ok()?;
            if metadata.is_symlink() {
                links += 1;
                let target = std::fs::read_link(&outside).ok().filter(|_| links <= LINKS)?;
                inside.pop();
                if target.is_absolute() {
                    inside = PathBuf::from("/");
                }
                parts(&target).into_iter().rev().for_each(|part| rest.push_front(part));
            }
        }
        Some(self.outside(&inside))
    }

    /// Where the program of this name is, seen from here: a path as it is, a name in the PATH.
    pub(super) fn find_program(&self, name: &str) -> Option<PathBuf> {
        if name.contains('/') {
            return self.find(Path::new(name));
        }
        self.folders.iter().find_map(|folder| self.find(&folder.join(name)))
    }

    /// The program that was meant, perhaps, by a name or path that nothing has.
    pub(super) fn similar_program(&self, name: &str) -> Option<String> {
        let names = |folder: &Path| {
            let entries = self.find(folder).and_then(|path| path.read_dir().ok());
            let entries = entries.into_iter().flatten().flatten();
            entries.filter_map(|entry| entry.file_name().into_string().ok()).collect::<Vec<_>>()
        };
        let path = Path::new(name);
        if let (Some(folder), Some(file), true) =
            (path.parent(), path.file_name(), name.contains('/'))
        {
            let beside = names(folder);
            let meant = similar(file.to_str()?, beside.iter().map(String::as_str))?;
            return Some(folder.join(meant).display().to_string());
        }
        let all: Vec<String> = self.folders.iter().flat_map(|folder| names(folder)).collect();
        similar(name, all.iter().map(String::as_str)).map(str::to_owned)
    }

    /// Whether an executable file of this name is anywhere: an image may add any folder to PATH.
    pub(super) fn has_somewhere(&self, name: &str) -> bool {
        let walk = WalkDir::new(&self.path).same_file_system(true);
        let entries = walk.into_iter().filter_map(Result::ok).take(MOST);
        let mut named = entries.filter(|entry| entry.file_name() == name);
        named.any(|entry| !entry.file_type().is_dir() && is_executable(entry.path()))
    }

    /// The folders in which programs are looked for: those of a plain container, and those that the
    /// variable PATH of this process has, where it is in the image.
    fn path_folders(&self) -> Vec<PathBuf> {
        let mut folders: Vec<PathBuf> = PATH.iter().map(PathBuf::from).collect();
        if self.path == Path::new("/") {
            let path = std::env::var_os("PATH").unwrap_or_default();
            folders.extend(std::env::split_paths(&path));
        }
        folders
    }

    fn outside(&self, inside: &Path) -> PathBuf {
        self.path.join(inside.strip_prefix("/").unwrap_or(inside))
    }
}

/// Whether somebody may execute a file.
pub(super) fn is_executable(file: &Path) -> bool {
    std::fs::metadata(file).is_ok_and(|metadata| metadata.permissions().mode() & 0o111 != 0)
}

fn parts(path: &Path) -> VecDeque<OsString> {
    let part = |component| match component {
        Component::Normal(part) => Some(part.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    };
    path.components().filter_map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_lead_to_where_they_lead_inside() {
        let scratch = tempfile::tempdir().unwrap();
        let top = scratch.path().join("top");
        std::fs::create_dir_all(top.join("usr/bin")).unwrap();
        std::fs::write(top.join("usr/bin/sh"), "").unwrap();
        symlink("/usr/bin", top.join("bin")).unwrap();
        symlink("../bin/sh", top.join("usr/bash")).unwrap();
        symlink("loop", top.join("loop")).unwrap();
        symlink("/../../usr/bin/sh", top.join("out")).unwrap();
        let root = Root::new(Some(&top), false);
        let sh = Some(top.join("usr/bin/sh"));
        for path in ["/bin/sh", "/usr/bash", "/out", "/usr/../bin/./sh", "/../bin/sh"] {
            assert_eq!(root.find(Path::new(path)), sh, "{path}");
        }
        assert_eq!(root.find_program("sh"), sh);
        assert_eq!(root.find(Path::new("/loop")), None);
        assert_eq!(root.find(Path::new("/bin/zsh")), None);
        assert!(root.knows(Path::new("/bin/zsh")));
        assert!(!Root::new(Some(&top), true).knows(Path::new("/etc/s6-overlay/x")));
    }

    #[test]
    fn of_no_root_nothing_is_known() {
        assert!(!Root::new(None, false).knows(Path::new("/etc/s6-overlay/x")));
    }
}
