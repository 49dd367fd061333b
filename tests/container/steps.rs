//! The steps of a case.
//!
//! | step | what it does |
//! |---|---|
//! | `env K=V …`, `unenv K …` | sets or removes variables of the container |
//! | `cmd WORDS` | the container's CMD |
//! | `pid1 no` | another process is PID 1 |
//! | `user UID:GID` | the container's user |
//! | `setup SHELL` | a line that a shell runs before /init, as root; in single quotes |
//! | `timeout S` | how long any wait may take |
//! | `start` | boots; so does any step below this row |
//! | `wait trace LINE [N]`, `wait FILE PATTERN`, `wait exit` | waits to see it |
//! | `sleep S` | lets time pass, where that is what is tested |
//! | `signal NAME` | sends a signal to PID 1 |
//! | `exec [CHECKS] WORDS`, `exec-as UID [CHECKS] WORDS` | as `docker exec` |
//! | `expect exit N`, `expect running` | the exit code; `nonzero` is one |
//! | `expect trace LINE`, `expect no-trace LINE`, `expect count LINE ==\|>=\|<= N` | |
//! | `expect order A < B < C` | these lines of the trace are in this order |
//! | `expect file PATH is TEXT`, `expect file PATH exists\|absent` | |
//! | `expect stdout\|stderr has\|lacks PATTERN` | |
//!
//! CHECKS are `rc=N` (0 unless told, or `any`), `until=S` (again, for so long), `out=TEXT`,
//! `out~PATTERN`, `out!PATTERN` (lacks it), and the same with `err`.
//!
//! The program `trace` of the image appends its words to the trace. LINE and PATTERN are extended
//! regular expressions where they are written `/so/`; else LINE is all of a line, and PATTERN a
//! part of the text.

use crate::boot::{Boot, Container, is_possible};
use crate::case::Case;
use crate::kernels;
use nix::sys::signal::Signal;
use sixtree::sys::regex::Regex;
use std::process::Output;
use std::time::{Duration, Instant};

/// What keeps a case from being met, in a sentence.
type Fault = String;

/// Runs a case, on another kernel if it says so; panics where it is not met.
pub(crate) fn run(name: &str, kernel: Option<&'static str>) {
    if !is_possible() {
        return;
    }
    let file = format!("tests/container/cases/{name}.case");
    let mut case = Case::read(&file);
    let mut boot = Boot { kernel, ..Boot::default() };
    if kernel.is_some() {
        case.image = case.image.copy(kernels::refuse(), "bin/refuse");
    }
    let mut steps = case
        .steps
        .iter()
        .map(|(line, words)| (*line, words.iter().map(String::as_str).collect::<Vec<_>>()));
    let mut next = steps.next();
    while let Some((_, words)) = next.take_if(|(_, words)| configure(&mut boot, words)) {
        next = steps.next();
        if words == ["start"] {
            break;
        }
    }
    let mut container = boot.start(&case.image);
    for (line, words) in next.into_iter().chain(steps) {
        if let Err(fault) = step(&mut container, &words) {
            panic!("{file}:{line}: {}: {fault}\n{}", words.join(" "), container.transcript());
        }
    }
}

/// A step that says how to boot: whether it was one.
fn configure(boot: &mut Boot, words: &[&str]) -> bool {
    match words {
        ["env", variables @ ..] => {
            for (name, value) in variables.iter().filter_map(|v| v.split_once('=')) {
                boot.set(name, value);
            }
        }
        ["unenv", names @ ..] => boot.env.retain(|(k, _)| !names.contains(&k.as_str())),
        ["cmd", words @ ..] => boot.cmd = words.iter().map(|w| w.to_string()).collect(),
        ["pid1", "no"] => boot.is_pid_1 = false,
        ["user", user] => boot.user = Some(user.to_string()),
        ["setup", line] => boot.setup.push(line.to_string()),
        ["timeout", seconds] => boot.patience = Duration::from_secs_f64(number(seconds)),
        ["start"] => {}
        _ => return false,
    }
    true
}

fn step(container: &mut Container, words: &[&str]) -> Result<(), Fault> {
    match words {
        ["wait", "exit"] => drop(container.exit_code()),
        ["wait", "trace", line] => wait_trace(container, line, 1),
        ["wait", "trace", line, times] => wait_trace(container, line, number(times) as usize),
        ["wait", file, pattern] => container
            .wait_until(&words.join(" "), |c| contains(&c.text(file), pattern).then_some(())),
        ["sleep", seconds] => std::thread::sleep(Duration::from_secs_f64(number(seconds))),
        ["signal", name] => {
            let name = format!("SIG{name}");
            container.signal(name.parse::<Signal>().map_err(|e| e.to_string())?);
        }
        ["exec", rest @ ..] => return Exec::read(None, rest).run(container),
        ["exec-as", uid, rest @ ..] => return Exec::read(Some(uid), rest).run(container),
        ["expect", rest @ ..] => return expect(container, rest),
        _ => return Err("no such step".into()),
    }
    Ok(())
}

fn wait_trace(container: &mut Container, line: &str, times: usize) {
    let what = format!("{line:?} in the trace, {times} times");
    container.wait_until(&what, |c| (count(&c.trace(), line) >= times).then_some(()));
}

fn expect(container: &mut Container, words: &[&str]) -> Result<(), Fault> {
    let met = |met: bool, fault: &dyn Fn() -> Fault| if met { Ok(()) } else { Err(fault()) };
    match words {
        ["exit", wanted] => {
            let code = container.exit_code();
            let good = if *wanted == "nonzero" { code != 0 } else { wanted.parse() == Ok(code) };
            met(good, &|| format!("it exited {code}"))
        }
        ["running"] => met(!container.has_ended(), &|| "it has ended".into()),
        ["trace", line] => place(&container.trace(), line).map(drop),
        ["no-trace", line] => met(count(&container.trace(), line) == 0, &|| "it is there".into()),
        ["count", line, how, wanted] => {
            let times = count(&container.trace(), line);
            met(compare(times as f64, how, number(wanted)), &|| format!("{times} times"))
        }
        ["order", lines @ ..] => {
            let trace = container.trace();
            let lines = lines.iter().filter(|word| **word != "<");
            let places = lines.map(|l| place(&trace, l)).collect::<Result<Vec<_>, _>>()?;
            met(places.is_sorted_by(|a, b| a < b), &|| "another order".into())
        }
        ["file", path, "exists"] => met(container.exists(path), &|| "it does not".into()),
        ["file", path, "absent"] => met(!container.exists(path), &|| "it is there".into()),
        ["file", path, "is", wanted] => {
            let text = container.text(path);
            met(text.trim_end_matches('\n') == unescape(wanted), &|| format!("it is {text:?}"))
        }
        [stream @ ("stdout" | "stderr"), "lacks", pattern] => {
            met(!contains(&container.text(stream), pattern), &|| "it has".into())
        }
        [stream @ ("stdout" | "stderr"), "has", pattern] => {
            let text = container.text(stream);
            met(contains(&text, pattern), &|| format!("it is {text:?}"))
        }
        _ => Err("no such expectation".into()),
    }
}

/// A program to run inside, and what its end shall be.
struct Exec<'a> {
    uid: Option<&'a str>,
    code: Option<i32>,
    until: Duration,
    /// Stream, comparison, and what with.
    checks: Vec<(&'a str, char, &'a str)>,
    words: &'a [&'a str],
}

impl<'a> Exec<'a> {
    fn read(uid: Option<&'a str>, mut words: &'a [&'a str]) -> Self {
        let mut exec = Self { uid, code: Some(0), until: Duration::ZERO, checks: vec![], words };
        while let Some((first, rest)) = words.split_first() {
            let at = first.find(['=', '~', '!']).unwrap_or(0);
            let (key, value) = first.split_at(at);
            let mut value = value.chars();
            match (key, value.next()) {
                ("rc", Some('=')) => exec.code = value.as_str().parse().ok(),
                ("until", Some('=')) => {
                    exec.until = Duration::from_secs_f64(number(value.as_str()));
                }
                ("out" | "err", Some(how)) => exec.checks.push((key, how, value.as_str())),
                _ => break,
            }
            words = rest;
        }
        exec.words = words;
        exec
    }

    fn run(&self, container: &mut Container) -> Result<(), Fault> {
        let deadline = Instant::now() + self.until;
        loop {
            let output = container.exec(self.words, self.uid);
            match self.check(&output) {
                Err(_) if Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                result => return result,
            }
        }
    }

    fn check(&self, output: &Output) -> Result<(), Fault> {
        let out = String::from_utf8_lossy(&output.stdout);
        let err = String::from_utf8_lossy(&output.stderr);
        if self.code.is_some() && output.status.code() != self.code {
            return Err(format!("{}; stdout {out:?}; stderr {err:?}", output.status));
        }
        for (stream, how, wanted) in &self.checks {
            let text = if *stream == "out" { &out } else { &err };
            let met = match how {
                '=' => text.trim_end_matches('\n') == unescape(wanted),
                '~' => contains(text, wanted),
                _ => !contains(text, wanted),
            };
            if !met {
                return Err(format!("std{stream} is {text:?}"));
            }
        }
        Ok(())
    }
}

fn number(word: &str) -> f64 {
    word.parse().unwrap_or_else(|_| panic!("{word} is no number"))
}

fn compare(is: f64, how: &str, wanted: f64) -> bool {
    match how {
        "==" => is == wanted,
        "<=" => is <= wanted,
        ">=" => is >= wanted,
        _ => panic!("{how} is no comparison"),
    }
}

fn unescape(text: &str) -> String {
    text.replace("\\n", "\n").replace("\\t", "\t")
}

/// The expression between slashes, if it is written so.
fn expression(pattern: &str) -> Option<Regex> {
    let inner = pattern.strip_prefix('/')?.strip_suffix('/').filter(|inner| !inner.is_empty())?;
    Some(Regex::extended(inner.as_bytes()).unwrap_or_else(|_| panic!("{pattern} is no expression")))
}

fn contains(text: &str, pattern: &str) -> bool {
    match expression(pattern) {
        Some(expression) => text.lines().any(|line| expression.is_match(line.as_bytes())),
        None => text.contains(pattern),
    }
}

fn matches<'a>(trace: &'a [String], line: &'a str) -> impl Iterator<Item = usize> + 'a {
    let expression = expression(line);
    let is_it = move |l: &String| {
        l == line || expression.as_ref().is_some_and(|e| e.is_match(l.as_bytes()))
    };
    trace.iter().enumerate().filter(move |(_, l)| is_it(l)).map(|(at, _)| at)
}

fn count(trace: &[String], line: &str) -> usize {
    matches(trace, line).count()
}

fn place(trace: &[String], line: &str) -> Result<usize, Fault> {
    matches(trace, line).next().ok_or_else(|| format!("{line:?} is not in the trace"))
}
