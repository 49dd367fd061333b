//! s6-chroot and s6-pivotchroot: another root directory.
//! Reference: <https://skarnet.org/software/s6-linux-utils/s6-chroot.html> and
//! `s6-pivotchroot.html`.

use crate::tools::die::show;
use crate::tools::{Exit, Next, Process, Word};
use nix::unistd::{chdir, chroot, pivot_root};

/// `s6-chroot dir prog...`
pub(super) fn s6_chroot(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let ([folder], program) = process.operands(argv.into_iter().skip(1))?;
    let name = show(&folder);
    chdir(folder.as_slice()).map_err(process.unable(format_args!("chdir to {name}")))?;
    chroot(".").map_err(process.unable(format_args!("chroot in {name}")))?;
    Ok(program.into())
}

/// `s6-pivotchroot old-place-for-new-root new-place-for-old-root prog...`
pub(super) fn s6_pivotchroot(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let ([new, old], program) = process.operands(argv.into_iter().skip(1))?;
    chdir(new.as_slice()).map_err(process.unable(format_args!("chdir to {}", show(&new))))?;
    pivot_root(".", old.as_slice()).map_err(process.unable("pivot_root"))?;
    chroot(".").map_err(process.unable("chroot"))?;
    Ok(program.into())
}
