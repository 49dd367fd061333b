//! Which descriptors the programs of every kind of script find open: those that are documented,
//! and none of PID 1's.

use crate::boot::{Boot, Container, is_possible};
use crate::image::Image;
use crate::kernels;
use nix::sys::signal::Signal;
use std::collections::BTreeMap;

/// Lists its descriptors in the file `/fds/NAME`, tells its readiness where it can, and becomes the
/// rest of its words.
const FDS: &str = "#!/bin/sh
name=$1
shift
ls -l /proc/self/fd > /fds/.$name
mv /fds/.$name /fds/$name
[ ! -e /proc/self/fd/7 ] || echo >&7
[ $# = 0 ] || exec \"$@\"
";

/// How scripts begin that do nothing else: each kind of script is there for each of these.
const INTERPRETERS: &[(&str, &str)] = &[
    ("sh", "#!/bin/sh\nexec "),
    ("execline", "#!/command/execlineb -P\n"),
    ("contenv", "#!/command/with-contenv sh\nexec "),
];

/// How longruns end that stay.
const STAY: &str = "sleep 1000";

#[test]
fn no_descriptor_leaks_into_a_program() {
    check("0", None);
}

#[test]
fn nor_with_a_catch_all_logger() {
    check("1", None);
    check("2", None);
}

#[test]
fn nor_on_an_old_kernel() {
    check("0", Some("3.10"));
}

#[test]
fn nor_under_qemu_user() {
    check("2", Some("qemu"));
}

fn check(logging: &str, kernel: Option<&'static str>) {
    if !is_possible() {
        return;
    }
    let plan = Plan::whole();
    let mut boot = Boot { kernel, ..Boot::default() };
    boot.set("S6_LOGGING", logging);
    boot.set("S6_STAGE2_HOOK", "/hook");
    boot.cmd = ["fds", "cmd", "sleep", "1000"].map(str::to_string).to_vec();
    let mut container = boot.start(&plan.image);
    container.wait_until("the CMD runs", |c| c.exists("/fds/cmd").then_some(()));
    let script = ["ln", "-s", "/signal", "/run/service/.s6-svscan/SIGUSR1"];
    assert!(container.exec(&script, None).status.success());
    container.signal(Signal::SIGUSR1);
    for words in [["start", "oneshot"], ["reload", "oneshot"], ["stop", "oneshot"]] {
        let output = container.exec(&[&["s6-rc"], &words[..]].concat(), None);
        assert!(output.status.success(), "{output:?}");
    }
    container.wait_until("all that comes before the end", |c| {
        let is_there =
            |label: &String| label.contains("finish") || c.exists(&format!("/fds/{label}"));
        plan.wanted.keys().all(is_there).then_some(())
    });
    if logging != "0" {
        check_catch_all(&mut container);
    }
    container.signal(Signal::SIGTERM);
    container.exit_code();
    for (label, wanted) in &plan.wanted {
        let found = container.text(&format!("/fds/{label}"));
        let numbers = found.lines().filter_map(|line| {
            let (before, _) = line.split_once(" -> ")?;
            before.rsplit_once(' ')?.1.parse().ok()
        });
        let mut numbers: Vec<i32> = numbers.collect();
        numbers.sort_unstable();
        assert_eq!(&numbers, wanted, "{label}:\n{found}\n{}", container.transcript());
    }
}

/// A logger has descriptors of its own, but none of PID 1's.
fn check_catch_all(container: &mut Container) {
    let status = container.wait_until("the logger is ready", |c| {
        c.status("s6-svscan-log").filter(|s| s.is_up() && s.ready)
    });
    let list = ["ls", "-l", &format!("/proc/{}/fd", status.pid)];
    let list = container.exec(&list, None).stdout;
    let list = String::from_utf8_lossy(&list).into_owned();
    for number in ["0", "1", "2"] {
        assert!(list.contains(&format!(" {number} -> ")), "{list}");
    }
    for line in list.lines().filter(|line| line.contains(" -> ")) {
        let is_its = [
            "/s6-svscan-log/fifo",
            "/uncaught-logs/",
            "/stdout",
            "/stderr",
            "[signalfd]",
            "/dev/null",
        ];
        assert!(is_its.iter().any(|part| line.contains(part)), "{line}\nof\n{list}");
    }
}

/// An image in the making, and the descriptors that each script is to find.
struct Plan {
    image: Image,
    wanted: BTreeMap<String, Vec<i32>>,
}

impl Plan {
    /// An image with a script of every kind.
    fn whole() -> Self {
        let image = Image::busybox()
            .copy(kernels::refuse(), "bin/refuse")
            .file("bin/fds", FDS)
            .file("fds/.empty", "");
        let image = image
            .file("hook", "#!/bin/sh\nexec fds hook\n")
            .file("signal", "#!/bin/sh\nexec fds signal\n");
        let wanted = ["cmd", "hook", "signal"].map(|label| (label.to_string(), vec![0, 1, 2]));
        Self { image, wanted: wanted.into() }
            .scripts("cont-init", "etc/cont-init.d/{}", "", &[])
            .scripts("cont-finish", "etc/cont-finish.d/{}", "", &[])
            .scripts("old-run", "etc/services.d/{}/run", STAY, &[])
            .scripts("old-finish", "etc/services.d/{}/finish", "", &[])
            .scripts("old-log", "etc/services.d/{}/log/run", STAY, &[])
            .oneshot()
            .longrun("plain", &[])
            .file("notifying", "notification-fd", "7")
            .longrun("notifying", &[7])
            .file("locking", "notification-fd", "7")
            .file("locking", "lock-fd", "9")
            .longrun("locking", &[7, 9])
            .file("producer", "producer-for", "logger-{}")
            .longrun("producer", &[])
            .file("logger", "consumer-for", "producer-{}")
            .file("logger", "notification-fd", "7")
            .longrun("logger", &[7])
    }

    /// Adds a script for each interpreter; `{}` in its path stands for that.
    fn scripts(mut self, kind: &str, path: &str, then: &str, more: &[i32]) -> Self {
        for (name, begin) in INTERPRETERS {
            let text = format!("{begin}fds {kind}-{name} {then}\n");
            self.image = self.image.file_of_mode(&path.replace("{}", name), &text, 0o755);
            let wanted = [0, 1, 2].iter().chain(more).copied().collect();
            self.wanted.insert(format!("{kind}-{name}"), wanted);
        }
        self
    }

    /// Adds a file to the definition of a longrun for each interpreter.
    fn file(mut self, kind: &str, file: &str, text: &str) -> Self {
        for (name, _) in INTERPRETERS {
            let path = format!("etc/s6-overlay/s6-rc.d/{kind}-{name}/{file}");
            self.image = self.image.file(&path, &format!("{}\n", text.replace("{}", name)));
        }
        self
    }

    /// Adds a longrun for each interpreter.
    fn longrun(mut self, kind: &str, more: &[i32]) -> Self {
        for (name, _) in INTERPRETERS {
            let enabled = format!("etc/s6-overlay/user-bundles.d/user/contents.d/{kind}-{name}");
            self.image = self.image.file(&enabled, "");
        }
        let script = |file: &str| format!("etc/s6-overlay/s6-rc.d/{kind}-{{}}/{file}");
        self.file(kind, "type", "longrun")
            .scripts(&format!("{kind}-run"), &script("run"), STAY, more)
            .scripts(&format!("{kind}-finish"), &script("finish"), "", &[])
    }

    /// Adds a oneshot.
    fn oneshot(mut self) -> Self {
        let folder = "etc/s6-overlay/s6-rc.d/oneshot";
        self.image = self.image.file(&format!("{folder}/type"), "oneshot\n");
        for script in ["up", "down", "reload"] {
            self.image = self.image.file(&format!("{folder}/{script}"), &format!("fds {script}\n"));
            self.wanted.insert(script.to_string(), vec![0, 1, 2]);
        }
        self
    }
}
