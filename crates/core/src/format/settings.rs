//! The container's settings: every `S6_*` and `SIXTREE_*` variable, with its type and default.
//! Reference: the README of s6-overlay, "Customizing s6-overlay behaviour".

use super::decimal;
use super::end_action::EndAction;
use super::output::{LogColour, LogMode, LogSettings, LogTime};
use std::fmt;

/// Where everything that changes at run time lives, unless `SIXTREE_RUNDIR` names another place.
pub const RUNDIR: &str = "/run";

/// How many run directories a user may have in /tmp: one for each init that runs at a time.
pub const RUNDIR_SLOTS: u32 = 32;

/// The run directory that /init falls back to where the user cannot write to /run, or another init
/// uses it.
pub fn private_rundir(uid: u32, slot: u32) -> String {
    match slot {
        0 => format!("/tmp/sixtree-{uid}"),
        _ => format!("/tmp/sixtree-{uid}.{slot}"),
    }
}

/// The settings from the container's variables. A variable that is unset or empty has its default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerSettings {
    /// `S6_VERBOSITY`: 0 fatal errors only, 1 warnings, 2 transitions, 3 and more decisions.
    pub verbosity: u8,
    /// `S6_KEEP_ENV`: everything sees the container's variables without with-contenv.
    pub keep_env: bool,
    /// `S6_LOGGING`: 0 no catch-all logger, 1 one that also copies to stdout, 2 one that does not.
    pub logging: u8,
    /// `S6_LOGGING_SCRIPT`: s6-log's script for logutil-service.
    pub logging_script: Vec<u8>,
    /// `S6_CATCHALL_USER`: whom the catch-all logger runs as.
    pub catchall_user: Option<Vec<u8>>,
    /// `S6_BEHAVIOUR_IF_STAGE2_FAILS`: 0 go on, 1 warn, 2 stop.
    pub if_boot_fails: u8,
    /// `S6_KILL_FINISH_MAXTIME`: how long each cont-finish.d script may take, in ms; 0 is for ever.
    pub kill_finish_maxtime_ms: u32,
    /// `S6_SERVICES_READYTIME`: how long after their start services of services.d are looked at.
    pub services_readytime_ms: u32,
    /// `S6_SERVICES_GRACETIME`: how long services of services.d may take to die.
    pub services_gracetime_ms: u32,
    /// `S6_KILL_GRACETIME`: the longest time between the last TERM and KILL.
    pub kill_gracetime_ms: u32,
    /// `S6_CMD_ARG0`: words in front of the CMD's.
    pub cmd_arg0: Option<Vec<u8>>,
    /// `S6_CMD_USE_TERMINAL`: the CMD's output goes to the terminal on stdin.
    pub cmd_use_terminal: bool,
    /// `S6_CMD_WAIT_FOR_SERVICES`: the CMD waits for the services of services.d.
    pub cmd_wait_for_services: bool,
    /// `S6_CMD_WAIT_FOR_SERVICES_MAXTIME`: the longest wait for all services; 0 is for ever.
    pub cmd_wait_maxtime_ms: u32,
    /// `S6_CMD_RECEIVE_SIGNALS`: signals to PID 1 go to the CMD.
    pub cmd_receives_signals: bool,
    /// `S6_READ_ONLY_ROOT`: a noexec /run is remounted, if that is possible.
    pub read_only_root: bool,
    /// `S6_SYNC_DISKS`: sync(2) at the end.
    pub sync_disks: bool,
    /// `S6_STAGE2_HOOK`: a command to run before the definitions are read.
    pub stage2_hook: Option<Vec<u8>>,
    /// `S6_FIX_ATTRS_HIDDEN`: fix-attrs looks at dot files, too.
    pub fix_attrs_hidden: bool,
    /// `S6_WAIT_FOR_CLOSING_FD`: a descriptor (3 or more) to read to its end before the start.
    pub wait_for_closing_fd: Option<u16>,
    /// `S6_RUNTIME_PROFILE`: the name under /etc/cont-profile.d that stands for /etc.
    pub runtime_profile: Option<Vec<u8>>,
    /// `S6_RUNTIME_BUNDLEDIR`: what to read instead of user-bundles.d.
    pub runtime_bundledir: Option<Vec<u8>>,
    /// `S6_YES_I_WANT_A_WORLD_WRITABLE_RUN_BECAUSE_KUBERNETES`: no warning of one.
    pub accept_writable_run: bool,
    /// `SIXTREE_RUNDIR`: the run directory.
    pub rundir: Option<Vec<u8>>,
    /// `SIXTREE_ROOTDIR`: the root of the image whose definitions are booted.
    pub rootdir: Option<Vec<u8>>,
    /// `SIXTREE_ENVIRONMENT_MODE`: who may read the files of container_environment, as permissions.
    pub environment_mode: u32,
    /// `SIXTREE_SHUTDOWN_MAXTIME`: how long stopping the services may take, in ms; 0 is for ever.
    pub shutdown_maxtime_ms: u32,
    /// `SIXTREE_SAMPLE_MS`: how often to look at the memory of services that have a limit, in ms.
    pub sample_ms: u32,
    /// `SIXTREE_SUPERVISORS`: each longrun has a process called `s6-supervise NAME`.
    pub supervisors: bool,
    /// `SIXTREE_ON_FAILURE`: what a service's end by failure brings about by default.
    pub on_failure: EndAction,
    /// `SIXTREE_ON_GIVE_UP`: what it brings about by default that a service is given up.
    pub on_give_up: EndAction,
    /// `SIXTREE_LOG`, `SIXTREE_LOG_TIME`, `SIXTREE_LOG_COLOR` and `SIXTREE_LOG_KEEP`: how what
    /// services say is shown, and how much of it is kept.
    pub log: LogSettings,
    /// `SIXTREE_SECRETS`: which variables name a file whose text is the value of another one.
    pub secrets: SecretForm,
}

/// How a variable is called that names the file of a secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SecretForm {
    /// None does.
    #[default]
    None,
    /// `FILE__NAME`
    Prefix,
    /// `NAME_FILE`
    Suffix,
    /// Either.
    Both,
}

/// A variable whose value cannot be used, and what is used for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadValue {
    /// The variable.
    pub name: &'static str,
    /// Its value.
    pub value: Vec<u8>,
    wanted: &'static str,
    used: String,
}

impl fmt::Display for BadValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, value, wanted, used } = self;
        let value = value.escape_ascii();
        write!(f, "{name} is \"{value}\", which is not {wanted}: using {used}")
    }
}

impl ContainerSettings {
    /// Reads the settings; `lookup` gives a variable's value. The values that were refused come
    /// along, for one warning each.
    pub fn read(lookup: impl Fn(&str) -> Option<Vec<u8>>) -> (Self, Vec<BadValue>) {
        let mut from = SettingsReader { lookup, refused: Vec::new() };
        let settings = Self {
            verbosity: from.level("S6_VERBOSITY", 2),
            keep_env: from.flag("S6_KEEP_ENV"),
            logging: from.level("S6_LOGGING", 0),
            logging_script: from
                .text("S6_LOGGING_SCRIPT")
                .unwrap_or_else(|| b"n20 s1000000 T".to_vec()),
            catchall_user: from.text("S6_CATCHALL_USER"),
            if_boot_fails: from.level("S6_BEHAVIOUR_IF_STAGE2_FAILS", 0),
            // Differs: the README's 5 s; the original's code waits for ever.
            kill_finish_maxtime_ms: from.ms("S6_KILL_FINISH_MAXTIME", 5000),
            services_readytime_ms: from.ms("S6_SERVICES_READYTIME", 50),
            services_gracetime_ms: from.ms("S6_SERVICES_GRACETIME", 3000),
            kill_gracetime_ms: from.ms("S6_KILL_GRACETIME", 3000).min(300_000),
            cmd_arg0: from.text("S6_CMD_ARG0"),
            cmd_use_terminal: from.flag("S6_CMD_USE_TERMINAL"),
            cmd_wait_for_services: from.flag("S6_CMD_WAIT_FOR_SERVICES"),
            cmd_wait_maxtime_ms: from.ms("S6_CMD_WAIT_FOR_SERVICES_MAXTIME", 0),
            cmd_receives_signals: from.flag("S6_CMD_RECEIVE_SIGNALS"),
            read_only_root: from.flag("S6_READ_ONLY_ROOT"),
            sync_disks: from.flag("S6_SYNC_DISKS"),
            stage2_hook: from.text("S6_STAGE2_HOOK"),
            fix_attrs_hidden: from.flag("S6_FIX_ATTRS_HIDDEN"),
            wait_for_closing_fd: from.descriptor("S6_WAIT_FOR_CLOSING_FD"),
            runtime_profile: from.text("S6_RUNTIME_PROFILE"),
            runtime_bundledir: from.text("S6_RUNTIME_BUNDLEDIR"),
            accept_writable_run: from.flag("S6_YES_I_WANT_A_WORLD_WRITABLE_RUN_BECAUSE_KUBERNETES"),
            rundir: from.directory("SIXTREE_RUNDIR", RUNDIR),
            rootdir: from.directory("SIXTREE_ROOTDIR", "/"),
            environment_mode: from.permissions("SIXTREE_ENVIRONMENT_MODE", 0o755),
            shutdown_maxtime_ms: from.ms("SIXTREE_SHUTDOWN_MAXTIME", 0),
            sample_ms: from.ms("SIXTREE_SAMPLE_MS", 5000),
            supervisors: from.flag("SIXTREE_SUPERVISORS"),
            on_failure: from.action("SIXTREE_ON_FAILURE", EndAction::ALL),
            on_give_up: from.action("SIXTREE_ON_GIVE_UP", EndAction::LAST),
            log: from.log(),
            secrets: from.secrets(),
        };
        (settings, from.refused)
    }
}

struct SettingsReader<Lookup> {
    lookup: Lookup,
    refused: Vec<BadValue>,
}

impl<Lookup: Fn(&str) -> Option<Vec<u8>>> SettingsReader<Lookup> {
    fn text(&self, name: &'static str) -> Option<Vec<u8>> {
        (self.lookup)(name).filter(|value| !value.trim_ascii().is_empty())
    }
    fn refuse(&mut self, name: &'static str, value: Vec<u8>, wanted: &'static str, used: String) {
        self.refused.push(BadValue { name, value, wanted, used });
    }
    /// A plain decimal number; one that is too large counts as the largest possible. Differs: a
    /// value that is not a number is reported, once. In the reference `sh -e` gives up, and the
    /// other programs say nothing.
    fn number(&mut self, name: &'static str, default: u32) -> u32 {
        let Some(value) = self.text(name) else { return default };
        let digits = value.trim_ascii();
        if digits.is_empty() {
            return 0;
        }
        if digits.iter().all(u8::is_ascii_digit) {
            return decimal::parse(digits).unwrap_or(u32::MAX);
        }
        self.refuse(name, value, "a number", default.to_string());
        default
    }
    /// A time, in ms.
    fn ms(&mut self, name: &'static str, default: u32) -> u32 {
        self.number(name, default)
    }
    fn level(&mut self, name: &'static str, default: u8) -> u8 {
        u8::try_from(self.number(name, u32::from(default))).unwrap_or(u8::MAX)
    }
    fn flag(&mut self, name: &'static str) -> bool {
        self.number(name, 0) != 0
    }
    /// One of these words; the first one is the default.
    fn action(&mut self, name: &'static str, of: &'static [EndAction]) -> EndAction {
        let default = of.first().copied().unwrap_or(EndAction::Down);
        let Some(value) = self.text(name) else { return default };
        EndAction::parse(value.trim_ascii(), of).unwrap_or_else(|| {
            self.refuse(name, value, EndAction::words(of), default.to_string());
            default
        })
    }
    fn descriptor(&mut self, name: &'static str) -> Option<u16> {
        u16::try_from(self.number(name, 0)).ok().filter(|fd| *fd >= 3)
    }
    fn log(&mut self) -> LogSettings {
        let times = [("iso", LogTime::Iso), ("unix", LogTime::Unix), ("none", LogTime::None)];
        let colours =
            [("auto", LogColour::Auto), ("always", LogColour::Always), ("never", LogColour::Never)];
        LogSettings {
            mode: self
                .choice("SIXTREE_LOG", &LogMode::ALL, "plain, prefix, json or none", "plain")
                .unwrap_or_default(),
            time: self.choice(
                "SIXTREE_LOG_TIME",
                &times,
                "iso, unix or none",
                "iso for json, none for prefix",
            ),
            colour: self
                .choice("SIXTREE_LOG_COLOR", &colours, "auto, always or never", "auto")
                .unwrap_or_default(),
            keep: self.size("SIXTREE_LOG_KEEP", 64 << 10),
        }
    }
    fn secrets(&mut self) -> SecretForm {
        let forms = [
            ("prefix", SecretForm::Prefix),
            ("suffix", SecretForm::Suffix),
            ("both", SecretForm::Both),
        ];
        self.choice("SIXTREE_SECRETS", &forms, "prefix, suffix or both", "none of them")
            .unwrap_or_default()
    }
    /// One of some words.
    fn choice<T: Copy>(
        &mut self,
        name: &'static str,
        words: &[(&str, T)],
        wanted: &'static str,
        used: &str,
    ) -> Option<T> {
        let value = self.text(name)?;
        let chosen = words.iter().find(|(word, _)| word.as_bytes() == value.trim_ascii());
        if chosen.is_none() {
            self.refuse(name, value, wanted, used.to_owned());
        }
        chosen.map(|(_, chosen)| *chosen)
    }
    /// A number of bytes: digits, and perhaps K, M or G.
    fn size(&mut self, name: &'static str, default: u32) -> u32 {
        let Some(value) = self.text(name) else { return default };
        match parse_size(value.trim_ascii()) {
            Some(size) => u32::try_from(size).unwrap_or(u32::MAX),
            None => {
                self.refuse(name, value, "a size such as 64K", default.to_string());
                default
            }
        }
    }
    /// Octal, as for chmod.
    fn permissions(&mut self, name: &'static str, default: u32) -> u32 {
        let Some(value) = self.text(name) else { return default };
        let digits = std::str::from_utf8(value.trim_ascii()).unwrap_or_default();
        match u32::from_str_radix(digits, 8) {
            Ok(mode @ 0..=0o777) => mode,
            _ => {
                self.refuse(name, value, "an octal mode such as 0700", format!("{default:04o}"));
                default
            }
        }
    }
    fn directory(&mut self, name: &'static str, default: &str) -> Option<Vec<u8>> {
        let value = self.text(name)?;
        if value.first() == Some(&b'/') {
            return Some(value);
        }
        self.refuse(name, value, "an absolute path", default.to_owned());
        None
    }
}

/// A number of bytes: digits, and perhaps K, M or G behind them.
pub fn parse_size(text: &[u8]) -> Option<u64> {
    let (digits, unit) = match text.split_last()? {
        (b'K' | b'k', digits) => (digits, 1 << 10),
        (b'M' | b'm', digits) => (digits, 1 << 20),
        (b'G' | b'g', digits) => (digits, 1 << 30),
        _ => (text, 1),
    };
    decimal::parse::<u64>(digits)?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> (ContainerSettings, Vec<String>) {
        let value = |name: &str| pairs.iter().find(|(n, _)| *n == name).map(|(_, v)| *v);
        let (settings, refused) =
            ContainerSettings::read(|n| value(n).map(|v| v.as_bytes().to_vec()));
        (settings, refused.iter().map(BadValue::to_string).collect())
    }

    #[test]
    fn nothing_set_is_every_default() {
        let (settings, refused) = read(&[]);
        assert_eq!(refused, [""; 0]);
        assert_eq!((settings.verbosity, settings.logging), (2, 0));
        assert_eq!(settings.kill_gracetime_ms, 3000);
        assert_eq!(settings.logging_script, b"n20 s1000000 T");
        assert_eq!(settings.stage2_hook, None);
    }

    #[test]
    fn an_empty_value_is_the_default() {
        assert_eq!(read(&[("S6_VERBOSITY", ""), ("S6_KEEP_ENV", " ")]), read(&[]));
    }

    #[test]
    fn values_are_taken() {
        let (settings, refused) = read(&[
            ("S6_VERBOSITY", "05\n"),
            ("S6_KEEP_ENV", "2"),
            ("S6_BEHAVIOUR_IF_STAGE2_FAILS", "1000"),
            ("S6_KILL_GRACETIME", "99999999999999999999"),
            ("S6_WAIT_FOR_CLOSING_FD", "3"),
            ("SIXTREE_RUNDIR", "/srv/run"),
            ("SIXTREE_ENVIRONMENT_MODE", "0750"),
            ("SIXTREE_ON_FAILURE", "stop\n"),
        ]);
        assert_eq!(refused, [""; 0]);
        assert!(settings.keep_env);
        assert_eq!((settings.verbosity, settings.if_boot_fails), (5, 255));
        assert_eq!(settings.kill_gracetime_ms, 300_000);
        assert_eq!(settings.wait_for_closing_fd, Some(3));
        assert_eq!(settings.environment_mode, 0o750);
        assert_eq!(settings.on_failure, EndAction::Stop);
        assert_eq!(settings.rundir.as_deref(), Some(b"/srv/run".as_slice()));
    }

    #[test]
    fn the_output_has_its_settings() {
        let (settings, refused) = read(&[
            ("SIXTREE_LOG", "json"),
            ("SIXTREE_LOG_TIME", "unix"),
            ("SIXTREE_LOG_COLOR", "blue"),
            ("SIXTREE_LOG_KEEP", "2M"),
        ]);
        let wanted = LogSettings {
            mode: LogMode::Json,
            time: Some(LogTime::Unix),
            colour: LogColour::Auto,
            keep: 2 << 20,
        };
        assert_eq!(settings.log, wanted);
        let line = r#"SIXTREE_LOG_COLOR is "blue", which is not auto, always or never: using auto"#;
        assert_eq!(refused, [line]);
        assert_eq!(read(&[]).0.log, LogSettings { keep: 65_536, ..LogSettings::default() });
        assert_eq!(parse_size(b"5g"), Some(5 << 30));
        assert_eq!((parse_size(b"5x"), parse_size(b"")), (None, None));
    }

    #[test]
    fn a_bad_value_is_the_default_and_one_clear_line() {
        let bad = [
            ("S6_VERBOSITY", "lo\nud"),
            ("S6_LOGGING", "-1"),
            ("SIXTREE_RUNDIR", "run"),
            ("SIXTREE_ENVIRONMENT_MODE", "01777"),
            ("SIXTREE_ON_GIVE_UP", "restart"),
        ];
        let (settings, refused) = read(&bad);
        assert_eq!(settings, read(&[]).0);
        let lines = [
            r#"S6_VERBOSITY is "lo\nud", which is not a number: using 2"#,
            r#"S6_LOGGING is "-1", which is not a number: using 0"#,
            r#"SIXTREE_RUNDIR is "run", which is not an absolute path: using /run"#,
            "SIXTREE_ENVIRONMENT_MODE is \"01777\", which is not an octal mode such as 0700: \
             using 0755",
            "SIXTREE_ON_GIVE_UP is \"restart\", which is not down or stop: using down",
        ];
        assert_eq!(refused, lines);
    }
}
