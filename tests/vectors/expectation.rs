//! What a vector expects, and how a run differs from it.

use crate::vector::Outcome;
use serde_json::{Map, Value};
use sixtree::sys::regex::{Dialect, Regex};
use std::fs;
use std::path::Path;

/// Where it is not recorded whether anything is on stderr, success is silent; but not in these:
/// what is tried again was told before.
const SPEAK_OF_SUCCESS: &[&str] =
    &["s6-log/processor-crashes-and-is-retried", "s6-log/processor-fails-and-is-retried"];

pub(crate) struct Expectation {
    exit: i64,
    stdout: Option<String>,
    stdout_regex: Option<String>,
    stderr_nonempty: Option<bool>,
    /// What a file must hold; `None`: it must not exist.
    files_after: Vec<(String, Option<String>)>,
}

impl From<&Map<String, Value>> for Expectation {
    fn from(keys: &Map<String, Value>) -> Self {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let files = keys.get("files_after").and_then(Value::as_object);
        let file = |(name, content): (&String, &Value)| (name.clone(), text(content));
        let exit = keys["exit"].as_i64().unwrap();
        let id = keys["id"].as_str().unwrap();
        let silent = exit == 0 && !SPEAK_OF_SUCCESS.contains(&id);
        Self {
            exit,
            stdout: keys.get("stdout").and_then(text),
            stdout_regex: keys.get("stdout_regex").and_then(text),
            stderr_nonempty: keys
                .get("stderr_nonempty")
                .and_then(Value::as_bool)
                .or(silent.then_some(false)),
            files_after: files.map(|map| map.iter().map(file).collect()).unwrap_or_default(),
        }
    }
}

impl Expectation {
    /// The ways in which a run is not as expected.
    pub(crate) fn differences(&self, outcome: &Outcome) -> Vec<String> {
        let mut differences = Vec::new();
        if outcome.exit != self.exit {
            differences.push(format!("exit: expected {}, got {}", self.exit, outcome.exit));
        }
        let stdout = shown(&outcome.stdout);
        match (&self.stdout_regex, &self.stdout) {
            (Some(expression), _) if !matches(expression, &outcome.stdout) => {
                differences.push(format!("stdout: expected regex {expression:?}, got {stdout}"));
            }
            (None, Some(expected)) if expected.as_bytes() != outcome.stdout => {
                differences.push(format!("stdout: expected {expected:?}, got {stdout}"));
            }
            _ => {}
        }
        if self.stderr_nonempty.is_some_and(|some| some == outcome.stderr.is_empty()) {
            let expected = if outcome.stderr.is_empty() { "something" } else { "nothing" };
            differences.push(format!("stderr: expected {expected}"));
        }
        for (name, expected) in &self.files_after {
            let content = content(&outcome.folder, name);
            if content.as_deref() != expected.as_deref().map(str::as_bytes) {
                let content = content.map(|bytes| shown(&bytes));
                differences.push(format!("file {name}: expected {expected:?}, got {content:?}"));
            }
        }
        if !differences.is_empty() {
            differences.push(format!("(stderr was {})", shown(&outcome.stderr)));
        }
        differences
    }
}

/// The content of a file, if there is one; of a directory whose name ends in a slash: nothing.
fn content(folder: &Path, name: &str) -> Option<Vec<u8>> {
    let path = folder.join(name);
    match (path.is_dir(), name.ends_with('/')) {
        (true, true) => Some(Vec::new()),
        (true, false) => Some(b"(a directory)".to_vec()),
        (false, _) => fs::read(path).ok(),
    }
}

fn shown(bytes: &[u8]) -> String {
    format!("{:?}", String::from_utf8_lossy(bytes))
}

/// Whether an expression as Python writes it matches all of a text. It becomes one of POSIX's basic
/// kind, in which alone all C libraries know back-references.
fn matches(expression: &str, text: &[u8]) -> bool {
    let mut basic = String::from("^");
    let mut characters = expression.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some('d') => basic.push_str("[0-9]"),
                Some('n') => basic.push('\n'),
                other => basic.extend(['\\'].into_iter().chain(other)),
            },
            '(' | ')' | '{' | '}' => basic.extend(['\\', character]),
            '+' => basic.push_str("\\{1,\\}"),
            other => basic.push(other),
        }
    }
    basic.push('$');
    Regex::new(basic.as_bytes(), Dialect::default()).ok().unwrap().is_match(text)
}

#[test]
fn expressions_are_translated() {
    assert!(matches("(@[0-9a-f]{2} \\d+\n)\\1", b"@0f 12\n@0f 12\n"));
    assert!(!matches("(@[0-9a-f]{2} \\d+\n)\\1", b"@0f 12\n@0f 13\n"));
    assert!(matches("a:[^:\\n]+\\.", b"a:nn."));
    assert!(!matches("a", b"a\n"));
}
