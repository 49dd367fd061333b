//! The overlay family of tools.

use super::Tool;

/// This family's tools, sorted by name.
pub const TOOLS: &[Tool] = &[];
