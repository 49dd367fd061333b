//! s6-rc-compile: checks source directories and makes a database of them.
//! Reference: s6-rc-compile's page.

use crate::definition::{Fault, Kind, Longrun, database, read};
use crate::format::decimal;
use crate::graph::Graph;
use crate::runtime::fill;
use crate::tools::die::{errno, show};
use crate::tools::{Exit, Next, Options, Process, Word, path};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

const LONG: &[(&str, char)] = &[("verbosity", 'v'), ("fdholder-user", 'h'), ("block", 'b')];

/// `s6-rc-compile [ -v verbosity ] [ -h fdholder_user ] [ -b ] destdir sources...`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    // -h and -b: there is neither an fd-holder nor a lock.
    let options = Options::parse_long(process, argv, "v:h:b", LONG)?;
    let verbosity = match options.value('v') {
        None => 1,
        Some(word) => decimal::parse::<u32>(word)
            .ok_or_else(|| process.fatal(100, "verbosity must be an unsigned integer"))?,
    };
    let mut words = options.rest().into_iter().map(|w| path(&w).to_owned());
    let destination = words.next().ok_or_else(|| process.usage())?;
    let sources: Vec<_> = words.collect();
    if sources.is_empty() {
        return Err(process.usage());
    }
    if verbosity >= 2 {
        for source in &sources {
            process.info(format_args!("adding sources from {}", source.display()));
        }
    }
    let (mut definitions, faults) = read(&sources);
    // As with s6's, a service is one service: what it says of instances is for /init.
    for definition in &mut definitions {
        if let Kind::Longrun(longrun) = &mut definition.kind {
            longrun.instances = None;
        }
    }
    let (graph, faults) = Graph::of((definitions, faults));
    report(process, &faults, verbosity);
    let graph = graph.ok_or_else(|| {
        Exit(faults.iter().find(|f| f.is_error()).map_or(1, |fault| fault.exit_code))
    })?;
    if verbosity >= 2 {
        process.info(format_args!("writing compiled information to {}", destination.display()));
    }
    write(process, &destination, &graph)?;
    Ok(Next::Exit(0))
}

/// Reports all faults, each with its remedy in a line of its own.
fn report(process: &Process, faults: &[Fault], verbosity: u32) {
    for fault in faults {
        let mut text = fault.what.clone();
        if let Some(service) = &fault.service {
            text = format!("service {service}: {text}");
        }
        text.push_str(&format!(", in {}", fault.file.display()));
        if fault.line > 0 {
            text.push_str(&format!(":{}", fault.line));
        }
        if fault.is_error() {
            process.line(format_args!("fatal: {text}"));
        } else if verbosity >= 1 {
            process.warn(&text);
        }
        if fault.is_error() || verbosity >= 2 {
            process.info(format_args!("{} [{}]", fault.remedy, fault.code));
        }
    }
}

fn write(process: &Process, destination: &Path, graph: &Graph) -> Result<(), Exit> {
    let shown = show(destination.as_os_str().as_bytes());
    fs::create_dir(destination)
        .map_err(|e| process.fatal_errno(format_args!("unable to mkdir {shown}"), errno(&e)))?;
    let definitions = database::write(&destination.join(database::FILE), graph.definitions());
    let written = definitions.map_err(|e| format!("{shown}/{}: {e}", database::FILE));
    written.and_then(|()| write_services(process, destination, graph)).map_err(|why| {
        let _ = fs::remove_dir_all(destination);
        process.fatal(111, format_args!("unable to write {why}"))
    })
}

/// Copies the service directories, so that the database needs its sources no more.
fn write_services(process: &Process, destination: &Path, graph: &Graph) -> Result<(), String> {
    let copies = destination.join("servicedirs");
    let failed = |path: &Path, e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
    fs::create_dir(&copies).map_err(|e| failed(&copies, &e))?;
    for definition in graph.definitions() {
        if let Kind::Longrun(longrun) = &definition.kind {
            let copy = copies.join(&definition.name);
            fs::create_dir(&copy).map_err(|e| failed(&copy, &e))?;
            // As outside a pipeline: what is special about one is made in the live directory.
            let plain = Longrun { handed_on: longrun.handed_on.clone(), ..Longrun::default() };
            fill(&definition.directory, &copy, &plain, &mut |text| process.warn(text))
                .map_err(|e| e.to_string())?;
        }
    }
    Ok(())
}
