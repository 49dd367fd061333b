//! s6-svok: whether a service directory is supervised.
//! Reference: <https://skarnet.org/software/s6/s6-svok.html>.

use super::control::{SUPERVISE, is_supervised};
use crate::tools::die::show;
use crate::tools::{Exit, Next, Process, Word};

/// `s6-svok servicedir`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let dir = argv.get(1).ok_or_else(|| process.usage())?;
    let checked = is_supervised(dir, SUPERVISE);
    let supervised = checked.map_err(process.unable(format_args!("check {}", show(dir))))?;
    Ok(Next::Exit(u8::from(!supervised)))
}
