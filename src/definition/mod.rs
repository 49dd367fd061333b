//! Definitions as directories and files hold them; what they say is in `sixtree_core`.
//! Reference: s6-rc-compile's page.

pub mod database;
mod image;
mod read;

pub use image::{Image, USER_BUNDLES, read_with_bundles};
pub use read::read;
pub use sixtree_core::definition::*;
