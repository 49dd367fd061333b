//! The tunnel: bytes in clear on this side of the engine, records on that of the network. It never
//! holds more of either than the other side is about to take.

use crate::conduct::Conduct;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags};
use nix::sys::socket::{Shutdown, shutdown};
use rustls::Connection;
use sixtree::sys::fd;
use sixtree::sys::poll::{self, Deadline};
use sixtree::tools::die::errno;
use sixtree::tools::{Exit, Process};
use std::io::{self, Read, Write};
use std::os::fd::RawFd;
use std::time::Duration;

/// How long a peer that has all it was sent may go on sending to nobody: closing the connection
/// before it is done could cost it what it has not read yet.
const LINGER: Duration = Duration::from_secs(60);

/// The most that is read of the clear side at a time: what a record holds.
const CHUNK: usize = 16_384;

/// What is broken, apart from what is not.
const BROKEN: PollFlags = PollFlags::POLLERR.union(PollFlags::POLLHUP).union(PollFlags::POLLNVAL);

/// The descriptors of both sides, until each is done with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TunnelEnds {
    local_in: Option<RawFd>,
    local_out: Option<RawFd>,
    remote_in: Option<RawFd>,
    remote_out: Option<RawFd>,
}

/// Which of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    LocalIn,
    LocalOut,
    RemoteIn,
    RemoteOut,
}

impl TunnelEnds {
    /// The clear side and the network's, each to read from and to write to.
    pub(crate) fn new(local: (RawFd, RawFd), remote: (RawFd, RawFd)) -> Self {
        Self {
            local_in: Some(local.0),
            local_out: Some(local.1),
            remote_in: Some(remote.0),
            remote_out: Some(remote.1),
        }
    }

    fn all(&self) -> impl Iterator<Item = RawFd> {
        [self.local_in, self.local_out, self.remote_in, self.remote_out].into_iter().flatten()
    }

    fn close(&mut self, end: End) {
        let place = match end {
            End::LocalIn => &mut self.local_in,
            End::LocalOut => &mut self.local_out,
            End::RemoteIn => &mut self.remote_in,
            End::RemoteOut => &mut self.remote_out,
        };
        if let Some(number) = place.take() {
            if end == End::RemoteOut {
                // What is no socket is closed by that alone.
                let _ = shutdown(number, Shutdown::Write);
            }
            fd::close(number);
        }
    }
}

/// A descriptor, for the engine.
struct Stream(RawFd);

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(fd::read(self.0, buffer)?)
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(nix::unistd::write(fd::borrow(&self.0), bytes)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A connection with an engine between its sides.
pub(crate) struct Tunnel<'a> {
    process: &'a Process,
    engine: Connection,
    ends: TunnelEnds,
    conduct: Conduct,
    /// What the engine has decrypted and the clear side has not taken yet.
    decrypted: Vec<u8>,
    deadline: Deadline,
    /// Whether the other side was told, by TLS, that nothing follows.
    has_sent_close: bool,
}

impl<'a> Tunnel<'a> {
    /// Prepares both sides.
    pub(crate) fn new(
        process: &'a Process,
        engine: Connection,
        ends: TunnelEnds,
        conduct: Conduct,
    ) -> Result<Self, Exit> {
        for number in ends.all() {
            fd::set_nonblocking(number, true).map_err(process.unable("set fds non-blocking"))?;
        }
        let deadline = Deadline::after_ms(conduct.handshake);
        let (decrypted, has_sent_close) = (Vec::new(), false);
        Ok(Self { process, engine, ends, conduct, decrypted, deadline, has_sent_close })
    }

    /// Shakes hands with the other side; none: the clear side has gone meanwhile.
    pub(crate) fn shake_hands(&mut self) -> Result<Option<&Connection>, Exit> {
        while self.engine.is_handshaking() || self.engine.wants_write() {
            if !self.step()? {
                if self.conduct.verbosity > 0 {
                    self.process.line("fatal: handshake timed out");
                }
                return Err(Exit(98));
            }
            if self.engine.is_handshaking() && self.ends.local_out.is_none() {
                return Ok(None);
            }
            if self.ends.remote_out.is_none() || self.ends.remote_in.is_none() {
                break;
            }
        }
        if self.engine.is_handshaking() {
            return Err(self.failed("the other side closed the connection"));
        }
        self.deadline = Deadline::NEVER;
        Ok(Some(&self.engine))
    }

    /// Carries bytes both ways until both sides are done.
    pub(crate) fn carry(&mut self) -> Result<(), Exit> {
        self.settle();
        while self.ends.all().next().is_some() {
            if !self.step()? {
                break;
            }
            self.settle();
        }
        Ok(())
    }

    /// Waits for what can be done, and does it. False: the deadline has passed.
    fn step(&mut self) -> Result<bool, Exit> {
        let wanted = self.wanted();
        let polled =
            wanted.iter().map(|(_, number, events)| PollFd::new(fd::borrow(number), *events));
        let mut polled: Vec<_> = polled.collect();
        if !poll::wait(&mut polled, self.deadline).map_err(self.process.unable("poll"))? {
            return Ok(false);
        }
        for ((end, number, events), fd) in wanted.iter().zip(&polled) {
            let found = fd.revents().unwrap_or(BROKEN);
            if found.is_empty() {
                continue;
            }
            match end {
                End::LocalIn => self.read_local(*number)?,
                End::RemoteIn => self.read_remote(*number)?,
                End::LocalOut if found.intersects(*events) => self.write_local(*number)?,
                End::RemoteOut if found.intersects(*events) => self.write_remote(*number)?,
                broken => self.lose(*broken),
            }
        }
        Ok(true)
    }

    /// What there is to wait for. Whoever has nothing to be sent is only seen to leave.
    fn wanted(&self) -> Vec<(End, RawFd, PollFlags)> {
        let when = |wanted, events| if wanted { events } else { PollFlags::empty() };
        let sends = self.engine.wants_write();
        let mut all = Vec::new();
        if !self.engine.is_handshaking() && !sends {
            all.extend(self.ends.local_in.map(|n| (End::LocalIn, n, PollFlags::POLLIN)));
        }
        let flags = when(!self.decrypted.is_empty(), PollFlags::POLLOUT);
        all.extend(self.ends.local_out.map(|n| (End::LocalOut, n, flags)));
        if self.decrypted.is_empty() && self.engine.wants_read() {
            all.extend(self.ends.remote_in.map(|n| (End::RemoteIn, n, PollFlags::POLLIN)));
        }
        let flags = when(sends, PollFlags::POLLOUT);
        all.extend(self.ends.remote_out.map(|n| (End::RemoteOut, n, flags)));
        all
    }

    /// One of those to write to has gone: nobody is to write to it any more.
    fn lose(&mut self, end: End) {
        self.ends.close(end);
        match end {
            End::LocalOut => self.decrypted.clear(),
            _ => self.ends.close(End::LocalIn),
        }
    }

    fn read_local(&mut self, number: RawFd) -> Result<(), Exit> {
        let mut chunk = [0; CHUNK];
        match fd::read(number, &mut chunk) {
            Ok(0) => self.ends.close(End::LocalIn),
            Ok(n) => {
                let written = self.engine.writer().write_all(&chunk[..n]);
                written.map_err(|e| self.process.unable("encrypt")(errno(&e)))?;
            }
            Err(Errno::EAGAIN) => {}
            Err(e) => return Err(self.process.unable("read from local")(e)),
        }
        Ok(())
    }

    fn write_local(&mut self, number: RawFd) -> Result<(), Exit> {
        match nix::unistd::write(fd::borrow(&number), &self.decrypted) {
            Ok(n) => drop(self.decrypted.drain(..n)),
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            Err(Errno::EPIPE | Errno::ECONNRESET) => self.lose(End::LocalOut),
            Err(e) => return Err(self.process.unable("write to local")(e)),
        }
        Ok(())
    }

    fn write_remote(&mut self, number: RawFd) -> Result<(), Exit> {
        while self.engine.wants_write() {
            match self.engine.write_tls(&mut Stream(number)).map_err(|e| errno(&e)) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => break,
                Err(Errno::EPIPE | Errno::ECONNRESET) => {
                    self.lose(End::RemoteOut);
                    break;
                }
                Err(e) => return Err(self.process.unable("write to remote")(e)),
            }
        }
        Ok(())
    }

    /// Reads what the other side sends, for the clear side as long as that is there.
    fn read_remote(&mut self, number: RawFd) -> Result<(), Exit> {
        let is_read = self.ends.local_out.is_some();
        match self.engine.read_tls(&mut Stream(number)).map_err(|e| errno(&e)) {
            Ok(0) => {
                if self.conduct.strict && is_read && !self.engine.is_handshaking() {
                    let text = "remote closed connection without a close_notify";
                    return Err(self.process.fatal(98, text));
                }
                self.ends.close(End::RemoteIn);
            }
            Ok(_) => self.decrypt(is_read)?,
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            Err(Errno::ECONNRESET) if !is_read => self.ends.close(End::RemoteIn),
            Err(e) => return Err(self.process.unable("read from remote")(e)),
        }
        Ok(())
    }

    fn decrypt(&mut self, is_read: bool) -> Result<(), Exit> {
        let state = match self.engine.process_new_packets() {
            Ok(state) => state,
            Err(_) if !is_read && self.ends.local_in.is_none() => {
                self.ends.close(End::RemoteIn);
                return Ok(());
            }
            Err(e) => {
                // The other side is to learn why, if it can be told at once.
                if let Some(number) = self.ends.remote_out {
                    self.write_remote(number)?;
                }
                return Err(self.failed(e));
            }
        };
        let mut bytes = vec![0; state.plaintext_bytes_to_read()];
        let read = self.engine.reader().read_exact(&mut bytes);
        read.map_err(|e| self.process.unable("decrypt")(errno(&e)))?;
        if is_read {
            self.decrypted = bytes;
        }
        if state.peer_has_closed() {
            self.ends.close(End::RemoteIn);
        }
        Ok(())
    }

    /// Passes on the end of what one side sends, once the other has all of it.
    fn settle(&mut self) {
        if self.ends.remote_in.is_none() && self.decrypted.is_empty() {
            self.ends.close(End::LocalOut);
        }
        if self.ends.local_in.is_none() && !self.engine.wants_write() {
            match self.conduct.close_notify && !self.has_sent_close {
                true => {
                    self.engine.send_close_notify();
                    self.has_sent_close = true;
                }
                false => self.ends.close(End::RemoteOut),
            }
        }
        let TunnelEnds { local_in: None, local_out: None, remote_out: None, .. } = self.ends else {
            return;
        };
        self.deadline = self.deadline.or_sooner(Deadline::after(LINGER));
    }

    fn failed(&self, why: impl std::fmt::Display) -> Exit {
        let when = if self.engine.is_handshaking() { "during" } else { "after" };
        let text = format!("the TLS engine closed the connection {when} the handshake: {why}");
        self.process.fatal(98, text)
    }
}
