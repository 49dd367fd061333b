//! What happens in a scan directory.

use crate::world::World;

/// s6-svlink waits until the supervisor is there, s6-svunlink until it has gone.
pub(crate) fn a_service_is_linked_and_unlinked(world: &World) {
    std::fs::create_dir(world.dir.join("scan")).unwrap();
    world.service("a", &[("run", "#!/bin/sh\necho $PPID > ../supervisor\nexec sleep 1000\n")]);
    world.supervise("s6-svscan", "scan");
    world.ok(&["s6-svlink", "-t", "50000", "scan", "a"]);
    world.ok(&["s6-svok", "a"]);
    world.ok(&["s6-svwait", "-u", "-t", "50000", "scan/a"]);
    world.ok(&["s6-svunlink", "-t", "50000", "scan", "a"]);
    assert!(!world.has("scan/a"));
    world.until("its supervisor has gone", || world.run(&["s6-svok", "a"]).code == Some(1));
    world.ok(&["s6-svlink", "-d", "-t", "50000", "scan", "a", "other"]);
    assert_eq!(world.ok(&["s6-svstat", "-o", "up,wantedup", "scan/other"]), "false false");
    assert!(!world.has("a/down"));
    world.ok(&["s6-svunlink", "-t", "50000", "scan", "other"]);
    world.ok(&["s6-svscanctl", "-t", "scan"]);
    assert_eq!(world.supervisor_ends(), Some(0));
    assert_eq!(world.run(&["s6-svscanctl", "-a", "scan"]).code, Some(100));
}

/// The pipe between a service and its logger outlives both.
pub(crate) fn a_logger_keeps_its_pipe(world: &World) {
    let run = "#!/bin/sh\necho one\nuntil [ -e ../../go ]; do sleep 0.01; done\necho two\n\
               exec sleep 1000\n";
    let log = "#!/bin/sh\nwhile read -r line; do echo \"$line\" >> ../../../logged; done\n";
    world.service("scan/a", &[("run", run)]);
    world.service("scan/a/log", &[("run", log)]);
    world.supervise("s6-svscan", "scan");
    world.until_file_says("logged", &["one"]);
    world.ok(&["s6-svwait", "-u", "-t", "50000", "scan/a", "scan/a/log"]);
    world.ok(&["s6-svc", "-k", "-wd", "-T", "50000", "scan/a/log"]);
    std::fs::write(world.dir.join("go"), "").unwrap();
    world.until_file_says("logged", &["one", "two"]);
    std::fs::remove_file(world.dir.join("go")).unwrap();
    world.ok(&["s6-svc", "-k", "-wr", "-T", "50000", "scan/a"]);
    world.until_file_says("logged", &["one", "two", "one"]);
    world.ok(&["s6-svscanctl", "-t", "scan"]);
    assert_eq!(world.supervisor_ends(), Some(0));
}
