//! Programs that start others: what a child gets and what stays behind, though both may go on
//! without an execve.
#![expect(clippy::disallowed_methods, reason = "a test starts programs as anyone would")]

use sixtree::sys::signal::{ignore, set_default};
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// A directory with links to the program under all its names, removed when it is dropped.
struct Programs(TempDir);

impl Programs {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a new directory");
        for tool in sixtree::tools::FAMILIES.iter().flat_map(|(_, tools)| tools.iter()) {
            let link = directory.path().join(tool.name);
            symlink(env!("CARGO_BIN_EXE_sixtree"), link).expect("a new link");
        }
        Self(directory)
    }

    /// Runs a script of execline.
    fn run(&self, script: &str) -> Output {
        self.command(script).output().expect("it starts")
    }

    fn command(&self, script: &str) -> Command {
        let mut command = Command::new(self.0.path().join("execlineb"));
        command.args(["-P", "-c", script]).stdin(Stdio::null());
        command.env("PATH", format!("{}:/usr/bin:/bin", self.0.path().display()));
        command
    }

    /// A script in which KILL stands for a shell that sends its parent a signal, waits until a
    /// handler has come to HEARD, and exits.
    fn trapping(&self, script: &str, signal: &str, code: i32) -> String {
        let file = self.0.path().join("heard");
        let file = file.display();
        let kill = format!(
            "sh -c \"kill -{signal} $PPID; n=0; until [ -e {file} ] || [ $n = 2000 ]; do \
             sleep 0.01; n=$((n + 1)); done; exit {code}\""
        );
        script.replace("KILL", &kill).replace("HEARD", &format!("s6-touch {file}"))
    }
}

fn said(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!("{}{}", String::from_utf8_lossy(out), String::from_utf8_lossy(err))
}

#[test]
fn no_descriptor_leaks_into_a_program() {
    let programs = Programs::new();
    let list = "ls /proc/self/fd";
    let alone = said(&programs.run(list));
    for chain in [
        "foreground { s6-true }",
        "background { s6-true }",
        "background -d { s6-true }",
        "if { s6-true }",
        "wait -t 10 { }",
        "backtick V { s6-echo x }",
        "redirfd -r 0 /dev/null",
        "fdreserve 5",
        "piperw 8 9 fdclose 8 fdclose 9",
        "trap { SIGUSR1 { s6-true } }",
        "forx V { x }",
        "s6-maximumtime 10000",
    ] {
        assert_eq!(said(&programs.run(&format!("{chain} {list}"))), alone, "{chain}");
        let inside = format!("foreground {{ {chain} {list} }}");
        assert_eq!(said(&programs.run(&inside)), alone, "{inside}");
    }
    let piped = said(&programs.run(&format!("pipeline {{ {list} }} s6-cat")));
    assert_eq!(piped, alone);
}

#[test]
fn a_pipe_breaks_when_its_reader_is_gone() {
    let programs = Programs::new();
    let both = programs.run("pipeline { s6-seq 100000000 } s6-head -1");
    assert_eq!(said(&both), "1\n");
    let signal = "pipeline -w { s6-head -1 } loopwhilex s6-echo y";
    let ended = programs.run(signal);
    assert_eq!((said(&ended), ended.status.code()), ("y\n".to_owned(), Some(128 + 13)));
}

#[test]
fn closed_standard_descriptors_stay_closed() {
    let programs = Programs::new();
    let closed = programs.run("fdclose 0 fdclose 2 foreground { s6-true } ls /proc/self/fd");
    assert!(!said(&closed).lines().any(|fd| fd == "2"), "{}", said(&closed));
    let through = "fdclose 0 pipeline { s6-echo through } s6-cat";
    assert_eq!(said(&programs.run(through)), "through\n");
    let missing = "fdmove 5 1 fdclose 0 foreground { nosuchprogram } fdmove 1 5 s6-printenv";
    assert!(said(&programs.run(missing)).contains("?=127\n"));
}

#[test]
fn signals_are_as_they_were() {
    let programs = Programs::new();
    let masks = "grep -E SigIgn|SigBlk /proc/self/status";
    let ignoring = |script: &str| {
        let mut command = programs.command(script);
        // SAFETY: setting a signal to be ignored is safe between fork and exec.
        unsafe {
            command.pre_exec(|| {
                use nix::sys::signal::Signal;
                ignore(Signal::SIGHUP)?;
                ignore(Signal::SIGILL)?;
                set_default(Signal::SIGPIPE)?;
                Ok(())
            });
        }
        said(&command.output().expect("it starts"))
    };
    let alone = ignoring(masks);
    for chain in ["foreground { s6-true }", "trap { SIGUSR1 { s6-true } }", "wait -t 1 { }"] {
        assert_eq!(ignoring(&format!("{chain} {masks}")), alone, "{chain}");
    }
    let ignored = |text: &str| {
        let mask = text.lines().find_map(|line| line.strip_prefix("SigIgn:\t")).expect("a mask");
        u64::from_str_radix(mask, 16).expect("hexadecimal") & 0b1001 == 0b1001
    };
    assert!(ignored(&alone));
    // What trap itself handles stays ignored in its child, as in the reference.
    assert!(ignored(&ignoring(&format!("trap {{ SIGHUP {{ }} }} {masks}"))));
    let trapped =
        programs.trapping("trap { SIGHUP { foreground { s6-echo told } HEARD } } KILL", "HUP", 0);
    assert_eq!(ignoring(&trapped), "told\n");
}

#[test]
fn real_time_signals_are_trapped_and_passed_on() {
    let programs = Programs::new();
    let trapped = "trap { default { importas s SIGNAL foreground { s6-echo $s } HEARD } } KILL";
    let ended = programs.run(&programs.trapping(trapped, "40", 4));
    assert_eq!((said(&ended), ended.status.code()), ("40\n".to_owned(), Some(4)));
    let passed = programs.run("trap -x { SIGUSR1 { } } sh -c \"kill -40 $PPID; exec sleep 5\"");
    assert_eq!(passed.status.code(), Some(128 + 40));
}

#[test]
fn an_orphan_is_nobodys_child() {
    let programs = Programs::new();
    let script = "background -d { s6-sleep 30 } importas -u p ! \
                  foreground { sh -c \"cut -d' ' -f4 /proc/$1/stat; kill $1\" sh $p } \
                  getpid -E me s6-echo $me";
    let output = said(&programs.run(script));
    let (parent, own) = output.trim_end().split_once('\n').expect("two lines");
    assert_ne!(parent, own);
}

#[test]
fn an_empty_block_is_a_success() {
    let programs = Programs::new();
    assert_eq!(said(&programs.run("foreground { } importas r ? s6-echo $r")), "0\n");
    assert_eq!(said(&programs.run("if { } s6-echo yes")), "yes\n");
    assert_eq!(said(&programs.run("ifelse { } { s6-echo then } s6-echo else")), "then\n");
    assert_eq!(programs.run("background { } s6-true").status.code(), Some(100));
}

#[test]
fn what_cannot_be_started_is_said_by_the_parent() {
    let programs = Programs::new();
    let of = |script: &str| {
        let output = programs.run(script);
        (said(&output), output.status.code())
    };
    let text =
        |name: &str| format!("{name}: fatal: unable to spawn nosuch: No such file or directory\n");
    assert_eq!(of("if { nosuch } s6-true"), (text("if"), Some(111)));
    assert_eq!(of("background -d { nosuch } s6-true"), (text("background"), Some(111)));
    assert_eq!(of("pipeline { nosuch } s6-true"), (text("pipeline"), Some(111)));
    assert_eq!(of("loopwhilex nosuch"), (text("loopwhilex"), Some(111)));
    let block = "loopwhilex: fatal: unable to spawn  s6-true: name begins with a space, are you \
                 trying to spawn a block as your loop body?\n";
    assert_eq!(of("loopwhilex { s6-true }"), (block.to_owned(), Some(111)));
    // What has begun as one of ours and fails later is no failure to start.
    let inner = "export: fatal: unable to exec nosuch: No such file or directory: \
                 is it installed, and in PATH?\n";
    assert_eq!(of("if { export A b nosuch } s6-true"), (inner.to_owned(), Some(127)));
}
