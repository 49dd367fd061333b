//! s6-log: logs lines, reliably, to directories that rotate, and elsewhere.
//! Reference: <https://skarnet.org/software/s6/s6-log.html>.

mod archive;
mod files;
mod input;
mod logdir;
mod matcher;
mod outputs;
mod processor;
mod rotation;
pub mod script;
mod stage;
mod status;
mod stdout;
mod warnings;

use crate::sys::poll::{self, Deadline};
use crate::sys::process as child;
use crate::sys::signalfd::SignalQueue;
use crate::sys::{fd, signal};
use crate::tools::{Exit, Next, Options, Process, Word};
use input::Input;
use logdir::Logdir;
use matcher::Matcher;
use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::wait::WaitPidFlag;
use outputs::Outputs;
use script::Script;
use std::os::fd::AsFd;
use warnings::Warnings;

/// The shortest limit on a line, in bytes.
const MIN_LINE: usize = 48;
/// How often to try to mark a file as complete. If it fails, the next start archives the file.
const SEAL_ATTEMPTS: u32 = 3;

/// `s6-log [ -d notif ] [ -q | -v ] [ -b ] [ -p ] [ -l linelimit ] [ -t lastlinetimeout ] [ -- ]
/// logging_script`
pub fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "qvbpl:d:t:")?;
    let manners = Manners::from_options(process, &options)?;
    let notification = options.notification(process, 'd')?;
    let words = options.rest();
    if words.is_empty() {
        return Err(process.usage());
    }
    let script = script::parse(&words, Matcher::compile);
    let script = script.map_err(|e| process.fatal(100, e))?;
    fd::open_all(&[0, 1, 2]).map_err(process.unable("open /dev/null"))?;
    let mut log = Log::open(process, script, manners)?;
    if let Some(notification) = notification {
        let _ = fd::write_all(notification, b"\n");
        fd::close(notification);
    }
    fd::open_all(&processor::DESCRIPTORS).map_err(process.unable("open /dev/null"))?;
    log.run().map_err(process.unable("wait"))?;
    log.seal();
    Ok(Next::Exit(0))
}

/// How the program behaves, whatever the script.
struct Manners {
    /// Whether warnings are written.
    warns: bool,
    /// Whether nothing is read as long as something is to be written.
    blocks: bool,
    /// Whether SIGTERM is ignored.
    ignores_term: bool,
    /// How long a line may be, in bytes.
    line_limit: usize,
    /// How many milliseconds to wait for the end of the last line; 0 is any time.
    last_line_timeout_ms: u32,
}

impl Manners {
    fn from_options(process: &Process, options: &Options) -> Result<Self, Exit> {
        let number = |letter, usual: u32| options.number(process, letter, usual);
        let verbosity = options.iter().fold(1i32, |verbosity, (letter, _)| match letter {
            'v' => verbosity.saturating_add(1),
            'q' => (verbosity - 1).max(0),
            _ => verbosity,
        });
        Ok(Self {
            warns: verbosity > 0,
            blocks: options.has('b'),
            ignores_term: options.has('p'),
            line_limit: match number('l', 8192)? as usize {
                0 => usize::MAX,
                limit => limit.max(MIN_LINE),
            },
            last_line_timeout_ms: number('t', 2000)?,
        })
    }
}

/// What is still to be read.
#[derive(Clone, Copy)]
enum Reading {
    /// All that comes.
    Everything,
    /// So many bytes that had come when the end was asked for.
    Queued(usize),
    /// The rest of a line, up to a deadline.
    LastLine(Deadline),
    /// Nothing.
    Nothing,
}

/// What there is to take.
struct News {
    signals: bool,
    input: bool,
}

/// A logger at work.
struct Log<'a> {
    manners: Manners,
    warnings: Warnings<'a>,
    signals: SignalQueue,
    reading: Reading,
    input: Input,
    outputs: Outputs<'a>,
}

impl<'a> Log<'a> {
    fn open(process: &'a Process, script: Script<Matcher>, manners: Manners) -> Result<Self, Exit> {
        let warnings = Warnings { process, wanted: manners.warns };
        if script.has_extra {
            warnings.say("ignoring extraneous non-action directives");
        }
        let open = |settings| Logdir::open(process, settings);
        let logdirs = script.logdirs.into_iter().map(open).collect::<Result<_, Exit>>()?;
        let outputs = Outputs::new(script.steps, logdirs, warnings);
        let signals = [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGALRM, Signal::SIGCHLD];
        let signals = SignalQueue::catch(SigSet::from_iter(signals));
        let signals = signals.map_err(process.unable("trap signals"))?;
        signal::ignore(Signal::SIGPIPE).map_err(process.unable("ignore SIGPIPE"))?;
        let input = Input::new(manners.line_limit);
        let reading = Reading::Everything;
        Ok(Self { manners, warnings, signals, reading, input, outputs })
    }

    /// Logs until the input ends, and all of it is written.
    fn run(&mut self) -> Result<(), Errno> {
        loop {
            self.outputs.flush();
            if matches!(self.reading, Reading::Nothing) {
                if self.outputs.is_settled() {
                    return Ok(());
                }
                for logdir in &mut self.outputs.logdirs {
                    logdir.give_up_on_processor(self.warnings);
                }
            }
            let news = self.wait()?;
            self.look_at_clock();
            if news.signals {
                self.hear_signals()?;
            }
            if news.input {
                self.read();
            }
        }
    }

    /// Waits until a signal comes, or input; or until something else can be done.
    fn wait(&self) -> Result<News, Errno> {
        let may_read = match self.reading {
            Reading::Nothing => false,
            _ if self.manners.blocks => !self.outputs.has_pending(),
            _ => !self.outputs.is_jammed(),
        };
        let mut fds = vec![PollFd::new(self.signals.as_fd(), PollFlags::POLLIN)];
        if may_read {
            fds.push(PollFd::new(fd::borrow(&0), PollFlags::POLLIN));
        }
        if self.outputs.waits_for_stdout() {
            fds.push(PollFd::new(fd::borrow(&1), PollFlags::POLLOUT));
        }
        let last_line = match self.reading {
            Reading::LastLine(deadline) => deadline,
            Reading::Everything | Reading::Queued(_) | Reading::Nothing => Deadline::NEVER,
        };
        poll::wait(&mut fds, self.outputs.deadline().or_sooner(last_line))?;
        let has_news = |at: usize| fds.get(at).and_then(PollFd::any).unwrap_or(false);
        Ok(News { signals: has_news(0), input: may_read && has_news(1) })
    }

    fn look_at_clock(&mut self) {
        for logdir in &mut self.outputs.logdirs {
            logdir.look_at_clock(self.warnings);
        }
        if matches!(self.reading, Reading::LastLine(deadline) if deadline.has_passed()) {
            self.finish();
        }
    }

    fn hear_signals(&mut self) -> Result<(), Errno> {
        while let Some(number) = self.signals.next()? {
            match number {
                libc::SIGTERM if self.manners.ignores_term => {}
                libc::SIGTERM | libc::SIGHUP => self.read_to_the_end(),
                libc::SIGALRM => self.rotate_all(),
                _ => self.reap()?,
            }
        }
        Ok(())
    }

    fn rotate_all(&mut self) {
        for logdir in &mut self.outputs.logdirs {
            logdir.rotate(self.warnings);
        }
    }

    fn reap(&mut self) -> Result<(), Errno> {
        loop {
            match child::wait(-1, WaitPidFlag::WNOHANG) {
                Ok(Some((child, status))) => {
                    for logdir in &mut self.outputs.logdirs {
                        logdir.child_ended(child, status, self.warnings);
                    }
                }
                Ok(None) | Err(Errno::ECHILD) => return Ok(()),
                Err(e) => return Err(e),
            }
        }
    }

    /// Ends when what has come by now is read, but not amid a line: what comes after it is left to
    /// the next reader.
    ///
    /// Differs: the original leaves all that it has not read yet. When a container stops there is
    /// no next reader, and the last lines would be lost.
    fn read_to_the_end(&mut self) {
        if matches!(self.reading, Reading::Everything) {
            self.read_queued(fd::readable_bytes(0).unwrap_or(0));
        }
    }

    /// Goes on with so many bytes that had come, or with the rest of the last line.
    fn read_queued(&mut self, bytes: usize) {
        if bytes > 0 {
            self.reading = Reading::Queued(bytes);
        } else if self.input.has_partial() {
            let deadline = Deadline::after_ms(self.manners.last_line_timeout_ms);
            self.reading = Reading::LastLine(deadline);
        } else {
            self.finish();
        }
    }

    fn read(&mut self) {
        let read = match self.reading {
            Reading::Everything => self.input.read(0),
            Reading::Queued(bytes) => self.input.read_at_most(0, bytes),
            Reading::LastLine(_) => self.input.read_byte(0),
            Reading::Nothing => return,
        };
        let outputs = &mut self.outputs;
        match read {
            Ok(0) => self.finish(),
            Ok(n) => {
                let lines = self.input.take_lines(|line| outputs.log(line));
                if let Reading::Queued(bytes) = self.reading {
                    self.read_queued(bytes.saturating_sub(n));
                } else if matches!(self.reading, Reading::LastLine(_)) && self.input.is_full() {
                    self.warnings.say("input line too long, stopping before the end");
                    self.finish();
                } else if lines > 0 && matches!(self.reading, Reading::LastLine(_)) {
                    self.finish();
                }
            }
            Err(Errno::EAGAIN) => {}
            Err(e) => {
                self.warnings.unable("read from stdin", e);
                self.finish();
            }
        }
    }

    /// Reads no more; what is there of a line is one.
    ///
    /// Differs: at the end of the input, too, where the original loses it.
    fn finish(&mut self) {
        if self.input.has_partial() {
            let outputs = &mut self.outputs;
            self.input.take_rest(&mut |line| outputs.log(line));
        }
        self.reading = Reading::Nothing;
        // So that a writer hears of it at once.
        fd::close(0);
        let _ = fd::open_all(&[0]);
    }

    /// Marks all files as complete; a few attempts must do.
    fn seal(&self) {
        for logdir in &self.outputs.logdirs {
            for attempts_left in (0..SEAL_ATTEMPTS).rev() {
                let Err(e) = logdir.seal() else { break };
                let file = [logdir.settings.dir.as_slice(), b"/current"].concat();
                self.warnings.unable_with("seal", &file, e);
                if attempts_left > 0 {
                    std::thread::sleep(logdir.settings.retry);
                }
            }
        }
    }
}
