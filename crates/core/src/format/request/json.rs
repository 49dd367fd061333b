//! Requests and answers as lines of JSON, there and back.

use super::*;
use serde_json::json;
use std::collections::BTreeSet;

impl Request {
    /// The line, newline included.
    pub fn encode(&self) -> Vec<u8> {
        line(match self {
            Self::Change(c) => json!({
                "request": "change", "names": c.names, "down": c.down, "prune": c.prune,
                "all": c.all, "essential": c.essential, "timeout_ms": c.timeout_ms,
                "wait": c.wait, "dry_run_ms": c.dry_run_ms,
            }),
            Self::Reload(r) => json!({
                "request": "reload", "names": r.names, "timeout_ms": r.timeout_ms,
                "wait": r.wait, "dry_run_ms": r.dry_run_ms,
            }),
            Self::States => json!({"request": "states"}),
            Self::Status(from) => json!({"request": "status", "from": from}),
            Self::Timing => json!({"request": "timing"}),
            Self::Journal(from) => json!({"request": "journal", "from": from}),
            Self::Update(u) => json!({
                "request": "update", "database": u.database, "renamed": u.renamed,
            }),
            Self::Abort => json!({"request": "abort"}),
        })
    }

    /// Reads a line, with or without its newline.
    pub fn decode(line: &[u8]) -> Result<Self, Malformed> {
        let fields = Fields::parse(line)?;
        match fields.text("request")?.as_str() {
            "change" => Ok(Self::Change(change(&fields)?)),
            "reload" => Ok(Self::Reload(reload(&fields)?)),
            "states" => Ok(Self::States),
            "status" => Ok(Self::Status(fields.id("from")?)),
            "timing" => Ok(Self::Timing),
            "journal" => Ok(Self::Journal(fields.number("from")?.unwrap_or(0))),
            "update" => Ok(Self::Update(update(&fields)?)),
            "abort" => Ok(Self::Abort),
            other => Err(Malformed::Kind(other.to_owned())),
        }
    }
}

impl Answer {
    /// The line, newline included.
    pub fn encode(&self) -> Vec<u8> {
        line(match self {
            Self::Say(s) => json!({
                "answer": "say", "level": s.level, "severity": s.severity.word(),
                "what": s.what.word(), "service": s.service, "text": s.text,
            }),
            Self::Done(outcome) => json!({"answer": "done", "outcome": outcome.word()}),
            Self::States(states) => json!({
                "answer": "states",
                "services": states.iter().map(|s| json!([s.name, s.up, s.wanted]))
                    .collect::<Vec<_>>(),
            }),
            Self::Told(all) => json!({"answer": "told", "all": all}),
            Self::Error { code, text } => json!({"answer": "error", "code": code, "text": text}),
        })
    }

    /// Reads a line, with or without its newline.
    pub fn decode(line: &[u8]) -> Result<Self, Malformed> {
        let fields = Fields::parse(line)?;
        match fields.text("answer")?.as_str() {
            "say" => Ok(Self::Say(say(&fields)?)),
            "done" => Ok(Self::Done(fields.word("outcome")?)),
            "states" => Ok(Self::States(fields.list("services", state)?)),
            "told" => Ok(Self::Told(fields.object("all")?)),
            "error" => Ok(Self::Error { code: fields.byte("code")?, text: fields.text("text")? }),
            other => Err(Malformed::Kind(other.to_owned())),
        }
    }
}

fn line(value: Value) -> Vec<u8> {
    let mut line = value.to_string().into_bytes();
    line.push(b'\n');
    line
}

fn change(fields: &Fields) -> Result<Change, Malformed> {
    Ok(Change {
        names: fields.names("names")?,
        down: fields.flag("down")?,
        prune: fields.flag("prune")?,
        all: fields.flag("all")?,
        essential: fields.flag("essential")?,
        timeout_ms: fields.number("timeout_ms")?.unwrap_or(0),
        wait: fields.flag("wait")?,
        dry_run_ms: fields.number("dry_run_ms")?,
    })
}

fn reload(fields: &Fields) -> Result<Reload, Malformed> {
    Ok(Reload {
        names: fields.names("names")?,
        timeout_ms: fields.number("timeout_ms")?.unwrap_or(0),
        wait: fields.flag("wait")?,
        dry_run_ms: fields.number("dry_run_ms")?,
    })
}

fn update(fields: &Fields) -> Result<Update, Malformed> {
    Ok(Update { database: fields.text("database")?, renamed: fields.list("renamed", pair)? })
}

fn pair(value: &Value) -> Option<(String, String)> {
    match value.as_array()?.as_slice() {
        [Value::String(old), Value::String(new)] => Some((old.clone(), new.clone())),
        _ => None,
    }
}

fn say(fields: &Fields) -> Result<Say, Malformed> {
    Ok(Say {
        level: fields.byte("level")?,
        severity: fields.word("severity")?,
        what: fields.word("what")?,
        service: fields.text("service")?,
        text: fields.text("text")?,
    })
}

fn state(value: &Value) -> Option<State> {
    match value.as_array()?.as_slice() {
        [Value::String(name), Value::Bool(up), Value::Bool(wanted)] => {
            Some(State { name: name.clone(), up: *up, wanted: *wanted })
        }
        _ => None,
    }
}

/// A value that is one of a few words.
pub trait Words: Sized + Copy + PartialEq + 'static {
    /// Every value with its word.
    const WORDS: &'static [(Self, &'static str)];

    /// The word for the value.
    fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(value, _)| *value == self).map_or("", |(_, word)| word)
    }
    /// The value that the word stands for.
    fn of(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(_, w)| *w == word).map(|(value, _)| *value)
    }
}

impl Words for Severity {
    const WORDS: &'static [(Self, &'static str)] =
        &[(Self::Info, "info"), (Self::Warning, "warning"), (Self::Fatal, "fatal")];
}

impl Words for What {
    const WORDS: &'static [(Self, &'static str)] = &[
        (Self::Starting, "starting"),
        (Self::Started, "started"),
        (Self::NotStarted, "not_started"),
        (Self::Stopping, "stopping"),
        (Self::Stopped, "stopped"),
        (Self::NotStopped, "not_stopped"),
        (Self::Reloading, "reloading"),
        (Self::Reloaded, "reloaded"),
        (Self::NotReloaded, "not_reloaded"),
        (Self::Already, "already"),
        (Self::Essential, "essential"),
        (Self::Other, "other"),
    ];
}

impl Words for Outcome {
    const WORDS: &'static [(Self, &'static str)] = &[
        (Self::Done, "done"),
        (Self::Failed, "failed"),
        (Self::TimedOut, "timed_out"),
        (Self::Busy, "busy"),
        (Self::Aborted, "aborted"),
    ];
}

/// The fields of one line. A flag that is absent is false, a number none, a list empty.
struct Fields(Map<String, Value>);

impl Fields {
    fn parse(line: &[u8]) -> Result<Self, Malformed> {
        if line.len() > MAX_LINE {
            return Err(Malformed::TooLong);
        }
        match serde_json::from_slice(line) {
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            Ok(_) | Err(_) => Err(Malformed::NotAnObject),
        }
    }
    fn get(&self, name: &'static str) -> Option<&Value> {
        self.0.get(name).filter(|v| !v.is_null())
    }
    fn text(&self, name: &'static str) -> Result<String, Malformed> {
        let text = self.get(name).and_then(Value::as_str);
        text.map(str::to_owned).ok_or(Malformed::Field(name))
    }
    fn word<W: Words>(&self, name: &'static str) -> Result<W, Malformed> {
        W::of(&self.text(name)?).ok_or(Malformed::Field(name))
    }
    fn flag(&self, name: &'static str) -> Result<bool, Malformed> {
        self.get(name).map_or(Ok(false), |v| v.as_bool().ok_or(Malformed::Field(name)))
    }
    fn number(&self, name: &'static str) -> Result<Option<u64>, Malformed> {
        self.get(name).map(|v| v.as_u64().ok_or(Malformed::Field(name))).transpose()
    }
    fn id(&self, name: &'static str) -> Result<u32, Malformed> {
        let number = self.number(name)?.unwrap_or(0);
        u32::try_from(number).map_err(|_| Malformed::Field(name))
    }
    fn byte(&self, name: &'static str) -> Result<u8, Malformed> {
        let number = self.number(name)?.and_then(|n| u8::try_from(n).ok());
        number.ok_or(Malformed::Field(name))
    }
    fn list<T>(
        &self,
        name: &'static str,
        item: impl Fn(&Value) -> Option<T>,
    ) -> Result<Vec<T>, Malformed> {
        let Some(value) = self.get(name) else { return Ok(Vec::new()) };
        let items = value.as_array().ok_or(Malformed::Field(name))?;
        items.iter().map(|v| item(v).ok_or(Malformed::Field(name))).collect()
    }
    fn object(&self, name: &'static str) -> Result<Map<String, Value>, Malformed> {
        let object = self.get(name).and_then(Value::as_object);
        object.cloned().ok_or(Malformed::Field(name))
    }
    /// Names, each of them once: a line has room for hundreds of thousands.
    fn names(&self, name: &'static str) -> Result<Vec<String>, Malformed> {
        let mut seen = BTreeSet::new();
        let Some(value) = self.get(name) else { return Ok(Vec::new()) };
        let items = value.as_array().ok_or(Malformed::Field(name))?;
        let mut names = Vec::new();
        for item in items {
            let item = item.as_str().ok_or(Malformed::Field(name))?;
            if seen.insert(item) {
                names.push(item.to_owned());
            }
        }
        Ok(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn requests() -> Vec<Request> {
        vec![
            Request::Change(Change::default()),
            Request::Change(Change {
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
        let say = |what, severity| {
            let (service, text) = ("web".into(), "service web: starting".into());
            Answer::Say(Say { level: 2, severity, what, service, text })
        };
        let mut all: Vec<_> =
            What::WORDS.iter().map(|(what, _)| say(*what, Severity::Info)).collect();
        all.extend(Severity::WORDS.iter().map(|(severity, _)| say(What::Other, *severity)));
        all.extend(Outcome::WORDS.iter().map(|(outcome, _)| Answer::Done(*outcome)));
        all.push(Answer::States(vec![State { name: "a".into(), up: true, wanted: false }]));
        let fields = json!({"name": "a", "pid": 7}).as_object().cloned().unwrap();
        all.push(Answer::Told(fields));
        all.push(Answer::Error { code: 3, text: "nope".into() });
        all
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

    #[test]
    fn absent_fields_have_their_defaults() {
        let bare = Request::decode(br#"{"request":"change"}"#);
        assert_eq!(bare, Ok(Request::Change(Change::default())));
    }

    #[test]
    fn wrong_lines_are_errors() {
        let decode = |line: &str| Request::decode(line.as_bytes()).unwrap_err();
        assert_eq!(decode(""), Malformed::NotAnObject);
        assert_eq!(decode("[1]"), Malformed::NotAnObject);
        assert_eq!(decode("{}"), Malformed::Field("request"));
        assert_eq!(decode(r#"{"request":"dance"}"#), Malformed::Kind("dance".into()));
        assert_eq!(decode(r#"{"request":"change","names":[1]}"#), Malformed::Field("names"));
        assert_eq!(decode(r#"{"request":"change","down":1}"#), Malformed::Field("down"));
        assert_eq!(
            decode(r#"{"request":"change","timeout_ms":-1}"#),
            Malformed::Field("timeout_ms")
        );
        let answer = Answer::decode(br#"{"answer":"error","code":256,"text":""}"#);
        assert_eq!(answer, Err(Malformed::Field("code")));
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
