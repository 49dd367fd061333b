//! s6-ipcserver: makes a local socket, drops privileges, and serves each connection by a program.
//! Reference: <https://skarnet.org/software/s6/s6-ipcserver.html>.

use super::socketbinder::{self, Plan};
use crate::tools::s6::applyuidgid;
use crate::tools::{Exec, Exit, Next, Options, Process, Word, superserver};

/// `s6-ipcserver [ -q | -Q | -v ] [ -d | -D ] [ -P | -p ] [ -1 ] [ -c maxconn ] [ -C localmaxconn ]
/// [ -b backlog ] [ -a perms ] [ -G gidlist ] [ -g gid ] [ -u uid ] [ -U ] path prog...`
pub fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "qQvDd1UPpc:C:b:a:u:g:G:")?;
    let plan = Plan::from_options(process, &options)?;
    // Unlike with s6-ipcserver-socketbinder, a backlog of 0 is the smallest.
    let plan = Plan { backlog: plan.backlog.map(|backlog| backlog.max(1)), ..plan };
    let identity = applyuidgid::wanted(process, &options)?;
    let mut serverd = superserver::command(process, &options, "s6-ipcserverd")?;
    let drops_variables = options.has('U');
    let ([path], program) = process.operands(options.rest())?;
    socketbinder::bind(process, &plan, &path)?;
    applyuidgid::assume(process, identity)?;
    if drops_variables {
        applyuidgid::unset(process);
    }
    serverd.extend(program);
    Ok(Exec::own(serverd).into())
}
