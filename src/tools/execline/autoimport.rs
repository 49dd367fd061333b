//! How a tool hands on a value that it has found out: as a variable of the environment, or (its
//! option -E) in the words of the program line, wherever they say `${NAME}`.

use crate::tools::{Next, Process, Word};

/// Goes on to `argv` with the variable `name` set to `value`, or removed if there is none. With
/// `import` it is then replaced in the words, by way of importas, and removed.
pub fn go_on(
    process: &mut Process,
    name: &[u8],
    value: Option<&[u8]>,
    argv: Vec<Word>,
    import: bool,
) -> Next {
    match value {
        Some(value) => process.env.set(name, value),
        None => process.env.unset(name),
    }
    if import { importing(name, argv).into() } else { argv.into() }
}

/// The words `argv` under an importas that replaces `name`.
pub fn importing(name: &[u8], argv: Vec<Word>) -> Vec<Word> {
    let importas: [&[u8]; 4] = [b"importas", b"-uSi", b"--", name];
    importas.into_iter().map(<[u8]>::to_vec).chain(argv).collect()
}

/// Refuses what cannot be the name of a variable.
pub fn check_name(process: &Process, name: &[u8]) -> Result<(), Next> {
    if name.is_empty() || name.contains(&b'=') {
        return Err(process.fatal(100, "invalid variable name"));
    }
    Ok(())
}
