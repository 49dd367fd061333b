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

/// A part of a format.
enum Piece<'a> {
    Text(&'a [u8]),
    Line,
}

/// Splits a format into parts; `None` if it holds a directive that there is not.
fn compile<'a>(format: &'a [u8], args: &'a [Word]) -> Option<Vec<Piece<'a>>> {
    let mut parts = format.split(|&b| b == b'%');
    let mut pieces = vec![Piece::Text(parts.next().unwrap_or_default())];
    while let Some(part) = parts.next() {
        let Some((directive, text)) = part.split_first() else {
            // `%%` has an empty part in its middle.
            pieces.extend([Piece::Text(b"%"), Piece::Text(parts.next()?)]);
            continue;
        };
        pieces.push(match directive {
            b's' => Piece::Line,
            digit @ b'0'..=b'9' => Piece::Text(args.get(usize::from(digit - b'0'))?),
            _ => return None,
        });
        pieces.push(Piece::Text(text));
    }
    Some(pieces)
}
