//! Writes what the documentation has of the code: `cargo run --example docs -- DIR` writes the man
//! pages and the shell completions of `sixtree`, laid out as in an image, and `… -- --book DIR` the
//! generated pages of the manual. Not part of the binary, which is to stay small.

mod book;
mod roff;

#[path = "syntax.rs"]
pub(crate) mod syntax;

use clap::Command;
use clap_complete::Shell;
use std::fs;
use std::io::{Error, Result};
use std::path::Path;

/// The page of the manual that is a man page as well.
pub(crate) const DEFINITION: &str = "docs/src/reference/definition.md";

#[allow(clippy::disallowed_methods)] // an ordinary program, with Rust's own start-up
fn main() -> Result<()> {
    let words: Vec<_> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--book", folder] => write_book(Path::new(folder)),
        [root] => write(Path::new(root)),
        _ => Err(Error::other("usage: docs DIR, or docs --book DIR")),
    }
}

/// The generated pages of the manual: where each is below its sources, and its text.
pub(crate) fn pages() -> Result<Vec<(&'static str, String)>> {
    book::pages()
}

fn write_book(folder: &Path) -> Result<()> {
    for (name, text) in pages()? {
        let file = folder.join(name);
        if let Some(parent) = file.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(file, text)?;
    }
    Ok(())
}

/// Writes the man pages and completions.
pub(crate) fn write(root: &Path) -> Result<()> {
    let share = root.join("usr/share");
    let mut command = syntax::command(&sixtree::cli::SYNTAX).version(env!("CARGO_PKG_VERSION"));
    command.build();
    manuals(&command, &share.join("man/man1"))?;
    let folder = share.join("man/man5");
    fs::create_dir_all(&folder)?;
    let page = roff::page("sixtree-definition", "5", &fs::read_to_string(DEFINITION)?);
    fs::write(folder.join("sixtree-definition.5"), page)?;
    for (shell, folder) in [
        (Shell::Bash, "bash-completion/completions"),
        (Shell::Zsh, "zsh/site-functions"),
        (Shell::Fish, "fish/vendor_completions.d"),
    ] {
        let folder = share.join(folder);
        fs::create_dir_all(&folder)?;
        let file = clap_complete::generate_to(shell, &mut command, "sixtree", folder)?;
        // Where bash looks, the file has the command's name and nothing else.
        if shell == Shell::Bash {
            fs::rename(&file, file.with_file_name("sixtree"))?;
        }
    }
    Ok(())
}

/// A page for the command, and one for each subcommand.
fn manuals(command: &Command, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    manual(command.clone(), "sixtree", folder)?;
    for subcommand in command.get_subcommands() {
        let name = format!("sixtree-{}", subcommand.get_name());
        manual(subcommand.clone(), &name, folder)?;
    }
    Ok(())
}

fn manual(command: Command, name: &str, folder: &Path) -> Result<()> {
    let source = concat!("sixtree ", env!("CARGO_PKG_VERSION"));
    let page = clap_mangen::Man::new(command).title(name).section("1").date("").source(source);
    let mut text = Vec::new();
    page.manual("sixtree").render(&mut text)?;
    // What stands below the options of a help text: exit codes, for the most part.
    let text = String::from_utf8_lossy(&text).replace(".SH EXTRA\n", ".SH NOTES\n");
    fs::write(folder.join(format!("{name}.1")), text)
}
