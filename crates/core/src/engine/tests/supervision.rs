//! The table of s6-supervise, row by row, and its times.

use super::*;

const STATES: [&str; 5] = ["DOWN", "UP", "FINISH", "LASTUP", "LASTFINISH"];

const UP: Control = Control::Up { permanently: false };
const DOWN: Control = Control::Down { permanently: false };

/// A scene with one scanned directory, `#0`, in one of the states of s6-supervise. It is wanted
/// up, but for DOWN.
fn state(state: &str) -> Scene {
    let mut scene = Scene::new(vec![]);
    let id = ServiceId(0);
    scene.on(Event::Appeared(id, Scanned::default()));
    scene.on(Event::Supervised(id, Supervised { down: state == "DOWN", ..Supervised::default() }));
    if state != "DOWN" {
        scene.spawned("#0 run");
    }
    if state.starts_with("LAST") {
        scene.control("#0", Control::Exit);
    }
    if state.ends_with("FINISH") {
        scene.exited("#0 run", 0);
        scene.spawned("#0 finish");
    }
    scene
}

/// What a longrun is like: its phase, and what else is true of it.
fn like(scene: &Scene) -> String {
    let longrun = scene.engine.longrun(ServiceId(0)).expect("a longrun");
    let flags = [
        (longrun.wanted(), " wanted"),
        (longrun.leaving(), " leaving"),
        (longrun.paused(), " paused"),
    ];
    let flags = flags.iter().filter(|(flag, _)| *flag).map(|(_, word)| *word);
    format!("{:?}{}", longrun.phase(), flags.collect::<String>())
}

/// A row: in each state, what is done, and what the service is like then.
fn row(act: impl Fn(&mut Scene) -> String, expected: [(&str, &str); 5]) {
    for (name, (done, then)) in STATES.into_iter().zip(expected) {
        let mut scene = state(name);
        assert_eq!((act(&mut scene).as_str(), like(&scene).as_str()), (done, then), "in {name}");
    }
}

fn letter(control: Control, expected: [(&str, &str); 5]) {
    row(|scene| scene.control("#0", control), expected);
}

/// A letter that is only a signal to a process that runs.
fn signal(control: Control, sent: &str, up: &str, last_up: &str) {
    let finish = ("", "Finishing wanted");
    let last_finish = ("", "Finishing wanted leaving");
    letter(control, [("", "Down"), (sent, up), finish, (sent, last_up), last_finish]);
}

#[test]
fn u_wants_it_up_and_starts_it_now() {
    letter(
        UP,
        [
            ("status #0 | spawn #0 run", "Starting wanted"),
            ("status #0", "Up wanted"),
            ("status #0", "Finishing wanted"),
            ("status #0", "Up wanted leaving"),
            ("status #0", "Finishing wanted leaving"),
        ],
    );
}

#[test]
fn u_removes_the_down_file_where_it_is_capital() {
    letter(
        Control::Up { permanently: true },
        [
            ("no down #0 | status #0 | spawn #0 run", "Starting wanted"),
            ("no down #0 | status #0", "Up wanted"),
            ("no down #0 | status #0", "Finishing wanted"),
            ("no down #0 | status #0", "Up wanted leaving"),
            ("no down #0 | status #0", "Finishing wanted leaving"),
        ],
    );
}

#[test]
fn d_wants_it_down_and_stops_it() {
    let stop = "#0 run down-signal | #0 run 18 | status #0";
    letter(
        DOWN,
        [
            ("status #0", "Down"),
            (stop, "Up"),
            ("status #0", "Finishing"),
            (stop, "Up leaving"),
            ("status #0", "Finishing leaving"),
        ],
    );
}

#[test]
fn d_makes_a_down_file_where_it_is_capital() {
    let stop = "down #0 | #0 run down-signal | #0 run 18 | status #0";
    letter(
        Control::Down { permanently: true },
        [
            ("down #0 | status #0", "Down"),
            (stop, "Up"),
            ("down #0 | status #0", "Finishing"),
            (stop, "Up leaving"),
            ("down #0 | status #0", "Finishing leaving"),
        ],
    );
}

#[test]
fn o_runs_it_once() {
    letter(
        Control::Once,
        [
            ("status #0 | spawn #0 run", "Starting"),
            ("status #0", "Up"),
            ("status #0", "Finishing"),
            ("status #0", "Up leaving"),
            ("status #0", "Finishing leaving"),
        ],
    );
}

#[test]
fn capital_o_lets_it_end_without_a_restart() {
    letter(
        Control::AtMostOnce { permanently: false },
        [
            ("status #0", "Down"),
            ("status #0", "Up"),
            ("status #0", "Finishing"),
            ("status #0", "Up leaving"),
            ("status #0", "Finishing leaving"),
        ],
    );
}

#[test]
fn capital_q_also_makes_a_down_file() {
    letter(
        Control::AtMostOnce { permanently: true },
        [
            ("down #0 | status #0", "Down"),
            ("down #0 | status #0", "Up"),
            ("down #0 | status #0", "Finishing"),
            ("down #0 | status #0", "Up leaving"),
            ("down #0 | status #0", "Finishing leaving"),
        ],
    );
}

#[test]
fn x_and_hup_let_the_supervisor_leave_when_the_service_is_down() {
    letter(
        Control::Exit,
        [
            ("#0 x | unsupervise #0", "Unsupervised"),
            ("", "Up wanted leaving"),
            ("", "Finishing wanted leaving"),
            ("", "Up wanted leaving"),
            ("", "Finishing wanted leaving"),
        ],
    );
}

#[test]
fn term_also_stops_the_service() {
    let prune = |scene: &mut Scene| {
        scene.on(Event::Vanished(ServiceId(0)));
        scene.on(Event::Prune { loggers: false })
    };
    let stop = "#0 run down-signal | #0 run 18 | status #0";
    row(
        prune,
        [
            ("#0 x | unsupervise #0 | drop #0", "Unsupervised"),
            (stop, "Up leaving"),
            ("", "Finishing wanted leaving"),
            (stop, "Up leaving"),
            ("", "Finishing wanted leaving"),
        ],
    );
}

#[test]
fn letters_that_are_signals_reach_run_alone() {
    let (up, last_up) = ("Up wanted", "Up wanted leaving");
    signal(Control::Signal(1), "#0 run 1", up, last_up);
    signal(Control::Restart, "#0 run down-signal", up, last_up);
    signal(Control::Reload, "#0 run reload-signal", up, last_up);
    signal(Control::KillGroup, "#0 run group 9", up, last_up);
    let (continued, group) = ("#0 run 18 | status #0", "#0 run group 18 | status #0");
    signal(Control::Continue(Target::Process), continued, up, last_up);
    signal(Control::Continue(Target::Group), group, up, last_up);
    let (up, last_up) = ("Up wanted paused", "Up wanted leaving paused");
    let (paused, group) = ("#0 run 19 | status #0", "#0 run group 19 | status #0");
    signal(Control::Pause(Target::Process), paused, up, last_up);
    signal(Control::Pause(Target::Group), group, up, last_up);
}

#[test]
fn a_death_of_run_leads_to_finish() {
    let mut scene = state("UP");
    assert_eq!(scene.exited("#0 run", 3), "tally #0 Code(3) | spawn #0 finish");
    assert_eq!(scene.spawned("#0 finish"), "status #0 | #0 d");
    assert_eq!(scene.exited("#0 finish", 0), "status #0 | #0 D");
    assert_eq!(scene.timeout(), "spawn #0 run");
    let mut scene = state("LASTUP");
    assert_eq!(scene.exited("#0 run", 3), "tally #0 Code(3) | spawn #0 finish");
    assert_eq!(scene.spawned("#0 finish"), "status #0 | #0 d");
    assert_eq!(scene.exited("#0 finish", 0), "status #0 | #0 D | #0 x | unsupervise #0");
}

#[test]
fn without_finish_it_is_down_at_once() {
    let mut scene = state("UP");
    scene.exited("#0 run", 0);
    assert_eq!(scene.absent("#0 finish"), "status #0 | #0 dD");
    let mut scene = state("LASTUP");
    scene.exited("#0 run", 0);
    assert_eq!(scene.absent("#0 finish"), "status #0 | #0 dD | #0 x | unsupervise #0");
}

#[test]
fn a_finish_that_exits_125_ends_the_restarts() {
    let mut scene = state("FINISH");
    assert_eq!(scene.exited("#0 finish", 125), "status #0 | #0 OD");
    assert_eq!(scene.deadline(), None);
    assert_eq!(like(&scene), "Down");
    assert_eq!(scene.control("#0", UP), "status #0 | spawn #0 run");
}

#[test]
fn it_starts_again_a_second_after_finish() {
    let mut scene = state("UP");
    scene.wait(50_000);
    scene.exited("#0 run", 0);
    scene.spawned("#0 finish");
    scene.wait(300);
    scene.exited("#0 finish", 0);
    assert_eq!(scene.deadline(), Some(1000));
    assert_eq!(scene.timeout(), "spawn #0 run");
    assert_eq!(scene.engine.longrun(scene.id("#0")).map(SupervisedLongrun::restarts), Some(1));
}

#[test]
fn readiness_allows_the_next_start_a_second_later() {
    let mut scene = state("DOWN");
    scene.control("#0", UP);
    scene.spawned_with_readiness("#0 run");
    assert_eq!(scene.ready("#0"), "status #0 | #0 U");
    assert_eq!(scene.ready("#0"), "");
    scene.wait(400);
    scene.exited("#0 run", 0);
    scene.absent("#0 finish");
    assert_eq!(scene.deadline(), Some(600));
    scene.timeout();
    scene.spawned_with_readiness("#0 run");
    scene.ready("#0");
    scene.wait(2_000);
    scene.exited("#0 run", 0);
    assert_eq!(scene.absent("#0 finish"), "status #0 | #0 dD | spawn #0 run");
}

#[test]
fn u_does_not_wait() {
    let mut scene = state("UP");
    scene.exited("#0 run", 0);
    scene.absent("#0 finish");
    assert_eq!(scene.control("#0", UP), "status #0 | spawn #0 run");
    assert_eq!(scene.deadline(), None);
}

#[test]
fn a_run_that_cannot_start_is_tried_again_after_a_minute() {
    let mut scene = state("DOWN");
    scene.control("#0", UP);
    let run = scene.process("#0 run");
    assert_eq!(scene.on(Event::NotSpawned(run, NotSpawned::Refused)), "");
    assert_eq!(scene.deadline(), Some(60_000));
    assert_eq!(scene.timeout(), "spawn #0 run");
    assert_eq!(scene.on(Event::NotSpawned(run, NotSpawned::Invalid)), "");
    assert_eq!(scene.deadline(), None);
    assert_eq!(scene.control("#0", UP), "status #0 | spawn #0 run");
}

#[test]
fn kill_comes_after_timeout_kill_and_every_five_seconds() {
    let mut scene = state("UP");
    scene.control("#0", DOWN);
    scene.on(Event::Stopping(ServiceId(0), 700));
    assert_eq!(scene.deadline(), Some(700));
    assert_eq!(scene.timeout(), "#0 run late");
    assert_eq!(scene.deadline(), Some(5000));
    assert_eq!(scene.timeout(), "#0 run late");
    scene.exited("#0 run", 0);
    assert_eq!(scene.deadline(), None);
}

#[test]
fn r_arms_no_timeout_kill() {
    let mut scene = state("UP");
    scene.control("#0", Control::Restart);
    scene.on(Event::Stopping(ServiceId(0), 700));
    assert_eq!(scene.deadline(), None);
}

#[test]
fn an_answer_that_the_process_did_not_live_to_see_is_not_taken_for_the_next_one() {
    let mut scene = state("UP");
    scene.control("#0", DOWN);
    scene.exited("#0 run", 0);
    scene.absent("#0 finish");
    scene.control("#0", UP);
    scene.spawned("#0 run");
    scene.on(Event::Stopping(ServiceId(0), 700));
    assert_eq!(scene.deadline(), None);
}

#[test]
fn finish_is_killed_after_timeout_finish_and_every_five_seconds() {
    let mut scene = state("FINISH");
    assert_eq!(scene.deadline(), Some(5000));
    assert_eq!(scene.timeout(), "#0 finish late");
    assert_eq!(scene.deadline(), Some(5000));
    assert_eq!(scene.timeout(), "#0 finish late");
}

#[test]
fn a_stop_that_comes_before_the_process_is_there_is_not_lost() {
    let mut scene = state("DOWN");
    scene.control("#0", UP);
    assert_eq!(scene.control("#0", DOWN), "status #0");
    let stop = "#0 run down-signal | #0 run 18 | status #0";
    assert_eq!(scene.spawned("#0 run"), format!("status #0 | #0 u | {stop}"));
}

#[test]
fn never_started_is_what_a_fresh_status_says_until_the_next_one() {
    let never =
        |scene: &Scene| scene.engine.longrun(ServiceId(0)).map(SupervisedLongrun::never_started);
    let mut scene = state("DOWN");
    assert_eq!(never(&scene), Some(true));
    scene.control("#0", DOWN);
    assert_eq!(never(&scene), Some(false));
    assert_eq!(never(&state("UP")), Some(false));
}

#[test]
fn the_pause_ends_with_the_process() {
    let mut scene = state("UP");
    scene.control("#0", Control::Pause(Target::Process));
    scene.exited("#0 run", 0);
    assert_eq!(like(&scene), "Ending wanted");
}
