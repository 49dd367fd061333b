//! The programs that are started: static, and as small as they can be.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What `programs/` holds, as it is called in the container's /bench.
const PROGRAMS: [&str; 8] = ["begin", "cmd", "daemon", "floor", "once", "ready", "repeat", "true"];

/// The size of the disk.
const DISK_BYTES: u64 = 256 << 20;

/// Everything that is needed for measuring.
pub(crate) struct Bench {
    /// `target`.
    pub target: PathBuf,
    /// Where the figures' own files are: `target/bench`.
    pub folder: PathBuf,
    /// A root folder with the release in it.
    pub root: PathBuf,
    /// The release's program.
    pub sixtree: PathBuf,
}

impl Bench {
    /// Compiles the programs, and lays out a root.
    pub(crate) fn prepare() -> Self {
        let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let target = crate_folder.join("target");
        let folder = target.join("bench");
        let _ = fs::remove_dir_all(&folder);
        let root = folder.join("root");
        for name in ["bench", "dev", "disk", "etc", "proc", "run", "tmp"] {
            fs::create_dir_all(root.join(name)).expect("target/ can be written to");
        }
        let release = target.join("dist/root");
        assert!(release.is_dir(), "there is no release: make dist");
        let copied = Command::new("cp").args(["-a", "-T"]).args([&release, &root]).status();
        assert!(copied.is_ok_and(|status| status.success()), "cp -a {}", release.display());
        for name in PROGRAMS {
            let source = crate_folder.join(format!("benches/measure/programs/{name}.c"));
            let mut compiler = Command::new("musl-gcc");
            compiler.args(["-static", "-O2", "-s", "-o"]).arg(root.join("bench").join(name));
            let status = compiler.arg(source).status().expect("musl-gcc: make deps");
            assert!(status.success(), "musl-gcc: {name}.c");
        }
        Self { sixtree: root.join("command/sixtree"), target, folder, root }
    }

    /// The image of a disk with ext4, made when it is first asked for.
    pub(crate) fn disk(&self) -> PathBuf {
        let image = self.folder.join("disk");
        if !image.exists() {
            let file = fs::File::create(&image).expect("target/ can be written to");
            file.set_len(DISK_BYTES).expect("target/ has room");
            let mut mkfs = Command::new("mkfs.ext4");
            // Nothing is left for the kernel to do meanwhile.
            mkfs.args(["-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0"]).arg(&image);
            assert!(mkfs.status().expect("mkfs.ext4: make deps").success(), "mkfs.ext4");
        }
        image
    }

    /// One of the programs, outside.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.root.join("bench").join(name)
    }
}
