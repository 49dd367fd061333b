//! s6-dnsqualify: prints the names that a name may stand for.
//! Reference: <https://skarnet.org/software/s6-dns/s6-dnsqualify.html>.

use super::config::Config;
use super::name::Name;
use crate::tools::die::show;
use crate::tools::{Exit, Next, Process, Word};

/// `s6-dnsqualify name`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let Some(text) = argv.get(1) else { return Err(process.usage()) };
    let config = Config::load(process)?;
    let names = Name::qualified(text, &config.suffixes).map_err(|e| {
        let code = if Name::parse(text).is_err() { 100 } else { 111 };
        process.fatal(code, format_args!("unable to qualify {}: {e}", show(text)))
    })?;
    let line = |name: &Name| [name.as_bytes(), b"\n"].concat();
    process.print(&names.iter().flat_map(line).collect::<Vec<u8>>())?;
    Ok(Next::Exit(0))
}
