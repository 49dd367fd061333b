//! s6-dnsq, s6-dnsqr: what a packet says, line by line.
//! Reference: <https://skarnet.org/software/s6-dns/s6-dnsqr.html>.

use super::config::Config;
use super::failure::Failure;
use super::message::{Malformed, Question};
use super::name::Name;
use super::query::Query;
use super::record::{Data, parse_type, put, put_name, type_name};
use super::resolver;
use crate::sys::fd;
use crate::sys::inet::Protocol;
use crate::tools::die::{reason, show};
use crate::tools::net::address;
use crate::tools::{Exit, Next, Options, Process, Word};
use domain::base::header::Header;
use domain::base::iana::{Class, Rcode};
use domain::base::{Message, ParsedRecord};
use nix::errno::Errno;
use std::net::IpAddr;
use std::os::fd::RawFd;

/// `s6-dnsq [ -1 | -2 ] [ -t timeout ] [ -D level ] qtype query serverip...`
pub fn s6_dnsq(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "12t:D:")?;
    let [rtype, query, servers @ ..] = options.words() else { return Err(process.usage()) };
    if servers.is_empty() {
        return Err(process.usage());
    }
    let mut list = Vec::new();
    for word in servers.iter().filter(|word| !word.is_empty()) {
        let found = address::list(word);
        if found.is_empty() {
            let text = format_args!("unable to make an IP address list out of {}", show(word));
            return Err(process.fatal(100, text));
        }
        list.extend(found);
    }
    ask(process, &options, (rtype, query), |_| Ok(list), false)
}

/// `s6-dnsqr [ -1 | -2 ] [ -t timeout ] [ -D level ] qtype query`
pub fn s6_dnsqr(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "12t:D:")?;
    let [rtype, query, ..] = options.words() else { return Err(process.usage()) };
    let servers = |process: &Process| Config::load(process).map(|config| config.servers);
    ask(process, &options, (rtype, query), servers, true)
}

fn ask(
    process: &Process,
    options: &Options,
    (rtype, query): (&[u8], &[u8]),
    servers: impl FnOnce(&Process) -> Result<Vec<IpAddr>, Exit>,
    recursive: bool,
) -> Result<Next, Exit> {
    let deadline = resolver::deadline(process, options)?;
    let trace = Trace::from_options(process, options)?;
    let rtype = parse_type(rtype).ok_or_else(|| process.usage())?;
    let name = Name::parse(query)
        .map_err(|e| process.fatal(100, format_args!("unable to encode {}: {e}", show(query))))?;
    let servers = servers(process)?;
    let question = Question::new(&name, rtype, recursive);
    let answer = Query::start(question, &servers, deadline, trace).and_then(resolver::wait_for);
    let answer = answer.map_err(|failure| {
        let code = if failure == Failure::TimedOut { 99 } else { 2 };
        let what = format_args!("query {} of qtype {}", show(query), rtype.to_int());
        process.fatal(code, format_args!("unable to resolve {what}: {failure}"))
    })?;
    let mut out = Vec::new();
    let dumped = dump(answer.as_bytes(), recursive, &mut out);
    process.print(&out)?;
    dumped.map_err(|Malformed| {
        process.fatal(111, format_args!("unable to analyze response: {}", reason(Errno::EPROTO)))
    })?;
    Ok(Next::Exit(0))
}

/// What is told of the packets that go to and fro, if anything.
#[derive(Clone, Copy, Debug, Default)]
pub struct Trace {
    sent: Option<RawFd>,
    received: Option<RawFd>,
}

impl Trace {
    fn from_options(process: &Process, options: &Options) -> Result<Self, Exit> {
        let level: u32 = options.number(process, 'D', 0)?;
        let to = if options.last_of("12") == Some('1') { 1 } else { 2 };
        let shown = |bit| (level & bit != 0).then_some(to);
        Ok(Self { received: shown(1), sent: shown(2) })
    }

    /// A packet is about to be sent.
    pub fn sending(self, protocol: Protocol, server: IpAddr, packet: &[u8]) {
        let server = address::show(server);
        let title = format!("Preparing to send to {server} by {protocol:?}:\n");
        write(self.sent, &title, packet);
    }

    /// A packet has been sent.
    pub fn sent(self, packet: &[u8]) {
        let id = packet.first_chunk().map_or(0, |id| u16::from_be_bytes(*id));
        write(self.sent, &format!("Sent query {id}\n"), &[]);
    }

    /// An answer has been received.
    pub fn received(self, packet: &[u8]) {
        write(self.received, "Received a packet:\n", packet);
    }
}

fn write(to: Option<RawFd>, title: &str, packet: &[u8]) {
    let Some(to) = to else { return };
    let mut out = title.as_bytes().to_vec();
    if !packet.is_empty() && dump(packet, true, &mut out).is_err() {
        out.extend_from_slice(b"(malformed)\n");
    }
    out.push(b'\n');
    // It only helps to understand; what is asked for goes on without it.
    let _ = fd::write_all(to, &out);
}

/// Appends what a packet says, as far as it can be parsed. `recursive`: whether the flags of
/// recursion are to be expected.
pub fn dump(packet: &[u8], recursive: bool, out: &mut Vec<u8>) -> Result<(), Malformed> {
    let message = Message::from_slice(packet).map_err(|_| Malformed)?;
    let counts = message.header_counts();
    let (questions, answers) = (counts.qdcount(), counts.ancount());
    let (authorities, additionals) = (counts.nscount(), counts.arcount());
    let counts = format_args!("{questions}+{answers}+{authorities}+{additionals}");
    put(out, format_args!("{} bytes, {counts} records", packet.len()));
    put_flags(message.header(), recursive, out);
    for question in message.question() {
        let question = question?;
        put(out, format_args!("query: "));
        if question.qclass() != Class::IN {
            put(out, format_args!("weird class ({}) - ", question.qclass().to_int()));
        }
        put(out, format_args!("{} ", question.qtype().to_int()));
        put_name(question.qname(), out);
        out.push(b'\n');
    }
    let mut section = Some(message.answer()?);
    for title in ["answer", "authority", "additional"] {
        let Some(records) = section else { break };
        for record in records {
            put(out, format_args!("{title}: "));
            put_record(&record?, out)?;
            out.push(b'\n');
        }
        section = records.next_section()?;
    }
    Ok(())
}

fn put_flags(header: Header, recursive: bool, out: &mut Vec<u8>) {
    let mut flag = |set: bool, name: &str| {
        if set {
            put(out, format_args!(", {name}"));
        }
    };
    flag(header.qr(), "response");
    let opcode = header.opcode().to_int();
    flag(opcode != 0, &format!("weird op ({opcode})"));
    flag(header.aa(), "authoritative");
    flag(header.tc(), "truncated");
    flag(header.rd(), if recursive { "rd" } else { "weird rd" });
    flag(header.ra(), if recursive { "ra" } else { "weird ra" });
    let rcode = header.rcode();
    let weird = format!("weird rcode ({})", rcode.to_int());
    flag(
        true,
        match rcode {
            Rcode::NOERROR => "noerror",
            Rcode::FORMERR => "fmterror",
            Rcode::SERVFAIL => "servfail",
            Rcode::NXDOMAIN => "nxdomain",
            Rcode::NOTIMP => "notimpl",
            Rcode::REFUSED => "refused",
            _ => &weird,
        },
    );
    let reserved = u8::from(header.z()) << 2 | u8::from(header.ad()) << 1 | u8::from(header.cd());
    flag(reserved != 0, &format!("weird z ({reserved})"));
    out.push(b'\n');
}

fn put_record(record: &ParsedRecord<'_, [u8]>, out: &mut Vec<u8>) -> Result<(), Malformed> {
    if record.class() != Class::IN {
        let class = record.class().to_int();
        put(out, format_args!("weird class ({class}), not attempting to analyze record"));
        return Ok(());
    }
    put_name(&record.owner(), out);
    put(out, format_args!(" {} {} ", record.ttl().as_secs(), type_name(record.rtype())));
    out.extend(Data::parse(record)?.text());
    Ok(())
}
