//! Stream sockets in the file system, and descriptors sent through them.

use nix::cmsg_space;
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, Backlog, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType,
    UnixAddr, recvmsg, sendmsg, socket,
};
use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The most descriptors that the kernel lets one message carry.
pub const MAX_FDS: usize = 253;

/// Connects to the socket at `path`. The result blocks, and is closed on exec.
pub fn connect(path: &Path) -> Result<OwnedFd, Errno> {
    let fd = stream(SockFlag::SOCK_CLOEXEC)?;
    nix::sys::socket::connect(fd.as_raw_fd(), &UnixAddr::new(path)?)?;
    Ok(fd)
}

/// Listens at `path` (a left-over there is removed), for this user and root only. The result does
/// not block, and is closed on exec.
pub fn listen(path: &Path) -> Result<OwnedFd, Errno> {
    let fd = stream(SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK)?;
    match nix::unistd::unlink(path) {
        Ok(()) | Err(Errno::ENOENT) => {}
        Err(e) => return Err(e),
    }
    super::ipc::bind(&fd, path.as_os_str().as_bytes(), 0o600)?;
    nix::sys::socket::listen(&fd, Backlog::MAXCONN)?;
    Ok(fd)
}

/// Takes the next connection, if one is waiting. The result does not block.
pub fn accept(listener: &OwnedFd) -> Result<Option<OwnedFd>, Errno> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    match nix::sys::socket::accept4(listener.as_raw_fd(), flags) {
        Ok(fd) => Ok(Some(super::fd::own(fd))),
        Err(Errno::EAGAIN | Errno::ECONNABORTED | Errno::EINTR) => Ok(None),
        Err(e) => Err(e),
    }
}

/// The pid of whoever connected; 0: not of our namespace.
pub fn peer_pid(socket: &OwnedFd) -> Result<i32, Errno> {
    let credentials = nix::sys::socket::sockopt::PeerCredentials;
    nix::sys::socket::getsockopt(socket, credentials).map(|peer| peer.pid())
}

/// Sends bytes, and copies of at most [`MAX_FDS`] descriptors beside the first of them; how many
/// bytes went. A peer that has gone is EPIPE, never a signal.
pub fn send(fd: BorrowedFd, bytes: &[u8], fds: &[RawFd]) -> Result<usize, Errno> {
    let rights = [ControlMessage::ScmRights(fds)];
    let rights = if fds.is_empty() { &rights[..0] } else { &rights[..] };
    let iov = [IoSlice::new(bytes)];
    loop {
        match sendmsg::<UnixAddr>(fd.as_raw_fd(), &iov, rights, MsgFlags::MSG_NOSIGNAL, None) {
            Err(Errno::EINTR) => {}
            other => return other,
        }
    }
}

/// Receives bytes, and appends the descriptors that came beside them (closed on exec); how many
/// bytes came. 0 is the end. There is room for as many descriptors as the kernel lets through: if
/// it had to close some, nobody would learn of the others.
pub fn receive(fd: BorrowedFd, buffer: &mut [u8], fds: &mut Vec<OwnedFd>) -> Result<usize, Errno> {
    let mut space = cmsg_space!([RawFd; MAX_FDS]);
    let mut iov = [IoSliceMut::new(buffer)];
    loop {
        let flags = MsgFlags::MSG_CMSG_CLOEXEC;
        match recvmsg::<UnixAddr>(fd.as_raw_fd(), &mut iov, Some(&mut space), flags) {
            Err(Errno::EINTR) => {}
            Err(e) => return Err(e),
            Ok(message) => {
                for part in message.cmsgs()? {
                    if let ControlMessageOwned::ScmRights(received) = part {
                        fds.extend(received.into_iter().map(super::fd::own));
                    }
                }
                return Ok(message.bytes);
            }
        }
    }
}

fn stream(flags: SockFlag) -> Result<OwnedFd, Errno> {
    socket(AddressFamily::Unix, SockType::Stream, flags, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;
    use std::sync::{Mutex, MutexGuard, PoisonError};

    /// The umask is that of all threads: one test at a time.
    fn alone() -> MutexGuard<'static, ()> {
        static ALONE: Mutex<()> = Mutex::new(());
        ALONE.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[test]
    fn bytes_and_descriptors_arrive() {
        let _alone = alone();
        let path = std::env::temp_dir().join(format!("sixtree-socket-{}", std::process::id()));
        let listener = listen(&path).unwrap();
        assert!(accept(&listener).unwrap().is_none());
        let client = connect(&path).unwrap();
        let server = accept(&listener).unwrap().unwrap();
        let (read, write) = nix::unistd::pipe().unwrap();
        assert_eq!(send(client.as_fd(), b"take this", &[write.as_raw_fd()]), Ok(9));
        drop(write);

        let (mut buffer, mut fds) = ([0; 64], Vec::new());
        assert_eq!(receive(server.as_fd(), &mut buffer, &mut fds), Ok(9));
        assert_eq!(receive(server.as_fd(), &mut buffer, &mut fds), Err(Errno::EAGAIN));
        assert_eq!(fds.len(), 1);
        super::super::fd::write_all(fds[0].as_raw_fd(), b"through").unwrap();
        fds.clear();
        assert_eq!(super::super::fd::read_to_end(read.as_raw_fd()), Ok(b"through".to_vec()));

        drop(client);
        assert_eq!(receive(server.as_fd(), &mut buffer, &mut fds), Ok(0));
        assert_eq!(send(server.as_fd(), b"x", &[]), Err(Errno::EPIPE));
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_path_that_is_too_long_leaves_the_umask_as_it_was() {
        let umask = || {
            let status = std::fs::read_to_string("/proc/self/status").unwrap();
            status.lines().find(|line| line.starts_with("Umask:")).map(str::to_owned)
        };
        let _alone = alone();
        let before = umask();
        assert!(before.is_some());
        assert_eq!(listen(Path::new(&"x".repeat(200))).err(), Some(Errno::ENAMETOOLONG));
        assert_eq!(umask(), before);
    }
}
