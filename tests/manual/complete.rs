//! The manual has all that there is, and nothing else: the files of a definition, the variables,
//! the diagnostics, the subcommands and their options. What a test here misses belongs onto the
//! page that it names.

use crate::{SOURCES, generate, pages};
use sixtree::definition::names;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const DEFINITION: &str = "docs/src/reference/definition.md";
const ENVIRONMENT: &str = "docs/src/reference/environment.md";
const DIAGNOSTICS: &str = "docs/diagnostics.md";

/// Where the code of the programs is.
const CODE: [&str; 5] =
    ["src", "crates/core/src", "crates/tls/src", "crates/suexec/src", "crates/web/src"];

type Names = BTreeSet<String>;

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Fails with what one has and the other has not.
#[track_caller]
fn same(there_is: &Names, page: &str, documented: &Names, how: &str) {
    let missing: Vec<_> = there_is.difference(documented).collect();
    let unknown: Vec<_> = documented.difference(there_is).collect();
    assert!(missing.is_empty(), "{page} lacks {missing:?}: {how}");
    assert!(unknown.is_empty(), "{page} has {unknown:?}, which nothing reads: remove it");
}

/// The code without its tests.
fn code() -> String {
    let files = CODE.iter().flat_map(walkdir::WalkDir::new);
    let files = files.map(|entry| entry.expect("the code can be read").into_path());
    let is_code = |path: &Path| {
        path.extension().is_some_and(|e| e == "rs")
            && !path.iter().any(|part| part == "tests" || part == "tests.rs")
    };
    let text = files.filter(|path| is_code(path)).map(|path| {
        let text = read(&path.to_string_lossy());
        text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned()
    });
    text.collect()
}

/// The texts in quotation marks that look like this.
fn literals(code: &str, is_one: impl Fn(&str) -> bool) -> Names {
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let parts = lines.flat_map(|line| line.split('"'));
    parts.filter(|part| is_one(part)).map(str::to_owned).collect()
}

#[test]
fn every_file_of_a_definition_is_in_the_manual() {
    let page = read(DEFINITION);
    let headings = page.lines().filter_map(|line| line.strip_prefix("### "));
    let documented = headings.flat_map(|line| line.split(", ")).map(str::to_owned).collect();
    let there_is = names::all().map(str::to_owned).collect();
    let how = "give it a heading `### NAME`, and say what it holds, its default and what it does";
    same(&there_is, DEFINITION, &documented, how);
}

#[test]
fn every_variable_is_in_the_manual() {
    let page = read(ENVIRONMENT);
    let cells = page.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    let documented = cells.flat_map(|cell| cell.split('`')).filter(|word| is_variable(word));
    let documented = documented.map(str::to_owned).collect();
    let how = "give it a row: its name, its default, and what it means";
    same(&literals(&code(), is_variable), ENVIRONMENT, &documented, how);
}

fn is_variable(word: &str) -> bool {
    let rest = word.strip_prefix("S6_").or_else(|| word.strip_prefix("SIXTREE_"));
    rest.is_some_and(|rest| {
        let is_part = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
        !rest.is_empty() && rest.bytes().all(is_part) && !rest.ends_with('_')
    })
}

#[test]
fn every_diagnostic_is_in_the_manual() {
    let is_code = |word: &str| {
        word.len() == 4
            && word.starts_with(['E', 'W'])
            && word[1..].bytes().all(|b| b.is_ascii_digit())
    };
    let page = read(DIAGNOSTICS);
    let documented = page.lines().filter_map(|line| line.strip_prefix("## ")?.split(':').next());
    let documented = documented.map(str::to_owned).collect();
    let how = "give it a heading `## CODE: what it is`, and say what to do";
    same(&literals(&code(), is_code), DIAGNOSTICS, &documented, how);
}

#[test]
fn every_subcommand_and_option_is_in_the_manual() {
    let made = generate::pages().expect("they can be made");
    let (_, page) = made.iter().find(|(name, _)| *name == "reference/sixtree.md").expect("a page");
    let mut command = generate::syntax::command(&sixtree::cli::SYNTAX);
    command.build();
    for subcommand in command.get_subcommands() {
        let heading = format!("\n## sixtree {}\n", subcommand.get_name());
        let section = page.split(&heading).nth(1).unwrap_or_else(|| panic!("no {heading:?}"));
        let section = section.split("\n## ").next().unwrap_or_default();
        for option in subcommand.get_arguments().filter_map(|argument| argument.get_long()) {
            assert!(option == "help" || section.contains(&format!("--{option}")), "{option}");
        }
    }
}

/// What stands in the manual as a command of `sixtree` is one: its subcommand, and its options.
#[test]
fn the_manual_mentions_no_subcommand_or_option_that_is_not_there() {
    let mut command = generate::syntax::command(&sixtree::cli::SYNTAX);
    command.build();
    let mut faults = Vec::new();
    for path in pages() {
        let text = read(&Path::new(SOURCES).join(&path).to_string_lossy());
        for call in calls(&text) {
            if let Err(fault) = is_possible(&command, &call) {
                faults.push(format!("{}: {}: {fault}", path.display(), call.join(" ")));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Every `sixtree …` in code, as words up to where another command's begin.
fn calls(text: &str) -> Vec<Vec<String>> {
    let mut calls = Vec::new();
    let mut is_block = false;
    for line in text.lines() {
        if line.starts_with("```") {
            is_block = !is_block;
            continue;
        }
        let command = line.strip_prefix("$ ").or_else(|| line.strip_prefix(">   "));
        let parts: Vec<&str> = match (is_block, command) {
            (true, Some(command)) => vec![command],
            (true, None) => Vec::new(),
            (false, _) => line.split('`').skip(1).step_by(2).collect(),
        };
        for part in parts {
            let words = part.split_whitespace().map(str::to_owned);
            let own = words.skip_while(|word| word != "sixtree").skip(1);
            let own: Vec<_> = own.take_while(|word| word != "--").collect();
            let is_call =
                own.first().is_some_and(|word| word.bytes().all(|b| b.is_ascii_lowercase()));
            calls.extend(is_call.then_some(own));
        }
    }
    calls
}

/// Whether clap knows the subcommand and the options of a call.
fn is_possible(command: &clap::Command, call: &[String]) -> Result<(), String> {
    let mut command = command;
    for word in call {
        let word = word.trim_end_matches([';', ',', '…']);
        if let Some(inner) = command.find_subcommand(word) {
            command = inner;
            continue;
        }
        if command.get_name() == "sixtree" {
            return Err(format!("no subcommand {word}"));
        }
        // What stands behind the folder is the container's command.
        if command.get_name() == "run" && word == "image" {
            return Ok(());
        }
        if let Some(option) = word.strip_prefix("--") {
            let option = option.split('=').next().unwrap_or_default();
            let is_known = command.get_arguments().any(|a| a.get_long() == Some(option));
            if !is_known {
                return Err(format!("no option --{option}"));
            }
        }
    }
    Ok(())
}
