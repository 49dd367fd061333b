//! What can be told about a process, and how it is written.

use super::names::{Symbols, terminal};
use super::scan::Scanned;
use crate::format::tai::Tain;
use crate::sys::clock;
use crate::sys::machine::{TICKS_PER_SECOND, memory, page_size, uptime};
use crate::sys::timezone::{Zone, civil};
use crate::sys::user::{Group, User};
use crate::tools::Word;
use std::time::Duration;

/// A column.
pub(super) struct Field {
    /// Its name in the option -o.
    pub name: &'static str,
    /// Its heading.
    pub heading: &'static str,
    /// Whether it is written flush right.
    pub right: bool,
    /// What it says of a process.
    pub write: fn(&Around, &Scanned) -> Word,
}

/// What columns draw on besides the process.
pub(super) struct Around {
    /// When it is now, and when the machine was started, after 1970.
    now: Duration,
    boot: Duration,
    memory: u64,
    users: Vec<User>,
    groups: Vec<Group>,
    symbols: Symbols,
}

impl Around {
    /// How things are now.
    pub(super) fn now(symbols: Symbols) -> Self {
        let now = clock::utc();
        Self {
            now,
            boot: now.saturating_sub(uptime()),
            memory: memory().unwrap_or(u64::MAX),
            users: User::all().unwrap_or_default(),
            groups: Group::all().unwrap_or_default(),
            symbols,
        }
    }

    fn since_boot(&self, ticks: u64) -> Duration {
        self.boot + Duration::from_millis(ticks.saturating_mul(1000 / TICKS_PER_SECOND))
    }

    /// A share of the time since the process was started.
    fn share_of_time(&self, process: &Scanned, ticks: u64) -> Word {
        let all = self.now.saturating_sub(self.since_boot(process.start)).as_millis() as u64;
        percent(ticks, (all * TICKS_PER_SECOND / 1000).max(1))
    }
}

const fn left(
    name: &'static str,
    heading: &'static str,
    write: fn(&Around, &Scanned) -> Word,
) -> Field {
    Field { name, heading, right: false, write }
}

const fn right(
    name: &'static str,
    heading: &'static str,
    write: fn(&Around, &Scanned) -> Word,
) -> Field {
    Field { name, heading, right: true, write }
}

/// All columns.
pub(super) const FIELDS: &[Field] = &[
    right("pid", "PID", |_, p| text(p.pid)),
    left("comm", "COMM", |_, p| p.comm.clone()),
    left("s", "STAT", |_, p| state(p)),
    right("ppid", "PPID", |_, p| text(p.ppid)),
    right("pgrp", "PGRP", |_, p| text(p.pgrp)),
    right("sess", "SESSION", |_, p| text(p.session)),
    left("tty", "TTY", |_, p| if p.tty == 0 { text("-") } else { text(terminal(p.tty)) }),
    right("tpgid", "TPGID", |_, p| text(p.tpgid.max(-1))),
    right("minflt", "MINFLT", |_, p| text(p.minflt)),
    right("cminflt", "CMINFLT", |_, p| text(p.cminflt)),
    right("majflt", "MAJFLT", |_, p| text(p.majflt)),
    right("cmajflt", "CMAJFLT", |_, p| text(p.cmajflt)),
    left("utime", "UTIME", |_, p| span(p.utime)),
    left("stime", "STIME", |_, p| span(p.stime)),
    left("cutime", "CUTIME", |_, p| span(p.utime + p.cutime)),
    left("cstime", "CSTIME", |_, p| span(p.stime + p.cstime)),
    right("prio", "PRIO", |_, p| text(p.priority)),
    right("nice", "NICE", |_, p| text(p.nice)),
    right("thcount", "THREADS", |_, p| text(p.threads)),
    left("start", "START", |a, p| moment(a.since_boot(p.start), a.now)),
    right("vsize", "VSZ", |_, p| text(p.vsize / 1024)),
    right("rss", "RSS", |_, p| text(p.rss.saturating_mul(page_size() as u64 / 1024))),
    right("rsslimit", "RSSLIM", |_, p| text(p.rss_limit / 1024)),
    right("psr", "CPU", |_, p| text(p.cpu)),
    right("rtprio", "RTPRIO", |_, p| text(p.rt_priority)),
    left("policy", "RTPOLICY", |_, p| text(policy(p.policy))),
    left("user", "USER", |a, p| {
        let user = a.users.iter().find(|user| user.uid == p.uid);
        user.map_or_else(|| text(format!("({})", p.uid)), |user| user.name.clone())
    }),
    left("group", "GROUP", |a, p| {
        let group = a.groups.iter().find(|group| group.gid == p.gid);
        group.map_or_else(|| text(format!("({})", p.gid)), |group| group.name.clone())
    }),
    right("pmem", "%MEM", |a, p| percent(p.rss.saturating_mul(page_size() as u64), a.memory)),
    left("wchan", "WCHAN", |a, p| text(a.symbols.name(p.wchan))),
    left("args", "COMMAND", |_, p| command(p)),
    left("env", "ENVIRONMENT", |_, p| match &p.environment {
        Some(environment) if !environment.is_empty() => spaced(environment),
        _ => text("*"),
    }),
    right("pcpu", "%CPU", |a, p| a.share_of_time(p, p.utime + p.stime)),
    left("ttime", "TTIME", |_, p| span(p.utime + p.stime)),
    left("cttime", "CTTIME", |_, p| span(p.utime + p.stime + p.cutime + p.cstime)),
    left("tstart", "TSTART", |a, p| Tain::from_utc(a.since_boot(p.start)).label().to_vec()),
    right("cpcpu", "C%CPU", |a, p| a.share_of_time(p, p.utime + p.stime + p.cutime + p.cstime)),
];

fn text(value: impl std::fmt::Display) -> Word {
    value.to_string().into_bytes()
}

/// The state's letter, and marks: leader of a session, threads, foreground, priority.
fn state(process: &Scanned) -> Word {
    let foreground = u64::try_from(process.tpgid).is_ok_and(|group| group == process.pgrp);
    let marks = [
        (u64::from(process.pid) == process.session, b's'),
        (process.threads > 1, b'l'),
        (foreground && process.tpgid > 0, b'+'),
        (process.nice < 0, b'<'),
        (process.nice > 0, b'N'),
    ];
    let marks = marks.iter().filter(|(on, _)| *on).map(|(_, mark)| *mark);
    [process.state].into_iter().chain(marks).collect()
}

/// The words of the command line; the name in parentheses for a process of the kernel.
fn command(process: &Scanned) -> Word {
    let mut line = Word::new();
    if let Some(above) = process.depth.checked_sub(1) {
        line.resize(4 * above + 1, b' ');
        line.extend_from_slice(b"\\_ ");
    }
    let words = spaced(&process.arguments);
    if !words.is_empty() {
        line.extend(words);
    } else if process.state == b'Z' {
        line.extend([&process.comm, b" <defunct>".as_slice()].concat());
    } else {
        line.extend([b"(", &process.comm[..], b")"].concat());
    }
    line
}

/// Words with blanks between them in place of NULs.
fn spaced(words: &[u8]) -> Word {
    let end = words.iter().rposition(|&b| b != 0).map_or(0, |last| last + 1);
    words[..end].iter().map(|&b| if b == 0 { b' ' } else { b }).collect()
}

/// A share, with two digits behind the point.
fn percent(part: u64, whole: u64) -> Word {
    let hundredths = u128::from(part) * 10_000 / u128::from(whole.max(1));
    text(format!("{}.{:02}", hundredths / 100, hundredths % 100))
}

/// Some time: days, hours and minutes if there are any, hundredths of seconds if there are not.
fn span(ticks: u64) -> Word {
    let seconds = ticks / TICKS_PER_SECOND;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let rest = format!("{:02}", seconds % 60);
    text(match (days, hours, minutes) {
        (0, 0, 0) => format!("{rest}.{:02}s", ticks % TICKS_PER_SECOND * 100 / TICKS_PER_SECOND),
        (0, 0, _) => format!("{minutes:02}m{rest}s"),
        (0, ..) => format!("{hours:02}h{:02}m{rest}s", minutes % 60),
        _ => format!("{days}d{:02}h{:02}m{rest}s", hours % 24, minutes % 60),
    })
}

/// A moment: the time if it was today, with month and day if it was not long ago, else the date.
fn moment(then: Duration, now: Duration) -> Word {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let local = |moment: Duration| civil(moment.as_secs(), Zone::Local);
    let (Some(then), Some(now)) = (local(then), local(now)) else { return text("?") };
    let months_ago = (12 + now.month - then.month) % 12;
    let recent = then.year == now.year || then.year + 1 == now.year && months_ago < 9;
    if (then.year, then.month, then.day) == (now.year, now.month, now.day) {
        text(format!("{:02}:{:02}:{:02}", then.hour, then.minute, then.second))
    } else if recent {
        let month = MONTHS.get(usize::from(then.month) - 1).unwrap_or(&"?");
        text(format!("{month}{:02} {:02}:{:02}", then.day, then.hour, then.minute))
    } else {
        text(format!("{}-{:02}-{:02}", then.year, then.month, then.day))
    }
}

fn policy(number: u64) -> &'static str {
    ["NORMAL", "FIFO", "RR", "BATCH", "ISO", "IDLE"].get(number as usize).unwrap_or(&"UNKNOWN")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(word: Word) -> String {
        String::from_utf8(word).unwrap()
    }

    #[test]
    fn spans_show_what_there_is() {
        assert_eq!(shown(span(1234)), "12.34s");
        assert_eq!(shown(span(6_000)), "01m00s");
        assert_eq!(shown(span(366_100)), "01h01m01s");
        assert_eq!(shown(span(100 * (2 * 86_400 + 59))), "2d00h00m59s");
        assert_eq!(shown(percent(1, 3)), "33.33");
        assert_eq!(shown(percent(u64::MAX, 0)), "1844674407370955161500.00");
    }

    #[test]
    fn commands_and_states_are_readable() {
        let mut process = Scanned { comm: b"kworker".to_vec(), state: b'S', ..Scanned::default() };
        assert_eq!(shown(command(&process)), "(kworker)");
        process.state = b'Z';
        assert_eq!(shown(command(&process)), "kworker <defunct>");
        process.arguments = b"sh\0-c\0\0".to_vec();
        process.depth = 2;
        assert_eq!(shown(command(&process)), "     \\_ sh -c");
        (process.pid, process.session, process.pgrp, process.tpgid) = (5, 5, 5, 5);
        (process.state, process.nice) = (b'R', -3);
        assert_eq!(shown(state(&process)), "Rs+<");
    }
}
