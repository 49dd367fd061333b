//! The service definitions, as they are to boot, and the live tree made of them.

use super::{Refusal, warn};
use crate::definition::{Image, database};
use crate::format::settings::Settings;
use crate::graph::Graph;
use crate::runtime::LiveTree;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Reads the tree; tells what is wrong with it.
pub fn read(settings: &Settings) -> Result<Graph, Refusal> {
    let image = image(settings);
    if settings.verbosity >= 1 && image.has_bundles_among_services() {
        warn(
            "defining user bundles in /etc/s6-overlay/s6-rc.d is deprecated, please define them in \
             /etc/s6-overlay/user-bundles.d instead",
        );
    }
    let (graph, faults) = Graph::of(image.read());
    let Some(graph) = graph else { return Err(Refusal::Tree(faults)) };
    // The reference's compiler is told to say one thing less than all else.
    for fault in faults.iter().filter(|_| settings.verbosity >= 2) {
        warn(&fault.to_string());
    }
    Ok(graph)
}

fn image(settings: &Settings) -> Image {
    let path = |bytes: &Vec<u8>| PathBuf::from(OsStr::from_bytes(bytes));
    Image {
        root: settings.rootdir.as_ref().map_or_else(|| PathBuf::from("/"), path),
        profile: settings.runtime_profile.as_deref().map(|p| String::from_utf8_lossy(p).into()),
        bundles: settings.runtime_bundledir.as_ref().map(path),
    }
}

/// Makes the live tree, and the database by which s6-rc and s6-rc-db know it.
pub fn make_live(run_directory: &Path, graph: &Graph) -> Result<LiveTree, Refusal> {
    let live = LiveTree {
        root: run_directory.join("s6-rc"),
        scan_directory: run_directory.join("service"),
        database: run_directory.join("s6/db"),
    };
    live.make(graph)?;
    let failed = |e| Refusal::Unwritable(live.database.clone(), e);
    std::fs::create_dir_all(&live.database).map_err(failed)?;
    database::write(&live.database.join(database::FILE), graph.definitions())
        .map_err(|e| Refusal::Database(live.database.clone(), e))?;
    Ok(live)
}
