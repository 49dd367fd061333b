//! Other inits, which `make bench` starts beside ours where the environment says where they are:
//! `DINIT=path` of the program, `S6_OVERLAY=folder` of a root with s6-overlay's tarballs in it.

use crate::container::{RunOn, Start};
use crate::programs::Bench;
use crate::table::Target;
use crate::tree::{self, Kind};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What describes a service to dinit.
const DINIT_SERVICE: &str = "type = process\ncommand = /bench/daemon\noptions = shares-console\n";

/// One of them.
pub(crate) enum Peer {
    /// dinit, in a root with the bench's programs and this machine's libraries.
    Dinit { root: PathBuf },
    /// s6-overlay, in its own root.
    Overlay { root: PathBuf },
}

impl Peer {
    /// Those that the environment names.
    pub(crate) fn of_environment(bench: &Bench) -> Vec<Self> {
        let mut all = Vec::new();
        if let Some(program) = std::env::var("DINIT").ok().filter(|path| !path.is_empty()) {
            let root = root_with_programs(bench, "dinit-root");
            fs::copy(&program, root.join("bench/dinit")).expect("DINIT is a program");
            all.push(Self::Dinit { root });
        }
        if let Some(folder) = std::env::var_os("S6_OVERLAY").filter(|path| !path.is_empty()) {
            let root = root_with_programs(bench, "s6-overlay-root");
            let copied = Command::new("cp").arg("-aT").arg(&folder).arg(&root).status();
            assert!(copied.is_ok_and(|status| status.success()), "S6_OVERLAY is a root");
            all.push(Self::Overlay { root });
        }
        all
    }

    /// Its name in the table.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Dinit { .. } => "dinit",
            Self::Overlay { .. } => "s6-overlay",
        }
    }

    /// So many services, as it has them.
    pub(crate) fn services(&self, bench: &Bench, count: usize) -> PathBuf {
        match self {
            Self::Dinit { .. } => dinit_services(bench, count),
            Self::Overlay { .. } => tree::make(bench, Kind::Scripted, count),
        }
    }

    /// How it is started over its services.
    pub(crate) fn start<'a>(&'a self, services: &'a Path, run: RunOn) -> Start<'a> {
        let (root, host) = match self {
            Self::Dinit { root } => (root, "/usr /lib /lib64"),
            Self::Overlay { root } => (root, ""),
        };
        Start { root, tree: services, run, host, traced: false }
    }

    /// The words of its PID 1.
    pub(crate) fn argv(&self) -> &[&str] {
        match self {
            Self::Dinit { .. } => {
                &["/bench/dinit", "--container", "--quiet", "-d", "/etc/s6-overlay"]
            }
            Self::Overlay { .. } => &["/init", "/bench/cmd"],
        }
    }

    /// How many stamps there are beside those of the services.
    pub(crate) fn extra(&self) -> usize {
        match self {
            Self::Dinit { .. } => 1,
            Self::Overlay { .. } => 2,
        }
    }

    /// What boot and stop are to be, measured by its own.
    pub(crate) fn targets(&self, run: RunOn) -> (Target, Target) {
        match (self, run) {
            (Self::Dinit { .. }, RunOn::Memory) => (Target::AtMost(1.1), Target::AtMost(2.0)),
            (Self::Dinit { .. }, RunOn::Ext4 | RunOn::Overlay) => (Target::None, Target::None),
            (Self::Overlay { .. }, RunOn::Memory) => (Target::None, Target::None),
            (Self::Overlay { .. }, RunOn::Ext4 | RunOn::Overlay) => {
                (Target::AtMost(0.25), Target::None)
            }
        }
    }
}

/// A root with the programs that are measured, and no more.
fn root_with_programs(bench: &Bench, name: &str) -> PathBuf {
    let root = bench.folder.join(name);
    for folder in ["dev", "disk", "etc/s6-overlay", "proc", "run", "tmp"] {
        fs::create_dir_all(root.join(folder)).expect("target/ can be written to");
    }
    let mut copy = Command::new("cp");
    copy.arg("-a").arg(bench.root.join("bench")).arg(&root);
    assert!(copy.status().is_ok_and(|status| status.success()), "cp -a");
    root
}

/// A folder of service descriptions: `boot` waits for all of them.
fn dinit_services(bench: &Bench, count: usize) -> PathBuf {
    let folder = bench.folder.join(format!("dinit-{count}"));
    fs::create_dir_all(&folder).expect("target/ can be written to");
    let names: Vec<String> = (0..count).map(|at| format!("service-{at:05}")).collect();
    for name in &names {
        fs::write(folder.join(name), DINIT_SERVICE).expect("a file");
    }
    let waits: String = names.iter().map(|name| format!("waits-for = {name}\n")).collect();
    fs::write(folder.join("boot"), format!("type = internal\n{waits}")).expect("a file");
    folder
}
