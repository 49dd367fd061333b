//! Changes by s6-rc: order, failure, limits, the queue, and why a service is not up.

use super::*;

/// `-u`.
fn up() -> Change {
    Change::default()
}

/// `-d`.
fn down() -> Change {
    Change { down: true, ..Change::default() }
}

/// Oneshots `a`, `b` (which needs `a`) and `c`, all down.
fn oneshots() -> Scene {
    Scene::booted(vec![oneshot("a", &[]), oneshot("b", &["a"]), oneshot("c", &[])], &[])
}

#[test]
fn what_is_needed_comes_first_and_what_is_up_is_left_alone() {
    let mut scene = oneshots();
    assert_eq!(scene.change(7, up(), &["b"]), "7: starting a | spawn a up");
    assert_eq!(scene.exited("a up", 0), "7: starting b | spawn b up | 7: started a");
    assert_eq!(scene.exited("b up", 0), "7: started b | 7: Done");
    assert_eq!(scene.change(8, up(), &["b"]), "8: already up a | 8: already up b | 8: Done");
}

#[test]
fn what_needs_it_goes_down_first() {
    let mut scene = oneshots();
    scene.change(7, up(), &["b", "c"]);
    scene.play();
    assert_eq!(scene.change(8, down(), &["a"]), "8: stopping b | spawn b down");
    assert_eq!(scene.exited("b down", 0), "8: stopping a | spawn a down | 8: stopped b");
    assert_eq!(scene.absent("a down"), "8: stopped a | 8: Done");
    assert!(scene.engine.is_up(scene.id("c")));
}

#[test]
fn a_failure_keeps_down_what_needs_it_and_nothing_else() {
    let mut scene = oneshots();
    let (a, b, c) = (scene.id("a"), scene.id("b"), scene.id("c"));
    assert_eq!(scene.engine.why_not_up(b), Some(Why::NotWanted));
    let out = scene.change(7, up(), &["b", "c"]);
    assert_eq!(out, "7: starting c | spawn c up | 7: starting a | spawn a up");
    assert_eq!(scene.engine.why_not_up(b), Some(Why::WaitsFor(a)));
    assert_eq!(scene.engine.why_not_up(a), Some(Why::Starting));
    assert_eq!(scene.exited("a up", 3), "7: not started a Exited(3)");
    assert_eq!(scene.engine.why_not_up(a), Some(Why::Failed(Failure::Exited(3))));
    assert_eq!(scene.engine.why_not_up(b), Some(Why::Needs(a, Failure::Exited(3))));
    assert_eq!(scene.exited("c up", 0), "7: started c | 7: Failed");
    assert_eq!(scene.engine.why_not_up(c), None);
    scene.change(8, up(), &["b"]);
    scene.play();
    assert_eq!(scene.engine.why_not_up(b), None);
}

#[test]
fn a_failure_to_stop_leaves_it_up_and_what_it_needs() {
    let mut scene = oneshots();
    scene.change(7, up(), &["b"]);
    scene.play();
    scene.change(8, down(), &["a"]);
    assert_eq!(scene.exited("b down", 4), "8: not stopped b Exited(4) | 8: Failed");
    assert!(scene.engine.is_up(scene.id("a")) && scene.engine.is_up(scene.id("b")));
}

#[test]
fn what_is_named_is_wanted_until_it_is_named_to_go_down() {
    let mut scene = oneshots();
    scene.change(7, up(), &["b"]);
    scene.play();
    let wanted = |scene: &Scene, name| scene.engine.wanted_up(scene.id(name));
    assert!(wanted(&scene, "b") && !wanted(&scene, "a"));
    scene.change(8, down(), &["a"]);
    assert!(wanted(&scene, "b"));
    scene.play();
    scene.change(9, down(), &["b"]);
    assert!(!wanted(&scene, "b"));
}

#[test]
fn pruning_stops_the_rest_first_or_starts_it_last() {
    let mut scene = oneshots();
    scene.change(7, up(), &["c"]);
    scene.play();
    let prune = Change { prune: true, ..up() };
    assert_eq!(scene.change(8, prune, &["a"]), "8: stopping c | spawn c down | 8: already down b");
    assert_eq!(scene.exited("c down", 0), "8: stopped c | 8: starting a | spawn a up");
    scene.exited("a up", 0);
    let prune = Change { prune: true, ..down() };
    assert_eq!(scene.change(9, prune, &["a"]), "9: already down b | 9: stopping a | spawn a down");
    assert_eq!(scene.exited("a down", 0), "9: stopped a | 9: starting c | spawn c up");
}

#[test]
fn all_means_what_is_up() {
    let mut scene = oneshots();
    scene.change(7, up(), &["a", "c"]);
    scene.play();
    let all = Change { all: true, ..down() };
    assert_eq!(
        scene.change(8, all, &[]),
        "8: stopping c | spawn c down | 8: already down b | 8: stopping a | spawn a down"
    );
}

#[test]
fn what_is_essential_stays_with_what_it_needs_unless_told() {
    let vital = essential(oneshot("vital", &["low"]));
    let tree = vec![oneshot("low", &[]), vital, oneshot("plain", &["vital"])];
    let mut scene = Scene::booted(tree, &["plain"]);
    assert_eq!(scene.change(7, down(), &["low"]), "7: stopping plain | spawn plain down");
    assert_eq!(scene.exited("plain down", 0), "7: essential vital | 7: stopped plain | 7: Done");
    assert!(scene.engine.is_up(scene.id("low")));
    let all = Change { essential: true, ..down() };
    let out = scene.change(8, all, &["low"]);
    assert_eq!(out, "8: already down plain | 8: stopping vital | spawn vital down");
}

#[test]
fn a_oneshot_that_is_late_is_asked_to_end_and_not_waited_for() {
    let mut scene = Scene::booted(vec![limited(oneshot("slow", &[]), 300, 400)], &[]);
    scene.change(7, up(), &["slow"]);
    scene.spawned("slow up");
    assert_eq!(scene.deadline(), Some(300));
    let up_is_late = "slow up 15 | slow up 18 | forget slow up";
    let out = scene.timeout();
    assert_eq!(out, format!("{up_is_late} | 7: not started slow TimedOut | 7: Failed"));
    scene.change(8, up(), &["slow"]);
    scene.play();
    scene.change(9, down(), &["slow"]);
    assert_eq!(scene.deadline(), Some(400));
    assert_eq!(scene.timeout(), "forget slow down | 9: not stopped slow TimedOut | 9: Failed");
    assert!(scene.engine.is_up(scene.id("slow")));
}

#[test]
fn a_longrun_that_is_late_to_be_ready_is_stopped() {
    let mut scene = Scene::booted(vec![limited(longrun("slow", &[]), 300, 0)], &[]);
    scene.change(7, up(), &["slow"]);
    scene.spawned_with_readiness("slow run");
    assert_eq!(
        scene.timeout(),
        "slow run down-signal | slow run 18 | status slow \
         | 7: not started slow TimedOut | 7: Failed"
    );
}

#[test]
fn a_longrun_that_is_late_to_stop_stays_up_and_unwanted() {
    let mut scene = Scene::booted(vec![limited(longrun("stuck", &[]), 0, 400)], &["stuck"]);
    scene.change(7, down(), &["stuck"]);
    assert_eq!(scene.timeout(), "7: not stopped stuck TimedOut | 7: Failed");
    let stuck = scene.id("stuck");
    assert!(scene.engine.is_up(stuck));
    assert!(scene.engine.longrun(stuck).is_some_and(|longrun| !longrun.wanted()));
}

#[test]
fn an_answer_about_a_script_that_nobody_waits_for_is_not_taken_for_the_next_one() {
    let mut scene = oneshots();
    scene.change(7, Change { timeout_ms: 400, ..up() }, &["a"]);
    assert_eq!(scene.timeout(), "forget a up | 7: TimedOut");
    scene.change(8, up(), &["a"]);
    assert_eq!(scene.absent("a up"), "");
    assert_eq!(scene.absent("a up"), "8: started a | 8: Done");
}

#[test]
fn a_whole_change_that_is_late_leaves_all_on_its_way() {
    let mut scene = oneshots();
    scene.change(7, Change { timeout_ms: 400, ..up() }, &["b"]);
    assert_eq!(scene.timeout(), "forget a up | 7: TimedOut");
    // Its end comes too late to count, and it can be tried again.
    assert_eq!(scene.exited("a up", 0), "");
    assert_eq!(scene.change(8, up(), &["a"]), "8: starting a | spawn a up");
}

#[test]
fn a_permanent_failure_ends_the_wait() {
    let mut scene = Scene::booted(vec![longrun("web", &[])], &[]);
    scene.change(7, up(), &["web"]);
    scene.spawned_with_readiness("web run");
    scene.exited("web run", 1);
    scene.spawned("web finish");
    assert_eq!(
        scene.exited("web finish", 125),
        "status web | web OD | 1 failures of web | \
         web rests: Finish { exit: Code(1), failures: 1, during_ms: 0 } | status web | \
         7: not started web Permanent | 7: Failed"
    );
}

#[test]
fn a_crash_before_readiness_does_not_end_the_wait() {
    let mut scene = Scene::booted(vec![longrun("web", &[])], &[]);
    scene.change(7, up(), &["web"]);
    scene.spawned_with_readiness("web run");
    scene.exited("web run", 1);
    assert_eq!(scene.absent("web finish"), "status web | web dD | 1 failures of web");
    assert_eq!(scene.timeout(), "spawn web run");
    scene.spawned_with_readiness("web run");
    let ready = "status web | web U | no down web | 7: started web | 7: Done";
    assert_eq!(scene.ready("web"), ready);
}

#[test]
fn a_longrun_that_cannot_ever_start_fails_and_one_that_may_is_waited_for() {
    let mut scene = Scene::booted(vec![longrun("web", &[])], &[]);
    let run = scene.process("web run");
    scene.change(7, up(), &["web"]);
    assert_eq!(scene.on(Event::NotSpawned(run, NotSpawned::Refused)), "");
    assert_eq!(scene.timeout(), "spawn web run");
    assert_eq!(
        scene.on(Event::NotSpawned(run, NotSpawned::Invalid)),
        "status web | 7: not started web NotSpawned | 7: Failed"
    );
}

#[test]
fn a_longrun_that_serves_already_is_up_at_once() {
    let mut scene = Scene::booted(vec![longrun("web", &[])], &[]);
    scene.control("web", Control::Up { permanently: false });
    scene.spawned("web run");
    assert_eq!(
        scene.change(7, up(), &["web"]),
        "7: starting web | status web | no down web | 7: started web | 7: Done"
    );
}

#[test]
fn one_change_at_a_time() {
    let mut scene = oneshots();
    scene.change(7, up(), &["a"]);
    assert_eq!(scene.change(8, up(), &["c"]), "8: Busy");
    let wait = Change { wait: true, ..up() };
    assert_eq!(scene.change(9, wait.clone(), &["c"]), "");
    assert_eq!(scene.change(10, wait, &["a"]), "");
    assert_eq!(scene.exited("a up", 0), "7: started a | 7: Done | 9: starting c | spawn c up");
    assert_eq!(scene.exited("c up", 0), "9: started c | 9: Done | 10: already up a | 10: Done");
}

#[test]
fn whoever_goes_away_from_the_queue_is_not_served() {
    let mut scene = oneshots();
    scene.change(7, up(), &["a"]);
    scene.change(8, Change { wait: true, ..up() }, &["c"]);
    assert_eq!(scene.on(Event::Abort(RequestId(8))), "8: Aborted");
    assert_eq!(scene.exited("a up", 0), "7: started a | 7: Done");
}

#[test]
fn an_aborted_change_waits_for_scripts_and_starts_nothing_more() {
    let mut scene =
        Scene::booted(vec![oneshot("a", &[]), oneshot("b", &["a"]), longrun("web", &[])], &[]);
    scene.change(7, up(), &["b", "web"]);
    scene.spawned_with_readiness("web run");
    assert_eq!(
        scene.on(Event::Abort(RequestId(7))),
        "web run down-signal | web run 18 | status web | 7: not started web Aborted"
    );
    assert_eq!(scene.exited("a up", 0), "7: started a | 7: Aborted");
    assert_eq!(scene.engine.why_not_up(scene.id("b")), Some(Why::GivenUp));
}

#[test]
fn a_dry_run_says_what_would_be_done() {
    let mut scene = oneshots();
    let dry = Change { dry_run: true, ..up() };
    assert_eq!(
        scene.change(7, dry, &["b"]),
        "7: starting a | 7: starting b | 7: started a | 7: started b | 7: Done"
    );
    assert!(!scene.engine.is_up(scene.id("a")) && !scene.engine.wanted_up(scene.id("b")));
}

#[test]
fn a_reload_is_a_signal_or_a_script() {
    let tree = vec![longrun("web", &[]), oneshot("rules", &[])];
    let mut scene = Scene::booted(tree, &["web", "rules"]);
    let selection = scene.ids(&["web", "rules"]);
    let reload = Change { selection, ..Change::default() };
    assert_eq!(
        scene.on(Event::Reload(RequestId(7), reload.clone())),
        "7: reloading rules | spawn rules reload \
         | 7: reloading web | web run reload-signal | 7: reloaded web"
    );
    assert_eq!(scene.exited("rules reload", 0), "7: reloaded rules | 7: Done");
    scene.on(Event::Reload(RequestId(8), reload));
    assert_eq!(scene.exited("rules reload", 2), "8: not reloaded rules Exited(2) | 8: Failed");
}

#[test]
fn the_next_supervisor_finds_the_down_file_of_the_change_that_stopped_the_service() {
    let mut scene = Scene::booted(vec![longrun("web", &[])], &["web"]);
    scene.wait(5_000);
    scene.control("web", Control::Exit);
    scene.change(7, down(), &["web"]);
    scene.exited("web run", 0);
    assert_eq!(
        scene.absent("web finish"),
        "status web | web dD | web x | unsupervise web | down web | 7: stopped web | 7: Done \
         | supervise web"
    );
}
