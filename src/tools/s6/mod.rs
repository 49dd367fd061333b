//! The s6 family of tools.

mod control;
mod svc;
mod svdt;
mod svlisten;
mod svok;
mod svscanctl;
mod svstat;
mod svwait;
mod watch;

use super::Tool;

/// This family's tools, sorted by name.
pub const TOOLS: &[Tool] = &[
    Tool::new(
        "s6-svc",
        svc::run,
        "[ -wu | -wU | -wd | -wD | -wr | -wR ] [ -T timeout ] \
         [ -s signal | -abqhkti12pcyrlPCK ] [ -oduDUxOQ ] servicedirs...",
        "Tell services to start, stop or restart, or send them signals",
    ),
    Tool::new(
        "s6-svdt",
        svdt::list,
        "[ -S | -s ] [ -n maxentries ] servicedir",
        "List the deaths of a service",
    ),
    Tool::new("s6-svdt-clear", svdt::clear, "servicedir", "Forget the deaths of a service"),
    Tool::new(
        "s6-svlisten",
        svlisten::several,
        "[ -U | -u | -d | -D | -r | -R ] [ -a | -o ] [ -t timeout ] servicedir... \"\" prog...",
        "Run a program, then wait for services to reach a state",
    ),
    Tool::new(
        "s6-svlisten1",
        svlisten::one,
        "[ -U | -u | -d | -D | -r | -R ] [ -t timeout ] servicedir prog...",
        "Run a program, then wait for a service to reach a state",
    ),
    Tool::new("s6-svok", svok::run, "servicedir", "Tell whether a service is supervised"),
    Tool::new(
        "s6-svscanctl",
        svscanctl::run,
        "[ -zabhitqnN ] svscandir",
        "Tell a scan directory's supervisor to rescan, prune or stop",
    ),
    Tool::new(
        "s6-svstat",
        svstat::run,
        "[ -uwNrpgest | -o up,wantedup,normallyup,ready,paused,pid,pgid,exitcode,signal,signum,\
         updownsince,readysince,updownfor,readyfor ] [ -n ] servicedir",
        "Tell the state of a service",
    ),
    Tool::new(
        "s6-svwait",
        svwait::run,
        "[ -U | -u | -d | -D | -r | -R ] [ -a | -o ] [ -t timeout ] servicedir...",
        "Wait for services to reach a state",
    ),
];
