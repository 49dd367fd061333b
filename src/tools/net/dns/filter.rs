//! s6-dnsip4-filter, s6-dnsip6-filter, s6-dnsname-filter: look up what each line begins with, many
//! at a time, and print the lines in their order with what was found.
//! Reference: <https://skarnet.org/software/s6-dns/s6-dnsip4-filter.html>.

use super::config::Config;
use super::dump::Trace;
use super::failure::Failure;
use super::message::Question;
use super::name::{Name, TooLong};
use super::query::Query;
use super::record::Data;
use super::resolver;
use crate::format::decimal;
use crate::sys::fd;
use crate::sys::poll::{self, Deadline};
use crate::tools::net::address;
use crate::tools::portable::format_filter::{Part, split};
use crate::tools::s6::outbox::Outbox;
use crate::tools::{Exit, Next, Options, Process, Word};
use domain::base::Rtype;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags};
use std::collections::VecDeque;

/// No line is read while more than this waits for stdout.
const MOST_OUTPUT: usize = 65_536;

/// `s6-dnsip4-filter [ -l lines ] [ -c concurrency ] [ -t timeout ] [ -f format ]
/// [ -e errorformat ]`
pub(super) fn s6_dnsip4_filter(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    run(process, argv, "l:c:t:f:e:", |_| Key::Name(Rtype::A))
}

/// `s6-dnsip6-filter [ -l lines ] [ -c concurrency ] [ -t timeout ] [ -f format ]
/// [ -e errorformat ]`
pub(super) fn s6_dnsip6_filter(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    run(process, argv, "l:c:t:f:e:", |_| Key::Name(Rtype::AAAA))
}

/// `s6-dnsname-filter [ -4 ] [ -6 ] [ -l lines ] [ -c concurrency ] [ -t timeout ] [ -f format ]
/// [ -e errorformat ]`
pub(super) fn s6_dnsname_filter(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    run(process, argv, "46l:c:t:f:e:", |options| {
        let v6 = options.has('6');
        Key::Address { v4: options.has('4') || !v6, v6 }
    })
}

/// What lines begin with.
#[derive(Clone, Copy)]
enum Key {
    /// A name, of which records of this type are wanted.
    Name(Rtype),
    /// An address of one of these families, of which the name is wanted.
    Address { v4: bool, v6: bool },
}

impl Key {
    fn rtype(self) -> Rtype {
        match self {
            Self::Name(rtype) => rtype,
            Self::Address { .. } => Rtype::PTR,
        }
    }

    /// How much of a line is the key, and which name to ask for; `None` if the line has no key.
    fn find(self, line: &[u8]) -> Option<(usize, Result<Name, TooLong>)> {
        let (length, name) = match self {
            Self::Name(_) => {
                let end = line.iter().position(|b| matches!(b, b' ' | b'\t' | b'\r'));
                let length = end.unwrap_or(line.len());
                (length, Name::parse(line.get(..length)?))
            }
            Self::Address { v4, v6 } => {
                let of_v6 = v6.then(|| address::prefix_v6(line)).flatten();
                let of_v6 = of_v6.map(|(ip, length)| (length, Name::reverse(ip.into())));
                let of_v4 = v4.then(|| address::prefix_v4(line)).flatten();
                let of_v4 = of_v4.map(|(ip, length)| (length, Name::reverse(ip.into())));
                let (length, name) = of_v6.or(of_v4)?;
                (length, Ok(name))
            }
        };
        (length > 0).then_some((length, name))
    }
}

fn run(
    process: &Process,
    argv: Vec<Word>,
    spec: &str,
    key: fn(&Options) -> Key,
) -> Result<Next, Exit> {
    let options = Options::read(argv, spec.as_bytes());
    let usage = || process.fatal(100, process.synopsis());
    let options = options.map_err(|_| usage())?;
    let number =
        |letter| options.parsed(letter, |word| decimal::parse::<u32>(word).ok_or_else(usage));
    let count =
        |letter| options.parsed(letter, |word| decimal::parse::<u16>(word).ok_or_else(usage));
    let concurrency = count('c')?.map_or(128, usize::from).max(1);
    let lines = count('l')?.map_or(256, usize::from);
    let timeout_ms = number('t')?.unwrap_or(0);
    let invalid = |_| process.fatal_errno("unable to format a string", Errno::EINVAL);
    let format = |letter, default: &'static [u8], directives: &[u8]| {
        Format::parse(options.value(letter).unwrap_or(default), directives).map_err(invalid)
    };
    let filter = Filter {
        found: format('f', b"%s=%d%w%r", b"sdwr")?,
        failed: format('e', b"%s=<%e>%w%r", b"sewr")?,
        key: key(&options),
        config: Config::load(process)?,
        timeout_ms,
        concurrency,
        max_lines: lines.max(concurrency),
        input: Vec::new(),
        at_end: false,
        lines: VecDeque::new(),
        outbox: Outbox::default(),
    };
    filter.run(process)
}

/// How a line is printed.
struct Format<'a>(Vec<Part<'a>>);

impl<'a> Format<'a> {
    fn parse(format: &'a [u8], directives: &[u8]) -> Result<Self, ()> {
        let known = |part: &Part| match part {
            Part::Text(_) => true,
            Part::Directive(letter) => directives.contains(letter),
        };
        split(format).filter(|parts| parts.iter().all(known)).map(Self).ok_or(())
    }

    fn put(&self, line: &Line, result: &[u8], out: &mut Vec<u8>) {
        for part in &self.0 {
            out.extend_from_slice(match part {
                Part::Text(text) => text,
                Part::Directive(b's') => line.key(),
                Part::Directive(b'w') => line.blank(),
                Part::Directive(b'r') => line.rest(),
                Part::Directive(_) => result,
            });
        }
        out.push(b'\n');
    }
}

/// A line, and what is known about it.
struct Line {
    text: Vec<u8>,
    /// How much of it is the key.
    key: usize,
    state: State,
}

enum State {
    Asking(Box<Query>),
    Done(Result<Vec<u8>, Failure>),
}

impl Line {
    fn key(&self) -> &[u8] {
        self.text.get(..self.key).unwrap_or_default()
    }
    fn blank(&self) -> &[u8] {
        self.text.get(self.key..self.key + 1).unwrap_or_default()
    }
    fn rest(&self) -> &[u8] {
        self.text.get(self.key + 1..).unwrap_or_default()
    }
}

struct Filter<'a> {
    found: Format<'a>,
    failed: Format<'a>,
    key: Key,
    config: Config,
    timeout_ms: u32,
    concurrency: usize,
    max_lines: usize,
    /// What has been read beyond the last line.
    input: Vec<u8>,
    /// Whether that is all.
    at_end: bool,
    lines: VecDeque<Line>,
    outbox: Outbox,
}

impl Filter<'_> {
    fn run(mut self, process: &Process) -> Result<Next, Exit> {
        loop {
            self.take_lines();
            self.put_lines();
            if self.is_done() {
                return Ok(Next::Exit(0));
            }
            let (input, output) = self.wait().map_err(process.unable("poll"))?;
            if output {
                match fd::write_ready(1, self.outbox.pending()) {
                    Ok(n) => self.outbox.advance(n),
                    Err(Errno::EAGAIN) => {}
                    Err(e) => return Err(process.unable("write to stdout")(e)),
                }
            }
            if input {
                self.read().map_err(process.unable("read from stdin"))?;
            }
        }
    }

    fn asking(&self) -> impl Iterator<Item = &Query> {
        self.lines.iter().filter_map(|line| match &line.state {
            State::Asking(query) => Some(&**query),
            State::Done(_) => None,
        })
    }

    fn is_done(&self) -> bool {
        self.at_end && self.input.is_empty() && self.lines.is_empty() && self.outbox.is_empty()
    }

    /// Whether another line may be taken while so many names are being looked up.
    fn has_room(&self, asking: usize) -> bool {
        asking < self.concurrency
            && self.lines.len() < self.max_lines
            && self.outbox.pending().len() < MOST_OUTPUT
    }

    /// Waits until there is something to do, which the queries do. Whether stdin can be read, and
    /// stdout be written.
    fn wait(&mut self) -> Result<(bool, bool), Errno> {
        let mut fds: Vec<_> = self.asking().map(Query::poll_fd).collect();
        let deadline = self.asking().map(Query::deadline);
        let deadline = deadline.fold(Deadline::NEVER, Deadline::or_sooner);
        let queries = fds.len();
        let reads = !self.at_end && self.has_room(queries);
        let writes = !self.outbox.is_empty();
        if reads {
            fds.push(PollFd::new(fd::borrow(&0), PollFlags::POLLIN));
        }
        if writes {
            fds.push(PollFd::new(fd::borrow(&1), PollFlags::POLLOUT));
        }
        poll::wait(&mut fds, deadline)?;
        let ready: Vec<bool> = fds.iter().map(|fd| fd.any().unwrap_or(false)).collect();
        let (of_queries, of_stdio) = ready.split_at(queries);
        self.advance(of_queries);
        let is_ready = |place: usize| of_stdio.get(place).is_some_and(|ready| *ready);
        Ok((reads && is_ready(0), writes && is_ready(usize::from(reads))))
    }

    fn advance(&mut self, ready: &[bool]) {
        let mut ready = ready.iter();
        for line in &mut self.lines {
            if let State::Asking(query) = &mut line.state
                && let Some(result) = query.advance(ready.next().is_some_and(|ready| *ready))
            {
                let first = |records: Vec<Data>| records.first().map(Data::text);
                let records = result.and_then(|a| resolver::records(&a, self.key.rtype()));
                line.state = State::Done(records.map(|found| first(found).unwrap_or_default()));
            }
        }
    }

    fn read(&mut self) -> Result<(), Errno> {
        let mut chunk = [0; 8192];
        match fd::read(0, &mut chunk) {
            Ok(0) => self.at_end = true,
            Ok(n) => self.input.extend_from_slice(&chunk[..n]),
            Err(Errno::EAGAIN) => {}
            Err(e) => return Err(e),
        }
        Ok(())
    }

    /// Begins to look up the lines that have been read, as many as there is room for.
    ///
    /// Differs: a last line without a newline is a line, too.
    fn take_lines(&mut self) {
        let mut asking = self.asking().count();
        let mut taken = 0;
        while self.has_room(asking) {
            let rest = self.input.get(taken..).unwrap_or_default();
            let (text, length) = match rest.iter().position(|&b| b == b'\n') {
                Some(end) => (rest[..end].to_vec(), end + 1),
                None if self.at_end && !rest.is_empty() => (rest.to_vec(), rest.len()),
                None => break,
            };
            taken += length;
            let line = self.look_up(text);
            asking += usize::from(matches!(line.state, State::Asking(_)));
            self.lines.push_back(line);
        }
        self.input.drain(..taken);
    }

    /// A line without a key is its own key and its own result, as with the original.
    fn look_up(&self, text: Vec<u8>) -> Line {
        let Some((key, name)) = self.key.find(&text) else {
            return Line { key: text.len(), state: State::Done(Ok(text.clone())), text };
        };
        let limit = Deadline::after_ms(self.timeout_ms);
        let started = name.map_err(Failure::from).and_then(|name| {
            let question = Question::new(&name, self.key.rtype(), true);
            Query::start(question, &self.config.servers, limit, Trace::default())
        });
        let state = match started {
            Ok(query) => State::Asking(Box::new(query)),
            Err(failure) => State::Done(Err(failure)),
        };
        Line { text, key, state }
    }

    /// Prints the lines in front about which all is known.
    fn put_lines(&mut self) {
        while let Some(line) = self.lines.pop_front() {
            match &line.state {
                State::Asking(_) => return self.lines.push_front(line),
                State::Done(Ok(found)) => self.found.put(&line, found, self.outbox.end()),
                State::Done(Err(e)) => {
                    self.failed.put(&line, e.to_string().as_bytes(), self.outbox.end());
                }
            }
        }
    }
}
