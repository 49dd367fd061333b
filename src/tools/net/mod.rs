//! The tools of s6-networking, and those of s6-dns.

pub mod address;
pub mod connect;
pub mod dns;
pub mod tcp;

use super::Tool;

/// The tools of s6-networking, sorted by name. Those that speak TLS are a program of their own.
pub const TOOLS: &[Tool] = &[
    Tool::new(
        "proxy-server",
        tcp::proxy::run,
        "[ -1 | -2 ] [ -t timeout ] [ -v verbosity ] prog...",
        "Read what a proxy tells of its client, then become a program",
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
