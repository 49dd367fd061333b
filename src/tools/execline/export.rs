//! export and unexport: sets a variable, or removes it.
//! Reference: <https://skarnet.org/software/execline/export.html> and `unexport.html`.

use crate::tools::die::show;
use crate::tools::{Exit, Next, Process, Word};

/// `export variable value prog...`
pub(super) fn export(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let ([name, value], program) = process.operands(argv.into_iter().skip(1))?;
    check_name(process, &name)?;
    process.env.set(&name, &value);
    Ok(program.into())
}

/// `unexport variable prog...`
pub(super) fn unexport(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let ([name], program) = process.operands(argv.into_iter().skip(1))?;
    check_name(process, &name)?;
    process.env.unset(&name);
    Ok(program.into())
}

/// Refuses a name with a `=`.
pub(super) fn check_name(process: &Process, name: &[u8]) -> Result<(), Exit> {
    if name.contains(&b'=') {
        return Err(process.fatal(100, format_args!("invalid variable name: {}", show(name))));
    }
    Ok(())
}
