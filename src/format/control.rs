//! The letters that are written to `supervise/control` (by s6-svc) and to `.s6-svscan/control` (by
//! s6-svscanctl).

use nix::libc;

/// The letters that a supervisor understands.
pub const SERVICE: &[u8] = b"abqhkti12pcyrlPCKoduDUxOQ";

/// The letters that a scan directory's owner understands.
pub const SCAN: &[u8] = b"zabhitqnN";

/// The letters that just stand for a signal, with its number. (`p` and `c` also say whether the
/// service is paused.)
const SIGNALS: &[(u8, i32)] = &[
    (b'a', libc::SIGALRM),
    (b'b', libc::SIGABRT),
    (b'q', libc::SIGQUIT),
    (b'h', libc::SIGHUP),
    (b'k', libc::SIGKILL),
    (b't', libc::SIGTERM),
    (b'i', libc::SIGINT),
    (b'1', libc::SIGUSR1),
    (b'2', libc::SIGUSR2),
    (b'p', libc::SIGSTOP),
    (b'c', libc::SIGCONT),
    (b'y', libc::SIGWINCH),
];

/// The signal that a letter stands for.
pub fn signal_of(letter: u8) -> Option<u8> {
    let found = SIGNALS.iter().find(|(known, _)| *known == letter);
    found.and_then(|(_, signal)| u8::try_from(*signal).ok())
}

/// The letter that stands for a signal, if users may send it.
pub fn letter_of(signal: u8) -> Option<u8> {
    SIGNALS.iter().find(|(_, known)| *known == i32::from(signal)).map(|(letter, _)| *letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_and_signals_agree() {
        for letter in SERVICE {
            if let Some(signal) = signal_of(*letter) {
                assert_eq!(letter_of(signal), Some(*letter));
            }
        }
        assert_eq!(SERVICE.iter().filter(|l| signal_of(**l).is_some()).count(), SIGNALS.len());
        assert_eq!((signal_of(b'u'), letter_of(11)), (None, None));
    }
}
