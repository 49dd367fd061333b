//! A case: a text file with the files of an image and, below `-- case --`, the steps to take.
//!
//! Each file of the image stands below its header, `-- path --` or `-- path mode=0600 --`. What
//! comes before the first header says what the case shows. `{PORT}` and `{PORT2}` stand for ports
//! that are free: containers share the network of the tests. A step is a line of words, split as a
//! shell splits them; `steps` has the list.

use crate::image::Image;
use crate::web::free_port;
use std::fs;

/// A case, read.
pub(crate) struct Case {
    /// The image to boot.
    pub image: Image,
    /// Line numbers and words of the steps.
    pub steps: Vec<(usize, Vec<String>)>,
}

impl Case {
    /// Reads a case from its file.
    pub(crate) fn read(file: &str) -> Self {
        let text = fs::read_to_string(file).unwrap_or_else(|e| panic!("{file}: {e}"));
        let text = ["{PORT}", "{PORT2}"].into_iter().fold(text, |text, name| {
            if text.contains(name) { text.replace(name, &free_port().to_string()) } else { text }
        });
        let mut sections: Vec<(&str, String)> = Vec::new();
        let mut steps = Vec::new();
        for (number, line) in (1..).zip(text.split_terminator('\n')) {
            if let Some(header) = line.strip_prefix("-- ").and_then(|l| l.strip_suffix(" --")) {
                sections.push((header, String::new()));
                continue;
            }
            match sections.last_mut() {
                Some(("case", _)) if line.trim().is_empty() || line.starts_with('#') => {}
                Some(("case", _)) => steps.push((number, split(line))),
                Some((_, text)) => text.extend([line, "\n"]),
                None => {}
            }
        }
        assert!(!steps.is_empty(), "{file}: it has no steps");
        let files = sections.iter().filter(|(header, _)| *header != "case");
        let image = files.fold(Image::busybox(), |image, (header, text)| {
            match header.split_once(" mode=") {
                None => image.file(header, text),
                Some((path, mode)) => {
                    let mode = u32::from_str_radix(mode, 8).expect("an octal mode");
                    image.file_of_mode(path, text, mode)
                }
            }
        });
        Self { image, steps }
    }
}

/// Splits a line into words as a shell does: quotes of both kinds and backslashes.
fn split(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (None, ' ' | '\t') => words.extend(word.take()),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (Some(q), c) if q == c => quote = None,
            (None, '\\') => word.get_or_insert_default().extend(chars.next()),
            (Some('"'), '\\') => {
                let next = chars.next();
                let special = next.is_some_and(|n| "\"\\$`".contains(n));
                let kept = (!special).then_some('\\');
                word.get_or_insert_default().extend(kept.into_iter().chain(next));
            }
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[test]
fn words_are_split_as_a_shell_does() {
    assert_eq!(split("a  'b c' \"d\\\"e\" f\\ g ''"), ["a", "b c", "d\"e", "f g", ""]);
    assert_eq!(split("out~/^x\\\\.y/ \"\\n\""), ["out~/^x\\.y/", "\\n"]);
}
