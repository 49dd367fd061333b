//! s6-clockadd, s6-clockview: what s6-taiclock and s6-sntpclock have found out is added to the
//! system clock, or shown.
//! Reference: <https://skarnet.org/software/s6-networking/s6-clockadd.html>.

use super::{Difference, SECOND};
use crate::format::civil::nine_digits;
use crate::sys::timezone::{Zone, civil};
use crate::sys::{clock, fd};
use crate::tools::{Exit, Next, Options, Process, Word};
use nix::errno::Errno;
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_settime};
use std::time::Duration;

/// `s6-clockadd [ -f ] [ -e errmax ]`
pub(crate) fn s6_clockadd(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "fe:")?;
    let most = options.number::<u32>(process, 'e', 2000)?;
    let difference = read(process)?;
    if difference.nanoseconds.abs() > i128::from(most) * (SECOND / 1000) {
        let text = format!("time discrepancy bigger than {most} milliseconds");
        if !options.has('f') {
            return Err(process.fatal(1, text));
        }
        process.warn(text);
    }
    let set = later(clock::utc(), difference)
        .ok_or(Errno::EINVAL)
        .and_then(|time| clock_settime(ClockId::CLOCK_REALTIME, TimeSpec::from_duration(time)));
    set.map_err(process.unable("set the system clock"))?;
    Ok(Next::Exit(0))
}

/// `s6-clockview`
pub(crate) fn s6_clockview(process: &mut Process, _: Vec<Word>) -> Result<Next, Exit> {
    let difference = read(process)?;
    let before = clock::utc();
    let shown = |time: Option<Duration>| {
        let civil = time.and_then(|time| Some((time, civil(time.as_secs(), Zone::Local)?)));
        let (time, civil) = civil.ok_or(Errno::EOVERFLOW)?;
        let fraction = nine_digits(time.subsec_nanos()).map(char::from);
        Ok(format!("{civil}.{}", String::from_iter(fraction)))
    };
    let unable = process.unable("show the time");
    let before_and_after = [Some(before), later(before, difference)].map(shown);
    let [before, after] = before_and_after;
    let (before, after) = (before.map_err(&unable)?, after.map_err(&unable)?);
    process.print(format!("before: {before}\nafter:  {after}\n").as_bytes())?;
    Ok(Next::Exit(0))
}

/// Reads a difference from stdin.
fn read(process: &Process) -> Result<Difference, Exit> {
    let (mut bytes, mut length) = ([0; Difference::PACKED], 0);
    let text = format!("read {} bytes from stdin", Difference::PACKED);
    while length < bytes.len() {
        match fd::read(0, &mut bytes[length..]).map_err(process.unable(&text))? {
            0 => return Err(process.unable(&text)(Errno::EPIPE)),
            n => length += n,
        }
    }
    Ok(Difference::unpack(bytes))
}

/// A time that is so much later; `None` if it is before 1970.
fn later(time: Duration, difference: Difference) -> Option<Duration> {
    let sum = time.as_nanos() as i128 + difference.nanoseconds;
    let seconds = u64::try_from(sum / SECOND).ok().filter(|_| sum >= 0)?;
    Some(Duration::new(seconds, (sum % SECOND) as u32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_either_way_but_not_beyond_its_beginning() {
        let second = |n: i128| Difference { nanoseconds: n * SECOND };
        let time = Duration::new(10, 5);
        assert_eq!(later(time, second(3)), Some(Duration::new(13, 5)));
        assert_eq!(later(time, second(-10)), Some(Duration::new(0, 5)));
        assert_eq!(later(time, second(-11)), None);
    }
}
