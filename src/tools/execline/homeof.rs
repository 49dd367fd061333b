//! homeof: prints a user's home directory.
//! Reference: <https://skarnet.org/software/execline/homeof.html>.

use crate::sys::user::User;
use crate::tools::die::show;
use crate::tools::{Exit, Next, Process, Word};

/// `homeof user`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let name = argv.get(1).ok_or_else(|| process.usage())?;
    let what = format!("unable to get passwd entry for {}", show(name));
    let user = User::by_name(name).map_err(|e| process.fatal_errno(&what, e))?;
    let user = user.ok_or_else(|| process.fatal(111, format_args!("{what}: no such user")))?;
    process.print(&[&user.home, b"\n".as_slice()].concat())?;
    Ok(Next::Exit(0))
}
