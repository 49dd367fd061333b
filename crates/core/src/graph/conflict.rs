//! Contradictions between definitions.

use crate::definition::{MARK, Problem};
use std::path::PathBuf;

/// A contradiction between definitions.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// Two definitions have one name.
    #[error(
        "duplicate service definition: already defined in {} and has type {kind}",
        first.display()
    )]
    Duplicate {
        /// Where the name is defined first.
        first: PathBuf,
        /// What it is there.
        kind: &'static str,
    },
    /// Something else has the name of an instance.
    #[error(
        "the name of an instance, {}, is already defined in {} and has type {kind}",
        name.escape_debug(),
        first.display()
    )]
    InstanceName {
        /// The name.
        name: String,
        /// Where it is defined first.
        first: PathBuf,
        /// What it is there.
        kind: &'static str,
    },
    /// A bundle has a member that does not exist.
    #[error("undefined service name {} in a bundle", name.escape_debug())]
    UndefinedMember {
        /// The name.
        name: String,
        /// What was meant, perhaps.
        meant: Option<String>,
    },
    /// A service depends on something that does not exist.
    #[error("undefined service name {} in the dependencies", name.escape_debug())]
    UndefinedDependency {
        /// The name.
        name: String,
        /// What was meant, perhaps.
        meant: Option<String>,
    },
    /// A bundle contains itself.
    #[error("cyclic bundle definition: {0}")]
    BundleCycle(String),
    /// A service depends on itself.
    #[error("cyclic service dependency: {0}")]
    Cycle(String),
    /// `producer-for` without `consumer-for` at the other end.
    #[error(
        "declares being a producer for a service named {} that does not declare it back",
        .0.escape_debug()
    )]
    HalfProducer(String),
    /// `consumer-for` without `producer-for` at the other end.
    #[error(
        "declares being the consumer for a service named {} that does not declare it back",
        .0.escape_debug()
    )]
    HalfConsumer(String),
    /// One end of a pipe is no longrun.
    #[error("declares a pipe to or from a service named {} of type {kind}", name.escape_debug())]
    NotLongrun {
        /// The other end.
        name: String,
        /// What it is.
        kind: &'static str,
        /// What was meant, perhaps.
        meant: Option<String>,
    },
    /// `pipeline-name` is the name of something else.
    #[error(
        "duplicate service definition: the pipeline-name {} is already defined and has type {kind}",
        name.escape_debug()
    )]
    PipelineName {
        /// The name.
        name: String,
        /// What it is.
        kind: &'static str,
    },
}

impl Problem for Conflict {
    fn code(&self) -> &'static str {
        match self {
            Self::Duplicate { .. } => "E101",
            Self::UndefinedMember { .. } => "E102",
            Self::UndefinedDependency { .. } => "E103",
            Self::BundleCycle(_) => "E104",
            Self::Cycle(_) => "E105",
            Self::HalfProducer(_) => "E106",
            Self::HalfConsumer(_) => "E107",
            Self::NotLongrun { .. } => "E108",
            Self::PipelineName { .. } => "E109",
            Self::InstanceName { .. } => "E110",
        }
    }

    fn remedy(&self) -> String {
        match self {
            Self::Duplicate { .. } => "remove or rename one of the two".to_owned(),
            Self::UndefinedMember { name, meant } | Self::UndefinedDependency { name, meant } => {
                mend_name(name, meant.as_deref(), "define it, or remove the name")
            }
            Self::BundleCycle(_) => "remove one of these bundles from the one before it".to_owned(),
            Self::Cycle(_) => "remove one of these dependencies".to_owned(),
            Self::HalfProducer(name) => {
                format!("write this service into consumer-for of {}", name.escape_debug())
            }
            Self::HalfConsumer(name) => {
                format!("write this service into producer-for of {}", name.escape_debug())
            }
            Self::NotLongrun { name, meant, .. } => {
                mend_name(name, meant.as_deref(), "both ends of a pipe must be longruns")
            }
            Self::PipelineName { .. } => "choose another name for the pipeline".to_owned(),
            Self::InstanceName { .. } => "rename one of the two".to_owned(),
        }
    }
}

/// What to do about a name that does not exist.
fn mend_name(name: &str, meant: Option<&str>, otherwise: &str) -> String {
    match meant {
        _ if name.ends_with('\r') => "save the file with Unix line endings".to_owned(),
        _ if name.starts_with(MARK) => "save the file without a byte order mark".to_owned(),
        Some(meant) if name.trim_end() == meant => "remove the blank after it".to_owned(),
        Some(meant) => format!("did you mean {}?", meant.escape_debug()),
        None => otherwise.to_owned(),
    }
}
