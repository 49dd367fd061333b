//! The tools of s6-dns, and a resolver of names.

pub mod config;
pub mod dump;
pub mod failure;
mod filter;
pub mod hosts;
mod hosts_compile;
pub mod lookup;
pub mod message;
pub mod name;
mod qualify;
pub mod query;
mod randomip;
pub mod record;
pub mod resolver;
mod skadnsd;

use crate::tools::Tool;

pub use failure::Failure;

/// The synopsis of those that look for addresses.
const ADDRESSES: &str = "[ -q ] [ -H | -h ] [ -r ] [ -t timeout ] domain";
/// The same of those that look for other records.
const RECORDS: &str = "[ -q ] [ -r ] [ -t timeout ] name";
/// The same of the filters.
const FILTER: &str =
    "[ -l lines ] [ -c concurrency ] [ -t timeout ] [ -f format ] [ -e errorformat ]";

/// This family's tools, sorted by name.
pub const TOOLS: &[Tool] = &[
    Tool::new(
        "s6-dns-hosts-compile",
        hosts_compile::run,
        "[ -i ifile ] [ -o ofile ]",
        "Make a database of /etc/hosts for programs that look for names there",
    ),
    Tool::new("s6-dnsip", lookup::s6_dnsip, ADDRESSES, "Print the addresses that a name has"),
    Tool::new("s6-dnsip4", lookup::s6_dnsip4, ADDRESSES, "Print the IPv4 addresses of a name"),
    Tool::new(
        "s6-dnsip4-filter",
        filter::s6_dnsip4_filter,
        FILTER,
        "Add to each line the IPv4 address of the name in front",
    ),
    Tool::new("s6-dnsip6", lookup::s6_dnsip6, ADDRESSES, "Print the IPv6 addresses of a name"),
    Tool::new(
        "s6-dnsip6-filter",
        filter::s6_dnsip6_filter,
        FILTER,
        "Add to each line the IPv6 address of the name in front",
    ),
    Tool::new("s6-dnsmx", lookup::s6_dnsmx, RECORDS, "Print the mail servers of a domain"),
    Tool::new(
        "s6-dnsname",
        lookup::s6_dnsname,
        "[ -4 | -6 ] [ -H | -h ] [ -r ] [ -t timeout ] ip",
        "Print the names that an address has",
    ),
    Tool::new(
        "s6-dnsname-filter",
        filter::s6_dnsname_filter,
        "[ -4 ] [ -6 ] [ -l lines ] [ -c concurrency ] [ -t timeout ] [ -f format ] \
         [ -e errorformat ]",
        "Add to each line the name of the address in front",
    ),
    Tool::new("s6-dnsns", lookup::s6_dnsns, RECORDS, "Print the name servers of a domain"),
    Tool::new(
        "s6-dnsq",
        dump::s6_dnsq,
        "[ -1 | -2 ] [ -t timeout ] [ -D debuglevel ] qtype query serverip...",
        "Ask DNS servers a question, and print all that the answer says",
    ),
    Tool::new(
        "s6-dnsqr",
        dump::s6_dnsqr,
        "[ -1 | -2 ] [ -t timeout ] [ -D debuglevel ] qtype query",
        "Ask the resolver of this machine a question, and print all that the answer says",
    ),
    Tool::new("s6-dnsqualify", qualify::run, "name", "Print the names that a name may stand for"),
    Tool::new("s6-dnssoa", lookup::s6_dnssoa, RECORDS, "Print who is responsible for a domain"),
    Tool::new(
        "s6-dnssrv",
        lookup::s6_dnssrv,
        "[ -q ] [ -r ] [ -t timeout ] service proto name",
        "Print where a domain offers a service",
    ),
    Tool::new("s6-dnstxt", lookup::s6_dnstxt, RECORDS, "Print the texts that a name has"),
    Tool::new("s6-randomip", randomip::run, "[ -4 ] [ -6 ] [ -n number ]", "Make up addresses"),
    Tool::new(
        "skadnsd",
        skadnsd::run,
        "",
        "Look up names for the program that has started it, which sends questions to stdin",
    ),
];
