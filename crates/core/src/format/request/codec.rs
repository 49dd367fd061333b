//! Encodes requests and answers as lines of JSON, and decodes them.

use super::{Answer, MAX_LINE, MAX_NAMES, Malformed, RELEASE, Request, VERSION};
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeSet;
use std::fmt;

/// A request as it is sent.
#[derive(Serialize)]
struct Envelope<'a> {
    version: u32,
    release: &'a str,
    request: &'a Request,
}

/// Who sends a request. It can be read in every version.
#[derive(Deserialize)]
struct Sender {
    version: Option<u32>,
    release: Option<String>,
}

/// A request of this version.
#[derive(Deserialize)]
struct Content {
    request: Request,
}

impl Request {
    /// The line, newline included.
    pub fn encode(&self) -> Vec<u8> {
        line(&Envelope { version: VERSION, release: RELEASE, request: self })
    }

    /// Reads a line, with or without its newline.
    pub fn decode(line: &[u8]) -> Result<Self, Malformed> {
        let sender: Sender = parse(line)?;
        match sender.version {
            Some(VERSION) => parse(line).map(|content: Content| content.request),
            Some(version) => {
                let release = sender.release.unwrap_or_else(|| "of an unknown release".to_owned());
                Err(Malformed::Version { release, version })
            }
            None => Err(Malformed::NoVersion),
        }
    }
}

impl Answer {
    /// The line, newline included.
    pub fn encode(&self) -> Vec<u8> {
        line(self)
    }

    /// Reads a line, with or without its newline.
    pub fn decode(line: &[u8]) -> Result<Self, Malformed> {
        parse(line)
    }
}

fn line(message: &impl Serialize) -> Vec<u8> {
    // Every message is a tree of plain values: nothing of that can fail.
    let mut line = serde_json::to_vec(message).unwrap_or_default();
    line.push(b'\n');
    line
}

fn parse<'a, T: Deserialize<'a>>(line: &'a [u8]) -> Result<T, Malformed> {
    if line.len() > MAX_LINE {
        return Err(Malformed::TooLong);
    }
    serde_json::from_slice(line).map_err(|e| Malformed::Invalid(e.to_string()))
}

/// Reads names, and drops duplicates while reading, so that repetitions take no memory.
pub(super) fn names<'a, D: Deserializer<'a>>(source: D) -> Result<Vec<String>, D::Error> {
    source.deserialize_seq(NamesVisitor)
}

struct NamesVisitor;

impl<'a> Visitor<'a> for NamesVisitor {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of names")
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let (mut names, mut seen) = (Vec::new(), BTreeSet::new());
        while let Some(name) = items.next_element::<String>()? {
            if seen.insert(name.clone()) {
                names.push(name);
            }
            if names.len() > MAX_NAMES {
                return Err(A::Error::custom(format_args!("more than {MAX_NAMES} names")));
            }
        }
        Ok(names)
    }
}

#[cfg(test)]
mod tests {
    use super::super::*;
    use proptest::prelude::*;

    fn requests() -> Vec<Request> {
        vec![
            Request::Change(ChangeRequest::default()),
            Request::Change(ChangeRequest {
                names: vec!["a b".into(), "Grüße\n\"".into()],
                down: true,
                prune: true,
                all: true,
                essential: true,
                timeout_ms: u64::MAX,
                wait: true,
                dry_run_ms: Some(0),
            }),
            Request::Reload(Reload { names: vec!["x".into()], ..Reload::default() }),
            Request::States,
            Request::Status(u32::MAX),
            Request::Timing,
            Request::Journal(7),
            Request::Update(Update {
                database: "/run/db".into(),
                renamed: vec![("a".into(), "b".into())],
            }),
            Request::Abort,
        ]
    }

    fn answers() -> Vec<Answer> {
        use SaySeverity::{Fatal, Info, Warning};
        let say = |(what, severity)| {
            let (service, text) = ("web".into(), "service web: starting".into());
            Answer::Say(Say { level: 2, severity, what, service, text })
        };
        let says = [
            (What::Starting, Info),
            (What::Started, Info),
            (What::NotStarted, Warning),
            (What::Stopping, Info),
            (What::Stopped, Info),
            (What::NotStopped, Warning),
            (What::Reloading, Info),
            (What::Reloaded, Info),
            (What::NotReloaded, Warning),
            (What::Already, Info),
            (What::Essential, Warning),
            (What::Other, Fatal),
        ];
        use Outcome::{Aborted, Busy, Done, Failed, TimedOut};
        let outcomes = [Done, Failed, TimedOut, Busy, Aborted];
        let mut all: Vec<_> = says.map(say).into();
        all.extend(outcomes.map(Answer::Done));
        all.push(Answer::States(vec![State { name: "a".into(), up: true, wanted: false }]));
        all.push(Answer::Error { code: 3, text: "nope".into() });
        let next = Some(7);
        all.push(Answer::Status(StatusPage { services: services(), next }));
        all.push(Answer::Status(StatusPage::default()));
        all.push(Answer::Timing(BootTimes {
            steps: vec![StepTime { name: "hook".into(), ended_us: 9 }],
            services: vec![
                ServiceTimes { name: "a".into(), begun_us: 1, ended_us: Some(2), failed: true },
                ServiceTimes::default(),
            ],
            over_us: Some(u64::MAX),
            now_us: 3,
        }));
        let entry = |said| JournalEntry { at_us: 1, said, text: "\u{1b}[0m".into() };
        let entries = vec![entry(true), entry(false)];
        all.push(Answer::Journal(JournalPage { entries, next: u64::MAX }));
        all
    }

    /// One of each kind, and each reason to be down.
    fn services() -> Vec<ServiceStatus> {
        let kinds = [ServiceKind::Oneshot, ServiceKind::Longrun, ServiceKind::Scanned];
        let failures = [
            StartFailure::Ended(ScriptEnd::Code(1)),
            StartFailure::Ended(ScriptEnd::Signal(9)),
            StartFailure::TimedOut,
            StartFailure::Permanent,
            StartFailure::NotSpawned,
            StartFailure::Aborted,
        ];
        let whys = [WhyDown::NotWanted, WhyDown::Starting, WhyDown::GivenUp].into_iter();
        let whys = whys.chain([WhyDown::WaitsFor("b".into())]);
        let whys = whys.chain(failures.map(WhyDown::Failed));
        let whys = whys.chain(failures.map(|failure| WhyDown::Needs("b".into(), failure)));
        let down = whys.map(|why| ServiceStatus {
            name: "a".into(),
            tree: Some(TreeStatus { up: false, enabled: true, why: Some(why) }),
            ..ServiceStatus::default()
        });
        let up = kinds.map(|kind| ServiceStatus {
            name: "ü".into(),
            kind,
            pid: Some(i32::MAX),
            since_ms: Some(u64::MAX),
            running: true,
            ready: true,
            last_exit: Some(ScriptEnd::Signal(64)),
            refused: Some("No space left on device".into()),
            tree: Some(TreeStatus { up: true, enabled: false, why: None }),
            supervisor: Some(SupervisorStatus {
                wanted_up: true,
                stopping: true,
                finishing: true,
                paused: true,
                flapping: true,
                rest: Some(RestStatus::Finish(ScriptEnd::Code(1), 4, 19_000)),
                restarts: 3,
            }),
        });
        down.chain(up).collect()
    }

    #[test]
    fn every_message_comes_back_as_it_was() {
        for request in requests() {
            assert_eq!(Request::decode(&request.encode()), Ok(request));
        }
        for answer in answers() {
            assert_eq!(Answer::decode(&answer.encode()), Ok(answer));
        }
    }

    #[test]
    fn a_message_is_one_line() {
        let newlines = |bytes: Vec<u8>| bytes.iter().filter(|&&b| b == b'\n').count();
        requests().iter().for_each(|r| assert_eq!(newlines(r.encode()), 1));
        answers().iter().for_each(|a| assert_eq!(newlines(a.encode()), 1));
    }

    fn decode(request: &str) -> Result<Request, Malformed> {
        Request::decode(format!(r#"{{"version":{VERSION},"request":{request}}}"#).as_bytes())
    }

    #[test]
    fn absent_fields_have_their_defaults() {
        assert_eq!(decode(r#"{"change":{}}"#), Ok(Request::Change(ChangeRequest::default())));
    }

    #[test]
    fn a_repeated_name_counts_once_and_too_many_are_refused() {
        let decoded = decode(r#"{"reload":{"names":["b","a","b","a"]}}"#);
        let names = vec!["b".into(), "a".into()];
        assert_eq!(decoded, Ok(Request::Reload(Reload { names, ..Reload::default() })));
        let names = (0..=MAX_NAMES).map(|n| format!("\"{n}\"")).collect::<Vec<_>>().join(",");
        let why = decode(&format!(r#"{{"change":{{"names":[{names}]}}}}"#)).unwrap_err();
        assert!(why.to_string().contains("more than 65536 names"), "{why}");
    }

    /// What every release understands, whatever the version.
    #[test]
    fn a_request_of_another_version_is_told_apart_and_an_error_is_not_changed() {
        let later = br#"{"version":99,"release":"9.0.0","request":{"dance":{"steps":3}}}"#;
        let why = Request::decode(later).unwrap_err();
        assert_eq!(why, Malformed::Version { release: "9.0.0".into(), version: 99 });
        let text = format!(
            "PID 1 is sixtree {RELEASE}, which speaks version 1 of the control protocol; this \
             command is sixtree 9.0.0, which speaks version 99"
        );
        assert_eq!(why.to_string(), text);
        assert_eq!(Request::decode(br#"{"request":"states"}"#), Err(Malformed::NoVersion));
        let error = Answer::Error { code: 3, text: "x".into() };
        assert_eq!(error.encode(), b"{\"error\":{\"code\":3,\"text\":\"x\"}}\n");
    }

    #[test]
    fn wrong_lines_are_errors() {
        let says = |request| decode(request).unwrap_err().to_string();
        assert!(says("").contains("expected value"), "{}", says(""));
        assert!(says(r#""dance""#).contains("unknown variant `dance`"));
        assert!(says(r#"{"change":{"names":[1]}}"#).contains("expected a string"));
        assert!(says(r#"{"change":{"names":"a"}}"#).contains("expected a list of names"));
        assert!(says(r#"{"change":{"down":1}}"#).contains("expected a boolean"));
        assert!(says(r#"{"change":{"timeout_ms":-1}}"#).contains("integer `-1`"));
        assert!(says(r#"{"update":{}}"#).contains("missing field `database`"));
        assert!(Request::decode(b"[1]").is_err() && Request::decode(b"").is_err());
        assert!(Answer::decode(br#"{"error":{"code":256,"text":""}}"#).is_err());
        assert_eq!(Request::decode(&vec![b' '; MAX_LINE + 1]), Err(Malformed::TooLong));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_value_or_an_error(
            bytes in proptest::collection::vec(any::<u8>(), 0..200)
        ) {
            let _ = Request::decode(&bytes);
            let _ = Answer::decode(&bytes);
        }
    }
}
