//! Web servers in containers: these share the network of the tests.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

/// A port that nobody listens on.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
    listener.local_addr().expect("its address").port()
}

/// What a server has to say, if it says something.
pub(crate) fn page(port: u16) -> Option<String> {
    let mut server = TcpStream::connect(("127.0.0.1", port)).ok()?;
    server.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    server.write_all(b"GET / HTTP/1.0\r\n\r\n").ok()?;
    let mut text = String::new();
    server.read_to_string(&mut text).ok()?;
    text.contains("200 OK").then_some(text)
}
