//! Commands of the reference that make no sense in a container: each says so, and what to do.

use super::{Exit, Next, Process, Word};

/// `s6-rc-repo-*` and `s6-rc-set-*`: they keep sets of services, from which a distribution's
/// administrator composes a database. Here, the definitions of an image are the only set.
pub(super) fn repository(process: &mut Process, _: Vec<Word>) -> Result<Next, Exit> {
    Err(process.fatal(
        100,
        "an image has one set of services: edit its definitions in /etc/s6-overlay/s6-rc.d, \
         or use sixtree add and sixtree remove",
    ))
}

/// `s6-ftrigrd`: the original programs start it to listen for them.
pub(super) fn s6_ftrigrd(process: &mut Process, _: Vec<Word>) -> Result<Next, Exit> {
    Err(process.fatal(
        100,
        "nothing here starts this program: s6-svwait, s6-svlisten and s6-ftrig-* listen themselves",
    ))
}

/// `s6-linux-init-umountall`: the kernel unmounts what a container has when it ends.
pub(super) fn s6_linux_init_umountall(process: &mut Process, _: Vec<Word>) -> Result<Next, Exit> {
    let text = "a container's file systems are unmounted when it ends; for one of them, use umount";
    Err(process.fatal(100, text))
}

/// `s6-linux-init-telinit`.
pub(super) fn s6_linux_init_telinit(process: &mut Process, _: Vec<Word>) -> Result<Next, Exit> {
    let text = "a container has no runlevels: use s6-rc change, or halt to stop it";
    Err(process.fatal(100, text))
}
