//! A program that is run once for each of several values: what the loops have in common.

use super::autoimport;
use super::children;
use super::exit_codes::ExitCodes;
use crate::sys::process::wait;
use crate::sys::signal::default_sigchld;
use crate::tools::{Exec, Exit, Options, Process, Word};
use nix::errno::Errno;
use nix::sys::signal::SigSet;
use nix::sys::wait::WaitPidFlag;
use nix::unistd::Pid;

/// A loop that is under way.
pub(super) struct Each<'a> {
    process: &'a Process,
    /// The variable that holds the value.
    variable: Word,
    /// The program, under an importas if the value is to be put into its words.
    program: Exec,
    /// The program's name, for messages.
    name: String,
    /// How many may run at a time.
    most: usize,
    /// When to go on, if they run one at a time.
    codes: ExitCodes,
    running: Vec<Pid>,
}

/// The options that all loops have.
pub(super) struct Manner {
    /// Whether the value is put into the words of the program, rather than exported.
    pub import: bool,
    /// How many may run at a time: as the options p (as many as there are values) and P say.
    pub most: usize,
    /// The exit codes after which to go on.
    pub codes: ExitCodes,
}

impl Manner {
    /// Reads the options p, P, o, x, E and e.
    pub(super) fn of(process: &Process, options: &Options) -> Result<Self, Exit> {
        let mut most = 1;
        for (letter, value) in options.iter() {
            match letter {
                'p' => most = usize::MAX,
                'P' => most = process.number::<u32>(value)? as usize,
                _ => {}
            }
        }
        let codes = ExitCodes::of(process, options)?.unwrap_or_else(ExitCodes::any);
        Ok(Self { import: options.last_of("Ee") == Some('E'), most, codes })
    }
}

impl<'a> Each<'a> {
    /// A loop of `program`, nothing of which has run yet.
    pub(super) fn new(process: &'a Process, manner: Manner, variable: Word, program: Exec) -> Self {
        let name = children::name(&program.argv);
        let program =
            if manner.import { autoimport::importing(&variable, program.argv) } else { program };
        // It cannot fail, and children are waited for all the same.
        let _ = default_sigchld();
        let most = manner.most.max(1);
        Self { process, variable, program, name, most, codes: manner.codes, running: vec![] }
    }

    /// Runs the program for a value; comes back when another one may run. `setup` is what the child
    /// has to do first.
    pub(super) fn run(
        &mut self,
        value: &[u8],
        setup: &dyn Fn() -> Result<(), Errno>,
    ) -> Result<(), Exit> {
        let mut process = self.process.clone();
        process.env.set(&self.variable, value);
        let setup = || {
            SigSet::empty().thread_set_mask()?;
            setup()
        };
        let spawned = process.spawn(self.program.clone(), &setup);
        let pid = spawned.map_err(self.process.unable(format_args!("spawn {}", self.name)))?;
        self.running.push(pid);
        while self.running.len() >= self.most {
            self.wait()?;
        }
        Ok(())
    }

    /// Waits until nothing is running.
    pub(super) fn finish(mut self) -> Result<(), Exit> {
        while !self.running.is_empty() {
            self.wait()?;
        }
        Ok(())
    }

    /// Waits for any child: one that was there before may end meanwhile.
    fn wait(&mut self) -> Result<(), Exit> {
        let ended = wait(-1, WaitPidFlag::empty()).map_err(self.process.unable("wait"))?;
        let Some((pid, status)) = ended else { return Ok(()) };
        let before = self.running.len();
        self.running.retain(|running| *running != pid);
        if self.running.len() < before && self.most == 1 && !self.codes.go_on(status) {
            return Err(Exit(status.approximation()));
        }
        Ok(())
    }
}
