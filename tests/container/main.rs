//! Boots /init in namespaces and looks at what it does, from the outside.
//!
//! It needs root, a static busybox, nsenter and overlayfs. The release under test is the root that
//! SIXTREE_ROOT names; without it, one with a debug binary is laid out first.
#![allow(clippy::disallowed_methods)]

mod apparmor;
mod boot;
mod case;
mod cases;
mod clients;
#[path = "../interoperation/debian.rs"]
mod debian;
mod descriptors;
mod examples;
mod idle;
mod image;
mod imported;
mod kernels;
mod kills;
mod notify;
mod output;
mod pictures;
mod rotated;
mod scale;
#[path = "../skip/mod.rs"]
mod skip;
mod steps;
mod suexec;
mod sync;
mod syslog;
mod terminal;
mod web;

use boot::Boot;
use image::Image;

/// A service that says that it is ready, and stays.
const RUN: &str = "#!/command/execlineb -P\nforeground { fdmove 1 3 s6-echo }\ns6-pause\n";

#[test]
fn an_image_without_any_shell_boots() {
    if !boot::is_possible() {
        return;
    }
    let service = "etc/s6-overlay/s6-rc.d/only";
    let image = Image::scratch()
        .file("etc/s6-overlay/user-bundles.d/user/contents.d/only", "")
        .file(&format!("{service}/type"), "longrun\n")
        .file(&format!("{service}/notification-fd"), "3\n")
        .file(&format!("{service}/run"), RUN);
    let up = ["s6-svwait", "-U", "-t", "5000", "/run/service/only"].map(str::to_string).to_vec();
    let mut container = Boot { cmd: up, ..Boot::default() }.start(&image);
    assert_eq!(container.exit_code(), 0, "{}", container.transcript());
}
