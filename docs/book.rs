//! The pages of the manual that come from elsewhere: the arguments of `sixtree`, the tables of the
//! compatible commands, and the texts that stand at the top of the repository.

use clap::{Arg, Command};
use sixtree::tools::FAMILIES;
use std::fmt::Write;
use std::fs;
use std::io::Result;

const REPOSITORY: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main");

/// Texts of the repository, and where they are in the manual. They may mention each other.
const TEXTS: &[(&str, &str)] = &[
    ("ARCHITECTURE.md", "inside/ARCHITECTURE.md"),
    ("CONTRIBUTING.md", "inside/CONTRIBUTING.md"),
    ("CHANGELOG.md", "inside/CHANGELOG.md"),
    ("SECURITY.md", "inside/SECURITY.md"),
];

/// What a family of commands is called for people.
const TITLES: &[(&str, &str)] = &[
    ("overlay", "s6-overlay and s6-linux-init"),
    ("portable", "s6-portable-utils"),
    ("linux", "s6-linux-utils"),
];

pub(super) fn pages() -> Result<Vec<(&'static str, String)>> {
    let mut pages = vec![
        ("reference/sixtree.md", subcommands()),
        ("reference/commands.md", tools()),
        ("reference/diagnostics.md", fs::read_to_string("docs/diagnostics.md")?),
    ];
    for (file, page) in TEXTS {
        pages.push((page, with_links(&fs::read_to_string(file)?)));
    }
    Ok(pages)
}

/// A text of the repository whose links lead into the manual, or to where the repository is.
fn with_links(text: &str) -> String {
    let mut made = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("](") {
        let Some((target, behind)) = after.split_once(')') else { break };
        let file = target.split('#').next().unwrap_or_default();
        let is_here = file.is_empty() || TEXTS.iter().any(|(name, _)| *name == file);
        let target = match target {
            "docs/diagnostics.md" => "../reference/diagnostics.md".to_owned(),
            _ if is_here || target.contains("://") => target.to_owned(),
            _ => format!("{REPOSITORY}/{target}"),
        };
        let _ = write!(made, "{before}]({target})");
        rest = behind;
    }
    made + rest
}

/// What each subcommand takes.
fn subcommands() -> String {
    let mut command = super::syntax::command(&sixtree::cli::SYNTAX);
    command.build();
    let mut page = String::from(
        "# The command sixtree\n\n\
         The program under its own name: `docker exec CONTAINER sixtree status` in a container (in \
         `/command`, which an image's PATH may lack), `sixtree check` on a host. This page is made \
         of the program's own arguments. How the commands are used is in [Look \
         inside](../howto/look-inside.md) and [Change a tree](../howto/change-a-tree.md); what the \
         exit codes mean is in [Exit codes](exit-codes.md).\n\n| subcommand | |\n|---|---|\n",
    );
    for subcommand in command.get_subcommands() {
        let (name, about) = (subcommand.get_name(), sentence(subcommand.get_about()));
        let _ = writeln!(page, "| [`{name}`](#sixtree-{name}) | {about} |");
    }
    for subcommand in command.get_subcommands() {
        section(&mut page, subcommand, "##");
    }
    page
}

fn section(page: &mut String, command: &Command, level: &str) {
    let name = command.get_display_name().unwrap_or(command.get_name()).replace('-', " ");
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ");
    let about = sentence(command.get_about());
    let _ = write!(page, "\n{level} {name}\n\n{about}\n\n```\n{usage}\n```\n");
    let arguments: Vec<_> = command.get_arguments().filter(|a| a.get_id() != "help").collect();
    if !arguments.is_empty() {
        page.push_str("\n| argument | meaning |\n|---|---|\n");
    }
    for argument in arguments {
        let _ = writeln!(page, "| `{}` | {} |", spelling(argument), meaning(argument));
    }
    if let Some(text) = command.get_after_help() {
        let _ = write!(page, "\n{}\n", prose(&text.to_string()));
    }
    for inner in command.get_subcommands().filter(|c| c.get_name() != "help") {
        section(page, inner, "###");
    }
}

/// How an argument is written: `-t`, `--timeout <SECONDS>`.
pub(super) fn spelling(argument: &Arg) -> String {
    let short = argument.get_short().map(|letter| format!("-{letter}, ")).unwrap_or_default();
    let long = argument.get_long().map(|name| format!("--{name} ")).unwrap_or_default();
    let takes_value = argument.get_action().takes_values();
    let values = argument.get_value_names().unwrap_or_default();
    let values = values.iter().map(|v| format!("<{}> ", v.to_uppercase())).collect::<String>();
    let spelling = format!("{short}{long}{}", if takes_value { &values } else { "" });
    spelling.trim_end_matches([',', ' ']).replace('|', "\\|")
}

fn meaning(argument: &Arg) -> String {
    let mut meaning = prose(&argument.get_help().map(ToString::to_string).unwrap_or_default());
    let takes_value = argument.get_action().takes_values();
    let defaults = argument.get_default_values();
    if takes_value && !defaults.is_empty() {
        let words: Vec<_> = defaults.iter().map(|word| word.to_string_lossy()).collect();
        let _ = write!(meaning, " (default: {})", words.join(" "));
    }
    let possible = argument.get_possible_values();
    if takes_value && !possible.is_empty() {
        let words: Vec<_> = possible.iter().map(|value| value.get_name()).collect();
        let _ = write!(meaning, " (one of {})", words.join(", "));
    }
    meaning.trim().replace('|', "\\|")
}

/// A text of clap's as Markdown: what stands in corner brackets is no HTML.
fn prose(text: &str) -> String {
    text.replace('<', "\\<").replace("\n  ", "\n\n    ")
}

fn sentence(text: Option<&clap::builder::StyledStr>) -> String {
    let text = text.map(|text| prose(&text.to_string())).unwrap_or_default();
    if text.ends_with('.') { text } else { text + "." }
}

/// Every compatible command, with how it is called.
fn tools() -> String {
    let mut page = String::from(
        "# Compatible commands\n\n\
         What images call: the names, options, exit codes and messages are those of the originals. \
         All are links to one program in `/command`. `sixtree help NAME` shows what stands here. \
         `halt`, `poweroff`, `reboot` and `shutdown` are not in PATH: `/init` links them into \
         `/run/s6/basedir/bin`.\n\n\
         The commands that speak TLS are in `sixtree-tls.tar.xz` only: `s6-tlsc`, `s6-tlsc-io`, \
         `s6-tlsclient`, `s6-tlsd`, `s6-tlsd-io`, `s6-tlsserver`, `s6-ucspitlsc` and \
         `s6-ucspitlsd`.\n",
    );
    for (family, tools) in FAMILIES {
        let title = TITLES.iter().find(|(name, _)| name == family).map_or(*family, |(_, t)| t);
        let _ = write!(page, "\n## {title}\n\n| command | what it is for |\n|---|---|\n");
        for tool in *tools {
            let call = format!("{} {}", tool.name, tool.usage);
            let call = call.trim_end().replace('|', "\\|");
            let summary = tool.summary.replace('|', "\\|").replace('<', "\\<");
            let _ = writeln!(page, "| `{call}` | {summary} |");
        }
    }
    page
}
