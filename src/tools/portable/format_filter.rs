//! s6-format-filter: puts every line into a format.
//! Reference: <https://skarnet.org/software/s6-portable-utils/s6-format-filter.html>.

use crate::tools::{Exit, Next, Process, Word, lines};
use nix::errno::Errno;

/// `s6-format-filter format [ args... ]`: in the format, `%s` is the line, `%1` … `%9` are the
/// arguments, `%0` the program's name, `%%` is a `%`.
pub fn run(process: &mut Process, mut argv: Vec<Word>) -> Result<Next, Exit> {
    if argv.len() < 2 {
        return Err(process.usage());
    }
    let format = argv.remove(1);
    let pieces =
        compile(&format, &argv).ok_or(Errno::EINVAL).map_err(process.unable("compile format"))?;
    lines::filter(process, |line, out| {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        for piece in &pieces {
            out.extend_from_slice(match piece {
                Piece::Text(text) => text,
                // A line ends at its first NUL, if it has one.
                Piece::Line => text.split(|&b| b == 0).next().unwrap_or_default(),
            });
        }
        out.extend_from_slice(&line[text.len()..]);
    })
}

/// What a part of a format stands for.
enum Piece<'a> {
    Text(&'a [u8]),
    Line,
}

/// Looks up what the parts stand for; `None` if one stands for nothing.
fn compile<'a>(format: &'a [u8], args: &'a [Word]) -> Option<Vec<Piece<'a>>> {
    let piece = |part| match part {
        Part::Text(text) => Some(Piece::Text(text)),
        Part::Directive(b's') => Some(Piece::Line),
        Part::Directive(digit @ b'0'..=b'9') => {
            args.get(usize::from(digit - b'0')).map(|arg| Piece::Text(arg))
        }
        Part::Directive(_) => None,
    };
    split(format)?.into_iter().map(piece).collect()
}

/// A part of a format: a text, or the character after a `%`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part<'a> {
    /// A text.
    Text(&'a [u8]),
    /// What something else takes the place of.
    Directive(u8),
}

/// Splits a format into parts; `None` if it ends within one. `%%` is a `%`.
pub fn split(format: &[u8]) -> Option<Vec<Part<'_>>> {
    let mut parts = format.split(|&b| b == b'%');
    let mut found = vec![Part::Text(parts.next().unwrap_or_default())];
    while let Some(part) = parts.next() {
        let Some((directive, text)) = part.split_first() else {
            // `%%` has an empty part in its middle.
            found.extend([Part::Text(b"%"), Part::Text(parts.next()?)]);
            continue;
        };
        found.extend([Part::Directive(*directive), Part::Text(text)]);
    }
    Some(found)
}
