//! One binary, many names: what to be is decided by the last component of `argv[0]`.

use crate::sys::exec;
use crate::tools::{Environment, Word, chain};
use crate::{cli, init, tools};

/// Runs the program that `argv[0]` names and returns its exit code.
///
/// A known tool's name is that tool; `sixtree` is the command for people; any other name at
/// PID 1, or a name that ends in `init`, is `/init` (images rename it). `/init check` is `sixtree
/// check`, so that a Dockerfile can say so, unless there is a program of that name to run.
pub fn run(argv: Vec<Word>) -> i32 {
    let name = argv.first().map(|a| tools::basename(a).to_vec()).unwrap_or_default();
    if let Some(tool) = tools::find(&name) {
        return chain::run_tool(tool, argv);
    }
    if name != b"sixtree" && (std::process::id() == 1 || name.ends_with(b"init")) {
        return if asks_for_check(&argv) { cli::run(argv) } else { init::run(argv) };
    }
    cli::run(argv)
}

fn asks_for_check(argv: &[Word]) -> bool {
    let check = b"check".as_slice();
    let environment = Environment::inherited();
    let path = environment.get(b"PATH").unwrap_or(chain::DEFAULT_PATH);
    argv.get(1).is_some_and(|word| word == check) && exec::find(check, path).is_err()
}
