//! Removal of whatever a path names. Reference: s6-rmrf's page.

use nix::errno::Errno;
use std::fs;
use std::path::Path;

/// Removes a file, a link (not what it points to), or a directory with all that is in it. What is
/// not there need not be removed. A link with a slash behind is no directory: ENOTDIR.
pub fn hierarchy(path: &Path) -> Result<(), Errno> {
    let removed = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => match fs::symlink_metadata(path.components().as_path()) {
            Ok(link) if link.is_symlink() => return Err(Errno::ENOTDIR),
            _ => fs::remove_dir_all(path),
        },
        Ok(_) => fs::remove_file(path),
        Err(e) => Err(e),
    };
    match removed {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(e.raw_os_error().map_or(Errno::EIO, Errno::from_raw)),
        Ok(()) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_goes_and_what_it_points_to_stays() {
        let root = std::env::temp_dir().join(format!("sixtree-remove-{}", std::process::id()));
        fs::create_dir_all(root.join("there/inside")).unwrap();
        std::os::unix::fs::symlink(root.join("there"), root.join("link")).unwrap();
        assert_eq!(hierarchy(&root.join("link/")), Err(Errno::ENOTDIR));
        assert_eq!(hierarchy(&root.join("link")), Ok(()));
        assert!(root.join("there/inside").exists());
        assert_eq!(hierarchy(&root), Ok(()));
        assert_eq!(hierarchy(&root), Ok(()));
        assert_eq!(hierarchy(&Path::new("/dev/null").join("x")), Err(Errno::ENOTDIR));
    }
}
