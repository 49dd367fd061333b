//! s6-ipcserver-socketbinder: makes a local socket, then becomes a program that has it as stdin.
//! Reference: <https://skarnet.org/software/s6/s6-ipcserver-socketbinder.html>.

use crate::sys::fd;
use crate::sys::ipc::{self, SocketKind};
use crate::tools::die::show;
use crate::tools::{Exit, Next, Options, Process, Word};

/// What kind of socket to make.
pub struct Plan {
    /// What goes through it.
    pub kind: SocketKind,
    /// Whether it takes the place of what is at its path.
    pub reuses: bool,
    /// Whether it blocks.
    pub blocks: bool,
    /// How many connections may wait; 0: it does not listen. `None`: as many as the system allows.
    pub backlog: Option<u32>,
    /// Who may connect.
    pub permissions: u32,
}

/// `s6-ipcserver-socketbinder [ -d | -D ] [ -b backlog ] [ -M | -m ] [ -a perms ] [ -B ] path
/// prog...`
pub fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "DdMmBb:a:")?;
    let plan = Plan {
        kind: match options.last_of("Mm") {
            Some('m') => SocketKind::Datagrams,
            _ => SocketKind::Stream,
        },
        blocks: options.has('B'),
        ..Plan::from_options(process, &options)?
    };
    let ([path], program) = process.operands(options.rest())?;
    bind(process, &plan, &path)?;
    Ok(program.into())
}

impl Plan {
    /// A stream socket as the options -d, -D, -b and -a want it.
    pub fn from_options(process: &Process, options: &Options) -> Result<Self, Exit> {
        let backlog = options.parsed('b', |b| process.number(b))?;
        Ok(Self {
            kind: SocketKind::Stream,
            reuses: options.last_of("Dd") != Some('D'),
            blocks: false,
            backlog,
            permissions: options.octal(process, 'a', 0o777)?,
        })
    }
}

/// Makes the socket, on descriptor 0.
pub fn bind(process: &Process, plan: &Plan, path: &[u8]) -> Result<(), Exit> {
    let socket = ipc::new(plan.kind, plan.blocks).map_err(process.unable("create socket"))?;
    let bound = match plan.reuses {
        true => ipc::bind_anew(&socket, path, plan.permissions),
        false => ipc::bind_for(&socket, path, plan.permissions),
    };
    bound.map_err(process.unable(format_args!("bind to {}", show(path))))?;
    if plan.backlog != Some(0) {
        let unable = process.unable(format!("listen to {}", show(path)));
        ipc::listen(&socket, plan.backlog.unwrap_or(u32::MAX)).map_err(unable)?;
    }
    fd::place(0, socket).map_err(process.unable("set up fd 0"))
}
