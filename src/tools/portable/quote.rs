//! s6-quote, s6-unquote, and the filters that do the same to every line.
//! Reference: <https://skarnet.org/software/s6-portable-utils/s6-quote.html> and its neighbours.

use super::paths::print;
use super::quoting::{quote, unquote};
use crate::tools::die::{reason, show};
use crate::tools::{Exit, Next, Options, Process, Word, lines};
use nix::errno::Errno;

/// `s6-quote [ -n ] [ -u ] [ -d delim ] string`
pub(super) fn s6_quote(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "nud:")?;
    let quotes = Quotes::of(process, &options)?;
    let newline = !options.has('n');
    let text = options.rest().into_iter().next().ok_or_else(|| process.usage())?;
    let mut quoted = Vec::new();
    quotes.append(&text, &mut quoted).map_err(process.unable("quote"))?;
    print(process, &quoted, newline)
}

/// `s6-quote-filter [ -u ] [ -d delim ]`
pub(super) fn s6_quote_filter(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let quotes = Quotes::of(process, &Options::parse(process, argv, "ud:")?)?;
    lines::try_filter(process, |line, out| {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        quotes.append(text, out).map_err(process.unable("quote"))?;
        out.extend_from_slice(&line[text.len()..]);
        Ok(())
    })
}

/// What to quote with.
struct Quotes {
    delimiters: Word,
    /// What comes before and after: the first delimiter, or nothing.
    mark: Option<u8>,
}

impl Quotes {
    fn of(process: &Process, options: &Options) -> Result<Self, Exit> {
        let delimiters = options.value('d').unwrap_or(b"\"").to_vec();
        let mark = delimiters.first().copied().filter(|_| !options.has('u'));
        if mark.is_none() && !options.has('u') {
            return Err(process.fatal(100, "no character to quote with!"));
        }
        Ok(Self { delimiters, mark })
    }

    fn append(&self, text: &[u8], out: &mut Vec<u8>) -> Result<(), Errno> {
        let mut quoted = Vec::new();
        quote(text, &self.delimiters, &mut quoted)?;
        out.extend(self.mark.into_iter().chain(quoted).chain(self.mark));
        Ok(())
    }
}

/// `s6-unquote [ -n ] [ -d delim ] string`
pub(super) fn s6_unquote(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "nd:")?;
    let delimiters = options.value('d').unwrap_or(b"\"").to_vec();
    let newline = !options.has('n');
    let word = options.rest().into_iter().next().ok_or_else(|| process.usage())?;
    let (text, rest) = read(&word, &delimiters).map_err(|wrong| match wrong {
        Wrong::Empty => process.fatal(100, "the empty string isn't a quoted string"),
        Wrong::Start => process.fatal(100, "invalid starting quote character"),
        Wrong::NoEnd => process.fatal(100, "no ending quote character"),
        Wrong::Escape(at, e) => {
            process.fatal(100, format_args!("unable to unquote at character {at}: {}", reason(e)))
        }
    })?;
    if let Some(place) = rest {
        process.warn(format_args!("{place}; ignoring remainder"));
    }
    print(process, &text, newline)
}

/// `s6-unquote-filter [ -q | -Q | -v | -w ] [ -d delim ]`: what is not quoted stays as it is,
/// without a word (-q), with one (-Q), with the line itself (-v), or is the end (-w).
pub(super) fn s6_unquote_filter(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "qQvwd:")?;
    let mood = options.last_of("qQvw").unwrap_or('Q');
    let delimiters = options.value('d').unwrap_or(b"\"").to_vec();
    lines::try_filter(process, |line, out| {
        let word = line.strip_suffix(b"\n").unwrap_or(line);
        match read(word, &delimiters) {
            Ok((text, rest)) => {
                if let (Some(place), 'v' | 'w') = (rest, mood) {
                    let line = excerpt(word);
                    process.warn(format_args!("{place}, ignoring remainder of line: {line}"));
                }
                out.extend(text);
            }
            Err(wrong) => {
                complain(process, mood, &wrong, word)?;
                out.extend_from_slice(word);
            }
        }
        out.extend_from_slice(&line[word.len()..]);
        Ok(())
    })
}

/// What is wrong with a quoted word.
enum Wrong {
    Empty,
    Start,
    NoEnd,
    /// An escape at this character.
    Escape(usize, Errno),
}

/// The text of a quoted word, and the place of its closing quote, in words, if more follows that.
fn read(word: &[u8], delimiters: &[u8]) -> Result<(Word, Option<String>), Wrong> {
    let bare = delimiters.is_empty();
    let inner = match word.split_first() {
        _ if bare => word,
        None => return Err(Wrong::Empty),
        Some((first, inner)) if delimiters.contains(first) => inner,
        Some(_) => return Err(Wrong::Start),
    };
    let before = usize::from(!bare);
    let read = unquote(inner, delimiters).map_err(|(at, e)| Wrong::Escape(at + before, e))?;
    let rest = match read.end {
        None if !bare => return Err(Wrong::NoEnd),
        Some(at) if at + 1 < inner.len() => {
            let of = inner.len();
            Some(format!("found ending quote character at position {}/{of}", at + 1))
        }
        _ => None,
    };
    Ok((read.text, rest))
}

fn complain(process: &Process, mood: char, wrong: &Wrong, line: &[u8]) -> Result<(), Exit> {
    let text = match wrong {
        Wrong::Empty => "empty line",
        Wrong::Start => "invalid starting quote character",
        Wrong::NoEnd => "unable to unquote: no ending quote character",
        Wrong::Escape(_, e) => &format!("unable to unquote: {}", reason(*e)),
    };
    match mood {
        'q' => {}
        'w' => return Err(process.fatal(100, text)),
        'v' if !line.is_empty() => process.warn(format_args!("{text} in line: {}", excerpt(line))),
        _ => process.warn(text),
    }
    Ok(())
}

/// As much of a line as a message can bear.
fn excerpt(line: &[u8]) -> String {
    if line.len() < 39 { show(line).to_string() } else { format!("{}...", show(&line[..36])) }
}
