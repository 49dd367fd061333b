//! Boot, CMD and shutdown.

use super::*;

#[test]
fn a_container_boots_runs_its_cmd_and_stops() {
    let mut scene = Scene::new(vec![oneshot("prepare", &[]), longrun("web", &["prepare"])]);
    let (web, prepare) = (scene.id("web"), scene.id("prepare"));
    let up = Process { service: prepare, script: Script::Up };
    let run = Process { service: web, script: Script::Run };
    let out = scene.on(Event::Boot(Container {
        top: vec![web],
        has_cmd: true,
        kill_grace_ms: 3000,
        ..Container::default()
    }));
    assert_eq!(
        out,
        [
            Command::Supervise(web),
            Command::Report(BOOT, Report::Starting(prepare)),
            Command::Spawn(up),
        ]
    );
    let out = scene.on(Event::Supervised(web, Supervised { down: true }));
    assert_eq!(out, [Command::Status(web), Command::Notify(web, "s")]);
    scene.on(Event::Spawned(up, Spawned::default()));
    let out = scene.on(Event::Exited(up, Exit::Code(0)));
    assert_eq!(
        out,
        [
            Command::Report(BOOT, Report::Starting(web)),
            Command::Status(web),
            Command::Spawn(run),
            Command::Report(BOOT, Report::Started(prepare)),
        ]
    );
    let out = scene.on(Event::Spawned(run, Spawned::default()));
    assert_eq!(
        out,
        [
            Command::Status(web),
            Command::Notify(web, "u"),
            Command::DownFile(web, false),
            Command::Report(BOOT, Report::Started(web)),
            Command::Done(BOOT, Outcome::Done),
            Command::StartCmd,
        ]
    );
    let out = scene.on(Event::CmdExited(Exit::Code(3)));
    assert_eq!(
        out,
        [
            Command::ExitCode(3),
            Command::Report(SHUTDOWN, Report::Stopping(web)),
            Command::Signal(run, Signal::Down),
            Command::Signal(run, Signal::Number(18)),
            Command::Status(web),
        ]
    );
    let finish = Process { service: web, script: Script::Finish };
    let out = scene.on(Event::Exited(run, Exit::Signal(15)));
    assert_eq!(out, [Command::Tally(web, Exit::Signal(15)), Command::Spawn(finish)]);
    let down = Process { service: prepare, script: Script::Down };
    let out = scene.on(Event::NotSpawned(finish, NotSpawned::Absent));
    assert_eq!(
        out,
        [
            Command::Status(web),
            Command::Notify(web, "dD"),
            Command::DownFile(web, true),
            Command::Report(SHUTDOWN, Report::Stopping(prepare)),
            Command::Spawn(down),
            Command::Report(SHUTDOWN, Report::Stopped(web)),
        ]
    );
    let out = scene.on(Event::NotSpawned(down, NotSpawned::Absent));
    assert_eq!(
        out,
        [
            Command::Report(SHUTDOWN, Report::Stopped(prepare)),
            Command::Done(SHUTDOWN, Outcome::Done),
            Command::Notify(web, "x"),
            Command::Unsupervise(web),
            Command::TermAll,
        ]
    );
    assert_eq!(scene.on(Event::Alone), [Command::Exit]);
    assert_eq!(scene.deadline(), None);
}
