//! The overlay family of tools: what s6-overlay adds to s6, s6-rc and execline.

mod cont_scripts;
mod container;
mod contenv;
mod fix_attrs;
mod halt;
mod justc_envdir;
mod logutil;
mod script;
mod services;
mod stages;
mod stat;
mod unfollowed;
mod with_retries;

use super::portable::{echo, signals};
use super::{Tool, senseless};

/// This family's tools, sorted by name.
#[rustfmt::skip]
pub const TOOLS: &[Tool] = &[
    Tool::new("cont-finish", cont_scripts::cont_finish, "", "run the scripts of cont-finish.d"),
    Tool::new("cont-init", cont_scripts::cont_init, "", "run the scripts of cont-init.d"),
    Tool::new("fix-attrs", fix_attrs::run, "", "apply the files of fix-attrs.d"),
    Tool::new("halt", halt::halt, "", "stop the container").alias_of("s6-linux-init-hpr"),
    Tool::new("justc-envdir", justc_envdir::run, "[ -I | -i ] dir prog...",
        "set variables from files, as they are"),
    Tool::new("logutil-newfifo", logutil::new_fifo, "[ -m mode ] [ -o owner ] fifo",
        "make a FIFO for logutil-service"),
    Tool::new("logutil-service", logutil::service, "[ -f fifo ] dir",
        "log as nobody, with the container's script"),
    Tool::new("poweroff", halt::poweroff, "", "stop the container")
        .alias_of("s6-linux-init-hpr"),
    Tool::new("preinit", stages::preinit, "", "prepare for /init (which does so itself)"),
    Tool::new("printcontenv", contenv::printcontenv, "variable",
        "print one of the container's variables"),
    Tool::new("reboot", halt::reboot, "", "stop the container").alias_of("s6-linux-init-hpr"),
    Tool::new("s6-linux-init-echo", echo::s6_echo, "[ -n ] [ -s sep ] args...", "print words"),
    Tool::new("s6-linux-init-hpr", halt::s6_linux_init_hpr,
        "[ -h | -p | -r ] [ -n ] [ -d | -w ] [ -W ] [ -f ] [ -i ]", "stop the container"),
    Tool::new("s6-linux-init-nuke", signals::s6_linux_init_nuke, "", "kill every process"),
    Tool::new("s6-linux-init-shutdown", halt::s6_linux_init_shutdown, SHUTDOWN,
        "stop the container, now or later"),
    Tool::new("s6-linux-init-telinit", senseless::s6_linux_init_telinit, "runlevel",
        "change the runlevel (a container has none)"),
    Tool::new("s6-linux-init-umountall", senseless::s6_linux_init_umountall, "",
        "unmount everything (which a container's end does)"),
    Tool::new("s6-overlay-stat", stat::run, "path", "print owner and permissions for a shell"),
    Tool::new("s6-overlay-suexec", stages::suexec, "{ root_block... } normal_init...",
        "run a block, then init"),
    Tool::new("services-down", services::down, "", "stop the services of services.d"),
    Tool::new("services-up", services::up, "", "start the services of services.d"),
    Tool::new("shutdown", halt::s6_linux_init_shutdown, SHUTDOWN, "stop the container")
        .alias_of("s6-linux-init-shutdown"),
    Tool::new("stage0", stages::stage0, "cmd...", "become /init"),
    Tool::new("with-contenv", contenv::with_contenv, "prog...",
        "run a program with the container's environment"),
    Tool::new("with-retries", with_retries::run, "[ -n retries ] [ -t timeout ] prog...",
        "run a program until it succeeds"),
];

const SHUTDOWN: &str = "[ -h [ -H | -P ] | -p | -r | -k ] [ -f | -F ] [ -a ] [ -i ] [ -t sec ] \
    time [ message ]  or  s6-linux-init-shutdown -c [ message ]";
