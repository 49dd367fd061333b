//! What the environment asks of a test.

/// The number in a variable; the usual one where it is not set.
pub fn number(name: &str, usual: u64) -> u64 {
    let Ok(value) = std::env::var(name) else { return usual };
    value.parse().unwrap_or_else(|e| panic!("{name}={value}: {e}"))
}
