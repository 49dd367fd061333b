//! Values as JSON, there and back, both by one list of fields: what crosses between programs.
//!
//! serde_json reads and writes the tokens. A value's text is looked at field by field, so that
//! nothing is held but what is asked for. Code that serde derives does the same in three times as
//! many bytes.

mod values;

use serde::Deserializer;
use serde::de::{Deserialize, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// The most different names in a list; a line has room for many more.
pub(crate) const MAX_NAMES: usize = 1 << 16;

/// What is wrong with a text that should have been a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WireFault(pub(crate) String);

/// A value that crosses. Its default is what a text is read into.
pub(crate) trait Wire {
    /// Appends it.
    fn write(&self, to: &mut Vec<u8>);
    /// Becomes what the text says. It is anything after an error.
    fn read(&mut self, from: &RawValue) -> Result<(), WireFault>;
    /// Whether an object may lack it.
    fn may_be_absent(&self) -> bool {
        false
    }
}

/// A field that is being read.
pub(crate) struct Field<'v> {
    name: &'static str,
    value: &'v mut dyn Wire,
    is_read: bool,
}

impl<'v> Field<'v> {
    pub(crate) fn new(name: &'static str, value: &'v mut dyn Wire) -> Self {
        Self { name, value, is_read: false }
    }
}

/// How a struct with these fields crosses: as an object. After `all`, none of them may be absent
/// but what is optional; after `some`, they then stay what they are by default.
macro_rules! wire_struct {
    ($name:ident, all: $($field:ident),*) => { wire_struct!($name, true, $($field),*); };
    ($name:ident, some: $($field:ident),*) => { wire_struct!($name, false, $($field),*); };
    ($name:ident, $all:literal, $($field:ident),*) => {
        impl $crate::format::wire::Wire for $name {
            fn write(&self, to: &mut Vec<u8>) {
                use $crate::format::wire;
                wire::write_object(to, &[$((stringify!($field), &self.$field)),*]);
            }
            fn read(
                &mut self,
                from: &serde_json::value::RawValue,
            ) -> Result<(), $crate::format::wire::WireFault> {
                use $crate::format::wire::{self, Field};
                let fields = &mut [$(Field::new(stringify!($field), &mut self.$field)),*];
                wire::read_object(from, fields, $all)
            }
        }
    };
}
pub(crate) use wire_struct;

/// How an enum with these variants crosses: as a word, or as an object with the word and what the
/// variant holds.
macro_rules! wire_enum {
    ($name:ident { $($tag:literal: $variant:ident { $($at:tt: $field:ident: $type:ty),* })* }) => {
        impl $crate::format::wire::Wire for $name {
            fn write(&self, to: &mut Vec<u8>) {
                use $crate::format::wire;
                match self {
                    $(Self::$variant { $($at: $field),* } => {
                        wire::write_variant(to, $tag, &[$((stringify!($at), $field)),*]);
                    })*
                }
            }
            fn read(
                &mut self,
                from: &serde_json::value::RawValue,
            ) -> Result<(), $crate::format::wire::WireFault> {
                use $crate::format::wire;
                let (tag, content) = wire::read_tag(from)?;
                match tag.as_str() {
                    $($tag => {
                        $(let mut $field = <$type>::default();)*
                        let fields = &mut [$(wire::Field::new(stringify!($at), &mut $field)),*];
                        wire::read_content(content, fields)?;
                        *self = Self::$variant { $($at: $field),* };
                    })*
                    _ => return Err(wire::unknown(&tag)),
                }
                Ok(())
            }
        }
    };
}
pub(crate) use wire_enum;

pub(crate) fn write_object(to: &mut Vec<u8>, fields: &[(&str, &dyn Wire)]) {
    let mut before = b'{';
    for (name, value) in fields {
        to.push(before);
        write_text(to, name);
        to.push(b':');
        value.write(to);
        before = b',';
    }
    to.push(b'}');
}

fn write_list(to: &mut Vec<u8>, values: &mut dyn Iterator<Item = &dyn Wire>) {
    to.push(b'[');
    for (at, value) in values.enumerate() {
        if at > 0 {
            to.push(b',');
        }
        value.write(to);
    }
    to.push(b']');
}

pub(crate) fn write_variant(to: &mut Vec<u8>, tag: &str, fields: &[(&str, &dyn Wire)]) {
    if fields.is_empty() {
        return write_text(to, tag);
    }
    to.push(b'{');
    write_text(to, tag);
    to.push(b':');
    match fields {
        [("0", value)] => value.write(to),
        [("0", _), ..] => write_list(to, &mut fields.iter().map(|(_, value)| *value)),
        _ => write_object(to, fields),
    }
    to.push(b'}');
}

fn write_text(to: &mut Vec<u8>, text: &str) {
    // A vector takes all that is written to it, and a text has nothing that JSON cannot say.
    let _ = serde_json::to_writer(to, text);
}

/// The word of no variant.
pub(crate) fn unknown(tag: &str) -> WireFault {
    WireFault(format!("unknown variant `{tag}`"))
}

/// What is wrong with a text, in serde_json's words.
fn invalid(e: &serde_json::Error) -> WireFault {
    WireFault(e.to_string())
}

/// The line of a message, newline included.
pub(crate) fn line(message: &dyn Wire) -> Vec<u8> {
    let mut line = Vec::new();
    message.write(&mut line);
    line.push(b'\n');
    line
}

/// The text of a line, with or without its newline.
pub(crate) fn text(line: &[u8]) -> Result<&RawValue, WireFault> {
    serde_json::from_slice(line).map_err(|e| invalid(&e))
}

fn plain<'a, T: Deserialize<'a>>(from: &'a RawValue) -> Result<T, WireFault> {
    serde_json::from_slice(from.get().as_bytes()).map_err(|e| invalid(&e))
}

/// What is done with each value of an object or a list, and with its name in an object.
type EachStep<'f, 'a> = &'f mut dyn FnMut(&str, &'a RawValue) -> Result<(), WireFault>;

/// Goes through an object or a list, and does nothing more after an error of a step.
struct Each<'f, 'a> {
    step: EachStep<'f, 'a>,
    outcome: Result<(), WireFault>,
    expecting: &'static str,
}

impl<'a> Each<'_, 'a> {
    fn take(&mut self, name: &str, value: &'a RawValue) {
        if self.outcome.is_ok() {
            self.outcome = (self.step)(name, value);
        }
    }
}

impl<'a> Visitor<'a> for Each<'_, 'a> {
    type Value = Result<(), WireFault>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expecting)
    }

    fn visit_map<A: MapAccess<'a>>(mut self, mut map: A) -> Result<Self::Value, A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            self.take(&name, map.next_value()?);
        }
        Ok(self.outcome)
    }

    fn visit_seq<A: SeqAccess<'a>>(mut self, mut list: A) -> Result<Self::Value, A::Error> {
        while let Some(value) = list.next_element()? {
            self.take("", value);
        }
        Ok(self.outcome)
    }
}

/// Does something with each field of an object.
pub(crate) fn each_field<'a>(from: &'a RawValue, step: EachStep<'_, 'a>) -> Result<(), WireFault> {
    let each = Each { step, outcome: Ok(()), expecting: "an object" };
    let mut source = serde_json::Deserializer::from_slice(from.get().as_bytes());
    source.deserialize_map(each).map_err(|e| invalid(&e))?
}

/// Does something with each value of a list.
fn each_value<'a>(
    from: &'a RawValue,
    expecting: &'static str,
    step: &mut dyn FnMut(&'a RawValue) -> Result<(), WireFault>,
) -> Result<(), WireFault> {
    let each = Each { step: &mut |_, value| step(value), outcome: Ok(()), expecting };
    let mut source = serde_json::Deserializer::from_slice(from.get().as_bytes());
    source.deserialize_seq(each).map_err(|e| invalid(&e))?
}

/// Reads the fields of an object. Those that it does not know are skipped.
pub(crate) fn read_object(
    from: &RawValue,
    fields: &mut [Field<'_>],
    all: bool,
) -> Result<(), WireFault> {
    each_field(from, &mut |name, value| {
        let Some(field) = fields.iter_mut().find(|field| field.name == name) else { return Ok(()) };
        if std::mem::replace(&mut field.is_read, true) {
            return Err(WireFault(format!("duplicate field `{name}`")));
        }
        field.value.read(value)
    })?;
    let mut missing = fields.iter().filter(|field| !field.is_read && !field.value.may_be_absent());
    match missing.next().filter(|_| all) {
        Some(field) => Err(WireFault(format!("missing field `{}`", field.name))),
        None => Ok(()),
    }
}

/// The word of a variant, and what it holds.
pub(crate) fn read_tag(from: &RawValue) -> Result<(String, Option<&RawValue>), WireFault> {
    if from.get().starts_with('"') {
        return Ok((plain(from)?, None));
    }
    let mut found = None;
    let mut count = 0;
    each_field(from, &mut |name, value| {
        count += 1;
        found = Some((name.to_owned(), Some(value)));
        Ok(())
    })?;
    let one = found.filter(|_| count == 1);
    one.ok_or_else(|| WireFault("an object with one variant was expected".to_owned()))
}

/// Reads what a variant holds.
pub(crate) fn read_content(
    from: Option<&RawValue>,
    fields: &mut [Field<'_>],
) -> Result<(), WireFault> {
    match (from, fields) {
        (None, []) => Ok(()),
        (Some(from), [Field { name: "0", value, .. }]) => value.read(from),
        (Some(from), fields @ [Field { name: "0", .. }, ..]) => read_list(from, fields),
        (Some(from), fields @ [_, ..]) => read_object(from, fields, true),
        _ => Err(WireFault("a variant that holds something else was expected".to_owned())),
    }
}

/// Reads a list of as many values.
fn read_list(from: &RawValue, fields: &mut [Field<'_>]) -> Result<(), WireFault> {
    let wanted = fields.len();
    let wrong = || WireFault(format!("a list of {wanted} values was expected"));
    let mut rest = fields.iter_mut();
    each_value(from, "a list", &mut |value| rest.next().ok_or_else(wrong)?.value.read(value))?;
    rest.next().map_or(Ok(()), |_| Err(wrong()))
}

/// What lists are made of. Those of names are not like any other.
pub(crate) trait ListItem: Wire + Default {}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, PartialEq)]
    struct Pair {
        number: u8,
        text: Option<String>,
    }
    wire_struct!(Pair, all: number, text);

    #[derive(Debug, Default, PartialEq)]
    enum Choice {
        #[default]
        Nothing,
        Both(bool, i32),
        Named {
            of: u16,
        },
    }
    wire_enum!(Choice {
        "nothing": Nothing {}
        "both": Both { 0: first: bool, 1: second: i32 }
        "named": Named { of: of: u16 }
    });

    /// What a text is read as, or what is said of it.
    fn read<T: Wire + Default>(from: &str) -> Result<T, String> {
        let mut value = T::default();
        let read = text(from.as_bytes()).and_then(|from| value.read(from));
        read.map(|()| value).map_err(|WireFault(what)| what)
    }

    #[test]
    fn an_object_may_have_more_fields_but_none_twice_and_lack_only_what_is_optional() {
        let pair = |number, text: Option<&str>| Pair { number, text: text.map(str::to_owned) };
        assert_eq!(read(r#"{"number":7}"#), Ok(pair(7, None)));
        assert_eq!(read(r#"{"new":[{}],"text":"\u0061","number":7}"#), Ok(pair(7, Some("a"))));
        assert_eq!(read::<Pair>(r#"{"text":"a"}"#), Err("missing field `number`".into()));
        let twice = read::<Pair>(r#"{"number":1,"number":2}"#);
        assert_eq!(twice, Err("duplicate field `number`".into()));
        assert_eq!(read::<Pair>(r#"{"number":256}"#), Err("256 is too large".into()));
        assert!(read::<Pair>("[1,null]").unwrap_err().contains("expected an object"));
    }

    #[test]
    fn a_variant_is_a_word_or_an_object_with_one_word_and_what_it_holds() {
        for choice in [Choice::Nothing, Choice::Both(true, -1), Choice::Named { of: 3 }] {
            let line = String::from_utf8(line(&choice)).unwrap();
            assert_eq!(read(&line), Ok(choice), "{line}");
        }
        assert_eq!(line(&Choice::Both(true, -1)), b"{\"both\":[true,-1]}\n");
        for (wrong, what) in [
            (r#""both""#, "a variant that holds something else was expected"),
            (r#"{"nothing":1}"#, "a variant that holds something else was expected"),
            (r#"{"both":[true]}"#, "a list of 2 values was expected"),
            (r#"{"both":[true,1,2]}"#, "a list of 2 values was expected"),
            (r#"{"named":{"of":1},"nothing":1}"#, "an object with one variant was expected"),
            (r#""neither""#, "unknown variant `neither`"),
        ] {
            assert_eq!(read::<Choice>(wrong), Err(what.into()), "{wrong}");
        }
    }
}
