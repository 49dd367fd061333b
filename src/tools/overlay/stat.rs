//! s6-overlay-stat: who may do what with a path, as lines that a shell can eval.

use crate::sys::user::{Group, User};
use crate::tools::die::show;
use crate::tools::{Exit, Next, Process, Word};

/// The two letters of each permission bit, from the lowest up.
const PERMISSIONS: &str = "oxoworgxgwgruxuwurosgsus";

/// `s6-overlay-stat path`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let path = argv.get(1).ok_or_else(|| process.usage())?;
    let stat = nix::sys::stat::stat(path.as_slice())
        .map_err(|e| process.fatal_errno(format_args!("unable to stat {}", show(path)), e))?;
    let user = User::by_uid(stat.st_uid).ok().flatten().map(|u| show(&u.name).to_string());
    let group = Group::by_gid(stat.st_gid).ok().flatten().map(|g| show(&g.name).to_string());
    let text = format!(
        "uid={}\nuser={}\ngid={}\ngroup={}\nperms={}\n",
        stat.st_uid,
        user.unwrap_or_default(),
        stat.st_gid,
        group.unwrap_or_default(),
        permissions(stat.st_mode)
    );
    process.print(text.as_bytes())?;
    Ok(Next::Exit(0))
}

fn permissions(mode: u32) -> String {
    let letters = |bit: usize| PERMISSIONS.get(2 * bit..2 * bit + 2).unwrap_or_default();
    (0..12).filter(|bit| mode & (1 << bit) != 0).map(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::permissions;

    #[test]
    fn every_bit_has_its_letters() {
        assert_eq!(permissions(0o040755), "oxorgxgruxuwur");
        assert_eq!(permissions(0o041777), "oxoworgxgwgruxuwuros");
        assert_eq!(permissions(0o106000), "gsus");
    }
}
