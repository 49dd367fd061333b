//! How many of a longrun there are: `instances`.

use super::condition::Lookup;
use super::{Definition, Fault, FaultPlace, Kind, Problem};
use crate::format::decimal;

/// The most that there may be of one service.
pub const MOST_INSTANCES: u32 = 1_000;

/// What `instances` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Instances {
    /// So many.
    Count(u32),
    /// As many as a variable of the container says.
    Variable {
        /// The variable.
        name: String,
        /// How many there are if it is not set, or empty.
        default: Option<u32>,
    },
    /// One for each processor that the container may use.
    Cpus,
    /// A running tree had more: those above `count` are on their way out, and nothing needs them.
    Shrinking {
        /// How many stay.
        count: u32,
        /// How many there are still.
        before: u32,
    },
}

/// What one of several services of a definition is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// The name of the definition.
    pub of: String,
    /// Its number, from 1: `$SIXTREE_INSTANCE`.
    pub number: u32,
}

/// A number of instances that cannot be known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum UnknownCount {
    #[error("the number of instances is ${0}, which is not set")]
    NotSet(String),
    #[error("the number of instances is ${name}, and {value:?} is none up to {MOST_INSTANCES}")]
    NoNumber { name: String, value: String },
}

impl Problem for UnknownCount {
    fn code(&self) -> &'static str {
        "E053"
    }
    fn remedy(&self) -> String {
        match self {
            Self::NotSet(name) => {
                format!("set it when the container starts, or write ${name}:-1 for a default")
            }
            Self::NoNumber { .. } => "set it to plain digits".to_owned(),
        }
    }
}

/// A number of instances.
pub(super) fn number(text: &[u8]) -> Option<u32> {
    decimal::parse(text).filter(|number| *number <= MOST_INSTANCES)
}

impl Instances {
    /// How many services there are that others can need: none where it is not known yet.
    pub fn count(&self) -> u32 {
        match self {
            Self::Count(count) | Self::Shrinking { count, .. } => *count,
            Self::Variable { .. } | Self::Cpus => 0,
        }
    }

    /// How many there are, with those that are on their way out.
    pub fn highest(&self) -> u32 {
        match self {
            Self::Shrinking { count, before } => *count.max(before),
            Self::Count(_) | Self::Variable { .. } | Self::Cpus => self.count(),
        }
    }

    /// How many there are to be. Where nothing is known of the variables, their defaults count.
    fn find(&self, lookup: Option<Lookup<'_>>, cpus: fn() -> u32) -> Result<u32, UnknownCount> {
        let (name, default) = match self {
            Self::Count(count) | Self::Shrinking { count, .. } => return Ok(*count),
            Self::Cpus => return Ok(cpus().clamp(1, MOST_INSTANCES)),
            Self::Variable { name, default } => (name, *default),
        };
        let Some(lookup) = lookup else { return Ok(default.unwrap_or(1)) };
        let value = lookup(name).unwrap_or_default();
        match (value.trim_ascii(), default) {
            ([], Some(default)) => Ok(default),
            ([], None) => Err(UnknownCount::NotSet(name.clone())),
            (value, _) => number(value).ok_or_else(|| UnknownCount::NoNumber {
                name: name.clone(),
                value: String::from_utf8_lossy(value).chars().take(40).collect(),
            }),
        }
    }
}

/// Finds out how many of each service there are to be. Where that cannot be known, there is one,
/// and a fault. Without `lookup`, nothing is known of the container's variables.
pub fn count_instances(
    definitions: &mut [Definition],
    lookup: Option<Lookup<'_>>,
    cpus: fn() -> u32,
) -> Vec<Fault> {
    let mut faults = Vec::new();
    for Definition { name, directory, kind, .. } in definitions {
        let Kind::Longrun(longrun) = kind else { continue };
        let Some(instances) = &mut longrun.instances else { continue };
        let count = instances.find(lookup, cpus).unwrap_or_else(|problem| {
            let (service, file) = (Some(name.clone()), directory.join("instances"));
            faults.push(Fault::new(FaultPlace { service, file, line: 0 }, &problem));
            1
        });
        *instances = Instances::Count(count);
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::{Longrun, parse};

    #[test]
    fn a_number_comes_from_the_file_a_variable_or_the_machine() {
        let count = |text: &str, value: Option<&str>| {
            let instances = Some(parse::instances(text.as_bytes()).unwrap());
            let longrun = Longrun { instances, ..Longrun::default() };
            let mut all = [Definition::new("web", Kind::Longrun(longrun))];
            let lookup = |_: &str| value.map(|value| value.as_bytes().to_vec());
            let faults = count_instances(&mut all, Some(&lookup), || 7);
            let Kind::Longrun(longrun) = &all[0].kind else { unreachable!() };
            let told = faults.first().map(|fault| format!("{} {}", fault.code, fault.what));
            told.unwrap_or_else(|| longrun.instances.as_ref().unwrap().count().to_string())
        };
        assert_eq!(count("4\n", None), "4");
        assert_eq!(count("0", None), "0");
        assert_eq!(count("cpus\n", None), "7");
        assert_eq!((count("$N", Some("3")), count("$N:-2", Some(" 3 "))), ("3".into(), "3".into()));
        assert_eq!((count("$N:-2", None), count("$N:-2", Some(""))), ("2".into(), "2".into()));
        assert_eq!(count("$N", None), "E053 the number of instances is $N, which is not set");
        let wrong = "E053 the number of instances is $N, and \"1001\" is none up to 1000";
        assert_eq!(count("$N:-2", Some("1001")), wrong);
        for text in ["", "-1", "1001", "1\r", "$", "$A B", "$A:-", "$A:-x", "${A}", "cpu", "4 "] {
            assert!(parse::instances(text.as_bytes()).is_err(), "{text:?}");
        }
        let mut unknown = [Definition::new(
            "web",
            Kind::Longrun(Longrun {
                instances: Some(Instances::Variable { name: "N".into(), default: None }),
                ..Longrun::default()
            }),
        )];
        assert_eq!(count_instances(&mut unknown, None, || 7), []);
    }
}
