//! s6-softlimit: sets resource limits, then becomes a program.
//! Reference: <https://skarnet.org/software/s6/s6-softlimit.html>.

use crate::tools::{Exit, Next, Options, Process, Word};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// All letters: those that name no limit and no kind of limit are passed over.
const SPEC: &str = "hHa:c:d:f:l:m:o:P:p:r:s:t:begijknquvwxyzABCDEFGIJKLMNOQRSTUVWXYZ0123456789";

/// Which limits an option sets: `-h` the hard one, `-H` both.
#[derive(Clone, Copy)]
struct Kinds {
    soft: bool,
    hard: bool,
}

/// `s6-softlimit [ -H | -h ] [ -a n ] [ -c n ] … [ -t n ] prog...`
pub fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, SPEC)?;
    let mut kinds = Kinds { soft: true, hard: false };
    for (letter, value) in options.iter() {
        match letter {
            'h' => kinds = Kinds { soft: false, hard: true },
            'H' => kinds = Kinds { soft: true, hard: true },
            _ => resources(letter).iter().try_for_each(|r| limit(process, *r, kinds, value))?,
        }
    }
    let program = options.rest();
    if program.is_empty() { Err(process.usage()) } else { Ok(program.into()) }
}

/// The limits that an option stands for.
fn resources(letter: char) -> &'static [Resource] {
    use Resource::*;
    match letter {
        'a' => &[RLIMIT_AS],
        'c' => &[RLIMIT_CORE],
        'd' => &[RLIMIT_DATA],
        'f' => &[RLIMIT_FSIZE],
        'l' => &[RLIMIT_MEMLOCK],
        'm' => &[RLIMIT_DATA, RLIMIT_STACK, RLIMIT_MEMLOCK, RLIMIT_AS],
        'o' => &[RLIMIT_NOFILE],
        'P' => &[RLIMIT_RTPRIO],
        'p' => &[RLIMIT_NPROC],
        'r' => &[RLIMIT_RSS],
        's' => &[RLIMIT_STACK],
        't' => &[RLIMIT_CPU],
        _ => &[],
    }
}

/// Sets one limit. `=` stands for the hard limit, or for no limit where the hard one is set. A soft
/// limit is never set above the hard one.
fn limit(process: &Process, which: Resource, kinds: Kinds, value: &[u8]) -> Result<(), Exit> {
    let got = getrlimit(which).map_err(|e| process.fatal_errno("unable to getrlimit", e));
    let (mut soft, mut hard) = got?;
    let wanted = match value {
        b"=" => None,
        number => Some(process.number(number)?),
    };
    if kinds.hard {
        hard = wanted.unwrap_or(nix::sys::resource::RLIM_INFINITY);
    }
    if kinds.soft {
        soft = wanted.unwrap_or(hard).min(hard);
    }
    setrlimit(which, soft, hard).map_err(|e| process.fatal_errno("unable to setrlimit", e))
}
