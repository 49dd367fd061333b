//! s6-setsid: leads a session or a process group, then becomes a program.
//! Reference: <https://skarnet.org/software/s6/s6-setsid.html>.

use crate::sys::{fd, signal};
use crate::tools::{Exit, Next, Options, Process, Word};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::{Pid, getpid, setpgid, setsid, tcsetpgrp};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

/// Stand for the long options that have no letter.
const PROCESS_GROUP: char = '\x01';
const FOREGROUND: char = '\x02';
const GRAB: char = '\x03';

/// The short options, and the stand-ins for long ones.
const SPEC: &str = "sbfgiIqd:\x01\x02\x03";
/// The long options.
const LONG: &[(&str, char)] = &[
    ("session", 's'),
    ("process-group", PROCESS_GROUP),
    ("background-process-group", 'b'),
    ("foreground", FOREGROUND),
    ("foreground-process-group", 'f'),
    ("grab", GRAB),
    ("foreground-process-group-grab", 'g'),
    ("no-strict", 'I'),
    ("strict", 'i'),
    ("quiet", 'q'),
    ("ctty", 'd'),
];

/// What the program is to lead.
#[derive(Clone, Copy, Default)]
struct Leads {
    /// A process group, and not a session.
    group: bool,
    /// The terminal's foreground.
    foreground: bool,
    /// Takes the terminal even from where it is not allowed to.
    grab: bool,
}

/// `s6-setsid [ -s | -b | -f | -g ] [ -i | -I | -q ] [ -d ctty ] prog...`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse_long(process, argv, SPEC, LONG)?;
    let leads = options.iter().fold(Leads::default(), |leads, (letter, _)| leads.with(letter));
    let policy = FailurePolicy {
        process,
        strict: options.last_of("iI") == Some('i'),
        quiet: options.has('q'),
    };
    let terminal = options.value('d').map(|n| process.number::<u32>(n)).transpose()?;
    let terminal = terminal.map(|n| RawFd::try_from(n).unwrap_or(RawFd::MAX));
    let program = options.rest();
    if program.is_empty() {
        return Err(process.usage());
    }
    if leads.group {
        let own = match terminal {
            None if leads.foreground => Some(own_terminal(process)?),
            _ => None,
        };
        let terminal = own.as_ref().map(AsRawFd::as_raw_fd).or(terminal).unwrap_or(0);
        policy.failure("setpgid", setpgid(Pid::from_raw(0), Pid::from_raw(0)))?;
        if leads.foreground {
            take_foreground(&policy, terminal, leads.grab)?;
        }
    } else {
        policy.failure("setsid", setsid().map(drop))?;
    }
    Ok(program.into())
}

impl Leads {
    fn with(self, letter: char) -> Self {
        match letter {
            's' => Self::default(),
            PROCESS_GROUP => Self { group: true, ..self },
            'b' => Self { group: true, ..Self::default() },
            FOREGROUND => Self { foreground: true, ..self },
            'f' => Self { group: true, foreground: true, grab: false },
            GRAB => Self { grab: true, ..self },
            'g' => Self { group: true, foreground: true, grab: true },
            _ => self,
        }
    }
}

fn own_terminal(process: &Process) -> Result<OwnedFd, Exit> {
    open("/dev/tty", OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())
        .map_err(|e| process.fatal_errno("unable to open /dev/tty", e))
}

fn take_foreground(policy: &FailurePolicy, terminal: RawFd, grab: bool) -> Result<(), Exit> {
    if grab {
        // Otherwise the call below stops a process in the background.
        policy.failure("ignore SIGTTOU", signal::ignore(Signal::SIGTTOU))?;
    }
    policy.failure("tcsetpgrp", tcsetpgrp(fd::borrow(&terminal), getpid()))
}

/// What a failure leads to: the end, a warning, or nothing.
struct FailurePolicy<'a> {
    process: &'a Process,
    strict: bool,
    quiet: bool,
}

impl FailurePolicy<'_> {
    fn failure(&self, step: &str, result: Result<(), Errno>) -> Result<(), Exit> {
        let Err(e) = result else { return Ok(()) };
        let text = format!("unable to {step}");
        if self.strict {
            return Err(self.process.fatal_errno(&text, e));
        }
        if !self.quiet {
            self.process.warn_errno(&text, e);
        }
        Ok(())
    }
}
