//! s6-tcpserver-access: becomes a program if the client of a connection may talk to it, which is
//! told by its address or by its name.
//! Reference: <https://skarnet.org/software/s6-networking/s6-tcpserver-access.html>.

use super::ident::{self, Reply};
use crate::format::access::{Grant, Rule};
use crate::format::decimal;
use crate::sys::poll::Deadline;
use crate::sys::{fd, inet};
use crate::tools::die::{reason, show};
use crate::tools::net::address;
use crate::tools::net::dns::{self, Failure, lookup, resolver};
use crate::tools::s6::ipc::access::become_program;
use crate::tools::s6::ipc::rules::{self, Rules};
use crate::tools::{Exit, Next, Options, Process, Word};
use dns::resolver::Resolver;
use domain::base::Rtype;
use nix::errno::Errno;
use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};

/// The longest banner, in bytes.
const LONGEST_BANNER: usize = 511;

/// `s6-tcpserver-access [ -v verbosity ] [ -W | -w ] [ -D | -d ] [ -H ] [ -h ] [ -R | -r ]
/// [ -P | -p ] [ -l localname ] [ -B banner ] [ -t timeout ] [ -i rulesdir | -x rulesfile ]
/// prog...`
pub fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "WwDdHhRrPpv:l:B:t:i:x:")?;
    let verbosity = options.number(process, 'v', 1)?;
    let deadline = Deadline::after_ms(options.number::<u32>(process, 't', 0)?);
    let banner = options.value('B').unwrap_or_default();
    if banner.len() > LONGEST_BANNER {
        return Err(process.fatal(100, "banner too long"));
    }
    let program = options.words().to_vec();
    if program.first().is_none_or(Vec::is_empty) {
        return Err(process.usage());
    }
    let protocol = show(process.variable("PROTO")?).to_string();
    let local = end(process, &protocol, "LOCAL")?;
    let remote = end(process, &protocol, "REMOTE")?;
    process.show_pid();
    if options.last_of("Dd") == Some('D')
        && let Err(e) = inet::set_nodelay(&fd::borrow(&1))
        && verbosity > 0
    {
        process.warn_errno("unable to set TCP_NODELAY", e);
    }
    fd::write_all(1, banner).map_err(process.unable("write banner"))?;
    let mut access = Access { process, options, verbosity, deadline, protocol, local, remote };
    let client = format!("pid {} ip {}", std::process::id(), address::show(remote.ip()));
    match access.check() {
        Ok((grant, variables)) => {
            if verbosity > 0 {
                process.info(format_args!("allow {client}"));
            }
            process.env.apply(grant.env);
            process.env.apply(variables);
            Ok(become_program(b"-c", grant.exec, program))
        }
        Err(Refusal::Fatal(exit)) => Err(exit),
        Err(Refusal::Denied(code)) => {
            if verbosity > 1 {
                process.info(format_args!("deny {client}"));
            }
            Ok(Next::Exit(code))
        }
    }
}

/// An end of the connection, as the environment tells it.
fn end(process: &Process, protocol: &str, side: &str) -> Result<SocketAddr, Exit> {
    let invalid = |name: &str| process.fatal(100, format_args!("invalid ${name}"));
    let name = format!("{protocol}{side}IP");
    let ip = address::parse(process.variable(&name)?).ok_or_else(|| invalid(&name))?;
    let name = format!("{protocol}{side}PORT");
    let port = decimal::parse(process.variable(&name)?).ok_or_else(|| invalid(&name))?;
    Ok(SocketAddr::new(ip, port))
}

/// Why a connection is not served.
enum Refusal {
    /// It must not be; the program exits with this code.
    Denied(u8),
    /// It cannot be told whether it may be.
    Fatal(Exit),
}

type Variables = Vec<(Word, Option<Word>)>;

struct Access<'a> {
    process: &'a Process,
    options: Options,
    verbosity: u32,
    deadline: Deadline,
    protocol: String,
    local: SocketAddr,
    remote: SocketAddr,
}

impl Access<'_> {
    /// What the client is granted, and what there is to know about the connection.
    fn check(&mut self) -> Result<(Grant, Variables), Refusal> {
        let is_paranoid = self.options.last_of("Pp") == Some('p');
        let looks_up = is_paranoid || !self.options.has('H');
        let rules = self.rules().map_err(Refusal::Fatal)?;
        let by_address = match &rules {
            None => Some(Grant::default()),
            Some(rules) => self.apply(rules.first(addresses(self.remote.ip())), "IP")?,
        };
        if by_address.is_none() && !looks_up {
            return Err(Refusal::Denied(1));
        }
        let mut variables = vec![self.variable("REMOTEINFO", self.user()?)];
        let (local, remote) = match looks_up {
            true => self.names(is_paranoid)?,
            false => (self.options.value('l').map(<[u8]>::to_vec), None),
        };
        let grant = match (by_address, &rules, &remote) {
            (Some(grant), _, _) => Some(grant),
            (None, Some(rules), Some(name)) => self.apply(rules.first(suffixes(name)), "name")?,
            (None, _, _) => None,
        };
        variables.push(self.variable("LOCALHOST", local));
        variables.push(self.variable("REMOTEHOST", remote));
        grant.map(|grant| (grant, variables)).ok_or(Refusal::Denied(1))
    }

    fn variable(&self, name: &str, value: Option<Word>) -> (Word, Option<Word>) {
        (format!("{}{name}", self.protocol).into_bytes(), value)
    }

    fn rules(&self) -> Result<Option<Rules>, Exit> {
        let Some((letter, place)) = rules::place(&self.options) else { return Ok(None) };
        let unable = self.process.unable(format!("open ruleset {}", show(place)));
        Rules::open((letter, place)).map_err(unable).map(Some)
    }

    /// What a rule grants; none: there is no rule.
    fn apply(
        &self,
        rule: Result<Option<Rule>, Errno>,
        what: &str,
    ) -> Result<Option<Grant>, Refusal> {
        let unable = self.process.unable(format!("check ruleset for {what}"));
        match rule.map_err(|e| Refusal::Fatal(unable(e)))? {
            Some(Rule::Allow(grant)) => Ok(Some(grant)),
            Some(Rule::Deny) => Err(Refusal::Denied(1)),
            None => Ok(None),
        }
    }

    /// Whose the connection is, if that is to be asked.
    fn user(&self) -> Result<Option<Word>, Refusal> {
        if self.options.last_of("Rr") != Some('r') {
            return Ok(None);
        }
        match ident::ask(self.remote, self.local, self.deadline) {
            Ok(Reply::User(user)) => Ok(Some(user)),
            Ok(Reply::Refusal(refusal)) => {
                self.failed(2, format_args!("ident server replied: {refusal}"))
            }
            Err(e) => {
                let code = if e == Errno::ETIMEDOUT { 99 } else { 111 };
                self.failed(code, format_args!("unable to ask the ident server: {}", reason(e)))
            }
        }
    }

    /// A lookup has failed: the connection goes on without what it was for, or not at all.
    fn failed<T>(&self, code: u8, text: impl Display) -> Result<Option<T>, Refusal> {
        if self.verbosity > 2 {
            self.process.warn(text);
        }
        match self.options.last_of("Ww") {
            Some('w') => Err(Refusal::Denied(code)),
            _ => Ok(None),
        }
    }

    /// The names of this end and of the client.
    ///
    /// Differs: a client whose name has other addresses is not served with -p, as documented.
    fn names(&self, is_paranoid: bool) -> Result<(Option<Word>, Option<Word>), Refusal> {
        let resolver = Resolver::new(self.process, self.deadline).map_err(Refusal::Fatal)?;
        let hosts = lookup::hosts(self.process, &self.options).map_err(Refusal::Fatal)?;
        let listed = hosts.names(self.remote.ip()).into_iter().next();
        let ips = [self.local.ip(), self.remote.ip()];
        let [local, remote] = resolver.first_names(&hosts, ips);
        let local = match self.options.value('l') {
            Some(name) => Some(name.to_vec()),
            None => local.map(Option::unwrap_or_default).ok(),
        };
        let remote = match remote {
            Ok(Some(name)) => Some(name),
            Ok(None) | Err(Failure::NoSuchDomain) if is_paranoid => {
                self.failed(1, "the client has no name")?
            }
            Ok(None) | Err(Failure::NoSuchDomain) => None,
            Err(e) => self.failed(e.code(), format_args!("unable to look up the client: {e}"))?,
        };
        let remote = match remote {
            Some(name) if is_paranoid && listed.is_none() => self.confirm(&resolver, name)?,
            remote => remote,
        };
        Ok((local, remote))
    }

    /// A client's name, if it has the client's address.
    fn confirm(&self, resolver: &Resolver, name: Word) -> Result<Option<Word>, Refusal> {
        let rtype = if self.remote.is_ipv4() { Rtype::A } else { Rtype::AAAA };
        match resolver.records(&name, rtype, false).map(resolver::addresses) {
            Ok(found) if found.contains(&self.remote.ip()) => Ok(Some(name)),
            Ok(_) | Err(Failure::NoSuchDomain) => Err(Refusal::Denied(1)),
            Err(e) => self.failed(e.code(), format_args!("unable to resolve {}: {e}", show(&name))),
        }
    }
}

/// The keys under which an address may have a rule: it, and the networks around it.
fn addresses(ip: IpAddr) -> impl Iterator<Item = String> {
    let (family, bits) = if ip.is_ipv4() { ("ip4", 32) } else { ("ip6", 128) };
    (0..=bits).rev().map(move |length| {
        let host = bits - length;
        let network = match ip {
            IpAddr::V4(v4) => IpAddr::from(
                (v4.to_bits().checked_shr(host).unwrap_or(0) << (host % 32)).to_be_bytes(),
            ),
            IpAddr::V6(v6) => IpAddr::from(
                (v6.to_bits().checked_shr(host).unwrap_or(0) << (host % 128)).to_be_bytes(),
            ),
        };
        format!("{family}/{}_{length}", address::show(network))
    })
}

/// The keys under which a name may have a rule: it, the domains that it is in, and `@`. What a
/// server answers must not lead out of the directory of rules.
fn suffixes(name: &[u8]) -> impl Iterator<Item = String> {
    let name = String::from_utf8_lossy(name).trim_end_matches('.').to_string();
    let starts = std::iter::once(0).chain(name.match_indices('.').map(|(dot, _)| dot + 1));
    let suffixes: Vec<String> = starts.map(|start| name[start..].to_string()).collect();
    let safe = suffixes.into_iter().filter(|name| !name.is_empty() && !name.contains('/'));
    safe.chain(["@".to_string()]).map(|name| format!("reversedns/{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_grow_until_they_are_everything() {
        let keys: Vec<_> = addresses([10, 255, 3, 129].into()).collect();
        assert_eq!(keys.len(), 33);
        assert_eq!(keys[0], "ip4/10.255.3.129_32");
        assert_eq!(keys[7], "ip4/10.255.3.128_25");
        assert_eq!(keys[9], "ip4/10.255.2.0_23");
        assert_eq!(keys[24], "ip4/10.0.0.0_8");
        assert_eq!(keys[32], "ip4/0.0.0.0_0");
        let keys: Vec<_> = addresses("2001:db8::ffff".parse().unwrap()).collect();
        assert_eq!((keys.len(), keys[0].as_str()), (129, "ip6/2001:db8::ffff_128"));
        assert_eq!((keys[1].as_str(), keys[128].as_str()), ("ip6/2001:db8::fffe_127", "ip6/::_0"));
    }

    #[test]
    fn domains_grow_until_they_are_everything_but_stay_where_the_rules_are() {
        let keys = |name: &str| suffixes(name.as_bytes()).collect::<Vec<_>>();
        assert_eq!(
            keys("a.b.test."),
            ["a.b.test", "b.test", "test", "@"].map(|k| format!("reversedns/{k}"))
        );
        assert_eq!(keys("a/../../b.test."), ["reversedns/test", "reversedns/@"]);
        assert_eq!(keys("."), ["reversedns/@"]);
    }
}
