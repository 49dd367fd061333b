//! s6-svstat: what a supervisor says of its service, in words or field by field.
//! Reference: <https://skarnet.org/software/s6/s6-svstat.html>.

use super::control::{SUPERVISE, is_supervised};
use super::watch::read_status;
use crate::format::signal;
use crate::format::status::Status;
use crate::format::tai::Tain;
use crate::sys::clock;
use crate::tools::die::show;
use crate::tools::{Exit, Next, Options, Process, Word};
use nix::errno::Errno;
use nix::unistd::AccessFlags;

/// The most fields that can be asked for.
const MAX_FIELDS: usize = 16;

/// What is printed of a service.
#[derive(Clone, Copy)]
struct Subject {
    status: Status,
    /// It has no `down` file.
    normally_up: bool,
    now: Tain,
}

/// A field: its name, its letter (if it has one), and how it is written.
struct Field(&'static str, Option<char>, fn(&Subject) -> String);

const FIELDS: &[Field] = &[
    Field("up", Some('u'), |s| s.status.is_up().to_string()),
    Field("wantedup", Some('w'), |s| s.status.want_up.to_string()),
    Field("normallyup", Some('N'), |s| s.normally_up.to_string()),
    Field("ready", Some('r'), |s| (s.status.pid != 0 && s.status.ready).to_string()),
    Field("paused", None, |s| (s.status.pid != 0 && s.status.paused).to_string()),
    Field("pid", Some('p'), |s| or_minus_one(s.pid())),
    Field("pgid", Some('g'), |s| or_minus_one(s.pid())),
    Field("exitcode", Some('e'), |s| or_minus_one(s.status.exit_code())),
    Field("signal", Some('s'), |s| s.status.signal().map_or("NA".into(), signal_name)),
    Field("signum", None, |s| or_minus_one(s.status.signal())),
    Field("updownsince", None, |s| label(s.status.stamp)),
    Field("readysince", None, |s| label(s.status.ready_stamp)),
    Field("updownfor", Some('t'), |s| s.seconds_since(s.status.stamp).to_string()),
    Field("readyfor", None, |s| s.seconds_since(s.status.ready_stamp).to_string()),
];

/// `s6-svstat [ -uwNrpgest | -o fields ] [ -n ] servicedir`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "no:uwNrpgest")?;
    let fields = fields(process, &options)?;
    let by_number = options.has('n');
    let rest = options.rest();
    let dir = rest.first().ok_or_else(|| process.usage())?;
    let subject = Subject::read(process, dir)?;
    let line = if fields.is_empty() {
        subject.in_words(by_number)
    } else {
        fields.iter().map(|field| field.2(&subject)).collect::<Vec<_>>().join(" ")
    };
    process.print(format!("{line}\n").as_bytes())?;
    Ok(Next::Exit(0))
}

/// The fields asked for by letter or by name, in order.
fn fields(process: &Process, options: &Options) -> Result<Vec<&'static Field>, Exit> {
    let mut fields = Vec::new();
    for (letter, value) in options.iter() {
        if letter == 'o' {
            for name in value.split(|&b| b == b',').filter(|name| !name.is_empty()) {
                let known = FIELDS.iter().find(|field| field.0.as_bytes() == name);
                fields.push(known.ok_or_else(|| {
                    process.fatal(100, format_args!("invalid option field: {}", show(name)))
                })?);
            }
        } else {
            fields.extend(FIELDS.iter().find(|field| field.1 == Some(letter)));
        }
    }
    if fields.len() > MAX_FIELDS {
        return Err(process.fatal(100, "too many option fields"));
    }
    Ok(fields)
}

impl Subject {
    fn read(process: &Process, dir: &[u8]) -> Result<Self, Exit> {
        let name = show(dir);
        match is_supervised(dir, SUPERVISE) {
            Ok(true) => {}
            Ok(false) => {
                let text = format!("unable to read status for {name}: s6-supervise not running");
                return Err(process.fatal(1, &text));
            }
            Err(e) => return Err(process.unable(format_args!("check {name}"))(e)),
        }
        let status = read_status(process, dir)?;
        let down = [dir, b"/down"].concat();
        let normally_up = match nix::unistd::access(down.as_slice(), AccessFlags::F_OK) {
            Ok(()) => false,
            Err(Errno::ENOENT) => true,
            Err(e) => return Err(process.unable(format_args!("access {}", show(&down)))(e)),
        };
        Ok(Self { status, normally_up, now: Tain::from_utc(clock::utc()) })
    }

    fn pid(&self) -> Option<u64> {
        self.status.is_up().then_some(self.status.pid)
    }

    fn seconds_since(&self, stamp: Tain) -> u64 {
        self.now.saturating_since(stamp).as_secs()
    }

    fn in_words(&self, by_number: bool) -> String {
        let status = &self.status;
        let (up, started) = (status.is_up(), !status.is_not_started());
        let mut line = match (up, started) {
            (true, _) => format!("up (pid {} pgid {}) ", status.pid, status.pid),
            (false, false) => "down (not started yet) ".into(),
            (false, true) => format!("down ({}) ", self.cause(by_number)),
        };
        let mut add = |shown: bool, text: &str| line.push_str(if shown { text } else { "" });
        add(started, &format!("{} seconds", self.seconds_since(status.stamp)));
        add(up && !self.normally_up, ", normally down");
        add(!up && self.normally_up, ", normally up");
        add(up && status.paused, ", paused");
        add(!up && status.want_up, ", want up");
        add(up && !status.want_up, ", want down");
        let ready_for = self.seconds_since(status.ready_stamp);
        add(started && status.ready, &format!(", ready {ready_for} seconds"));
        line
    }

    fn cause(&self, by_number: bool) -> String {
        match self.status.signal() {
            Some(signal) if by_number => format!("signal {signal}"),
            Some(signal) => format!("signal {}", signal_name(signal)),
            None => format!("exitcode {}", self.status.exit_code().unwrap_or(0)),
        }
    }
}

fn or_minus_one(value: Option<impl ToString>) -> String {
    value.map_or("-1".into(), |value| value.to_string())
}

fn signal_name(signal: u8) -> String {
    format!("SIG{}", signal::s6_name(signal))
}

fn label(stamp: Tain) -> String {
    show(&stamp.label()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// Started or died at second 100 and ready at 101, of which it is second 105 now.
    fn subject(change: impl FnOnce(&mut Status, &mut bool)) -> Subject {
        let at = |seconds| Tain::from_utc(Duration::from_secs(seconds));
        let mut normally_up = true;
        let mut status = Status { stamp: at(100), ready_stamp: at(101), ..Status::default() };
        change(&mut status, &mut normally_up);
        Subject { status, normally_up, now: at(105) }
    }

    #[test]
    fn a_service_that_is_up_in_words() {
        let up = |change: fn(&mut Status, &mut bool)| {
            let subject = subject(|status, normally_up| {
                (status.pid, status.want_up) = (23, true);
                change(status, normally_up);
            });
            let words = subject.in_words(false);
            words.strip_prefix("up (pid 23 pgid 23) 5 seconds").unwrap().to_string()
        };
        assert_eq!(up(|_, _| ()), "");
        assert_eq!(up(|status, _| status.ready = true), ", ready 4 seconds");
        assert_eq!(up(|_, normally_up| *normally_up = false), ", normally down");
        assert_eq!(up(|status, _| status.want_up = false), ", want down");
        let all = up(|status, normally_up| {
            (status.paused, status.want_up, status.ready) = (true, false, true);
            *normally_up = false;
        });
        assert_eq!(all, ", normally down, paused, want down, ready 4 seconds");
    }

    #[test]
    fn a_service_that_is_down_in_words() {
        let killed = subject(|status, normally_up| {
            (status.wait_status, *normally_up) = (0x89, false);
        });
        assert_eq!(killed.in_words(false), "down (signal SIGKILL) 5 seconds");
        assert_eq!(killed.in_words(true), "down (signal 9) 5 seconds");
        let finishing = subject(|status, _| {
            (status.pid, status.finishing, status.want_up) = (7, true, true);
            status.wait_status = 0x300;
        });
        let words = "down (exitcode 3) 5 seconds, normally up, want up";
        assert_eq!(finishing.in_words(false), words);
        let fresh = subject(|status, _| *status = Status::not_started(status.stamp, true));
        assert_eq!(fresh.in_words(false), "down (not started yet) , normally up, want up");
    }

    #[test]
    fn fields_that_do_not_apply_say_so() {
        let all = |subject: &Subject| {
            FIELDS.iter().map(|field| field.2(subject)).collect::<Vec<_>>().join(" ")
        };
        let stamps = "@400000000000006e00000000 @400000000000006f00000000 5 4";
        let up = subject(|status, _| (status.pid, status.wait_status) = (57, 0x300));
        assert_eq!(all(&up), format!("true false true false false 57 57 -1 NA -1 {stamps}"));
        let down = subject(|status, _| (status.wait_status, status.ready) = (15, true));
        let words = format!("false false true false false -1 -1 -1 SIGTERM 15 {stamps}");
        assert_eq!(all(&down), words);
        let fresh = subject(|status, _| status.paused = true);
        assert_eq!(all(&fresh), format!("false false true false false -1 -1 -1 NA -1 {stamps}"));
    }
}
