//! From names to records and addresses: several questions at a time, up to a deadline.
//! Reference: <https://skarnet.org/software/s6-dns/libs6dns/s6dns-resolve.html>.

use super::config::Config;
use super::dump::Trace;
use super::failure::Failure;
use super::hosts::Hosts;
use super::message::{Answer, Question};
use super::name::Name;
use super::query::Query;
use super::record::Data;
use crate::sys::poll::{self, Deadline};
use crate::tools::{Exit, Options, Process};
use domain::base::Rtype;
use domain::base::iana::Rcode;
use std::net::IpAddr;

/// The deadline that the option -t sets, in milliseconds.
pub fn deadline(process: &Process, options: &Options) -> Result<Deadline, Exit> {
    Ok(Deadline::after_ms(options.number::<u32>(process, 't', 0)?))
}

/// Waits for the answer to one question.
pub fn wait_for(query: Query) -> Result<Answer, Failure> {
    let mut group = Group(vec![Slot::Pending(Box::new(query))]);
    loop {
        match group.0.pop() {
            Some(Slot::Done(result)) => return result,
            Some(pending) => group.0.push(pending),
            None => return Err(Failure::NoServer),
        }
        group.wait()?;
    }
}

/// Resolves names, all before one deadline.
pub struct Resolver {
    /// Whom to ask, and which suffixes to try.
    pub config: Config,
    /// When to give up.
    pub deadline: Deadline,
}

impl Resolver {
    /// A resolver that is configured by the environment and by resolv.conf.
    pub fn new(process: &Process, deadline: Deadline) -> Result<Self, Exit> {
        Ok(Self { config: Config::load(process)?, deadline })
    }

    /// The records of this type that a name has. With `qualify`, of the first name that exists of
    /// those that it may stand for.
    pub fn records(&self, text: &[u8], rtype: Rtype, qualify: bool) -> Result<Vec<Data>, Failure> {
        self.first_existing(&self.names(text, qualify)?, &[rtype])
    }

    /// The records of this type that a name has.
    pub fn records_of(&self, name: Name, rtype: Rtype) -> Result<Vec<Data>, Failure> {
        self.first_existing(&[name], &[rtype])
    }

    /// The addresses that a name has: first those of IPv6, then those of IPv4.
    pub fn addresses(&self, text: &[u8], qualify: bool) -> Result<Vec<IpAddr>, Failure> {
        let found = self.first_existing(&self.names(text, qualify)?, &[Rtype::AAAA, Rtype::A]);
        Ok(addresses(found?))
    }

    /// The names that an address has.
    pub fn names_of(&self, ip: IpAddr) -> Result<Vec<Vec<u8>>, Failure> {
        let found = self.records_of(Name::reverse(ip), Rtype::PTR)?;
        Ok(found.iter().map(Data::text).collect())
    }

    /// The first name that each of these addresses has, if it has any: of the hosts database, or
    /// else of the DNS.
    pub fn first_names<const N: usize>(
        &self,
        hosts: &Hosts,
        ips: [IpAddr; N],
    ) -> [Result<Option<Vec<u8>>, Failure>; N] {
        let listed = ips.map(|ip| hosts.names(ip).into_iter().next());
        let mut group = Group(Vec::new());
        for (ip, _) in ips.iter().zip(&listed).filter(|(_, name)| name.is_none()) {
            group.add(self.start(&Name::reverse(*ip), Rtype::PTR));
        }
        let failure = group.wait_for_all().err();
        let mut slots = group.0.into_iter();
        listed.map(|name| match (name, failure) {
            (Some(name), _) => Ok(Some(name)),
            (None, Some(failure)) => Err(failure),
            (None, None) => match slots.next() {
                Some(Slot::Done(result)) => {
                    let found = result.and_then(|answer| records(&answer, Rtype::PTR))?;
                    Ok(found.first().map(Data::text))
                }
                Some(Slot::Pending(_)) | None => Err(Failure::TimedOut),
            },
        })
    }

    fn start(&self, name: &Name, rtype: Rtype) -> Result<Query, Failure> {
        let question = Question::new(name, rtype, true);
        Query::start(question, &self.config.servers, self.deadline, Trace::default())
    }

    fn names(&self, text: &[u8], qualify: bool) -> Result<Vec<Name>, Failure> {
        let suffixes = if qualify { self.config.suffixes.as_slice() } else { &[] };
        Ok(Name::qualified(text, suffixes)?)
    }

    /// Asks for all types of all names at once. The first name in order that exists wins, as soon
    /// as the answers about it are there.
    fn first_existing(&self, names: &[Name], types: &[Rtype]) -> Result<Vec<Data>, Failure> {
        let mut group = Group(Vec::new());
        for name in names {
            for rtype in types {
                group.add(self.start(name, *rtype));
            }
        }
        let mut first = 0;
        loop {
            while let Some(slots) = group.0.get(first..first + types.len()) {
                match outcome(slots, types) {
                    None => break,
                    Some(Err(Failure::NoSuchDomain)) => first += types.len(),
                    Some(result) => return result,
                }
            }
            if first >= group.0.len() {
                return Err(Failure::NoSuchDomain);
            }
            group.wait()?;
        }
    }
}

/// The addresses among records.
pub fn addresses(records: Vec<Data>) -> Vec<IpAddr> {
    let ip = |data| match data {
        Data::Ip(ip) => Some(ip),
        Data::Text(_) => None,
    };
    records.into_iter().filter_map(ip).collect()
}

/// What the answers about one name say together; `None`: they are not all there.
fn outcome(slots: &[Slot], types: &[Rtype]) -> Option<Result<Vec<Data>, Failure>> {
    let mut found = Vec::new();
    let mut failure = None;
    for (slot, rtype) in slots.iter().zip(types) {
        let Slot::Done(result) = slot else { return None };
        let records = result.as_ref().map_err(|e| *e).and_then(|answer| records(answer, *rtype));
        match records {
            Ok(records) => found.extend(records),
            Err(e) => failure = failure.or(Some(e)),
        }
    }
    Some(match failure {
        Some(failure) if found.is_empty() => Err(failure),
        _ => Ok(found),
    })
}

/// What an answer has of a type.
pub fn records(answer: &Answer, rtype: Rtype) -> Result<Vec<Data>, Failure> {
    match answer.rcode() {
        Rcode::NXDOMAIN => Err(Failure::NoSuchDomain),
        _ => Ok(answer.records(rtype)?),
    }
}

/// Questions that are asked at the same time.
struct Group(Vec<Slot>);

enum Slot {
    Pending(Box<Query>),
    Done(Result<Answer, Failure>),
}

impl Group {
    fn add(&mut self, started: Result<Query, Failure>) {
        self.0.push(match started {
            Ok(query) => Slot::Pending(Box::new(query)),
            Err(failure) => Slot::Done(Err(failure)),
        });
    }

    fn wait_for_all(&mut self) -> Result<(), Failure> {
        while self.0.iter().any(|slot| matches!(slot, Slot::Pending(_))) {
            self.wait()?;
        }
        Ok(())
    }

    /// Waits until something has happened to one of them.
    fn wait(&mut self) -> Result<(), Failure> {
        let pending = self.0.iter().filter_map(|slot| match slot {
            Slot::Pending(query) => Some(query),
            Slot::Done(_) => None,
        });
        let sooner = |deadline: Deadline, query: &Query| deadline.or_sooner(query.deadline());
        let deadline = pending.clone().fold(Deadline::NEVER, |so_far, query| sooner(so_far, query));
        let mut fds: Vec<_> = pending.map(|query| query.poll_fd()).collect();
        poll::wait(&mut fds, deadline)?;
        let ready: Vec<bool> = fds.iter().map(|fd| fd.any().unwrap_or(false)).collect();
        let mut ready = ready.into_iter();
        for slot in &mut self.0 {
            if let Slot::Pending(query) = slot
                && let Some(result) = query.advance(ready.next().unwrap_or(false))
            {
                *slot = Slot::Done(result);
            }
        }
        Ok(())
    }
}
