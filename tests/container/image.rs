//! The image that a test boots: the release over a small base, and above both the files of the
//! test.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, LazyLock, OnceLock};
use tempfile::TempDir;

/// The numbers in them are those that the cases name.
const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\n\
    www-data:x:33:33:www-data:/var/www:/bin/false\n\
    app:x:1000:1000:app:/home/app:/bin/sh\n\
    nobody:x:65534:65534:nobody:/:/bin/false\n";
const GROUP: &str = "root:x:0:\nwww-data:x:33:\nextra:x:2000:app\napp:x:1000:\nnogroup:x:65534:\n";

/// Appends its words to the file that `boot::Container::trace` reads.
const TRACE: &str = "#!/bin/sh\necho \"$*\" >> /trace\n";

/// A root to boot: folders that lie over each other, the lowest first.
#[derive(Clone)]
pub(crate) struct Image {
    lowest: Vec<PathBuf>,
    /// Those of them that go away with the image.
    scratches: Vec<Scratch>,
    files: Scratch,
}

impl Image {
    /// The release over BusyBox with all its applets, and the program `trace`.
    pub(crate) fn busybox() -> Self {
        static BASE: LazyLock<PathBuf> = LazyLock::new(|| {
            // Another one where other files would be in it.
            let mut hasher = DefaultHasher::new();
            (PASSWD, GROUP, TRACE).hash(&mut hasher);
            let base = place().join(format!("busybox-{:016x}", hasher.finish()));
            if !base.exists() {
                let new = Scratch::new("busybox");
                busybox(new.path());
                // Whoever makes it at the same time makes the same.
                let _ = fs::rename(new.path(), &base);
            }
            base
        });
        Self { lowest: vec![BASE.clone()], ..Self::scratch() }
    }

    /// The release over nothing: no shell, no passwd.
    pub(crate) fn scratch() -> Self {
        Self { lowest: Vec::new(), scratches: Vec::new(), files: Scratch::new("files") }
    }

    /// Puts a folder of the repository below the release.
    pub(crate) fn on(mut self, folder: &str) -> Self {
        self.lowest.push(fs::canonicalize(folder).expect("a folder of the repository"));
        self
    }

    /// Puts a folder of a test's own there, which need not be kept by anybody else.
    pub(crate) fn on_scratch(mut self, folder: Scratch) -> Self {
        self.lowest.push(folder.path().to_path_buf());
        self.scratches.push(folder);
        self
    }

    /// Adds a file. A text that begins with `#!` is executable.
    pub(crate) fn file(self, path: &str, text: &str) -> Self {
        let mode = if text.starts_with("#!") { 0o755 } else { 0o644 };
        self.file_of_mode(path, text, mode)
    }

    /// Adds a file with the permissions that it says.
    pub(crate) fn file_of_mode(self, path: &str, text: &str, mode: u32) -> Self {
        write(&self.files.path().join(path.trim_start_matches('/')), text, mode);
        self
    }

    /// Adds a program of this machine.
    pub(crate) fn copy(self, program: impl AsRef<Path>, path: &str) -> Self {
        self.copy_of_mode(program, path, 0o755)
    }

    /// Adds a program of this machine with the permissions that it says.
    pub(crate) fn copy_of_mode(self, program: impl AsRef<Path>, path: &str, mode: u32) -> Self {
        let program = program.as_ref();
        let bytes = fs::read(program).unwrap_or_else(|e| panic!("{program:?} (make deps): {e}"));
        let file = self.files.path().join(path);
        fs::create_dir_all(file.parent().expect("a file in a folder")).expect("its folder");
        fs::write(&file, bytes).expect("a file of the image");
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("its permissions");
        self
    }

    /// The arguments by which `sixtree run` gets it, which stand before those of the CMD.
    pub(crate) fn arguments(&self) -> Vec<OsString> {
        let layers = self.layers();
        let above =
            layers.iter().skip(1).flat_map(|layer| ["--overlay".as_ref(), layer.as_os_str()]);
        above.chain(layers.first().map(|lowest| lowest.as_os_str())).map(OsStr::to_owned).collect()
    }

    /// Its folders, the lowest first.
    pub(crate) fn layers(&self) -> Vec<PathBuf> {
        let above = [release(), self.files.path().to_path_buf()];
        self.lowest.iter().cloned().chain(above).collect()
    }
}

/// Builds sixtree-suexec, which is no part of the release's root.
pub(crate) fn suexec() -> PathBuf {
    let host = Command::new("rustc").arg("-vV").output().expect("rustc starts").stdout;
    let host = String::from_utf8_lossy(&host).into_owned();
    let host = host.lines().find_map(|line| line.strip_prefix("host: ")).expect("a host");
    let built = Command::new("cargo")
        .args(["build", "--quiet", "--package", "sixtree-suexec", "--target", host])
        .env("RUSTFLAGS", "-C target-feature=+crt-static")
        .status();
    assert!(built.is_ok_and(|status| status.success()), "cargo build failed");
    PathBuf::from("target").join(host).join("debug/sixtree-suexec")
}

/// A folder that is removed with its last owner.
#[derive(Clone)]
pub(crate) struct Scratch(Arc<TempDir>);

impl Scratch {
    /// Makes an empty folder.
    pub(crate) fn new(what: &str) -> Self {
        let folder = tempfile::Builder::new().prefix(what).tempdir_in(place());
        let folder = folder.expect("a folder for tests can be made");
        // Images hold what any user may read.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("our own");
        Self(Arc::new(folder))
    }

    /// Its path.
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

/// A folder that may be the top of an overlay, which one in an overlay may not.
fn place() -> PathBuf {
    let usual = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let kind = nix::sys::statfs::statfs(&usual).map(|s| s.filesystem_type());
    let overlay = kind == Ok(nix::sys::statfs::OVERLAYFS_SUPER_MAGIC);
    if overlay { "/dev/shm".into() } else { usual }
}

/// The release, laid out as its tarball extracts at /.
fn release() -> PathBuf {
    static RELEASE: OnceLock<PathBuf> = OnceLock::new();
    let found = RELEASE.get_or_init(|| match std::env::var_os("SIXTREE_ROOT") {
        Some(root) => root.into(),
        None => {
            let made = Command::new("scripts/dev-root").status();
            assert!(made.is_ok_and(|s| s.success()), "scripts/dev-root failed");
            "target/dev/root".into()
        }
    });
    found.canonicalize().expect("SIXTREE_ROOT is a folder")
}

fn write(path: &Path, text: &str, mode: u32) {
    fs::create_dir_all(path.parent().expect("a file in a folder")).expect("its folder");
    fs::write(path, text).expect("a file of the image");
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("its permissions");
}

fn busybox(base: &Path) {
    let list = Command::new("busybox").arg("--list").output();
    let list = list.expect("busybox is on PATH: install busybox-static").stdout;
    for folder in ["bin", "usr/bin", "etc", "root", "run", "var/log"] {
        fs::create_dir_all(base.join(folder)).expect("a folder of the base");
    }
    let program = ["/bin/busybox", "/usr/bin/busybox"].into_iter().find(|p| Path::new(p).exists());
    fs::copy(program.expect("busybox is in /bin"), base.join("bin/busybox")).expect("busybox");
    for applet in String::from_utf8_lossy(&list).lines().filter(|a| !a.contains("init")) {
        let _ = symlink("busybox", base.join("bin").join(applet));
    }
    fs::create_dir(base.join("tmp")).expect("/tmp");
    fs::set_permissions(base.join("tmp"), fs::Permissions::from_mode(0o1777)).expect("/tmp");
    write(&base.join("etc/passwd"), PASSWD, 0o644);
    write(&base.join("etc/group"), GROUP, 0o644);
    write(&base.join("bin/trace"), TRACE, 0o755);
}
