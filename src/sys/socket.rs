//! Stream sockets in the file system, and descriptors sent through them.

use nix::cmsg_space;
use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{
    AddressFamily, Backlog, ControlMessage, MsgFlags, SockFlag, SockType, UnixAddr, recvmsg,
    sendmsg, socket,
};
use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
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

/// The same without blocking. EAGAIN: too many connections wait to be accepted.
pub fn attempt(path: &Path) -> Result<OwnedFd, Errno> {
    let fd = stream(SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK)?;
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
    super::ipc::bind_for(&fd, path.as_os_str().as_bytes(), 0o600)?;
    nix::sys::socket::listen(&fd, Backlog::MAXCONN)?;
    Ok(fd)
}

/// Takes the next connection, if one is waiting. The result does not block.
pub fn accept(listener: &OwnedFd) -> Result<Option<OwnedFd>, Errno> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    match accept_now(listener.as_raw_fd(), flags) {
        Ok(fd) => Ok(Some(fd)),
        Err(Errno::EAGAIN | Errno::ECONNABORTED | Errno::EINTR) => Ok(None),
        Err(e) => Err(e),
    }
}

/// accept4(2).
pub fn accept_now(listener: RawFd, flags: SockFlag) -> Result<OwnedFd, Errno> {
    let connection = nix::sys::socket::accept4(listener, flags)?;
    // SAFETY: the kernel has just made it, and nobody else knows of it.
    Ok(unsafe { OwnedFd::from_raw_fd(connection) })
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

/// A message, and whose it is, as the kernel says.
#[derive(Debug)]
pub struct SignedMessage {
    /// The pid of the sender.
    pub pid: i32,
    /// What it sent.
    pub bytes: Vec<u8>,
    /// The descriptors that came along. They are closed with it.
    pub _fds: Vec<OwnedFd>,
}

/// A socket at `path` (a left-over there is removed) that takes messages of everybody, whose
/// senders are known. It does not block, and is closed on exec.
pub fn receiver(path: &Path) -> Result<OwnedFd, Errno> {
    use nix::sys::socket::{setsockopt, sockopt::PassCred};
    match nix::unistd::unlink(path) {
        Ok(()) | Err(Errno::ENOENT) => {}
        Err(e) => return Err(e),
    }
    let fd = super::ipc::new(super::ipc::SocketKind::Datagrams, false)?;
    super::ipc::bind_for(&fd, path.as_os_str().as_bytes(), 0o666)?;
    setsockopt(&fd, PassCred, &true)?;
    Ok(fd)
}

/// Takes the next message of such a socket.
pub fn receive_signed(socket: RawFd) -> Result<SignedMessage, Errno> {
    use nix::sys::socket::{ControlMessageOwned, UnixCredentials};
    let mut control = cmsg_space!(UnixCredentials, [RawFd; MAX_FDS]);
    let mut buffer = [0; 4096];
    let mut iov = [IoSliceMut::new(&mut buffer)];
    let flags = MsgFlags::MSG_CMSG_CLOEXEC | MsgFlags::MSG_DONTWAIT;
    let message = recvmsg::<UnixAddr>(socket, &mut iov, Some(&mut control), flags)?;
    let (length, mut pid, mut fds) = (message.bytes, 0, Vec::new());
    for part in message.cmsgs()? {
        match part {
            ControlMessageOwned::ScmCredentials(sender) => pid = sender.pid(),
            ControlMessageOwned::ScmRights(numbers) => {
                // SAFETY: the kernel has just made them, and nobody else knows of them.
                fds.extend(numbers.into_iter().map(|n| unsafe { OwnedFd::from_raw_fd(n) }));
            }
            _ => {}
        }
    }
    Ok(SignedMessage { pid, bytes: buffer.get(..length).unwrap_or_default().to_vec(), _fds: fds })
}

/// Two sockets that are connected, and closed on exec.
pub fn pair() -> Result<(OwnedFd, OwnedFd), Errno> {
    nix::sys::socket::socketpair(
        AddressFamily::Unix,
        SockType::Stream,
        None,
        SockFlag::SOCK_CLOEXEC,
    )
}

/// Receives bytes, and appends the descriptors that came beside them (closed on exec); how many
/// bytes came. 0 is the end. There is room for as many descriptors as the kernel lets through.
///
/// EMFILE: this process may not have so many. Those that it got are closed again, since the sender
/// counts on all of them or none.
pub fn receive(fd: BorrowedFd, buffer: &mut [u8], fds: &mut Vec<OwnedFd>) -> Result<usize, Errno> {
    let mut control = cmsg_space!([RawFd; MAX_FDS]);
    let (bytes, flags) = receive_message(fd, buffer, &mut control)?;
    // SAFETY: this is the message, and these are its descriptors' first owners.
    let received = unsafe { rights(&control) };
    if flags.contains(MsgFlags::MSG_CTRUNC) {
        return Err(Errno::EMFILE);
    }
    fds.extend(received);
    Ok(bytes)
}

fn receive_message(
    fd: BorrowedFd,
    buffer: &mut [u8],
    control: &mut [u8],
) -> Result<(usize, MsgFlags), Errno> {
    let mut iov = [IoSliceMut::new(buffer)];
    loop {
        let flags = MsgFlags::MSG_CMSG_CLOEXEC;
        match recvmsg::<UnixAddr>(fd.as_raw_fd(), &mut iov, Some(&mut *control), flags) {
            Err(Errno::EINTR) => {}
            received => return received.map(|message| (message.bytes, message.flags)),
        }
    }
}

/// Takes over the descriptors of a control message as the kernel writes it (`struct cmsghdr`): its
/// length, which is 0 where there is none; level; type; numbers. nix does not hand them out of a
/// message that was truncated, and they would stay open.
///
/// # Safety
/// The kernel has just written it, and nobody has taken the descriptors over.
unsafe fn rights(control: &[u8]) -> Vec<OwnedFd> {
    let Some((length, rest)) = control.split_first_chunk() else { return Vec::new() };
    let Some((level, rest)) = rest.split_first_chunk() else { return Vec::new() };
    let Some((kind, _)) = rest.split_first_chunk() else { return Vec::new() };
    let kind = (i32::from_ne_bytes(*level), i32::from_ne_bytes(*kind));
    if kind != (libc::SOL_SOCKET, libc::SCM_RIGHTS) {
        return Vec::new();
    }
    let header = size_of::<usize>() + 2 * size_of::<i32>();
    let numbers = control.get(header..usize::from_ne_bytes(*length)).unwrap_or(&[]);
    let numbers = numbers.chunks_exact(size_of::<RawFd>());
    numbers
        .filter_map(|n| n.first_chunk())
        // SAFETY: the caller's promise.
        .map(|n| unsafe { OwnedFd::from_raw_fd(RawFd::from_ne_bytes(*n)) })
        .collect()
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
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("path");
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

        // Closing it is not enough: a child of another test may have a copy for a moment.
        nix::sys::socket::shutdown(client.as_raw_fd(), nix::sys::socket::Shutdown::Both).unwrap();
        assert_eq!(receive(server.as_fd(), &mut buffer, &mut fds), Ok(0));
        assert_eq!(send(server.as_fd(), b"x", &[]), Err(Errno::EPIPE));
    }

    /// In a process of its own, whose limit of open files is that of all threads.
    #[test]
    fn descriptors_that_do_not_fit_are_closed_again() {
        use crate::sys::process;
        let met = || i32::from(std::panic::catch_unwind(receive_too_many).is_err());
        let child = process::fork_to(met).unwrap();
        let ended = process::wait(child.as_raw(), nix::sys::wait::WaitPidFlag::empty());
        assert_eq!(ended.unwrap().unwrap().1.code(), Some(0));
    }

    fn receive_too_many() {
        use nix::sys::resource::{Resource, setrlimit};
        let (here, there) = std::os::unix::net::UnixStream::pair().unwrap();
        let open = || (0..1024).filter(|fd| super::super::fd::is_open(*fd)).collect::<Vec<_>>();
        let before = open();
        // Room for four.
        let limit = (0..1024).filter(|fd| !before.contains(fd)).nth(4).unwrap();
        setrlimit(Resource::RLIMIT_NOFILE, limit as u64, 1024).unwrap();
        let mut fds = Vec::new();
        send(here.as_fd(), b"x", &[0; 200]).unwrap();
        assert_eq!(receive(there.as_fd(), &mut [0; 8], &mut fds), Err(Errno::EMFILE));
        assert_eq!((fds.len(), open()), (0, before));
        send(here.as_fd(), b"x", &[0; 2]).unwrap();
        assert_eq!(receive(there.as_fd(), &mut [0; 8], &mut fds), Ok(1));
        assert_eq!(fds.len(), 2);
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
