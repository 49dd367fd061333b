//! From the bytes of a stream to whole lines: what of them can be passed on, as it is shown, and as
//! it is kept.

use crate::format::logline::{LinePart, LineStyle};
use crate::format::output::LONGEST_PART;
use memchr::memchr;
use std::ops::Range;

/// How much text a record has, at best: the oldest ones are forgotten as a whole.
const RECORD: usize = 4 << 10;

/// What is kept together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LinePiece {
    /// Where its text is.
    pub(super) range: Range<usize>,
    /// How many parts of its first line came before.
    pub(super) before: u32,
    /// Whether its last line goes on.
    pub(super) is_open: bool,
}

/// What can be passed on of some bytes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Cut {
    /// How many bytes that is.
    pub(super) taken: usize,
    /// Some more could have been, had there been room.
    pub(super) is_short: bool,
    /// How many parts of the last line there are by then, if it goes on.
    pub(super) parts: u32,
    /// For the memory.
    pub(super) pieces: Vec<LinePiece>,
}

/// How to cut.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cutter<'a> {
    pub(super) style: &'a LineStyle,
    pub(super) time: &'a [u8],
    /// How many parts of the first line have been passed on before.
    pub(super) parts: u32,
    /// The first line has waited long enough for its end.
    pub(super) is_late: bool,
    /// How much there is room for.
    pub(super) room: usize,
}

impl Cutter<'_> {
    /// Appends to `out` what there is of whole lines, and of parts that are long or late.
    pub(super) fn cut(self, bytes: &[u8], out: &mut Vec<u8>) -> Cut {
        let mut cut = Cut { parts: self.parts, ..Cut::default() };
        while let Some(rest) = bytes.get(cut.taken..).filter(|rest| !rest.is_empty()) {
            let end = memchr(b'\n', rest);
            let (length, is_open) = match end {
                Some(end) if end <= LONGEST_PART => (end, false),
                _ if rest.len() > LONGEST_PART => (whole_characters(rest), true),
                // What comes after the end of another line has come later.
                _ if self.is_late && cut.taken == 0 => (rest.len(), true),
                _ => break,
            };
            if !out.is_empty() && out.len() + self.style.longest(length) > self.room {
                cut.is_short = true;
                break;
            }
            let part = LinePart { before: cut.parts, is_open };
            self.style.write(out, self.time, part, rest.get(..length).unwrap_or(rest));
            let size = if is_open { length } else { length + 1 };
            cut.keep(size, part);
            cut.taken += size;
            cut.parts = if is_open { cut.parts + 1 } else { 0 };
        }
        cut
    }
}

impl Cut {
    /// Adds a line, or a part of one, to what is to be kept.
    fn keep(&mut self, size: usize, part: LinePart) {
        let range = self.taken..self.taken + size;
        match self.pieces.last_mut() {
            Some(last) if !last.is_open && part == LinePart::default() && last.has_room(size) => {
                last.range.end = range.end;
            }
            _ => {
                let (before, is_open) = (part.before, part.is_open);
                self.pieces.push(LinePiece { range, before, is_open });
            }
        }
    }
}

impl LinePiece {
    fn has_room(&self, size: usize) -> bool {
        self.range.len() + size <= RECORD
    }
}

/// How long a part is at best, so that no character of UTF-8 is torn.
fn whole_characters(text: &[u8]) -> usize {
    let is_inside = |at: &usize| text.get(*at).is_some_and(|byte| byte & 0xc0 == 0x80);
    let inside = (LONGEST_PART - 3..=LONGEST_PART).rev().take_while(is_inside).count();
    if inside > 3 { LONGEST_PART } else { LONGEST_PART - inside }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cut(bytes: &[u8], parts: u32, is_late: bool, room: usize) -> (Cut, String) {
        let style = LineStyle::prefix("a", None, None);
        let mut out = Vec::new();
        let cutter = Cutter { style: &style, time: b"", parts, is_late, room };
        let cut = cutter.cut(bytes, &mut out);
        (cut, String::from_utf8_lossy(&out).into_owned())
    }

    #[test]
    fn what_has_no_end_waits_until_it_is_late() {
        let (early, shown) = cut(b"one\ntw", 0, false, 9999);
        assert_eq!((early.taken, early.parts, shown.as_str()), (4, 0, "a | one\n"));
        let (late, shown) = cut(b"tw", 0, true, 9999);
        assert_eq!((late.taken, late.parts, shown.as_str()), (2, 1, "a | tw\n"));
        let (next, shown) = cut(b"o\ntw", 1, true, 9999);
        assert_eq!((next.taken, next.parts, shown.as_str()), (2, 0, "a + o\n"));
        let (end, shown) = cut(b"o\nx\n", 1, false, 9999);
        assert_eq!((end.taken, end.parts, shown.as_str()), (4, 0, "a + o\na | x\n"));
        assert_eq!(end.pieces.len(), 2 - usize::from(end.pieces[0].range.end == 4));
    }

    #[test]
    fn a_long_line_is_cut_between_characters() {
        let line = format!("{}\n", "ä".repeat(20_000));
        let line = format!("x{line}");
        let (cut, shown) = cut(line.as_bytes(), 0, false, 1 << 20);
        assert_eq!((cut.taken, cut.pieces.len(), shown.lines().count()), (line.len(), 3, 3));
        assert!(shown.lines().all(|part| part.len() <= LONGEST_PART + 4));
        let text: String = shown.lines().map(|part| part[4..].to_owned()).collect();
        assert_eq!(format!("{text}\n"), line);
    }

    #[test]
    fn there_is_no_more_than_there_is_room_for() {
        let (cut, shown) = cut(&b"x\n".repeat(1000), 0, false, 500);
        assert!(cut.is_short && cut.taken == 2 * shown.lines().count() && shown.len() <= 500);
        assert!(cut.taken > 0);
    }

    proptest! {
        #[test]
        fn every_byte_is_kept_once(bytes: Vec<u8>, is_late: bool) {
            let (cut, _) = cut(&bytes, 0, is_late, 1 << 20);
            let kept: Vec<u8> =
                cut.pieces.iter().flat_map(|p| bytes[p.range.clone()].to_vec()).collect();
            prop_assert_eq!(&kept, &bytes[..cut.taken]);
            prop_assert!(bytes[cut.taken..].iter().all(|b| *b != b'\n'));
            prop_assert!(!is_late || cut.taken > 0 || bytes.is_empty());
        }
    }
}
