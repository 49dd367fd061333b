//! forbacktickx: runs a program for each line that another one writes.
//! Reference: <https://skarnet.org/software/execline/forbacktickx.html>.

use super::autoimport;
use super::blocks::Blocks;
use super::children;
use super::chunks::{Chunks, Cut};
use super::each::{Each, Manner};
use super::forstdin::{OPTIONS, over};
use crate::sys::fd;
use crate::tools::{Exec, Exit, Next, Options, Process, Word};
use std::os::fd::AsRawFd;

/// `forbacktickx [ -p | -P maxpar | -o codes | -x codes ] [ -E | -e ] [ -N | -n ] [ -C | -c ]
/// [ -0 | -d delim ] var { backtickcmd... } command...`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, OPTIONS)?;
    let mut manner = Manner::of(process, &options)?;
    if manner.most == 0 {
        manner.most = usize::MAX;
    }
    let cut = Cut::of(&options);
    let ([variable], rest) = process.operands(options.rest())?;
    if variable.is_empty() {
        return Err(process.usage());
    }
    let (generator, program) = Blocks::new(process).take_filled(rest, "block")?;

    process.env.unset(b"!");
    let (read, write) = fd::pipe_above_2().map_err(process.unable("create pipe"))?;
    let name = children::name(&generator);
    let place = || {
        fd::close(read.as_raw_fd());
        fd::r#move(1, write.as_raw_fd())
    };
    process
        .spawn(generator.into(), &place)
        .map_err(process.unable(format_args!("spawn {name}")))?;
    drop(write);
    autoimport::check_name(process, &variable)?;

    // For the loop, a program that cannot be executed, or none at all, is just a body that fails.
    manner.import &= !program.is_empty();
    let body = if manner.import { program.into() } else { Exec::own(under_exec(program)) };
    let input = Chunks::new(process, read.as_raw_fd(), cut);
    over(input, Each::new(process, manner, variable, body), Some(read.as_raw_fd()))
}

fn under_exec(program: Vec<Word>) -> Vec<Word> {
    [b"exec".to_vec(), b"--".to_vec()].into_iter().chain(program).collect()
}
