//! The format of a compiled database: the definitions of a tree, as JSON.
//!
//! Differs: s6-rc has cdb files. This is JSON, so that a person can read it.
//!
//! What is false, 0 or empty is left out. Words and paths are strings, or, where they are not
//! UTF-8, arrays of bytes.

use super::{
    Atomic, Definition, EndPolicy, HANDED_ON, Instances, Kind, Longrun, MOST_INSTANCES, Oneshot,
    Reference, Word,
};
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
        if let Some(instances) = &longrun.instances {
            self.number("instances", instances.count().into());
            if instances.highest() > instances.count() {
                self.number("instances-before", instances.highest().into());
            }
        }
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
                instances: self.instances()?,
                instance: None,
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

    fn instances(&mut self) -> Result<Option<Instances>, CompiledError> {
        let Some(count) = self.number("instances")? else { return Ok(None) };
        let before = self.number("instances-before")?;
        if count.max(before.unwrap_or(0)) > MOST_INSTANCES {
            return Err(CompiledError::Lacks("instances"));
        }
        let instances = before.map(|before| Instances::Shrinking { count, before });
        Ok(Some(instances.unwrap_or(Instances::Count(count))))
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
mod tests;
