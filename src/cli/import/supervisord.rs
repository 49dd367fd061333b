//! supervisord.conf: its files, its groups, and what in it is no program.
//! Reference: <https://supervisord.org/configuration.html>.

use super::ImportedFile;
use super::expand::Expansions;
use super::ini::{Ini, Section};
use super::note::Notes;
use super::program::{self, SupervisordProgram};
use super::settings::SectionSettings;
use crate::cli::CommandFailure;
use crate::sys::glob::{self, Expansion};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Processes that go together.
#[derive(Debug)]
pub(super) struct SupervisordGroup {
    pub name: String,
    pub priority: i64,
    pub programs: Vec<SupervisordProgram>,
}

/// What holds for all of the programs.
#[derive(Debug, Default)]
pub(super) struct Common {
    pub user: Option<String>,
    pub environment: Vec<(String, String)>,
}

/// Sections that have no equivalent, by the first word of their names, and what to do instead.
const FOREIGN: &[(&str, &str)] = &[
    (
        "eventlistener",
        "run what it does as a service of its own; sixtree wait and s6-svlisten tell \
      of deaths and starts, and a finish script runs after each death",
    ),
    (
        "fcgi-program",
        "let the program listen by itself, or define a longrun that runs it under \
      s6-ipcserver-socketbinder",
    ),
    ("inet_http_server", "sixtree status, start and stop do it by docker exec"),
    ("ctlplugin", "remove it"),
];

/// What listens to the failure of programs, and only tells somebody.
const TELLERS: &[&str] = &["mail", "sms", "httpok", "memmon", "slack", "log"];

/// Sections that nobody misses: `sixtree` stands for supervisorctl.
const NEEDLESS: &[&str] = &["unix_http_server", "supervisorctl", "rpcinterface"];

/// Reads the file, and all that it includes.
pub(super) fn read(
    place: &ImportedFile,
    text: &str,
    notes: &mut Notes,
) -> Result<Ini, CommandFailure> {
    let mut ini = Ini::default();
    let here = place.here.display().to_string();
    ini.read(&text.replace("%(here)s", &here), &place.shown(), notes);
    let Some(include) = ini.find("include") else { return Ok(ini) };
    let settings = SectionSettings { ini: &ini, section: include, names: Expansions::default() };
    let (at, files) = (settings.at("files").clone(), settings.text("files", notes));
    let patterns = files.unwrap_or_default();
    if patterns.trim().is_empty() {
        notes.error(&at, "[include] names no files", "write files=PATTERN");
    }
    for pattern in patterns.split_whitespace() {
        let files = matching(place, pattern);
        if files.is_empty() {
            let remedy = "say with --here which directory of the image FILE is in";
            notes.differs(&at, format!("no file matches {pattern:?}"), remedy);
        }
        for file in files {
            let place = ImportedFile::of(&file, place)?;
            let here = place.here.display().to_string();
            let text = place.read()?.replace("%(here)s", &here);
            ini.read(&text, &place.shown(), notes);
        }
    }
    Ok(ini)
}

/// The files that a pattern means. The directory of FILE here is another one in the image.
fn matching(place: &ImportedFile, pattern: &str) -> Vec<PathBuf> {
    let path = Path::new(pattern);
    let below = path.strip_prefix(&place.here).unwrap_or(path);
    let pattern = place.directory().join(below);
    let how = Expansion { sorted: true, ..Expansion::default() };
    let found = glob::expand(pattern.as_os_str().as_bytes(), how).unwrap_or_default();
    let files = found.iter().map(|file| PathBuf::from(OsStr::from_bytes(file)));
    files.filter(|file| file.is_file()).collect()
}

/// What `[supervisord]` says for all programs.
pub(super) fn common(ini: &Ini, notes: &mut Notes) -> Common {
    let Some(section) = ini.find("supervisord") else { return Common::default() };
    let settings = SectionSettings { ini, section, names: Expansions::default() };
    let minfds = settings.number("minfds", 1024, notes);
    if minfds > 1024 {
        let what = format!("minfds={minfds} has no equivalent");
        notes.differs(settings.at("minfds"), what, "give the container --ulimit nofile=N");
    }
    Common {
        user: settings.text("user", notes),
        environment: program::environment(&settings, notes),
    }
}

/// Whether a section is a listener that hears when a program cannot be kept up. What images have
/// one for is to end supervisord then.
pub(super) fn stops_when_fatal(ini: &Ini, section: &Section) -> bool {
    let text = |key| ini.get(section, key).map_or("", |setting| setting.value.as_str());
    let hears = text("events").split(',').any(|event| event.trim() == "PROCESS_STATE_FATAL");
    let command = text("command").to_ascii_lowercase();
    let only_tells = TELLERS.iter().any(|word| command.contains(word));
    section.name.starts_with("eventlistener:") && hears && !only_tells
}

/// The groups: those that are written as such, and one for each other program.
pub(super) fn groups(ini: &Ini, common: &Common, notes: &mut Notes) -> Vec<SupervisordGroup> {
    let mut groups = Vec::new();
    let mut taken: Vec<String> = Vec::new();
    for section in &ini.sections {
        let Some((kind, name)) = section.name.split_once(':') else { continue };
        if kind == "group" {
            groups.push(group(ini, section, name.trim(), common, &mut taken, notes));
        }
    }
    for section in &ini.sections {
        let Some(name) = section.name.strip_prefix("program:") else { continue };
        if taken.contains(&section.name) {
            continue;
        }
        let mut settings = settings(ini, section, name.trim(), name.trim(), common);
        let priority = settings.number("priority", 999, notes);
        let programs = program::processes(&mut settings, notes);
        groups.push(SupervisordGroup { name: name.trim().to_owned(), priority, programs });
    }
    groups
}

/// A `[group:x]`.
fn group(
    ini: &Ini,
    section: &Section,
    name: &str,
    common: &Common,
    taken: &mut Vec<String>,
    notes: &mut Notes,
) -> SupervisordGroup {
    let own = SectionSettings { ini, section, names: Expansions::default() };
    let priority = own.number("priority", 999, notes);
    let members = own.text("programs", notes).unwrap_or_default();
    let mut programs = Vec::new();
    for member in members.split(',').map(str::trim).filter(|member| !member.is_empty()) {
        let wanted = format!("program:{member}");
        let Some(section) = ini.find(&wanted) else {
            if ini.find(&format!("fcgi-program:{member}")).is_none() {
                let what = format!("[group:{name}] names {member}, which is no program");
                notes.error(own.at("programs"), what, "define it, or remove the name");
            }
            continue;
        };
        taken.push(wanted);
        let mut settings = settings(ini, section, member, name, common);
        programs.extend(program::processes(&mut settings, notes));
    }
    SupervisordGroup { name: name.to_owned(), priority, programs }
}

/// The settings of a program, with the names that are known in it.
fn settings<'a>(
    ini: &'a Ini,
    section: &'a Section,
    program: &str,
    group: &str,
    common: &Common,
) -> SectionSettings<'a> {
    let mut names = Expansions::default();
    for (key, value) in &common.environment {
        names.text(&format!("ENV_{key}"), value);
    }
    names.text("program_name", program);
    names.text("group_name", group);
    SectionSettings { ini, section, names }
}

/// Tells of the sections that are neither programs nor groups.
pub(super) fn note_foreign(ini: &Ini, notes: &mut Notes) {
    for section in &ini.sections {
        let (kind, name) = section.name.split_once(':').unwrap_or((&section.name, ""));
        let is_default = kind == "rpcinterface" && name != "supervisor";
        let is_known = ["program", "group", "supervisord", "include"].contains(&kind);
        if is_known || NEEDLESS.contains(&kind) && !is_default {
            continue;
        }
        if stops_when_fatal(ini, section) {
            let what = format!("[{}] is on-give-up=stop in each service", section.name);
            let remedy = "the container stops when one of them cannot be kept up; if the listener \
                          does something else, remove these files, and run it as a service";
            notes.differs(&section.at, what, remedy);
            continue;
        }
        let remedy = FOREIGN.iter().find(|(known, _)| *known == kind);
        let remedy = remedy.map_or("remove it", |(_, remedy)| remedy);
        notes.differs(&section.at, format!("[{}] has no equivalent", section.name), remedy);
    }
}
