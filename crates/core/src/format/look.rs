//! The protocol between PID 1 and the process that looks at services for it: each line is a JSON
//! object, over a socket that connects the two from the beginning.
//!
//! PID 1 says what to look at ([`LookerOrder`]), the looker what it found ([`LookerFinding`]).
//! Both are the same program, but the first line names the version all the same: a looker that
//! reads another one has been given something else to execute, and leaves.

use super::wire::{self, ListItem, Wire, wire_enum, wire_struct};
use std::fmt::{self, Display, Formatter};

/// The version of the protocol.
pub const VERSION: u32 = 1;

/// The longest line that either side takes, in bytes.
pub const MAX_LINE: usize = 256 << 10;

/// Something that can be asked whether it works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check {
    /// A request to this address is answered with a status of 200 to 399.
    Http(Address, String),
    /// A connection is taken.
    Tcp(Address),
    /// A connection to the socket of this path is taken.
    Unix(String),
    /// A program exits 0.
    Exec(Vec<Vec<u8>>),
}
wire_enum!(Check {
    "http": Http { 0: address: Address, 1: path: String }
    "tcp": Tcp { 0: address: Address }
    "unix": Unix { 0: path: String }
    "exec": Exec { 0: words: Vec<Vec<u8>> }
});
impl ListItem for Check {}

impl Default for Check {
    fn default() -> Self {
        Self::Exec(Vec::new())
    }
}

/// Where something listens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Address {
    /// A name or an address; `None` is this machine.
    pub host: Option<String>,
    /// The port.
    pub port: u16,
}
wire_struct!(Address, all: host, port);

/// How much memory a service may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryLimit {
    /// So many bytes.
    Bytes(u64),
    /// A part of what the container may use.
    Percent(u8),
}
wire_enum!(MemoryLimit {
    "bytes": Bytes { 0: bytes: u64 }
    "percent": Percent { 0: percent: u8 }
});

impl Default for MemoryLimit {
    fn default() -> Self {
        Self::Bytes(0)
    }
}

/// What PID 1 wants of the looker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LookerOrder {
    /// The first line.
    Hello {
        /// The version that PID 1 speaks.
        version: u32,
        /// How often to look at memory, in ms.
        sample_ms: u32,
    },
    /// Look at this from now on, instead of whatever was to be looked at of that service.
    Watch(Box<LookerWatch>),
    /// Look no longer at this service.
    Forget(u32),
}
wire_enum!(LookerOrder {
    "hello": Hello { version: version: u32, sample_ms: sample_ms: u32 }
    "watch": Watch { 0: watch: Box<LookerWatch> }
    "forget": Forget { 0: service: u32 }
});

/// What to look at of a service's process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LookerWatch {
    /// The service's number.
    pub service: u32,
    /// Another one for each order about it, so that what was found before is not taken for news.
    pub serial: u32,
    /// Its directory, in which programs are run.
    pub directory: String,
    /// The pid of `run`.
    pub pid: i32,
    /// For how long this has been what to look at, in ms.
    pub age_ms: u64,
    /// What to ask until it says yes, and then no more.
    pub ready: Option<Check>,
    /// How often to ask that, in ms; `None`: ever more slowly.
    pub ready_every_ms: Option<u32>,
    /// What to ask again and again.
    pub health: Vec<Check>,
    /// How often, in ms.
    pub every_ms: u32,
    /// How long each of all that may take, in ms.
    pub timeout_ms: u32,
    /// How much memory it may use.
    pub memory: Option<MemoryLimit>,
    /// It may send messages of sd_notify(3).
    pub notifies: bool,
    /// The longest time between two `WATCHDOG=1`, in ms.
    pub watchdog_ms: Option<u32>,
}
wire_struct!(
    LookerWatch, all: service, serial, directory, pid, age_ms, ready, ready_every_ms, health,
    every_ms, timeout_ms, memory, notifies, watchdog_ms
);

/// What the looker has found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LookerFinding {
    /// The service's number.
    pub service: u32,
    /// That of the order.
    pub serial: u32,
    /// What it is.
    pub what: Sighting,
}
wire_struct!(LookerFinding, all: service, serial, what);

/// What can be found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Sighting {
    /// It is ready.
    #[default]
    Ready,
    /// It is not ready yet, for this reason. Said when that changes.
    NotReady(String),
    /// All checks of a round have passed, for the first time or after one that did not.
    Passed,
    /// A check has failed, for this reason. Said each time.
    Failed(String),
    /// It uses more memory than it may.
    TooMuchMemory {
        /// How much, in bytes.
        used: u64,
        /// How much it may, in bytes.
        limit: u64,
    },
    /// It has sent no `WATCHDOG=1` for so long, in ms; `None`: it says itself that it is unwell.
    WatchdogMissed(Option<u32>),
    /// `STATUS=`: what it does.
    Status(String),
    /// `RELOADING=1`.
    Reloading,
    /// `STOPPING=1`.
    Stopping,
    /// `EXTEND_TIMEOUT_USEC=`, converted to ms.
    Extend(u32),
    /// A request that is not granted, with the reason for the journal.
    Refused(String),
}
wire_enum!(Sighting {
    "ready": Ready {}
    "not_ready": NotReady { 0: why: String }
    "passed": Passed {}
    "failed": Failed { 0: why: String }
    "too_much_memory": TooMuchMemory { used: used: u64, limit: limit: u64 }
    "watchdog_missed": WatchdogMissed { 0: ms: Option<u32> }
    "status": Status { 0: text: String }
    "reloading": Reloading {}
    "stopping": Stopping {}
    "extend": Extend { 0: ms: u32 }
    "refused": Refused { 0: text: String }
});

impl LookerOrder {
    /// The line, newline included.
    pub fn encode(&self) -> Vec<u8> {
        wire::line(self)
    }
    /// Reads a line; `None`: it is not one of these.
    pub fn decode(line: &[u8]) -> Option<Self> {
        let mut order = Self::Forget(0);
        order.read(wire::text(line).ok()?).ok()?;
        Some(order)
    }
}

impl LookerFinding {
    /// The line, newline included.
    pub fn encode(&self) -> Vec<u8> {
        wire::line(self)
    }
    /// Reads a line; `None`: it is not one of these.
    pub fn decode(line: &[u8]) -> Option<Self> {
        let mut finding = Self::default();
        finding.read(wire::text(line).ok()?).ok()?;
        Some(finding)
    }
}

impl Display for Check {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(address, path) => write!(f, "http {address}{path}"),
            Self::Tcp(address) => write!(f, "tcp {address}"),
            Self::Unix(path) => write!(f, "unix {path}"),
            Self::Exec(words) => {
                let words: Vec<_> = words.iter().map(|w| String::from_utf8_lossy(w)).collect();
                write!(f, "exec {}", words.join(" "))
            }
        }
    }
}

impl Display for Address {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        match host.as_deref() {
            None => write!(f, "127.0.0.1:{port}"),
            Some(ip) if ip.contains(':') => write!(f, "[{ip}]:{port}"),
            Some(host) => write!(f, "{host}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn address() -> impl Strategy<Value = Address> {
        (any::<Option<String>>(), any::<u16>()).prop_map(|(host, port)| Address { host, port })
    }
    fn check() -> impl Strategy<Value = Check> {
        prop_oneof![
            (address(), any::<String>()).prop_map(|(address, path)| Check::Http(address, path)),
            address().prop_map(Check::Tcp),
            any::<String>().prop_map(Check::Unix),
            any::<Vec<Vec<u8>>>().prop_map(Check::Exec),
        ]
    }
    fn memory() -> impl Strategy<Value = MemoryLimit> {
        let bytes = any::<u64>().prop_map(MemoryLimit::Bytes);
        prop_oneof![bytes, any::<u8>().prop_map(MemoryLimit::Percent)]
    }
    fn watch() -> impl Strategy<Value = LookerWatch> {
        let who = any::<(u32, u32, String, i32, u64)>();
        let ready = (prop::option::of(check()), any::<Option<u32>>());
        let health = (prop::collection::vec(check(), 0..3), any::<(u32, u32)>());
        let rest = (prop::option::of(memory()), any::<(bool, Option<u32>)>());
        (who, ready, health, rest).prop_map(|(who, ready, health, rest)| LookerWatch {
            service: who.0,
            serial: who.1,
            directory: who.2,
            pid: who.3,
            age_ms: who.4,
            ready: ready.0,
            ready_every_ms: ready.1,
            health: health.0,
            every_ms: health.1.0,
            timeout_ms: health.1.1,
            memory: rest.0,
            notifies: rest.1.0,
            watchdog_ms: rest.1.1,
        })
    }
    fn found() -> impl Strategy<Value = Sighting> {
        prop_oneof![
            prop::sample::select(vec![
                Sighting::Ready,
                Sighting::Passed,
                Sighting::Reloading,
                Sighting::Stopping
            ]),
            any::<String>().prop_map(Sighting::Failed),
            any::<String>().prop_map(Sighting::NotReady),
            any::<(u64, u64)>().prop_map(|(used, limit)| Sighting::TooMuchMemory { used, limit }),
            any::<Option<u32>>().prop_map(Sighting::WatchdogMissed),
            any::<String>().prop_map(Sighting::Status),
            any::<u32>().prop_map(Sighting::Extend),
            any::<String>().prop_map(Sighting::Refused),
        ]
    }

    proptest! {
        #[test]
        fn what_is_ordered_is_read(watch in watch(), number: u32) {
            let hello = LookerOrder::Hello { version: VERSION, sample_ms: number };
            for order in [hello, LookerOrder::Watch(Box::new(watch)), LookerOrder::Forget(number)] {
                let line = order.encode();
                prop_assert_eq!(line.iter().position(|b| *b == b'\n'), Some(line.len() - 1));
                prop_assert_eq!(LookerOrder::decode(&line), Some(order));
            }
        }

        #[test]
        fn what_is_found_is_read(service: u32, serial: u32, what in found()) {
            let finding = LookerFinding { service, serial, what };
            prop_assert_eq!(LookerFinding::decode(&finding.encode()), Some(finding));
        }

        #[test]
        fn no_bytes_make_it_panic(text: Vec<u8>) {
            let _ = (LookerOrder::decode(&text), LookerFinding::decode(&text));
        }
    }
}
