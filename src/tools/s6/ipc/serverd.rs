//! s6-ipcserverd: accepts connections to a local socket, and starts a program for each.
//! Reference: <https://skarnet.org/software/s6/s6-ipcserverd.html>.

use crate::sys::ipc;
use crate::tools::superserver::{Client, Kind, Plan, Server, Wording, take_stdio};
use crate::tools::{Exit, Next, Options, Process, Word};
use nix::errno::Errno;
use std::os::fd::AsRawFd;

/// `s6-ipcserverd [ -v verbosity ] [ -1 ] [ -P | -p ] [ -c maxconn ] [ -C localmaxconn ] prog...`
pub fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "Pp1c:C:v:")?;
    let looks_up = options.last_of("Pp") != Some('P');
    let plan = Plan::from_options(process, &options, looks_up)?;
    let notifies = options.has('1');
    let program = options.rest();
    if program.first().is_none_or(Vec::is_empty) {
        return Err(process.usage());
    }
    take_stdio(process, notifies)?;
    let kind = Local { looks_up };
    let mut server = Server::new(process, program, &kind, plan)?;
    server.serve("starting", notifies.then_some(b"\n"))?;
    Ok(Next::Exit(0))
}

/// Connections to a local socket.
struct Local {
    /// Whether it is asked who connects.
    looks_up: bool,
}

impl Kind for Local {
    fn wording(&self) -> &'static Wording {
        &Wording {
            served: "allow",
            refused: "deny",
            refused_from: 0,
            count: "IPCCONNNUM",
            term_and_cont: "SIGTERM+SIGCONT",
        }
    }

    fn accept(&self) -> Result<Client, Errno> {
        let socket = ipc::accept(0, true)?;
        let who = if self.looks_up { Some(ipc::peer(socket.as_raw_fd())?) } else { None };
        let (user, group) = who.unzip();
        let text = |id: Option<u32>| id.map(|id| id.to_string());
        let shown = |id| text(id).unwrap_or_else(|| "?".to_string());
        let remote = ipc::remote_path(socket.as_raw_fd()).ok().flatten().unwrap_or_default();
        Ok(Client {
            peer: user.map_or(0, u128::from),
            name: format!("{}:{}", shown(user), shown(group)),
            variables: vec![
                (b"PROTO".to_vec(), Some(b"IPC".to_vec())),
                (b"IPCREMOTEEUID".to_vec(), text(user).map(String::into_bytes)),
                (b"IPCREMOTEEGID".to_vec(), text(group).map(String::into_bytes)),
                (b"IPCREMOTEPATH".to_vec(), Some(remote)),
            ],
            socket,
        })
    }

    fn counts(&self) -> bool {
        self.looks_up
    }

    /// Differs: this connection counts, too, as documented; s6-connlimit is one too mild if not.
    fn count(&self, others: u32) -> u32 {
        others + 1
    }

    fn end(&self, peer: u128, how: &str, _: &str) -> String {
        if self.looks_up { format!("uid {peer} {how}") } else { format!("uid ? {how}") }
    }
}
