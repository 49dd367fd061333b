//! Checks the files of a definition directory: their permissions, and the content of the small
//! ones.

use super::lint::Lint;
use super::{Findings, text_of};
use crate::definition::{Definition, Kind, names};
use crate::graph::Graph;
use nix::sys::signal::Signal;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Lists that may be a directory or a file.
const LISTS: [(&str, &str); 2] = [("contents.d", "contents"), ("dependencies.d", "dependencies")];

/// Words that the name of a secret has in it.
const SECRETS: [&str; 8] =
    ["PASSWORD", "PASSWD", "PASSPHRASE", "SECRET", "TOKEN", "APIKEY", "PRIVATEKEY", "CREDENTIAL"];

/// As many deaths as s6-supervise counts.
const LONGEST_TALLY: u32 = 4096;

/// Looks at the files of one definition directory.
pub(super) fn lint(definition: &Definition, found: &mut Findings) {
    let names = list(&definition.directory);
    found.faults.extend(names::misnamed(definition));
    for name in &names {
        permissions(definition, name, found);
    }
    for (directory, file) in LISTS {
        let both = [directory, file].iter().all(|list| names.iter().any(|name| name == list));
        if both {
            found.report_file(definition, file, &Lint::Shadowed(directory));
        }
    }
    if matches!(definition.kind, Kind::Longrun(_)) {
        names.iter().for_each(|name| content(definition, name, found));
    }
}

/// The names in a directory that are UTF-8, sorted, without those that begin with a dot.
fn list(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
    names.sort_unstable();
    names
}

/// Warns of other files that nothing reads.
pub(super) fn unknown(definition: &Definition, graph: &Graph, found: &mut Findings) {
    let texts: Vec<_> = list(&definition.directory)
        .into_iter()
        .filter_map(|name| Some((text_of(&definition.directory.join(&name))?, name)))
        .collect();
    let is_used = |name: &str| {
        let Some((own, _)) = texts.iter().find(|(_, known)| known == name) else { return true };
        let is_program = own.starts_with(b"#!") || own.starts_with(b"\x7fELF");
        let others = texts.iter().filter(|(_, other)| other != name);
        let is_named = |text: &[u8]| memchr::memmem::find(text, name.as_bytes()).is_some();
        is_program
            || graph.find(name).is_some()
            || others.into_iter().any(|(text, _)| is_named(text))
    };
    found.faults.extend(names::unknown(definition, is_used));
}

/// Warns of empty files that are called like another service: they were meant for a list.
pub(super) fn misplaced(definition: &Definition, graph: &Graph, found: &mut Findings) {
    let list = match definition.kind {
        Kind::Bundle(_) => "contents.d",
        Kind::Oneshot(_) | Kind::Longrun(_) => "dependencies.d",
    };
    for name in definition.unread.iter().filter(|name| graph.find(name).is_some()) {
        let metadata = std::fs::metadata(definition.directory.join(name));
        if metadata.is_ok_and(|metadata| metadata.is_file() && metadata.len() == 0) {
            found.report_file(definition, name, &Lint::NamedLikeService { list });
        }
    }
}

/// Who may write to a file.
fn permissions(definition: &Definition, name: &str, found: &mut Findings) {
    let file = definition.directory.join(name);
    // The permissions of a link mean nothing.
    let Ok(metadata) = std::fs::metadata(&file) else { return };
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o002 != 0 && names::is_known(name) {
        found.report_file(definition, name, &Lint::WorldWritable(mode));
    }
}

/// Looks into the small files of a longrun.
fn content(definition: &Definition, name: &str, found: &mut Findings) {
    match name {
        "down-signal" | "reload-signal" => signal(definition, name, found),
        "max-death-tally" => tally(definition, name, found),
        "env" => secrets(definition, found),
        _ => {}
    }
}

fn signal(definition: &Definition, file: &str, found: &mut Findings) {
    let path = definition.directory.join(file);
    let Some(line) = first_line(&path) else { return };
    let name = line.strip_prefix("SIG").unwrap_or(&line);
    if format!("SIG{name}").parse::<Signal>().is_err() && line.parse::<u8>().is_err() {
        found.report_at(definition, path, 1, &Lint::NoSuchSignal(line));
    }
}

fn tally(definition: &Definition, file: &str, found: &mut Findings) {
    let path = definition.directory.join(file);
    let tally = first_line(&path).and_then(|line| line.parse::<u32>().ok());
    if let Some(tally) = tally.filter(|&tally| tally > LONGEST_TALLY) {
        found.report_at(definition, path, 1, &Lint::TallyTooLong(tally));
    }
}

/// Files of env/ that hold a secret, by their names. A path to one is none.
fn secrets(definition: &Definition, found: &mut Findings) {
    for name in list(&definition.directory.join("env")) {
        let file = format!("env/{name}");
        let value = first_line(&definition.directory.join(&file)).unwrap_or_default();
        if is_secret_name(&name) && !value.is_empty() && !value.starts_with('/') {
            found.report_file(definition, &file, &Lint::Secret);
        }
    }
}

/// Whether a variable of this name holds a secret. The name of a file that holds one is no secret.
pub(in crate::cli) fn is_secret_name(name: &str) -> bool {
    let letters: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let letters = letters.to_ascii_uppercase();
    SECRETS.iter().any(|word| letters.contains(word)) && !letters.ends_with("FILE")
}

/// The first line of a file; `None`: it cannot be read.
fn first_line(file: &Path) -> Option<String> {
    let text = super::text_of(file)?;
    let line = text.split(|&b| b == b'\n').next().unwrap_or_default();
    Some(String::from_utf8_lossy(line).into_owned())
}
