//! The end of a container.

use super::*;

/// A container with `web`, which needs `prepare`, and a scanned directory `#9`, all up.
fn container(container: Container) -> Scene {
    let mut scene = Scene::new(vec![oneshot("prepare", &[]), longrun("web", &["prepare"])]);
    let top = scene.ids(&["web"]);
    scene.on(Event::Boot(Container { top, ..container }));
    scene.play();
    scene.on(Event::Appeared(ServiceId(9), Scanned::default()));
    scene.on(Event::Supervised(ServiceId(9), Supervised { down: false, ..Supervised::default() }));
    scene.spawned("#9 run");
    scene
}

/// The same, with the services of the graph stopped; what was said last.
fn stopped(settings: Container) -> (Scene, String) {
    let mut scene = container(settings);
    scene.on(Event::Stop);
    scene.exited("web run", 0);
    scene.absent("web finish");
    let last = scene.absent("prepare down");
    (scene, last)
}

#[test]
fn services_stop_in_order_then_scanned_ones_then_all_that_is_left() {
    let mut scene = container(Container { kill_grace_ms: 3000, ..Container::default() });
    assert_eq!(
        scene.on(Event::Stop),
        "1: stopping web | web run down-signal | web run 18 | status web"
    );
    assert_eq!(scene.on(Event::Stop), "");
    assert_eq!(scene.exited("web run", 0), "tally web Code(0) | spawn web finish");
    assert_eq!(
        scene.absent("web finish"),
        "status web | web dD | down web | 1: stopping prepare | spawn prepare down \
         | 1: stopped web"
    );
    assert_eq!(
        scene.absent("prepare down"),
        "1: stopped prepare | 1: Done | web x | unsupervise web \
         | #9 run down-signal | #9 run 18 | status #9 | TermAll"
    );
    scene.exited("#9 run", 0);
    let last = scene.absent("#9 finish");
    assert_eq!(last, "status #9 | #9 dD | #9 x | unsupervise #9 | drop #9");
    assert_eq!(scene.on(Event::Alone), "Exit");
    assert_eq!(scene.deadline(), None);
    assert_eq!(scene.on(Event::Stop), "");
}

#[test]
fn kill_comes_when_the_grace_time_is_over_and_five_times() {
    let (mut scene, _) = stopped(Container { kill_grace_ms: 2500, ..Container::default() });
    assert_eq!(scene.deadline(), Some(2500));
    assert_eq!(scene.timeout(), "KillAll");
    // Nothing is started any more.
    assert_eq!(scene.exited("#9 run", 0), "");
    for _ in 0..4 {
        assert_eq!(scene.deadline(), Some(1000));
        assert_eq!(scene.timeout(), "KillAll");
    }
    assert_eq!(scene.timeout(), "Exit");
}

#[test]
fn no_grace_time_is_no_grace_time() {
    let (mut scene, last) = stopped(Container::default());
    assert!(last.ends_with("TermAll | KillAll"), "{last}");
    assert_eq!(scene.on(Event::Alone), "Exit");
}

#[test]
fn it_says_what_it_waits_for() {
    let mut scene = container(Container::default());
    scene.on(Event::Stop);
    assert_eq!(scene.deadline(), Some(2000));
    assert_eq!(scene.timeout(), "1: waiting for web");
    assert_eq!(scene.deadline(), Some(10_000));
    assert_eq!(scene.timeout(), "1: waiting for web");
}

#[test]
fn a_bound_ends_the_wait() {
    let settings = Container { shutdown_timeout_ms: 1500, ..Container::default() };
    let mut scene = container(Container { kill_grace_ms: 3000, ..settings });
    scene.on(Event::Stop);
    assert_eq!(scene.deadline(), Some(1500));
    let out = scene.timeout();
    assert!(out.starts_with("1: late web | 1: TimedOut | web run down-signal"), "{out}");
    assert!(out.ends_with("TermAll"), "{out}");
}

#[test]
fn a_service_that_does_not_stop_keeps_up_what_it_needs() {
    let tree = vec![oneshot("low", &[]), oneshot("sour", &["low"]), oneshot("other", &[])];
    let mut scene = Scene::booted(tree, &["sour", "other"]);
    scene.on(Event::Stop);
    assert_eq!(scene.exited("sour down", 1), "1: not stopped sour Exited(1)");
    assert_eq!(scene.exited("other down", 0), "1: stopped other | 1: Failed | TermAll");
    assert!(scene.engine.is_up(scene.id("low")));
}

#[test]
fn essential_services_stay_until_the_last_term() {
    let vital = essential(longrun("vital", &["low"]));
    let mut scene = Scene::booted(vec![oneshot("low", &[]), vital], &["vital"]);
    assert_eq!(
        scene.on(Event::Stop),
        "1: essential vital | 1: Done | vital run down-signal | vital run 18 | status vital \
         | TermAll"
    );
}

#[test]
fn a_service_that_crashes_meanwhile_comes_back_until_its_turn() {
    let tree = vec![longrun("db", &[]), longrun("web", &["db"])];
    let mut scene = Scene::booted(tree, &["web"]);
    scene.on(Event::Stop);
    scene.exited("db run", 1);
    scene.absent("db finish");
    assert_eq!(scene.timeout(), "spawn db run");
    scene.spawned("db run");
    scene.exited("web run", 0);
    assert_eq!(
        scene.absent("web finish"),
        "status web | web dD | down web | 1: stopping db | db run down-signal | db run 18 \
         | status db | 1: stopped web"
    );
}

#[test]
fn leaving_the_scan_directory_of_a_container_is_its_stop() {
    let mut scene = Scene::booted(vec![], &[]);
    assert_eq!(scene.on(Event::Leave { loggers: false, at_once: true }), "1: Done | TermAll");
}

#[test]
fn a_cmd_that_ends_while_the_services_stop_gives_its_code() {
    for (exit, code) in [(Exit::Code(4), 4), (Exit::Signal(9), 137)] {
        let mut scene = container(Container { has_cmd: true, ..Container::default() });
        scene.on(Event::Stop);
        assert_eq!(scene.on(Event::CmdExited(exit)), format!("code {code}"));
        assert_eq!(scene.on(Event::CmdExited(exit)), "");
    }
}

#[test]
fn a_cmd_that_ends_of_the_last_term_has_no_say() {
    let settings = Container { has_cmd: true, kill_grace_ms: 3000, ..Container::default() };
    let (mut scene, _) = stopped(settings);
    assert_eq!(scene.on(Event::CmdExited(Exit::Code(4))), "");
}
