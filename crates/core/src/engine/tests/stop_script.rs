//! A longrun that is stopped by its `stop` script.

use super::*;

const DOWN: Control = Control::Down { permanently: false };

/// A scene in which `web` runs and has been told to stop; its script runs, with so many ms.
fn stopping(timeout_ms: u32) -> Scene {
    let mut web = longrun("web", &[]);
    if let Kind::Longrun(longrun) = &mut web.kind {
        longrun.handed_on = vec!["stop"];
    }
    let mut scene = Scene::booted(vec![web], &["web"]);
    assert_eq!(scene.control("web", DOWN), "spawn web stop | status web");
    let spawned = Spawned { timeout_ms, ..Spawned::default() };
    assert_eq!(scene.on(Event::Spawned(scene.process("web stop"), spawned)), "");
    scene
}

#[test]
fn a_second_stop_does_not_run_it_twice() {
    let mut scene = stopping(0);
    assert_eq!(scene.control("web", DOWN), "status web");
    assert_eq!(scene.exited("web stop", 0), "");
    // It has done what it could: whoever asks once more gets the signal.
    let signals = "web run down-signal | web run 18 | status web";
    assert_eq!(scene.control("web", DOWN), signals);
}

#[test]
fn the_down_signal_follows_where_it_fails_or_cannot_be_run_or_is_late() {
    let signals = "web run down-signal | web run 18";
    assert_eq!(stopping(0).exited("web stop", 1), signals);
    let mut scene = stopping(0);
    assert_eq!(scene.absent("web stop"), signals);
    let mut scene = stopping(700);
    scene.wait(100);
    scene.exited("web stop", 0);
    assert_eq!(scene.deadline(), Some(600), "from the beginning of the script");
    assert_eq!(scene.timeout(), signals);
    let mut scene = stopping(700);
    assert_eq!(scene.timeout(), format!("web stop late | {signals}"));
    scene.on(Event::Stopping(scene.id("web"), 300));
    assert_eq!((scene.deadline(), scene.timeout()), (Some(300), "web run late".into()));
    assert_eq!(scene.exited("web stop", 9), "");
}

#[test]
fn finish_waits_for_its_end() {
    let mut scene = stopping(0);
    assert_eq!(scene.exited("web run", 0), "tally web Code(0)");
    let phase = scene.engine.longrun(scene.id("web")).map(SupervisedLongrun::phase);
    assert_eq!(phase, Some(Phase::Lingering));
    assert_eq!(scene.timeout(), "web stop late");
    assert_eq!(scene.exited("web stop", 0), "spawn web finish");
    assert_eq!(scene.absent("web finish"), "status web | web dD");
    assert_eq!(scene.deadline(), None);
}
