//! elgetpositionals: replaces the positional parameters in the words that follow.
//! Reference: <https://skarnet.org/software/execline/elgetpositionals.html>.

use super::pass::{self, Fault, Pass};
use super::strict;
use crate::format::decimal;
use crate::tools::{Exit, Next, Process, Word};

/// `elgetpositionals [ -P num ] prog...`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    pass::run(process, argv, directive)
}

/// The same within a pass.
pub(super) fn directive(pass: &mut Pass, argv: Vec<Word>) -> Result<Vec<Word>, Fault> {
    let options = pass::options(argv, "P:")?;
    let values = options.iter().map(|(_, value)| decimal::parse(value).ok_or(Fault::Usage));
    let least: u32 = values.collect::<Result<Vec<_>, _>>()?.last().copied().unwrap_or(0);

    let process = pass.process;
    let set = |name: &[u8]| process.env.get(name).map(<[u8]>::to_vec).ok_or(Fault::BadKey);
    let count = set(b"#")?;
    let last: u32 = decimal::parse(&count).ok_or(Fault::BadKey)?;
    if last < least {
        let text = format!("too few arguments: expected at least {least} but got {last}");
        strict::complain(process, || text).map_err(Fault::Said)?;
    }

    let mut all = Vec::new();
    for number in 0..=last.max(least) {
        let name = number.to_string().into_bytes();
        let value = if number <= last { set(&name)? } else { Word::new() };
        if (1..=last).contains(&number) {
            all.push(value.clone());
        }
        pass.definitions.define(name, vec![value])?;
    }
    pass.definitions.define(b"#".to_vec(), vec![count])?;
    pass.definitions.define(b"@".to_vec(), all)?;
    Ok(options.rest())
}
