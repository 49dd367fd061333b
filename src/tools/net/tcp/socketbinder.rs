//! s6-tcpserver-socketbinder: makes an internet socket, then becomes a program that has it as
//! stdin.
//! Reference: <https://skarnet.org/software/s6-networking/s6-tcpserver-socketbinder.html>.

use crate::format::decimal;
use crate::sys::inet::{self, Protocol};
use crate::sys::{fd, ipc};
use crate::tools::net::address;
use crate::tools::{Exit, Next, Options, Process, Word};
use std::net::SocketAddr;

const LONG: &[(&str, char)] = &[
    ("reuse-address", 'd'),
    ("no-reuse-address", 'D'),
    ("tcp", 'M'),
    ("udp", 'm'),
    ("block", 'B'),
    ("backlog", 'b'),
];

/// What kind of socket to make.
pub struct Plan {
    /// What goes through it.
    pub protocol: Protocol,
    /// Whether the address may be one that old connections still use.
    pub reuses: bool,
    /// Whether it blocks.
    pub blocks: bool,
    /// How many connections may wait; 0: it does not listen. `None`: as many as the system allows.
    pub backlog: Option<u32>,
}

/// `s6-tcpserver-socketbinder [ -d | -D ] [ -b backlog ] [ -M | -m ] [ -B ] ip port prog...`
pub fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse_long(process, argv, "dDb:MmB", LONG)?;
    let plan = Plan {
        protocol: match options.last_of("Mm") {
            Some('m') => Protocol::Udp,
            _ => Protocol::Tcp,
        },
        blocks: options.has('B'),
        ..Plan::from_options(process, &options)?
    };
    let ([ip, port], program) = process.operands(options.rest())?;
    bind(process, &plan, &ip, &port)?;
    Ok(program.into())
}

impl Plan {
    /// A TCP socket as the options -d, -D and -b want it.
    pub fn from_options(process: &Process, options: &Options) -> Result<Self, Exit> {
        Ok(Self {
            protocol: Protocol::Tcp,
            reuses: options.last_of("Dd") != Some('D'),
            blocks: false,
            backlog: options.parsed('b', |backlog| process.number(backlog))?,
        })
    }
}

/// Makes the socket, on descriptor 0.
pub fn bind(process: &Process, plan: &Plan, ip: &[u8], port: &[u8]) -> Result<(), Exit> {
    let (Some(ip), Some(port)) = (address::parse(ip), decimal::parse(port)) else {
        return Err(process.usage());
    };
    let place = format!("{} port {port}", address::show(ip));
    let socket = inet::new(ip, plan.protocol).map_err(process.unable("create socket"))?;
    inet::bind(&socket, SocketAddr::new(ip, port), plan.reuses)
        .map_err(process.unable(format_args!("bind to {place}")))?;
    if plan.backlog != Some(0) {
        ipc::listen(&socket, plan.backlog.unwrap_or(u32::MAX))
            .map_err(process.unable(format_args!("listen to {place}")))?;
    }
    fd::place(0, socket)
        .and_then(|()| fd::set_nonblocking(0, !plan.blocks))
        .map_err(process.unable("set up fd 0"))
}
