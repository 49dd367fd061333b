//! s6-rc-fdholder-filler: makes a pipe for each name on stdin, and has the daemon on the other side
//! of the connection on descriptor 6 hold both of its ends. (PID 1 holds the pipes of pipelines
//! itself.)

use crate::definition::parse;
use crate::sys::fd;
use crate::tools::die::errno;
use crate::tools::s6::fdholder::client::Client;
use crate::tools::s6::fdholder::{Held, MAX_ID, never};
use crate::tools::s6::watch::deadline;
use crate::tools::{Exit, Next, Options, Process, Word};
use nix::errno::Errno;
use std::rc::Rc;

/// `s6-rc-fdholder-filler [ -1 ] [ -t timeout ] < names`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "1t:")?;
    let deadline = deadline(process, &options, 't')?;
    let names = fd::read_to_end(0).map_err(process.unable("read from stdin"))?;
    let mut dump = Vec::new();
    for (_, name) in parse::names(&names) {
        let (read, write) = fd::pipe_above_2().map_err(process.unable("create pipe"))?;
        for (prefix, fd) in [(b"pipe:s6rc-r-", read), (b"pipe:s6rc-w-", write)] {
            let id = [prefix, name].concat();
            if id.len() > MAX_ID {
                return Err(process.unable("create identifier")(Errno::ENAMETOOLONG));
            }
            dump.push((id, Held { fd: Rc::new(fd), limit: never() }));
        }
    }
    if !dump.is_empty() {
        let socket = fd::borrow(&6).try_clone_to_owned().map_err(|e| errno(&e));
        let filled = socket.and_then(|socket| Client::on(socket, deadline)?.set_dump(&dump));
        filled.map_err(process.unable("transfer pipes"))?;
    }
    if options.has('1') {
        let _ = fd::write_all(1, b"\n");
    }
    Ok(Next::Exit(0))
}
