//! s6-rc-init and s6-rc-oneshot-run. PID 1 keeps the live state from the start, so there is nothing
//! to initialise. Reference: their pages.

use super::live;
use crate::definition::Kind;
use crate::format::decimal;
use crate::format::request::CONTROL;
use crate::graph::ServiceId;
use crate::sys::socket;
use crate::tools::die::{reason, show};
use crate::tools::{Exit, Next, Options, Process, Word, path};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

const LONG: &[(&str, char)] = &[
    ("bootdb", 'c'),
    ("livedir", 'l'),
    ("prefix", 'p'),
    ("timeout", 't'),
    ("no-dereference", 'D'),
    ("dereference", 'd'),
    ("no-block", 'B'),
    ("block", 'b'),
];

/// `s6-rc-init [ -c bootdb ] [ -l live ] [ -p prefix ] [ -t timeout ] [ -b ] [ -d ] scandir`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse_long(process, argv, "c:l:p:t:db", LONG)?;
    options.value('t').map(|ms| process.number::<u32>(ms)).transpose()?;
    let live = live::directory(process, &options);
    let scandir = options.rest().into_iter().next().ok_or_else(|| process.usage())?;
    for (what, path) in [("livedir", live.as_os_str().as_bytes()), ("scandir", &scandir)] {
        if !path.starts_with(b"/") {
            return Err(process.fatal(100, format_args!("{what} must be an absolute path")));
        }
    }
    let name = Path::new(CONTROL).file_name().unwrap_or_default();
    if let Err(e) = socket::connect(&live.join(name)) {
        // Differs: no process but PID 1 can keep a live directory.
        let text = format!("no PID 1 keeps {}: {}", live.display(), reason(e));
        return Err(process.fatal(100, &text));
    }
    let same = |a: &Path, b: &Path| fs::canonicalize(a).ok() == fs::canonicalize(b).ok();
    let running = format!("s6-rc already running on {}", live.display());
    if same(&live.join("scandir"), path(&scandir)) {
        process.info(&running);
        return Ok(Next::Exit(0));
    }
    Err(process.fatal(102, format_args!("{running}, with another scandir")))
}

/// `s6-rc-oneshot-run [ -l live ] [ -b ] up | down | reload servicenumber`: becomes the script.
pub(super) fn oneshot_run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse_long(process, argv, "l:b", LONG)?;
    let live = live::directory(process, &options);
    let words = options.rest();
    let [way, place, ..] = words.as_slice() else { return Err(process.usage()) };
    let place = decimal::parse(place);
    let id = ServiceId(place.ok_or_else(|| process.usage())?);
    let graph = live::open(&live.join("compiled"));
    let graph = graph.map_err(|e| process.fatal(e.code, &e.text))?;
    let definition = graph.definition(id);
    let Some((Kind::Oneshot(oneshot), name)) = definition.map(|d| (&d.kind, &d.name)) else {
        return Err(process.fatal(3, format_args!("there is no oneshot number {}", id.0)));
    };
    let script = match way.as_slice() {
        b"up" => &oneshot.up,
        b"down" => &oneshot.down,
        b"reload" => &oneshot.reload,
        other => return Err(process.fatal(100, format_args!("unknown command: {}", show(other)))),
    };
    process.env.set(b"RC_NAME", name.as_bytes());
    Ok(script.clone().into())
}
