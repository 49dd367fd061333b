//! posix-umask: prints or sets the file mode creation mask, octal or in symbols.
//! Reference: <https://skarnet.org/software/execline/posix-umask.html>.

use crate::tools::die::octal;
use crate::tools::{Exit, Next, Options, Process, Word};
use nix::sys::stat::{Mode, umask};

/// `posix-umask [ -S ] [ mask ] [ prog... ]`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "S")?;
    let symbols = options.has('S');
    let mut words = options.rest().into_iter();
    let Some(word) = words.next() else {
        let mask = current();
        let text = if symbols { symbolic(mask) } else { format!("{mask:04o}") };
        process.print(format!("{text}\n").as_bytes())?;
        return Ok(Next::Exit(0));
    };
    let mask = octal(&word).or_else(|| parse(&word, current()));
    let mask = mask.ok_or_else(|| process.fatal(1, "invalid mode string"))?;
    umask(Mode::from_bits_truncate(mask));
    Ok(words.collect::<Vec<_>>().into())
}

/// The mask, which only setting it tells.
fn current() -> u32 {
    let mask = umask(Mode::empty());
    umask(mask);
    mask.bits()
}

/// What a mask allows, in symbols.
fn symbolic(mask: u32) -> String {
    let class = |(who, shift): (char, u32)| {
        let allowed = !mask >> shift;
        let letters = [('r', 4), ('w', 2), ('x', 1)].into_iter();
        let letters: String =
            letters.filter(|(_, bit)| allowed & bit != 0).map(|(c, _)| c).collect();
        format!("{who}={letters}")
    };
    [('u', 6), ('g', 3), ('o', 0)].map(class).join(",")
}

/// The mask after the clauses of a symbolic mode are applied to the permissions that `mask` allows.
fn parse(mode: &[u8], mask: u32) -> Option<u32> {
    let mut allowed = [6, 3, 0].map(|shift| !mask >> shift & 7);
    let clauses: Vec<_> = mode.split(|&b| b == b',').collect();
    for (at, clause) in clauses.iter().enumerate() {
        let who = clause.iter().take_while(|b| b"ugoa".contains(b)).count();
        let (who, actions) = clause.split_at(who);
        // Somebody without any action is let pass at the very end only.
        if actions.is_empty() && !who.is_empty() && at + 1 < clauses.len() {
            return None;
        }
        apply(who, actions, &mut allowed)?;
    }
    Some(!(allowed[0] << 6 | allowed[1] << 3 | allowed[2]) & 0o777)
}

/// Applies the actions of one clause (`+r`, `=g-w` …) to those of whom it speaks.
fn apply(who: &[u8], mut actions: &[u8], allowed: &mut [u32; 3]) -> Option<()> {
    let concerned = |class: u8| who.is_empty() || who.contains(&class) || who.contains(&b'a');
    let mut implied = who.is_empty();
    while let Some((&operator, rest)) = actions.split_first() {
        if !OPERATORS.contains(&operator) {
            return None;
        }
        let length = rest.iter().take_while(|b| !OPERATORS.contains(b)).count();
        let (operand, rest) = rest.split_at(length);
        let bits = permissions(operand, !implied, allowed)?;
        for (class, bits_now) in CLASSES.iter().zip(allowed.iter_mut()) {
            match operator {
                // The reference leaves permissions alone where it is said whose but not which.
                _ if operand.is_empty() && !implied || !concerned(*class) => {}
                b'+' => *bits_now |= bits,
                b'-' => *bits_now &= !bits,
                _ => *bits_now = bits,
            }
        }
        (actions, implied) = (rest, false);
    }
    Some(())
}

const CLASSES: [u8; 3] = *b"ugo";
const OPERATORS: [u8; 3] = *b"+-=";

/// The permissions that an operand names: letters, or (where that `may_copy`) a class to copy from.
fn permissions(operand: &[u8], may_copy: bool, allowed: &[u32; 3]) -> Option<u32> {
    if let (&[class], true) = (operand, may_copy)
        && let Some(at) = CLASSES.iter().position(|&c| c == class)
    {
        return allowed.get(at).copied();
    }
    operand.iter().try_fold(0, |bits, letter| match letter {
        b'r' => Some(bits | 4),
        b'w' => Some(bits | 2),
        b'x' | b'X' => Some(bits | 1),
        b's' | b't' => Some(bits),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clauses_apply_one_after_the_other() {
        assert_eq!(parse(b"u=rwx,g=u,o=", 0o022), Some(0o002));
        assert_eq!(parse(b"a=,+r,u+w-r", 0o022), Some(0o422));
        assert_eq!(parse(b"=", 0o022), Some(0o777));
        assert_eq!(parse(b"u=r+w", 0o022), Some(0o122));
        assert_eq!(symbolic(0o135), "u=rw,g=r,o=w");
    }

    #[test]
    fn what_is_no_mode_is_refused() {
        for mode in ["u,g=r", "=u", "u=a", "u=rg", "r", "+g", "088", "u!r", "g!"] {
            assert_eq!(parse(mode.as_bytes(), 0o022), None, "{mode}");
        }
    }
}
