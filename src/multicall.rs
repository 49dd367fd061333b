//! One binary, many names: what to be is decided by the last component of `argv[0]`.

use crate::tools::{Word, chain};
use crate::{cli, init, tools};

/// Runs the program that `argv[0]` names and returns its exit code.
///
/// A known tool's name is that tool; `sixtree` is the command for people; any other name at
/// PID 1, or a name that ends in `init`, is `/init` (images rename it).
pub fn run(argv: Vec<Word>) -> i32 {
    let name = argv.first().map(|a| tools::basename(a).to_vec()).unwrap_or_default();
    if let Some(tool) = tools::find(&name) {
        return chain::run_tool(tool, argv);
    }
    if name != b"sixtree" && (std::process::id() == 1 || name.ends_with(b"init")) {
        return init::run(argv);
    }
    cli::run(argv)
}
