//! The service definitions, as they are to boot, and the live tree made of them.

use super::{Refusal, warn};
use crate::definition::{Image, USER_BUNDLES, database, names};
use crate::format::settings::ContainerSettings;
use crate::graph::{Direction, Graph, ServiceId};
use crate::runtime::LiveTree;
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Reads the tree, and reports what is wrong with it.
pub(super) fn read(settings: &ContainerSettings) -> Result<Graph, Refusal> {
    let image = image(settings);
    if settings.verbosity >= 1 && image.has_bundles_among_services() {
        warn(
            "defining user bundles in /etc/s6-overlay/s6-rc.d is deprecated, please define them in \
             /etc/s6-overlay/user-bundles.d instead",
        );
    }
    if image.root == Path::new("/") && image.has_bundles_among_services() {
        complete_bundles(&image.services());
    }
    let (graph, faults) = Graph::of(image.read());
    let Some(graph) = graph else { return Err(Refusal::Tree(faults)) };
    // The reference runs its compiler at one verbosity level below its own.
    for fault in faults.iter().filter(|_| settings.verbosity >= 2) {
        warn(&fault.to_string());
    }
    if settings.verbosity >= 2 {
        warn_of_slips(&graph, settings.stage2_hook.is_some());
    }
    Ok(graph)
}

/// Makes what the bundles `user` and `user2` lack, as the reference does: scripts of an image may
/// compile its services themselves. Where that is not allowed, they are read as if it were there.
fn complete_bundles(services: &Path) {
    for bundle in USER_BUNDLES.map(|name| services.join(name)) {
        // With a read-only root both fail, which is no fault.
        let _ = fs::create_dir_all(bundle.join("contents.d"));
        if let Ok(mut kind) = fs::File::create_new(bundle.join("type")) {
            let _ = kind.write_all(b"bundle\n");
        }
    }
}

/// Warns of definitions that boot but are probably mistakes, because no failure will point at them.
/// Services in no bundle are left out if a hook ran: it may have removed them on purpose.
fn warn_of_slips(graph: &Graph, has_hook: bool) {
    for fault in graph.definitions().flat_map(names::misnamed) {
        // A oneshot's `run` may be what its author takes for `up`; other files do no harm.
        if fault.code == "W202" || fault.file.ends_with("run") {
            warn(&fault.to_string());
        }
    }
    if has_hook {
        return;
    }
    let members: Vec<_> = graph.bundles().iter().flat_map(|b| b.members.clone()).collect();
    let wanted = graph.closure(&members, Direction::Up);
    let others = graph.ids().filter(|id| wanted.binary_search(id).is_err());
    let others: Vec<_> = others.map(|id| graph.name(id)).collect();
    if !others.is_empty() {
        warn(&format!(
            "in no bundle, so that nothing starts them: {}; make an empty file of that name in \
             user/contents.d, unless they are for s6-rc -u change [W201]",
            others.join(", ")
        ));
    }
}

fn image(settings: &ContainerSettings) -> Image {
    let path = |bytes: &Vec<u8>| PathBuf::from(OsStr::from_bytes(bytes));
    Image {
        root: settings.rootdir.as_ref().map_or_else(|| PathBuf::from("/"), path),
        profile: settings.runtime_profile.as_deref().map(|p| String::from_utf8_lossy(p).into()),
        bundles: settings.runtime_bundledir.as_ref().map(path),
    }
}

/// Makes the live tree, and the database by which s6-rc and s6-rc-db know it.
pub(super) fn make_live(
    run_directory: &Path,
    graph: &Graph,
    at_boot: &[ServiceId],
) -> Result<LiveTree, Refusal> {
    let live = LiveTree {
        root: run_directory.join("s6-rc"),
        scan_directory: run_directory.join("service"),
        database: run_directory.join("s6/db"),
    };
    live.make(graph, at_boot, &mut |text| warn(text))?;
    fs::create_dir_all(&live.database).map_err(Refusal::unwritable(&live.database))?;
    database::write(&live.database.join(database::FILE), graph.definitions())
        .map_err(|e| Refusal::Database(live.database.clone(), e))?;
    Ok(live)
}
