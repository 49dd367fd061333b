//! sixtree-suexec, in the place of /init: who gets /run by it, and who does not.

use crate::boot::{Boot, is_possible};
use crate::image::{Image, suexec};

/// An image that has it in the place of /init.
fn image() -> Image {
    Image::busybox().copy(suexec(), "command/sixtree-suexec").file_of_mode("trace", "", 0o666)
}

/// Boots as a user, after a shell has set the scene; what the CMD saw, and what was said.
fn boots(setup: &str, user: &str) -> (Vec<String>, String) {
    let show = "trace \"$(id -u) $(stat -c '%u %g %a' /run)\"; grep -q '^CapEff.*[1-9a-f]' \
                /proc/self/status && trace capable; exit 3";
    let mut boot = Boot { cmd: ["sh", "-c", show].map(str::to_string).to_vec(), ..Boot::default() };
    boot.user = Some(user.to_string());
    boot.setup = vec![
        "chmod 4755 /command/sixtree-suexec; chmod 755 /run; ln -s /run /var/run".to_string(),
        "ln -sf command/sixtree-suexec /init".to_string(),
        setup.to_string(),
    ];
    let mut container = boot.start(&image());
    assert_eq!(container.exit_code(), 3, "{}", container.transcript());
    (container.trace(), container.text("stderr"))
}

#[test]
fn a_user_gets_the_run_of_the_image_or_a_new_tmpfs_and_no_other_right() {
    if !is_possible() {
        return;
    }
    for setup in ["true", "mount -t tmpfs -o mode=1750 none /run"] {
        let (trace, said) = boots(setup, "1000:1000");
        assert_eq!(trace, ["1000 1000 1000 755"], "{setup}\n{said}");
        assert!(!said.contains("sixtree-suexec"), "{said}");
    }
}

#[test]
fn what_may_be_somebodys_is_not_given() {
    if !is_possible() {
        return;
    }
    let mounted = "mount -t tmpfs -o mode=755 none /run; touch /run/docker.sock";
    let cases = [
        (mounted, "it is a mount, and holds docker.sock"),
        ("mkdir /data; mount --bind /data /run", "it is a volume"),
        ("mkdir -p /run/service", "an init has been there, and left service"),
        ("chown 33 /run", "it belongs to uid 33"),
    ];
    for (setup, why) in cases {
        let (trace, said) = boots(setup, "1000:1000");
        assert!(!trace.iter().any(|line| line.contains(" 1000 1000 ")), "{setup}: {trace:?}");
        assert!(said.contains(&format!("/run stays as it is: {why}")), "{setup}\n{said}");
    }
}

#[test]
fn nobody_gets_it_after_the_start() {
    if !is_possible() {
        return;
    }
    let setup = vec!["chmod 4755 /command/sixtree-suexec".to_string()];
    let mut boot = Boot { setup, ..Boot::default() };
    boot.set("SIXTREE_RUNDIR", "/srv/run");
    let mut container = boot.start(&image());
    container.wait_for_boot();
    for words in [&["/command/sixtree-suexec"][..], &["unshare", "-pf", "/command/sixtree-suexec"]]
    {
        let tried = container.exec(words, Some("1000"));
        assert_ne!(tried.status.code(), Some(0), "{tried:?}");
        let owner = container.exec(&["stat", "-c", "%u", "/run"], None);
        assert_eq!(String::from_utf8_lossy(&owner.stdout).trim(), "0", "{tried:?}");
    }
    let nested = ["unshare", "-pf", "s6-setuidgid", "app", "/command/sixtree-suexec"];
    let tried = container.exec(&nested, None);
    let said = String::from_utf8_lossy(&tried.stderr).into_owned();
    assert!(said.contains("/run stays as it is: this is not PID 1 of the container"), "{said}");
    container.stops();
}
