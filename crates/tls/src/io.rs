//! s6-tlsc-io and s6-tlsd-io: carry bytes through TLS between two descriptors and the network.
//! References: <https://skarnet.org/software/s6-networking/s6-tlsc-io.html>,
//! <https://skarnet.org/software/s6-networking/s6-tlsd-io.html>.

use crate::conduct::{self, Conduct, TlsSide};
use crate::tunnel::{Tunnel, TunnelEnds};
use crate::{client, server, session};
use nix::sys::signal::Signal;
use rustls::Connection;
use sixtree::format::decimal;
use sixtree::sys::identity::Identity;
use sixtree::sys::{fd, signal};
use sixtree::tools::{Exit, Next, Options, Process, Word};
use std::os::fd::RawFd;

/// `s6-tlsc-io [ -v verbosity ] [ -d notif ] [ -S | -s ] [ -J | -j ] [ -Y | -y ] [ -K timeout ]
/// [ -k servername ] fdr fdw`
pub(crate) fn s6_tlsc_io(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    run(process, argv, TlsSide::Client)
}

/// `s6-tlsd-io [ -v verbosity ] [ -d notif ] [ -S | -s ] [ -J | -j ] [ -Y | -y ] [ -K timeout ]
/// [ -k snilevel ] fdr fdw`
pub(crate) fn s6_tlsd_io(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    run(process, argv, TlsSide::Server)
}

fn run(process: &Process, argv: Vec<Word>, side: TlsSide) -> Result<Next, Exit> {
    let options = conduct::parse(process, argv, side, "d:")?;
    let job = Job::from_options(process, &options, side)?;
    let notification = options.parsed('d', |word| process.descriptor(word))?;
    let [read, write, ..] = options.words() else { return Err(process.usage()) };
    let given = (process.descriptor(read)?, process.descriptor(write)?);
    let ends = match side {
        TlsSide::Client => TunnelEnds::new((0, 1), given),
        TlsSide::Server => TunnelEnds::new(given, (0, 1)),
    };
    job.run(process, ends, notification.filter(|number| *number != 0))?;
    Ok(Next::Exit(0))
}

/// All that an io process needs to be told.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    plan: ConnectionPlan,
    conduct: Conduct,
}

#[derive(Clone, Debug)]
enum ConnectionPlan {
    Client(client::ClientPlan),
    Server(server::ServerPlan),
}

impl Job {
    /// As the options say.
    pub(crate) fn from_options(
        process: &Process,
        options: &Options,
        side: TlsSide,
    ) -> Result<Self, Exit> {
        let plan = match side {
            TlsSide::Client => ConnectionPlan::Client(client::ClientPlan::from_options(options)),
            TlsSide::Server => {
                ConnectionPlan::Server(server::ServerPlan::from_options(process, options)?)
            }
        };
        Ok(Self { plan, conduct: Conduct::from_options(process, options)? })
    }

    /// How much is reported.
    pub(crate) fn verbosity(&self) -> u32 {
        self.conduct.verbosity
    }

    /// Does all that: reads the files, drops the rights to do so, shakes hands, sends what came of
    /// that to `notification`, and carries bytes until both sides are done.
    pub(crate) fn run(
        &self,
        process: &Process,
        ends: TunnelEnds,
        notification: Option<RawFd>,
    ) -> Result<(), Exit> {
        signal::ignore(Signal::SIGPIPE).map_err(process.unable("ignore SIGPIPE"))?;
        let unable = |e| process.fatal(97, format_args!("unable to set up the engine: {e}"));
        let (engine, asked): (Connection, _) = match &self.plan {
            ConnectionPlan::Client(plan) => {
                let client = plan.prepare(process)?;
                let asked = client.asks_for().map(str::to_string);
                (client.connection().map_err(unable)?.into(), asked)
            }
            ConnectionPlan::Server(plan) => {
                (plan.prepare(process)?.connection().map_err(unable)?.into(), None)
            }
        };
        drop_rights(process)?;
        let mut tunnel = Tunnel::new(process, engine, ends, self.conduct)?;
        let Some(engine) = tunnel.shake_hands()? else { return Ok(()) };
        if let Some(number) = notification {
            let asked = match engine {
                Connection::Server(server) => server.server_name(),
                Connection::Client(_) => asked.as_deref(),
            };
            let variables = session::variables(engine, asked);
            fd::write_all(number, &session::encode(&variables))
                .map_err(process.unable("write post-handshake data"))?;
            fd::close(number);
        }
        tunnel.carry()
    }
}

/// Becomes the user TLS_UID in the group TLS_GID, if this process is root.
///
/// Differs: it leaves root's other groups, too.
fn drop_rights(process: &Process) -> Result<(), Exit> {
    if !nix::unistd::geteuid().is_root() {
        return Ok(());
    }
    let number = |name: &str| match process.env.get(name.as_bytes()) {
        Some(text) => match decimal::parse::<u32>(text) {
            Some(number) => Ok(Some(number).filter(|number| *number != 0)),
            None => Err(process.fatal(100, format_args!("invalid {name}"))),
        },
        None => Ok(None),
    };
    let (uid, gid) = (number("TLS_UID")?, number("TLS_GID")?);
    let groups = uid.or(gid).map(|_| Vec::new());
    Identity { uid, gid, groups }
        .assume()
        .map_err(|r| process.fatal_errno(format_args!("unable to {}", r.step), r.errno))
}
