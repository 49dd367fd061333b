//! The names of the files in a definition directory. Nothing reads a file with an unknown name, so
//! a misspelt one would otherwise have no effect without any message. Reference: s6-rc-compile's
//! page.

use super::{Definition, Fault, FaultPlace, Kind, Problem, similar};

/// Files that a definition may have, and the types that have them.
const FILES: &[(&str, &[&str])] = &[
    ("after.d", &["longrun", "oneshot"]),
    ("consumer-for", &["longrun"]),
    ("contents", &["bundle"]),
    ("contents.d", &["bundle"]),
    ("data", &["longrun"]),
    ("dependencies", &["longrun", "oneshot"]),
    ("dependencies.d", &["longrun", "oneshot"]),
    ("down", &["oneshot"]),
    ("down-signal", &["longrun"]),
    ("env", &["longrun"]),
    ("finish", &["longrun"]),
    ("flag-down-killpg", &["longrun"]),
    ("flag-essential", &["bundle", "longrun", "oneshot"]),
    ("flag-newpidns", &["longrun"]),
    ("flag-recommended", &["bundle", "longrun", "oneshot"]),
    ("flag-timeout-killpg", &["longrun"]),
    ("health", &["longrun"]),
    ("health-every", &["longrun"]),
    ("health-failures", &["longrun"]),
    ("health-start", &["longrun"]),
    ("health-timeout", &["longrun"]),
    ("if-env", &["bundle", "longrun", "oneshot"]),
    ("instances", &["longrun"]),
    ("lock-fd", &["longrun"]),
    ("log", &["longrun", "oneshot"]),
    ("max-death-tally", &["longrun"]),
    ("memory-limit", &["longrun"]),
    ("notification-fd", &["longrun"]),
    ("notify", &["longrun"]),
    ("on-failure", &["longrun"]),
    ("on-give-up", &["longrun"]),
    ("on-memory", &["longrun"]),
    ("on-success", &["longrun"]),
    ("on-unhealthy", &["longrun"]),
    ("pipeline-name", &["longrun"]),
    ("producer-for", &["longrun"]),
    ("ready-every", &["longrun"]),
    ("ready-exec", &["longrun"]),
    ("ready-http", &["longrun"]),
    ("ready-tcp", &["longrun"]),
    ("ready-unix", &["longrun"]),
    ("reload", &["oneshot"]),
    ("reload-signal", &["longrun"]),
    ("restart-delay", &["longrun"]),
    ("restart-limit", &["longrun"]),
    ("run", &["longrun"]),
    ("stop", &["longrun"]),
    ("success-codes", &["longrun"]),
    ("template", &["longrun"]),
    ("timeout-down", &["longrun", "oneshot"]),
    ("timeout-finish", &["longrun"]),
    ("timeout-kill", &["longrun"]),
    ("timeout-stop", &["longrun"]),
    ("timeout-up", &["longrun", "oneshot"]),
    ("type", &["bundle", "longrun", "oneshot"]),
    ("up", &["oneshot"]),
    ("watchdog", &["longrun"]),
];

/// What settings are called elsewhere, and here.
const ELSEWHERE: &[(&str, &str)] = &[
    ("backoff", "restart-delay"),
    ("depends", "dependencies.d"),
    ("depends-on", "dependencies.d"),
    ("healthcheck", "health"),
    ("max-restarts", "restart-limit"),
    ("on-exit", "on-failure or on-success"),
    ("restart", "on-failure"),
    ("restart-policy", "on-failure"),
    ("retries", "restart-limit"),
    ("start", "run"),
    ("stop-signal", "down-signal"),
    ("timeout", "timeout-up"),
    ("timeout-start", "timeout-up"),
];

/// A file that nothing reads.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Misnamed {
    /// It is called almost like one that is read.
    #[error("nothing reads a file of this name")]
    Misspelt(&'static str),
    /// It is called like nothing that is read.
    #[error("nothing reads a file of this name")]
    Unknown(Option<&'static str>),
    /// Services of another type have such a file.
    #[error("ignored: a {0} has no such file")]
    OtherType(&'static str),
}

impl Problem for Misnamed {
    fn code(&self) -> &'static str {
        match self {
            Self::Misspelt(_) | Self::Unknown(_) => "W202",
            Self::OtherType(_) => "W211",
        }
    }

    fn remedy(&self) -> String {
        match self {
            Self::Misspelt(meant) => format!("rename it to {meant}"),
            Self::Unknown(Some(meant)) => format!("did you mean {meant}?"),
            Self::Unknown(None) => {
                "remove it, or move what scripts need into data (or to /etc/s6-overlay/scripts)"
                    .to_owned()
            }
            Self::OtherType(_) => "remove it, or mend type".to_owned(),
        }
    }
}

/// Every name that a file of a definition may have.
pub fn all() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(name, _)| *name)
}

/// Whether a definition may have a file of this name.
pub fn is_known(name: &str) -> bool {
    FILES.iter().any(|(known, _)| *known == name)
}

/// Whether a file of this name belongs to a definition, or was meant to.
pub fn is_meant(name: &str) -> bool {
    is_known(name) || similar(name, FILES.iter().map(|(known, _)| *known)).is_some()
}

/// Of these files, those that nothing reads in a definition of this type.
pub fn unread<'f>(kind: &str, files: impl Iterator<Item = &'f str>) -> Vec<String> {
    let is_read = |name: &str| FILES.iter().any(|(n, types)| *n == name && types.contains(&kind));
    files.filter(|name| !is_read(name)).map(str::to_owned).collect()
}

/// A warning for each file of a definition that nothing reads, and that was meant to be read.
pub fn misnamed(definition: &Definition) -> Vec<Fault> {
    let named = |name| Some((look(definition, name)?, definition.directory.join(name)));
    let service = Some(definition.name.clone());
    let place = |file| FaultPlace { service: service.clone(), file, line: 0 };
    let slips = definition.unread.iter().filter_map(|name| named(name));
    slips.map(|(problem, file)| Fault::new(place(file), &problem)).collect()
}

/// A warning for each other file that nothing reads, if it looks like a setting, and `is_used` does
/// not know of anything that needs it.
pub fn unknown(definition: &Definition, is_used: impl Fn(&str) -> bool) -> Vec<Fault> {
    let is_setting = |name: &str| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
    let is_told = |name: &str| is_known(name) || look(definition, name).is_some();
    let names = definition.unread.iter().filter(|name| is_setting(name) && !is_told(name));
    let fault = |name: &String| {
        let meant = ELSEWHERE.iter().find(|(known, _)| known == name).map(|(_, meant)| *meant);
        let file = definition.directory.join(name);
        let place = FaultPlace { service: Some(definition.name.clone()), file, line: 0 };
        Fault::new(place, &Misnamed::Unknown(meant))
    };
    names.filter(|name| !is_used(name)).map(fault).collect()
}

fn look(definition: &Definition, name: &str) -> Option<Misnamed> {
    let kind = definition.kind.name();
    match is_known(name) {
        true if is_named(definition, name) => None,
        true => Some(Misnamed::OtherType(kind)),
        false => {
            let names = FILES.iter().filter(|(_, types)| types.contains(&kind));
            similar(name, names.map(|(name, _)| *name)).map(Misnamed::Misspelt)
        }
    }
}

/// Whether a oneshot names a file beside it: images keep the script that `up` calls there as `run`.
fn is_named(definition: &Definition, name: &str) -> bool {
    let Kind::Oneshot(oneshot) = &definition.kind else { return false };
    let end = format!("/{}/{name}", definition.name);
    let words = oneshot.up.iter().chain(&oneshot.down).chain(&oneshot.reload);
    words.into_iter().any(|word| String::from_utf8_lossy(word).contains(&end))
}
