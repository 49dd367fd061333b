//! Clients and servers of TCP.

pub mod access;
pub mod client;
pub mod ident;

pub mod proxy;
pub mod server;
pub mod serverd;
pub mod services;
pub mod socketbinder;

use crate::tools::Environment;
use crate::tools::net::address;
use std::net::SocketAddr;

/// Tells a program about an end of a connection: `side` is LOCAL or REMOTE.
pub fn set_end(env: &mut Environment, side: &str, end: SocketAddr) {
    env.set(format!("TCP{side}IP").as_bytes(), address::show(end.ip()).as_bytes());
    env.set(format!("TCP{side}PORT").as_bytes(), end.port().to_string().as_bytes());
}
