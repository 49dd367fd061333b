//! A stop while something is still on its way.

use super::*;

/// A boot that is under way: `first` is up, and `slow`, which needs it, is starting; `after` needs
/// `slow`.
fn booting(slow: Definition) -> Scene {
    let tree = vec![oneshot("first", &[]), slow, oneshot("after", &["slow"])];
    let mut scene = Scene::new(tree);
    let top = scene.ids(&["after"]);
    scene.on(Event::Boot(Container { top, kill_grace_ms: 3000, ..Container::default() }));
    if scene.engine.longrun(scene.id("slow")).is_some() {
        scene.on(Event::Supervised(
            scene.id("slow"),
            Supervised { down: true, ..Supervised::default() },
        ));
    }
    scene.spawned("first up");
    scene.exited("first up", 0);
    scene
}

#[test]
fn what_has_not_started_never_does_and_a_running_up_is_waited_for() {
    let mut scene = booting(oneshot("slow", &["first"]));
    scene.spawned("slow up");
    assert_eq!(scene.on(Event::Stop), "0: Aborted | 1: already down after");
    assert_eq!(scene.exited("slow up", 0), "1: started slow | 1: stopping slow | spawn slow down");
    scene.spawned("slow down");
    assert_eq!(
        scene.exited("slow down", 0),
        "1: stopping first | spawn first down | 1: stopped slow"
    );
}

#[test]
fn a_running_up_that_fails_leaves_nothing_to_stop() {
    let mut scene = booting(oneshot("slow", &["first"]));
    scene.spawned("slow up");
    scene.on(Event::Stop);
    assert_eq!(
        scene.exited("slow up", 1),
        "1: not started slow Exited(1) | 1: already down slow | 1: stopping first \
         | spawn first down"
    );
}

#[test]
fn a_running_up_that_goes_on_is_told_to_end() {
    let mut scene = booting(oneshot("slow", &["first"]));
    scene.spawned("slow up");
    scene.on(Event::Stop);
    assert_eq!(scene.timeout(), "1: waiting for slow");
    assert_eq!(scene.deadline(), Some(1000));
    assert_eq!(scene.timeout(), "slow up 15 | slow up 18");
    let slow = Process { service: scene.id("slow"), script: Script::Up };
    assert_eq!(
        scene.on(Event::Exited(slow, Exit::Signal(15))),
        "1: not started slow Crashed(15) | 1: already down slow | 1: stopping first \
         | spawn first down"
    );
}

#[test]
fn a_running_up_that_has_a_limit_is_not_waited_for_much_longer() {
    let mut scene = booting(limited(oneshot("slow", &["first"]), 900, 0));
    scene.spawned("slow up");
    scene.on(Event::Stop);
    scene.timeout();
    assert_eq!(scene.timeout(), "slow up 15 | slow up 18");
    assert_eq!(scene.deadline(), Some(900));
    assert_eq!(
        scene.timeout(),
        "forget slow up | 1: not started slow TimedOut | 1: already down slow \
         | 1: stopping first | spawn first down"
    );
}

#[test]
fn a_longrun_that_is_not_ready_yet_is_stopped() {
    let mut scene = booting(longrun("slow", &["first"]));
    scene.spawned_with_readiness("slow run");
    assert_eq!(
        scene.on(Event::Stop),
        "0: Aborted | 1: already down after | 1: stopping slow | slow run down-signal \
         | slow run 18 | status slow"
    );
    scene.exited("slow run", 0);
    assert_eq!(
        scene.absent("slow finish"),
        "status slow | slow dD | down slow | 1: stopping first | spawn first down \
         | 1: stopped slow"
    );
}

#[test]
fn a_longrun_that_was_stopped_while_it_started_and_is_then_wanted_is_stopped_all_the_same() {
    let mut scene = booting(longrun("slow", &["first"]));
    scene.on(Event::Stop);
    assert_eq!(scene.control("slow", Control::Up { permanently: false }), "status slow");
    assert_eq!(
        scene.spawned("slow run"),
        "status slow | slow u | slow run down-signal | slow run 18 | status slow"
    );
    let slow = scene.engine.longrun(scene.id("slow"));
    assert!(slow.is_some_and(SupervisedLongrun::wanted));
}

#[test]
fn a_longrun_that_is_not_supervised_yet_never_starts() {
    let mut scene = Scene::new(vec![longrun("web", &[])]);
    let top = scene.ids(&["web"]);
    scene.on(Event::Boot(Container { top, kill_grace_ms: 3000, ..Container::default() }));
    scene.on(Event::Stop);
    let out = scene.on(Event::Supervised(
        scene.id("web"),
        Supervised { down: false, ..Supervised::default() },
    ));
    assert_eq!(out, "status web | web s | web x | unsupervise web");
}

#[test]
fn halt_within_a_oneshot_lets_it_end_and_go_down() {
    let mut scene = booting(oneshot("slow", &["first"]));
    scene.spawned("slow up");
    scene.on(Event::Stop);
    scene.on(Event::Stop);
    assert_eq!(scene.exited("slow up", 0), "1: started slow | 1: stopping slow | spawn slow down");
}

#[test]
fn a_change_under_way_gives_way_and_what_it_stops_is_not_stopped_twice() {
    let mut scene = Scene::booted(vec![longrun("web", &[]), oneshot("x", &[])], &["web"]);
    let down = Change { down: true, ..Change::default() };
    let stop = "7: stopping web | web run down-signal | web run 18 | status web";
    assert_eq!(scene.change(7, down, &["web"]), stop);
    scene.change(8, Change { wait: true, ..Change::default() }, &["x"]);
    assert_eq!(scene.on(Event::Stop), "7: Aborted | 8: Aborted | 1: stopping web");
    assert_eq!(scene.change(9, Change::default(), &["x"]), "9: Aborted");
}

#[test]
fn a_longrun_that_came_back_after_it_was_stopped_is_stopped_again() {
    let tree = vec![longrun("db", &[]), limited(longrun("app", &["db"]), 700, 0)];
    let mut scene = Scene::booted(tree, &["db"]);
    let (app, db) = (scene.id("app"), scene.id("db"));
    scene.change(7, Change::default(), &["app"]);
    scene.spawned_with_readiness("app run");
    scene.timeout();
    // The app is not up, but it is still there when the shutdown comes.
    scene.wait(1000);
    scene.change(8, Change { down: true, ..Change::default() }, &["db"]);
    scene.control("db", Control::Exit);
    scene.exited("db run", 0);
    scene.spawned("db finish");
    scene.on(Event::Stop);
    let left = "status db | db D | db x | unsupervise db | supervise db";
    assert_eq!(scene.exited("db finish", 0), left);
    scene.on(Event::Supervised(db, Supervised { down: false, ..Supervised::default() }));
    scene.spawned("db run");
    scene.exited("app run", 0);
    assert_eq!(
        scene.absent("app finish"),
        "status app | app dD | down app | 1: stopping db | db run down-signal | db run 18 \
         | status db | 1: stopped app"
    );
    assert!(scene.engine.longrun(app).is_some_and(SupervisedLongrun::is_down));
}

#[test]
fn a_longrun_that_is_wanted_again_while_it_stops_is_told_again() {
    let mut scene = Scene::booted(vec![longrun("web", &[])], &["web"]);
    scene.change(7, Change { down: true, ..Change::default() }, &["web"]);
    scene.control("web", Control::Up { permanently: false });
    let stop = "web run down-signal | web run 18 | status web";
    assert_eq!(scene.on(Event::Stop), format!("7: Aborted | 1: stopping web | {stop}"));
}

#[test]
fn a_running_down_is_waited_for() {
    let mut scene = Scene::booted(vec![oneshot("x", &[])], &["x"]);
    scene.change(7, Change { down: true, ..Change::default() }, &["x"]);
    scene.spawned("x down");
    assert_eq!(scene.on(Event::Stop), "7: Aborted");
    assert_eq!(scene.exited("x down", 0), "1: stopped x | 1: Done | TermAll");
}

#[test]
fn a_running_reload_is_left_to_itself() {
    let mut scene = Scene::booted(vec![oneshot("x", &[])], &["x"]);
    let selection = scene.ids(&["x"]);
    scene.on(Event::Reload(RequestId(7), Change { selection, ..Change::default() }));
    scene.spawned("x reload");
    let out = scene.on(Event::Stop);
    assert_eq!(out, "forget x reload | 7: Aborted | 1: stopping x | spawn x down");
}

/// A container in which `low` is up, and `odd`, which needs it, runs without being up: somebody has
/// started it by hand.
fn started_by_hand(odd: Definition) -> Scene {
    let mut scene = Scene::booted(vec![oneshot("low", &[]), odd], &["low"]);
    scene.control("odd", Control::Up { permanently: false });
    scene.spawned("odd run");
    scene
}

#[test]
fn what_runs_without_being_up_is_stopped_in_order_but_not_waited_for_longer_than_for_strays() {
    let mut scene = started_by_hand(longrun("odd", &["low"]));
    let stop = "odd run down-signal | odd run 18 | status odd";
    assert_eq!(scene.on(Event::Stop), format!("1: stopping odd | {stop}"));
    scene.wait(500);
    scene.timeout();
    assert_eq!(scene.deadline(), Some(1000));
    assert_eq!(scene.timeout(), "1: left odd | 1: stopping low | spawn low down");
    let last = scene.absent("low down");
    assert_eq!(last, format!("1: stopped low | 1: Done | {stop} | TermAll"));
}

#[test]
fn what_runs_without_being_up_has_no_more_than_its_timeout_down() {
    let mut scene = started_by_hand(limited(longrun("odd", &["low"]), 0, 300));
    scene.on(Event::Stop);
    assert_eq!(scene.deadline(), Some(300));
    assert_eq!(scene.timeout(), "1: left odd | 1: stopping low | spawn low down");
}

#[test]
fn what_runs_without_being_up_is_stopped_though_it_is_essential() {
    let mut scene = started_by_hand(essential(longrun("odd", &["low"])));
    scene.on(Event::Stop);
    scene.exited("odd run", 0);
    assert_eq!(
        scene.absent("odd finish"),
        "status odd | odd dD | down odd | 1: stopping low | spawn low down | 1: stopped odd"
    );
}

#[test]
fn all_that_run_without_being_up_have_the_same_time() {
    let tree = vec![longrun("a", &[]), longrun("b", &["a"]), longrun("c", &["b"])];
    let mut scene = Scene::booted(tree, &[]);
    for name in ["a", "b", "c"] {
        scene.control(name, Control::Up { permanently: false });
        scene.spawned(&format!("{name} run"));
    }
    assert!(scene.on(Event::Stop).starts_with("1: stopping c | c run down-signal"));
    assert_eq!(scene.timeout(), "1: waiting for c");
    let stop = |name| format!("{name} run down-signal | {name} run 18 | status {name}");
    let (a, b) = (stop("a"), stop("b"));
    let all = format!("1: left c | 1: stopping b | {b} | 1: left b | 1: stopping a | {a}");
    assert!(scene.timeout().starts_with(&format!("{all} | 1: left a | 1: Done")));
    assert_eq!(scene.now, 13_000);
}

#[test]
fn a_start_that_failed_for_good_does_not_keep_the_container() {
    let slow = limited(longrun("slow", &[]), 200, 0);
    let mut scene = Scene::new(vec![slow]);
    let top = scene.ids(&["slow"]);
    let container = Container { top, if_boot_fails: 2, kill_grace_ms: 100, ..Container::default() };
    scene.on(Event::Boot(container));
    scene.on(Event::Supervised(
        scene.id("slow"),
        Supervised { down: true, ..Supervised::default() },
    ));
    scene.spawned_with_readiness("slow run");
    let out = scene.timeout();
    assert!(out.contains("0: not started slow TimedOut | 0: Failed"), "{out}");
    assert_eq!(
        scene.timeout(),
        "1: left slow | 1: Done | slow run down-signal | slow run 18 | status slow | TermAll"
    );
    assert_eq!(scene.timeout(), "KillAll");
}

#[test]
fn what_is_on_its_way_up_has_its_time_to_stop() {
    let mut scene = booting(limited(longrun("slow", &["first"]), 700, 0));
    scene.spawned_with_readiness("slow run");
    scene.wait(300);
    scene.on(Event::Stop);
    assert_eq!(scene.deadline(), Some(700));
    assert_eq!(scene.timeout(), "1: left slow | 1: stopping first | spawn first down");
}

#[test]
fn what_is_on_its_way_up_without_a_limit_is_waited_for() {
    let mut scene = booting(longrun("slow", &["first"]));
    scene.spawned_with_readiness("slow run");
    scene.on(Event::Stop);
    for _ in 0..3 {
        assert_eq!(scene.timeout(), "1: waiting for slow");
    }
}

/// A boot that is under way and may take 5 s: `slow`, which needs `low`, is starting.
fn booting_for_5_s(slow: Definition) -> Scene {
    let mut scene = Scene::new(vec![oneshot("low", &[]), slow]);
    let top = scene.ids(&["slow"]);
    let container =
        Container { top, boot_timeout_ms: 5000, kill_grace_ms: 3000, ..Container::default() };
    scene.on(Event::Boot(container));
    scene.exited("low up", 0);
    scene.wait(1000);
    scene
}

#[test]
fn the_limit_of_the_boot_holds_for_a_oneshot_that_a_stop_finds_starting() {
    let mut scene = booting_for_5_s(oneshot("slow", &["low"]));
    scene.spawned("slow up");
    scene.on(Event::Stop);
    assert_eq!(scene.timeout(), "1: waiting for slow");
    assert_eq!(scene.timeout(), "slow up 15 | slow up 18");
    assert_eq!(scene.deadline(), Some(1000));
    assert_eq!(
        scene.timeout(),
        "forget slow up | 1: not started slow TimedOut | 1: already down slow | 1: stopping low \
         | spawn low down"
    );
}

#[test]
fn the_limit_of_the_boot_holds_for_a_longrun_that_a_stop_finds_starting() {
    let mut scene = booting_for_5_s(longrun("slow", &["low"]));
    scene.on(Event::Supervised(
        scene.id("slow"),
        Supervised { down: true, ..Supervised::default() },
    ));
    scene.spawned_with_readiness("slow run");
    scene.on(Event::Stop);
    assert_eq!(scene.timeout(), "1: waiting for slow");
    assert_eq!(scene.deadline(), Some(2000));
    assert_eq!(scene.timeout(), "1: left slow | 1: stopping low | spawn low down");
}

#[test]
fn a_oneshot_that_a_stop_finds_starting_is_told_to_end_when_the_boot_would_have_been() {
    let mut scene = booting_for_5_s(oneshot("slow", &["low"]));
    scene.spawned("slow up");
    scene.wait(2500);
    scene.on(Event::Stop);
    assert_eq!(scene.deadline(), Some(1500));
    let out = scene.timeout();
    assert!(out.starts_with("slow up 15 | slow up 18 | forget slow up"), "{out}");
}

#[test]
fn a_down_for_which_there_is_no_room_is_tried_again_and_what_it_needs_waits() {
    let mut scene = Scene::booted(vec![oneshot("low", &[]), oneshot("x", &["low"])], &["x"]);
    scene.on(Event::Stop);
    let down = scene.process("x down");
    let no_room = Event::NotSpawned(down, NotSpawned::Delayed);
    assert_eq!(scene.on(no_room.clone()), "");
    assert_eq!(scene.deadline(), Some(200));
    assert_eq!(scene.timeout(), "spawn x down");
    assert_eq!(scene.on(no_room), "");
    scene.timeout();
    scene.spawned("x down");
    let last = scene.exited("x down", 0);
    assert_eq!(last, "1: stopping low | spawn low down | 1: stopped x");
    // But not for ever.
    let mut scene = Scene::booted(vec![oneshot("x", &[])], &["x"]);
    let no_room = Event::NotSpawned(scene.process("x down"), NotSpawned::Delayed);
    scene.on(Event::Stop);
    scene.on(no_room.clone());
    scene.wait(5_000);
    let last = scene.on(no_room);
    assert_eq!(last, "1: not stopped x NotSpawned | 1: Failed | TermAll");
}

#[test]
fn an_up_for_which_there_is_no_room_is_given_up_by_a_stop() {
    let mut scene = booting(oneshot("slow", &["first"]));
    let up = scene.process("slow up");
    scene.on(Event::NotSpawned(up, NotSpawned::Delayed));
    let out = scene.on(Event::Stop);
    assert!(out.contains("1: stopping first"), "{out}");
    assert_eq!(scene.on(Event::Timeout), "");
}

#[test]
fn a_finish_for_which_there_is_no_room_is_tried_again() {
    let tree = vec![oneshot("low", &[]), longrun("web", &["low"])];
    let mut scene = Scene::booted(tree, &["web"]);
    scene.on(Event::Stop);
    scene.exited("web run", 0);
    let finish = scene.process("web finish");
    assert_eq!(scene.on(Event::NotSpawned(finish, NotSpawned::Delayed)), "");
    assert_eq!(scene.timeout(), "spawn web finish");
    assert_eq!(scene.spawned("web finish"), "status web | web d");
}

#[test]
fn a_cmd_for_which_there_is_no_room_is_started_again_for_a_while() {
    let mut scene = Scene::new(vec![]);
    let container = Container { has_cmd: true, kill_grace_ms: 3000, ..Container::default() };
    assert_eq!(scene.on(Event::Boot(container)), "0: Done | StartCmd");
    assert_eq!(scene.on(Event::CmdDelayed), "");
    assert_eq!(scene.timeout(), "StartCmd");
    scene.wait(5_000);
    assert_eq!(scene.on(Event::CmdDelayed), "code 111 | 1: Done | TermAll");
}
