//! The man pages and completions are there for every subcommand, and their readers take them.
#![expect(clippy::disallowed_methods, reason = "a test starts programs as anyone would")]

#[allow(dead_code)] // its main is the example's
#[path = "../docs/generate.rs"]
mod generate;
mod skip;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// The documents, in a folder that is removed when it is dropped.
struct Documents(TempDir);

impl Documents {
    fn generate() -> Self {
        let folder = tempfile::tempdir().unwrap();
        generate::write(folder.path()).unwrap();
        Self(folder)
    }

    /// The path of one of them, below /usr/share.
    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join("usr/share").join(name)
    }
}

/// Runs a program that may not be here. `None`, and why: it is not.
fn output(program: &str, words: &[&str]) -> Option<Output> {
    match Command::new(program).args(words).output() {
        Ok(output) => Some(output),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            skip::skip(&format!("there is no {program}"));
            None
        }
        Err(e) => panic!("{program}: {e}"),
    }
}

#[test]
fn every_subcommand_has_a_page_that_groff_takes_without_a_warning() {
    let documents = Documents::generate();
    let names = sixtree::cli::SYNTAX.subcommands.iter().map(|s| format!("sixtree-{}", s.name));
    for name in names.chain(["sixtree".to_owned()]) {
        let Some(text) = shown(&documents.path(&format!("man/man1/{name}.1"))) else { return };
        assert!(text.contains("SYNOPSIS") && text.contains("OPTIONS"), "{name}: {text}");
    }
}

/// A man page as groff prints it, without a warning. `None`: there is no groff.
fn shown(page: &Path) -> Option<String> {
    let words = ["-man", "-Tutf8", "-P-cbou", "-ww", page.to_str().unwrap()];
    let shown = output("groff", &words)?;
    assert_eq!(String::from_utf8_lossy(&shown.stderr), "", "{}", page.display());
    Some(String::from_utf8_lossy(&shown.stdout).into_owned())
}

#[test]
fn the_files_of_a_definition_have_a_man_page() {
    let documents = Documents::generate();
    let Some(text) = shown(&documents.path("man/man5/sixtree-definition.5")) else { return };
    let has = |line: &str| text.lines().any(|l| l == line);
    assert!(has("NAME") && has("Longruns") && has("   notification-fd"), "{text}");
    // Code is kept as it is, and a link is only its text.
    assert!(text.contains("/run/s6/basedir/bin/halt") && !text.contains("]("), "{text}");
}

#[test]
fn bash_completes_a_subcommand_and_its_options() {
    let documents = Documents::generate();
    let file = documents.path("bash-completion/completions/sixtree");
    let complete = |words: &str, count: usize| {
        let script = format!(
            "source {}; COMP_WORDS=({words}); COMP_CWORD={count}; cur=${{COMP_WORDS[{count}]}}; \
             _sixtree sixtree \"$cur\" \"${{COMP_WORDS[{count}-1]}}\"; echo \"${{COMPREPLY[*]}}\"",
            file.display()
        );
        let output = output("bash", &["--norc", "-c", &script])?;
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let Some(subcommand) = complete("sixtree heal", 1) else { return };
    assert_eq!(subcommand, "healthcheck");
    assert_eq!(complete("sixtree check --str", 2).as_deref(), Some("--strict"));
    assert_eq!(complete("sixtree check --format s", 3).as_deref(), Some("sarif"));
}

#[test]
fn zsh_and_fish_have_theirs() {
    let documents = Documents::generate();
    for (file, beginning) in [
        ("zsh/site-functions/_sixtree", "#compdef sixtree"),
        ("fish/vendor_completions.d/sixtree.fish", "#"),
    ] {
        let text = std::fs::read_to_string(documents.path(file)).unwrap();
        assert!(text.starts_with(beginning) && text.contains("healthcheck"), "{file}");
    }
}
