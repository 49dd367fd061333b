//! The execline family of tools.

mod autoimport;
mod background;
pub mod blocks;
mod cd;
mod children;
mod conditionals;
mod descriptors;
mod emptyenv;
mod exec;
mod execlineb;
mod exit;
mod exit_codes;
mod export;
mod foreground;
pub mod frames;
mod getcwd;
mod getpid;
mod homeof;
mod loopwhilex;
mod redirfd;
mod umask;

use super::Tool;

/// This family's tools, sorted by name.
pub const TOOLS: &[Tool] = &[
    Tool::new(
        "background",
        background::background,
        "[ -d ] { command... }",
        "Start a program and go on beside it",
    ),
    Tool::new("cd", cd::run, "path prog...", "Change the working directory")
        .alias_of("execline-cd"),
    Tool::new(
        "emptyenv",
        emptyenv::run,
        "[ -p | -l | -c | -o | -P ] prog...",
        "Empty the environment, or tidy it",
    ),
    Tool::new(
        "exec",
        exec::exec,
        "[ -c ] [ -l ] [ -a argv0 ] prog...",
        "Become a program, under another name or with no environment",
    ),
    Tool::new("execline-cd", cd::run, "path prog...", "Change the working directory"),
    Tool::new("execline-umask", umask::run, "value prog...", "Set the file creation mask"),
    Tool::new(
        "execlineb",
        execlineb::run,
        "[ -p | -P | -S nmin | -s nmin ] [ -q | -w | -W ] [ -e ] [ -c commandline ] script args",
        "Run a script as a chain of programs",
    ),
    Tool::new("exit", exit::run, "[ exitcode ]", "End with an exit code"),
    Tool::new("export", export::export, "variable value prog...", "Set a variable"),
    Tool::new(
        "fdblock",
        descriptors::fdblock,
        "[ -n ] fd prog...",
        "Make a descriptor blocking, or non-blocking",
    ),
    Tool::new("fdclose", descriptors::fdclose, "fd prog...", "Close a descriptor"),
    Tool::new("fdmove", descriptors::fdmove, "[ -c ] to from prog...", "Move or copy a descriptor"),
    Tool::new("fdreserve", descriptors::fdreserve, "n prog...", "Tell n free descriptor numbers"),
    Tool::new("fdswap", descriptors::fdswap, "fd1 fd2 prog...", "Exchange two descriptors"),
    Tool::new(
        "foreground",
        foreground::run,
        "{ command... } [ remainder... ]",
        "Run a program to its end, then go on",
    ),
    Tool::new(
        "getcwd",
        getcwd::run,
        "[ -E | -e ] variable prog...",
        "Tell the working directory in a variable",
    ),
    Tool::new(
        "getpid",
        getpid::run,
        "[ -E | -e ] [ -P | -p ] variable prog...",
        "Tell the pid in a variable",
    ),
    Tool::new("homeof", homeof::run, "user", "Print a user's home directory"),
    Tool::new(
        "if",
        conditionals::r#if,
        "[ -n ] [ -X ] [ -t | -x exitcode ] { command... }",
        "Go on only if a program succeeds",
    ),
    Tool::new(
        "ifelse",
        conditionals::ifelse,
        "[ -n ] [ -X ] { command-if } { command-then... } command-else...",
        "Go on in one of two ways",
    ),
    Tool::new(
        "ifte",
        conditionals::ifte,
        "[ -X ] [ -n ] { command-then... } { command-else... } command-if...",
        "Go on in one of two ways, with the condition last",
    ),
    Tool::new(
        "ifthenelse",
        conditionals::ifthenelse,
        "[ -X ] { command-if... } { command-then... } { command-else... } [ remainder... ]",
        "Run one of two programs, then go on",
    ),
    Tool::new(
        "loopwhilex",
        loopwhilex::run,
        "[ -n ] [ -o okcode,okcode,... | -x exitcode,exitcode,... ] prog...",
        "Run a program again while it succeeds",
    ),
    Tool::new(
        "pipeline",
        background::pipeline,
        "[ -d ] [ -r | -w ] { command... } command...",
        "Start a program and go on with a pipe from it, or to it",
    ),
    Tool::new("piperw", descriptors::piperw, "fdr fdw prog...", "Make a pipe"),
    Tool::new(
        "redirfd",
        redirfd::run,
        "-[ r | w | u | a | x ] [ -N | -n ] [ -b ] [ -f ] [ -E | -e ] fd|var file prog...",
        "Open a file as a descriptor",
    ),
    Tool::new(
        "tryexec",
        exec::tryexec,
        "[ -n ] [ -c ] [ -l ] [ -a argv0 ] { command... } remainder...",
        "Become a program if possible, else another",
    ),
    Tool::new("umask", umask::run, "value prog...", "Set the file creation mask")
        .alias_of("execline-umask"),
    Tool::new("unexport", export::unexport, "variable prog...", "Remove a variable"),
];
