//! Made-up scripts: links that define what others refer to, then words of every kind, printed.

use crate::random::Random;
use crate::side::VARIABLES;
use sixtree::execline::lexer;
use std::fmt;

type Word = Vec<u8>;

/// What substitution knows, sometimes.
const KEYS: &[&str] = &["x", "y", "xy", "a b"];

/// What only execlineb itself defines.
const POSITIONS: &[&str] = &["0", "1", "2", "#", "@", "*"];

/// Values that are split in interesting ways. They are written as they are: in quotes.
const VALUES: &[&str] = &[
    "",
    "a",
    "a b",
    " a  b ",
    ":a::b:",
    "a\nb\n",
    "1:a,2:bc,",
    "1:a,2:b,",
    "$y",
    "${x}",
    "\\\\$x",
    "a:b c",
    ",",
    "\\t",
    "0:,",
];

/// What words are made of.
const BARE: &[&str] = &[
    "a", "b", "x", "y", "0", "1", "=", ";", "~", "-", "$", "$$", "{", "}", "#", "'", "*", "\\\"",
    "\\\\", "\\n", "\\t", "\\x", "\\ ", "\\{", "\\}", "\\#", "\\\n", "\u{e9}",
];

/// What stands in quotes.
const QUOTED: &[&str] = &[
    "a", "b", "x", " ", "  ", "\n", "\t", "#", "{", "}", "{ ", " }", "$", "'", "\\\"", "\\\\",
    "\\a", "\\b", "\\t", "\\n", "\\v", "\\f", "\\r", "\\0x41", "\\0xe9", "\\0x4", "\\065", "\\66",
    "\\255", "\\0101", "\\7z", "\\\n", "\\s", "\\$", "\u{e9}",
];

const OPTIONS: &[&str] =
    &["-s", "-C", "-c", "-n", "-d:", "-d \":, \"", "-d \"\"", "-sn", "-sCd:", "-N"];

/// What may be anywhere, by mistake.
const STRAY: &[&str] =
    &["\"", "\\", "{", "}", " { ", " } ", "\n", "#", "\\0", "\"\\0x", "\u{1}", "\\0x00", "$", " "];

/// The words after `execlineb`.
pub(crate) struct Script {
    pub command_line: Vec<Word>,
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let quoted = |word: &Word| format!("'{}'", word.escape_ascii());
        f.write_str(&self.command_line.iter().map(quoted).collect::<Vec<_>>().join(" "))
    }
}

impl Script {
    /// Makes one up.
    pub(crate) fn make(random: &mut Random) -> Self {
        let mut text = String::new();
        for _ in 0..random.of(&[0, 0, 0, 1, 1, 2, 3]) {
            text += &link(random);
            text.push(random.of(&[' ', ' ', '\n']));
        }
        text += "printf %s\\\\0 begin";
        text += &words(random, 0);
        if random.below(10) == 0 {
            let boundaries: Vec<_> = text.char_indices().map(|(at, _)| at).collect();
            text.insert_str(random.of(&boundaries), random.of(STRAY));
        }
        let mode = random.of(&["", "-P", "-p", "-S0", "-S1", "-S2", "-s0", "-s1", "-S3", "-WS2"]);
        let mode = (!mode.is_empty()).then_some(mode);
        let arguments: Vec<&str> = (0..random.below(4)).map(|_| random.of(VALUES)).collect();
        let all: Vec<_> = mode.into_iter().chain(["-c", &text]).chain(arguments).collect();
        Self::new(&all)
    }

    /// The script that this is.
    pub(crate) fn new(command_line: &[&str]) -> Self {
        Self { command_line: command_line.iter().map(|word| word.as_bytes().to_vec()).collect() }
    }

    /// Whether Debian's prints what happens to be in memory after the last word.
    ///
    /// A script may end in a brace, a backslash and a newline: the brace waits for the rest of its
    /// word, which never comes. `el_parse` counts no word then, and leaves the brace without a NUL.
    /// Only the substitution of -S and -s sees it, and reads on up to some NUL: through whatever
    /// malloc keeps there, which is nothing at most lengths of a script.
    pub(crate) fn runs_on(&self) -> bool {
        let [mode, option, text, ..] = &*self.command_line else { return false };
        option == b"-c"
            && mode.iter().any(|letter| b"sS".contains(letter))
            && lexer::words_and_rest(text).is_ok_and(|(_, rest)| !rest.is_empty())
    }
}

/// A program and what it takes, to where the next one begins.
fn link(random: &mut Random) -> String {
    match random.below(8) {
        0..3 => define(random),
        3 | 4 => importas(random),
        5 => multisubstitute(random),
        6 => multidefine(random),
        _ => format!("export {} {}", random.of(&["A", "B", "NEW"]), value(random)),
    }
}

fn define(random: &mut Random) -> String {
    format!("define {} {} {}", options(random), key(random), value(random))
}

fn importas(random: &mut Random) -> String {
    let absent = random.of(&["", "-i", "-u", "-D none", "-D \"\"", "-D \"a b\""]);
    let names = VARIABLES.map(|(name, _)| name);
    let name = random.of(&[names[0], names[1], names[2], names[3], "NEW", "UNSET"]);
    format!("importas {} {absent} {} {name}", options(random), key(random))
}

fn multisubstitute(random: &mut Random) -> String {
    let mut block = String::from("multisubstitute {");
    for _ in 0..1 + random.below(3) {
        let directive = if random.below(2) == 0 { define(random) } else { importas(random) };
        block += &format!(" {directive}");
    }
    block + " }"
}

fn multidefine(random: &mut Random) -> String {
    let (options, value) = (options(random), value(random));
    let rest = random.of(&["", "-r"]);
    let keys = random.of(&["x y", "x", "x y xy", "x \"\" y"]);
    format!("multidefine {rest} {options} {value} {{ {keys} }}")
}

fn options(random: &mut Random) -> String {
    let options: Vec<_> = (0..random.below(3)).map(|_| random.of(OPTIONS)).collect();
    options.join(" ")
}

fn key(random: &mut Random) -> String {
    format!("\"{}\"", random.of(KEYS))
}

fn value(random: &mut Random) -> String {
    format!("\"{}\"", random.of(VALUES))
}

/// Some words, with what is between them, at that depth of blocks.
fn words(random: &mut Random, depth: usize) -> String {
    let mut text = String::new();
    for _ in 0..random.below(6) {
        text += random.of(&[" ", " ", " ", "\n", "\t", "  ", " \\\n", " # a { comment\n"]);
        match random.below(12) {
            0 if depth < 3 => {
                let block = words(random, depth + 1);
                text += &format!("{{{block} }}");
            }
            0..=2 => text += &pieces(random, BARE),
            3..=5 => text += &quoted(random),
            6..=8 => text += &reference(random),
            9 => text += &format!("{}{}", pieces(random, BARE), quoted(random)),
            10 => text += &format!("{}{}", quoted(random), pieces(random, BARE)),
            _ => text += &format!("{}{}", pieces(random, BARE), reference(random)),
        }
    }
    text
}

fn pieces(random: &mut Random, from: &[&str]) -> String {
    (0..1 + random.below(4)).map(|_| random.of(from)).collect()
}

fn quoted(random: &mut Random) -> String {
    let inside = if random.below(6) == 0 { reference(random) } else { pieces(random, QUOTED) };
    format!("\"{inside}\"")
}

/// One or two references to keys, with backslashes in front or not.
fn reference(random: &mut Random) -> String {
    let mut text = String::new();
    for _ in 0..1 + random.below(2) {
        let key = if random.below(4) == 0 { random.of(POSITIONS) } else { random.of(KEYS) };
        let quotes = if key.contains(' ') { "\"" } else { "" };
        text += random.of(&["", "", "", "\\\\", "\\\\\\\\", "a"]);
        text += &match random.below(3) {
            0 => format!("{quotes}${key}{quotes}"),
            _ => format!("{quotes}${{{key}}}{quotes}"),
        };
    }
    text
}
