//! `sixtree tools` and `sixtree help`: lists all commands, and shows how each is called.

use super::arguments::{Argument, CommandSyntax, GivenArguments};
use super::{CommandFailure, SUBCOMMANDS, print};
use crate::definition::similar;
use crate::tools::{FAMILIES, find};

/// `sixtree tools` and what it takes.
pub(super) const SYNTAX: CommandSyntax =
    CommandSyntax::new("tools", "List every compatible command, with what it is for").runs(run);

/// Lists them; returns the exit code.
pub(super) fn run(_: &GivenArguments) -> Result<i32, CommandFailure> {
    Ok(print(&listing()))
}

/// `sixtree help` and what it takes.
pub(super) const HELP: CommandSyntax =
    CommandSyntax::new("help", "Show how a compatible command, or a subcommand, is called")
        .notes("Exits 3 if there is no such command.")
        .takes(&[&[Argument::word("name", "TOOL", "[default: sixtree itself]")]])
        .runs(help);

/// Helps; returns the exit code.
pub(super) fn help(arguments: &GivenArguments) -> Result<i32, CommandFailure> {
    match arguments.text("name") {
        None => Ok(print(&super::SYNTAX.help(super::SYNTAX.name))),
        Some(name) => usage(name).map(|text| print(&text)),
    }
}

/// Every tool, by family.
fn listing() -> String {
    let all = FAMILIES.iter().flat_map(|(_, tools)| tools.iter());
    let width = all.map(|tool| tool.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for (family, tools) in FAMILIES {
        let gap = if text.is_empty() { "" } else { "\n" };
        text.push_str(&format!("{gap}{family}\n"));
        for tool in *tools {
            text.push_str(&format!("  {:width$}  {}\n", tool.name, sentence(tool.summary)));
        }
    }
    text
}

/// How a tool, or a subcommand of this one, is called.
fn usage(name: &str) -> Result<String, CommandFailure> {
    if let Some(tool) = find(name.as_bytes()) {
        let synopsis = format!("{name} {}", tool.usage);
        return Ok(format!("{}\n\nUsage: {}\n", sentence(tool.summary), synopsis.trim_end()));
    }
    if let Some(subcommand) = SUBCOMMANDS.iter().find(|subcommand| subcommand.name == name) {
        return Ok(subcommand.help(&format!("{} {name}", super::SYNTAX.name)));
    }
    let tools = FAMILIES.iter().flat_map(|(_, tools)| tools.iter()).map(|tool| tool.name);
    let meant = similar(name, tools.chain(SUBCOMMANDS.iter().map(|subcommand| subcommand.name)));
    let meant = meant.map_or(String::new(), |meant| format!("; did you mean {meant}?"));
    Err(CommandFailure { code: 3, text: format!("no command is called {name}{meant}") })
}

/// Some summaries begin with a capital, some do not: here all do.
fn sentence(summary: &str) -> String {
    let mut sentence = summary.to_owned();
    if let Some(first) = sentence.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    sentence
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_is_listed_and_has_help() {
        let listing = listing();
        for tool in FAMILIES.iter().flat_map(|(_, tools)| tools.iter()) {
            assert!(listing.contains(&format!("\n  {} ", tool.name)), "{}", tool.name);
            assert!(usage(tool.name).unwrap().contains(&format!("Usage: {}", tool.name)));
            assert!(!tool.summary.is_empty(), "{}", tool.name);
        }
        assert!(usage("graph").unwrap().contains("Usage: sixtree graph"));
    }

    #[test]
    fn an_unknown_command_is_told_apart() {
        let CommandFailure { code, text } = usage("s6-scv").unwrap_err();
        assert_eq!((code, text.as_str()), (3, "no command is called s6-scv; did you mean s6-svc?"));
    }
}
