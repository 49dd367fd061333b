//! s6-connlimit: becomes a program unless its client has too many connections.
//! Reference: <https://skarnet.org/software/s6/s6-connlimit.html>.

use crate::format::decimal;
use crate::tools::die::show;
use crate::tools::{Exit, Next, Process, Word};

/// `s6-connlimit prog...`
pub fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let protocol = show(process.variable("PROTO")?).to_string();
    if protocol.is_empty() {
        return Err(process.fatal(100, "empty PROTO"));
    }
    let number = |name: &str, value: &[u8]| {
        decimal::parse::<u32>(value)
            .ok_or_else(|| process.fatal(100, format_args!("invalid {name}")))
    };
    let name = format!("{protocol}CONNNUM");
    let count = number(&name, process.variable(&name)?)?;
    let name = format!("{protocol}CONNMAX");
    if let Some(value) = process.env.get(name.as_bytes())
        && count > number(&name, value)?
    {
        let text = "number of connections from this client limited to";
        return Err(process.fatal(1, format_args!("{text} {}", show(value))));
    }
    Ok(argv.into_iter().skip(1).collect::<Vec<_>>().into())
}
