//! What services say, through the output process: in bulk, whole, in order, on its own stream, and
//! while that process is killed.

use crate::boot::{Boot, Container, is_possible};
use crate::image::Image;
use crate::skip::skip;
use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};

const SERVICES: usize = 20;

const KILLS: usize = 50;

/// The most that a kill may lose, in bytes: what a pipe holds.
const MOST_LOST: usize = 64 << 10;

/// How many lines each service writes to either stream.
fn lines() -> usize {
    let told = std::env::var("SIXTREE_OUTPUT_LINES").ok();
    told.and_then(|n| n.parse().ok()).unwrap_or(5_000)
}

/// Numbered lines, some of which are long, and some no text; the last one has no end.
const RUN: &str = r#"#!/bin/sh
awk -v count=COUNT 'BEGIN {
    big = "x"
    while (length(big) < 70000) big = big big
    big = substr(big, 1, 70000)
    for (i = 1; i <= count; i++) {
        line = "NAME " i
        if (i % 1000 == 7) line = line " " big
        if (i % 10 == 3) line = line " \377\303"
        print line
        print line > "/dev/stderr"
    }
    printf "NAME end"
    printf "NAME end" > "/dev/stderr"
}'
trace NAME is done
exec sleep 1000
"#;

/// The same line.
fn line(name: &str, number: usize) -> Vec<u8> {
    let mut line = format!("{name} {number}").into_bytes();
    if number % 1000 == 7 {
        line.push(b' ');
        line.resize(line.len() + 70_000, b'x');
    }
    if number % 10 == 3 {
        line.extend_from_slice(b" \xff\xc3");
    }
    line
}

fn image(count: usize) -> Image {
    (0..SERVICES).map(|n| format!("svc{n}")).fold(Image::busybox(), |image, name| {
        let folder = format!("etc/s6-overlay/s6-rc.d/{name}");
        let run = RUN.replace("NAME", &name).replace("COUNT", &count.to_string());
        image
            .file(&format!("etc/s6-overlay/user-bundles.d/user/contents.d/{name}"), "")
            .file(&format!("{folder}/type"), "longrun\n")
            .file(&format!("{folder}/run"), &run)
    })
}

fn boot(mode: &str, cmd: &str) -> Boot {
    let cmd = ["sh", "-c", cmd].map(str::to_string).to_vec();
    let mut boot = Boot { cmd, ..Boot::default() };
    boot.patience *= 5;
    boot.set("SIXTREE_LOG", mode);
    boot
}

/// Waits until all has been written, and stops.
fn end(container: &mut Container, also: &[&str]) {
    container.wait_until("everything is written", |c| {
        let trace = c.trace();
        let is_done = (0..SERVICES).all(|n| trace.contains(&format!("svc{n} is done")));
        (is_done && also.iter().all(|line| trace.contains(&line.to_string()))).then_some(())
    });
    container.stops();
}

#[test]
fn lines_are_whole_and_in_order_whatever_is_killed() {
    if !is_possible() {
        return;
    }
    let kill = format!(
        "i=0; while [ $i -lt {KILLS} ]; do killall -9 sixtree-output 2> /dev/null && i=$((i + 1)); \
         usleep 20000; done; trace killed; exec sleep 1000"
    );
    let count = lines();
    let mut container = boot("prefix", &kill).start(&image(count));
    end(&mut container, &["killed"]);
    let mut lost = Vec::new();
    for stream in ["stdout", "stderr"] {
        for (name, said) in by_service(&container.bytes(stream)) {
            lost.extend(check(&name, &said, count));
        }
    }
    let (bytes, most) = (lost.iter().sum::<usize>(), lost.iter().max().copied().unwrap_or(0));
    let _ = writeln!(
        std::io::stderr(),
        "output process: {KILLS} were killed, {} lost lines: {bytes} bytes, {most} at most",
        lost.len(),
    );
    assert!(lost.len() <= KILLS && most <= MOST_LOST, "{lost:?}");
}

#[test]
fn nothing_is_lost_where_nothing_is_killed() {
    if !is_possible() {
        return;
    }
    let count = lines();
    let mut container = boot("prefix", "exec sleep 1000").start(&image(count));
    end(&mut container, &[]);
    for stream in ["stdout", "stderr"] {
        let all = by_service(&container.bytes(stream));
        assert_eq!(all.len(), SERVICES);
        for (name, said) in all {
            assert_eq!(check(&name, &said, count), [0; 0], "{name} on {stream}");
        }
    }
}

/// The lines of each service, put together of their parts.
fn by_service(shown: &[u8]) -> BTreeMap<String, Vec<Vec<u8>>> {
    let mut all: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
    assert!(shown.ends_with(b"\n"), "lines are whole");
    for line in shown.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let mut words = line.splitn(3, |byte| *byte == b' ');
        let (Some(name), Some(mark), Some(text)) = (words.next(), words.next(), words.next())
        else {
            panic!("no line of anybody: {}", String::from_utf8_lossy(line))
        };
        let name = String::from_utf8(name.to_vec()).expect("a name");
        if !name.starts_with("svc") {
            continue;
        }
        let said = all.entry(name).or_default();
        match (mark, said.last_mut()) {
            (b"+", Some(last)) => last.extend_from_slice(text),
            (b"|" | b"+", _) => said.push(text.to_vec()),
            other => panic!("no mark: {other:?}"),
        }
    }
    all
}

/// Sees whether lines are those that were written, each once. Of each place where some are missing,
/// how many bytes.
fn check(name: &str, said: &[Vec<u8>], count: usize) -> Vec<usize> {
    let size = |numbers: std::ops::Range<usize>| -> usize {
        numbers.map(|number| line(name, number).len() + 1).sum()
    };
    let (mut next, mut lost) = (1, Vec::new());
    for text in said {
        let shown = String::from_utf8_lossy(text.get(..60).unwrap_or(text)).into_owned();
        if shown == format!("{name} end") {
            lost.extend((next <= count).then(|| size(next..count + 1)));
            next = count + 2;
            continue;
        }
        let number = shown.strip_prefix(&format!("{name} ")).and_then(|s| s.split(' ').next());
        let number: Option<usize> = number.and_then(|n| n.trim_end_matches('x').parse().ok());
        let Some(number) = number else {
            // The rest of a long line, in which a kill came just before it was taken out.
            assert!(text.starts_with(b"xxx"), "no line of {name}: {shown}");
            lost.push(0);
            continue;
        };
        assert!(number >= next, "{name}: {number} comes after {}", next - 1);
        let whole = line(name, number);
        lost.extend((number > next).then(|| size(next..number)));
        next = number + 1;
        if *text == whole {
            continue;
        }
        match text.strip_prefix(whole.as_slice()) {
            // The beginning of a long line is missing, and its rest follows what came before that.
            Some(rest) if rest.iter().all(|byte| *byte == b'x') => {
                let long = (next..).find(|n| n % 1000 == 7).unwrap_or(next);
                lost.push(size(next..long + 1) - rest.len());
                next = long + 1;
            }
            // Parts of a long line are missing.
            _ => {
                assert!(text.len() > 1_000, "{name}: {shown:?} is no whole line");
                lost.push(whole.len().saturating_sub(text.len()));
            }
        }
    }
    if next != count + 2 {
        lost.push(size(next..count + 1));
    }
    lost
}

/// What another reader of JSON makes of it: the lines of each service, as they were.
const READER: &str = r#"
import json, re, sys
lines, begun = {}, {}
for text in open(sys.argv[1], "rb"):
    entry = json.loads(text)
    line = entry["line"]
    if entry.get("escaped"):
        raw = line.encode()
        byte = lambda m: bytes.fromhex(m[2].decode()) if m[2] else b"\\"
        raw = re.sub(rb"\\(\\|x(..))", byte, raw)
    else:
        raw = line.encode()
    assert entry["stream"] == sys.argv[2] and entry["time"].endswith("Z"), entry
    name = entry["service"]
    if name == "init":
        assert entry["level"] in ("info", "warning"), entry
        continue
    assert entry.get("part", 1) == begun.get(name, (0, b""))[0] + 1, entry
    raw = begun.pop(name, (0, b""))[1] + raw
    if entry.get("more"):
        begun[name] = (entry["part"], raw)
    else:
        lines.setdefault(name, []).append(raw)
count = int(sys.argv[3])
def line(name, i):
    text = b"%s %d" % (name.encode(), i)
    if i % 1000 == 7: text += b" " + b"x" * 70000
    if i % 10 == 3: text += b" \xff\xc3"
    return text
assert len(lines) == int(sys.argv[4]), sorted(lines)
for name, said in lines.items():
    assert said == [line(name, i + 1) for i in range(count)], name
    assert begun[name][1] == b"%s end" % name.encode(), begun[name]
print("read")
"#;

#[test]
fn another_reader_understands_every_object() {
    if !is_possible() {
        return;
    }
    if Command::new("python3").arg("--version").output().is_err() {
        return skip("there is no python3 to read JSON");
    }
    let count = lines();
    let mut container = boot("json", "exec sleep 1000").start(&image(count));
    end(&mut container, &[]);
    for stream in ["stdout", "stderr"] {
        let scratch = tempfile::tempdir().expect("a folder");
        let path = scratch.path().join(stream);
        std::fs::write(&path, container.bytes(stream)).expect("written");
        let mut reader = Command::new("python3");
        reader.args(["-c", READER]).arg(&path).arg(stream);
        let read = reader
            .args([count.to_string(), SERVICES.to_string()])
            .stderr(Stdio::piped())
            .output()
            .expect("python3");
        let said = String::from_utf8_lossy(&read.stderr);
        assert!(read.status.success(), "{stream}: {said}");
    }
}
