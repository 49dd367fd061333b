//! The tools that become a program and leave an io process beside it: s6-tlsc and s6-tlsd, which
//! wait for the handshake, s6-ucspitlsc and s6-ucspitlsd, whose program asks for it when it likes.
//! References: <https://skarnet.org/software/s6-networking/s6-tlsd.html>,
//! <https://skarnet.org/software/s6-networking/s6-tlsc.html>,
//! <https://skarnet.org/software/s6-networking/s6-ucspitlsd.html>.

use crate::conduct::{self, TlsSide};
use crate::io::Job;
use crate::session;
use crate::tunnel::TunnelEnds;
use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
use nix::sys::wait::WaitPidFlag;
use sixtree::sys::{exec, fd, process as child};
use sixtree::tools::{Exit, Next, Options, Process, Word};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

/// Where a client's program has its connection.
const CONNECTION: (RawFd, RawFd) = (6, 7);

/// What the user of a program has no use for, unless it uses TLS itself.
const SETTINGS: [&[u8]; 6] = [b"CADIR", b"CAFILE", b"CERTFILE", b"KEYFILE", b"TLS_GID", b"TLS_UID"];

/// `s6-tlsc [ -S | -s ] [ -J | -j ] [ -Y | -y ] [ -v verbosity ] [ -K timeout ] [ -k servername ]
/// [ -Z | -z ] [ -6 fdr ] [ -7 fdw ] prog...`
pub(crate) fn s6_tlsc(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    at_once(process, argv, TlsSide::Client)
}

/// `s6-tlsd [ -S | -s ] [ -J | -j ] [ -Y | -y ] [ -k snilevel ] [ -v verbosity ] [ -K timeout ]
/// [ -Z | -z ] prog...`
pub(crate) fn s6_tlsd(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    at_once(process, argv, TlsSide::Server)
}

/// `s6-ucspitlsc [ -S | -s ] [ -J | -j ] [ -Y | -y ] [ -v verbosity ] [ -K timeout ]
/// [ -k servername ] [ -Z | -z ] [ -6 fdr ] [ -7 fdw ] prog...`
pub(crate) fn s6_ucspitlsc(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    on_demand(process, argv, TlsSide::Client)
}

/// `s6-ucspitlsd [ -S | -s ] [ -J | -j ] [ -Y | -y ] [ -k snilevel ] [ -v verbosity ]
/// [ -K timeout ] [ -Z | -z ] prog...`
pub(crate) fn s6_ucspitlsd(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    on_demand(process, argv, TlsSide::Server)
}

/// What the options say.
struct Plan {
    side: TlsSide,
    job: Job,
    /// The descriptors of the connection.
    network: (RawFd, RawFd),
    keeps: bool,
    program: Vec<Word>,
}

impl Plan {
    fn parse(process: &Process, argv: Vec<Word>, side: TlsSide) -> Result<Self, Exit> {
        let more = if side == TlsSide::Client { "zZ6:7:" } else { "zZ" };
        let options = conduct::parse(process, argv, side, more)?;
        let job = Job::from_options(process, &options, side)?;
        if options.words().is_empty() {
            return Err(process.usage());
        }
        let network = match side {
            TlsSide::Client => network(process, &options)?,
            TlsSide::Server => (0, 1),
        };
        let keeps = options.last_of("zZ") == Some('Z');
        let program = options.rest();
        fd::open_all(&[0, 1, 2]).map_err(process.unable("open /dev/null"))?;
        Ok(Self { side, job, network, keeps, program })
    }

    /// What remains of this process: the program.
    ///
    /// Differs: -z and -Z do what their documentation says.
    fn become_program(self, process: &mut Process) -> Next {
        if !self.keeps {
            process.env.retain(|name, _| {
                let is_of_a_name = name.starts_with(b"CERTFILE:") || name.starts_with(b"KEYFILE:");
                !is_of_a_name && !SETTINGS.contains(&name)
            });
        }
        self.program.into()
    }
}

/// The descriptors that a client's connection has.
fn network(process: &Process, options: &Options) -> Result<(RawFd, RawFd), Exit> {
    let number = |letter, usual| {
        let number = options.number(process, letter, usual)?;
        match number {
            0..=2 => Err(process.fatal(100, "the network's descriptors must be 3 or more")),
            _ => Ok(number),
        }
    };
    let (read, write) = (number('6', CONNECTION.0)?, number('7', CONNECTION.1)?);
    if read == write {
        return Err(process.fatal(100, "read-fd and write-fd must be different"));
    }
    if !fd::is_open(read) || !fd::is_open(write) {
        return Err(process.fatal_errno("unable to check network fds", Errno::EBADF));
    }
    Ok((read, write))
}

/// The pipes between a program and its io process.
struct Pipes {
    /// What the program writes, where the io process reads it.
    io_in: OwnedFd,
    /// What the program reads, where the io process writes it.
    io_out: OwnedFd,
    program_in: OwnedFd,
    program_out: OwnedFd,
}

impl Pipes {
    fn new() -> Result<Self, Errno> {
        let (io_in, program_out) = fd::pipe_above_2()?;
        let (program_in, io_out) = fd::pipe_above_2()?;
        Ok(Self { io_in, io_out, program_in, program_out })
    }
}

/// The io process.
struct Io {
    process: Process,
    side: TlsSide,
    job: Job,
    network: (RawFd, RawFd),
    clear: (OwnedFd, OwnedFd),
    /// What only the program is to have.
    foreign: Vec<RawFd>,
}

impl Io {
    fn new(process: &Process, plan: &Plan, clear: (OwnedFd, OwnedFd), foreign: Vec<RawFd>) -> Self {
        let name = if plan.side == TlsSide::Client { "s6-tlsc-io" } else { "s6-tlsd-io" };
        let tool = crate::TOOLS.iter().find(|tool| tool.name == name);
        let process = match tool {
            Some(tool) => Process::new(tool, process.env.clone()),
            None => process.clone(),
        };
        let (side, job, network) = (plan.side, plan.job.clone(), plan.network);
        Self { process, side, job, network, clear, foreign }
    }

    /// Forks it. It does `begin` first, which says whether there is anything more to do.
    fn spawn(
        self,
        begin: impl FnOnce() -> Result<Option<HandshakeListener>, Exit>,
    ) -> Result<nix::unistd::Pid, Errno> {
        child::fork_to(|| match self.run(begin) {
            Ok(()) => 0,
            Err(Exit(code)) => i32::from(code),
        })
    }

    fn run(
        self,
        begin: impl FnOnce() -> Result<Option<HandshakeListener>, Exit>,
    ) -> Result<(), Exit> {
        exec::set_comm(self.process.name());
        self.foreign.into_iter().for_each(fd::close);
        let clear = match self.side {
            // The program's own stdin and stdout are none of its business.
            TlsSide::Client => {
                let (read, write) = self.clear;
                fd::place(0, read)
                    .and_then(|()| fd::place(1, write))
                    .map_err(self.process.unable("set up stdin and stdout"))?;
                (0, 1)
            }
            TlsSide::Server => (keep(self.clear.0), keep(self.clear.1)),
        };
        let Some(HandshakeListener(notification)) = begin()? else { return Ok(()) };
        let notification = notification.map(keep);
        self.job.run(&self.process, TunnelEnds::new(clear, self.network), notification)
    }
}

/// Where the outcome of the handshake is sent, if anybody waits for it.
struct HandshakeListener(Option<OwnedFd>);

/// A descriptor that the tunnel closes.
fn keep(fd: OwnedFd) -> RawFd {
    std::os::fd::IntoRawFd::into_raw_fd(fd)
}

/// Waits for the handshake, and becomes the program, whose connection is in clear.
fn at_once(process: &mut Process, argv: Vec<Word>, side: TlsSide) -> Result<Next, Exit> {
    let plan = Plan::parse(process, argv, side)?;
    let pipes = Pipes::new().map_err(process.unable("create pipe"))?;
    let (hears, tells) = fd::pipe_above_2().map_err(process.unable("create pipe"))?;
    let foreign = [&pipes.program_in, &pipes.program_out, &hears].map(AsRawFd::as_raw_fd);
    let io = Io::new(process, &plan, (pipes.io_in, pipes.io_out), foreign.to_vec());
    let pid = io
        .spawn(|| Ok(Some(HandshakeListener(Some(tells)))))
        .map_err(process.unable("spawn the io process"))?;
    fd::place(plan.network.0, pipes.program_in)
        .and_then(|()| fd::place(plan.network.1, pipes.program_out))
        .map_err(process.unable("move file descriptors"))?;
    let sent = fd::read_to_end(hears.as_raw_fd())
        .map_err(process.unable("read from handshake notification pipe"))?;
    let Some(variables) = session::decode(&sent) else {
        let ended = child::wait(pid.as_raw(), WaitPidFlag::empty());
        let ended = ended.map_err(process.unable("wait for the io process"))?;
        return Ok(Next::Exit(ended.map_or(111, |(_, status)| status.approximation())));
    };
    process.env.apply(variables);
    Ok(plan.become_program(process))
}

/// Becomes the program, which has a socket to ask for TLS.
fn on_demand(process: &mut Process, argv: Vec<Word>, side: TlsSide) -> Result<Next, Exit> {
    let plan = Plan::parse(process, argv, side)?;
    let pipes = Pipes::new().map_err(process.unable("create pipe"))?;
    let (asks, hears) =
        socketpair(AddressFamily::Unix, SockType::Stream, None, SockFlag::SOCK_CLOEXEC)
            .map_err(process.unable("create a socket pair"))?;
    let foreign = [&pipes.program_in, &pipes.program_out, &asks].map(AsRawFd::as_raw_fd);
    let io = Io::new(process, &plan, (pipes.io_in, pipes.io_out), foreign.to_vec());
    let (verbosity, pid) = (plan.job.verbosity(), std::process::id());
    io.spawn(|| wait_for_demand(process, verbosity, hears, pid))
        .map_err(process.unable("spawn the io process"))?;
    let ends =
        [("SSLCTLFD", asks), ("SSLREADFD", pipes.program_in), ("SSLWRITEFD", pipes.program_out)];
    for (name, end) in ends {
        let number = keep(end);
        fd::set_cloexec(number, false).map_err(process.unable("hand on descriptors"))?;
        process.env.set(name.as_bytes(), number.to_string().as_bytes());
    }
    Ok(plan.become_program(process))
}

/// Waits until the program asks for TLS; none: it does without.
fn wait_for_demand(
    process: &Process,
    verbosity: u32,
    control: OwnedFd,
    pid: u32,
) -> Result<Option<HandshakeListener>, Exit> {
    let mut command = [0];
    let length = fd::read(control.as_raw_fd(), &mut command)
        .map_err(process.unable("read from control socket"))?;
    let report = |what: &str| {
        if verbosity > 1 {
            process.info(format_args!("pid {pid} {what} opportunistic TLS"));
        }
    };
    let notification = match (length, command) {
        (0, _) => {
            report("declined");
            return Ok(None);
        }
        (_, [b'y']) => None,
        (_, [b'Y']) => Some(control),
        _ => return Err(process.fatal(100, "unrecognized command on control socket")),
    };
    report("accepted");
    Ok(Some(HandshakeListener(notification)))
}
