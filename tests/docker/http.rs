//! Requests to a server in a container, and many of them while something happens to it.

use crate::engine::PATIENCE;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What came of a request: the body of a page, or why there is none.
pub(crate) type Answer = Result<String, String>;

/// Asks for a page.
pub(crate) fn get(port: u16, path: &str, headers: &[&str]) -> Answer {
    let failed = |e: std::io::Error| e.to_string();
    let mut server = TcpStream::connect(("127.0.0.1", port)).map_err(failed)?;
    server.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    let request = format!("GET {path} HTTP/1.0\r\nHost: test\r\n{headers}\r\n");
    server.write_all(request.as_bytes()).map_err(failed)?;
    let mut text = String::new();
    server.read_to_string(&mut text).map_err(failed)?;
    let (head, body) = text.split_once("\r\n\r\n").ok_or(format!("no answer: {text:?}"))?;
    let status = head.lines().next().unwrap_or_default();
    if status.contains(" 200 ") { Ok(body.to_owned()) } else { Err(status.to_owned()) }
}

/// Asks until there is a page.
pub(crate) fn wait_for_page(port: u16, path: &str) -> String {
    let deadline = Instant::now() + PATIENCE * 2;
    loop {
        match get(port, path, &[]) {
            Ok(body) => return body,
            Err(e) => assert!(Instant::now() < deadline, "no page at {path}: {e}"),
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Clients that ask again and again until they are told to end.
pub(crate) struct Load {
    is_over: Arc<AtomicBool>,
    clients: Vec<JoinHandle<Vec<Answer>>>,
}

impl Load {
    /// So many clients, each with a request after the other.
    pub(crate) fn start(port: u16, path: &'static str, clients: usize) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let client = |_| {
            let is_over = is_over.clone();
            std::thread::spawn(move || {
                let mut answers = Vec::new();
                while !is_over.load(Ordering::Relaxed) {
                    answers.push(get(port, path, &[]));
                    std::thread::sleep(Duration::from_millis(20));
                }
                answers
            })
        };
        let clients = (0..clients).map(client).collect();
        Self { is_over, clients }
    }

    /// Ends it: how many requests there were, and what the failed ones say.
    pub(crate) fn stop(self) -> (usize, Vec<String>) {
        self.is_over.store(true, Ordering::Relaxed);
        let answers = self.clients.into_iter().map(|client| client.join().expect("a client"));
        let answers: Vec<Answer> = answers.flatten().collect();
        (answers.len(), answers.into_iter().filter_map(Result::err).collect())
    }
}
