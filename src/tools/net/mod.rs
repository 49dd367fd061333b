//! The tools of s6-dns and s6-networking.

pub mod address;
pub mod dns;
