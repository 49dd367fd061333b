//! Connecting to the first of several addresses that answers.

use crate::sys::inet::{self, Protocol};
use crate::sys::poll::Deadline;
use nix::errno::Errno;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::time::Duration;

/// How connections are tried.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How long to wait for each address in a first round.
    pub first: Duration,
    /// The same in a second round; 0: there is none.
    pub second: Duration,
    /// When to give up.
    pub deadline: Deadline,
    /// The address, and the port, of this end; the system chooses one that is not given.
    pub from: (Option<IpAddr>, u16),
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(2),
            second: Duration::from_secs(58),
            deadline: Deadline::NEVER,
            from: (None, 0),
        }
    }
}

/// Why there is no connection.
#[derive(Debug, PartialEq, Eq)]
pub enum Failure {
    /// There is no socket for this end.
    Here(Errno),
    /// None of the addresses has answered.
    There(Vec<(IpAddr, Errno)>),
}

/// Connects to the first address that answers. A single address has the time of both rounds.
pub fn connect(addresses: &[IpAddr], port: u16, plan: &Plan) -> Result<OwnedFd, Failure> {
    let rounds = match addresses {
        [_] => [plan.first + plan.second, Duration::ZERO],
        _ => [plan.first, plan.second],
    };
    let mut failures = Vec::new();
    for patience in rounds.into_iter().filter(|patience| !patience.is_zero()) {
        failures.clear();
        for ip in addresses {
            let deadline = Deadline::after(patience).or_sooner(plan.deadline);
            match try_one(SocketAddr::new(*ip, port), plan.from, deadline) {
                Ok(socket) => return Ok(socket),
                Err(Failure::There(failure)) => failures.extend(failure),
                Err(here) => return Err(here),
            }
        }
    }
    Err(Failure::There(failures))
}

fn try_one(
    to: SocketAddr,
    (from, port): (Option<IpAddr>, u16),
    deadline: Deadline,
) -> Result<OwnedFd, Failure> {
    let there = |e| Failure::There(vec![(to.ip(), e)]);
    if from.is_some_and(|from| from.is_ipv4() != to.is_ipv4()) {
        return Err(there(Errno::EAFNOSUPPORT));
    }
    let socket = match inet::new(to.ip(), Protocol::Tcp) {
        Err(e @ Errno::EAFNOSUPPORT) => return Err(there(e)),
        made => made.map_err(Failure::Here)?,
    };
    let any: IpAddr = if to.is_ipv4() { [0; 4].into() } else { [0; 16].into() };
    if from.is_some() || port != 0 {
        let here = SocketAddr::new(from.unwrap_or(any), port);
        inet::bind(&socket, here, false).map_err(Failure::Here)?;
    }
    inet::connect_until(&socket, to, deadline).map_err(there)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::os::fd::AsRawFd;

    #[test]
    fn the_first_that_answers_wins_and_all_that_do_not_are_told() {
        let [one, two, three] = [1, 2, 3].map(|last| IpAddr::from([127, 0, 0, last]));
        let listener = TcpListener::bind((two, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let plan =
            Plan { first: Duration::from_secs(9), second: Duration::ZERO, ..Plan::default() };
        let socket = connect(&[one, two], port, &plan).unwrap();
        assert_eq!(inet::remote(socket.as_raw_fd()), Ok(SocketAddr::new(two, port)));

        let failures = vec![(one, Errno::ECONNREFUSED), (three, Errno::ECONNREFUSED)];
        assert_eq!(connect(&[one, three], port, &plan).err(), Some(Failure::There(failures)));
        let from_elsewhere = Plan { from: (Some([192, 0, 2, 1].into()), 0), ..plan };
        let failure = connect(&[one], port, &from_elsewhere).err();
        assert_eq!(failure, Some(Failure::Here(Errno::EADDRNOTAVAIL)));
    }
}
