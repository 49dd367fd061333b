//! with-contenv and printcontenv: the container's variables for what runs without them.

use super::container::{environment_directory, keeps_environment, value, variable, word};
use super::justc_envdir::files;
use crate::tools::die::show;
use crate::tools::{Environment, Next, Process, Word};

/// `with-contenv prog...`: replaces the environment, but for PATH, by the container's.
pub fn with_contenv(process: &mut Process, mut argv: Vec<Word>) -> Result<Next, Next> {
    if argv.len() < 2 {
        return Err(process.usage());
    }
    if !keeps_environment(process) {
        let directory = word(&environment_directory(process));
        let files = files(&directory).map_err(|e| {
            process.fatal_errno(&format!("unable to envdir {}", show(&directory)), e)
        })?;
        let path = process.env.get(b"PATH").map(|path| (b"PATH".to_vec(), path.to_vec()));
        process.env = Environment::from_iter(path);
        for (name, content) in files {
            match content.as_slice() {
                b"" => process.env.unset(&name),
                content => process.env.set(&name, &value(content)),
            }
        }
        process.adopt_path();
    }
    Ok(argv.split_off(1).into())
}

/// `printcontenv variable`: its value and a newline; exit 1 if there is no such variable.
pub fn printcontenv(process: &mut Process, argv: Vec<Word>) -> Result<Next, Next> {
    let Some(name) = argv.get(1) else { return Err(process.fatal(100, "too few arguments")) };
    // Differs: one newline; the original prints the one of the file and another one.
    let Ok(value) = variable(process, name) else { return Ok(Next::Exit(1)) };
    process.print(&[value.as_slice(), b"\n"].concat())?;
    Ok(Next::Exit(0))
}
