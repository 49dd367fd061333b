//! Trees of services, each in a folder that is to be an image's /etc/s6-overlay.

use crate::programs::Bench;
use std::fs;
use std::path::{Path, PathBuf};

/// Kinds of trees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Longruns whose `run` is a static program that does nothing.
    Longruns,
    /// The same, started by an execline script.
    Scripted,
    /// Longruns that tell their readiness, each of which needs the one before.
    ReadyChain,
    /// Oneshots that need nothing.
    Oneshots,
    /// Oneshots of which each needs the one before.
    OneshotChain,
    /// Oneshots whose `up` is a block.
    Blocks,
}

impl Kind {
    /// All of them.
    pub(crate) const ALL: [Self; 6] = [
        Self::Longruns,
        Self::Scripted,
        Self::ReadyChain,
        Self::Oneshots,
        Self::OneshotChain,
        Self::Blocks,
    ];

    /// Its name in the table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Longruns => "longruns",
            Self::Scripted => "longruns, run by execlineb",
            Self::ReadyChain => "longruns with readiness in a chain",
            Self::Oneshots => "oneshots",
            Self::OneshotChain => "oneshots in a chain",
            Self::Blocks => "oneshots with an execline block",
        }
    }

    /// What the floor does for it.
    pub(crate) fn floor(self) -> &'static str {
        match self {
            Self::Longruns | Self::Scripted => "longruns",
            Self::ReadyChain => "ready-chain",
            Self::Oneshots => "oneshots",
            Self::OneshotChain => "oneshot-chain",
            Self::Blocks => "blocks",
        }
    }

    /// How many stamps the services of one tree give.
    pub(crate) fn stamps(self, count: usize) -> usize {
        if self == Self::Blocks { 2 * count } else { count }
    }

    fn is_chain(self) -> bool {
        matches!(self, Self::ReadyChain | Self::OneshotChain)
    }

    fn write(self, bench: &Bench, service: &Path) {
        let write = |name: &str, text: &str| {
            fs::write(service.join(name), text).expect("target/ can be written to");
        };
        let link = |program: &str| {
            fs::hard_link(bench.program(program), service.join("run")).expect("the same disk");
        };
        match self {
            Self::Longruns => link("daemon"),
            Self::Scripted => write("run", "#!/command/execlineb -P\n/bench/daemon\n"),
            Self::ReadyChain => {
                link("ready");
                write("notification-fd", "3\n");
            }
            Self::Oneshots | Self::OneshotChain => write("up", "/bench/once\n"),
            Self::Blocks => write("up", "foreground { /bench/once } /bench/once\n"),
        }
        let oneshot = matches!(self, Self::Oneshots | Self::OneshotChain | Self::Blocks);
        write("type", if oneshot { "oneshot\n" } else { "longrun\n" });
    }
}

/// A tree of so many services of a kind, all in `user`, all needing `base`, as images have it.
pub(crate) fn make(bench: &Bench, kind: Kind, count: usize) -> PathBuf {
    let tree = bench.folder.join(format!("{kind:?}-{count}"));
    if !tree.exists() {
        let name = |at: usize| format!("service-{at:05}");
        for at in 0..count {
            let service = tree.join("s6-rc.d").join(name(at));
            let before = at.checked_sub(1).filter(|_| kind.is_chain()).map(name);
            touch(&service.join("dependencies.d").join(before.as_deref().unwrap_or("base")));
            kind.write(bench, &service);
            touch(&tree.join("user-bundles.d/user/contents.d").join(name(at)));
        }
        finish(&tree);
    }
    tree
}

/// Many longruns that need one oneshot, and a bundle of all.
pub(crate) fn make_farm(bench: &Bench, count: usize) -> PathBuf {
    let tree = make(bench, Kind::Longruns, count);
    let farm = tree.join("s6-rc.d/farm");
    touch(&farm.join("dependencies.d/base"));
    fs::write(farm.join("type"), "oneshot\n").expect("target/ can be written to");
    fs::write(farm.join("up"), "exit\n").expect("target/ can be written to");
    for at in 0..count {
        touch(&tree.join(format!("s6-rc.d/service-{at:05}/dependencies.d/farm")));
    }
    tree
}

/// The root's own tree has no service.
pub(crate) fn fill_defaults(bench: &Bench) {
    finish(&bench.folder.join("none"));
}

/// What every image has.
fn finish(tree: &Path) {
    fs::create_dir_all(tree.join("s6-rc.d")).expect("target/ can be written to");
    touch(&tree.join("s6-rc.d/.empty"));
    for name in ["user", "user2"] {
        let bundle = tree.join("user-bundles.d").join(name);
        touch(&bundle.join("contents.d/.empty"));
        fs::write(bundle.join("type"), "bundle\n").expect("target/ can be written to");
    }
}

fn touch(file: &Path) {
    let folder = file.parent().expect("a file in a folder");
    fs::create_dir_all(folder).expect("target/ can be written to");
    fs::write(file, "").expect("target/ can be written to");
}
