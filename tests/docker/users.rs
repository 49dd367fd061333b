//! Ordinary users, and where they may write.

use crate::engine::{Container, answers};
use crate::image::Scratch;
use crate::{SUEXEC, lives};

/// What an image's scripts do below /run: make a folder, look at a service, stop the container.
const SCRIPTS: &str = "mkdir /run/web && /command/s6-svstat /run/service/web && \
    echo 7 > /run/s6-linux-init-container-results/exitcode && exec /run/s6/basedir/bin/halt";

/// Boots as a user, who then uses /run as if it were root's container. What it said.
fn uses_run(options: &[&str]) -> String {
    let container = Container::run(&[&["--user=1000:1000"], options].concat(), &[]);
    container.wait_for("service web successfully started", 1);
    let done = container.exec(&["sh", "-ec", SCRIPTS]);
    assert!(done.status.success(), "{done:?}\n{}", container.log());
    let (code, log) = (container.exit_code(), container.log());
    assert_eq!(code, 7, "{log}");
    assert!(log.contains("web runs as 1000:1000"), "{log}");
    log
}

#[test]
fn a_user_uses_the_run_of_the_image() {
    if !answers() {
        return;
    }
    let log = uses_run(&[]);
    assert!(!log.contains("sixtree-1000"), "{log}");
    assert!(!log.contains("sticky"), "{log}");
}

#[test]
fn a_user_uses_a_tmpfs_on_a_read_only_root() {
    if !answers() {
        return;
    }
    for options in ["/run:uid=1000,gid=1000", "/run:size=16M,mode=1750,exec,uid=1000", "/run"] {
        let log = uses_run(&["--read-only", "--tmpfs", options, "--tmpfs=/tmp"]);
        assert!(!log.contains("sixtree-1000"), "{options}\n{log}");
    }
}

#[test]
fn a_user_who_may_not_write_to_a_volume_is_told_what_to_do() {
    let volume = Scratch::new("root-only");
    let mount = format!("--volume={}:/run", volume.path().display());
    let says = "/run cannot be written to by uid 1000: using /tmp/sixtree-1000, where scripts that \
                name files below /run do not find them; chown 1000 the volume on it, or mount a \
                tmpfs there (--tmpfs /run:uid=1000,gid=1000)";
    lives(&["--user=1000:1000", &mount], &[says, "web runs as 1000:1000"]);
}

#[test]
fn a_user_who_can_write_nowhere_is_told_what_to_do() {
    if !answers() {
        return;
    }
    let container = Container::run(&["--read-only", "--user=1000:1000"], &[]);
    let (code, log) = (container.exit_code(), container.log());
    assert_eq!(code, 100, "{log}");
    assert!(log.contains("mount a tmpfs on it (--tmpfs /run:uid=1000,gid=1000)"), "{log}");
}

#[test]
fn a_user_that_nobody_knows_and_without_any_rights() {
    let options = ["--user=12345:0", "--cap-drop=ALL", "--security-opt=no-new-privileges"];
    let run = ["--tmpfs=/run:exec,mode=0777", "--env=PLACE=a tmpfs"];
    lives(&[options.as_slice(), &run].concat(), &["web runs as 12345:0 in a tmpfs"]);
}

#[test]
fn of_a_run_that_everybody_may_write_to_root_takes_back_what_is_dangerous() {
    if !answers() {
        return;
    }
    let volume = Scratch::new("for-everybody");
    let everybody = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(volume.path(), everybody).expect("its permissions");
    let container = Container::run(&[&format!("--volume={}:/run", volume.path().display())], &[]);
    container.wait_for("/run is writable for everybody: set its sticky bit", 1);
    container.wait_for("service web successfully started", 1);
    let attack = ["/command/s6-setuidgid", "nobody", "mv", "/run/s6-rc", "/run/mine"];
    let attack = container.exec(&attack);
    assert_eq!(attack.status.code(), Some(1), "{attack:?}");
    container.ends_in_order(0);
}

/// What linuxserver's hook has found out about the user, in a container with these options.
fn hook_finds(options: &[&str]) -> Option<String> {
    let hook = ["--user=1000:1000", "--env=S6_STAGE2_HOOK=/opt/owner-hook"];
    let container = Container::run(&[&hook, options].concat(), &[]);
    container.wait_for("service web successfully started", 1);
    let found = container.exec(&["/command/printcontenv", "LSIO_NON_ROOT_USER"]);
    container.ends_in_order(0);
    found.status.success().then(|| String::from_utf8_lossy(&found.stdout).trim().to_owned())
}

#[test]
fn linuxservers_hook_finds_a_user_who_owns_run() {
    if !answers() {
        return;
    }
    // The image's own is root's, though anybody may write to it.
    assert_eq!(hook_finds(&[]), None);
    let found = Some("1".to_owned());
    assert_eq!(hook_finds(&["--tmpfs=/run:uid=1000,gid=1000"]), found);
    let setuid = ["--entrypoint", SUEXEC];
    assert_eq!(hook_finds(&setuid), found);
    assert_eq!(hook_finds(&[&setuid[..], &["--read-only", "--tmpfs=/run"]].concat()), found);
    // Without a new privilege it is as if it were not there.
    assert_eq!(hook_finds(&[&setuid[..], &["--security-opt=no-new-privileges"]].concat()), None);
}

/// What Jitsi's compose file says of each service, whose images say `USER`.
const JITSI: [&str; 3] = ["--read-only", "--tmpfs=/run:size=16M,mode=1750,exec", "--tmpfs=/tmp"];

#[test]
fn jitsis_tmpfs_is_the_users_by_suexec() {
    if !answers() {
        return;
    }
    let log = uses_run(&[&JITSI[..], &["--entrypoint", SUEXEC]].concat());
    assert!(!log.contains("sixtree-1000"), "{log}");
}

#[test]
fn jitsis_tmpfs_is_used_where_the_engine_lets_the_user_write_to_it() {
    if !answers() {
        return;
    }
    let container = Container::run(&[&["--user=1000:1000"], &JITSI[..]].concat(), &[]);
    container.wait_for("service web successfully started", 1);
    // Some engines give it the mode of the image's /run, others the one that was asked for.
    let test = container.exec(&["test", "-w", "/run"]);
    let (is_used, log) = (!container.log().contains("sixtree-1000"), container.log());
    assert_eq!(is_used, test.status.success(), "{log}");
    assert!(
        is_used || log.contains("mount a tmpfs there (--tmpfs /run:uid=1000,gid=1000)"),
        "{log}"
    );
    container.ends_in_order(0);
}
