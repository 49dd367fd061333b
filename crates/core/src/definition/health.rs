//! How a longrun is looked at from outside: the files `health`, `ready-tcp`, `notify`,
//! `memory-limit` and their kin, which are extensions. The real s6-rc ignores them.

use super::checks::{self, only_line};
use super::error::Mistake;
use super::parse;
use crate::format::decimal;
use crate::format::look::{Check, MemoryLimit};

/// The files, in the order in which they are read.
pub const FILES: &[&str] = &[
    "ready-tcp",
    "ready-unix",
    "ready-http",
    "ready-exec",
    "ready-every",
    "notify",
    "watchdog",
    "health",
    "health-every",
    "health-timeout",
    "health-failures",
    "health-start",
    "on-unhealthy",
    "memory-limit",
    "on-memory",
];

/// What is done about a service that is unwell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reaction {
    /// It is stopped in its own way, and started again.
    #[default]
    Restart,
    /// The container stops.
    Stop,
    /// It is only reported.
    Ignore,
}

/// What a service's directory says about how to look at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthPolicy {
    /// `ready-tcp`, `ready-unix`, `ready-http` or `ready-exec`.
    pub ready: Option<Check>,
    /// `ready-every`, in ms.
    pub ready_every_ms: Option<u32>,
    /// `notify`: it sends messages of sd_notify(3).
    pub notifies: bool,
    /// `watchdog`, in ms.
    pub watchdog_ms: Option<u32>,
    /// The lines of `health`.
    pub checks: Vec<Check>,
    /// `health-every`, in ms.
    pub every_ms: u32,
    /// `health-timeout`, in ms.
    pub timeout_ms: u32,
    /// `memory-limit`.
    pub memory: Option<MemoryLimit>,
    /// What is decided by.
    pub rules: HealthRules,
}

/// The part of it by which a supervisor decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HealthRules {
    /// It is ready when somebody who looks at it says so.
    pub awaits_ready: bool,
    /// `health-failures`: so many failed checks, one after the other, make it unhealthy.
    pub failures: u32,
    /// `health-start`: failures within so many ms after its start do not count, as long as none
    /// has passed.
    pub start_ms: u32,
    /// `on-unhealthy`.
    pub on_unhealthy: Reaction,
    /// `on-memory`.
    pub on_memory: Reaction,
}

impl Default for HealthRules {
    fn default() -> Self {
        Self {
            awaits_ready: false,
            failures: 3,
            start_ms: 0,
            on_unhealthy: Reaction::Restart,
            on_memory: Reaction::Restart,
        }
    }
}

impl Default for HealthPolicy {
    fn default() -> Self {
        Self {
            ready: None,
            ready_every_ms: None,
            notifies: false,
            watchdog_ms: None,
            checks: Vec::new(),
            every_ms: 10_000,
            timeout_ms: 3_000,
            memory: None,
            rules: HealthRules::default(),
        }
    }
}

impl HealthPolicy {
    /// Whether there is anything to look at.
    pub fn is_needed(&self) -> bool {
        let asks = self.ready.is_some() || !self.checks.is_empty();
        asks || self.memory.is_some() || self.notifies
    }

    /// The file that says how it becomes ready, if one does.
    pub fn ready_file(&self) -> &'static str {
        match &self.ready {
            Some(Check::Tcp(_)) => "ready-tcp",
            Some(Check::Unix(_)) => "ready-unix",
            Some(Check::Http(..)) => "ready-http",
            Some(Check::Exec(_)) => "ready-exec",
            None => "notify",
        }
    }
}

/// What is wrong in one of the files, and in which line of it (from 1; 0: all of it).
pub type Wrong = (&'static str, u32, Mistake);

/// Reads the policy; `text` gives what a file holds, `None` where there is none of that name. What
/// is wrong comes along, and counts as absent.
pub fn read(text: impl FnMut(&'static str) -> Option<Vec<u8>>) -> (HealthPolicy, Vec<Wrong>) {
    let mut from = PolicyReader { text, wrong: Vec::new(), present: Vec::new() };
    let usual = HealthPolicy::default();
    let ready = from.ready();
    let notifies = from.parsed("notify", notify).is_some();
    let policy = HealthPolicy {
        ready_every_ms: from.parsed("ready-every", number_above_0),
        notifies,
        watchdog_ms: from.parsed("watchdog", number_above_0),
        checks: from.checks(),
        every_ms: from.parsed("health-every", number_above_0).unwrap_or(usual.every_ms),
        timeout_ms: from.parsed("health-timeout", number_above_0).unwrap_or(usual.timeout_ms),
        memory: from.parsed("memory-limit", memory_limit),
        rules: HealthRules {
            awaits_ready: ready.is_some() || notifies,
            failures: from.parsed("health-failures", number_above_0).unwrap_or(3),
            start_ms: from.parsed("health-start", parse::number).unwrap_or(0),
            on_unhealthy: from.parsed("on-unhealthy", reaction).unwrap_or_default(),
            on_memory: from.parsed("on-memory", reaction).unwrap_or_default(),
        },
        ready,
    };
    from.note_useless();
    (policy, from.wrong)
}

struct PolicyReader<Text> {
    text: Text,
    wrong: Vec<Wrong>,
    /// Those that are there.
    present: Vec<&'static str>,
}

impl<Text: FnMut(&'static str) -> Option<Vec<u8>>> PolicyReader<Text> {
    fn text(&mut self, file: &'static str) -> Option<Vec<u8>> {
        let text = (self.text)(file)?;
        self.present.push(file);
        Some(text)
    }

    fn parsed<T>(
        &mut self,
        file: &'static str,
        parse: impl FnOnce(&[u8]) -> Result<T, Mistake>,
    ) -> Option<T> {
        let text = self.text(file)?;
        parse(&text).map_err(|mistake| self.wrong.push((file, 0, mistake))).ok()
    }

    fn ready(&mut self) -> Option<Check> {
        let ways = [
            self.parsed("ready-tcp", |text| checks::address(only_line(text)?).map(Check::Tcp)),
            self.parsed("ready-unix", |text| checks::unix(only_line(text)?)),
            self.parsed("ready-http", |text| checks::http(only_line(text)?)),
            self.parsed("ready-exec", checks::program),
        ];
        ways.into_iter().flatten().next()
    }

    /// The lines of `health`, without comments and empty ones.
    fn checks(&mut self) -> Vec<Check> {
        let Some(text) = self.text("health") else { return Vec::new() };
        let mut checks = Vec::new();
        for (line, words) in (1..).zip(text.split(|&b| b == b'\n')) {
            let words = words.trim_ascii();
            if words.is_empty() || words.starts_with(b"#") {
                continue;
            }
            match checks::line(words) {
                Ok(check) => checks.push(check),
                Err(mistake) => self.wrong.push(("health", line, mistake)),
            }
        }
        checks
    }

    /// Files that mean something only beside another one that is not there, and ways to become
    /// ready of which there must be but one.
    fn note_useless(&mut self) {
        let present = |file: &str| self.present.contains(&file);
        let ready: Vec<_> = ["ready-tcp", "ready-unix", "ready-http", "ready-exec", "notify"]
            .into_iter()
            .filter(|file| present(file))
            .collect();
        let health = ["health-every", "health-failures", "health-start"];
        let useless = health
            .into_iter()
            .filter(|file| present(file) && !present("health"))
            .map(|file| (file, "health"))
            .chain((present("watchdog") && !present("notify")).then_some(("watchdog", "notify")))
            .chain(
                (present("on-memory") && !present("memory-limit"))
                    .then_some(("on-memory", "memory-limit")),
            );
        let mut wrong: Vec<Wrong> =
            useless.map(|(file, other)| (file, 0, Mistake::OfNoUse(other))).collect();
        if let [first, second, ..] = ready.as_slice() {
            wrong.push((second, 0, Mistake::ReadyTwice(first)));
        }
        self.wrong.append(&mut wrong);
    }
}

/// `250M`, `1G`, bytes, or `60%`.
fn memory_limit(text: &[u8]) -> Result<MemoryLimit, Mistake> {
    let text = only_line(text)?;
    let wrong = || Mistake::MemoryInvalid(parse::excerpt(text));
    let (digits, unit) = match text.split_last() {
        Some((unit, digits)) if !unit.is_ascii_digit() => (digits, unit.to_ascii_uppercase()),
        _ => (text, b'B'),
    };
    let number: u64 = decimal::parse(digits).filter(|n| *n > 0).ok_or_else(wrong)?;
    let shift = match unit {
        b'%' if number <= 100 => return Ok(MemoryLimit::Percent(number as u8)),
        b'B' => 0,
        b'K' => 10,
        b'M' => 20,
        b'G' => 30,
        _ => return Err(wrong()),
    };
    number.checked_mul(1 << shift).map(MemoryLimit::Bytes).ok_or_else(wrong)
}

fn reaction(text: &[u8]) -> Result<Reaction, Mistake> {
    match only_line(text)? {
        b"restart" => Ok(Reaction::Restart),
        b"stop" => Ok(Reaction::Stop),
        b"ignore" => Ok(Reaction::Ignore),
        word => Err(Mistake::ReactionUnknown(parse::excerpt(word))),
    }
}

fn notify(text: &[u8]) -> Result<(), Mistake> {
    match only_line(text)? {
        b"systemd" => Ok(()),
        word => Err(Mistake::NotifyUnknown(parse::excerpt(word))),
    }
}

fn number_above_0(text: &[u8]) -> Result<u32, Mistake> {
    match parse::number(text)? {
        0 => Err(Mistake::Zero),
        number => Ok(number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::look::Address;
    use proptest::prelude::*;

    fn read_files(files: &[(&str, &str)]) -> (HealthPolicy, Vec<Wrong>) {
        let text = |name: &str| files.iter().find(|(n, _)| *n == name).map(|(_, t)| *t);
        read(|name| text(name).map(|text| text.as_bytes().to_vec()))
    }

    fn http_on_8080() -> Check {
        Check::Http(Address { host: None, port: 8080 }, "/ready?x=1".into())
    }

    #[test]
    fn nothing_is_needed_without_files() {
        let (policy, wrong) = read_files(&[]);
        assert_eq!((policy.is_needed(), wrong), (false, vec![]));
        assert_eq!(policy, HealthPolicy::default());
    }

    #[test]
    fn every_file_is_read() {
        let (policy, wrong) = read_files(&[
            ("ready-http", "8080/ready?x=1\n"),
            ("ready-every", "250\n"),
            ("health", "# three\n http localhost:80\ntcp [::1]:5432\n\nexec test -e \"a b\"\n"),
            ("health-every", "5000"),
            ("health-timeout", "1000\n"),
            ("health-failures", "2\n"),
            ("health-start", "0\n"),
            ("on-unhealthy", "stop\n"),
            ("memory-limit", "250M\n"),
            ("on-memory", "ignore\n"),
        ]);
        assert_eq!(wrong, []);
        assert_eq!(policy.ready, Some(http_on_8080()));
        assert_eq!(
            (policy.ready_every_ms, policy.every_ms, policy.timeout_ms),
            (Some(250), 5000, 1000)
        );
        let shown: Vec<_> = policy.checks.iter().map(Check::to_string).collect();
        assert_eq!(shown, ["http localhost:80/", "tcp [::1]:5432", "exec test -e a b"]);
        assert_eq!(policy.memory, Some(MemoryLimit::Bytes(250 << 20)));
        let HealthRules { awaits_ready, failures, start_ms, on_unhealthy, on_memory } =
            policy.rules;
        assert_eq!((awaits_ready, failures, start_ms), (true, 2, 0));
        assert_eq!((on_unhealthy, on_memory), (Reaction::Stop, Reaction::Ignore));
    }

    #[test]
    fn memory_is_bytes_or_a_part() {
        let limit = |text: &str| memory_limit(text.as_bytes()).ok();
        assert_eq!(limit("4096\n"), Some(MemoryLimit::Bytes(4096)));
        assert_eq!(limit("1g"), Some(MemoryLimit::Bytes(1 << 30)));
        assert_eq!(limit("60%"), Some(MemoryLimit::Percent(60)));
        for wrong in ["", "0", "M", "101%", "0%", "1T", "1.5G", "-1", "99999999999999G", "1 M"] {
            assert_eq!(limit(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_and_counts_as_absent() {
        let (policy, wrong) = read_files(&[
            ("health", "tcp 80\nhttps 80\n"),
            ("health-failures", "0"),
            ("on-memory", "restart"),
            ("notify", "systemd"),
            ("ready-tcp", "80"),
            ("on-unhealthy", "reboot"),
        ]);
        assert_eq!((policy.checks.len(), policy.rules.failures), (1, 3));
        let places: Vec<_> = wrong.iter().map(|(file, line, _)| (*file, *line)).collect();
        let want = [("health", 2), ("health-failures", 0), ("on-unhealthy", 0)];
        assert_eq!(places[..3], want);
        assert_eq!(
            wrong[3..].iter().map(|(file, ..)| *file).collect::<Vec<_>>(),
            ["on-memory", "notify"]
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(text: Vec<u8>) {
            let _ = read(|_| Some(text.clone()));
        }
    }
}
