//! withstdinas: puts what stdin holds into a variable.
//! Reference: <https://skarnet.org/software/execline/withstdinas.html>.

use super::autoimport;
use crate::sys::fd;
use crate::tools::{Exit, Next, Options, Process, Word};

/// `withstdinas [ -i | -I | -D default ] [ -N | -n ] [ -E | -e ] var remainder...`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "iINnD:Ee")?;
    let [variable, rest @ ..] = options.words() else { return Err(process.usage()) };
    autoimport::check_name(process, variable)?;
    let mut input = fd::read_to_end(0).map_err(process.unable("slurp"))?;
    let value = match input.iter().position(|&b| b == 0) {
        None => {
            let chomp = options.last_of("nN") != Some('N');
            if chomp && input.last() == Some(&b'\n') {
                input.pop();
            }
            Some(input)
        }
        Some(nul) => match (options.last_of("iI"), options.value('D')) {
            (Some('i'), _) => return Err(process.fatal(1, NUL)),
            (Some(_), _) => None,
            (None, Some(default)) => {
                process.warn(format_args!("{NUL} - using default instead"));
                Some(default.to_vec())
            }
            (None, None) => {
                input.truncate(nul);
                Some(input)
            }
        },
    };
    let import = options.last_of("Ee") == Some('E');
    Ok(autoimport::go_on(process, variable, value.as_deref(), rest.to_vec(), import))
}

const NUL: &str = "stdin contained a null character";
