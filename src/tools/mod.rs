//! The s6-, s6-rc-, execline- and overlay-compatible commands: one table a family, exact names,
//! sorted. What `sixtree install` links, `sixtree --list` and the manual's list all come from them.

pub mod chain;
pub mod die;
pub mod environment;
pub mod execline;
pub mod lines;
pub mod linux;
pub mod net;
pub mod options;
pub mod overlay;
pub mod portable;
pub mod rundir;
pub mod s6;
pub mod s6_rc;
mod senseless;
pub mod subcommand;
pub mod superserver;

pub use crate::execline::Word;
pub use chain::{Exec, Exit, Next, Process};
pub use environment::Environment;
pub use options::Options;

/// What a tool does with the process that it is given; `argv` includes the name. `Err` is the end,
/// as `Next::Exit` is: `?` leaves a tool from within.
pub type Run = fn(&mut Process, Vec<Word>) -> Result<Next, Exit>;

/// One compatible command.
pub struct Tool {
    /// The exact name under which it is called.
    pub name: &'static str,
    /// The name in its messages: another one where the command is an alias, as cd of execline-cd.
    pub speaks_as: &'static str,
    /// What it does.
    pub run: Run,
    /// Its synopsis, without the name: printed after `NAME: usage: NAME `.
    pub usage: &'static str,
    /// One line that says what it is for.
    pub summary: &'static str,
    /// Whether it stays, as s6-log does: it is then exec'ed for real, so that `ps` shows it.
    pub stays: bool,
}

impl Tool {
    /// A table row.
    pub const fn new(
        name: &'static str,
        run: Run,
        usage: &'static str,
        summary: &'static str,
    ) -> Self {
        Self { name, speaks_as: name, run, usage, summary, stays: false }
    }
    /// Makes it an alias of the tool `original`, under whose name it speaks.
    pub const fn alias_of(mut self, original: &'static str) -> Self {
        self.speaks_as = original;
        self
    }
    /// Marks a tool that runs on, rather than exec or end soon.
    pub const fn stays(mut self) -> Self {
        self.stays = true;
        self
    }
}

/// Every family's table.
pub const FAMILIES: &[(&str, &[Tool])] = &[
    ("execline", execline::TOOLS),
    ("s6", s6::TOOLS),
    ("s6-rc", s6_rc::TOOLS),
    ("overlay", overlay::TOOLS),
    ("portable", portable::TOOLS),
    ("linux", linux::TOOLS),
    ("s6-dns", net::dns::TOOLS),
    ("s6-networking", net::TOOLS),
];

/// The tool of exactly this name.
pub fn find(name: &[u8]) -> Option<&'static Tool> {
    FAMILIES.iter().find_map(|(_, tools)| {
        let at = tools.binary_search_by(|t| t.name.as_bytes().cmp(name)).ok()?;
        tools.get(at)
    })
}

/// A word as the path that it is.
pub fn path(word: &[u8]) -> &std::path::Path {
    std::path::Path::new(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(word))
}

/// The last component of a path.
pub fn basename(path: &[u8]) -> &[u8] {
    path.rsplit(|&b| b == b'/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_is_sorted_and_no_name_is_in_two() {
        let mut all = std::collections::BTreeSet::new();
        for (family, tools) in FAMILIES {
            let names: Vec<_> = tools.iter().map(|t| t.name).collect();
            assert!(names.is_sorted(), "{family} is not sorted");
            names.into_iter().for_each(|n| assert!(all.insert(n), "{n} is there twice"));
        }
    }
}
