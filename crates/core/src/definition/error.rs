//! What can be wrong with a tree: what a fault consists of, and the mistakes that a single
//! directory can contain.

use super::ends::EndMistake;
use crate::execline::lexer;
use std::fmt::{self, Display};
use std::path::PathBuf;

/// The error that the operating system returned, as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SystemError(pub &'static str);

impl Display for SystemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// What to do about carriage returns.
const UNIX_LINES: &str = "save it with Unix line endings";

/// What to do about a byte order mark.
const NO_MARK: &str = "save it without a byte order mark";

/// How conditions look.
const CONDITIONS: &str = "write NAME, !NAME, NAME=VALUE or NAME!=VALUE, one a line";

/// A byte order mark, which editors on Windows put in front of a text, and do not show.
pub const MARK: char = '\u{feff}';

/// What to write into a file that says how a service is looked at.
const CHECKS: &str = "write `http [HOST:]PORT/PATH`, `tcp [HOST:]PORT`, `unix PATH` or `exec \
    WORDS` into health; into ready-http, ready-tcp and the like, what follows the first word";

/// How bad a fault is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The tree can be used, but probably does not do what its author meant.
    Warning,
    /// The tree cannot be used.
    Error,
}

/// One thing that is wrong with a tree: where, what, why, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// A code such as `E011`, whose meaning never changes; `docs/diagnostics.md` explains it.
    pub code: &'static str,
    /// Whether the tree can be used all the same.
    pub severity: Severity,
    /// The exit code of s6-rc-compile: 1 for a wrong definition, 111 for an error of the system.
    pub exit_code: u8,
    /// The service or bundle; `None` for a source directory.
    pub service: Option<String>,
    /// The file or directory that is wrong.
    pub file: PathBuf,
    /// Its line, from 1; 0: all of it.
    pub line: u32,
    /// What is wrong and why, in one sentence without a full stop.
    pub what: String,
    /// What to do about it, likewise.
    pub remedy: String,
}

/// Where a fault is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultPlace {
    /// The service or bundle; `None` for a source directory.
    pub service: Option<String>,
    /// The file or directory.
    pub file: PathBuf,
    /// Its line, from 1; 0: all of it.
    pub line: u32,
}

/// Something wrong that a layer has found. Its `Display` is the sentence that describes it.
pub trait Problem: Display {
    /// The code.
    fn code(&self) -> &'static str;
    /// What to do about it.
    fn remedy(&self) -> String;
    /// How bad it is, by the letter of the code.
    fn severity(&self) -> Severity {
        if self.code().starts_with('W') { Severity::Warning } else { Severity::Error }
    }
    /// What s6-rc-compile exits with.
    fn exit_code(&self) -> u8 {
        1
    }
}

impl Fault {
    /// This problem, at this place.
    pub fn new(place: FaultPlace, problem: &dyn Problem) -> Self {
        Self {
            code: problem.code(),
            severity: problem.severity(),
            exit_code: problem.exit_code(),
            service: place.service,
            file: place.file,
            line: place.line,
            what: problem.to_string(),
            remedy: problem.remedy(),
        }
    }
    /// Whether the tree cannot be used because of it.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// `FILE:LINE: service NAME: WHAT; REMEDY [CODE]`, in one line.
impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        if let Some(service) = &self.service {
            write!(f, ": service {}", service.escape_debug())?;
        }
        write!(f, ": {}; {} [{}]", self.what, self.remedy, self.code)
    }
}

/// A mistake in a single definition directory, or in the source directory that contains it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mistake {
    /// A source directory that cannot be listed.
    #[error("unable to opendir: {0}")]
    SourceUnreadable(SystemError),
    /// An entry of a source directory that cannot be reached: a dangling link.
    #[error("unable to stat: {0}")]
    Unreachable(SystemError),
    /// A name that s6-rc keeps for itself.
    #[error("identifier {} starts with reserved prefix", .0.escape_debug())]
    ReservedName(String),
    /// A name with a line feed in it.
    #[error("the name contains a newline character")]
    NewlineInName,
    /// A name that is not UTF-8. Differs: s6-rc accepts it; here names are shown in messages and
    /// JSON.
    #[error("the name is not valid UTF-8")]
    NameNotUtf8,
    /// A file or directory that exists but cannot be read.
    #[error("unable to read: {0}")]
    Unreadable(SystemError),
    /// A file that is too long.
    #[error("longer than {} bytes", .0)]
    TooLong(usize),
    /// No `type`.
    #[error("unable to read type: No such file or directory")]
    TypeMissing,
    /// Another word in `type`.
    #[error("invalid type {0:?}: must be oneshot, longrun, or bundle")]
    TypeUnknown(String),
    /// A `type` that ends in a carriage return.
    #[error("invalid type: must be oneshot, longrun, or bundle, and ends in a carriage return")]
    TypeCrlf,
    /// A word in `type` after a byte order mark.
    #[error("invalid type: must be oneshot, longrun, or bundle, and begins with a byte order mark")]
    TypeMarked,
    /// A directory that contains no file of a definition.
    #[error("no definition: it has none of the files of one, and no type")]
    NoDefinition,
    /// A oneshot without `up`.
    #[error("unable to open up: No such file or directory")]
    UpMissing,
    /// A longrun without `run`.
    #[error("unable to find a run script")]
    RunMissing,
    /// A script that is not a regular file.
    #[error("not a regular file")]
    NotRegular,
    /// A bundle without `contents.d` or `contents`.
    #[error("unable to open contents: No such file or directory")]
    ContentsMissing,
    /// A command line that is not execline.
    #[error("syntax error in execline: {0}")]
    Syntax(lexer::SyntaxError),
    /// `timeout-up` or `timeout-down` that is no number.
    #[error("invalid timeout {0:?}: must be a number of milliseconds")]
    TimeoutInvalid(String),
    /// Another file that is no number.
    #[error("invalid number {0:?}: Invalid argument")]
    NumberInvalid(String),
    /// A file that says what an end means, and holds something else.
    #[error(transparent)]
    Ends(#[from] EndMistake),
    /// `notification-fd` and `lock-fd` are the same.
    #[error("the same value, {0}, for notification-fd and lock-fd")]
    SameDescriptor(u32),
    /// `data`, `env` or `template` that is a file.
    #[error("not a directory")]
    NotDirectory,
    /// A line of `if-env` that is no condition.
    #[error("not a condition: {0:?}")]
    ConditionInvalid(String),
    /// An `if-env` without a condition.
    #[error("no condition in it, so that it changes nothing")]
    NoCondition,
    /// `instances` that is no number of them.
    #[error("invalid number of instances {0:?}")]
    InstancesInvalid(String),
    /// `instances` of a service that reads from others.
    #[error("instances of a service that reads what others write")]
    InstancesOfConsumer,
    /// A `producer-for` or `pipeline-name` that does not contain exactly one name.
    #[error("should only contain one name, and contains {0}")]
    NotOne(usize),
    /// A source directory with nothing in it.
    #[error("the source is empty")]
    SourceEmpty,
    /// `notification-fd` or `lock-fd` that is stdin, stdout or stderr.
    #[error("a descriptor of {0}, which is a standard one")]
    StandardDescriptor(u32),
    /// `pipeline-name` on a service that is not the last of its pipeline.
    #[error("a pipeline-name despite not being a last consumer; it is ignored")]
    PipelineNameIgnored,
    /// A name twice in a list.
    #[error("name listed more than once: {}", .0.escape_debug())]
    Repeated(String),
    /// `log` that is none of its words.
    #[error("invalid log {0:?}: must be plain, prefix, json or none; SIXTREE_LOG counts")]
    LogInvalid(String),
    /// A member of `user` in a place that is not read because another one is.
    #[error("not read, because {} is there", .0.display())]
    MemberNotRead(PathBuf),
    /// A line that does not say what to ask.
    #[error("invalid check {0:?}")]
    CheckInvalid(String),
    /// `on-unhealthy` or `on-memory` with another word.
    #[error("invalid reaction {0:?}: must be restart, stop, or ignore")]
    ReactionUnknown(String),
    /// `memory-limit` that is no amount.
    #[error("invalid amount of memory {0:?}")]
    MemoryInvalid(String),
    /// `notify` with another word.
    #[error("invalid notify {0:?}: must be systemd")]
    NotifyUnknown(String),
    /// Two ways to become ready.
    #[error("there is {0}, too: a service becomes ready in one way")]
    ReadyTwice(&'static str),
    /// A number that must not be 0.
    #[error("invalid number 0: must be 1 or more")]
    Zero,
    /// A file that has an effect only beside another one, which is missing.
    #[error("ignored, because there is no file {0} beside it")]
    OfNoUse(&'static str),
}

impl Problem for Mistake {
    fn code(&self) -> &'static str {
        match self {
            Self::SourceUnreadable(_) => "E001",
            Self::Unreachable(_) => "E002",
            Self::ReservedName(_) => "E003",
            Self::NewlineInName => "E004",
            Self::NameNotUtf8 => "E005",
            Self::Unreadable(_) => "E006",
            Self::TooLong(_) => "E007",
            Self::TypeMissing => "E010",
            Self::TypeUnknown(_) => "E011",
            Self::TypeCrlf => "E012",
            Self::NoDefinition => "E013",
            Self::TypeMarked => "E014",
            Self::UpMissing => "E020",
            Self::RunMissing => "E021",
            Self::NotRegular => "E022",
            Self::ContentsMissing => "E023",
            Self::Syntax(_) => "E024",
            Self::TimeoutInvalid(_) => "E030",
            Self::NumberInvalid(_) => "E031",
            Self::SameDescriptor(_) => "E032",
            Self::NotDirectory => "E033",
            Self::Ends(mistake) => mistake.code(),
            Self::NotOne(_) => "E040",
            Self::ConditionInvalid(_) => "E050",
            Self::InstancesInvalid(_) => "E051",
            Self::InstancesOfConsumer => "E052",
            Self::CheckInvalid(_) => "E060",
            Self::ReactionUnknown(_) => "E061",
            Self::MemoryInvalid(_) => "E062",
            Self::NotifyUnknown(_) => "E063",
            Self::ReadyTwice(_) => "E064",
            Self::Zero => "E065",
            Self::SourceEmpty => "W001",
            Self::StandardDescriptor(_) => "W002",
            Self::PipelineNameIgnored => "W003",
            Self::Repeated(_) => "W004",
            Self::MemberNotRead(_) => "W005",
            Self::NoCondition => "W006",
            Self::OfNoUse(_) => "W060",
            Self::LogInvalid(_) => "W013",
        }
    }

    fn exit_code(&self) -> u8 {
        match self {
            Self::SourceUnreadable(_)
            | Self::Unreachable(_)
            | Self::Unreadable(_)
            | Self::TooLong(_)
            | Self::TypeMissing
            | Self::NoDefinition
            | Self::UpMissing
            | Self::ContentsMissing
            | Self::NumberInvalid(_) => 111,
            _ => 1,
        }
    }

    fn remedy(&self) -> String {
        match self {
            Self::SourceUnreadable(_) => "create it, or make it readable",
            Self::Unreachable(_) => "mend the link, or remove it",
            Self::ReservedName(_) => "choose a name that begins with neither s6rc- nor s6-rc-",
            Self::NewlineInName | Self::NameNotUtf8 => "rename it",
            Self::Unreadable(_) => "make it a readable file",
            Self::TooLong(_) => "is it the file that was meant?",
            Self::TypeMissing => {
                "write oneshot, longrun or bundle into it (or install the layer that defines it)"
            }
            Self::TypeUnknown(_) => "write one of these three words into it",
            Self::TypeCrlf => UNIX_LINES,
            Self::TypeMarked => NO_MARK,
            Self::NoDefinition => {
                "move it out of here, if it is no service (scripts belong into \
                 /etc/s6-overlay/scripts); else write oneshot, longrun or bundle into type"
            }
            Self::UpMissing => "write the command to run into it (an empty file does nothing)",
            Self::RunMissing => "write the script that runs the service",
            Self::NotRegular => "make it a script",
            Self::ContentsMissing => "make a directory contents.d with an empty file per member",
            Self::Syntax(_) => "mend the quote, block or escape; this file is execline, not shell",
            Self::TimeoutInvalid(text)
            | Self::NumberInvalid(text)
            | Self::InstancesInvalid(text)
            | Self::ConditionInvalid(text) => return self.mend_text(text).to_owned(),
            Self::NoCondition => CONDITIONS,
            Self::InstancesOfConsumer => {
                "remove one of the two: several could not share what comes through the pipe"
            }
            Self::SameDescriptor(_) => "choose another descriptor for one of them",
            Self::NotDirectory => "make it a directory, or remove it",
            Self::Ends(mistake) => mistake.remedy(),
            Self::NotOne(_) => "leave one name in it",
            Self::SourceEmpty => "no service is defined there, if that is what was meant",
            Self::StandardDescriptor(_) => "use 3 or more",
            Self::PipelineNameIgnored => "move it to the service that only consumes",
            Self::Repeated(_) => "remove one",
            Self::LogInvalid(_) => "write one of these words into it, or remove it",
            Self::MemberNotRead(_) => "have all members in one of the two places",
            Self::CheckInvalid(_) => CHECKS,
            Self::ReactionUnknown(_) => "write one of these three words into it",
            Self::MemoryInvalid(_) => "write bytes, or 64K, 250M, 1G, or 60% of the container's",
            Self::NotifyUnknown(_) => "write systemd into it, or remove it",
            Self::ReadyTwice(_) => "remove one of them",
            Self::Zero => "write a number above 0",
            Self::OfNoUse(_) => "make that file, or remove this one",
        }
        .to_owned()
    }
}

impl Mistake {
    /// What to do about a file of one value.
    fn mend_text(&self, text: &str) -> &'static str {
        match self {
            _ if text.contains('\r') => UNIX_LINES,
            _ if text.starts_with(MARK) => NO_MARK,
            Self::TimeoutInvalid(_) => "write plain digits; 0 is no limit",
            Self::InstancesInvalid(_) => {
                "write a number up to 1000, $NAME, $NAME:-NUMBER for a default, or cpus"
            }
            Self::ConditionInvalid(_) if text.starts_with('$') => {
                "write the name of the variable without $"
            }
            Self::ConditionInvalid(_) if text.ends_with(['"', '\'']) => {
                "write the value without quotes"
            }
            Self::ConditionInvalid(_) => CONDITIONS,
            _ => "write plain digits",
        }
    }
}
