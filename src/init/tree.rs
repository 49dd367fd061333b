//! The service definitions, as they are to boot, and the live tree made of them.

use super::{Refusal, info, warn};
use crate::definition::{
    self, Definition, Image, Kind, Off, Presence, PresenceSwitches, USER_BUNDLES, database, names,
};
use crate::format::settings::ContainerSettings;
use crate::graph::{Direction, Graph, ServiceId};
use crate::runtime::{Absences, LiveTree};
use crate::sys::limits;
use crate::tools::Environment;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// How many names of what is off are told; there may be thousands.
const MOST_OFF: usize = 20;

/// Reads the tree, without what is off by the container's variables, and reports what is wrong with
/// it. `before` has the members of all bundles before the stage 2 hook, if there was one.
pub(super) fn read(
    settings: &ContainerSettings,
    env: &Environment,
    before: &BTreeSet<String>,
) -> Result<(Graph, Absences), Refusal> {
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
    let (mut definitions, mut faults) = image.read();
    let taken_out = taken_out(&definitions, before);
    let lookup = |name: &str| env.get(name.as_bytes()).map(<[u8]>::to_vec);
    let Presence { off, unknown } =
        definition::decide(&mut definitions, &PresenceSwitches::of(&lookup));
    faults.extend(definition::count_instances(&mut definitions, Some(&lookup), limits::cpus));
    let (graph, faults) = Graph::of((definitions, faults));
    let Some(graph) = graph else { return Err(Refusal::Tree(faults)) };
    // The reference runs its compiler at one verbosity level below its own.
    for fault in faults.iter().filter(|_| settings.verbosity >= 2) {
        warn(&fault.to_string());
    }
    unknown.iter().filter(|_| settings.verbosity >= 1).for_each(|fault| warn(&fault.to_string()));
    let absences = absences(&graph, off, &taken_out);
    if settings.verbosity >= 2 {
        report_off(&absences.off);
        warn_of_slips(&graph, &absences);
    }
    Ok((graph, absences))
}

/// The services that the stage 2 hook took out of every bundle, as what is off by it.
fn taken_out(definitions: &[Definition], before: &BTreeSet<String>) -> Vec<Off> {
    if before.is_empty() {
        return Vec::new();
    }
    let members = definitions.iter().flat_map(|definition| match &definition.kind {
        Kind::Bundle(contents) => contents.as_slice(),
        Kind::Oneshot(_) | Kind::Longrun(_) => &[],
    });
    let after: BTreeSet<&str> = members.map(|at| at.name.as_str()).collect();
    let is_out = |name: &String| before.contains(name) && !after.contains(name.as_str());
    let out = definitions.iter().filter(|definition| is_out(&definition.name));
    out.map(|definition| Off::new(definition, "taken out by the stage 2 hook")).collect()
}

/// What the boot leaves out, and why.
fn absences(graph: &Graph, off: Vec<Off>, taken_out: &[Off]) -> Absences {
    if off.is_empty() && taken_out.is_empty() {
        return Absences::default();
    }
    let top = graph.find("top").unwrap_or_default();
    let started = graph.closure(&top, Direction::Up);
    let mut left_out = BTreeMap::new();
    for out in taken_out {
        let ids = graph.find(&out.name).unwrap_or_default().into_iter();
        let others = ids.filter(|id| started.binary_search(id).is_err());
        left_out.extend(others.map(|id| (graph.name(id).to_owned(), out.why.clone())));
    }
    for (id, why) in graph.left_out(off.iter().chain(taken_out), &started) {
        left_out.entry(graph.name(id).to_owned()).or_insert(why);
    }
    Absences { off, left_out }
}

/// Says in one line what is off, and why.
fn report_off(off: &[Off]) {
    if off.is_empty() {
        return;
    }
    let (told, others) = off.split_at(off.len().min(MOST_OFF));
    let told: Vec<_> = told.iter().map(|off| format!("{}: {}", off.name, off.why)).collect();
    let more = match others.len() {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    info(&format!("off: {}{more}", told.join("; ")));
}

/// Makes what the bundles `user` and `user2` lack, as the reference does: scripts of an image may
/// compile its services themselves. Where that is not allowed, they are read as if it were there.
fn complete_bundles(services: &Path) {
    for bundle in USER_BUNDLES.map(|name| services.join(name)) {
        // With a read-only root both fail, which is no fault.
        let _ = fs::create_dir_all(bundle.join("contents.d"));
        if let Ok(mut kind) = fs::File::create_new(bundle.join("type")) {
            // An empty `type` is reported when the tree is read.
            let _ = kind.write_all(b"bundle\n");
        }
    }
}

/// Warns of definitions that boot but are probably mistakes, because no failure will point at them.
/// What was left out on purpose is none.
fn warn_of_slips(graph: &Graph, absences: &Absences) {
    for fault in graph.definitions().flat_map(names::misnamed) {
        // A oneshot's `run` may be what its author takes for `up`; other files do no harm.
        if fault.code == "W202" || fault.file.ends_with("run") {
            warn(&fault.to_string());
        }
    }
    let members: Vec<_> = graph.bundles().iter().flat_map(|b| b.members.clone()).collect();
    let wanted = graph.closure(&members, Direction::Up);
    let others = graph.ids().filter(|id| wanted.binary_search(id).is_err());
    let others = others.map(|id| graph.name(id));
    let others: Vec<_> = others.filter(|name| !absences.left_out.contains_key(*name)).collect();
    if !others.is_empty() {
        warn(&format!(
            "in no bundle, so that nothing starts them: {}; make an empty file of that name in \
             user/contents.d, unless they are for s6-rc -u change [W201]",
            others.join(", ")
        ));
    }
}

/// Where the definitions are.
pub(super) fn image(settings: &ContainerSettings) -> Image {
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
