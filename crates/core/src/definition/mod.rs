//! What a definition directory says, in types. Reference: s6-rc-compile's page.

pub mod checks;
pub mod compiled;
mod condition;
mod ends;
mod error;
pub mod health;
mod instances;
pub mod names;
pub mod parse;
mod presence;
mod similar;

pub use condition::{Condition, Lookup, Test};
pub use ends::{EndAction, EndMistake, EndPolicy, RestartDelay, RestartLimit};
pub use error::{Fault, FaultPlace, MARK, Mistake, Problem, Severity, SystemError};
pub use instances::{Instance, Instances, MOST_INSTANCES, count_instances};
pub use presence::{Off, Presence, PresenceSwitches, decide};
pub use similar::similar;

pub use crate::execline::Word;

use crate::format::output::LogMode;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// One service or bundle, as its directory defines it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Its name: that of the directory.
    pub name: String,
    /// The directory.
    pub directory: PathBuf,
    /// Its type, with the data that only this type has.
    pub kind: Kind,
    /// `flag-essential`: stays up under `s6-rc -d`.
    pub essential: bool,
    /// `flag-recommended`.
    pub recommended: bool,
    /// `if-env`: the conditions that must hold for it to take part. They are removed once it is
    /// decided whether it takes part.
    pub if_env: Vec<Condition>,
    /// `log`: how what it says is shown, if it is not as `SIXTREE_LOG` says.
    pub log: Option<LogMode>,
    /// Files in its directory that nothing reads in a definition of its type; see `names`.
    pub unread: Vec<String>,
}

/// A name that a definition mentions, and the file that mentions it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The service or bundle meant.
    pub name: String,
    /// The file that mentions it, or the directory (a `.d`) that contains an empty file of that
    /// name. It is shared by all names of a list, of which there may be thousands.
    pub file: Arc<Path>,
    /// The line of that file, from 1; 0 for a file in a directory.
    pub line: u32,
}

/// The three types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Scripts that run once: up when the container starts, down when it stops.
    Oneshot(Oneshot),
    /// A supervised process.
    Longrun(Longrun),
    /// A name for several others.
    Bundle(Vec<Reference>),
}

/// What oneshots and longruns both have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Atomic {
    /// The services or bundles that must be up before this service starts.
    pub dependencies: Vec<Reference>,
    /// `after.d`: services or bundles that start first if both start. A name in it need not exist.
    pub after: Vec<Reference>,
    /// How long the service may take to come up, in ms; 0 means no limit.
    pub timeout_up_ms: u32,
    /// How long the service may take to go down, in ms; 0 means no limit.
    pub timeout_down_ms: u32,
}

/// A oneshot: three command lines, each possibly empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Oneshot {
    /// Dependencies and timeouts.
    pub atomic: Atomic,
    /// The words of `up`.
    pub up: Vec<Word>,
    /// The words of `down`.
    pub down: Vec<Word>,
    /// The words of `reload`.
    pub reload: Vec<Word>,
}

/// A longrun. Its scripts, signals and supervision timeouts are files of the live service
/// directory, read each time that they are needed. This type contains only what concerns the tree
/// as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Longrun {
    /// Dependencies and timeouts.
    pub atomic: Atomic,
    /// `notification-fd`: the descriptor on which the service notifies that it is ready.
    pub notification_fd: Option<u32>,
    /// `lock-fd`.
    pub lock_fd: Option<u32>,
    /// Its consumer: `producer-for`.
    pub producer_for: Option<Reference>,
    /// Its producers: `consumer-for`.
    pub consumer_for: Vec<Reference>,
    /// The bundle that holds the whole pipeline: `pipeline-name`.
    pub pipeline_name: Option<Reference>,
    /// Whether there is a `finish` script.
    pub has_finish: bool,
    /// Which of `HANDED_ON` it has.
    pub handed_on: Vec<&'static str>,
    /// What its end means, where a file says so.
    pub ends: Option<Arc<EndPolicy>>,
    /// `instances`: how many services it stands for.
    pub instances: Option<Instances>,
    /// Which of them this one is. No definition that was read is one.
    pub instance: Option<Instance>,
}

/// The files that are copied from a longrun's definition directory to its live directory.
pub const HANDED_ON: &[&str] = &{
    let mut all = [""; OWN_FILES.len() + health::FILES.len()];
    let (own, others) = all.split_at_mut(OWN_FILES.len());
    own.copy_from_slice(OWN_FILES);
    others.copy_from_slice(health::FILES);
    all
};

/// Those of them that say nothing of health.
const OWN_FILES: &[&str] = &[
    "run",
    "finish",
    "notification-fd",
    "lock-fd",
    "timeout-kill",
    "timeout-finish",
    "max-death-tally",
    "down-signal",
    "reload-signal",
    "flag-down-killpg",
    "flag-newpidns",
    "flag-timeout-killpg",
    "data",
    "env",
    "template",
    "stop",
    "timeout-stop",
];

impl Atomic {
    fn forget_mentions(&mut self) {
        (self.dependencies, self.after) = (Vec::new(), Vec::new());
    }
}

impl Kind {
    /// Its name, as in `type`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Oneshot(_) => "oneshot",
            Self::Longrun(_) => "longrun",
            Self::Bundle(_) => "bundle",
        }
    }
}

impl Reference {
    /// A reference that comes from no file.
    pub fn to(name: &str) -> Self {
        Self { name: name.to_owned(), file: Path::new("").into(), line: 0 }
    }

    /// The file that mentions the name, or whose name is the mention; empty if it comes from no
    /// file.
    pub fn place(&self) -> PathBuf {
        let is_entry = self.line == 0 && !self.file.as_os_str().is_empty();
        if is_entry { self.file.join(&self.name) } else { self.file.to_path_buf() }
    }
}

impl Definition {
    /// A definition that comes from no directory.
    pub fn new(name: &str, kind: Kind) -> Self {
        Self {
            name: name.to_owned(),
            directory: PathBuf::new(),
            kind,
            essential: false,
            recommended: false,
            if_env: Vec::new(),
            log: None,
            unread: Vec::new(),
        }
    }

    /// Drops the names that it mentions, which are of no use once they are resolved.
    pub fn forget_mentions(&mut self) {
        match &mut self.kind {
            Kind::Oneshot(oneshot) => oneshot.atomic.forget_mentions(),
            Kind::Longrun(longrun) => {
                longrun.atomic.forget_mentions();
                longrun.consumer_for = Vec::new();
                (longrun.producer_for, longrun.pipeline_name) = (None, None);
            }
            Kind::Bundle(contents) => *contents = Vec::new(),
        }
    }
    /// Which of several services it is, if it is one of them.
    pub fn instance(&self) -> Option<&Instance> {
        match &self.kind {
            Kind::Longrun(longrun) => longrun.instance.as_ref(),
            Kind::Oneshot(_) | Kind::Bundle(_) => None,
        }
    }
    /// How many services it stands for, if it is no service itself.
    pub fn instances(&self) -> Option<&Instances> {
        match &self.kind {
            Kind::Longrun(longrun) => longrun.instances.as_ref(),
            Kind::Oneshot(_) | Kind::Bundle(_) => None,
        }
    }

    /// The same, to be changed.
    pub fn instances_mut(&mut self) -> Option<&mut Instances> {
        match &mut self.kind {
            Kind::Longrun(longrun) => longrun.instances.as_mut(),
            Kind::Oneshot(_) | Kind::Bundle(_) => None,
        }
    }

    /// Dependencies and timeouts; a bundle has none.
    pub fn atomic(&self) -> Option<&Atomic> {
        match &self.kind {
            Kind::Oneshot(o) => Some(&o.atomic),
            Kind::Longrun(l) => Some(&l.atomic),
            Kind::Bundle(_) => None,
        }
    }
}
