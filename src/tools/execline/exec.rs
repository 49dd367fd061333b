//! exec and tryexec: becoming a program with no environment, or under another name.
//! Reference: <https://skarnet.org/software/execline/exec.html> and `tryexec.html`.

use super::blocks::Blocks;
use crate::tools::{Environment, Exec, Exit, Next, Options, Process, Word};

/// `exec [ -c ] [ -l ] [ -a argv0 ] prog...`
pub(super) fn exec(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "cla:")?;
    let (clear, guise) = (options.has('c'), Guise::of(&options));
    let ([], program) = process.operands(options.rest())?;
    if clear {
        process.env = Environment::empty();
    }
    Ok(guise.put_on(program).into())
}

/// `tryexec [ -n ] [ -c ] [ -l ] [ -a argv0 ] { command... } remainder...`
pub(super) fn tryexec(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "ncla:")?;
    let (remainder_first, clear) = (options.has('n'), options.has('c'));
    let guise = Guise::of(&options);
    let (block, rest) = Blocks::new(process).take_filled(options.rest(), "block")?;
    if remainder_first && rest.is_empty() {
        return Err(process.fatal(100, "empty remainder not allowed with -n"));
    }
    let (first, second) = if remainder_first { (rest, block) } else { (block, rest) };
    let kept = process.env.clone();
    if clear {
        process.env = Environment::empty();
    }
    process.attempt(guise.put_on(first)).or_else(|_| {
        process.env = kept;
        Ok(second.into())
    })
}

/// How a program's `argv[0]` differs from its name.
struct Guise {
    argv0: Option<Word>,
    dash: bool,
}

impl Guise {
    fn of(options: &Options) -> Self {
        Self { argv0: options.value('a').map(<[u8]>::to_vec), dash: options.has('l') }
    }
    fn put_on(self, mut argv: Vec<Word>) -> Exec {
        let file = argv.first().cloned();
        if let Some(first) = argv.first_mut() {
            if let Some(argv0) = self.argv0 {
                *first = argv0;
            }
            if self.dash {
                first.insert(0, b'-');
            }
        }
        Exec { argv, file, ..Exec::default() }
    }
}
