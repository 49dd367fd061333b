//! The variables in `.env`, as foreman reads them.

use super::ImportedFile;
use super::note::{Notes, Origin};
use crate::cli::{CommandFailure, check};
use std::path::PathBuf;

/// The variables of the `.env` beside a file; none if there is no such file.
pub(super) fn read(
    place: &ImportedFile,
    notes: &mut Notes,
) -> Result<Vec<(String, String)>, CommandFailure> {
    let file = place.directory().join(".env");
    if !file.is_file() {
        return Ok(Vec::new());
    }
    // Shown as beside the Procfile.
    let shown: PathBuf = place.file.with_file_name(".env");
    let place = ImportedFile { file: shown, ..place.clone() };
    let text = place.read()?;
    let mut variables: Vec<(String, String)> = Vec::new();
    for (line, text) in (1..).zip(text.lines()) {
        let at = Origin { file: place.shown(), line };
        let text = text.trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let Some((key, value)) = variable(text) else {
            notes.error(&at, format!("{text:?} is no variable"), "write KEY=VALUE");
            continue;
        };
        if check::is_secret_name(key) && !value.is_empty() {
            let what = format!("{key} looks like a secret, and is now part of the image");
            let remedy = "remove it from run, and pass it when the container starts";
            notes.differs(&at, what, remedy);
        }
        variables.retain(|(known, _)| known != key);
        variables.push((key.to_owned(), value));
    }
    Ok(variables)
}

fn variable(line: &str) -> Option<(&str, String)> {
    let (key, value) = line.strip_prefix("export ").unwrap_or(line).split_once('=')?;
    let key = key.trim();
    let is_key = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if key.is_empty() || !key.chars().all(is_key) {
        return None;
    }
    let value = value.trim();
    let inside = |quote| value.strip_prefix(quote).and_then(|value| value.strip_suffix(quote));
    Some((
        key,
        match (inside('\''), inside('"')) {
            (Some(literal), _) => literal.to_owned(),
            (None, Some(quoted)) => unescaped(quoted),
            (None, None) => value.to_owned(),
        },
    ))
}

/// `\n` is a newline; before anything else a backslash means nothing.
fn unescaped(text: &str) -> String {
    let mut done = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => done.extend(chars.next().map(|c| if c == 'n' { '\n' } else { c })),
            c => done.push(c),
        }
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_foreman_reads_them() {
        let of = |line| variable(line).map(|(key, value)| format!("{key}={value}"));
        assert_eq!(of("A=b c").as_deref(), Some("A=b c"));
        assert_eq!(of("export A = 'b\\n'").as_deref(), Some("A=b\\n"));
        assert_eq!(of("A=\"b\\nc\\\"\"").as_deref(), Some("A=b\nc\""));
        assert_eq!(of("A=").as_deref(), Some("A="));
        assert_eq!(of("A=\"").as_deref(), Some("A=\""));
        assert_eq!(of("A"), None);
        assert_eq!(of("A B=c"), None);
    }
}
