//! What a longrun's end by itself brings about: `on-failure`, `restart-delay`, `restart-limit`.

use super::*;
use crate::definition::EndPolicy;
use std::sync::Arc;

const UP: Control = Control::Up { permanently: false };

/// What files say: a name and its text, each.
fn policy(files: &[(&str, &str)]) -> Option<Arc<EndPolicy>> {
    let mut policy = EndPolicy::default();
    for (file, text) in files {
        policy.parse(file, text.as_bytes()).expect("a sound file");
    }
    Some(Arc::new(policy))
}

/// A container in which `web` is up, with these files.
fn booted(files: &[(&str, &str)]) -> Scene {
    booted_with(files, Container::default())
}

fn booted_with(files: &[(&str, &str)], container: Container) -> Scene {
    let mut web = longrun("web", &[]);
    if let Kind::Longrun(longrun) = &mut web.kind {
        longrun.ends = policy(files);
    }
    let mut scene = Scene::new(vec![web]);
    let top = scene.ids(&["web"]);
    scene.on(Event::Boot(Container { top, kill_grace_ms: 3000, ..container }));
    scene.play();
    scene
}

/// `web` ends by itself, and has no `finish`; what is done about that.
fn ends(scene: &mut Scene, code: u8) -> String {
    scene.exited("web run", code);
    scene.absent("web finish")
}

/// How long it takes until `run` is asked for; then it runs.
fn restart(scene: &mut Scene) -> u64 {
    let waited = scene.deadline().expect("it starts again");
    assert_eq!(scene.timeout(), "spawn web run");
    scene.spawned("web run");
    waited
}

#[test]
fn delays_grow_until_the_limit_stops_the_container() {
    let files = [("restart-delay", "100 800 2"), ("restart-limit", "4 60"), ("on-give-up", "stop")];
    let mut scene = booted(&files);
    for (reported, delay) in [(" | 1 failures of web", 100), ("", 200), ("", 400), ("", 800)] {
        assert_eq!(ends(&mut scene, 7), format!("status web | web dD{reported}"));
        assert_eq!(restart(&mut scene), delay);
    }
    assert_eq!(
        ends(&mut scene, 7),
        "status web | web dOD | stop for web Limit { ends: 5, seconds: 60, exit: Code(7) } | \
         1: stopping web | status web | down web | 1: stopped web | 1: Done | web x | \
         unsupervise web | TermAll"
    );
}

#[test]
fn a_start_by_hand_sets_the_delay_back_and_cuts_it_short() {
    let mut scene = booted(&[("restart-delay", "100 800")]);
    for delay in [100, 200] {
        ends(&mut scene, 1);
        assert_eq!(restart(&mut scene), delay);
    }
    ends(&mut scene, 1);
    assert_eq!(scene.control("web", UP), "status web | spawn web run");
    scene.spawned("web run");
    ends(&mut scene, 1);
    assert_eq!(restart(&mut scene), 100);
}

#[test]
fn a_steady_life_sets_the_delay_back() {
    let mut scene = booted(&[("restart-delay", "100 2000 3")]);
    for (life, delay) in [(0, 100), (1999, 300), (2000, 100), (0, 300), (0, 900), (0, 2000)] {
        scene.wait(life);
        ends(&mut scene, 1);
        assert_eq!(restart(&mut scene), delay);
    }
}

#[test]
fn the_delay_counts_from_readiness() {
    let mut scene = booted(&[("restart-delay", "500")]);
    ends(&mut scene, 1);
    scene.timeout();
    scene.spawned_with_readiness("web run");
    scene.ready("web");
    scene.wait(200);
    ends(&mut scene, 1);
    assert_eq!(scene.deadline(), Some(300));
    scene.timeout();
    scene.spawned_with_readiness("web run");
    scene.ready("web");
    scene.wait(500);
    scene.exited("web run", 1);
    assert_eq!(scene.absent("web finish"), "status web | web dD | spawn web run");
}

#[test]
fn jitter_is_drawn_for_each_delay() {
    let mut scene = booted(&[("restart-delay", "100 20%")]);
    for (drawn, delay) in [(0, 80), (u32::MAX / 2, 100), (u32::MAX, 120)] {
        assert!(ends(&mut scene, 1).starts_with("status web | web dD | draw web"));
        assert_eq!(scene.deadline(), Some(100));
        assert_eq!(scene.on(Event::Drawn(scene.id("web"), drawn)), "");
        assert_eq!(restart(&mut scene), delay);
    }
    ends(&mut scene, 1);
    scene.control("web", Control::Down { permanently: false });
    assert_eq!(scene.on(Event::Drawn(scene.id("web"), 7)), "");
    assert_eq!(scene.deadline(), None);
}

#[test]
fn an_end_may_be_the_last_one() {
    let mut scene = booted(&[("on-success", "down"), ("success-codes", "0 3")]);
    assert_eq!(ends(&mut scene, 3), "status web | web dOD");
    let web = scene.engine.longrun(scene.id("web")).expect("a longrun");
    assert_eq!(web.rest(), Some(Rest::Ended { exit: Exit::Code(3), failed: false }));
    assert_eq!((scene.deadline(), scene.engine.is_up(scene.id("web"))), (None, true));
    assert_eq!(scene.control("web", UP), "status web | spawn web run");
    scene.spawned("web run");
    ends(&mut scene, 1);
    assert_eq!(restart(&mut scene), 1000);
}

#[test]
fn a_failure_stops_the_container_with_its_code() {
    let mut scene = booted(&[("on-failure", "stop")]);
    let killed = Exit::Signal(11);
    scene.on(Event::Exited(scene.process("web run"), killed));
    scene.spawned("web finish");
    let done = scene.exited("web finish", 0);
    assert!(done.contains("stop for web Ended { exit: Signal(11), failed: true }"), "{done}");
    assert_eq!(Rest::Ended { exit: killed, failed: true }.exit_code(), 139);
}

#[test]
fn a_crash_loop_is_reported_ever_more_rarely_and_when_it_is_given_up() {
    let mut scene = booted(&[("restart-limit", "150 1000"), ("restart-delay", "200")]);
    let mut reported = Vec::new();
    for count in 1..=150 {
        if ends(&mut scene, 1).ends_with("failures of web") {
            reported.push(count);
        }
        restart(&mut scene);
    }
    assert_eq!(reported, [1, 11, 111]);
    // After a minute the next one is reported, whatever its number.
    let given_up = ends(&mut scene, 1);
    assert!(given_up.contains("web rests: Limit { ends: 151"), "{given_up}");
    let mut scene = booted(&[]);
    for at in [0, 1, 30, 61] {
        scene.now = 20_000 + at * 1000;
        reported.push(ends(&mut scene, 1).matches("failures of web").count());
        restart(&mut scene);
    }
    assert_eq!(reported, [1, 11, 111, 1, 0, 0, 1]);
}

#[test]
fn the_container_has_defaults() {
    let ends_of_all = EndDefaults { on_failure: EndAction::Stop, on_give_up: EndAction::Stop };
    let container = || Container { ends: ends_of_all, ..Container::default() };
    let mut scene = booted_with(&[], container());
    assert!(ends(&mut scene, 1).contains("stop for web"));
    let mut scene = booted_with(&[("on-failure", "restart")], container());
    assert_eq!(ends(&mut scene, 1), "status web | web dD | 1 failures of web");
    restart(&mut scene);
    scene.exited("web run", 1);
    scene.spawned("web finish");
    assert!(
        scene
            .exited("web finish", 125)
            .contains("stop for web Finish { exit: Code(1), failures: 2, during_ms: 1000 }")
    );
}

#[test]
fn what_somebody_brings_about_is_no_end() {
    let orders = [Control::Restart, Control::Signal(15), Control::KillGroup, Control::Signal(1)];
    for order in orders.into_iter().chain([Control::Reload]) {
        let mut scene = booted(&[("on-failure", "stop")]);
        scene.control("web", order);
        scene.on(Event::Exited(scene.process("web run"), Exit::Signal(1)));
        assert_eq!(scene.absent("web finish"), "status web | web dD", "{order:?}");
        assert_eq!(restart(&mut scene), 1000);
    }
    // A HUP that it has survived explains no other end.
    let mut scene = booted(&[("on-failure", "stop")]);
    scene.control("web", Control::Reload);
    assert!(ends(&mut scene, 1).contains("stop for web"));
}

#[test]
fn a_service_that_is_not_wanted_rests_without_its_policy() {
    for order in [Control::Once, Control::AtMostOnce { permanently: false }] {
        let mut scene = booted(&[("on-failure", "stop")]);
        scene.control("web", order);
        assert_eq!(ends(&mut scene, 1), "status web | web dD");
        assert_eq!(scene.deadline(), None);
    }
}

#[test]
fn a_run_that_cannot_be_executed_is_a_failure() {
    let mut scene = booted(&[("on-failure", "stop")]);
    scene.control("web", Control::Restart);
    scene.exited("web run", 0);
    scene.absent("web finish");
    scene.timeout();
    let refused = Event::NotSpawned(scene.process("web run"), NotSpawned::Refused);
    assert!(scene.on(refused).contains("stop for web Refused"));
}

#[test]
fn a_start_that_ends_for_good_fails_the_boot() {
    let mut web = longrun("web", &[]);
    if let Kind::Longrun(longrun) = &mut web.kind {
        longrun.ends = policy(&[("on-failure", "down")]);
    }
    let mut scene = Scene::new(vec![web]);
    let top = scene.ids(&["web"]);
    scene.on(Event::Boot(Container { top, ..Container::default() }));
    scene.on(Event::Supervised(scene.id("web"), Supervised::default()));
    scene.spawned_with_readiness("web run");
    let done = ends(&mut scene, 1);
    assert!(done.contains("0: not started web Permanent") && done.contains("0: Failed"), "{done}");
}

#[test]
fn where_there_is_no_container_stop_is_down() {
    let mut scene = Scene::new(vec![]);
    let id = ServiceId(0);
    scene.on(Event::Appeared(id, Scanned::default()));
    let ends = policy(&[("on-failure", "stop")]);
    scene.on(Event::Supervised(id, Supervised { down: false, ends, has_stop: false }));
    scene.spawned("#0 run");
    scene.exited("#0 run", 1);
    assert_eq!(scene.absent("#0 finish"), "status #0 | #0 dOD");
    assert_eq!((scene.engine.stage(), scene.deadline()), (Stage::Bare, None));
}

#[test]
fn the_cmd_does_not_replace_the_code_of_the_service_that_stopped_the_container() {
    let container = Container { has_cmd: true, ..Container::default() };
    let mut scene = booted_with(&[("on-failure", "stop")], container);
    scene.control("web", UP);
    scene.exited("web run", 7);
    scene.spawned("web finish");
    let done = scene.exited("web finish", 0);
    assert!(done.contains("stop for web"), "{done}");
    assert!(!scene.on(Event::CmdExited(Exit::Code(3))).contains("code"));
}
