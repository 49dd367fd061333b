//! The rules that hold in every world.

use sixtree_core::engine::{Command, Event, Notice, Time};
use std::fmt;

/// What must never be broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rule {
    /// A service has one process at a time.
    OneProcess,
    /// Only a process that is there is signalled, or forgotten.
    SignalToLiving,
    /// What a service needs is up before it starts.
    DependenciesUp,
    /// What needs a service is down before it stops.
    DependentsDown,
    /// What goes first, where both move, does.
    Order,
    /// What is reported, and what the engine answers, is so.
    Truth,
    /// The deadline is never in the past, and a timeout leads somewhere.
    Deadline,
    /// Nothing is alive when the loop is left.
    NothingAlive,
    /// From any point, a shutdown in a fair world ends.
    Ends,
    /// A shutdown ends within the limits that its tree and its container set, whatever any process
    /// does that they limit.
    EndsInTime,
    /// The same choices make the same trace.
    Determinism,
    /// Every request gets its reports, then one end.
    Answers,
    /// The letters of `event/` come in an order that listeners can follow.
    Letters,
    /// A directory is supervised once, before anything is done with it, and left when it is down.
    Supervision,
    /// Every death of a `run` is tallied once.
    Tally,
    /// `run` starts again after its delay, or sooner if it was ready or somebody asks, and never
    /// later.
    Pace,
    /// A longrun is wanted as it was told, stopped when it was told, and started if it is wanted.
    Obedience,
    /// An end stops the container if that is the policy, and only then.
    Policy,
    /// `stop` is run once for a process, and never twice at a time.
    OneStop,
    /// A process for which there is no room is asked for again for a while.
    Patience,
    /// What a change has stopped is not started before somebody asks for it.
    StaysDown,
    /// The CMD starts once, and not after a stop.
    Cmd,
    /// The exit code of the CMD is the container's, unless it ended after the last TERM.
    ExitCode,
    /// What is unwell is reported, and restarted or stopped, when and only when its policy says so.
    Health,
    /// Looked at is what lives, and of that what matters now.
    Looks,
    /// After KILL nothing is started, and after the exit nothing is done.
    Silence,
}

/// Every rule.
pub(crate) const RULES: [Rule; 26] = [
    Rule::OneProcess,
    Rule::SignalToLiving,
    Rule::DependenciesUp,
    Rule::DependentsDown,
    Rule::Order,
    Rule::Truth,
    Rule::Deadline,
    Rule::NothingAlive,
    Rule::Ends,
    Rule::EndsInTime,
    Rule::Determinism,
    Rule::Answers,
    Rule::Letters,
    Rule::Supervision,
    Rule::Tally,
    Rule::Pace,
    Rule::Obedience,
    Rule::Policy,
    Rule::OneStop,
    Rule::Patience,
    Rule::StaysDown,
    Rule::Cmd,
    Rule::ExitCode,
    Rule::Health,
    Rule::Looks,
    Rule::Silence,
];

/// A rule that was broken.
#[derive(Clone, Debug)]
pub(crate) struct Breach {
    pub rule: Rule,
    pub what: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is broken: {}", self.rule, self.what)
    }
}

/// Breaks off with a breach unless the condition holds.
pub(crate) fn hold(
    condition: bool,
    rule: Rule,
    what: impl FnOnce() -> String,
) -> Result<(), Breach> {
    if condition { Ok(()) } else { Err(Breach { rule, what: what() }) }
}

/// The letters of one `event/`, so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Listener {
    #[default]
    Off,
    Down,
    Up,
    Ready,
    Dying,
    Failed,
}

impl Listener {
    /// The state after a notice; `None` if it must not come now.
    pub(crate) fn hear(self, notice: Notice) -> Option<Self> {
        match (self, notice) {
            (Self::Off, Notice::Supervised) => Some(Self::Down),
            (Self::Down, Notice::Up) => Some(Self::Up),
            (Self::Up, Notice::Ready) => Some(Self::Ready),
            (Self::Up | Self::Ready, Notice::Died) => Some(Self::Dying),
            (Self::Dying, Notice::GaveUp) => Some(Self::Failed),
            (Self::Dying | Self::Failed, Notice::Down) => Some(Self::Down),
            (Self::Down, Notice::Unsupervised) => Some(Self::Off),
            _ => None,
        }
    }
}

/// One line of a trace.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Line {
    /// What happened, and when.
    In(Time, Event),
    /// Another tree took the place of the one at work, or not.
    Replaced(Time, bool),
    /// What was to be done about it.
    Out(Command),
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::In(at, event) => write!(f, "{:>7} {event:?}", at.0),
            Self::Replaced(at, true) => write!(f, "{:>7} Replaced", at.0),
            Self::Replaced(at, false) => write!(f, "{:>7} NotReplaced", at.0),
            Self::Out(command) => write!(f, "          -> {command:?}"),
        }
    }
}
