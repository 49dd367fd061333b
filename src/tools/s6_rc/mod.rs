//! The s6-rc family of tools: they read compiled databases, and ask PID 1 for the rest.

mod adjust;
mod change;
mod compile;
pub mod conversation;
mod db;
mod filler;
mod init;
pub mod live;
mod rc;
mod update;

use super::{Tool, senseless};

/// This family's tools, sorted by name.
pub const TOOLS: &[Tool] = &[
    Tool::new(
        "s6-rc",
        rc::run,
        "[ -v verbosity ] [ -n dryrunthrottle ] [ -t timeout ] [ -l live ] [ -b ] [ -E | -e ] \
         [ -u | -d | -D ] [ -p ] [ -a ] help|list|listall|diff|start|stop|reload|change \
         [ servicenames... ]",
        "Tell and change which services are up",
    ),
    Tool::new(
        "s6-rc-compile",
        compile::run,
        "[ -v verbosity ] [ -h fdholder_user ] [ -b ] destdir sources...",
        "Make a database of definition directories",
    ),
    Tool::new(
        "s6-rc-db",
        db::run,
        "[ -u | -d ] [ -l live ] [ -c compiled ] [ -b ] [ -E | -e ] command... \
         (use s6-rc-db help for more information)",
        "Tell what a database holds",
    ),
    Tool::new(
        "s6-rc-dryrun",
        change::dryrun,
        "[ -v verbosity ] [ -t timeout ] prog...",
        "Print a command and sleep",
    ),
    Tool::new(
        "s6-rc-fdholder-filler",
        filler::run,
        "[ -1 ] [ -t timeout ] < autofilled-filename",
        "Make pipes, and have them held by a daemon",
    ),
    Tool::new(
        "s6-rc-format-upgrade",
        update::format_upgrade,
        "[ -v verbosity ] [ -t timeout ] [ -l live ] [ -b ] newdb",
        "Make the same database, in another format, the live one",
    ),
    Tool::new(
        "s6-rc-init",
        init::run,
        "[ -c bootdb ] [ -l livedir ] [ -p prefix ] [ -t timeout ] [ -d ] [ -b ] scandir",
        "Check that PID 1 keeps the live directory",
    ),
    Tool::new(
        "s6-rc-oneshot-run",
        init::oneshot_run,
        "[ -l live ] [ -b ] up|down|reload servicenumber",
        "Run the script of a oneshot",
    ),
    Tool::new(
        "s6-rc-repo-init",
        senseless::repository,
        "[ -v verbosity ] [ -f ] [ -h fdholder_user ] repo stores...",
        "Make a repository of services (not in an image)",
    ),
    Tool::new(
        "s6-rc-repo-list",
        senseless::repository,
        "[ -v verbosity ] repo",
        "List the sets of a repository (not in an image)",
    ),
    Tool::new(
        "s6-rc-repo-sync",
        senseless::repository,
        "[ -v verbosity ] [ -h fdholder_user ] repo",
        "Bring a repository up to date (not in an image)",
    ),
    Tool::new(
        "s6-rc-set-change",
        senseless::repository,
        "[ -v verbosity ] repo set subset services...",
        "Change which services of a set are used (not in an image)",
    ),
    Tool::new(
        "s6-rc-set-commit",
        senseless::repository,
        "[ -v verbosity ] [ -D defaultbundle ] repo set",
        "Compile a set of services (not in an image)",
    ),
    Tool::new(
        "s6-rc-set-copy",
        senseless::repository,
        "[ -v verbosity ] repo oldset newset",
        "Copy a set of services (not in an image)",
    ),
    Tool::new(
        "s6-rc-set-delete",
        senseless::repository,
        "[ -v verbosity ] repo set",
        "Delete a set of services (not in an image)",
    ),
    Tool::new(
        "s6-rc-set-fix",
        senseless::repository,
        "[ -v verbosity ] repo set",
        "Make a set of services consistent (not in an image)",
    ),
    Tool::new(
        "s6-rc-set-install",
        senseless::repository,
        "[ -v verbosity ] [ -l livedir ] repo set bootdb",
        "Make a set of services the live one (not in an image)",
    ),
    Tool::new(
        "s6-rc-set-new",
        senseless::repository,
        "[ -v verbosity ] repo set",
        "Make a set of services (not in an image)",
    ),
    Tool::new(
        "s6-rc-set-status",
        senseless::repository,
        "[ -v verbosity ] repo set [ services... ]",
        "Tell which services of a set are used (not in an image)",
    ),
    Tool::new(
        "s6-rc-update",
        update::run,
        "[ -n ] [ -v verbosity ] [ -t timeout ] [ -l live ] [ -f conversion_file ] [ -b ] \
         [ -E | -e ] newdb",
        "Make another database the live one",
    ),
];
