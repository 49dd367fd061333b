//! A log file of supervisord that is there already, in a volume perhaps, when what `sixtree
//! import` wrote boots: nothing of it is lost.

use crate::boot::{Boot, is_possible};
use crate::image::Scratch;
use crate::imported::imported;

const CONF: &str = "[program:app]\ncommand=sh -c \"echo new; exec sleep 1000\"\n\
    stdout_logfile=/var/log/app.log\nstderr_logfile=NONE\n";

#[test]
fn a_log_of_before_is_kept() {
    if !is_possible() {
        return;
    }
    let place = Scratch::new("rotated");
    let conf = place.path().join("supervisord.conf");
    std::fs::write(&conf, CONF).expect("a file to import");
    let image = imported(&conf).file("var/log/app.log", "written by supervisord\n");
    let mut container = Boot::default().start(&image);
    // Where the old one was.
    container.wait_for_text("/var/log/app.log", "new", 1);
    let old = container.exec(&["grep", "-r", "written by supervisord", "/var/log"], None);
    assert!(old.status.success(), "{}", container.transcript());
    container.stops();
}
