//! s6-tcpserverd: accepts TCP connections, and starts a program for each.
//! Reference: <https://skarnet.org/software/s6-networking/s6-tcpserverd.html>.

use super::set_end;
use crate::sys::inet;
use crate::tools::net::address;
use crate::tools::superserver::{Client, Kind, Plan, Server, Wording, take_stdio};
use crate::tools::{Exit, Next, Options, Process, Word};
use nix::errno::Errno;
use std::net::IpAddr;

/// `s6-tcpserverd [ -v verbosity ] [ -1 ] [ -c maxconn ] [ -C localmaxconn ] prog...`
pub fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "1c:C:v:")?;
    let plan = Plan::from_options(process, &options, true)?;
    let notifies = options.has('1');
    let program = options.rest();
    if program.first().is_none_or(Vec::is_empty) {
        return Err(process.usage());
    }
    take_stdio(process, notifies)?;
    let unable = process.unable("get local socket information");
    let here = inet::local(0).map_err(unable)?;
    process.env.set(b"PROTO", b"TCP");
    set_end(&mut process.env, "LOCAL", here);
    let (ip, port) = (address::show(here.ip()), here.port());
    let notification = notifies.then(|| format!("{port}\n").into_bytes());
    let mut server = Server::new(process, program, &Tcp, plan)?;
    server.serve(&format!("starting - bound to ip {ip} port {port}"), notification.as_deref())?;
    Ok(Next::Exit(0))
}

/// TCP connections.
struct Tcp;

impl Kind for Tcp {
    fn wording(&self) -> &'static Wording {
        &Wording {
            served: "accept",
            refused: "reject",
            refused_from: 1,
            count: "TCPCONNNUM",
            term_and_cont: "SIGTERM and SIGCONT",
        }
    }

    fn accept(&self) -> Result<Client, Errno> {
        let (socket, client) = inet::accept(0)?;
        let (ip, port) = (address::show(client.ip()), client.port());
        let peer = match client.ip() {
            IpAddr::V4(v4) => v4.to_bits().into(),
            IpAddr::V6(v6) => v6.to_bits(),
        };
        Ok(Client {
            socket,
            peer,
            name: format!("{ip}_{port}"),
            variables: vec![
                (b"TCPREMOTEIP".to_vec(), Some(ip.into_bytes())),
                (b"TCPREMOTEPORT".to_vec(), Some(port.to_string().into_bytes())),
            ],
        })
    }

    fn counts(&self) -> bool {
        true
    }

    fn count(&self, others: u32) -> u32 {
        others
    }

    fn end(&self, _: u128, how: &str, count: &str) -> String {
        format!("{how} count {count}")
    }
}
