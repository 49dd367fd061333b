//! s6-tcpclient: connects to a server, then becomes a program that talks through the connection.
//! Reference: <https://skarnet.org/software/s6-networking/s6-tcpclient.html>.

use super::ident::{self, Reply};
use super::set_end;
use crate::format::decimal;
use crate::sys::fd;
use crate::sys::inet;
use crate::sys::poll::Deadline;
use crate::tools::die::{reason, show};
use crate::tools::net::connect::{Failure, Plan, connect};
use crate::tools::net::dns::hosts::Family;
use crate::tools::net::dns::lookup;
use crate::tools::net::dns::resolver::{self, Resolver};
use crate::tools::net::{address, dns};
use crate::tools::s6::ipc::client::{DESCRIPTORS, verbosity};
use crate::tools::{Exit, Next, Options, Process, Word};
use domain::base::Rtype;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

/// How many addresses are tried.
const MAX_ADDRESSES: usize = 16;

/// `s6-tcpclient [ -q | -Q | -v ] [ -4 | -6 ] [ -d | -D ] [ -r | -R ] [ -h ] [ -H ] [ -n | -N ]
/// [ -t timeout ] [ -l localname ] [ -T timeoutconn ] [ -i localip ] [ -p localport ] host port
/// prog...`
pub fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "qQv46dDrRhHnNt:l:T:i:p:")?;
    let seconds = options.number::<u32>(process, 't', 0)?;
    let plan = plan(process, &options, Deadline::after_ms(u64::from(seconds) * 1000))?;
    let ([host, port], program) = process.operands(options.words().iter().cloned())?;
    let port = decimal::parse(&port)
        .ok_or_else(|| process.fatal(100, format_args!("invalid port number: {}", show(&port))))?;
    let addresses = addresses(process, &options, &host, plan.deadline)?;
    let socket = open(process, &addresses, port, &plan)?;
    describe(process, &options, &socket, plan.deadline)?;
    let (read, write) = DESCRIPTORS;
    fd::place(read, socket).map_err(process.unable(format_args!("set up fd {read}")))?;
    fd::copy(write, read).map_err(process.unable(format_args!("set up fd {write}")))?;
    Ok(program.into())
}

/// How to connect, as the options -T, -i and -p say.
fn plan(process: &Process, options: &Options, deadline: Deadline) -> Result<Plan, Exit> {
    let seconds = |word: &[u8]| Some(Duration::from_secs(decimal::parse::<u32>(word)?.into()));
    let rounds = options.parsed('T', |word| {
        let mut parts = word.splitn(2, |&b| b == b'+');
        let first = parts.next().and_then(seconds);
        let second = parts.next().map_or(Some(Duration::ZERO), seconds);
        first.zip(second).ok_or_else(|| process.usage())
    })?;
    let usual = Plan::default();
    let (first, second) = rounds.unwrap_or((usual.first, usual.second));
    let ip = options.parsed('i', |ip| address::parse(ip).ok_or_else(|| process.usage()))?;
    Ok(Plan { first, second, deadline, from: (ip, options.number(process, 'p', 0)?) })
}

/// The addresses of the host: it is a list of them, or a name, or else this machine.
fn addresses(
    process: &Process,
    options: &Options,
    host: &[u8],
    deadline: Deadline,
) -> Result<Vec<IpAddr>, Exit> {
    if matches!(host, b"" | b"0") {
        return Ok(vec![Ipv6Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into()]);
    }
    let family = options.last_of("46");
    let is_wanted = |ip: &IpAddr| match family {
        Some('4') => ip.is_ipv4(),
        Some(_) => ip.is_ipv6(),
        None => true,
    };
    let mut found = address::list(host);
    found.retain(is_wanted);
    if found.is_empty() && options.has('H') {
        return Err(process.usage());
    }
    if found.is_empty() {
        let qualify = options.last_of("nN") == Some('n');
        let resolver = Resolver::new(process, deadline)?;
        let suffixes = qualify.then_some(resolver.config.suffixes.as_slice());
        let hosts = lookup::hosts(process, options)?;
        let report = |failure: dns::Failure| {
            process.fatal(111, format_args!("unable to resolve {}: {failure}", show(host)))
        };
        for listed in [Family::V4, Family::V6] {
            let listed = hosts.addresses(host, listed, suffixes).map_err(|e| report(e.into()))?;
            found.extend(listed.into_iter().filter(is_wanted));
        }
        if found.is_empty() {
            let of = |rtype| resolver.records(host, rtype, qualify).map(resolver::addresses);
            found = match family {
                Some('4') => of(Rtype::A),
                Some(_) => of(Rtype::AAAA),
                None => resolver.addresses(host, qualify),
            }
            .map_err(report)?;
        }
    }
    found.truncate(MAX_ADDRESSES);
    match (found.is_empty(), family) {
        (false, _) => Ok(found),
        (true, Some(_)) => {
            Err(process.fatal(100, format_args!("no IP address for {}", show(host))))
        }
        (true, None) => {
            Err(process.fatal(111, format_args!("unable to resolve {}: no IP address", show(host))))
        }
    }
}

/// Connects, or tells of each address why not.
fn open(process: &Process, addresses: &[IpAddr], port: u16, plan: &Plan) -> Result<OwnedFd, Exit> {
    connect(addresses, port, plan).map_err(|failure| match failure {
        Failure::Here(e) => process.fatal_errno("unable to bind socket", e),
        Failure::There(failures) => {
            for (ip, e) in failures {
                let ip = address::show(ip);
                process.warn_errno(format_args!("unable to connect to {ip} port {port}"), e);
            }
            process.fatal(111, "unable to connect to a suitable IP address")
        }
    })
}

/// Tells the program what there is to know of the connection, which it finds in blocking mode.
fn describe(
    process: &mut Process,
    options: &Options,
    socket: &OwnedFd,
    deadline: Deadline,
) -> Result<(), Exit> {
    let ends = fd::set_nonblocking(socket.as_raw_fd(), false).and_then(|()| {
        if options.last_of("dD") == Some('D') {
            inet::set_nodelay(socket)?;
        }
        Ok((inet::local(socket.as_raw_fd())?, inet::remote(socket.as_raw_fd())?))
    });
    let (local, remote) = ends.map_err(process.unable("set up the connection"))?;
    if verbosity(options) > 1 {
        let (ip, port) = (address::show(remote.ip()), remote.port());
        process.info(format_args!("connected to {ip} port {port}"));
    }
    process.env.set(b"PROTO", b"TCP");
    set_end(&mut process.env, "REMOTE", remote);
    set_end(&mut process.env, "LOCAL", local);
    set_names(process, options, local.ip(), remote.ip(), deadline)?;
    match options.last_of("rR") {
        Some('r') => {
            let user = ask(process, options, local, remote, deadline);
            process.env.set(b"TCPREMOTEINFO", &user);
        }
        _ => process.env.unset(b"TCPREMOTEINFO"),
    }
    Ok(())
}

/// Sets the variables for the names of both ends.
///
/// Differs: with -H no name is looked up, that of this end neither, as documented, and none is left
/// there from another connection.
fn set_names(
    process: &mut Process,
    options: &Options,
    local: IpAddr,
    remote: IpAddr,
    deadline: Deadline,
) -> Result<(), Exit> {
    if let Some(name) = options.value('l') {
        process.env.set(b"TCPLOCALHOST", name);
    }
    if options.has('H') {
        if !options.has('l') {
            process.env.unset(b"TCPLOCALHOST");
        }
        process.env.unset(b"TCPREMOTEHOST");
        return Ok(());
    }
    let resolver = Resolver::new(process, deadline)?;
    let hosts = lookup::hosts(process, options)?;
    let [local, remote] = resolver.first_names(&hosts, [local, remote]);
    if !options.has('l') {
        set_name(process, b"TCPLOCALHOST", local);
    }
    set_name(process, b"TCPREMOTEHOST", remote);
    Ok(())
}

/// A name that exists and is none is empty.
fn set_name(process: &mut Process, variable: &[u8], name: Result<Option<Word>, dns::Failure>) {
    match name {
        Ok(name) => process.env.set(variable, &name.unwrap_or_default()),
        Err(_) => process.env.unset(variable),
    }
}

/// Whose the other end is, as far as its ident server tells.
fn ask(
    process: &Process,
    options: &Options,
    local: SocketAddr,
    remote: SocketAddr,
    deadline: Deadline,
) -> Vec<u8> {
    let failure = match ident::ask(remote, local, deadline) {
        Ok(Reply::User(user)) => return user,
        Ok(Reply::Refusal(refusal)) => format!("ident server replied: {refusal}"),
        Err(e) => format!("unable to ask the ident server: {}", reason(e)),
    };
    if verbosity(options) > 0 {
        process.warn(failure);
    }
    Vec::new()
}
