//! The scan directory: directories come and go.

use super::*;

fn appear(scene: &mut Scene, id: u32, logger: bool) -> String {
    scene.on(Event::Appeared(ServiceId(id), Scanned { logger }))
}

/// A service `#0` and its logger `#1`, both up.
fn pair() -> Scene {
    let mut scene = Scene::new(vec![]);
    for (id, logger) in [(1, true), (0, false)] {
        appear(&mut scene, id, logger);
        scene.on(Event::Supervised(
            ServiceId(id),
            Supervised { down: false, ..Supervised::default() },
        ));
        scene.spawned(&format!("#{id} run"));
    }
    scene
}

#[test]
fn a_directory_is_supervised_and_started_unless_it_has_a_down_file() {
    let mut scene = Scene::new(vec![]);
    assert_eq!(appear(&mut scene, 0, false), "supervise #0");
    let up = Event::Supervised(ServiceId(0), Supervised { down: false, ..Supervised::default() });
    assert_eq!(scene.on(up), "status #0 | #0 s | spawn #0 run");
    appear(&mut scene, 1, false);
    let down = Event::Supervised(ServiceId(1), Supervised { down: true, ..Supervised::default() });
    assert_eq!(scene.on(down), "status #1 | #1 s");
}

#[test]
fn a_supervisor_that_leaves_comes_back_a_second_after_it_started() {
    let mut scene = pair();
    scene.wait(400);
    scene.control("#0", Control::Exit);
    scene.exited("#0 run", 0);
    assert_eq!(scene.absent("#0 finish"), "status #0 | #0 dD | #0 x | unsupervise #0");
    assert_eq!(scene.deadline(), Some(600));
    assert_eq!(scene.timeout(), "supervise #0");
    scene.on(Event::Supervised(ServiceId(0), Supervised { down: false, ..Supervised::default() }));
    scene.spawned("#0 run");
    scene.wait(5_000);
    scene.control("#0", Control::Exit);
    scene.exited("#0 run", 0);
    let again = "status #0 | #0 dD | #0 x | unsupervise #0 | supervise #0";
    assert_eq!(scene.absent("#0 finish"), again);
}

#[test]
fn a_directory_that_cannot_be_supervised_is_tried_every_second() {
    let mut scene = Scene::new(vec![]);
    appear(&mut scene, 0, false);
    assert_eq!(scene.on(Event::NotSupervised(ServiceId(0))), "");
    assert_eq!(scene.deadline(), Some(1000));
    assert_eq!(scene.timeout(), "supervise #0");
    scene.on(Event::NotSupervised(ServiceId(0)));
    assert_eq!(scene.on(Event::Vanished(ServiceId(0))), "drop #0");
    assert_eq!(scene.deadline(), None);
}

#[test]
fn what_has_gone_runs_on_until_it_is_pruned_and_loggers_until_they_end() {
    let mut scene = pair();
    assert_eq!(scene.on(Event::Prune { loggers: true }), "");
    assert_eq!(scene.on(Event::Vanished(ServiceId(0))), "");
    assert_eq!(scene.on(Event::Vanished(ServiceId(1))), "");
    let stop = "#0 run down-signal | #0 run 18 | status #0";
    assert_eq!(scene.on(Event::Prune { loggers: false }), stop);
    scene.exited("#0 run", 0);
    assert_eq!(scene.absent("#0 finish"), "status #0 | #0 dD | #0 x | unsupervise #0 | drop #0");
    scene.exited("#1 run", 0);
    assert_eq!(scene.absent("#1 finish"), "status #1 | #1 dD | #1 x | unsupervise #1 | drop #1");
}

#[test]
fn one_that_goes_for_good_is_known_until_its_last_commands_are_done() {
    let mut scene = pair();
    scene.on(Event::Vanished(ServiceId(0)));
    scene.on(Event::Prune { loggers: false });
    scene.exited("#0 run", 0);
    scene.absent("#0 finish");
    let known = |scene: &Scene| scene.engine.longrun(ServiceId(0)).map(SupervisedLongrun::wanted);
    assert_eq!(known(&scene), Some(false));
    scene.on(Event::Prune { loggers: false });
    assert_eq!(known(&scene), None);
}

#[test]
fn what_comes_back_before_it_is_pruned_stays() {
    let mut scene = pair();
    scene.on(Event::Vanished(ServiceId(0)));
    assert_eq!(appear(&mut scene, 0, false), "");
    assert_eq!(scene.on(Event::Prune { loggers: true }), "");
}

#[test]
fn the_scan_directory_is_left_when_every_supervisor_has_left() {
    let mut scene = pair();
    let leave = Event::Leave { loggers: false, at_once: false };
    assert_eq!(scene.on(leave), "#0 run down-signal | #0 run 18 | status #0");
    assert!(scene.engine.stopping());
    scene.exited("#0 run", 0);
    assert_eq!(scene.absent("#0 finish"), "status #0 | #0 dD | #0 x | unsupervise #0 | drop #0");
    scene.exited("#1 run", 0);
    let last = "status #1 | #1 dD | #1 x | unsupervise #1 | drop #1 | Exit";
    assert_eq!(scene.absent("#1 finish"), last);
}

#[test]
fn it_can_be_left_at_once() {
    let mut scene = pair();
    assert_eq!(scene.on(Event::Leave { loggers: false, at_once: true }), "Exit");
}
