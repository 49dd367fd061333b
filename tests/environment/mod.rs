//! Variables that say how much a test does.

/// Returns the number in a variable, or the usual one if it is not set.
pub(crate) fn number(name: &str, usual: u64) -> u64 {
    let Ok(value) = std::env::var(name) else { return usual };
    value.parse().unwrap_or_else(|e| panic!("{name}={value}: {e}"))
}
