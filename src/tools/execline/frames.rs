//! Frames: variables that a program sets aside, under their names with `:1`, `:2` … behind, and
//! that another brings back.
//! Reference: <https://skarnet.org/software/execline/el_pushenv.html>.

use crate::format::decimal;
use crate::tools::{Environment, Word};

/// How the names of the positional parameters begin: `#`, and all that start with a digit.
pub const POSITIONALS: &[&[u8]] =
    &[b"0", b"1", b"2", b"3", b"4", b"5", b"6", b"7", b"8", b"9", b"#"];

/// How the names of the variables of elgetopt begin.
pub const ELGETOPT: &[&[u8]] = &[b"ELGETOPT_"];

/// Sets the variables whose names begin so one frame aside. A colon with no number behind it
/// counts as the last one that had a number, as with the reference.
pub fn push(env: &mut Environment, prefixes: &[&[u8]]) {
    let mut last = 0u32;
    env.rename(|name| match frame(name, prefixes, &mut last) {
        Frame::Current => Some([name, b":1"].concat()),
        Frame::Aside(stem, depth) => Some(numbered(stem, depth.wrapping_add(1))),
        Frame::None => Some(name.to_vec()),
    });
}

/// Drops the variables whose names begin so, and brings back those of the frame before.
pub fn pop(env: &mut Environment, prefixes: &[&[u8]]) {
    let mut last = 0u32;
    env.rename(|name| match frame(name, prefixes, &mut last) {
        Frame::Current => None,
        Frame::Aside(_, 0) | Frame::None => Some(name.to_vec()),
        Frame::Aside(stem, 1) => Some(stem.to_vec()),
        Frame::Aside(stem, depth) => Some(numbered(stem, depth - 1)),
    });
}

/// To which frame a variable belongs.
enum Frame<'a> {
    /// It is not in any.
    None,
    Current,
    /// The name before the colon, and how many frames it is aside.
    Aside(&'a [u8], u32),
}

fn frame<'a>(name: &'a [u8], prefixes: &[&[u8]], last: &mut u32) -> Frame<'a> {
    let Some(prefix) = prefixes.iter().find(|p| name.starts_with(p)) else { return Frame::None };
    let Some(at) = name.iter().skip(prefix.len()).position(|&b| b == b':') else {
        return Frame::Current;
    };
    let (stem, depth) = name.split_at(prefix.len() + at);
    match decimal::parse(&depth[1..]) {
        Some(depth) => *last = depth,
        None if depth == b":" => {}
        None => return Frame::None,
    }
    Frame::Aside(stem, *last)
}

fn numbered(stem: &[u8], depth: u32) -> Word {
    [stem, format!(":{depth}").as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(strings: &[&str]) -> Environment {
        let pairs = strings.iter().filter_map(|s| s.split_once('='));
        pairs.map(|(k, v)| (k.into(), v.into())).collect()
    }

    #[test]
    fn a_frame_comes_back_as_it_was() {
        let before =
            environment(&["#=1", "A=x", "1=a:b", "1:1=old", "#:1=1", "0:x=kept", "10:2=c"]);
        let mut env = before.clone();
        push(&mut env, POSITIONALS);
        let pushed = ["#:1=1", "A=x", "1:1=a:b", "1:2=old", "#:2=1", "0:x=kept", "10:3=c"];
        assert_eq!(env, environment(&pushed));
        pop(&mut env, POSITIONALS);
        assert_eq!(env, before);
    }

    #[test]
    fn a_number_that_is_missing_is_that_of_the_variable_before() {
        let mut env = environment(&["1:7=a", "2:=b", "3:x=c", "4:0=d", "5:=e", "6:99999999999=f"]);
        push(&mut env, POSITIONALS);
        let pushed = ["1:8=a", "2:8=b", "3:x=c", "4:1=d", "5:1=e", "6:99999999999=f"];
        assert_eq!(env, environment(&pushed));
        let mut env = environment(&["2:=a", "1:2=b", "3:=c"]);
        pop(&mut env, POSITIONALS);
        assert_eq!(env, environment(&["2:=a", "1:1=b", "3:1=c"]));
    }

    #[test]
    fn the_last_frame_is_dropped() {
        let mut env = environment(&["ELGETOPT_a=1", "ELGETOPT_a:1=2", "ELGETOPT_b=3", "C=4"]);
        pop(&mut env, ELGETOPT);
        assert_eq!(env, environment(&["ELGETOPT_a=2", "C=4"]));
    }
}
