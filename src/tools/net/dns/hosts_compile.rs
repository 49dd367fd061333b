//! s6-dns-hosts-compile: makes a database of /etc/hosts.
//! Reference: <https://skarnet.org/software/s6-dns/s6-dns-hosts-compile.html>.

use super::hosts::{self, COMPILED, TEXT};
use crate::tools::die::{errno, show};
use crate::tools::s6::ipc::rules_to_cdb::replace;
use crate::tools::{Exit, Next, Options, Process, Word, path};
use nix::sys::stat::Mode;

/// `s6-dns-hosts-compile [ -i ifile ] [ -o ofile ]`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "i:o:")?;
    let from = options.value('i').unwrap_or(TEXT.as_bytes());
    let to = options.value('o').unwrap_or(COMPILED.as_bytes());
    let text = std::fs::read(path(from)).map_err(|e| errno(&e));
    let text = text.map_err(process.unable(format_args!("open {}", show(from))))?;
    let database = hosts::compile(&text)
        .map_err(|e| process.fatal(111, format_args!("unable to compile {}: {e}", show(from))))?;
    replace(process, to, &database, Some(Mode::from_bits_truncate(0o644)))
        .map_err(process.unable(format_args!("write {}", show(to))))?;
    Ok(Next::Exit(0))
}
