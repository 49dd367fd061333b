//! The format of a compiled database: the definitions of a tree, as JSON.
//!
//! Differs: s6-rc has cdb files. This is JSON, so that a person can read it.
//!
//! What is false, 0 or empty is left out. Words and paths are strings, or, where they are not
//! UTF-8, arrays of bytes.

use super::{Atomic, Definition, EndPolicy, HANDED_ON, Kind, Longrun, Oneshot, Reference, Word};
use crate::format::output::LogMode;
use serde_json::{Map, Value};
use std::path::PathBuf;
use std::sync::Arc;

/// The version of the format.
const VERSION: u64 = 1;

/// Why bytes cannot be read as a database.
#[derive(Debug, thiserror::Error)]
pub enum CompiledError {
    /// It is not JSON.
    #[error("not a database: {0}")]
    NotJson(#[from] serde_json::Error),
    /// It is JSON, but lacks a field of a database.
    #[error("not a database: no valid {0}")]
    Lacks(&'static str),
}

/// The bytes of a database.
pub fn encode<'d>(definitions: impl Iterator<Item = &'d Definition>) -> Vec<u8> {
    let mut text = Text::default();
    text.object(|all| {
        all.number("version", VERSION);
        all.key("definitions");
        all.list(definitions, Text::definition);
    });
    text.0.push(b'\n');
    text.0
}

/// The definitions in the bytes of a database, in the order in which they were written. The caller
/// makes paths, because only an operating system knows which bytes can be one.
pub fn decode(text: &[u8], path: fn(Vec<u8>) -> PathBuf) -> Result<Vec<Definition>, CompiledError> {
    let mut all: Value = serde_json::from_slice(text)?;
    if all.get("version").and_then(Value::as_u64) != Some(VERSION) {
        return Err(CompiledError::Lacks("version"));
    }
    let all = match all.get_mut("definitions").map(Value::take) {
        Some(Value::Array(all)) => all,
        _ => return Err(CompiledError::Lacks("definitions")),
    };
    all.into_iter().map(|one| Fields::of(one, "definition", path)?.definition()).collect()
}

/// JSON that is being written, straight to text: a tree may have thousands of definitions, and they
/// are written at every boot.
#[derive(Default)]
struct Text(Vec<u8>);

impl Text {
    fn definition(&mut self, definition: &Definition) {
        self.object(|object| {
            object.string("name", definition.name.as_bytes());
            object.string("directory", definition.directory.as_os_str().as_encoded_bytes());
            object.string("type", definition.kind.name().as_bytes());
            object.flag("essential", definition.essential);
            object.flag("recommended", definition.recommended);
            if let Some(mode) = definition.log {
                object.string("log", mode.name().as_bytes());
            }
            match &definition.kind {
                Kind::Bundle(contents) => object.references("contents", contents),
                Kind::Oneshot(oneshot) => object.oneshot(oneshot),
                Kind::Longrun(longrun) => object.longrun(longrun),
            }
        });
    }

    fn oneshot(&mut self, oneshot: &Oneshot) {
        self.atomic(&oneshot.atomic);
        self.words("up", &oneshot.up);
        self.words("down", &oneshot.down);
        self.words("reload", &oneshot.reload);
    }

    fn longrun(&mut self, longrun: &Longrun) {
        self.atomic(&longrun.atomic);
        for (key, number) in
            [("notification-fd", longrun.notification_fd), ("lock-fd", longrun.lock_fd)]
        {
            number.into_iter().for_each(|n| self.number(key, n.into()));
        }
        self.references("producer-for", longrun.producer_for.as_slice());
        self.references("consumer-for", &longrun.consumer_for);
        self.references("pipeline-name", longrun.pipeline_name.as_slice());
        self.flag("finish", longrun.has_finish);
        self.some("files", &longrun.handed_on, |text, name| text.bytes(name.as_bytes()));
        longrun.ends.iter().for_each(|policy| self.ends(policy));
    }

    fn ends(&mut self, policy: &EndPolicy) {
        for file in EndPolicy::FILES {
            policy.text(file).iter().for_each(|text| self.string(file, text.as_bytes()));
        }
    }

    fn atomic(&mut self, atomic: &Atomic) {
        self.references("dependencies", &atomic.dependencies);
        self.references("after", &atomic.after);
        for (key, ms) in
            [("timeout-up", atomic.timeout_up_ms), ("timeout-down", atomic.timeout_down_ms)]
        {
            Some(ms).filter(|ms| *ms > 0).into_iter().for_each(|ms| self.number(key, ms.into()));
        }
    }

    fn references(&mut self, key: &str, all: &[Reference]) {
        self.some(key, all, |text, reference| {
            text.object(|object| {
                object.string("name", reference.name.as_bytes());
                object.string("file", reference.file.as_os_str().as_encoded_bytes());
                object.number("line", reference.line.into());
            });
        });
    }

    fn words(&mut self, key: &str, all: &[Word]) {
        self.some(key, all, |text, word| text.bytes(word));
    }

    fn string(&mut self, key: &str, value: &[u8]) {
        self.key(key);
        self.bytes(value);
    }

    fn number(&mut self, key: &str, value: u64) {
        self.key(key);
        self.0.extend_from_slice(value.to_string().as_bytes());
    }

    fn flag(&mut self, key: &str, value: bool) {
        if value {
            self.key(key);
            self.0.extend_from_slice(b"true");
        }
    }

    /// A list, if it is not empty.
    fn some<T>(&mut self, key: &str, all: &[T], write: impl Fn(&mut Self, &T)) {
        if !all.is_empty() {
            self.key(key);
            self.list(all.iter(), write);
        }
    }

    fn object(&mut self, fields: impl FnOnce(&mut Self)) {
        self.0.push(b'{');
        fields(self);
        self.0.push(b'}');
    }

    fn key(&mut self, key: &str) {
        self.comma();
        self.bytes(key.as_bytes());
        self.0.push(b':');
    }

    fn list<T>(&mut self, all: impl Iterator<Item = T>, write: impl Fn(&mut Self, T)) {
        self.0.push(b'[');
        for one in all {
            self.comma();
            write(self, one);
        }
        self.0.push(b']');
    }

    /// Between two values.
    fn comma(&mut self) {
        if !self.0.ends_with(b"{") && !self.0.ends_with(b"[") {
            self.0.push(b',');
        }
    }

    /// A string, or, where that is not UTF-8, its bytes.
    fn bytes(&mut self, bytes: &[u8]) {
        match std::str::from_utf8(bytes) {
            Ok(string) => {
                // Writing to memory cannot fail.
                let _ = serde_json::to_writer(&mut self.0, string);
            }
            Err(_) => self.list(bytes.iter(), |text, byte| {
                text.0.extend_from_slice(byte.to_string().as_bytes());
            }),
        }
    }
}

/// The fields of an object that is being read.
struct Fields {
    values: Map<String, Value>,
    make_path: fn(Vec<u8>) -> PathBuf,
}

impl Fields {
    fn of(
        value: Value,
        what: &'static str,
        make_path: fn(Vec<u8>) -> PathBuf,
    ) -> Result<Self, CompiledError> {
        match value {
            Value::Object(values) => Ok(Self { values, make_path }),
            _ => Err(CompiledError::Lacks(what)),
        }
    }

    fn definition(mut self) -> Result<Definition, CompiledError> {
        let name = self.string("name")?;
        let directory = self.path("directory")?;
        let (essential, recommended) = (self.flag("essential")?, self.flag("recommended")?);
        let log = self.log()?;
        let kind = match self.string("type")?.as_str() {
            "bundle" => Kind::Bundle(self.references("contents")?),
            "oneshot" => Kind::Oneshot(Oneshot {
                atomic: self.atomic()?,
                up: self.words("up")?,
                down: self.words("down")?,
                reload: self.words("reload")?,
            }),
            "longrun" => Kind::Longrun(Longrun {
                atomic: self.atomic()?,
                notification_fd: self.number("notification-fd")?,
                lock_fd: self.number("lock-fd")?,
                producer_for: self.references("producer-for")?.pop(),
                consumer_for: self.references("consumer-for")?,
                pipeline_name: self.references("pipeline-name")?.pop(),
                has_finish: self.flag("finish")?,
                handed_on: self.handed_on()?,
                ends: self.ends()?,
            }),
            _ => return Err(CompiledError::Lacks("type")),
        };
        let definition = Definition::new(&name, kind);
        Ok(Definition { directory, essential, recommended, log, ..definition })
    }

    fn log(&mut self) -> Result<Option<LogMode>, CompiledError> {
        if !self.values.contains_key("log") {
            return Ok(None);
        }
        let mode = LogMode::parse(self.string("log")?.as_bytes());
        mode.map(Some).ok_or(CompiledError::Lacks("log"))
    }

    fn atomic(&mut self) -> Result<Atomic, CompiledError> {
        Ok(Atomic {
            dependencies: self.references("dependencies")?,
            after: self.references("after")?,
            timeout_up_ms: self.number("timeout-up")?.unwrap_or(0),
            timeout_down_ms: self.number("timeout-down")?.unwrap_or(0),
        })
    }

    fn references(&mut self, key: &'static str) -> Result<Vec<Reference>, CompiledError> {
        let make_path = self.make_path;
        let one = |value| {
            let mut fields = Fields::of(value, key, make_path)?;
            Ok(Reference {
                name: fields.string("name")?,
                file: fields.path("file")?.into(),
                line: fields.number("line")?.unwrap_or(0),
            })
        };
        self.array(key)?.into_iter().map(one).collect()
    }

    fn ends(&mut self) -> Result<Option<Arc<EndPolicy>>, CompiledError> {
        let mut policy = EndPolicy::default();
        for file in EndPolicy::FILES.iter().copied() {
            if self.values.contains_key(file) {
                let text = self.string(file)?;
                policy.parse(file, text.as_bytes()).map_err(|_| CompiledError::Lacks(file))?;
            }
        }
        Ok(Some(policy).filter(|policy| !policy.is_empty()).map(Arc::new))
    }

    fn handed_on(&mut self) -> Result<Vec<&'static str>, CompiledError> {
        let known = |word: Word| HANDED_ON.iter().copied().find(|name| name.as_bytes() == word);
        let all = self.words("files")?.into_iter();
        all.map(|word| known(word).ok_or(CompiledError::Lacks("files"))).collect()
    }

    fn words(&mut self, key: &'static str) -> Result<Vec<Word>, CompiledError> {
        self.array(key)?
            .into_iter()
            .map(|word| to_bytes(word).ok_or(CompiledError::Lacks(key)))
            .collect()
    }

    fn array(&mut self, key: &'static str) -> Result<Vec<Value>, CompiledError> {
        match self.values.remove(key) {
            None => Ok(Vec::new()),
            Some(Value::Array(all)) => Ok(all),
            Some(_) => Err(CompiledError::Lacks(key)),
        }
    }

    fn path(&mut self, key: &'static str) -> Result<PathBuf, CompiledError> {
        let bytes = self.values.remove(key).and_then(to_bytes).ok_or(CompiledError::Lacks(key))?;
        Ok((self.make_path)(bytes))
    }

    fn string(&mut self, key: &'static str) -> Result<String, CompiledError> {
        match self.values.remove(key) {
            Some(Value::String(string)) => Ok(string),
            _ => Err(CompiledError::Lacks(key)),
        }
    }

    fn number(&mut self, key: &'static str) -> Result<Option<u32>, CompiledError> {
        let Some(value) = self.values.remove(key) else { return Ok(None) };
        let number = value.as_u64().and_then(|n| u32::try_from(n).ok());
        number.map(Some).ok_or(CompiledError::Lacks(key))
    }

    fn flag(&mut self, key: &'static str) -> Result<bool, CompiledError> {
        self.values
            .remove(key)
            .map_or(Ok(false), |value| value.as_bool().ok_or(CompiledError::Lacks(key)))
    }
}

fn to_bytes(value: Value) -> Option<Vec<u8>> {
    match value {
        Value::String(string) => Some(string.into_bytes()),
        Value::Array(all) => {
            all.iter().map(|byte| byte.as_u64().and_then(|byte| byte.try_into().ok())).collect()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;

    fn reference() -> impl Strategy<Value = Reference> {
        (any::<String>(), path(), any::<u32>()).prop_map(|(name, file, line)| Reference {
            name,
            file: file.into(),
            line,
        })
    }
    fn from_bytes(bytes: Vec<u8>) -> PathBuf {
        OsString::from_vec(bytes).into()
    }
    fn path() -> impl Strategy<Value = PathBuf> {
        any::<Vec<u8>>().prop_map(from_bytes)
    }
    fn references() -> impl Strategy<Value = Vec<Reference>> {
        prop::collection::vec(reference(), 0..3)
    }
    fn atomic() -> impl Strategy<Value = Atomic> {
        (references(), references(), any::<u32>(), any::<u32>()).prop_map(
            |(dependencies, after, up, down)| Atomic {
                dependencies,
                after,
                timeout_up_ms: up,
                timeout_down_ms: down,
            },
        )
    }
    fn oneshot() -> impl Strategy<Value = Kind> {
        let words = || prop::collection::vec(any::<Word>(), 0..3);
        (atomic(), words(), words(), words())
            .prop_map(|(atomic, up, down, reload)| Oneshot { atomic, up, down, reload })
            .prop_map(Kind::Oneshot)
    }
    fn longrun() -> impl Strategy<Value = Kind> {
        let ends = (prop::option::of(reference()), references(), prop::option::of(reference()));
        let files = prop::sample::subsequence(HANDED_ON.to_vec(), 0..HANDED_ON.len());
        let policy = super::super::ends::tests::policy();
        let handed_on = (any::<bool>(), files, policy);
        (atomic(), any::<Option<u32>>(), any::<Option<u32>>(), ends, handed_on)
            .prop_map(|(atomic, notification_fd, lock_fd, ends, handed_on)| {
                let (has_finish, handed_on, policy) = handed_on;
                let (producer_for, consumer_for, pipeline_name) = ends;
                Longrun {
                    atomic,
                    notification_fd,
                    lock_fd,
                    producer_for,
                    consumer_for,
                    pipeline_name,
                    has_finish,
                    handed_on,
                    ends: Some(policy).filter(|policy| !policy.is_empty()).map(Arc::new),
                }
            })
            .prop_map(Kind::Longrun)
    }
    fn definition() -> impl Strategy<Value = Definition> {
        let kind = prop_oneof![references().prop_map(Kind::Bundle), oneshot(), longrun()];
        let modes: Vec<_> = LogMode::ALL.iter().map(|(_, mode)| *mode).collect();
        let log = prop::option::of(prop::sample::select(modes));
        (any::<String>(), path(), kind, any::<bool>(), any::<bool>(), log).prop_map(
            |(name, directory, kind, essential, recommended, log)| Definition {
                directory,
                essential,
                recommended,
                log,
                ..Definition::new(&name, kind)
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(all in prop::collection::vec(definition(), 0..4)) {
            prop_assert_eq!(decode(&encode(all.iter()), from_bytes).unwrap(), all);
        }

        #[test]
        fn no_bytes_make_it_panic(text: Vec<u8>) {
            prop_assert!(decode(&text, from_bytes).is_err());
        }
    }

    #[test]
    fn another_file_is_no_database() {
        let says = |text: &str| decode(text.as_bytes(), from_bytes).unwrap_err().to_string();
        assert_eq!(says("[]"), "not a database: no valid version");
        assert_eq!(says(r#"{"version":1}"#), "not a database: no valid definitions");
        let entry = r#"{"version":1,"definitions":[{"name":"a","directory":"/a","type":"x"}]}"#;
        assert_eq!(says(entry), "not a database: no valid type");
    }
}
