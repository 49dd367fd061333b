//! trap: runs a program, and others when signals come.
//! Reference: <https://skarnet.org/software/execline/trap.html>.

use super::blocks::Blocks;
use super::children;
use crate::execline::block;
use crate::format::decimal;
use crate::format::signal::{name, parse_without_real_time as parse};
use crate::sys::process::{WaitStatus, kill, wait};
use crate::sys::signal::Caught;
use crate::tools::die::show;
use crate::tools::{Exit, Next, Options, Process, Word};
use litemap::LiteMap;
use nix::errno::Errno;
use nix::libc::{SIGCHLD, SIGKILL, SIGSTOP};
use nix::sys::wait::WaitPidFlag;
use nix::unistd::Pid;

/// The highest number of a signal.
const LAST: u8 = 64;

/// `trap [ -x ] { signal { cmdline } ... } prog...`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "x")?;
    let forward = options.has('x');
    let words = options.rest();
    if words.is_empty() {
        return Err(process.usage());
    }
    let (directives, program) = Blocks::new(process).take_filled(words, "block")?;
    if program.is_empty() {
        return Err(process.usage());
    }
    let handlers = read_directives(process, directives)?;
    Trap::start(process, handlers, program, forward)?.attend(process)
}

/// The words to run for each signal.
type Handlers = LiteMap<u8, Vec<Word>>;

fn read_directives(process: &Process, mut words: Vec<Word>) -> Result<Handlers, Exit> {
    let mut handlers = Handlers::new();
    let mut default = None;
    while !words.is_empty() {
        let directive = words.remove(0);
        let wrong =
            |what: &str| process.fatal(100, format_args!("{what} directive: {}", show(&directive)));
        let block = block::read(words);
        let Some(rest) = block.rest else {
            let name = show(&directive);
            let text = format!("unterminated internal block for directive {name}");
            return Err(process.fatal(100, &text));
        };
        let duplicate = match parse(&directive) {
            Some(number) => {
                check(process, number)?;
                handlers.insert(number, block.words)
            }
            None if is_default(&directive) => default.replace(block.words),
            None => return Err(wrong("unrecognized")),
        };
        if duplicate.is_some() {
            return Err(wrong("duplicate"));
        }
        words = rest;
    }
    if let Some(default) = default {
        for number in (1..=LAST).filter(|&n| n != SIGCHLD as u8) {
            handlers.entry(number).or_insert_with(|| default.clone());
        }
    }
    Ok(handlers)
}

/// Whether a directive is for all signals that have none; 0 is another word for it.
fn is_default(directive: &[u8]) -> bool {
    let number = match directive {
        [b's' | b'S', b'i' | b'I', b'g' | b'G', number @ ..] => number,
        number => number,
    };
    directive.eq_ignore_ascii_case(b"default") || decimal::parse(number) == Some(0u8)
}

fn check(process: &Process, number: u8) -> Result<(), Exit> {
    if [SIGCHLD, SIGKILL, SIGSTOP].contains(&i32::from(number)) {
        let text = format!("SIG{} ({number}) cannot be trapped", name(number));
        return Err(process.fatal(100, &text));
    }
    Ok(())
}

struct Trap {
    signals: Caught,
    handlers: Handlers,
    child: Pid,
    /// The handlers that run now: one at a time for each signal.
    running: LiteMap<u8, Pid>,
}

impl Trap {
    fn start(
        process: &Process,
        handlers: Handlers,
        program: Vec<Word>,
        forward: bool,
    ) -> Result<Self, Exit> {
        let caught =
            (1..=LAST).filter(|n| forward || *n == SIGCHLD as u8 || handlers.contains_key(n));
        let signals = Caught::new(caught).map_err(process.unable("trap signals"))?;
        let name = children::name(&program);
        let child = process
            .spawn(program.into(), &|| signals.release())
            .map_err(process.unable(format_args!("spawn {name}")))?;
        Ok(Self { signals, handlers, child, running: LiteMap::new() })
    }

    /// Handles signals until the child has ended.
    fn attend(mut self, process: &Process) -> Result<Next, Exit> {
        loop {
            let signal = self.signals.next(None);
            match signal.map_err(process.unable("wait for signals"))? {
                Some(number) if number == SIGCHLD as u8 => {
                    if let Some(status) = self.reap(process)? {
                        return Ok(Next::Exit(status.approximation()));
                    }
                }
                Some(number) => self.handle(process, number)?,
                None => {}
            }
        }
    }

    fn handle(&mut self, process: &Process, number: u8) -> Result<(), Exit> {
        let Some(handler) = self.handlers.get(&number) else {
            let _ = kill(self.child.as_raw(), number);
            return Ok(());
        };
        if self.running.contains_key(&number) {
            return Ok(());
        }
        let mut process = process.clone();
        process.env.set(b"!", self.child.to_string().as_bytes());
        process.env.set(b"SIGNAL", number.to_string().as_bytes());
        let pid = process
            .spawn(handler.clone().into(), &|| self.signals.release())
            .map_err(process.unable(format_args!("spawn {}", children::name(handler))))?;
        self.running.insert(number, pid);
        Ok(())
    }

    /// Takes note of all that have ended; how the child has, if it is among them.
    fn reap(&mut self, process: &Process) -> Result<Option<WaitStatus>, Exit> {
        loop {
            match wait(-1, WaitPidFlag::WNOHANG) {
                Ok(Some((pid, status))) if pid == self.child => return Ok(Some(status)),
                Ok(Some((pid, _))) => self.running.retain(|_, running| *running != pid),
                Ok(None) | Err(Errno::ECHILD) => return Ok(None),
                Err(e) => return Err(process.fatal_errno("unable to wait", e)),
            }
        }
    }
}
