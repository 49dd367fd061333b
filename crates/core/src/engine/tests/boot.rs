//! Boot and CMD.

use super::*;

/// A container with these services to bring up.
fn container(scene: &Scene, top: &[&str]) -> Container {
    let top = scene.ids(top);
    Container { top, has_cmd: true, kill_grace_ms: 3000, ..Container::default() }
}

fn supervised(scene: &mut Scene, name: &str) -> String {
    scene.on(Event::Supervised(scene.id(name), Supervised { down: true, ..Supervised::default() }))
}

#[test]
fn services_come_up_in_order_and_then_the_cmd() {
    let mut scene = Scene::new(vec![oneshot("prepare", &[]), longrun("web", &["prepare"])]);
    let boot = Event::Boot(container(&scene, &["web"]));
    assert_eq!(scene.on(boot), "supervise web | 0: starting prepare | spawn prepare up");
    assert_eq!(supervised(&mut scene, "web"), "status web | web s");
    assert_eq!(scene.spawned("prepare up"), "");
    assert_eq!(
        scene.exited("prepare up", 0),
        "0: starting web | status web | spawn web run | 0: started prepare"
    );
    assert_eq!(
        scene.spawned("web run"),
        "status web | web u | no down web | 0: started web | 0: Done | StartCmd"
    );
}

#[test]
fn a_longrun_is_waited_for_until_it_is_ready() {
    let mut scene = Scene::new(vec![longrun("db", &[]), oneshot("migrate", &["db"])]);
    let boot = Event::Boot(container(&scene, &["migrate"]));
    assert_eq!(scene.on(boot), "supervise db | 0: starting db");
    assert_eq!(supervised(&mut scene, "db"), "status db | db s | spawn db run");
    assert_eq!(scene.spawned_with_readiness("db run"), "status db | db u");
    assert_eq!(
        scene.ready("db"),
        "status db | db U | no down db | 0: starting migrate | spawn migrate up | 0: started db"
    );
}

#[test]
fn a_directory_that_cannot_be_supervised_fails_to_start() {
    let mut scene = Scene::new(vec![longrun("web", &[])]);
    let boot = Event::Boot(container(&scene, &["web"]));
    scene.on(boot);
    let refused = Event::NotSupervised(scene.id("web"));
    assert_eq!(scene.on(refused), "0: not started web Permanent | 0: Failed | StartCmd");
}

/// Boots with a oneshot that fails.
fn boot_with_failure(if_boot_fails: u8) -> String {
    let mut scene = Scene::new(vec![oneshot("bad", &[])]);
    let container = Container { if_boot_fails, ..container(&scene, &["bad"]) };
    scene.on(Event::Boot(container));
    scene.spawned("bad up");
    scene.exited("bad up", 7)
}

#[test]
fn a_failed_boot_is_passed_over_warned_of_or_fatal() {
    let failed = "0: not started bad Exited(7) | 0: Failed";
    assert_eq!(boot_with_failure(0), format!("{failed} | StartCmd"));
    assert_eq!(boot_with_failure(1), format!("{failed} | 0: BootFailed | StartCmd"));
    assert_eq!(
        boot_with_failure(2),
        format!("{failed} | 0: BootFailed | 0: BootFatal | code 1 | 1: Done | TermAll")
    );
}

#[test]
fn a_boot_that_takes_too_long_exits_2_or_goes_on() {
    for (if_boot_fails, end) in [(0, "StartCmd"), (2, "0: BootFailed | 0: BootFatal | code 2")] {
        let mut scene = Scene::new(vec![oneshot("slow", &[])]);
        let container = container(&scene, &["slow"]);
        scene.on(Event::Boot(Container { boot_timeout_ms: 700, if_boot_fails, ..container }));
        scene.spawned("slow up");
        assert_eq!(scene.deadline(), Some(700));
        let out = scene.timeout();
        let late = "slow up 15 | slow up 18 | forget slow up";
        assert!(out.starts_with(&format!("{late} | 0: TimedOut | {end}")), "{out}");
    }
}

#[test]
fn a_longrun_that_is_late_for_the_boot_runs_on() {
    let mut scene = Scene::new(vec![longrun("slow", &[])]);
    let container = container(&scene, &["slow"]);
    scene.on(Event::Boot(Container { boot_timeout_ms: 700, ..container }));
    supervised(&mut scene, "slow");
    scene.spawned_with_readiness("slow run");
    assert_eq!(scene.timeout(), "0: TimedOut | StartCmd");
    let slow = scene.id("slow");
    assert!(scene.engine.longrun(slow).is_some_and(SupervisedLongrun::wanted));
    assert!(!scene.engine.is_up(slow));
    // And yet it is stopped in its turn.
    assert_eq!(
        scene.on(Event::Stop),
        "1: stopping slow | slow run down-signal | slow run 18 | status slow"
    );
}

#[test]
fn the_code_of_the_cmd_is_the_containers() {
    for (exit, code) in [(Exit::Code(3), 3), (Exit::Signal(9), 137), (Exit::Code(127), 127)] {
        let mut scene = Scene::new(vec![]);
        let boot = Event::Boot(container(&scene, &[]));
        assert_eq!(scene.on(boot), "0: Done | StartCmd");
        assert_eq!(scene.on(Event::CmdExited(exit)), format!("code {code} | 1: Done | TermAll"));
        assert_eq!(scene.on(Event::Alone), "Exit");
    }
}

#[test]
fn a_stop_while_the_cmd_runs_leaves_the_code_alone() {
    let mut scene = Scene::new(vec![]);
    let boot = Event::Boot(container(&scene, &[]));
    scene.on(boot);
    assert_eq!(scene.on(Event::Signal { number: 15, stops: true }), "1: Done | TermAll");
    assert_eq!(scene.on(Event::CmdExited(Exit::Signal(15))), "");
    assert_eq!(scene.on(Event::Alone), "Exit");
}

#[test]
fn the_cmd_gets_the_signals_if_it_wants_them() {
    let mut scene = Scene::new(vec![oneshot("slow", &[])]);
    let container = container(&scene, &[]);
    scene.on(Event::Boot(Container { cmd_receives_signals: true, ..container }));
    assert_eq!(scene.on(Event::Signal { number: 15, stops: true }), "cmd 15");
    assert_eq!(scene.on(Event::Signal { number: 28, stops: false }), "cmd 28");
    assert_eq!(scene.on(Event::CmdExited(Exit::Code(5))), "code 5 | 1: Done | TermAll");
    assert_eq!(scene.on(Event::Signal { number: 15, stops: true }), "");
}

#[test]
fn a_signal_stops_the_boot_though_the_cmd_would_want_it() {
    let mut scene = Scene::new(vec![oneshot("slow", &[])]);
    let container = container(&scene, &["slow"]);
    scene.on(Event::Boot(Container { cmd_receives_signals: true, ..container }));
    assert_eq!(scene.on(Event::Signal { number: 15, stops: true }), "0: Aborted");
    assert!(scene.engine.stopping());
}

#[test]
fn without_a_cmd_the_container_runs_until_it_is_stopped() {
    let mut scene = Scene::booted(vec![], &[]);
    assert_eq!(scene.deadline(), None);
    assert_eq!(scene.on(Event::Signal { number: 28, stops: false }), "");
    assert_eq!(scene.on(Event::Stop), "1: Done | TermAll");
}
