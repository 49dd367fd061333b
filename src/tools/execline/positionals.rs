//! The positional parameters, as they stand in the environment: `#` says how many there are, `0`
//! is the script's name, `1` and so on are the arguments.

use crate::tools::die::{number, show};
use crate::tools::{Next, Process};

/// How many there are, `0` aside. If that is not said, the tool ends.
pub fn count(process: &Process) -> Result<u32, Next> {
    let count = number(named(process, b"#")?).and_then(|n| u32::try_from(n).ok());
    count.ok_or_else(|| process.fatal(100, "invalid $#"))
}

/// The one of this number. If it is not set, the tool ends.
pub fn get(process: &Process, number: u32) -> Result<&[u8], Next> {
    named(process, number.to_string().as_bytes())
}

fn named<'a>(process: &'a Process, name: &[u8]) -> Result<&'a [u8], Next> {
    let value = process.env.get(name);
    value.ok_or_else(|| process.fatal(100, &format!("{} not set", show(name))))
}
