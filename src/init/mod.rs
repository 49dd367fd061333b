//! `/init`: what happens before the loop (environment, /run, definitions) and after it (exit code).
//! Reference: the README of s6-overlay, and s6-linux-init's page.
//!
//! Differs: any pid will do. The reference refuses to be another than 1.

mod catch_all;
mod environment;
mod hook;
mod refuse;
mod run;
mod secrets;
mod starter;
mod stdio;
mod terminal;
mod tree;

use crate::engine::{Container, EndDefaults, Event};
use crate::format::output::LOGS;
use crate::format::settings::{BadValue, ContainerSettings, RUNDIR};
use crate::graph::Direction;
use crate::runtime::{self, Absences, Cmd, OutputHolder, Role, Runtime};
use crate::sys::{errno, fd, limits};
use crate::tools::{Environment, Word, chain};
use nix::errno::Errno;
use refuse::Refusal;
use run::RunDirectory;
use std::collections::BTreeSet;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Instant;
use terminal::Terminal;

/// What the steps of a container's start have found out so far.
struct Boot {
    settings: ContainerSettings,
    /// What /init was started with.
    container_env: Environment,
    /// What services get.
    env: Environment,
    args: Vec<Word>,
    /// The directory that /init was started in.
    work_directory: PathBuf,
    run_directory: PathBuf,
    pid_1: bool,
    begun: Instant,
    /// The steps that are done, each with its end in µs after `begun`.
    steps: Vec<(&'static str, u64)>,
    /// The variables whose values are secrets.
    secrets: Vec<Word>,
}

/// Runs `/init` with its arguments; returns the exit code.
pub(crate) fn run(argv: Vec<Word>) -> i32 {
    let held = runtime::hold_signals(Role::Container).map_err(Refusal::NoLoop);
    stdio::fill();
    let mut output = OutputHolder::default();
    let code = match held.and_then(|()| boot(argv, &mut output)) {
        Ok(code) => i32::from(code),
        Err(refusal) => {
            fd::write_to_stderr(refusal.to_string().as_bytes());
            i32::from(refusal.code())
        }
    };
    output.finish();
    code
}

fn boot(argv: Vec<Word>, output: &mut OutputHolder) -> Result<u8, Refusal> {
    let (mut boot, refused) = Boot::begin(argv);
    let adopts = boot.take_charge();
    if !Path::new("/proc/self").exists() {
        return Err(Refusal::NoProc);
    }
    stdio::open_to_services();
    let waited = starter::wait_for_closing(&boot.settings).map_err(Refusal::NoLoop)?;
    if waited == starter::Wait::Stopped {
        return Ok(0);
    }
    *output = OutputHolder::new(boot.settings.log);
    let taken_over = output.take_over();
    boot.warn_of_settings(&refused, taken_over.err());
    boot.report_charge(adopts);
    boot.read_secrets()?;
    let mut run_directory = RunDirectory::find(&boot.settings, &boot.container_env)?;
    boot.run_directory.clone_from(&run_directory.path);
    boot.export_run_directory();
    run_directory.lay_out()?;
    environment::publish(&boot)?;
    boot.has_done("environment");
    let has_hook = boot.settings.stage2_hook.is_some();
    let before = if has_hook { tree::image(&boot.settings).members() } else { BTreeSet::new() };
    if let Some(code) = hook::run(&boot)? {
        return Ok(code);
    }
    if has_hook {
        make_again(&boot, &mut run_directory)?;
        boot.has_done("hook");
    }
    output.answer_at(&boot.run_directory.join(LOGS));
    boot.start(output, &before)
}

/// Makes what the hook has removed of the run directory, and reports it.
fn make_again(boot: &Boot, run_directory: &mut RunDirectory) -> Result<(), Refusal> {
    let is_published = environment::is_published(boot);
    let environment = (!is_published).then(|| environment::directory(boot));
    let Some(gone) = run_directory.missing().or(environment) else { return Ok(()) };
    if boot.settings.verbosity >= 1 {
        let (gone, run) = (gone.display(), run_directory.path.display());
        warn(&format!(
            "the hook has removed {gone}: what /init needs is made again, and all else that was \
             there is lost; let the hook leave alone in {run}: {}",
            run::NAMES.join(", ")
        ));
    }
    run_directory.make_again()?;
    if is_published { Ok(()) } else { environment::publish(boot) }
}

impl Boot {
    /// What is known at once, and the values that cannot be used.
    fn begin(argv: Vec<Word>) -> (Self, Vec<BadValue>) {
        let work_directory = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
        let container_env = environment::complete(Environment::inherited(), &work_directory);
        let lookup = |name: &str| container_env.get(name.as_bytes()).map(<[u8]>::to_vec);
        let (settings, refused) = ContainerSettings::read(lookup);
        let boot = Self {
            env: environment::of_services(&container_env, &settings),
            container_env,
            args: argv.into_iter().skip(1).collect(),
            work_directory,
            run_directory: PathBuf::from(RUNDIR),
            pid_1: std::process::id() == 1,
            begun: Instant::now(),
            steps: Vec::new(),
            secrets: Vec::new(),
            settings,
        };
        (boot, refused)
    }

    /// Warns of variables whose values cannot be used, or cannot be heeded.
    fn warn_of_settings(&self, refused: &[BadValue], not_shown: Option<Errno>) {
        for bad in refused.iter().filter(|_| self.settings.verbosity >= 1) {
            warn(&bad.to_string());
        }
        if let Some(e) = not_shown.filter(|_| self.settings.verbosity >= 1) {
            let why = errno::text(e);
            warn(&format!(
                "what services say is shown as it is, and not as SIXTREE_LOG says: {why}"
            ));
        }
    }

    /// Sets the variables whose values are in files.
    fn read_secrets(&mut self) -> Result<(), Refusal> {
        self.secrets = secrets::read(self.settings.secrets, &mut self.container_env)?;
        if self.secrets.is_empty() {
            return Ok(());
        }
        self.env = environment::of_services(&self.container_env, &self.settings);
        self.env.retain(environment::fits);
        let is_long = |name: &&Word| {
            self.container_env.get(name).is_some_and(|value| !environment::fits(name, value))
        };
        let long = self.secrets.iter().filter(is_long);
        for name in long.filter(|_| self.settings.verbosity >= 1) {
            let name = name.escape_ascii();
            warn(&format!(
                "{name} is longer than a variable can be: no program is given it; it can be read \
                 in s6/container_environment/{name}"
            ));
        }
        Ok(())
    }

    /// Reads the tree, and runs it.
    fn start(
        mut self,
        output: &mut OutputHolder,
        before: &BTreeSet<String>,
    ) -> Result<u8, Refusal> {
        let (graph, absences) = tree::read(&self.settings, &self.container_env, before)?;
        let top = graph.find("top").unwrap_or_default();
        let at_boot = graph.closure(&top, Direction::Up);
        let live = tree::make_live(&self.run_directory, &graph, &at_boot)?;
        let outputs = catch_all::prepare(&self.settings, &self.run_directory, output.container())?;
        outputs.kept.first().iter().for_each(|fifo| output.set_catch_all(fifo.as_raw_fd()));
        self.has_done("definitions");
        let container = self.container(top);
        let settings = self.runtime_settings(outputs, absences);
        let mut runtime =
            Runtime::new(settings, graph, std::mem::take(output)).map_err(Refusal::NoLoop)?;
        runtime.adopt(&live, &at_boot);
        let terminal = Terminal::found();
        let code = runtime.run(Some(Event::Boot(container)));
        terminal.iter().for_each(Terminal::restore);
        if self.settings.sync_disks {
            nix::unistd::sync();
        }
        Ok(code)
    }

    /// Becomes the process that orphans are given to, under the name that images look for. Whether
    /// it is, where that is not a matter of course.
    fn take_charge(&self) -> Option<bool> {
        crate::sys::exec::set_comm("s6-svscan");
        nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o022));
        if self.pid_1 {
            return None;
        }
        Some(nix::sys::prctl::set_child_subreaper(true).is_ok())
    }

    /// Reports who adopts orphans where PID 1 is somebody else.
    fn report_charge(&self, adopts: Option<bool>) {
        if let Some(adopts) = adopts.filter(|_| self.settings.verbosity >= 2) {
            info(match adopts {
                true => "not PID 1: running as a child subreaper",
                false => "not PID 1, and no subreaper either: orphans go to PID 1",
            });
        }
    }

    /// Records the end of a step, for `sixtree timing`.
    fn has_done(&mut self, step: &'static str) {
        let over_us = u64::try_from(self.begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.steps.push((step, over_us));
    }

    /// Names the run directory to tools and scripts if it is not /run.
    fn export_run_directory(&mut self) {
        if self.run_directory != Path::new(RUNDIR) {
            let path = self.run_directory.as_os_str().as_bytes();
            self.env.set(b"SIXTREE_RUNDIR", path);
            self.container_env.set(b"SIXTREE_RUNDIR", path);
        }
    }

    fn container(&self, top: Vec<crate::graph::ServiceId>) -> Container {
        Container {
            top,
            boot_timeout_ms: self.settings.cmd_wait_maxtime_ms.into(),
            if_boot_fails: self.settings.if_boot_fails,
            has_cmd: !self.args.is_empty(),
            cmd_receives_signals: self.settings.cmd_receives_signals,
            kill_grace_ms: self.settings.kill_gracetime_ms.into(),
            shutdown_timeout_ms: self.settings.shutdown_maxtime_ms.into(),
            ends: EndDefaults {
                on_failure: self.settings.on_failure,
                on_give_up: self.settings.on_give_up,
            },
        }
    }

    fn runtime_settings(
        &self,
        outputs: catch_all::Outputs,
        absences: Absences,
    ) -> runtime::RuntimeSettings {
        runtime::RuntimeSettings {
            run_directory: self.run_directory.clone(),
            scan_directory: self.run_directory.join("service"),
            env: self.env.strings().to_vec(),
            cmd: self.cmd(outputs.cmd),
            verbosity: self.settings.verbosity,
            launch: chain::launch,
            pid_1: self.pid_1,
            role: Role::Container,
            catch_all: outputs.kept,
            nofile: limits::raise(),
            outputs: outputs.services,
            hidden_log: outputs.hidden_log,
            cmd_receives_signals: self.settings.cmd_receives_signals,
            supervisors: self.settings.supervisors,
            sample_ms: self.settings.sample_ms,
            rescan_ms: 0,
            absences,
            begun: self.begun,
            steps: self.steps.clone(),
            ready: None,
        }
    }

    fn cmd(&self, outputs: (i32, i32)) -> Option<Cmd> {
        if self.args.is_empty() {
            return None;
        }
        let prefix = self.settings.cmd_arg0.iter().flat_map(|text| hook::split(text));
        let terminal = self.settings.cmd_use_terminal.then(terminal::for_output).flatten();
        Some(Cmd {
            argv: prefix.chain(self.args.iter().cloned()).collect(),
            directory: self.work_directory.clone(),
            env: environment::of_cmd(&self.env, &self.work_directory).strings().to_vec(),
            outputs: terminal.map_or(outputs, |fd| (fd, fd)),
        })
    }
}

fn warn(text: &str) {
    fd::write_to_stderr(format!("sixtree: warning: {text}\n").as_bytes());
}

fn info(text: &str) {
    fd::write_to_stderr(format!("sixtree: info: {text}\n").as_bytes());
}
