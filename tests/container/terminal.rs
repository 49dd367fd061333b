//! `sixtree status --watch` on a terminal: it draws, and the terminal gets back what it showed.

use crate::boot::{Boot, is_possible};
use crate::image::Image;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::{Winsize, openpty};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::process::Command;

const SIZE: Winsize = Winsize { ws_row: 6, ws_col: 40, ws_xpixel: 0, ws_ypixel: 0 };

#[test]
fn watching_ends_with_the_terminal_as_it_was() {
    if !is_possible() {
        return;
    }
    let image = Image::busybox();
    let mut container = Boot::default().start(&image);
    container.wait_until("the control socket is there", |c| {
        c.exists("/run/s6-rc/control").then_some(())
    });
    let terminal = openpty(&SIZE, None).expect("a terminal");
    let watch = container.enter(&["sixtree", "status", "--watch"], None);
    // It is the controlling terminal: what is typed there becomes signals.
    let mut watching = Command::new("setsid");
    watching.arg("--ctty").arg(watch.get_program()).args(watch.get_args());
    watching.stdin(terminal.slave.try_clone().expect("a copy")).stdout(terminal.slave);
    let mut child = watching.spawn().expect("setsid: install util-linux");
    drop(watching);
    let mut screen = Screen { master: File::from(terminal.master), shown: String::new() };
    screen.read_until("\x1b[J", 0);
    let first = screen.shown.clone();
    assert!(first.starts_with("\x1b[?1049h\x1b[?25l\x1b[H"), "{first:?}");
    assert!(first.contains("fix-attrs") && !first.contains("RESTARTS"), "{first:?}");
    // It goes on by itself, over what is there.
    screen.read_until("\x1b[J", first.len());
    let second = screen.shown[first.len()..].to_owned();
    assert!(second.starts_with("\x1b[H") && !second.contains("\x1b[2J"), "{second:?}");
    screen.master.write_all(b"\x03").expect("Ctrl-C");
    screen.read_until("\x1b[?25h\x1b[?1049l", first.len() + second.len());
    child.wait().expect("its end");
}

/// What a terminal was told to show.
struct Screen {
    master: File,
    shown: String,
}

impl Screen {
    /// Reads until this is there, from that place on; fails if it takes long.
    fn read_until(&mut self, end: &str, from: usize) {
        let patience = PollTimeout::from(30_000_u16);
        while !self.shown.get(from..).unwrap_or_default().contains(end) {
            let mut wanted = [PollFd::new(self.master.as_fd(), PollFlags::POLLIN)];
            assert_ne!(poll(&mut wanted, patience), Ok(0), "no {end:?} in {:?}", self.shown);
            let mut buffer = [0; 4096];
            let read = self.master.read(&mut buffer);
            let n = read.unwrap_or_else(|e| panic!("{e}: no {end:?} in {:?}", self.shown));
            self.shown.push_str(&String::from_utf8_lossy(&buffer[..n]));
        }
    }
}
