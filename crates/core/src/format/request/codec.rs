//! Encodes requests and answers as lines of JSON, and decodes them.

use super::{Answer, MAX_LINE, Malformed, RELEASE, Request, VERSION};
use crate::format::wire::{self, Wire, WireFault};
use serde_json::value::RawValue;

impl Request {
    /// The line, newline included.
    pub fn encode(&self) -> Vec<u8> {
        let release = RELEASE.to_owned();
        let mut line = Vec::new();
        wire::write_object(
            &mut line,
            &[("version", &VERSION), ("release", &release), ("request", self)],
        );
        line.push(b'\n');
        line
    }

    /// Reads a line, with or without its newline. Who sent it can be read in every version.
    pub fn decode(line: &[u8]) -> Result<Self, Malformed> {
        let (mut version, mut release, mut request) = (None::<u32>, None::<String>, None);
        wire::each_field(text(line)?, &mut |name, value| match name {
            "version" => version.read(value),
            "release" => release.read(value),
            "request" => {
                request = Some(value);
                Ok(())
            }
            _ => Ok(()),
        })?;
        match version {
            Some(VERSION) => {}
            Some(version) => {
                let release = release.unwrap_or_else(|| "of an unknown release".to_owned());
                return Err(Malformed::Version { release, version });
            }
            None => return Err(Malformed::NoVersion),
        }
        let missing = || Malformed::Invalid("missing field `request`".to_owned());
        let mut decoded = Self::Abort;
        decoded.read(request.ok_or_else(missing)?)?;
        Ok(decoded)
    }
}

impl Answer {
    /// The line, newline included.
    pub fn encode(&self) -> Vec<u8> {
        wire::line(self)
    }

    /// Reads a line, with or without its newline.
    pub fn decode(line: &[u8]) -> Result<Self, Malformed> {
        let mut answer = Self::States(Vec::new());
        answer.read(text(line)?)?;
        Ok(answer)
    }
}

fn text(line: &[u8]) -> Result<&RawValue, Malformed> {
    match line.len() > MAX_LINE {
        true => Err(Malformed::TooLong),
        false => Ok(wire::text(line)?),
    }
}

impl From<WireFault> for Malformed {
    fn from(WireFault(what): WireFault) -> Self {
        Self::Invalid(what)
    }
}

#[cfg(test)]
mod tests {
    use super::super::*;
    use crate::format::wire::MAX_NAMES;
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
            Request::Scale(Scale { name: "worker".into(), count: 3 }),
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
            instance_of: Some("web".into()),
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
            health: Some(HealthStatus {
                state: Some(HealthState::Unhealthy),
                why: Some("tcp 127.0.0.1:80: Connection refused (3 of 3)".into()),
                words: Some("reloading".into()),
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
