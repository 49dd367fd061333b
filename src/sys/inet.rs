//! Sockets of the internet protocols, made, bound and connected by address.

use super::poll::{self, Deadline};
use super::socket::accept_now;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags};
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrStorage, getpeername, getsockname, getsockopt,
    setsockopt, socket, sockopt,
};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};

/// The protocol above IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Streams of bytes.
    Tcp,
    /// Datagrams.
    Udp,
}

/// Makes a socket of the family of `address`. It does not block, and is closed on exec.
pub fn new(address: IpAddr, protocol: Protocol) -> Result<OwnedFd, Errno> {
    let family = if address.is_ipv6() { AddressFamily::Inet6 } else { AddressFamily::Inet };
    let kind = match protocol {
        Protocol::Tcp => SockType::Stream,
        Protocol::Udp => SockType::Datagram,
    };
    let socket = socket(family, kind, SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK, None)?;
    if address.is_ipv6() {
        // An IPv6 socket takes no IPv4 connections: whoever wants both binds two.
        setsockopt(&socket, sockopt::Ipv6V6Only, &true)?;
    }
    Ok(socket)
}

/// Binds a socket. `reuse` allows a local address that old connections still use.
pub fn bind(socket: &OwnedFd, address: SocketAddr, reuse: bool) -> Result<(), Errno> {
    if reuse {
        setsockopt(socket, sockopt::ReuseAddr, &true)?;
    }
    nix::sys::socket::bind(socket.as_raw_fd(), &SockaddrStorage::from(address))
}

/// Begins to connect a socket. False: the connection is under way, and the socket becomes writable
/// when [`outcome`] knows how that ended.
pub fn connect(socket: &OwnedFd, address: SocketAddr) -> Result<bool, Errno> {
    match nix::sys::socket::connect(socket.as_raw_fd(), &SockaddrStorage::from(address)) {
        Ok(()) => Ok(true),
        Err(Errno::EINPROGRESS | Errno::EINTR) => Ok(false),
        Err(e) => Err(e),
    }
}

/// Whether a connection that was under way is established.
pub fn outcome(socket: &OwnedFd) -> Result<(), Errno> {
    match getsockopt(socket, sockopt::SocketError)? {
        0 => Ok(()),
        errno => Err(Errno::from_raw(errno)),
    }
}

/// Connects a socket before the deadline, or fails with ETIMEDOUT.
pub fn connect_until(
    socket: &OwnedFd,
    address: SocketAddr,
    deadline: Deadline,
) -> Result<(), Errno> {
    if connect(socket, address)? {
        return Ok(());
    }
    let mut fds = [PollFd::new(socket.as_fd(), PollFlags::POLLOUT)];
    match poll::wait(&mut fds, deadline)? {
        true => outcome(socket),
        false => Err(Errno::ETIMEDOUT),
    }
}

/// A socket that receives datagrams sent to this address, without blocking.
pub fn receiver(address: SocketAddr) -> Result<OwnedFd, Errno> {
    let socket = new(address.ip(), Protocol::Udp)?;
    bind(&socket, address, true)?;
    Ok(socket)
}

/// Takes the next connection of a listening socket, which blocks and is closed on exec, and says
/// whose it is.
pub fn accept(listener: RawFd) -> Result<(OwnedFd, SocketAddr), Errno> {
    let connection = accept_now(listener, SockFlag::SOCK_CLOEXEC)?;
    let client = remote(connection.as_raw_fd())?;
    Ok((connection, client))
}

/// The address to which a socket is bound.
pub fn local(socket: RawFd) -> Result<SocketAddr, Errno> {
    getsockname::<SockaddrStorage>(socket).and_then(|address| address_of(&address))
}

/// The address of the other side of a connection.
pub fn remote(socket: RawFd) -> Result<SocketAddr, Errno> {
    getpeername::<SockaddrStorage>(socket).and_then(|address| address_of(&address))
}

/// Sends what is written to a connection at once, without gathering it.
pub fn set_nodelay(socket: &impl AsFd) -> Result<(), Errno> {
    setsockopt(&socket.as_fd(), sockopt::TcpNoDelay, &true)
}

fn address_of(address: &SockaddrStorage) -> Result<SocketAddr, Errno> {
    if let Some(v4) = address.as_sockaddr_in() {
        return Ok(SocketAddr::V4((*v4).into()));
    }
    let v6 = address.as_sockaddr_in6().ok_or(Errno::EAFNOSUPPORT)?;
    Ok(SocketAddr::V6((*v6).into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::socket::Backlog;
    use std::time::Duration;

    #[test]
    fn both_ends_know_each_other() {
        let here = SocketAddr::from(([127, 0, 0, 1], 0));
        let listener = new(here.ip(), Protocol::Tcp).unwrap();
        bind(&listener, here, true).unwrap();
        nix::sys::socket::listen(&listener, Backlog::new(1).unwrap()).unwrap();
        let server = local(listener.as_raw_fd()).unwrap();
        assert_eq!(server.ip(), here.ip());
        assert_eq!(accept(listener.as_raw_fd()).err(), Some(Errno::EAGAIN));

        let client = new(server.ip(), Protocol::Tcp).unwrap();
        let soon = Deadline::after(Duration::from_secs(10));
        connect_until(&client, server, soon).unwrap();
        let (connection, from) = accept(listener.as_raw_fd()).unwrap();
        assert_eq!(local(client.as_raw_fd()), Ok(from));
        assert_eq!(local(connection.as_raw_fd()), Ok(server));
        set_nodelay(&connection).unwrap();

        drop(listener);
        let late = new(server.ip(), Protocol::Tcp).unwrap();
        assert_eq!(connect_until(&late, server, soon), Err(Errno::ECONNREFUSED));
    }
}
