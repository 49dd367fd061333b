//! The values of a section of supervisord.conf, as what they mean.

use super::expand::Expansions;
use super::ini::{Ini, Section};
use super::note::{Notes, Origin};
use crate::format::signal;

/// A section that is being read.
pub(super) struct SectionSettings<'a> {
    pub ini: &'a Ini,
    pub section: &'a Section,
    pub names: Expansions,
}

impl SectionSettings<'_> {
    /// Where a key stands; the section, if it has none.
    pub(super) fn at(&self, key: &str) -> &Origin {
        self.ini.get(self.section, key).map_or(&self.section.at, |setting| &setting.at)
    }

    /// Whether the section says anything of a key.
    pub(super) fn has(&self, key: &str) -> bool {
        self.ini.get(self.section, key).is_some()
    }

    /// A value as it is written.
    pub(super) fn raw(&self, key: &str) -> Option<&str> {
        self.ini.get(self.section, key).map(|setting| setting.value.as_str())
    }

    /// A text with its names filled in; it may have variables in it, which the container has.
    pub(super) fn text(&self, key: &str, notes: &mut Notes) -> Option<String> {
        match self.names.expand(self.raw(key)?) {
            Ok(text) => Some(text),
            Err(why) => {
                notes.error(self.at(key), format!("{key}: {why}"), "a % is written %%");
                None
            }
        }
    }

    /// A value that `parse` understands; `default` where there is none.
    pub(super) fn parsed<T>(
        &self,
        key: &str,
        default: T,
        wanted: &str,
        notes: &mut Notes,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> T {
        let Some(text) = self.text(key, notes) else { return default };
        if text.contains('\0') {
            let what = format!("{key} is known only when the container runs");
            notes.error(self.at(key), what, "write what it shall be");
            return default;
        }
        parse(text.trim()).unwrap_or_else(|| {
            let what = format!("{key}: {:?} is not {wanted}", text.trim());
            notes.error(self.at(key), what, "mend it");
            default
        })
    }

    pub(super) fn number(&self, key: &str, default: i64, notes: &mut Notes) -> i64 {
        self.parsed(key, default, "a number", notes, |text| text.parse().ok())
    }

    pub(super) fn boolean(&self, key: &str, default: bool, notes: &mut Notes) -> bool {
        self.parsed(key, default, "true or false", notes, boolean)
    }

    /// A size, which may end in KB, MB or GB.
    pub(super) fn bytes(&self, key: &str, default: u64, notes: &mut Notes) -> u64 {
        self.parsed(key, default, "a size", notes, |text| {
            let text = text.to_ascii_lowercase();
            let units = [("kb", 1 << 10), ("mb", 1 << 20), ("gb", 1 << 30)];
            let unit =
                units.iter().find_map(|(unit, size)| Some((text.strip_suffix(unit)?, *size)));
            let (digits, size) = unit.unwrap_or((&text, 1));
            digits.trim().parse::<u64>().ok()?.checked_mul(size)
        })
    }

    /// The name of a signal, without SIG.
    pub(super) fn signal(&self, key: &str, default: &str, notes: &mut Notes) -> String {
        self.parsed(key, default.to_owned(), "a signal", notes, |text| {
            signal::parse(text.as_bytes()).map(|number| signal::name(number).into_owned())
        })
    }
}

/// True or false, in any of the words that supervisord takes for it.
pub(super) fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "true" | "on" | "1" => Some(true),
        "no" | "false" | "off" | "0" => Some(false),
        _ => None,
    }
}
