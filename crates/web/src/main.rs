//! `sixtree-web`: what a platform asks of a container, by HTTP. Probes for Kubernetes, metrics, the
//! services as JSON, their logs, and a page; with a token, changes.
//!
//! It is two processes. The one that reads HTTP is nobody's: it has no rights, and what it is asked
//! it hands on in a few fixed words. The other one, its parent, has the rights of whoever started
//! it: it runs `sixtree` for those words, and checks the token of a change itself. Nothing of it is
//! in PID 1; a death of either harms no service, and both are started again.

mod app;
mod ask;
mod broker;
mod guard;
mod link;
mod metrics;
mod routes;
mod server;
mod settings;

use settings::Settings;
use std::process::ExitCode;

/// The environment variable by which the process that reads HTTP knows where the other one is.
const BROKER: &str = "SIXTREE_WEB_BROKER";

fn main() -> ExitCode {
    let words: Vec<_> = std::env::args_os().skip(1).collect();
    if let [first, rest @ ..] = words.as_slice()
        && first == broker::BECOME
    {
        return fatal(&broker::become_sixtree(rest), 111);
    }
    let settings = match Settings::of_environment() {
        Ok(settings) => settings,
        Err(e) => return fatal(&e, 100),
    };
    let ended = match std::env::var_os(BROKER) {
        Some(socket) => server::run(settings, socket.into()),
        None => broker::run(settings),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => fatal(e.as_ref(), 111),
    }
}

fn fatal(e: &dyn std::error::Error, code: u8) -> ExitCode {
    eprintln!("sixtree-web: fatal: {e}");
    ExitCode::from(code)
}
