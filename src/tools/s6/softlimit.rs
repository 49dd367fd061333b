//! s6-softlimit: sets resource limits, then becomes a program.
//! Reference: <https://skarnet.org/software/s6/s6-softlimit.html>.

use crate::sys::identity::Refused;
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
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, SPEC)?;
    let mut kinds = Kinds { soft: true, hard: false };
    let mut limits = Vec::new();
    for (letter, value) in options.iter() {
        match letter {
            'h' => kinds = Kinds { soft: false, hard: true },
            'H' => kinds = Kinds { soft: true, hard: true },
            _ => limits.extend(wanted(process, letter, kinds, value)?),
        }
    }
    let program = options.rest();
    if program.is_empty() {
        return Err(process.usage());
    }
    // A limit counts from the execution of the program on: this one may need more.
    Err(process.execute(program.into(), || limits.iter().try_for_each(Limit::set)))
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

/// A limit that is to be set.
struct Limit {
    which: Resource,
    kinds: Kinds,
    /// `None`: the hard limit, or no limit where the hard one is set.
    value: Option<u64>,
}

/// What an option asks for.
fn wanted(
    process: &Process,
    letter: char,
    kinds: Kinds,
    value: &[u8],
) -> Result<impl Iterator<Item = Limit>, Exit> {
    let resources = resources(letter);
    let value = match value {
        _ if resources.is_empty() => None,
        b"=" => None,
        number => Some(process.number(number)?),
    };
    Ok(resources.iter().map(move |which| Limit { which: *which, kinds, value }))
}

impl Limit {
    /// Sets it. A soft limit is never set above the hard one.
    fn set(&self) -> Result<(), Refused> {
        let refused = |step| move |errno| Refused { step, errno };
        let (mut soft, mut hard) = getrlimit(self.which).map_err(refused("getrlimit"))?;
        if self.kinds.hard {
            hard = self.value.unwrap_or(nix::sys::resource::RLIM_INFINITY);
        }
        if self.kinds.soft {
            soft = self.value.unwrap_or(hard).min(hard);
        }
        setrlimit(self.which, soft, hard).map_err(refused("setrlimit"))
    }
}
