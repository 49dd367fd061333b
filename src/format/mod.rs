//! The byte formats that other programs read: pure, and tested by round trips.

pub mod request;
pub mod tai;
