//! One binary, many names: what to be is decided by the last component of `argv[0]`.

use crate::sys::{exec, fd, process};
use crate::tools::{Environment, Word, chain};
use crate::{cli, init, tools};

/// Runs the program that `argv[0]` names and returns its exit code.
///
/// A known tool's name is that tool; `sixtree` is the command for people; any other name at
/// PID 1, or a name that ends in `init`, is `/init` (images rename it). `/init check` is `sixtree
/// check`, so that a Dockerfile can say so, unless there is a program of that name to run.
pub fn run(argv: Vec<Word>) -> i32 {
    std::panic::set_hook(Box::new(say_and_exit));
    let name = argv.first().map(|a| tools::basename(a).to_vec()).unwrap_or_default();
    if let Some(tool) = tools::find(&name) {
        return chain::run_tool(tool, argv);
    }
    if name != b"sixtree" && (std::process::id() == 1 || name.ends_with(b"init")) {
        return if asks_for_check(&argv) { cli::run(argv) } else { init::run(argv) };
    }
    cli::run(argv)
}

/// A bug of ours ends the process that it is in, and no other: an abort would be a signal, and a
/// forked child of PID 1 could send it to PID 1.
fn say_and_exit(panic: &std::panic::PanicHookInfo) {
    let text = format!("sixtree: fatal: this is a bug, please report it: {panic}\n");
    let _ = fd::write_all(2, text.as_bytes());
    process::exit(111)
}

fn asks_for_check(argv: &[Word]) -> bool {
    let check = b"check".as_slice();
    let environment = Environment::inherited();
    let path = environment.get(b"PATH").unwrap_or(chain::DEFAULT_PATH);
    argv.get(1).is_some_and(|word| word == check) && exec::find(check, path).is_err()
}
