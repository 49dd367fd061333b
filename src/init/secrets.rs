//! `SIXTREE_SECRETS`: variables whose values are in files, as Docker's and Kubernetes' secrets are.
//! The values are in no message.

use crate::format::settings::SecretForm;
use crate::sys::file;
use crate::tools::{Environment, Word};
use nix::errno::Errno;

/// A file that is longer than this, in bytes, is hardly a secret.
const LONGEST: usize = 16 << 20;

/// What is wrong with a secret: the variable that names its file, and a sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable}: {what}")]
pub(super) struct BadSecret {
    variable: String,
    what: String,
}

/// Replaces the variables that name files by those whose values the files are; the names of these.
pub(super) fn read(form: SecretForm, env: &mut Environment) -> Result<Vec<Word>, BadSecret> {
    let asked: Vec<(Word, Word, Word)> = env
        .iter()
        .filter_map(|(variable, file)| {
            let name = named(form, variable, file)?;
            Some((variable.to_vec(), name.to_vec(), file.to_vec()))
        })
        .collect();
    let mut secrets: Vec<Word> = Vec::new();
    for (variable, name, file) in asked {
        let bad = |what: String| BadSecret { variable: variable.escape_ascii().to_string(), what };
        let shown = name.escape_ascii();
        if env.get(&name).is_some_and(|value| !value.is_empty()) {
            return Err(bad(format!("{shown} is set as well: leave one of them out")));
        }
        let value = value_of(&file).map_err(bad)?;
        env.unset(&variable);
        env.set(&name, &value);
        secrets.push(name);
    }
    Ok(secrets)
}

/// The variable whose value is in the file that this one names, if it names one.
fn named<'v>(form: SecretForm, variable: &'v [u8], file: &[u8]) -> Option<&'v [u8]> {
    let (prefix, suffix) = match form {
        SecretForm::None => (false, false),
        SecretForm::Prefix => (true, false),
        SecretForm::Suffix => (false, true),
        SecretForm::Both => (true, true),
    };
    let by_prefix = variable.strip_prefix(b"FILE__").filter(|_| prefix && !file.is_empty());
    // Variables may end so for other reasons: LOG_FILE=stdout.
    let is_path = file.starts_with(b"/");
    let by_suffix = || variable.strip_suffix(b"_FILE").filter(|_| suffix && is_path);
    // Our own settings are none, and some of them end so.
    let is_own = |name: &&[u8]| name.starts_with(b"S6_") || name.starts_with(b"SIXTREE_");
    by_prefix.or_else(by_suffix).filter(|name| !name.is_empty() && !is_own(name))
}

/// The text of a file without its last newline, as the value of a variable.
fn value_of(path: &[u8]) -> Result<Word, String> {
    let shown = path.escape_ascii();
    let mut value = file::head(path, LONGEST + 1).map_err(|e| {
        let what = match e {
            Errno::EACCES => "Permission denied: it must be readable for the user of /init",
            e => e.desc(),
        };
        format!("unable to read {shown}: {what}")
    })?;
    if value.len() > LONGEST {
        return Err(format!(
            "{shown} is longer than {LONGEST} bytes: is it the file that was meant?"
        ));
    }
    if value.last() == Some(&b'\n') {
        value.pop();
    }
    if value.contains(&0) {
        return Err(format!("{shown} has a NUL byte, which no variable can have"));
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn env(strings: &[String]) -> Environment {
        Environment::from_strings(strings.iter().map(|s| s.clone().into_bytes()).collect())
    }

    #[test]
    fn both_forms_are_read_and_what_names_the_file_goes() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("secret");
        fs::write(&path, "two\nlines\n").unwrap();
        let path = path.display();
        let all = [
            format!("FILE__A={path}"),
            format!("B_FILE={path}"),
            "C_FILE=x".to_owned(),
            format!("SIXTREE_X_FILE={path}"),
        ];
        let mut both = env(&all);
        let names = read(SecretForm::Both, &mut both).unwrap();
        assert_eq!(names, [b"A".to_vec(), b"B".to_vec()]);
        assert_eq!(both.get(b"A"), Some(b"two\nlines".as_slice()));
        assert_eq!(both.get(b"B"), Some(b"two\nlines".as_slice()));
        assert_eq!(both.get(b"C_FILE"), Some(b"x".as_slice()));
        assert_eq!(both.get(b"SIXTREE_X"), None);
        assert_eq!((both.get(b"FILE__A"), both.get(b"B_FILE")), (None, None));
        let mut one = env(&all);
        assert_eq!(read(SecretForm::Suffix, &mut one).unwrap(), [b"B".to_vec()]);
        assert!(read(SecretForm::None, &mut one).unwrap().is_empty());
    }

    #[test]
    fn what_cannot_be_used_is_named_without_its_content() {
        let scratch = tempfile::tempdir().unwrap();
        let long = scratch.path().join("long");
        fs::write(&long, "s3cret".repeat(LONGEST / 6 + 1)).unwrap();
        let binary = scratch.path().join("binary");
        fs::write(&binary, "s3cret\0").unwrap();
        let says = |strings: &[String]| {
            let said = read(SecretForm::Both, &mut env(strings)).unwrap_err().to_string();
            assert!(!said.contains("s3cret"), "{said}");
            said
        };
        let set = says(&["FILE__A=/dev/null".to_owned(), "A=s3cret".to_owned()]);
        assert_eq!(set, "FILE__A: A is set as well: leave one of them out");
        let twice = says(&[format!("FILE__A={}", "/etc/passwd"), "A_FILE=/etc/passwd".to_owned()]);
        assert_eq!(twice, "A_FILE: A is set as well: leave one of them out");
        let missing = says(&["FILE__A=no/such".to_owned()]);
        assert_eq!(missing, "FILE__A: unable to read no/such: No such file or directory");
        assert!(says(&[format!("A_FILE={}", long.display())]).contains("is longer than 16777216"));
        assert!(says(&[format!("A_FILE={}", binary.display())]).contains("a NUL byte"));
    }
}
