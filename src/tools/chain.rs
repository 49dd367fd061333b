//! Chain-loading in one process: a tool is a function from a process to what comes next, and as
//! long as the next program is one of ours, going on is a call and not an execve.

use super::{Environment, Tool, Word, basename, die, rundir};
use crate::sys::exec::{self, Execve, FoundProgram, Shebang};
use crate::sys::identity::Refused;
use crate::sys::spawn::{self, waited};
use crate::sys::{fd, process, why};
use nix::errno::Errno;
use nix::unistd::Pid;

/// Where programs are looked for when PATH is not set.
pub const DEFAULT_PATH: &[u8] = b"/command:/usr/bin:/bin";

/// What a tool works on: all else that a process is (directory, descriptors, mask, limits) it
/// changes in the kernel, for real.
#[derive(Clone)]
pub struct Process {
    /// The environment of whatever comes next.
    pub env: Environment,
    tool: &'static Tool,
    /// PATH as it was when the tool began. What it spawns or becomes is looked for there, as by
    /// execvp, whatever environment it hands on.
    path: Option<Word>,
    /// Whether messages have the pid: of several processes that write to one place.
    shows_pid: bool,
}

/// What happens when a tool is done.
#[derive(Debug)]
pub enum Next {
    /// The process ends.
    Exit(u8),
    /// It becomes another program. Boxed, because every step of every tool may return this.
    Exec(Box<Exec>),
}

/// The program to become.
#[derive(Clone, Debug, Default)]
pub struct Exec {
    /// Its words. None at all: the chain is at its end, and exits 0.
    pub argv: Vec<Word>,
    /// The file to look for, where that is not `argv[0]`.
    pub file: Option<Word>,
    /// Whether it is the tool that `argv[0]` names, wherever PATH may lead.
    pub own: bool,
}

impl Exec {
    /// One of our own tools: the first word is its name.
    pub fn own(argv: Vec<Word>) -> Self {
        Self { argv, own: true, ..Self::default() }
    }
}

impl From<Vec<Word>> for Exec {
    fn from(argv: Vec<Word>) -> Self {
        Self { argv, ..Self::default() }
    }
}

/// The end of the process, with this code, as `?` gives it on. A byte: what may fail returns it in
/// a register, and nothing has to be dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit(pub u8);

impl From<Exit> for Next {
    fn from(Exit(code): Exit) -> Self {
        Self::Exit(code)
    }
}

impl From<Exec> for Next {
    fn from(exec: Exec) -> Self {
        Self::Exec(Box::new(exec))
    }
}

impl From<Vec<Word>> for Next {
    fn from(argv: Vec<Word>) -> Self {
        Exec::from(argv).into()
    }
}

/// What a name in an argument vector turned out to be.
enum Program {
    Ours(&'static Tool, Vec<Word>),
    File(FoundProgram, Vec<Word>),
}

impl Process {
    /// A process that begins as `tool`.
    pub fn new(tool: &'static Tool, env: Environment) -> Self {
        Self { path: env.get(b"PATH").map(<[u8]>::to_vec), env, tool, shows_pid: false }
    }
    /// From here on, programs are looked for in the PATH of the environment as it is now.
    pub fn adopt_path(&mut self) {
        self.path = self.env.get(b"PATH").map(<[u8]>::to_vec);
    }
    /// The name under which messages are written: an alias speaks as the original does.
    #[expect(clippy::misnamed_getters)]
    pub fn name(&self) -> &'static str {
        self.tool.speaks_as
    }
    /// From here on, messages have the pid behind the name.
    pub fn show_pid(&mut self) {
        self.shows_pid = true;
    }
    /// What messages begin with.
    pub fn title(&self) -> String {
        match self.shows_pid {
            true => format!("{}: pid {}", self.name(), std::process::id()),
            false => self.name().to_string(),
        }
    }
    /// The tool's synopsis, with its name in front.
    pub fn synopsis(&self) -> String {
        format!("{} {}", self.tool.name, self.tool.usage)
    }

    /// Starts `program` as a child: by a fork that goes on here if the program is ours, else in our
    /// memory, for as long as we wait for its execution.
    ///
    /// `setup` runs in the child first (to place descriptors, say). A program that cannot be found
    /// or executed is an error here, in the parent. No words at all: a child that exits 0.
    pub fn spawn(
        &self,
        program: Exec,
        setup: &dyn Fn() -> Result<(), Errno>,
    ) -> Result<Pid, Errno> {
        if program.argv.first().is_some_and(Vec::is_empty) {
            return Err(Errno::ENOENT);
        }
        match resolve(self.path.as_deref(), program)? {
            Some(Program::File(found, argv)) => {
                let execve = Execve::new(&found.file, &argv, self.env.strings())?;
                waited::execute(&|| setup().map_or_else(|e| e, |()| execve.attempt()))
            }
            Some(Program::Ours(tool, argv)) => waited::fork(setup, || {
                exec::set_comm(tool.name);
                Self::new(tool, self.env.clone()).go(argv)
            }),
            None => waited::fork(setup, || 0),
        }
    }

    /// The same for a grandchild whose parent is gone: not for this process to wait for.
    pub fn spawn_orphan(
        &self,
        program: Exec,
        setup: &dyn Fn() -> Result<(), Errno>,
    ) -> Result<Pid, Errno> {
        let (read_end, write_end) = fd::pipe_above_2()?;
        let (read_fd, write_fd) = (raw(&read_end), raw(&write_end));
        let between = process::fork_to(|| {
            let setup = || {
                fd::close(read_fd);
                fd::close(write_fd);
                setup()
            };
            let answer = self.spawn(program, &setup).map_or_else(|e| -(e as i32), Pid::as_raw);
            i32::from(fd::write_all(write_fd, &answer.to_ne_bytes()).is_err())
        })?;
        drop(write_end);
        let mut answer = [0; 4];
        let read = fd::read(read_fd, &mut answer);
        // Where SIGCHLD is ignored, there is nobody to wait for.
        let _ = process::wait(between.as_raw(), nix::sys::wait::WaitPidFlag::empty());
        match (read, i32::from_ne_bytes(answer)) {
            (Ok(4), pid @ 1..) => Ok(Pid::from_raw(pid)),
            (Ok(4), error) => Err(Errno::from_raw(-error)),
            _ => Err(Errno::EIO),
        }
    }

    /// Becomes the program if that is possible. `Err` says why it is not, to a tool that has an
    /// alternative.
    pub fn attempt(&self, next: Exec) -> Result<Next, Errno> {
        match resolve(self.path.as_deref(), next.clone())? {
            Some(Program::File(found, argv)) => {
                Err(exec::execve(&found.file, &argv, self.env.strings()))
            }
            _ => Ok(next.into()),
        }
    }

    /// Executes a program, even one of ours, as soon as `last` is done. That may take from this
    /// process what it needs itself: nothing is allocated any more. Returns only on failure.
    pub fn execute(&self, next: Exec, last: impl FnOnce() -> Result<(), Refused>) -> Exit {
        let name = next.file.as_ref().or(next.argv.first()).cloned().unwrap_or_default();
        let found = exec::find(&name, self.path.as_deref().unwrap_or(DEFAULT_PATH));
        let prepared = found.and_then(|found| {
            let (found, argv) = executable(found, next.argv)?;
            exec::check(&found)?;
            Execve::new(&found.file, &argv, self.env.strings())
        });
        match prepared {
            Ok(execve) => match last() {
                Ok(()) => Exit(execve.go() as u8),
                Err(Refused { step, errno }) => {
                    let (name, step) = (self.name().as_bytes(), step.as_bytes());
                    let reason = die::reason(errno).as_bytes();
                    exec::report(&[name, b": fatal: unable to ", step, b": ", reason, b"\n"]);
                    Exit(111)
                }
            },
            Err(e) => Exit(self.unable_to_exec(&name, e)),
        }
    }

    /// Runs this tool and all that it chains into; the code to exit with, if it comes to that.
    fn go(mut self, mut argv: Vec<Word>) -> i32 {
        loop {
            rundir::redirect(self.tool.name, &self.env, &mut argv);
            let next = match (self.tool.run)(&mut self, argv).unwrap_or_else(Next::from) {
                Next::Exit(code) => return i32::from(code),
                Next::Exec(exec) => exec,
            };
            match self.step(*next) {
                Ok((tool, words)) => {
                    exec::set_comm(tool.name);
                    self = Self::new(tool, self.env);
                    argv = words;
                }
                Err(code) => return i32::from(code),
            }
        }
    }

    /// Takes the next step of a chain: execs, or tells which tool goes on here.
    fn step(&self, next: Exec) -> Result<(&'static Tool, Vec<Word>), u8> {
        let name = next.file.as_ref().or(next.argv.first()).cloned().unwrap_or_default();
        let error = match resolve(self.path.as_deref(), next) {
            Ok(None) => return Err(0),
            Ok(Some(Program::Ours(tool, argv))) => return Ok((tool, argv)),
            Ok(Some(Program::File(found, argv))) => {
                exec::execve(&found.file, &argv, self.env.strings())
            }
            Err(e) => e,
        };
        Err(self.unable_to_exec(&name, error))
    }

    /// Says why a program could not be executed; the code to exit with.
    fn unable_to_exec(&self, name: &[u8], e: Errno) -> u8 {
        // A name without a slash stands for a file that is not known here.
        let is_known = name.contains(&b'/') || e == Errno::ENOENT;
        let why = is_known.then(|| why::unable_to_exec(name, e));
        let why = why.unwrap_or_else(|| die::reason(e).to_owned());
        self.fatal(exec_failure(e), format_args!("unable to exec {}: {why}", why::name(name))).0
    }
}

/// Runs a tool as this process, until it ends or becomes another program.
pub fn run_tool(tool: &'static Tool, argv: Vec<Word>) -> i32 {
    Process::new(tool, Environment::inherited()).go(argv)
}

/// How the runtime starts programs (`runtime::Launch`): in this process, where they are ours.
pub fn launch(argv: Vec<Word>, env: &[Word]) -> Result<spawn::Program, Errno> {
    let path = env.iter().find_map(|entry| entry.strip_prefix(b"PATH="));
    match resolve(path, argv.into())? {
        None => Ok(spawn::Program::Here(Box::new(|| 0))),
        Some(Program::File(found, argv)) => {
            exec::check(&found)?;
            Execve::new(&found.file, &argv, env).map(spawn::Program::File)
        }
        Some(Program::Ours(tool, argv)) => {
            let env = Environment::from_strings(env.to_vec());
            Ok(spawn::Program::Here(Box::new(move || {
                exec::set_comm(tool.name);
                Process::new(tool, env).go(argv)
            })))
        }
    }
}

/// Finds the program, by the ordinary PATH search, and sees whether it is ours.
fn resolve(path: Option<&[u8]>, next: Exec) -> Result<Option<Program>, Errno> {
    let Some(first) = next.argv.first() else { return Ok(None) };
    if let (true, Some(tool)) = (next.own, super::find(first)) {
        return Ok(Some(Program::Ours(tool, next.argv)));
    }
    let name = next.file.as_ref().unwrap_or(first);
    let found = exec::find(name, path.unwrap_or(DEFAULT_PATH))?;
    if found.is_self() {
        // The file decides, as where each tool is a file of its own: `exec -a` gives any name.
        let tool = super::find(basename(&found.file)).or_else(|| super::find(basename(first)));
        if let Some(tool) = tool.filter(|t| !t.stays) {
            return Ok(Some(Program::Ours(tool, next.argv)));
        }
    } else if let Some((interpreter, argument)) = &found.shebang {
        let tool = super::find(basename(interpreter)).filter(|t| !t.stays);
        let tool = tool.filter(|_| exec::is_self(interpreter));
        if let Some(tool) = tool {
            let shebang = (interpreter.clone(), argument.clone());
            return Ok(Some(Program::Ours(tool, interpreted(shebang, found.file, next.argv))));
        }
    }
    let (found, argv) = executable(found, next.argv)?;
    Ok(Some(Program::File(found, argv)))
}

/// The file to execute for the one that was found, and its words.
///
/// Differs: a script on a noexec mount, as /run often is, is run by its interpreter.
fn executable(found: FoundProgram, argv: Vec<Word>) -> Result<(FoundProgram, Vec<Word>), Errno> {
    match found {
        FoundProgram { noexec: true, shebang: Some(shebang), file, .. } => {
            let interpreter = exec::find(&shebang.0, b"")?;
            Ok((interpreter, interpreted(shebang, file, argv)))
        }
        found => Ok((found, argv)),
    }
}

/// The words with which the kernel would execute a script's interpreter.
fn interpreted((interpreter, argument): Shebang, script: Word, argv: Vec<Word>) -> Vec<Word> {
    let mut words = vec![interpreter];
    words.extend(argument);
    words.push(script);
    words.extend(argv.into_iter().skip(1));
    words
}

/// The exit code for a failed exec: 127 if there is no such program, else 126.
pub fn exec_failure(e: Errno) -> u8 {
    if e == Errno::ENOENT { 127 } else { 126 }
}

fn raw(fd: &std::os::fd::OwnedFd) -> i32 {
    std::os::fd::AsRawFd::as_raw_fd(fd)
}
