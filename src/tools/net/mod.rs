//! The tools of s6-networking, and those of s6-dns.

pub mod address;
mod clock;
pub mod connect;
pub mod dns;
pub mod probe;
pub mod tcp;

use super::Tool;

/// The synopsis of those that ask clock servers.
const CLOCK: &str = "[ -f ] [ -v verbosity ] [ -r roundtrips ] [ -t triptimeout ] [ -h throttle ] \
                     [ -T totaltimeout ] [ -e errmax ] [ -p port ] ipaddress";

/// The tools of s6-networking, sorted by name. Those that speak TLS are a program of their own.
pub const TOOLS: &[Tool] = &[
    Tool::new(
        "proxy-server",
        tcp::proxy::run,
        "[ -1 | -2 ] [ -t timeout ] [ -v verbosity ] prog...",
        "Read what a proxy tells of its client, then become a program",
    ),
    Tool::new(
        "s6-clockadd",
        clock::adjust::s6_clockadd,
        "[ -f ] [ -e errmax ]",
        "Add what stdin tells to the system clock",
    ),
    Tool::new(
        "s6-clockview",
        clock::adjust::s6_clockview,
        "",
        "Show the time now and after what stdin tells is added",
    ),
    Tool::new(
        "s6-getservbyname",
        tcp::services::run,
        "service proto",
        "Print the port of a service",
    ),
    Tool::new(
        "s6-ident-client",
        tcp::ident::run,
        "[ -t timeout ] ra rp la lp",
        "Ask the other side of a connection whose it is",
    ),
    Tool::new(
        "s6-sntpclock",
        clock::sntp::run,
        CLOCK,
        "Ask an NTP server how far the system clock is from its",
    ),
    Tool::new(
        "s6-taiclock",
        clock::tai::run,
        CLOCK,
        "Ask a TAICLOCK server how far the system clock is from its",
    ),
    Tool::new(
        "s6-taiclockd",
        clock::taiclockd::run,
        "[ -i ip ] [ -p port ]",
        "Tell TAICLOCK clients the time",
    )
    .stays(),
    Tool::new(
        "s6-tcpclient",
        tcp::client::run,
        "[ -q | -Q | -v ] [ -4 | -6 ] [ -d | -D ] [ -r | -R ] [ -h ] [ -H ] [ -n | -N ] \
         [ -t timeout ] [ -l localname ] [ -T timeoutconn ] [ -i localip ] [ -p localport ] \
         host port prog...",
        "Connect to a server, then become a program",
    ),
    Tool::new(
        "s6-tcpserver",
        tcp::server::run,
        "[ -q | -Q | -v ] [ -d | -D ] [ -1 ] [ -c maxconn ] [ -C localmaxconn ] [ -b backlog ] \
         [ -G gid,gid,... ] [ -g gid ] [ -u uid ] [ -U ] ip port prog...",
        "Serve the connections to a TCP port by a program",
    ),
    Tool::new(
        "s6-tcpserver-access",
        tcp::access::run,
        "[ -v verbosity ] [ -W | -w ] [ -D | -d ] [ -H ] [ -h ] [ -R | -r ] [ -P | -p ] \
         [ -l localname ] [ -B banner ] [ -t timeout ] [ -i rulesdir | -x rulesfile ] prog...",
        "Become a program if its client may talk to it",
    ),
    Tool::new(
        "s6-tcpserver-socketbinder",
        tcp::socketbinder::run,
        "[ -d | -D ] [ -b backlog ] [ -M | -m ] [ -B ] ip port prog...",
        "Make a socket for a port, then become a program",
    ),
    Tool::new(
        "s6-tcpserverd",
        tcp::serverd::run,
        "[ -v verbosity ] [ -1 ] [ -c maxconn ] [ -C localmaxconn ] prog...",
        "Start a program for each connection to stdin",
    )
    .stays(),
];
