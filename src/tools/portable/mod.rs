//! The portable family of tools.

mod clock;
mod cut;
pub mod echo;
mod environment;
mod expr;
pub mod format_filter;
mod grep;
mod head;
mod links;
mod ls;
mod mkdir;
mod nice;
mod owners;
mod paths;
mod quote;
pub mod quoting;
mod seekablepipe;
pub mod signals;
mod sleep;
mod sort;
mod tail;
mod trivial;
pub mod unique;
mod update_symlinks;

use super::{Tool, subcommand};

/// This family's tools, sorted by name.
pub const TOOLS: &[Tool] = &[
    Tool::new(
        "s6-basename",
        paths::s6_basename,
        "[ -n ] file [ suffix ]",
        "Print a path's last part",
    ),
    Tool::new("s6-cat", trivial::s6_cat, "", "Copy stdin to stdout"),
    Tool::new("s6-chmod", owners::s6_chmod, "mode file", "Change a file's permissions"),
    Tool::new(
        "s6-chown",
        owners::s6_chown,
        "[ -U ] [ -u uid ] [ -g gid ] file",
        "Change a file's owner",
    ),
    Tool::new("s6-clock", clock::run, "[ tai64nlabel ]", "Print the time, or set it"),
    Tool::new(
        "s6-cut",
        cut::run,
        "[ -b list | -c list | -f list ] [ -d delim ] [ -n ] [ -s ] [ file... ]",
        "Print parts of every line",
    ),
    Tool::new("s6-dirname", paths::s6_dirname, "[ -n ] file", "Print a path without its last part"),
    Tool::new(
        "s6-dumpenv",
        environment::s6_dumpenv,
        "[ -N | -n ] [ -m mode ] envdir",
        "Store the environment in a directory, a file each",
    ),
    Tool::new("s6-echo", echo::s6_echo, "[ -n ] [ -s sep ] args...", "Print words"),
    Tool::new(
        "s6-env",
        environment::s6_env,
        "[ -i ] [ name=value... ] prog...",
        "Run a program in another environment",
    ),
    Tool::new("s6-expr", expr::run, "arithmetic expression", "Calculate"),
    Tool::new("s6-false", trivial::s6_false, "", "Fail"),
    Tool::new(
        "s6-format-filter",
        format_filter::run,
        "format [ args... ]",
        "Put every line into a format",
    ),
    Tool::new(
        "s6-grep",
        grep::run,
        "[ -E | -F ] [ -i ] [ -c ] [ -n ] [ -q ] [ -v ] pattern",
        "Print the lines that match",
    ),
    Tool::new(
        "s6-head",
        head::run,
        "[ -S ] [ -1..9 | -n lines | -c chars ] [ file... ]",
        "Print the first lines",
    ),
    Tool::new(
        "s6-hiercopy",
        trivial::s6_hiercopy,
        "src dst",
        "Copy a file, or a directory with all in it",
    ),
    Tool::new("s6-linkname", links::s6_linkname, "[ -n ] [ -f ] link", "Print where a link points"),
    Tool::new(
        "s6-ln",
        links::s6_ln,
        "[ -n ] [ -s ] [ -f ] [ -L ] [ -P ] src... dest",
        "Make links",
    ),
    Tool::new("s6-ls", ls::run, "[ -0 ] [ -a | -A ] [ -x exclude ] dir", "List a directory"),
    Tool::new(
        "s6-maximumtime",
        sleep::s6_maximumtime,
        "[ -0 | -a | -b | -i | -k | -q | -t | -x | -1 | -2 ] milliseconds prog...",
        "Run a program for some time at most",
    ),
    Tool::new("s6-mkdir", mkdir::s6_mkdir, "[ -p ] [ -v ] [ -m mode ] dir", "Make directories"),
    Tool::new("s6-mkfifo", mkdir::s6_mkfifo, "[ -m mode ] fifo...", "Make FIFOs"),
    Tool::new(
        "s6-nice",
        nice::run,
        "[ -I | -i ] [ -n value ] prog...",
        "Run a program at another priority",
    ),
    Tool::new("s6-nuke", signals::s6_nuke, "[ -h | -t | -k ]", "Signal every process"),
    Tool::new(
        "s6-pause",
        signals::s6_pause,
        "[ -t ] [ -h ] [ -a ] [ -q ] [ -b ] [ -i ] [ -p signal,signal... ]",
        "Wait for a signal",
    )
    .stays(),
    Tool::new(
        "s6-portable-utils",
        |process, argv| subcommand::run(process, TOOLS, argv),
        subcommand::USAGE,
        "Run the tool that is named",
    ),
    Tool::new(
        "s6-printenv",
        environment::s6_printenv,
        "[ -n ] [ -0 | -d delimchar ]",
        "Print the environment",
    ),
    Tool::new("s6-quote", quote::s6_quote, "[ -n ] [ -u ] [ -d delim ] string", "Quote a word"),
    Tool::new("s6-quote-filter", quote::s6_quote_filter, "[ -u ] [ -d delim ]", "Quote every line"),
    Tool::new("s6-rename", trivial::s6_rename, "old new", "Rename a file"),
    Tool::new(
        "s6-rmrf",
        trivial::s6_rmrf,
        "file ...",
        "Remove files, and directories with all in them",
    ),
    Tool::new("s6-seq", echo::s6_seq, "[ -w ] [ -s separator ] limits", "Print numbers"),
    Tool::new(
        "s6-sleep",
        sleep::s6_sleep,
        "[ -m ] duration prog...",
        "Run a program after some time",
    ),
    Tool::new("s6-sort", sort::run, "[ -bcfru0 ]", "Sort lines"),
    Tool::new("s6-sync", trivial::s6_sync, "", "Write all that is cached to disk"),
    Tool::new(
        "s6-tail",
        tail::run,
        "[ -c chars | -n lines | -1..9 ] [ file ]",
        "Print the last lines",
    ),
    Tool::new("s6-touch", trivial::s6_touch, "file ...", "Make files, or make them new"),
    Tool::new("s6-true", trivial::s6_true, "", "Succeed"),
    Tool::new(
        "s6-uniquename",
        links::s6_uniquename,
        "[ -n randomlen ] prefix",
        "Print a name that no other file has",
    ),
    Tool::new("s6-unquote", quote::s6_unquote, "[ -n ] [ -d delim ] string", "Unquote a word"),
    Tool::new(
        "s6-unquote-filter",
        quote::s6_unquote_filter,
        "[ -q | -Q | -v | -w ] [ -d delim ]",
        "Unquote every line",
    ),
    Tool::new(
        "s6-update-symlinks",
        update_symlinks::run,
        "/destdir /srcdir [ /srcdir ... ]",
        "Merge directories into one of links",
    ),
    Tool::new(
        "seekablepipe",
        seekablepipe::run,
        "tempfile prog...",
        "Give a program a stdin to seek in",
    ),
];
