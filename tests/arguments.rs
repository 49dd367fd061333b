//! `sixtree` makes of a command line what clap would make of it.
#![allow(missing_docs, reason = "it is a test")]

#[path = "../docs/syntax.rs"]
mod syntax;

use proptest::prelude::*;
use sixtree::cli::SYNTAX;
use sixtree::cli::arguments::{Argument, ArgumentForm, CommandSyntax, NotParsed, parse};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt;

#[test]
fn clap_finds_the_arguments_of_every_subcommand_sound() {
    syntax::command(&SYNTAX).debug_assert();
}

/// The commands that have no subcommands, with the words that lead to them.
fn leaves(command: &'static CommandSyntax, path: &[&'static str]) -> Vec<Leaf> {
    let all = command.subcommands.iter();
    match command.subcommands.is_empty() {
        true => vec![(command, path.to_vec())],
        false => all.flat_map(|c| leaves(c, &[path, &[c.name]].concat())).collect(),
    }
}
type Leaf = (&'static CommandSyntax, Vec<&'static str>);

/// Words that could stand on a command line of this command.
fn words(command: &'static CommandSyntax) -> impl Strategy<Value = Vec<OsString>> {
    let mut all: Vec<OsString> = ["--", "-", "web", "5", "0", "text", "json", "1000:7", "", "-z"]
        .map(OsString::from)
        .to_vec();
    all.push(OsString::from_vec(b"\xff".to_vec()));
    for argument in command.all().filter(|argument| argument.is_option()) {
        let (long, short) = (format!("--{}", argument.name), argument.short);
        let values = ["5", "x", "", "human"].map(|value| format!("{long}={value}"));
        let shorts = short.into_iter().flat_map(|c| [format!("-{c}"), format!("-{c}5")]);
        all.extend([long.clone(), format!("{long}x")].into_iter().map(OsString::from));
        all.extend(values.into_iter().chain(shorts).map(OsString::from));
    }
    prop::collection::vec(prop::sample::select(all), 0..6)
}

/// Whether a word is an option's whose value is in the next word.
fn takes_next(command: &'static CommandSyntax, word: &OsStr) -> bool {
    let is_named = |argument: &Argument| {
        word.to_str().is_some_and(|word| {
            word == format!("--{}", argument.name)
                || argument.short.is_some_and(|short| word == format!("-{short}"))
        })
    };
    command.all().any(|argument| argument.form == ArgumentForm::Option && is_named(argument))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn a_command_line_is_what_clap_makes_of_it(
        (leaf, words) in prop::sample::select(leaves(&SYNTAX, &[]))
            .prop_flat_map(|leaf| (Just(leaf.clone()), words(leaf.0)))
    ) {
        let (command, path) = leaf;
        // clap takes no value that begins with a dash in a word of its own, where we do as getopt.
        prop_assume!(!words.windows(2).any(|pair| {
            takes_next(command, &pair[0]) && pair[1].as_encoded_bytes().starts_with(b"-")
        }));
        let line: Vec<OsString> =
            path.iter().map(OsString::from).chain(words.iter().cloned()).collect();
        let clap = syntax::command(&SYNTAX)
            .try_get_matches_from([OsString::from("sixtree")].into_iter().chain(line.clone()));
        let given = parse(&SYNTAX, line);
        prop_assert_eq!(given.is_ok(), clap.is_ok(), "{:?}", clap.err().map(|e| e.to_string()));
        let (Ok(given), Ok(clap)) = (given, clap) else { return Ok(()) };
        let (mut given, mut clap) = (&given, &clap);
        for _ in &path {
            given = given.subcommand().unwrap().1;
            clap = clap.subcommand().unwrap().1;
        }
        for argument in command.all() {
            if argument.form == ArgumentForm::Flag {
                prop_assert_eq!(given.get_flag(argument.name), clap.get_flag(argument.name));
                continue;
            }
            let theirs: Vec<&OsStr> = clap.get_raw(argument.name).unwrap_or_default().collect();
            prop_assert_eq!(given.words(argument.name).collect::<Vec<_>>(), theirs);
        }
    }
}

/// What is said of a command line that makes no sense.
fn refused(line: &[&str]) -> String {
    match parse(&SYNTAX, line.iter().map(OsString::from).collect()) {
        Err(NotParsed::Wrong(text)) => text,
        _ => panic!("{line:?} makes sense"),
    }
}

#[test]
fn a_refusal_says_what_is_wrong_and_how_the_command_is_called() {
    assert_eq!(
        refused(&["logs", "--folow"]),
        "sixtree logs: fatal: there is no option --folow; did you mean --follow?\n\
         Usage: sixtree logs [OPTIONS] [SERVICE]...\nsixtree logs --help tells more\n"
    );
    let first = |line: &[&str]| refused(line).lines().next().unwrap_or_default().to_owned();
    for (line, wrong) in [
        (&["lgos"][..], "sixtree: fatal: there is no subcommand lgos; did you mean logs?"),
        (&["new"], "sixtree new: fatal: a subcommand is missing"),
        (&["new", "longrun", "x"], "sixtree new longrun: fatal: PROGRAM is missing"),
        (&["start"], "sixtree start: fatal: SERVICE is missing"),
        (&["add", "x"], "sixtree add: fatal: --to or --needs is missing"),
        (&["logs", "-n"], "sixtree logs: fatal: --lines needs a value"),
        (
            &["wait", "-t", "0"],
            "sixtree wait: fatal: --timeout cannot be 0: it must be a number from 1 to \
             18446744073709551",
        ),
        (
            &["graph", "--format", "png"],
            "sixtree graph: fatal: --format cannot be png: it must be one of text, mermaid, dot, \
             svg, json",
        ),
        (&["graph", "--up", "--down"], "sixtree graph: fatal: --up makes no sense beside --down"),
        (&["wait", "--down"], "sixtree wait: fatal: --down needs SERVICE"),
        (&["status", "--json", "--json"], "sixtree status: fatal: --json is given twice"),
        (&["tools", "more"], "sixtree tools: fatal: unexpected argument more"),
    ] {
        assert_eq!(first(line), wrong);
    }
}

#[test]
fn a_help_text_has_all_that_a_command_takes() {
    let Err(NotParsed::Help(text)) = parse(&SYNTAX, vec!["wait".into(), "--help".into()]) else {
        panic!("no help");
    };
    assert_eq!(
        text,
        "Wait until services are up and ready, or down\n\n\
         Usage: sixtree wait [OPTIONS] [SERVICE]...\n\n\
         Arguments:\n  \
           [SERVICE]...  Wait for these services and bundles [default: all that are to be up]\n\n\
         Options:\n      \
               --down               Until they are down\n  \
           -t, --timeout <SECONDS>  Give up after this time [default: never]\n  \
           -h, --help               Print help\n\n\
         Exits 0 when they are, 1 as soon as one has failed or is off, 2 when the time is over, 3 \
         if a name is unknown, 111 if no init answers.\n"
    );
}
