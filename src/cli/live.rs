//! What the init that runs here has: its tree, and the state of each service.

use crate::definition::database;
use crate::format::request::{Answer, CONTROL, Lines, Request, State};
use crate::graph::Graph;
use crate::sys::socket;
use crate::tools::Environment;
use std::path::PathBuf;

/// Where the init keeps what changes.
fn run_directory() -> PathBuf {
    Environment::inherited().rundir()
}

/// The tree that was booted; `None`: there is no such init, or it has none.
pub fn tree() -> Option<Graph> {
    let file = run_directory().join("s6/db").join(database::FILE);
    Graph::new(database::read(&file).ok()?).ok()
}

/// The state of every service; `None`: no init answers.
pub fn states() -> Option<Vec<State>> {
    match ask(&Request::States)? {
        Answer::States(states) => Some(states),
        Answer::Say(_) | Answer::Done(_) | Answer::Status(_) | Answer::Error { .. } => None,
    }
}

/// Asks the init something that it answers in one line.
fn ask(request: &Request) -> Option<Answer> {
    let socket = socket::connect(&run_directory().join(CONTROL)).ok()?;
    let bytes = request.encode();
    let mut rest = bytes.as_slice();
    while !rest.is_empty() {
        rest = rest.get(socket::send(&socket, rest, &[]).ok()?..)?;
    }
    let (mut lines, mut buffer) = (Lines::default(), [0; 8192]);
    loop {
        if let Some(line) = lines.take().ok()? {
            return Answer::decode(&line).ok();
        }
        match socket::receive(&socket, &mut buffer, &mut Vec::new()).ok()? {
            0 => return None,
            n => lines.push(buffer.get(..n)?),
        }
    }
}
