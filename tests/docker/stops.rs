//! `docker stop`: the signals that base images choose for it, and how long it takes.

use crate::IDLE_BUNDLES;
use crate::engine::{Container, answers, docker};
use std::io::Write;
use std::time::Duration;

/// How much longer than tini's a stop may take on a busy machine: far less than the grace time.
const ALLOWANCE: Duration = Duration::from_millis(500);

/// How often both are stopped at most. The fastest stop of each counts: what a busy machine adds to
/// one says nothing of either.
const ROUNDS: usize = 15;

fn stops_by(signal: &str) {
    if !answers() {
        return;
    }
    let container = Container::run(&["--stop-signal", signal], &[]);
    container.wait_for("service web successfully started", 1);
    container.ends_in_order(0);
}

#[test]
fn stop_signal_term() {
    stops_by("SIGTERM");
}

#[test]
fn stop_signal_quit() {
    stops_by("SIGQUIT");
}

#[test]
fn stop_signal_winch() {
    stops_by("SIGWINCH");
}

#[test]
fn ten_idle_services_stop_almost_as_fast_as_one_sleep() {
    if !answers() {
        return;
    }
    let bundles = format!("S6_RUNTIME_BUNDLEDIR={IDLE_BUNDLES}");
    let ours = Container::run(&["--env", &bundles], &[]);
    let tini = ["--", "sh", "-c", "echo sleeping; exec sleep infinity"];
    let tini = Container::run(&["--entrypoint=/bin/tini"], &tini);
    let mut times: [Vec<Duration>; 2] = Default::default();
    for round in 1.. {
        ours.wait_for("legacy-services successfully started", round);
        tini.wait_for("sleeping", round);
        times[0].push(ours.stop().1);
        times[1].push(tini.stop().1);
        let [ours_took, tini_took] = times.each_ref().map(|times| times.iter().min().unwrap());
        // What takes tini long takes both long.
        let is_met = *ours_took <= *tini_took + ALLOWANCE.max(*tini_took);
        let report =
            format!("docker stop, fastest of {round}: ours {ours_took:?}, tini {tini_took:?}\n");
        if is_met && round >= 3 || round == ROUNDS {
            let _ = std::io::stderr().write_all(report.as_bytes());
            assert!(is_met, "{report}{}", ours.log());
            return;
        }
        docker(["start", &ours.name, &tini.name]);
    }
}
