//! s6-tcpserver: makes an internet socket, drops privileges, and serves each connection by a
//! program.
//! Reference: <https://skarnet.org/software/s6-networking/s6-tcpserver.html>.

use super::socketbinder::{self, Plan};
use crate::tools::s6::applyuidgid;
use crate::tools::{Exec, Exit, Next, Options, Process, Word, superserver};

/// `s6-tcpserver [ -q | -Q | -v ] [ -d | -D ] [ -1 ] [ -c maxconn ] [ -C localmaxconn ]
/// [ -b backlog ] [ -G gidlist ] [ -g gid ] [ -u uid ] [ -U ] ip port prog...`
pub fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "qQvDd1Uc:C:b:u:g:G:")?;
    let plan = Plan::from_options(process, &options)?;
    // Unlike with s6-tcpserver-socketbinder, a backlog of 0 is the smallest: a server listens.
    let plan = Plan { backlog: plan.backlog.map(|backlog| backlog.max(1)), ..plan };
    let identity = applyuidgid::wanted(process, &options)?;
    let mut serverd = superserver::command(process, &options, "s6-tcpserverd")?;
    let drops_variables = options.has('U');
    let ([ip, port], program) = process.operands(options.rest())?;
    socketbinder::bind(process, &plan, &ip, &port)?;
    applyuidgid::assume(process, identity)?;
    if drops_variables {
        applyuidgid::unset(process);
    }
    serverd.extend(program);
    Ok(Exec::own(serverd).into())
}
