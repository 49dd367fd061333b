//! A chain of our programs runs in one process, and only its speed shows that: at its end, the
//! state of the process is what it would be if each program had been executed.
#![expect(clippy::disallowed_methods, reason = "a test starts programs as anyone would")]

mod skip;

use nix::sys::signal::Signal;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tempfile::TempDir;

const SIXTREE: &str = env!("CARGO_BIN_EXE_sixtree");

/// The script: five programs of ours, and one that is not.
const FIVE_LINKS: &str = "\
importas -u five FIVE
execline-umask 027
execline-cd /usr
export LINKS ${five}
redirfd -r 7 /etc/passwd
./bin/env
";

/// What else a program may do to the process that it hands on.
const MORE_LINKS: &str = "\
s6-softlimit -o 77 -c 0
s6-setsid -q
fdmove -c 8 1
redirfd -r 9 /etc/group
fdclose 9
posix-umask 0007
emptyenv -p
export A b
s6-setlock -d 11 lock
exec -a title
";

const PROGRAMS: [&str; 14] = [
    "emptyenv",
    "exec",
    "execline-cd",
    "execline-umask",
    "execlineb",
    "export",
    "fdclose",
    "fdmove",
    "importas",
    "posix-umask",
    "redirfd",
    "s6-setlock",
    "s6-setsid",
    "s6-softlimit",
];

/// Runs one test at a time: a file that a forked child of another test still has open for writing
/// could not be executed.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An empty folder, removed when it is dropped.
fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// Links to one binary: a chain of these goes on in one process.
fn linked(folder: &Path) {
    for name in PROGRAMS {
        symlink(SIXTREE, folder.join(name)).unwrap();
    }
}

/// A copy of the binary for each program: every one of them has to be executed.
fn copied(folder: &Path) {
    for name in PROGRAMS {
        fs::copy(SIXTREE, folder.join(name)).unwrap();
    }
}

fn write_script(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Writes a script for the execlineb of that folder beside it.
fn execline_script(programs: &Path, text: &str) -> PathBuf {
    let script = programs.join("script");
    write_script(&script, &format!("#!{}/execlineb -P\n{text}", programs.display()));
    script
}

/// Runs a command with the programs of that folder in front of PATH.
fn run(programs: &Path, command: &[&str]) -> Output {
    let output = Command::new(command[0])
        .args(&command[1..])
        .env_clear()
        .env("PATH", format!("{}:/usr/bin:/bin", programs.display()))
        .env("FIVE", "5")
        .output()
        .unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// How many execve calls succeed when the script runs. `None`: there is no strace that may trace.
fn execs(programs: &Path, script: &Path) -> Option<usize> {
    let traced = Command::new("strace").args(["-o", "/dev/null", "true"]).output();
    if !traced.is_ok_and(|output| output.status.success()) {
        skip::skip("strace does not work here");
        return None;
    }
    let trace = programs.join("trace");
    let (trace, script) = (trace.to_str().unwrap(), script.to_str().unwrap());
    run(programs, &["strace", "-f", "-qq", "-e", "trace=execve,execveat", "-o", trace, script]);
    let calls = fs::read_to_string(trace).unwrap();
    Some(calls.lines().filter(|line| line.ends_with("= 0")).count())
}

#[test]
fn a_chain_of_five_costs_one_execve() {
    let _alone = alone();
    let folder = folder();
    let programs = folder.path();
    linked(programs);
    let script = execline_script(programs, FIVE_LINKS);
    if let Some(execs) = execs(programs, &script) {
        assert_eq!(execs, 1 + 1, "the script's own, and env's");
    }
}

#[test]
fn copies_are_executed_one_by_one() {
    let _alone = alone();
    let folder = folder();
    let programs = folder.path();
    copied(programs);
    let script = execline_script(programs, FIVE_LINKS);
    if let Some(execs) = execs(programs, &script) {
        assert_eq!(execs, 1 + 5 + 1, "the script's own, the links', and env's");
    }
}

/// Prints the state of its process, as far as /proc has it.
const PRINT_STATE: &str = "#!/bin/sh
for word; do echo word \"$word\"; done
tr '\\0' '\\n' < /proc/$$/environ
pwd; umask; ulimit -a
while read -r line; do
    case $line in SigBlk*|SigIgn*|SigCgt*|Cap*|NoNew*) echo \"$line\";; esac
done </proc/$$/status
cd /proc/$$/fd
for fd in *; do echo fd $fd `readlink $fd`; done
";

/// Returns the lines that a script which ends in `print-state` prints, with programs that are laid
/// out so. Two signals are ignored from the start, and one descriptor is open.
fn state(lay: fn(&Path), script: &str) -> Vec<String> {
    let folder = folder();
    let programs = folder.path();
    lay(programs);
    write_script(&programs.join("print-state"), PRINT_STATE);
    execline_script(programs, script);
    let start = "trap '' USR1 PIPE; cd \"$0\"; exec ./script 5< /etc/group";
    let name = programs.to_str().unwrap();
    let stdout = run(programs, &["sh", "-c", start, name]).stdout;
    let text = String::from_utf8(stdout).unwrap().replace(name, "FOLDER");
    // Pipes have numbers of their own.
    let before_number = |line: &str| line.split(":[").next().unwrap_or_default().to_owned();
    text.lines().map(before_number).collect()
}

#[test]
fn a_chain_leaves_what_executions_would_leave() {
    let _alone = alone();
    let script = FIVE_LINKS.replace("./bin/env", "print-state \"a b\" c");
    let chained = state(linked, &script);
    assert_eq!(chained, state(copied, &script));
    for line in ["word a b", "word c", "LINKS=5", "/usr", "0027", "fd 7 /etc/passwd"] {
        assert!(chained.iter().any(|line| line == line), "{line} in {chained:#?}");
    }
    assert!(!chained.iter().any(|line| line.starts_with("FIVE")), "{chained:#?}");
}

#[test]
fn limits_signals_and_locks_are_handed_on() {
    let _alone = alone();
    let script = format!("{MORE_LINKS} sh -c \"echo called $0; exec print-state\"");
    let chained = state(linked, &script);
    assert_eq!(chained, state(copied, &script));
    let lines =
        ["called title", "A=b", "0007", "fd 5 /etc/group", "fd 8 pipe", "fd 11 FOLDER/lock"];
    for line in lines {
        assert!(chained.iter().any(|line| line == line), "{line} in {chained:#?}");
    }
    let ignored = chained.iter().find_map(|line| line.strip_prefix("SigIgn:\t")).unwrap();
    let both = 1 << (Signal::SIGUSR1 as u32 - 1) | 1 << (Signal::SIGPIPE as u32 - 1);
    assert_eq!(u64::from_str_radix(ignored, 16).unwrap() & both, both);
    let limit = |line: &String| {
        line.contains("ofiles") && line.ends_with("77")
            || line.contains("nofile") && line.ends_with("77")
    };
    assert!(chained.iter().any(limit), "{chained:#?}");
    assert!(!chained.iter().any(|line| line.starts_with("fd 9")), "{chained:#?}");
}

#[test]
fn a_program_of_the_user_s_own_wins() {
    let _alone = alone();
    let (programs, own) = (folder(), folder());
    let (programs, own) = (programs.path(), own.path());
    linked(programs);
    write_script(&own.join("execline-cd"), "#!/bin/sh\necho own: \"$@\"\n");
    let script = execline_script(programs, FIVE_LINKS);
    let output = Command::new(script)
        .env_clear()
        .env("PATH", format!("{}:{}:/usr/bin:/bin", own.display(), programs.display()))
        .env("FIVE", "5")
        .output()
        .unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(stdout, "own: /usr export LINKS 5 redirfd -r 7 /etc/passwd ./bin/env\n");
}

#[test]
fn a_path_that_a_chain_sets_counts_from_the_next_program_on() {
    let _alone = alone();
    let (programs, own) = (folder(), folder());
    let (programs, own) = (programs.path(), own.path());
    linked(programs);
    write_script(&own.join("print-state"), "#!/bin/sh\necho \"$PATH\"\n");
    let path = format!("{}:{}", own.display(), programs.display());
    let script = execline_script(programs, &format!("export PATH {path} export A b print-state"));
    let output = run(programs, &[script.to_str().unwrap()]);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("{path}\n"));
}
