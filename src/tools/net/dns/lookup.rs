//! s6-dnsip4, s6-dnsip6, s6-dnsip, s6-dnsname, s6-dnsmx, s6-dnsns, s6-dnssoa, s6-dnssrv, s6-dnstxt:
//! one name or address is looked up, and what is found is printed, one a line.
//! Reference: <https://skarnet.org/software/s6-dns/s6-dnsip4.html>.

use super::failure::Failure;
use super::hosts::{Family, Hosts};
use super::record::Data;
use super::resolver::{self, Resolver};
use crate::sys::random;
use crate::tools::die::show;
use crate::tools::net::address;
use crate::tools::{Exit, Next, Options, Process, Word};
use domain::base::Rtype;
use std::net::IpAddr;

/// `s6-dnsip4 [ -q ] [ -H | -h ] [ -r ] [ -t timeout ] domain`
pub fn s6_dnsip4(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    addresses(process, argv, &[Family::V4], |resolver, name, qualify| {
        resolver.records(name, Rtype::A, qualify).map(resolver::addresses)
    })
}

/// `s6-dnsip6 [ -q ] [ -H | -h ] [ -r ] [ -t timeout ] domain`
pub fn s6_dnsip6(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    addresses(process, argv, &[Family::V6], |resolver, name, qualify| {
        resolver.records(name, Rtype::AAAA, qualify).map(resolver::addresses)
    })
}

/// `s6-dnsip [ -q ] [ -H | -h ] [ -r ] [ -t timeout ] domain`
///
/// Differs: a name that does not exist is told, and a failure, as documented. What the hosts
/// database has is printed where it has no address of IPv4, too.
pub fn s6_dnsip(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    addresses(process, argv, &[Family::V4, Family::V6], Resolver::addresses)
}

type Resolve = fn(&Resolver, &[u8], bool) -> Result<Vec<IpAddr>, Failure>;

fn addresses(
    process: &Process,
    argv: Vec<Word>,
    families: &[Family],
    resolve: Resolve,
) -> Result<Next, Exit> {
    let (options, resolver) = parse(process, argv, "qHhrt:")?;
    let [name, ..] = options.words() else { return Err(process.usage()) };
    let report = |failure: Failure| failure.report(process, show(name));
    let hosts = hosts(process, &options)?;
    let qualify = options.has('q');
    let suffixes = qualify.then_some(resolver.config.suffixes.as_slice());
    let mut found = Vec::new();
    for family in families {
        let listed = hosts.addresses(name, *family, suffixes);
        found.extend(listed.map_err(|e| report(e.into()))?);
    }
    if found.is_empty() {
        found = resolve(&resolver, name, qualify).map_err(report)?;
    }
    print(process, &options, found.into_iter().map(|ip| address::show(ip).into_bytes()).collect())
}

/// `s6-dnsname [ -4 | -6 ] [ -H | -h ] [ -r ] [ -t timeout ] ip`
pub fn s6_dnsname(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let (options, resolver) = parse(process, argv, "46Hhrt:")?;
    let [word, ..] = options.words() else { return Err(process.usage()) };
    let either = options.has('4') == options.has('6');
    let wanted = |ip: &IpAddr| either || ip.is_ipv6() == options.has('6');
    let ip = address::parse(word).filter(wanted).ok_or_else(|| process.usage())?;
    let mut found = hosts(process, &options)?.names(ip);
    if found.is_empty() {
        let names = resolver.names_of(ip);
        found = names.map_err(|failure| failure.report(process, show(word)))?;
    }
    print(process, &options, found)
}

/// `s6-dnsmx [ -q ] [ -r ] [ -t timeout ] name`
pub fn s6_dnsmx(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    records(process, argv, Rtype::MX)
}

/// `s6-dnsns [ -q ] [ -r ] [ -t timeout ] name`
pub fn s6_dnsns(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    records(process, argv, Rtype::NS)
}

/// `s6-dnssoa [ -q ] [ -r ] [ -t timeout ] name`
pub fn s6_dnssoa(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    records(process, argv, Rtype::SOA)
}

/// `s6-dnstxt [ -q ] [ -r ] [ -t timeout ] name`
pub fn s6_dnstxt(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    records(process, argv, Rtype::TXT)
}

fn records(process: &Process, argv: Vec<Word>, rtype: Rtype) -> Result<Next, Exit> {
    let (options, resolver) = parse(process, argv, "qrt:")?;
    let [name, ..] = options.words() else { return Err(process.usage()) };
    find(process, &options, &resolver, name, rtype)
}

/// `s6-dnssrv [ -q ] [ -r ] [ -t timeout ] service proto name`
pub fn s6_dnssrv(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let (options, resolver) = parse(process, argv, "qrt:")?;
    let [service, protocol, name, ..] = options.words() else { return Err(process.usage()) };
    let name = [b"_", service.as_slice(), b"._", protocol, b".", name].concat();
    find(process, &options, &resolver, &name, Rtype::SRV)
}

fn find(
    process: &Process,
    options: &Options,
    resolver: &Resolver,
    name: &[u8],
    rtype: Rtype,
) -> Result<Next, Exit> {
    let found = resolver.records(name, rtype, options.has('q'));
    let found = found.map_err(|failure| failure.report(process, show(name)))?;
    print(process, options, found.iter().map(Data::text).collect())
}

fn parse(process: &Process, argv: Vec<Word>, spec: &str) -> Result<(Options, Resolver), Exit> {
    let options = Options::parse(process, argv, spec)?;
    let deadline = resolver::deadline(process, &options)?;
    if options.words().is_empty() {
        return Err(process.usage());
    }
    Ok((options, Resolver::new(process, deadline)?))
}

/// The hosts database if the options -h and -H want it.
pub fn hosts(process: &Process, options: &Options) -> Result<Hosts, Exit> {
    match options.last_of("Hh") {
        Some('h') => Hosts::load().map_err(|e| {
            process.fatal(111, format_args!("unable to parse {}: {e}", super::hosts::TEXT))
        }),
        _ => Ok(Hosts::NONE),
    }
}

/// Prints lines, with -r in an order by chance. Exit 1: there are none.
fn print(process: &Process, options: &Options, mut lines: Vec<Vec<u8>>) -> Result<Next, Exit> {
    if options.has('r') {
        random::shuffle(&mut lines);
    }
    let out: Vec<u8> = lines.iter().flat_map(|line| [line.as_slice(), b"\n"].concat()).collect();
    process.print(&out)?;
    Ok(Next::Exit(u8::from(lines.is_empty())))
}
