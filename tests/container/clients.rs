//! Clients of the control socket that ask for too much, that ask for nothing, and that do not
//! listen: PID 1 keeps no more for them than it must, and goes on serving the others.

use crate::boot::{Boot, Container, is_possible};
use crate::image::Image;
use sixtree::format::request::{Answer, ChangeRequest, Outcome, Request};
use sixtree::sys::socket::{MAX_FDS, send};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// More clients than there are places.
const MANY: usize = 300;

/// How much more memory PID 1 may have had than before, in kB: a few times the longest request.
const MAX_GROWTH_KB: u64 = 24 << 10;

/// What a request waits for.
const SLOW: &str = "sh -c \"until [ -e /go ]; do sleep 0.05; done\"\n";

/// A container whose services are up, and its PID 1 seen from outside.
struct World {
    container: Container,
    proc: String,
}

impl World {
    fn boot(boot: Boot) -> Self {
        let slow = "etc/s6-overlay/s6-rc.d/slow";
        let image = Image::busybox()
            .file(&format!("{slow}/type"), "oneshot\n")
            .file(&format!("{slow}/up"), SLOW);
        let mut container = boot.start(&image);
        container.wait_for_boot();
        let proc = format!("/proc/{}", container.init());
        Self { container, proc }
    }

    fn connect(&self) -> UnixStream {
        let path = format!("{}/root/run/s6-rc/control", self.proc);
        let client = UnixStream::connect(path).expect("PID 1 listens");
        client.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
        client
    }

    fn ask(&self, request: &Request) -> UnixStream {
        let mut client = self.connect();
        client.write_all(&request.encode()).expect("room for a request");
        client
    }

    /// How many descriptors PID 1 has.
    fn descriptors(&self) -> usize {
        fs::read_dir(format!("{}/fd", self.proc)).expect("it runs").count()
    }

    /// A line of its status, in kB.
    fn memory_kb(&self, key: &str) -> u64 {
        let status = fs::read_to_string(format!("{}/status", self.proc)).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
        line.and_then(|kb| kb.trim().strip_suffix(" kB")?.parse().ok()).expect("a number of kB")
    }

    /// What others ask is answered.
    fn serves_others(&mut self) {
        for words in [&["sixtree", "timing"][..], &["s6-rc", "list"]] {
            let answer = self.container.exec(words, None);
            assert!(answer.status.success(), "{words:?}: {answer:?}");
        }
    }

    fn descriptors_are(&mut self, before: usize) {
        let proc = self.proc.clone();
        self.container.wait_until("PID 1 has as many descriptors as before", |_| {
            let now = fs::read_dir(format!("{proc}/fd")).expect("it runs").count();
            (now == before).then_some(())
        });
    }
}

/// All that PID 1 answers, until it hangs up.
fn answers(client: UnixStream) -> Vec<Answer> {
    let lines = BufReader::new(client).split(b'\n');
    let lines = lines.map_while(Result::ok);
    lines.map(|line| Answer::decode(&line).expect("an answer")).collect()
}

fn slow() -> Request {
    Request::Change(ChangeRequest {
        names: vec!["slow".into()],
        wait: true,
        ..ChangeRequest::default()
    })
}

#[test]
fn descriptors_that_do_not_fit_are_not_kept() {
    if !is_possible() {
        return;
    }
    let mut world = World::boot(Boot { nofile: Some("200:200".into()), ..Boot::default() });
    let before = world.descriptors();
    for _ in 0..3 {
        let client = world.connect();
        assert_eq!(send(client.as_fd(), b"{", &[0; MAX_FDS]), Ok(1));
        let [Answer::Error { code: 111, text }] = &answers(client)[..] else { panic!("no error") };
        assert!(text.contains("too many open files"), "{text}");
    }
    // Of what does fit, no more than stdin, stdout and stderr are kept.
    let clients: Vec<UnixStream> = (0..20).map(|_| world.connect()).collect();
    for client in &clients {
        // Those that made room for others cannot be written to.
        let _ = send(client.as_fd(), b"{", &[0; 40]);
    }
    world.serves_others();
    drop(clients);
    world.descriptors_are(before);
    world.container.stops();
}

#[test]
fn who_asks_for_nothing_makes_room() {
    if !is_possible() {
        return;
    }
    let mut world = World::boot(Boot::default());
    let before = world.descriptors();
    let busy = world.ask(&slow());
    let mut idle: Vec<UnixStream> = (0..MANY).map(|_| world.connect()).collect();
    world.serves_others();
    // The one that came first has gone; it was told why.
    let received = answers(idle.remove(0));
    assert!(matches!(&received[..], [Answer::Error { code: 111, .. }]), "{received:?}");
    // Whoever has a request under way stays, in whatever number the others come.
    drop(idle);
    world.container.exec(&["touch", "/go"], None);
    assert_eq!(answers(busy).last(), Some(&Answer::Done(Outcome::Done)));
    world.descriptors_are(before);
    world.container.stops();
}

#[test]
fn who_finds_no_place_is_told() {
    if !is_possible() {
        return;
    }
    let mut world = World::boot(Boot { nofile: Some("160:160".into()), ..Boot::default() });
    let before = world.descriptors();
    let busy: Vec<UnixStream> = (0..30).map(|_| world.ask(&slow())).collect();
    let refused = world.container.exec(&["s6-rc", "list"], None);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("PID 1 serves as many clients as it can"), "{refused:?}");
    drop(busy);
    world.descriptors_are(before);
    world.serves_others();
    world.container.stops();
}

#[test]
fn a_request_takes_no_more_memory_than_a_few_times_its_length() {
    if !is_possible() {
        return;
    }
    let mut world = World::boot(Boot::default());
    let before = world.memory_kb("VmHWM");
    // In one of them a name that stands for many is repeated, in the other none is known.
    let many = |name: &dyn Fn(usize) -> String, count| {
        let names = (0..count).map(name).collect::<Vec<_>>().join("\",\"");
        format!(r#"{{"version":1,"request":{{"change":{{"names":["{names}"]}}}}}}"#) + "\n"
    };
    let repeated = many(&|_| "top".into(), 340_000);
    let unknown = many(&|n| format!("{n:06x}"), 220_000);
    let nonsense = format!(r#"{{"version":1,"request":[{}1]}}"#, "1,".repeat(1_000_000)) + "\n";
    for request in [&repeated, &unknown, &nonsense] {
        let mut client = world.connect();
        client.write_all(request.as_bytes()).expect("it reads all of it");
        assert!(answers(client).last().is_some_and(Answer::is_last));
    }
    // Many that never come to an end.
    let halves: Vec<UnixStream> = (0..40).map(|_| world.connect()).collect();
    for mut half in &halves {
        half.set_write_timeout(Some(Duration::from_secs(30))).expect("a timeout");
        // Whose part is the largest is let go of.
        let _ = half.write_all(&repeated.as_bytes()[..1 << 20]);
    }
    world.serves_others();
    let grown = world.memory_kb("VmHWM").saturating_sub(before);
    assert!(grown < MAX_GROWTH_KB, "PID 1 has had {grown} kB more");
    world.container.stops();
}

#[test]
fn nothing_is_served_after_the_last_answer() {
    if !is_possible() {
        return;
    }
    let mut world = World::boot(Boot::default());
    let before = world.descriptors();
    let thousand = Request::Status(0).encode().repeat(1000);
    let mut eager = world.connect();
    eager.write_all(&thousand[..4096]).expect("room for some");
    let mut first = String::new();
    let mut reader = BufReader::new(eager);
    reader.read_line(&mut first).expect("an answer");
    assert!(Answer::decode(first.as_bytes()).is_ok_and(|answer| answer.is_last()));
    let mut rest = Vec::new();
    // The end, or that what was sent in vain has not been read.
    let _ = reader.read_to_end(&mut rest);
    assert!(rest.is_empty(), "{} bytes more", rest.len());
    // Many that ask and do not read.
    let clients: Vec<UnixStream> = (0..50).map(|_| world.connect()).collect();
    for mut client in &clients {
        client.set_nonblocking(true).expect("a socket");
        let _ = client.write_all(&thousand);
    }
    world.serves_others();
    drop(clients);
    // One request at a time: another one ends both.
    let mut two = world.ask(&slow());
    two.write_all(&Request::States.encode()).expect("it is connected");
    let ends = answers(two);
    assert!(matches!(ends.last(), Some(Answer::Error { code: 111, .. })), "{ends:?}");
    world.descriptors_are(before);
    world.serves_others();
    world.container.stops();
}

#[test]
fn a_client_of_another_release_is_told_what_to_do() {
    if !is_possible() {
        return;
    }
    let mut world = World::boot(Boot::default());
    let mut later = world.connect();
    let request = b"{\"version\":99,\"release\":\"9.9.9\",\"request\":{\"dance\":{}}}\n";
    later.write_all(request).expect("room for a request");
    let [Answer::Error { code: 111, text }] = &answers(later)[..] else { panic!("no error") };
    let own = env!("CARGO_PKG_VERSION");
    for part in [own, "9.9.9", "version 99", "/proc/1/exe"] {
        assert!(text.contains(part), "no {part}: {text}");
    }
    // That helps.
    let answer = world.container.exec(&["/proc/1/exe", "timing"], None);
    assert!(answer.status.success(), "{answer:?}");
    world.container.stops();
}
