//! A log file of supervisord that is there already, in a volume perhaps, when what `sixtree
//! import` wrote boots: nothing of it is lost.

use crate::boot::{Boot, is_possible};
use crate::image::{Image, Scratch};
use nix::sys::signal::Signal;
use std::process::Command;

const CONF: &str = "[program:app]\ncommand=sh -c \"echo new; exec sleep 1000\"\n\
    stdout_logfile=/var/log/app.log\nstderr_logfile=NONE\n";

#[test]
fn a_log_of_before_is_kept() {
    if !is_possible() {
        return;
    }
    let place = Scratch::new("rotated");
    let (conf, out) = (place.path().join("supervisord.conf"), place.path().join("out"));
    std::fs::write(&conf, CONF).expect("a file to import");
    let mut import = Command::new(env!("CARGO_BIN_EXE_sixtree"));
    let imported = import.arg("import").arg(&conf).arg("--out").arg(&out).output();
    assert!(imported.is_ok_and(|output| output.status.success()));
    let image = Image::busybox()
        .on(out.to_str().expect("a plain path"))
        .file("var/log/app.log", "written by supervisord\n");
    let mut container = Boot::default().start(&image);
    container.wait_until("the new log is where the old one was", |c| {
        c.text("/var/log/app.log").contains("new").then_some(())
    });
    let old = container.exec(&["grep", "-r", "written by supervisord", "/var/log"], None);
    assert!(old.status.success(), "{}", container.transcript());
    container.signal(Signal::SIGTERM);
    assert_eq!(container.exit_code(), 0, "{}", container.transcript());
}
