//! The letters that are written to `supervise/control` (by s6-svc) and to `.s6-svscan/control` (by
//! s6-svscanctl).

/// The letters that just stand for a signal, with its number. (`p` and `c` also say whether the
/// service is paused.)
const SIGNALS: &[(u8, u8)] = &[
    (b'a', 14), // ALRM
    (b'b', 6),  // ABRT
    (b'q', 3),  // QUIT
    (b'h', 1),  // HUP
    (b'k', 9),  // KILL
    (b't', 15), // TERM
    (b'i', 2),  // INT
    (b'1', 10), // USR1
    (b'2', 12), // USR2
    (b'p', 19), // STOP
    (b'c', 18), // CONT
    (b'y', 28), // WINCH
];

/// The signal that a letter stands for.
pub fn signal_of(letter: u8) -> Option<u8> {
    SIGNALS.iter().find(|(known, _)| *known == letter).map(|(_, signal)| *signal)
}

/// The letter that stands for a signal, if users may send it.
pub fn letter_of(signal: u8) -> Option<u8> {
    SIGNALS.iter().find(|(_, known)| *known == signal).map(|(letter, _)| *letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_and_signals_agree() {
        for (letter, signal) in SIGNALS {
            assert_eq!((signal_of(*letter), letter_of(*signal)), (Some(*signal), Some(*letter)));
        }
        assert_eq!((signal_of(b'u'), letter_of(11)), (None, None));
    }
}
