//! How long a script of six links takes, from its start to its end.

use crate::side::Side;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// How many times each side runs it, in turns.
const RUNS: usize = 200;

/// Six programs of execline, and one that is not.
const SIX_LINKS: &str = "\
importas -u one A
define two ${one}
export THREE ${two}
execline-umask 027
execline-cd /
redirfd -r 0 /dev/null
true ${one}
";

/// It only prints them: on a busy machine the times mean little.
#[test]
fn six_links_are_timed() {
    let _alone = crate::alone();
    let Some(sides) = Side::both() else { return };
    let folder = tempfile::tempdir().unwrap();
    let scripts = [0, 1].map(|at: usize| {
        let script = folder.path().join(format!("six-links-{at}"));
        let interpreter = sides[at].programs.join("execlineb");
        fs::write(&script, format!("#!{} -P\n{SIX_LINKS}", interpreter.display())).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        script
    });
    let mut times = [const { Vec::new() }; 2];
    for _ in 0..RUNS {
        for at in [0, 1] {
            let begin = Instant::now();
            let status = sides[at].command(&scripts[at]).stdin(Stdio::null()).status().unwrap();
            times[at].push(begin.elapsed());
            assert!(status.success(), "{}: {status}", scripts[at].display());
        }
    }
    let [ours, theirs] = times.map(median);
    let ratio = ours.as_secs_f64() / theirs.as_secs_f64();
    eprintln!("six links, median of {RUNS}: ours {ours:?}, Debian's {theirs:?}, ratio {ratio:.2}");
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
