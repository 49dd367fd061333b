//! s6-clock: tells the time, or sets it.
//! Reference: <https://skarnet.org/software/s6-portable-utils/s6-clock.html>.

use super::paths::print;
use crate::format::tai::Tain;
use crate::sys::clock;
use crate::tools::{Exit, Next, Process, Word};
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_settime};

/// `s6-clock [ tai64nlabel ]`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let Some(label) = argv.get(1) else {
        return print(process, &Tain::from_utc(clock::utc()).label(), true);
    };
    let time = Tain::parse(label).and_then(Tain::to_utc).ok_or_else(|| process.usage())?;
    let time = TimeSpec::from_duration(time.since_epoch);
    clock_settime(ClockId::CLOCK_REALTIME, time).map_err(process.unable("set the clock"))?;
    Ok(Next::Exit(0))
}
