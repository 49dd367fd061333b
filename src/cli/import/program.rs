//! What a `[program:x]` says of each of its processes.
//! Reference: <https://supervisord.org/configuration.html#program-x-section-settings>.

use super::expand::Value;
use super::note::{Notes, Origin};
use super::settings::{SectionSettings, boolean};
use super::words;

/// A process of a program.
#[derive(Debug)]
pub(super) struct SupervisordProgram {
    /// Its section.
    pub at: Origin,
    pub name: String,
    pub command: Vec<String>,
    pub priority: i64,
    pub autostart: bool,
    pub restart: Restart,
    /// It has started if it lives for so long.
    pub start_seconds: u64,
    /// So often it may fail to, and is started again.
    pub start_retries: u64,
    pub stop_signal: String,
    pub stop_wait_seconds: u64,
    pub stop_as_group: bool,
    pub kill_as_group: bool,
    pub user: Option<String>,
    pub directory: Option<String>,
    pub environment: Vec<(String, String)>,
    pub umask: Option<String>,
    pub stdout: Output,
    pub stderr: Output,
}

/// Which deaths are followed by another start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Restart {
    Always,
    Never,
    /// All but the exits with these codes.
    Unexpected(Vec<u8>),
}

/// Where what it writes goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Output {
    /// To this descriptor of the container.
    Container(u8),
    /// Where its stdout goes.
    Stdout,
    Nowhere,
    /// To the end of a file.
    File(String),
    /// To a file that is rotated.
    Log(RotatedLog),
}

/// A file that is rotated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RotatedLog {
    pub at: Origin,
    pub file: String,
    pub bytes: u64,
    pub backups: u64,
}

impl Output {
    /// Whether both go to one file that is rotated.
    fn has_file_of(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Log(one), Self::Log(other)) => one.file == other.file,
            _ => false,
        }
    }
}

/// More processes than this are a mistake.
const MOST: i64 = 10_000;

/// The processes of the program in a section.
pub(super) fn processes(
    settings: &mut SectionSettings,
    notes: &mut Notes,
) -> Vec<SupervisordProgram> {
    let first = settings.number("numprocs_start", 0, notes);
    let number = settings.number("numprocs", 1, notes);
    if !(1..=MOST).contains(&number) || first.checked_add(number).is_none() {
        let what = format!("numprocs: {number} processes");
        notes.error(settings.at("numprocs"), what, "write a number from 1 to 10000");
        return Vec::new();
    }
    let name = settings.raw("process_name").unwrap_or("%(program_name)s");
    if number > 1 && !name.contains("%(process_num)") {
        let what = "the processes of one program have the same name";
        notes.error(settings.at("numprocs"), what, "put %(process_num)02d into process_name");
        return Vec::new();
    }
    settings.names.set("numprocs", Value::Number(number));
    let known = settings.names.clone();
    let each = (first..first + number).filter_map(|number| {
        settings.names = known.clone();
        settings.names.set("process_num", Value::Number(number));
        process(settings, notes)
    });
    each.collect()
}

fn process(settings: &mut SectionSettings, notes: &mut Notes) -> Option<SupervisordProgram> {
    let environment = environment(settings, notes);
    for (key, value) in &environment {
        settings.names.text(&format!("ENV_{key}"), value);
    }
    let stop_as_group = settings.boolean("stopasgroup", false, notes);
    let kill_as_group = settings.boolean("killasgroup", stop_as_group, notes);
    if stop_as_group && !kill_as_group {
        let what = "killasgroup=false does not go with stopasgroup=true";
        notes.error(settings.at("killasgroup"), what, "remove one of them");
    }
    let stdout = output(settings, "stdout", 1, notes);
    let mut stderr = output(settings, "stderr", 2, notes);
    if settings.boolean("redirect_stderr", false, notes) || stdout.has_file_of(&stderr) {
        stderr = Output::Stdout;
    }
    let (name, command) = (name(settings, notes), command(settings, notes));
    // A negative number of seconds counts as 0.
    let seconds = |key, default, notes: &mut Notes| {
        u64::try_from(settings.number(key, default, notes)).unwrap_or_default()
    };
    Some(SupervisordProgram {
        at: settings.section.at.clone(),
        priority: settings.number("priority", 999, notes),
        autostart: settings.boolean("autostart", true, notes),
        restart: restart(settings, notes),
        start_seconds: seconds("startsecs", 1, notes),
        start_retries: seconds("startretries", 3, notes),
        stop_signal: settings.signal("stopsignal", "TERM", notes),
        stop_wait_seconds: seconds("stopwaitsecs", 10, notes),
        stop_as_group,
        kill_as_group,
        user: settings.text("user", notes),
        directory: settings.text("directory", notes),
        environment,
        umask: umask(settings, notes),
        stdout,
        stderr,
        // Only now, so that all that is wrong is told.
        name: name?,
        command: command?,
    })
}

fn name(settings: &SectionSettings, notes: &mut Notes) -> Option<String> {
    let text = settings.raw("process_name").unwrap_or("%(program_name)s").trim();
    let name = settings.names.expand(text).ok();
    let name = name.filter(|name| !name.is_empty() && !name.contains([' ', ':', '/', '\0']));
    if name.is_none() {
        let what = format!("{text:?} cannot be the name of a process");
        notes.error(settings.at("process_name"), what, "write one without blanks, : and /");
    }
    name
}

fn command(settings: &SectionSettings, notes: &mut Notes) -> Option<Vec<String>> {
    if !settings.has("command") {
        let what = format!("[{}] has no command", settings.section.name);
        notes.error(&settings.section.at, what, "write command=PROGRAM");
        return None;
    }
    let text = settings.text("command", notes)?;
    let command = words::split(&text).and_then(|words| match words.is_empty() {
        true => Err("it is empty"),
        false => Ok(words),
    });
    if let Err(why) = command {
        notes.error(settings.at("command"), format!("command: {why}"), "mend it");
    }
    command.ok()
}

/// The variables that a section sets.
pub(super) fn environment(settings: &SectionSettings, notes: &mut Notes) -> Vec<(String, String)> {
    let Some(text) = settings.text("environment", notes) else { return Vec::new() };
    words::pairs(&text).unwrap_or_else(|why| {
        let remedy = "write KEY=\"value\",KEY2=\"value\"";
        notes.error(settings.at("environment"), format!("environment: {why}"), remedy);
        Vec::new()
    })
}

fn umask(settings: &SectionSettings, notes: &mut Notes) -> Option<String> {
    settings.parsed("umask", None, "an octal number", notes, |text| {
        let digits = text.strip_prefix("0o").unwrap_or(text);
        let mask = u32::from_str_radix(digits, 8).ok().filter(|mask| *mask <= 0o777)?;
        Some(Some(format!("{mask:03o}")))
    })
}

fn restart(settings: &SectionSettings, notes: &mut Notes) -> Restart {
    let codes = settings.parsed("exitcodes", vec![0], "a list of exit codes", notes, |text| {
        let codes = text.split(',').filter(|_| !text.is_empty());
        codes.map(|code| code.trim().parse().ok()).collect::<Option<Vec<u8>>>()
    });
    let unexpected = Restart::Unexpected(codes);
    let wanted = "true, false or unexpected";
    settings.parsed("autorestart", unexpected.clone(), wanted, notes, |text| {
        if text.eq_ignore_ascii_case("unexpected") {
            return Some(unexpected);
        }
        boolean(text).map(|always| if always { Restart::Always } else { Restart::Never })
    })
}

/// Where one of its streams goes; without a word on it, to the container's.
fn output(settings: &SectionSettings, stream: &str, descriptor: u8, notes: &mut Notes) -> Output {
    let key = |suffix: &str| format!("{stream}_{suffix}");
    let bytes = settings.bytes(&key("logfile_maxbytes"), 50 << 20, notes);
    let backups = settings.number(&key("logfile_backups"), 10, notes);
    let at = settings.at(&key("logfile")).clone();
    let syslog = key("syslog");
    if settings.boolean(&syslog, false, notes) {
        let what = format!("{syslog} has no equivalent");
        let remedy = "pipe it into logger, or read the container's output";
        notes.differs(settings.at(&syslog), what, remedy);
    }
    let key = key("logfile");
    let Some(file) = settings.text(&key, notes) else { return Output::Container(descriptor) };
    let file = file.trim().to_owned();
    match file.to_ascii_lowercase().as_str() {
        "auto" => Output::Container(descriptor),
        "none" | "off" | "/dev/null" | "" => Output::Nowhere,
        "syslog" => {
            let what = format!("{key}=syslog has no equivalent");
            notes.differs(&at, what, "read the container's output");
            Output::Container(descriptor)
        }
        "/dev/stdout" | "/dev/fd/1" | "/proc/self/fd/1" | "/proc/1/fd/1" => Output::Container(1),
        "/dev/stderr" | "/dev/fd/2" | "/proc/self/fd/2" | "/proc/1/fd/2" => Output::Container(2),
        device if bytes == 0 || device.starts_with("/dev/") => Output::File(file),
        _ => {
            let backups = u64::try_from(backups).unwrap_or_default();
            Output::Log(RotatedLog { at, file, bytes, backups })
        }
    }
}
