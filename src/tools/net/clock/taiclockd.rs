//! s6-taiclockd: tells TAICLOCK clients the time.
//! Reference: <https://skarnet.org/software/s6-networking/s6-taiclockd.html>.

use super::tai::{ANSWER, HEADER, PORT, QUESTION, now};
use crate::sys::inet;
use crate::sys::poll::{self, Deadline};
use crate::tools::die::errno;
use crate::tools::net::address;
use crate::tools::{Exit, Next, Options, Process, Word};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::AsFd;

/// The longest packet.
const LONGEST: usize = 256;

/// `s6-taiclockd [ -i ip ] [ -p port ]`
pub(crate) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "i:p:")?;
    let ip = options.parsed('i', |ip| address::parse(ip).ok_or_else(|| process.usage()))?;
    let ip = ip.unwrap_or(Ipv4Addr::UNSPECIFIED.into());
    let port = options.number(process, 'p', PORT)?;
    let bound = inet::receiver(SocketAddr::new(ip, port));
    let unable = process.unable(format!("bind to {} port {port}", address::show(ip)));
    let socket = UdpSocket::from(bound.map_err(unable)?);
    let mut packet = [0; LONGEST];
    loop {
        let mut fds = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
        poll::wait(&mut fds, Deadline::NEVER).map_err(process.unable("poll"))?;
        let (length, client) = match socket.recv_from(&mut packet).map_err(|e| errno(&e)) {
            // What is wrong with an answer that was sent before comes back as an error.
            Err(Errno::EAGAIN | Errno::EINTR | Errno::ECONNREFUSED) => continue,
            received => received.map_err(process.unable("receive"))?,
        };
        let Some(question) = packet.get_mut(..length).filter(|_| length >= HEADER) else {
            continue;
        };
        if !question.starts_with(QUESTION) {
            continue;
        }
        question[..4].copy_from_slice(ANSWER);
        question[4..16].copy_from_slice(&now().pack());
        if let Err(e) = socket.send_to(question, client) {
            process.warn_errno("unable to send an answer", errno(&e));
        }
    }
}
