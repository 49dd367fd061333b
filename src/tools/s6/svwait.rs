//! s6-svwait: waits for services to be up, ready, down, finished or restarted.
//! Reference: <https://skarnet.org/software/s6/s6-svwait.html>.

use super::watch::{Goal, Watch, deadline};
use crate::tools::{Exit, Next, Options, Process, Word};

/// What is said when some services cannot reach the state that is waited for.
pub(super) const FAILED: &str = "some services reported permanent failure or their supervisor died";

/// `s6-svwait [ -U | -u | -d | -D | -r | -R ] [ -a | -o ] [ -t timeout ] servicedir...`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "UudDrRaot:")?;
    let goal = Goal::from_options(&options);
    let deadline = deadline(process, &options, 't')?;
    match Watch::begin(process, &options.rest())?.wait(process, goal, deadline)? {
        0 => Ok(Next::Exit(0)),
        failed => Err(process.fatal(failed, FAILED)),
    }
}
