//! The syslogd tarball, extracted over the release: what programs send to /dev/log is sorted into
//! the folders that s6-overlay's syslogd has, until the very end.

use crate::boot::{Boot, Container, is_possible};
use crate::image::{Image, Scratch};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Mode and owner of each folder below /var/log/syslogd.
const FOLDERS: &str = "2755 32761:32761 cron\n2755 32761:32761 daemon\n2755 32761:32761 debug\n\
    2755 32761:32761 errors\n2755 32761:32761 everything\n2755 32761:32761 kernel\n\
    2755 32761:32761 mail\n2755 32761:32761 messages\n2750 32761:32761 secure\n\
    2755 32761:32761 user\n";

/// The script that starts s6-socklog.
const RUN: &str = "etc/s6-overlay/s6-rc.d/syslogd/run";

/// The image's own service.
const WEB: &str = "etc/s6-overlay/s6-rc.d/web";

/// Facility and level of a message, and the folders that have it.
const SORTED: &[(&str, &[&str])] = &[
    ("auth.info", &["secure"]),
    ("authpriv.err", &["errors", "secure"]),
    ("cron.notice", &["cron", "everything"]),
    ("daemon.crit", &["daemon", "errors", "everything"]),
    ("local3.debug", &["debug", "everything"]),
    ("mail.warn", &["everything", "mail"]),
    ("user.emerg", &["errors", "everything", "user"]),
    ("user.info", &["everything", "messages", "user"]),
    ("local0.notice", &["everything", "messages"]),
];

/// BusyBox, and what the tarball holds: that of the release under test, or what it is made of.
/// scripts/dev-root makes none.
fn image() -> Image {
    let root = std::env::var_os("SIXTREE_ROOT").map(PathBuf::from);
    let Some(root) = root.filter(|root| !root.ends_with("dev/root")) else {
        return Image::busybox().on("rootfs-syslogd");
    };
    let place = Scratch::new("syslog");
    let mut tar = Command::new("tar");
    tar.arg("--extract").arg("--file").arg(root.join("../sixtree-syslogd.tar.xz"));
    tar.arg("--directory").arg(place.path());
    assert!(tar.status().is_ok_and(|status| status.success()), "{tar:?}");
    Image::busybox().on_scratch(place)
}

/// An image with the tarball, and a service of its own in the bundle `user` of this folder.
fn boot(image: Image, bundles: &str) -> Container {
    let image = image
        .file(&format!("etc/s6-overlay/{bundles}/user/contents.d/web"), "")
        .file(&format!("{WEB}/type"), "longrun\n")
        .file(&format!("{WEB}/run"), "#!/bin/sh\nexec sleep 1000\n");
    let mut container = Boot::default().start(&image);
    container.wait_for_boot();
    container
}

/// Sends a message with the name of its facility and level as its text.
fn send(container: &mut Container, priority: &str) {
    let sent = container.exec(&["logger", "-t", "test", "-p", priority, priority], None);
    assert!(sent.status.success(), "{sent:?}\n{}", container.transcript());
}

/// The folders that have a message.
fn folders_with(container: &Container, priority: &str) -> Vec<&'static str> {
    let names = FOLDERS.lines().filter_map(|line| line.rsplit(' ').next());
    let has = |name: &&str| {
        let log = container.text(&format!("/var/log/syslogd/{name}/current"));
        let is_it = |line: &str| {
            line.contains(&format!("{priority}: ")) && line.ends_with(&format!("test: {priority}"))
        };
        log.lines().any(is_it)
    };
    names.filter(has).collect()
}

#[test]
fn syslog_is_sorted_into_folders() {
    if !is_possible() {
        return;
    }
    let mut container = boot(image(), "user-bundles.d");
    let list = "cd /var/log/syslogd && stat -c '%a %u:%g %n' *";
    let listed = container.exec(&["sh", "-c", list], None);
    assert_eq!(String::from_utf8_lossy(&listed.stdout), FOLDERS, "{}", container.transcript());
    for (priority, folders) in SORTED {
        send(&mut container, priority);
        container.wait_until(&format!("{priority} is in {folders:?}"), |c| {
            (folders_with(c, priority) == *folders).then_some(())
        });
    }
    // All is there that will be: nothing of it is in a folder where it does not belong.
    for (priority, folders) in SORTED {
        assert_eq!(folders_with(&container, priority), *folders, "{priority}");
    }
}

#[test]
fn syslog_is_read_to_its_end_when_the_container_stops() {
    if !is_possible() {
        return;
    }
    // s6-socklog may take ten minutes to get rid of what it has read: the container would not stop
    // in time if anybody kept it waiting.
    let run = std::fs::read_to_string(Path::new("rootfs-syslogd").join(RUN)).expect("a script");
    assert!(run.contains("-t 3000"), "{run}");
    let mut container =
        boot(image().file(RUN, &run.replace("-t 3000", "-t 600000")), "user-bundles.d");
    send(&mut container, "user.notice");
    container.stops();
    let folders = folders_with(&container, "user.notice");
    assert_eq!(folders, ["everything", "messages", "user"], "{}", container.transcript());
    let said = container.text("stderr");
    for service in ["syslogd", "syslogd-log", "syslogd-prepare"] {
        assert!(said.contains(&format!("service {service} successfully stopped")), "{said}");
    }
    assert!(!said.contains("warning") && !said.contains("fatal"), "{said}");
}

#[test]
fn syslog_is_there_wherever_an_image_has_its_user_bundle() {
    if !is_possible() {
        return;
    }
    for bundles in ["user-bundles.d", "s6-rc.d"] {
        let container = boot(image(), bundles);
        let said = container.text("stderr");
        let at = |line: &str| said.find(line).unwrap_or_else(|| panic!("no {line:?}\n{said}"));
        at("service web successfully started");
        // What is in services.d may log from its first moment on.
        assert!(at("syslogd: starting") < at("legacy-services: starting"), "{said}");
    }
}
