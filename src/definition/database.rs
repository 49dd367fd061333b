//! The definitions of a compiled tree, in a file.
//!
//! Differs: s6-rc has cdb files. This is JSON, so that a person can read it.
//!
//! What is false, 0 or empty is left out. Words and paths are strings, or, where they are not
//! UTF-8, arrays of bytes.

use super::{Atomic, Definition, Kind, Longrun, Oneshot, Reference, Word};
use serde_json::{Map, Value, json};
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// The name of the file in a compiled database's directory.
pub const FILE: &str = "db";

/// The version of the format.
const VERSION: u64 = 1;

/// Why a database cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system refused.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// It is not JSON.
    #[error("not a database: {0}")]
    NotJson(#[from] serde_json::Error),
    /// It is JSON of another kind.
    #[error("not a database: no valid {0}")]
    Lacks(&'static str),
}

/// Writes definitions to a file, which is there in full or not at all.
pub fn write<'d>(
    file: &Path,
    definitions: impl Iterator<Item = &'d Definition>,
) -> Result<(), Error> {
    let mut partial = file.as_os_str().to_owned();
    partial.push(".new");
    std::fs::write(&partial, encode(definitions))?;
    Ok(std::fs::rename(partial, file)?)
}

/// Reads the definitions in a file, in the order in which they were written.
pub fn read(file: &Path) -> Result<Vec<Definition>, Error> {
    decode(&std::fs::read(file)?)
}

/// The bytes of a database.
pub fn encode<'d>(definitions: impl Iterator<Item = &'d Definition>) -> Vec<u8> {
    let definitions: Vec<Value> = definitions.map(definition).collect();
    let mut text = json!({ "version": VERSION, "definitions": definitions }).to_string();
    text.push('\n');
    text.into_bytes()
}

/// The definitions in the bytes of a database.
pub fn decode(text: &[u8]) -> Result<Vec<Definition>, Error> {
    let mut all: Value = serde_json::from_slice(text)?;
    if all.get("version").and_then(Value::as_u64) != Some(VERSION) {
        return Err(Error::Lacks("version"));
    }
    let all = match all.get_mut("definitions").map(Value::take) {
        Some(Value::Array(all)) => all,
        _ => return Err(Error::Lacks("definitions")),
    };
    all.into_iter().map(|one| Fields::of(one, "definition")?.definition()).collect()
}

fn definition(definition: &Definition) -> Value {
    let mut object = Object::default();
    object.put("name", definition.name.as_str().into());
    object.put("directory", path(&definition.directory));
    object.put("type", definition.kind.name().into());
    object.put("essential", definition.essential.into());
    object.put("recommended", definition.recommended.into());
    match &definition.kind {
        Kind::Bundle(contents) => object.put("contents", references(contents)),
        Kind::Oneshot(oneshot) => {
            object.atomic(&oneshot.atomic);
            object.put("up", words(&oneshot.up));
            object.put("down", words(&oneshot.down));
            object.put("reload", words(&oneshot.reload));
        }
        Kind::Longrun(longrun) => {
            object.atomic(&longrun.atomic);
            object.put("notification-fd", longrun.notification_fd.into());
            object.put("lock-fd", longrun.lock_fd.into());
            object.put("producer-for", references(longrun.producer_for.as_slice()));
            object.put("consumer-for", references(&longrun.consumer_for));
            object.put("pipeline-name", references(longrun.pipeline_name.as_slice()));
            object.put("finish", longrun.has_finish.into());
        }
    }
    Value::Object(object.0)
}

/// An object without its empty fields.
#[derive(Default)]
struct Object(Map<String, Value>);

impl Object {
    fn put(&mut self, key: &str, value: Value) {
        let empty = match &value {
            Value::Null | Value::Bool(false) => true,
            Value::Array(all) => all.is_empty(),
            Value::Bool(true) | Value::Number(_) | Value::String(_) | Value::Object(_) => false,
        };
        if !empty {
            self.0.insert(key.to_owned(), value);
        }
    }

    fn atomic(&mut self, atomic: &Atomic) {
        let number = |n: u32| if n == 0 { Value::Null } else { n.into() };
        self.put("dependencies", references(&atomic.dependencies));
        self.put("timeout-up", number(atomic.timeout_up_ms));
        self.put("timeout-down", number(atomic.timeout_down_ms));
    }
}

fn references(all: &[Reference]) -> Value {
    let one = |reference: &Reference| {
        json!({
            "name": reference.name, "file": path(&reference.file), "line": reference.line,
        })
    };
    all.iter().map(one).collect()
}

fn words(all: &[Word]) -> Value {
    all.iter().map(|word| bytes(word)).collect()
}

fn path(path: &Path) -> Value {
    bytes(path.as_os_str().as_bytes())
}

fn bytes(bytes: &[u8]) -> Value {
    std::str::from_utf8(bytes).map_or_else(|_| bytes.into(), Value::from)
}

/// The fields of an object that is being read.
struct Fields(Map<String, Value>);

impl Fields {
    fn of(value: Value, what: &'static str) -> Result<Self, Error> {
        match value {
            Value::Object(fields) => Ok(Self(fields)),
            _ => Err(Error::Lacks(what)),
        }
    }

    fn definition(mut self) -> Result<Definition, Error> {
        let name = self.string("name")?;
        let directory = self.path("directory")?;
        let (essential, recommended) = (self.flag("essential")?, self.flag("recommended")?);
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
            }),
            _ => return Err(Error::Lacks("type")),
        };
        Ok(Definition { name, directory, kind, essential, recommended })
    }

    fn atomic(&mut self) -> Result<Atomic, Error> {
        Ok(Atomic {
            dependencies: self.references("dependencies")?,
            timeout_up_ms: self.number("timeout-up")?.unwrap_or(0),
            timeout_down_ms: self.number("timeout-down")?.unwrap_or(0),
        })
    }

    fn references(&mut self, key: &'static str) -> Result<Vec<Reference>, Error> {
        let one = |value| {
            let mut fields = Fields::of(value, key)?;
            Ok(Reference {
                name: fields.string("name")?,
                file: fields.path("file")?,
                line: fields.number("line")?.unwrap_or(0),
            })
        };
        self.array(key)?.into_iter().map(one).collect()
    }

    fn words(&mut self, key: &'static str) -> Result<Vec<Word>, Error> {
        self.array(key)?.into_iter().map(|word| to_bytes(word).ok_or(Error::Lacks(key))).collect()
    }

    fn array(&mut self, key: &'static str) -> Result<Vec<Value>, Error> {
        match self.0.remove(key) {
            None => Ok(Vec::new()),
            Some(Value::Array(all)) => Ok(all),
            Some(_) => Err(Error::Lacks(key)),
        }
    }

    fn path(&mut self, key: &'static str) -> Result<PathBuf, Error> {
        let bytes = self.0.remove(key).and_then(to_bytes).ok_or(Error::Lacks(key))?;
        Ok(OsString::from_vec(bytes).into())
    }

    fn string(&mut self, key: &'static str) -> Result<String, Error> {
        match self.0.remove(key) {
            Some(Value::String(string)) => Ok(string),
            _ => Err(Error::Lacks(key)),
        }
    }

    fn number(&mut self, key: &'static str) -> Result<Option<u32>, Error> {
        let Some(value) = self.0.remove(key) else { return Ok(None) };
        let number = value.as_u64().and_then(|n| u32::try_from(n).ok());
        number.map(Some).ok_or(Error::Lacks(key))
    }

    fn flag(&mut self, key: &'static str) -> Result<bool, Error> {
        self.0.remove(key).map_or(Ok(false), |value| value.as_bool().ok_or(Error::Lacks(key)))
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

    fn reference() -> impl Strategy<Value = Reference> {
        (any::<String>(), path(), any::<u32>()).prop_map(|(name, file, line)| Reference {
            name,
            file,
            line,
        })
    }
    fn path() -> impl Strategy<Value = PathBuf> {
        any::<Vec<u8>>().prop_map(|bytes| OsString::from_vec(bytes).into())
    }
    fn references() -> impl Strategy<Value = Vec<Reference>> {
        prop::collection::vec(reference(), 0..3)
    }
    fn atomic() -> impl Strategy<Value = Atomic> {
        (references(), any::<u32>(), any::<u32>()).prop_map(|(dependencies, up, down)| Atomic {
            dependencies,
            timeout_up_ms: up,
            timeout_down_ms: down,
        })
    }
    fn oneshot() -> impl Strategy<Value = Kind> {
        let words = || prop::collection::vec(any::<Word>(), 0..3);
        (atomic(), words(), words(), words())
            .prop_map(|(atomic, up, down, reload)| Oneshot { atomic, up, down, reload })
            .prop_map(Kind::Oneshot)
    }
    fn longrun() -> impl Strategy<Value = Kind> {
        let ends = (prop::option::of(reference()), references(), prop::option::of(reference()));
        (atomic(), any::<Option<u32>>(), any::<Option<u32>>(), ends, any::<bool>())
            .prop_map(|(atomic, notification_fd, lock_fd, ends, has_finish)| {
                let (producer_for, consumer_for, pipeline_name) = ends;
                Longrun {
                    atomic,
                    notification_fd,
                    lock_fd,
                    producer_for,
                    consumer_for,
                    pipeline_name,
                    has_finish,
                }
            })
            .prop_map(Kind::Longrun)
    }
    fn definition() -> impl Strategy<Value = Definition> {
        let kind = prop_oneof![references().prop_map(Kind::Bundle), oneshot(), longrun()];
        (any::<String>(), path(), kind, any::<bool>(), any::<bool>()).prop_map(
            |(name, directory, kind, essential, recommended)| Definition {
                name,
                directory,
                kind,
                essential,
                recommended,
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(all in prop::collection::vec(definition(), 0..4)) {
            prop_assert_eq!(decode(&encode(all.iter())).unwrap(), all);
        }

        #[test]
        fn no_bytes_make_it_panic(text: Vec<u8>) {
            prop_assert!(decode(&text).is_err());
        }
    }

    #[test]
    fn another_file_is_no_database() {
        let says = |text: &str| decode(text.as_bytes()).unwrap_err().to_string();
        assert_eq!(says("[]"), "not a database: no valid version");
        assert_eq!(says(r#"{"version":1}"#), "not a database: no valid definitions");
        let entry = r#"{"version":1,"definitions":[{"name":"a","directory":"/a","type":"x"}]}"#;
        assert_eq!(says(entry), "not a database: no valid type");
    }
}
