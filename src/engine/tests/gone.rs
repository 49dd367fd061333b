//! The end of a scanned service.

use super::*;

#[test]
fn one_that_goes_for_good_is_known_until_its_last_commands_are_done() {
    let mut scene = Scene::new(vec![]);
    let old = ServiceId(0);
    let run = Process { service: old, script: Script::Run };
    scene.on(Event::Appeared(old, Scanned { logger: false }));
    scene.on(Event::Supervised(old, Supervised { down: false }));
    scene.on(Event::Spawned(run, Spawned::default()));
    scene.on(Event::Vanished(old));
    scene.on(Event::Prune { loggers: false });
    scene.on(Event::Exited(run, Exit::Code(0)));
    let finish = Process { service: old, script: Script::Finish };
    let out = scene.on(Event::NotSpawned(finish, NotSpawned::Absent));
    assert!(out.contains(&Command::Status(old)) && out.contains(&Command::Drop(old)), "{out:?}");
    assert!(scene.engine.longrun(old).is_some_and(|l| !l.wanted()));
    scene.on(Event::Timeout);
    assert!(scene.engine.longrun(old).is_none());
}
