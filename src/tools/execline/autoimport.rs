//! How a tool hands on a value that it has found out: as a variable of the environment, or (its
//! option -E) in the words of the program line, wherever they say `${NAME}`.

use crate::tools::{Environment, Exec, Exit, Next, Process, Word};

/// A variable and its value; none: it is to be removed.
pub(super) type Finding<'a> = (&'a [u8], Option<&'a [u8]>);

/// Goes on to `argv` with the variable `name` set to `value`, or removed if there is none. With
/// `import` it is then replaced in the words, by way of importas, and removed.
pub(super) fn go_on(
    process: &mut Process,
    name: &[u8],
    value: Option<&[u8]>,
    argv: Vec<Word>,
    import: bool,
) -> Next {
    set(&mut process.env, (name, value));
    if import { importing(name, argv).into() } else { argv.into() }
}

/// The same for several variables, of which those with a value are imported in one pass.
pub(super) fn go_on_with_all(
    process: &mut Process,
    findings: &[Finding],
    argv: Vec<Word>,
    import: bool,
) -> Next {
    findings.iter().for_each(|finding| set(&mut process.env, *finding));
    let mut words = vec![b"multisubstitute".to_vec()];
    for (name, _) in findings.iter().filter(|(_, value)| import && value.is_some()) {
        words.extend([b" importas".to_vec(), b" -uSi".to_vec(), b" --".to_vec()]);
        words.push([b" ", *name].concat());
    }
    if words.len() == 1 {
        return argv.into();
    }
    words.push(Word::new());
    words.extend(argv);
    Exec::own(words).into()
}

/// The program `argv` under an importas that replaces `name`.
pub(super) fn importing(name: &[u8], argv: Vec<Word>) -> Exec {
    let importas: [&[u8]; 4] = [b"importas", b"-uSi", b"--", name];
    Exec::own(importas.into_iter().map(<[u8]>::to_vec).chain(argv).collect())
}

fn set(env: &mut Environment, (name, value): Finding) {
    match value {
        Some(value) => env.set(name, value),
        None => env.unset(name),
    }
}

/// Refuses what cannot be the name of a variable.
pub(super) fn check_name(process: &Process, name: &[u8]) -> Result<(), Exit> {
    if name.is_empty() || name.contains(&b'=') {
        return Err(process.fatal(100, "invalid variable name"));
    }
    Ok(())
}
