//! How what services say is shown, and what PID 1, the process that shows it (the output process)
//! and `sixtree logs` say to each other.
//!
//! PID 1 holds the pipes; the output process gets copies of its ends beside these messages, each
//! of which is one JSON object in one packet. The form is that of one release: both sides are the
//! same program.

use super::wire::{self, Wire, wire_enum, wire_struct};

/// The socket that answers `sixtree logs`, within the run directory.
pub const LOGS: &str = "s6-rc/logs";

/// The longest part of a line that is shown at once, in bytes: a longer line is cut.
pub const LONGEST_PART: usize = 16 << 10;

/// The longest of these messages.
pub const MAX_MESSAGE: usize = 4096;

/// How what a service says is shown: `SIXTREE_LOG`, and a service's file `log`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogMode {
    /// As it is: the service has the container's own descriptors.
    #[default]
    Plain,
    /// `NAME | LINE`.
    Prefix,
    /// An object a line.
    Json,
    /// It is kept, and not shown.
    None,
}
wire_enum!(LogMode {
    "plain": Plain {}
    "prefix": Prefix {}
    "json": Json {}
    "none": None {}
});

impl LogMode {
    /// Every mode, by its name.
    pub const ALL: [(&'static str, Self); 4] = [
        ("plain", Self::Plain),
        ("prefix", Self::Prefix),
        ("json", Self::Json),
        ("none", Self::None),
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, mode)| *mode == self).map_or("plain", |(name, _)| *name)
    }

    /// The mode of this name.
    pub fn parse(text: &[u8]) -> Option<Self> {
        Self::ALL.iter().find(|(name, _)| name.as_bytes() == text).map(|(_, mode)| *mode)
    }
}

/// How times are shown: `SIXTREE_LOG_TIME`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogTime {
    /// Not at all.
    #[default]
    None,
    /// `2026-11-21T00:35:27.452399Z`
    Iso,
    /// Seconds since 1970, with a fraction.
    Unix,
}
wire_enum!(LogTime {
    "none": None {}
    "iso": Iso {}
    "unix": Unix {}
});

/// Whether names have colours: `SIXTREE_LOG_COLOR`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogColour {
    /// On a terminal.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}
wire_enum!(LogColour {
    "auto": Auto {}
    "always": Always {}
    "never": Never {}
});

/// How all of a container's output is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogSettings {
    /// How what services say is shown where their own file does not say otherwise.
    pub mode: LogMode,
    /// The times of lines. Unless they are chosen, JSON has them, and prefixed lines have none.
    pub time: Option<LogTime>,
    /// The colours of names.
    pub colour: LogColour,
    /// How many bytes are kept of each service.
    pub keep: u32,
}

/// Which of its streams a service wrote to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogStream {
    /// stdout
    #[default]
    Stdout,
    /// stderr
    Stderr,
}
wire_enum!(LogStream {
    "stdout": Stdout {}
    "stderr": Stderr {}
});

impl LogStream {
    /// Both, in the order of their descriptors.
    pub const BOTH: [Self; 2] = [Self::Stdout, Self::Stderr];

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

/// What PID 1 tells the output process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToOutput {
    /// The first message. Beside it: the memory, if there is one.
    Begin {
        /// How many bytes are kept of each service.
        keep: u32,
        /// The times of lines.
        time: Option<LogTime>,
        /// The colours of names.
        colour: LogColour,
    },
    /// A sink. Beside it: both ends of a pipe that keeps what is on its way to it, and the sink
    /// itself, but for the first two, which are stdout and stderr.
    Sink,
    /// Beside it: the socket that `sixtree logs` connects to.
    Listen,
    /// A service. Beside it: the pipes to read of its stdout and its stderr.
    Source(LogSource),
    /// What is left is all that comes: a sink that no service writes to any more is closed.
    Finish,
}
wire_enum!(ToOutput {
    "begin": Begin { keep: keep: u32, time: time: Option<LogTime>, colour: colour: LogColour }
    "sink": Sink {}
    "listen": Listen {}
    "source": Source { 0: source: LogSource }
    "finish": Finish {}
});

/// A service, for the output process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogSource {
    /// Its number, which is that of its place in the memory. 0 is PID 1 itself, and is not kept.
    pub id: u32,
    /// What it is called.
    pub name: String,
    /// How it is shown.
    pub mode: LogMode,
    /// To which sink its stdout goes.
    pub stdout: u32,
    /// And its stderr.
    pub stderr: u32,
}
wire_struct!(LogSource, all: id, name, mode, stdout, stderr);

impl LogSource {
    /// The sinks of both streams.
    pub fn sinks(&self) -> [usize; 2] {
        [self.stdout as usize, self.stderr as usize]
    }
}

/// What the output process tells PID 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FromOutput {
    /// A service has closed its pipes, and all that was in them has been read.
    Gone(u32),
    /// A pipe of this service cannot be read, and why.
    Unreadable {
        /// Whose.
        source: u32,
        /// The system's number of the error.
        errno: i32,
    },
    /// What goes to this sink is lost, and why.
    Lost {
        /// Which.
        sink: u32,
        /// The system's number of the error.
        errno: i32,
    },
}
wire_enum!(FromOutput {
    "gone": Gone { 0: source: u32 }
    "unreadable": Unreadable { source: source: u32, errno: errno: i32 }
    "lost": Lost { sink: sink: u32, errno: errno: i32 }
});

/// What `sixtree logs` asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeptQuery {
    /// Whose lines; all if it is empty.
    pub names: Vec<String>,
    /// At most so many lines of each.
    pub lines: Option<u32>,
    /// None that is older, in ns since 1970.
    pub since_ns: u64,
    /// None up to this one: see [`LogRecord::number`].
    pub after: u64,
    /// Whether to go on with what is written from now on.
    pub follow: bool,
}
wire_struct!(KeptQuery, some: names, lines, since_ns, after, follow);

/// What it is answered: this, a newline, and so many bytes of text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogRecord {
    /// Who wrote it. Empty: all that was kept has been sent.
    pub service: String,
    /// To what.
    pub stream: LogStream,
    /// When it was read, in ns since 1970.
    pub time_ns: u64,
    /// Records are numbered in the order in which they were read.
    pub number: u64,
    /// How many parts of its first line came before it.
    pub before: u32,
    /// Whether its last line goes on in the next record of the stream.
    pub is_open: bool,
    /// The length of its text, which is whole lines, or a part of one.
    pub length: u32,
}
wire_struct!(LogRecord, all: service, stream, time_ns, number, before, is_open, length);

/// The line of a message, newline included, and the message of a line.
macro_rules! coded {
    ($($name:ident: $begin:expr),*) => { $(
        impl $name {
            /// The line, newline included.
            pub fn encode(&self) -> Vec<u8> {
                wire::line(self)
            }

            /// Reads a line, with or without its newline. `None`: it is none of these.
            pub fn decode(line: &[u8]) -> Option<Self> {
                let mut message = $begin;
                message.read(wire::text(line).ok()?).ok()?;
                Some(message)
            }
        }
    )* };
}
coded!(
    ToOutput: Self::Finish,
    FromOutput: Self::Gone(0),
    KeptQuery: Self::default(),
    LogRecord: Self::default()
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_back_as_they_went() {
        let (name, mode) = ("web".to_owned(), LogMode::Json);
        let source = LogSource { id: 7, name, mode, stdout: 0, stderr: 1 };
        let begin =
            ToOutput::Begin { keep: 5, time: Some(LogTime::Unix), colour: LogColour::Always };
        let all =
            [begin, ToOutput::Sink, ToOutput::Listen, ToOutput::Finish, ToOutput::Source(source)];
        for message in all {
            assert_eq!(ToOutput::decode(&message.encode()), Some(message));
        }
        let lost = FromOutput::Lost { sink: 1, errno: 32 };
        assert_eq!(lost.encode(), b"{\"lost\":{\"sink\":1,\"errno\":32}}\n");
        let unreadable = FromOutput::Unreadable { source: 7, errno: 5 };
        for message in [lost, FromOutput::Gone(7), unreadable] {
            assert_eq!(FromOutput::decode(&message.encode()), Some(message));
        }
        assert_eq!(KeptQuery::decode(b"{}"), Some(KeptQuery::default()));
        let query = KeptQuery { names: vec!["a".into()], lines: Some(3), ..KeptQuery::default() };
        assert_eq!(KeptQuery::decode(&query.encode()), Some(query));
        let record = LogRecord { service: "web".into(), length: 9, ..LogRecord::default() };
        assert_eq!(LogRecord::decode(&record.encode()), Some(record));
        assert_eq!(LogRecord::decode(b"[]"), None);
    }

    #[test]
    fn modes_have_names() {
        assert_eq!(LogMode::parse(b"json"), Some(LogMode::Json));
        assert_eq!(LogMode::parse(b"JSON"), None);
    }
}
