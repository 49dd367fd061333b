//! The execline family of tools.

mod autoimport;
mod background;
mod backtick;
pub mod blocks;
mod case;
mod cd;
mod children;
mod chunks;
mod conditionals;
mod define;
mod descriptors;
mod dollarat;
mod each;
mod elgetopt;
mod elgetpositionals;
mod elglob;
mod eltest;
mod emptyenv;
mod envfile;
mod exec;
mod execlineb;
mod exit;
mod exit_codes;
mod export;
mod export_array;
mod forbacktickx;
mod foreground;
mod forstdin;
mod forx;
pub mod frames;
mod getcwd;
mod getpid;
mod heredoc;
mod homeof;
mod importas;
mod loopwhilex;
mod multidefine;
mod multisubstitute;
mod pass;
pub mod positionals;
mod posix_cd;
mod posix_umask;
mod redirfd;
mod runblock;
mod shift;
pub mod strict;
mod trap;
mod umask;
mod wait;
mod withstdinas;

use super::{Tool, subcommand};

/// This family's tools, sorted by name.
pub const TOOLS: &[Tool] = &[
    Tool::new(
        "background",
        background::background,
        "[ -d ] { command... }",
        "Start a program and go on beside it",
    ),
    Tool::new(
        "backtick",
        backtick::run,
        "[ -i | -I | -x | -D default ] [ -N | -n ] [ -E | -e ] var { prog... } remainder...",
        "Put the output of a program into a variable",
    ),
    Tool::new(
        "case",
        case::run,
        "[ -s | -S ] [ -e | -E ] [ -n | -N ] [ -i ] value { re1 { prog1... } re2 { prog2... } ... \
         } progdefault...",
        "Become the program whose pattern a value matches",
    ),
    Tool::new("cd", cd::run, "path prog...", "Change the working directory")
        .alias_of("execline-cd"),
    Tool::new(
        "define",
        define::run,
        "[ -N | -n ] [ -s ] [ -C | -c ] [ -d delim ] key value prog...",
        "Replace a key by a value in a command line",
    ),
    Tool::new(
        "dollarat",
        dollarat::run,
        "[ -n ] [ -0 | -d delimchar ]",
        "Print the positional parameters",
    ),
    Tool::new(
        "elgetopt",
        elgetopt::run,
        "[ -D default ] optstring prog...",
        "Parse the positional parameters as options",
    ),
    Tool::new(
        "elgetpositionals",
        elgetpositionals::run,
        "[ -P num ] prog...",
        "Replace the positional parameters in a command line",
    ),
    Tool::new(
        "elglob",
        elglob::run,
        "[ -v ] [ -w ] [ -s ] [ -m ] [ -e ] [ -0 ] [ -n ] [ -d delim ] key pattern prog...",
        "Replace a key by the names of files in a command line",
    ),
    Tool::new("eltest", eltest::run, "expression", "Evaluate a conditional expression"),
    Tool::new(
        "emptyenv",
        emptyenv::run,
        "[ -p | -l | -c | -o | -P ] prog...",
        "Empty the environment, or tidy it",
    ),
    Tool::new(
        "envfile",
        envfile::run,
        "[ -i | -I ] file prog...",
        "Set the variables that a file names",
    ),
    Tool::new(
        "exec",
        exec::exec,
        "[ -c ] [ -l ] [ -a argv0 ] prog...",
        "Become a program, under another name or with no environment",
    ),
    Tool::new(
        "execline",
        |process, argv| subcommand::run(process, TOOLS, argv),
        subcommand::USAGE,
        "Be any of these programs, by its name as an argument",
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
        "export-array",
        export_array::run,
        "[ -d delim ] variable { value-list } prog...",
        "Set a variable to a list of words",
    ),
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
        "forbacktickx",
        forbacktickx::run,
        "[ -p | -P maxpar | -o okcode,okcode,... | -x breakcode,breakcode,... ] [ -E | -e ] [ -N \
         | -n ] [ -C | -c ] [ -0 | -d delim ] var { backtickcmd... } command...",
        "Run a program for each line that another one writes",
    ),
    Tool::new(
        "foreground",
        foreground::run,
        "{ command... } [ remainder... ]",
        "Run a program to its end, then go on",
    ),
    Tool::new(
        "forstdin",
        forstdin::run,
        "[ -E | -e ] [ -p | -P maxpar | -o okcode,okcode,... | -x breakcode,breakcode,... ] [ -N \
         | -n ] [ -C | -c ] [ -0 | -d delim ] var command...",
        "Run a program for each line of stdin",
    ),
    Tool::new(
        "forx",
        forx::run,
        "[ -E | -e ] [ -p | -P maxpar ] [ -o okcode,okcode,... | -x breakcode,breakcode,... ] var \
         { values... } command...",
        "Run a program for each word of a list",
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
    Tool::new(
        "heredoc",
        heredoc::run,
        "[ -d ] fd string command...",
        "Let a program read a string from a descriptor",
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
        "importas",
        importas::run,
        "[ -i | -D default ] [ -u ] [ -N | -n ] [ -s ] [ -C | -c ] [ -d delim ] key var prog...",
        "Replace a key by the value of a variable in a command line",
    ),
    Tool::new(
        "loopwhilex",
        loopwhilex::run,
        "[ -n ] [ -o okcode,okcode,... | -x exitcode,exitcode,... ] prog...",
        "Run a program again while it succeeds",
    ),
    Tool::new(
        "multidefine",
        multidefine::run,
        "[ -0 ] [ -r ] [ -N | -n ] [ -C | -c ] [ -d delim ] value { vars... } prog...",
        "Split a value over several keys, and replace those in a command line",
    ),
    Tool::new(
        "multisubstitute",
        multisubstitute::run,
        "{ define... importas... elglob... elgetpositionals... multidefine... } prog...",
        "Replace several keys in a command line in one pass",
    ),
    Tool::new(
        "pipeline",
        background::pipeline,
        "[ -d ] [ -r | -w ] { command... } command...",
        "Start a program and go on with a pipe from it, or to it",
    ),
    Tool::new("piperw", descriptors::piperw, "fdr fdw prog...", "Make a pipe"),
    Tool::new(
        "posix-cd",
        posix_cd::run,
        "[ -L | -P ] [ - | path ] [ prog... ]",
        "Change the working directory, as POSIX has it",
    ),
    Tool::new(
        "posix-umask",
        posix_umask::run,
        "[ -S ] [ mask ] [ prog... ]",
        "Print or set the file creation mask, as POSIX has it",
    ),
    Tool::new(
        "redirfd",
        redirfd::run,
        "-[ r | w | u | a | x ] [ -N | -n ] [ -b ] [ -f ] [ -E | -e ] fd|var file prog...",
        "Open a file as a descriptor",
    ),
    Tool::new(
        "runblock",
        runblock::run,
        "[ -P ] [ -n argshift ] [ -r ] n cmd...",
        "Become a block that stands in the positional parameters",
    ),
    Tool::new(
        "shift",
        shift::run,
        "[ -n arg# ] [ -b block# ] prog...",
        "Drop positional parameters",
    ),
    Tool::new(
        "trap",
        trap::run,
        "[ -x ] { signal { cmdline } ... } prog...",
        "Run a program, and others when signals come",
    )
    .stays(),
    Tool::new(
        "tryexec",
        exec::tryexec,
        "[ -n ] [ -c ] [ -l ] [ -a argv0 ] { command... } remainder...",
        "Become a program if possible, else another",
    ),
    Tool::new("umask", umask::run, "value prog...", "Set the file creation mask")
        .alias_of("execline-umask"),
    Tool::new("unexport", export::unexport, "variable prog...", "Remove a variable"),
    Tool::new(
        "wait",
        wait::run,
        "[ -I | -i ] [ -a | -o ] [ -r | -t timeout ] { pids... } [ prog... ]",
        "Wait for children",
    ),
    Tool::new(
        "withstdinas",
        withstdinas::run,
        "[ -i | -I | -D default ] [ -N | -n ] [ -E | -e ] var remainder...",
        "Put what stdin holds into a variable",
    ),
];
