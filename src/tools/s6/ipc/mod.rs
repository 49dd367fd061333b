//! Local sockets: clients, servers, and who may connect.

pub mod access;
pub mod client;
pub mod connlimit;
pub mod rules;
pub mod rules_from_cdb;
pub mod rules_to_cdb;
pub mod server;
pub mod serverd;
pub mod socketbinder;
pub mod sudo;
pub mod sudoc;
pub mod sudod;
