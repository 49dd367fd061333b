//! One pass of substitution: what the directives that define keys have in common, be they
//! programs of their own or parts of multisubstitute.

use super::blocks::Blocks;
use crate::execline::substitute::{BadKey, Definitions, Transform};
use crate::tools::{Exit, Next, Options, Process, Word};
use nix::errno::Errno;

/// What is put together before words are substituted.
pub(super) struct Pass<'a> {
    /// The process in whose environment the directives look.
    pub process: &'a Process,
    /// The blocks that were taken up to now.
    pub blocks: Blocks<'a>,
    /// The keys that are defined up to now.
    pub definitions: Definitions,
    /// The variables to remove when all is done.
    pub unset: Vec<Word>,
}

/// Defines keys as the front of an argument vector says (its name included), and returns the rest.
pub(super) type Directive = fn(&mut Pass, Vec<Word>) -> Result<Vec<Word>, Fault>;

/// Why a directive could not be followed.
#[derive(Debug)]
pub(super) enum Fault {
    /// It is not written as it should be.
    Usage,
    /// A key is empty, or was defined before.
    BadKey,
    /// A block is empty.
    EmptyBlock,
    /// The system, or a value, is to blame.
    System(Errno),
    /// It is said already.
    Said(Exit),
}

impl From<BadKey> for Fault {
    fn from(_: BadKey) -> Self {
        Self::BadKey
    }
}

impl<'a> Pass<'a> {
    /// Nothing is defined yet.
    pub(super) fn new(process: &'a Process) -> Self {
        let blocks = Blocks::new(process);
        Self { process, blocks, definitions: Definitions::default(), unset: Vec::new() }
    }

    /// What comes of `words`, and the variables to remove.
    pub(super) fn substitute(self, words: &[Word]) -> (Vec<Word>, Vec<Word>) {
        (self.definitions.substitute(words), self.unset)
    }
}

/// Runs a directive as a program of its own.
pub(super) fn run(
    process: &mut Process,
    argv: Vec<Word>,
    directive: Directive,
) -> Result<Next, Exit> {
    let mut pass = Pass::new(process);
    let words = directive(&mut pass, argv).map_err(|fault| match fault {
        Fault::Usage => process.usage(),
        Fault::BadKey => process.fatal(111, "bad substitution key"),
        Fault::EmptyBlock => process.fatal(100, "empty block"),
        Fault::System(e) => process.fatal_errno("unable to complete exlsn function", e),
        Fault::Said(exit) => exit,
    })?;
    let (words, unset) = pass.substitute(&words);
    unset.iter().for_each(|name| process.env.unset(name));
    Ok(words.into())
}

/// Reads a directive's options.
pub(super) fn options(argv: Vec<Word>, spec: &str) -> Result<Options, Fault> {
    Options::read(argv, spec.as_bytes()).map_err(|_| Fault::Usage)
}

/// How the options s, n, N, c, C and d ask for a string to be turned into a value.
pub(super) fn transform(options: &Options) -> Transform {
    let standard = Transform::default();
    Transform {
        delimiters: options.value('d').map_or(standard.delimiters, <[u8]>::to_vec),
        crunch: options.last_of("cC") == Some('C'),
        chomp: options.last_of("nN") == Some('n'),
        split: options.has('s'),
    }
}

/// The value that a string is turned into.
pub(super) fn value(transform: &Transform, string: &[u8]) -> Result<Vec<Word>, Fault> {
    transform.apply(string).ok_or(Fault::System(Errno::EINVAL))
}
