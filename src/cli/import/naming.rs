//! The names of the services that the processes of a supervisord.conf become.

use super::program::SupervisordProgram;
use super::supervisord::SupervisordGroup;
use crate::cli::check;

/// A process, and what its service is called.
pub(super) struct NamedProgram<'a> {
    pub name: String,
    pub program: &'a SupervisordProgram,
    pub group: &'a SupervisordGroup,
}

/// Gives each process a name of its own: that of supervisord, and that of its group if need be.
pub(super) fn named(groups: &[SupervisordGroup]) -> Vec<NamedProgram<'_>> {
    let each = || groups.iter().flat_map(|group| group.programs.iter().map(move |p| (group, p)));
    let mut all: Vec<NamedProgram> = Vec::new();
    for (group, program) in each() {
        let same = each().filter(|(_, other)| other.name == program.name).count();
        let is_taken = check::is_reserved(&program.name);
        let mut name = match (same, is_taken) {
            (1, false) => program.name.clone(),
            (1, true) => format!("svc-{}", program.name.trim_start_matches('.')),
            _ => format!("{}-{}", group.name, program.name.trim_start_matches('.')),
        };
        while all.iter().any(|named| named.name == name) {
            name.push_str("-2");
        }
        all.push(NamedProgram { name, program, group });
    }
    all
}
