//! The tools of s6-networking that speak TLS, on rustls: a program of their own, so that nobody
//! who does without TLS carries its cryptography.
//!
//! Two processes share the work, as in the originals: an io process has the network, the keys and
//! the engine (`io`, `tunnel`), the user's program has pipes to it (`beside`). What the io process
//! is to do follows from options (`conduct`) and from files that the environment names (`server`,
//! `client`, `credentials`); what came of it the program finds in its environment (`session`).
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used))]

mod beside;
mod client;
mod conduct;
mod credentials;
mod front;
mod io;
mod server;
mod session;
mod tunnel;

use sixtree::sys::exec;
use sixtree::tools::die::show;
use sixtree::tools::{Environment, Exit, Next, Process, Tool, Word, basename};

/// The tools, sorted by name.
pub const TOOLS: &[Tool] = &[
    Tool::new(
        "s6-tlsc",
        beside::s6_tlsc,
        "[ -S | -s ] [ -J | -j ] [ -Y | -y ] [ -v verbosity ] [ -K timeout ] [ -k servername ] \
         [ -Z | -z ] [ -6 fdr ] [ -7 fdw ] prog...",
        "Speak TLS over a connection, as its client, for a program",
    ),
    Tool::new(
        "s6-tlsc-io",
        io::s6_tlsc_io,
        "[ -v verbosity ] [ -d notif ] [ -S | -s ] [ -J | -j ] [ -Y | -y ] [ -K timeout ] \
         [ -k servername ] fdr fdw",
        "Carry stdin and stdout through TLS, as its client",
    ),
    Tool::new(
        "s6-tlsclient",
        front::s6_tlsclient,
        "[ -q | -Q | -v ] [ -4 | -6 ] [ -d | -D ] [ -r | -R ] [ -h ] [ -H ] [ -n | -N ] \
         [ -t timeout ] [ -l localname ] [ -T timeoutconn ] [ -i localip ] [ -p localport ] \
         [ -S | -s ] [ -J | -j ] [ -Y | -y ] [ -K timeout ] [ -k servername ] [ -Z | -z ] \
         host port prog...",
        "Connect to a server through TLS, then become a program",
    ),
    Tool::new(
        "s6-tlsd",
        beside::s6_tlsd,
        "[ -S | -s ] [ -J | -j ] [ -Y | -y ] [ -k snilevel ] [ -v verbosity ] [ -K timeout ] \
         [ -Z | -z ] prog...",
        "Speak TLS on stdin and stdout, as its server, for a program",
    ),
    Tool::new(
        "s6-tlsd-io",
        io::s6_tlsd_io,
        "[ -v verbosity ] [ -d notif ] [ -S | -s ] [ -J | -j ] [ -Y | -y ] [ -K timeout ] \
         [ -k snilevel ] fdr fdw",
        "Carry two descriptors through TLS on stdin and stdout, as its server",
    ),
    Tool::new(
        "s6-tlsserver",
        front::s6_tlsserver,
        "[ -q | -Q | -v ] [ -1 ] [ -c maxconn ] [ -C localmaxconn ] [ -b backlog ] \
         [ -G gid,gid,... ] [ -g gid ] [ -u uid ] [ -U ] [ -L ] [ -W | -w ] [ -D | -d ] [ -H ] \
         [ -h ] [ -R | -r ] [ -P | -p ] [ -l localname ] [ -B banner ] [ -t timeout ] \
         [ -i rulesdir | -x rulesfile ] [ -S | -s ] [ -J | -j ] [ -Y | -y ] [ -K timeout ] \
         [ -k snilevel ] [ -Z | -z ] ip port prog...",
        "Serve the connections to a TCP port through TLS by a program",
    ),
    Tool::new(
        "s6-ucspitlsc",
        beside::s6_ucspitlsc,
        "[ -S | -s ] [ -J | -j ] [ -Y | -y ] [ -v verbosity ] [ -K timeout ] [ -k servername ] \
         [ -Z | -z ] [ -6 fdr ] [ -7 fdw ] prog...",
        "Speak TLS over a connection, as its client, once a program asks for it",
    ),
    Tool::new(
        "s6-ucspitlsd",
        beside::s6_ucspitlsd,
        "[ -S | -s ] [ -J | -j ] [ -Y | -y ] [ -k snilevel ] [ -v verbosity ] [ -K timeout ] \
         [ -Z | -z ] prog...",
        "Speak TLS on stdin and stdout, as its server, once a program asks for it",
    ),
];

/// Runs the tool as which this process was started, and returns its exit code. Whatever a tool
/// becomes is executed, even another one of these.
pub fn run(argv: Vec<Word>) -> i32 {
    let file = exec::started_as();
    let names = [&file, argv.first().unwrap_or(&file)].map(|name| basename(name));
    let found = names.into_iter().find_map(|name| TOOLS.iter().find(|t| t.name.as_bytes() == name));
    let Some(tool) = found else { return refuse(names[1]) };
    let mut process = Process::new(tool, Environment::inherited());
    match (tool.run)(&mut process, argv) {
        Ok(Next::Exec(next)) => i32::from(process.execute(*next, || Ok(())).0),
        Ok(Next::Exit(code)) | Err(Exit(code)) => i32::from(code),
    }
}

fn refuse(called: &[u8]) -> i32 {
    let names: Vec<_> = TOOLS.iter().map(|tool| tool.name).collect();
    let text = format!(
        "{}: fatal: this file is sixtree-tls: make a link to it that is called as one of its \
         tools: {}\n",
        show(called),
        names.join(" "),
    );
    // Whoever has no stderr sees the exit code.
    sixtree::sys::fd::write_to_stderr(text.as_bytes());
    100
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tools_are_sorted_and_have_a_summary_of_one_line() {
        assert!(TOOLS.iter().map(|tool| tool.name).is_sorted());
        assert!(TOOLS.iter().all(|tool| !tool.summary.is_empty() && !tool.summary.contains('\n')));
    }

    #[test]
    fn the_script_that_lays_out_the_tarball_knows_them() {
        let script = include_str!("../../../scripts/tls-root");
        let names: Vec<_> = TOOLS.iter().map(|tool| tool.name).collect();
        assert!(script.contains(&format!("for name in {}; do", names.join(" "))));
    }
}
