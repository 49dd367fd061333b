//! Sockets in the file system that programs pass on to each other.

use super::fd::borrow;
use super::lock::Lock;
use super::socket::accept_now;
use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, UnixAddr, getpeername, getsockname, getsockopt, socket,
    sockopt,
};
use nix::sys::stat::{Mode, umask};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

/// What goes through a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketKind {
    /// Bytes.
    Stream,
    /// Messages.
    Datagrams,
}

/// Makes a socket, closed on exec.
pub fn new(kind: SocketKind, blocking: bool) -> Result<OwnedFd, Errno> {
    let kind = match kind {
        SocketKind::Stream => SockType::Stream,
        SocketKind::Datagrams => SockType::Datagram,
    };
    let nonblocking = if blocking { SockFlag::empty() } else { SockFlag::SOCK_NONBLOCK };
    socket(AddressFamily::Unix, kind, nonblocking | SockFlag::SOCK_CLOEXEC, None)
}

/// Binds a socket to a path, whose permissions are those that the umask leaves.
pub fn bind(socket: &OwnedFd, path: &[u8]) -> Result<(), Errno> {
    nix::sys::socket::bind(socket.as_raw_fd(), &UnixAddr::new(path)?)
}

/// Binds a socket to a path of these permissions.
pub fn bind_for(socket: &OwnedFd, path: &[u8], permissions: u32) -> Result<(), Errno> {
    let mask = umask(Mode::from_bits_truncate(!permissions & 0o777));
    let bound = bind(socket, path);
    umask(mask);
    bound
}

/// The same in place of what is there. The file `path.lock` keeps others from it meanwhile.
pub fn bind_anew(socket: &OwnedFd, path: &[u8], permissions: u32) -> Result<(), Errno> {
    let _lock = Lock::take(&[path, b".lock"].concat(), 0o600)?.ok_or(Errno::EADDRINUSE)?;
    match nix::unistd::unlink(path) {
        Ok(()) | Err(Errno::ENOENT) => bind_for(socket, path, permissions),
        Err(e) => Err(e),
    }
}

/// Listens, with so many connections waiting at most, or as many as the system allows.
pub fn listen(socket: &OwnedFd, backlog: u32) -> Result<(), Errno> {
    let backlog = i32::try_from(backlog).unwrap_or(i32::MAX);
    // Not nix's, which refuses more than SOMAXCONN: musl's is 128, the kernel's 4096.
    // SAFETY: numbers only.
    Errno::result(unsafe { libc::listen(socket.as_raw_fd(), backlog) }).map(drop)
}

/// Connects to the socket at a path.
pub fn connect(socket: &OwnedFd, path: &[u8]) -> Result<(), Errno> {
    nix::sys::socket::connect(socket.as_raw_fd(), &UnixAddr::new(path)?)
}

/// Takes the next connection of a listening socket; it is closed on exec.
pub fn accept(listener: RawFd, blocking: bool) -> Result<OwnedFd, Errno> {
    let nonblocking = if blocking { SockFlag::empty() } else { SockFlag::SOCK_NONBLOCK };
    accept_now(listener, nonblocking | SockFlag::SOCK_CLOEXEC)
}

/// The path to which a socket is bound, if it is.
pub fn local_path(socket: RawFd) -> Result<Option<Vec<u8>>, Errno> {
    getsockname::<UnixAddr>(socket).map(|address| path_of(&address))
}

/// The path to which the other side of a connection is bound, if it is.
pub fn remote_path(socket: RawFd) -> Result<Option<Vec<u8>>, Errno> {
    getpeername::<UnixAddr>(socket).map(|address| path_of(&address))
}

fn path_of(address: &UnixAddr) -> Option<Vec<u8>> {
    use std::os::unix::ffi::OsStrExt;
    address.path().map(|path| path.as_os_str().as_bytes().to_vec())
}

/// The user and the group of the process on the other side, as they were when it connected.
pub fn peer(socket: RawFd) -> Result<(u32, u32), Errno> {
    let credentials = getsockopt(&borrow(&socket), sockopt::PeerCredentials)?;
    Ok((credentials.uid(), credentials.gid()))
}
