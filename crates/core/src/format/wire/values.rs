//! The values that fields have: numbers, texts, lists of them.

use super::{
    Field, ListItem, MAX_NAMES, Wire, WireFault, each_value, plain, read_list, write_list,
    write_text,
};
use serde_json::value::RawValue;
use std::collections::BTreeSet;

impl Wire for bool {
    fn write(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(if *self { b"true" } else { b"false" });
    }
    fn read(&mut self, from: &RawValue) -> Result<(), WireFault> {
        plain(from).map(|value| *self = value)
    }
}

impl Wire for String {
    fn write(&self, to: &mut Vec<u8>) {
        write_text(to, self);
    }
    fn read(&mut self, from: &RawValue) -> Result<(), WireFault> {
        plain(from).map(|value| *self = value)
    }
}

macro_rules! wire_number {
    ($($type:ty as $wide:ty),*) => { $(
        impl Wire for $type {
            fn write(&self, to: &mut Vec<u8>) {
                to.extend_from_slice(self.to_string().as_bytes());
            }
            fn read(&mut self, from: &RawValue) -> Result<(), WireFault> {
                let wide: $wide = plain(from)?;
                let narrow = wide.try_into();
                *self = narrow.map_err(|_| WireFault(format!("{wide} is too large")))?;
                Ok(())
            }
        }
    )* };
}
wire_number!(u8 as u64, u16 as u64, u32 as u64, i32 as i64);

impl Wire for u64 {
    fn write(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(self.to_string().as_bytes());
    }
    fn read(&mut self, from: &RawValue) -> Result<(), WireFault> {
        plain(from).map(|value| *self = value)
    }
}

impl<T: Wire + Default> Wire for Option<T> {
    fn write(&self, to: &mut Vec<u8>) {
        match self {
            Some(value) => value.write(to),
            None => to.extend_from_slice(b"null"),
        }
    }
    fn read(&mut self, from: &RawValue) -> Result<(), WireFault> {
        *self = None;
        if from.get() == "null" {
            return Ok(());
        }
        self.insert(T::default()).read(from)
    }
    fn may_be_absent(&self) -> bool {
        true
    }
}

impl<T: Wire> Wire for Box<T> {
    fn write(&self, to: &mut Vec<u8>) {
        (**self).write(to);
    }
    fn read(&mut self, from: &RawValue) -> Result<(), WireFault> {
        (**self).read(from)
    }
}

impl ListItem for u8 {}
impl ListItem for Vec<u8> {}

impl<T: ListItem> Wire for Vec<T> {
    fn write(&self, to: &mut Vec<u8>) {
        write_list(to, &mut self.iter().map(|value| value as &dyn Wire));
    }
    fn read(&mut self, from: &RawValue) -> Result<(), WireFault> {
        each_value(from, "a list", &mut |text| {
            let mut value = T::default();
            value.read(text)?;
            self.push(value);
            Ok(())
        })
    }
}

/// Names, each of them once. They are taken one by one, so that what is repeated takes no room.
impl Wire for Vec<String> {
    fn write(&self, to: &mut Vec<u8>) {
        write_list(to, &mut self.iter().map(|value| value as &dyn Wire));
    }
    fn read(&mut self, from: &RawValue) -> Result<(), WireFault> {
        let mut seen = BTreeSet::new();
        each_value(from, "a list of names", &mut |text| {
            let name: String = plain(text)?;
            if seen.insert(name.clone()) {
                self.push(name);
            }
            match self.len() > MAX_NAMES {
                true => Err(WireFault(format!("more than {MAX_NAMES} names"))),
                false => Ok(()),
            }
        })
    }
}

impl ListItem for (String, String) {}

impl Wire for (String, String) {
    fn write(&self, to: &mut Vec<u8>) {
        write_list(to, &mut [&self.0, &self.1].into_iter().map(|text| text as &dyn Wire));
    }
    fn read(&mut self, from: &RawValue) -> Result<(), WireFault> {
        read_list(from, &mut [Field::new("0", &mut self.0), Field::new("1", &mut self.1)])
    }
}
