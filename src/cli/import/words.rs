//! Words in a line, as Python's shlex makes them of it: a command's, and those of `KEY=VALUE`
//! lists. Reference: <https://docs.python.org/3/library/shlex.html>.

use super::script::words_of;
use std::iter::Peekable;
use std::str::Chars;

/// The words of a command, as a shell splits them (`shlex.split`); or what is wrong.
pub(super) fn split(line: &str) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' | '\r' | '\n' => words.extend(word.take()),
            '\\' => {
                let next = chars.next().ok_or("nothing follows the backslash at its end")?;
                word.get_or_insert_default().push(next);
            }
            '\'' | '"' => quoted(&mut chars, c, word.get_or_insert_default())?,
            '\0' => variable(&mut chars, &mut word),
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

/// Adds a variable, whose name ends with another NUL. One that is all of a word may be several.
fn variable(chars: &mut Peekable<Chars>, word: &mut Option<String>) {
    let name: String = chars.by_ref().take_while(|&c| c != '\0').collect();
    let is_alone = word.is_none() && chars.peek().is_none_or(|c| c.is_ascii_whitespace());
    let variable = if is_alone { words_of(&name) } else { format!("\0{name}\0") };
    word.get_or_insert_default().push_str(&variable);
}

/// Adds what stands before the closing quote.
fn quoted(chars: &mut Peekable<Chars>, quote: char, word: &mut String) -> Result<(), &'static str> {
    const OPEN: &str = "a quote is not closed";
    loop {
        match chars.next().ok_or(OPEN)? {
            c if c == quote => return Ok(()),
            '\\' if quote == '"' => {
                let next = chars.next().ok_or(OPEN)?;
                if !matches!(next, '"' | '\\') {
                    word.push('\\');
                }
                word.push(next);
            }
            c => word.push(c),
        }
    }
}

/// The keys and values of `KEY=value,KEY2="another value"`; or what is wrong. What separates them
/// may be any word, and quotes within a word are a part of it: so does supervisord.
pub(super) fn pairs(list: &str) -> Result<Vec<(String, String)>, &'static str> {
    let tokens = tokens(list)?;
    let mut pairs: Vec<(String, String)> = Vec::new();
    for chunk in tokens.chunks(4) {
        let [key, equals, value, ..] = chunk else {
            return Err("it does not end after a value");
        };
        if equals != "=" {
            return Err("a key is not followed by =");
        }
        pairs.retain(|(known, _)| known != key);
        pairs.push((key.clone(), value.trim_matches(['\'', '"']).to_owned()));
    }
    Ok(pairs)
}

/// The tokens of `shlex.shlex` with some more characters in words: words, strings with their
/// quotes, and single characters.
fn tokens(text: &str) -> Result<Vec<String>, &'static str> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' | '\r' | '\n' => {}
            '#' => skip_line(&mut chars),
            '\'' | '"' => {
                let mut string = String::from(c);
                loop {
                    let next = chars.next().ok_or("a quote is not closed")?;
                    string.push(next);
                    if next == c {
                        break;
                    }
                }
                tokens.push(string);
            }
            c if is_of_word(c) => tokens.push(word(c, &mut chars)),
            c => tokens.push(c.into()),
        }
    }
    Ok(tokens)
}

fn word(first: char, chars: &mut Peekable<Chars>) -> String {
    let mut word = String::from(first);
    while let Some(c) = chars.next_if(|&c| is_of_word(c) || matches!(c, '\'' | '"' | '#')) {
        if c == '#' { skip_line(chars) } else { word.push(c) }
    }
    word
}

fn skip_line(chars: &mut Peekable<Chars>) {
    chars.by_ref().find(|&c| c == '\n');
}

/// NUL stands for a variable that is known when the container runs.
fn is_of_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_/.+-():\0".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_split_as_by_a_shell() {
        let words = split("a  'b \\c' \"d \\\" \\x\" e\\ f ''\n g").unwrap();
        assert_eq!(words, ["a", "b \\c", "d \" \\x", "e f", "", "g"]);
        assert!(split("a 'b").is_err() && split("a \"b\\").is_err() && split("a\\").is_err());
    }

    #[test]
    fn pairs_are_what_supervisord_makes_of_them() {
        let of = |list| {
            pairs(list).map(|all| {
                all.iter()
                    .map(|(key, value)| format!("{key}={value}"))
                    .collect::<Vec<_>>()
                    .join("|")
            })
        };
        assert_eq!(of("A=1,B=\"2,3\" , C='it\"s'"), Ok("A=1|B=2,3|C=it\"s".into()));
        assert_eq!(of("A=/x:/y,A=2"), Ok("A=2".into()));
        assert_eq!(of("A=\"\",\n  B=b # c\n"), Ok("A=|B=b".into()));
        assert_eq!(of(""), Ok(String::new()));
        assert!(of("A=b=c").is_err() && of("A=b@c").is_err() && of("A=\"b").is_err());
        assert!(of("A").is_err() && of("A=").is_err() && of("A=1,").is_ok());
    }
}
