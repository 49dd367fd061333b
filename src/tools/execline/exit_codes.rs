//! The lists of exit codes that tell a loop whether to go on: `-o 0,1,…` and `-x 2,3,…`.

use crate::format::decimal;
use crate::sys::process::WaitStatus;
use crate::tools::{Exit, Options, Process};

/// The exit codes with which a loop goes on, or those with which it does not.
pub(super) struct ExitCodes {
    listed: Vec<u64>,
    listed_go_on: bool,
}

impl ExitCodes {
    /// What the last option -o or -x says, if there is one.
    pub(super) fn of(process: &Process, options: &Options) -> Result<Option<Self>, Exit> {
        let mut codes = None;
        for (letter, list) in options.iter().filter(|(letter, _)| "ox".contains(*letter)) {
            let listed = decimal::list(list).ok_or_else(|| process.usage())?;
            codes = Some(Self { listed, listed_go_on: letter == 'o' });
        }
        Ok(codes)
    }

    /// Those of a loop that always goes on.
    pub(super) fn any() -> Self {
        Self { listed: Vec::new(), listed_go_on: false }
    }

    /// Those of a loop that goes on after success only.
    pub(super) fn success() -> Self {
        Self { listed: vec![0], listed_go_on: true }
    }

    /// Whether to go on after a child has ended so. Codes above 128 count as 128.
    pub(super) fn go_on(&self, status: WaitStatus) -> bool {
        self.listed.contains(&u64::from(status.approximation())) == self.listed_go_on
    }
}
