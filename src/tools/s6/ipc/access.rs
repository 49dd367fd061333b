//! s6-ipcserver-access: becomes a program if the client of a connection may talk to it.
//! Reference: <https://skarnet.org/software/s6/s6-ipcserver-access.html>.

use super::rules::{self, Rules};
use crate::format::access::{Grant, Rule};
use crate::format::decimal;
use crate::sys::ipc;
use crate::tools::die::show;
use crate::tools::{Exec, Exit, Next, Options, Process, Word};
use nix::errno::Errno;
use nix::unistd::getpid;

/// `s6-ipcserver-access [ -v verbosity ] [ -e | -E ] [ -l localname ]
/// [ -i rulesdir | -x rulesfile ] prog...`
pub fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "v:Eel:i:x:")?;
    let verbosity = options.number(process, 'v', 1u32)?;
    let program = options.words().to_vec();
    if program.first().is_none_or(Vec::is_empty) {
        return Err(process.usage());
    }
    let protocol = show(process.variable("PROTO")?).to_string();
    let id = |what: &str| {
        let name = format!("{protocol}REMOTE{what}");
        let id = decimal::parse(process.variable(&name)?);
        id.ok_or_else(|| process.fatal(100, format_args!("invalid ${name}")))
    };
    let (user, group) = (id("EUID")?, id("EGID")?);
    let client = format!("pid {} uid {user} gid {group}", getpid());
    match check(process, &options, verbosity, user, group)? {
        Ok(grant) => {
            if verbosity > 0 {
                process.info(format_args!("allow {client}"));
            }
            process.env.apply(grant.env);
            report_connection(process, &options, &protocol)?;
            Ok(become_program(b"-Pc", grant.exec, program))
        }
        Err(e) => {
            if verbosity > 1 {
                process.info(format_args!("deny {client}: {}", crate::tools::die::reason(e)));
            }
            Ok(Next::Exit(1))
        }
    }
}

/// What the client is granted, or why nothing.
fn check(
    process: &Process,
    options: &Options,
    verbosity: u32,
    user: u32,
    group: u32,
) -> Result<Result<Grant, Errno>, Exit> {
    let Some((letter, place)) = rules::place(options) else {
        if verbosity > 1 {
            process.warn("invoked without a ruleset!");
        }
        return Ok(Ok(Grant::default()));
    };
    let kind = if letter == 'i' { "fs" } else { "cdb" };
    let found = Rules::open((letter, place)).and_then(|rules| rules.check(user, group));
    let unable = process.unable(format!("check {kind} ruleset in {}", show(place)));
    Ok(match found.map_err(unable)? {
        Some(Rule::Allow(grant)) => Ok(grant),
        Some(Rule::Deny) => Err(Errno::EACCES),
        None => Err(Errno::ENOENT),
    })
}

/// Sets the variable for this side of the connection, or with -E unsets all about it.
fn report_connection(process: &mut Process, options: &Options, protocol: &str) -> Result<(), Exit> {
    if options.last_of("Ee") == Some('E') {
        process.env.unset(b"PROTO");
        for name in ["REMOTEEUID", "REMOTEEGID", "REMOTEPATH", "LOCALPATH", "CONNNUM"] {
            process.env.unset(format!("{protocol}{name}").as_bytes());
        }
        return Ok(());
    }
    let local = match options.value('l') {
        Some(name) => name.to_vec(),
        None => ipc::local_path(0).map_err(process.unable("ipc_local"))?.unwrap_or_default(),
    };
    process.env.set(format!("{protocol}LOCALPATH").as_bytes(), &local);
    Ok(())
}

/// The rule's program, run with these options of execlineb, takes the place of the other one.
pub fn become_program(options: &[u8], exec: Word, program: Vec<Word>) -> Next {
    match exec.is_empty() {
        true => program.into(),
        false => Exec::own(vec![b"execlineb".to_vec(), options.to_vec(), exec]).into(),
    }
}
