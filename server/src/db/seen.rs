//! What devices say of themselves.

use gandan_sync::query::Health;

use super::storage::No;

/// What a device said of itself in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeenRow {
    /// The device's number.
    pub device: No,
    /// When, by the server's clock, Unix milliseconds.
    pub at_ms: i64,
    /// Its clock minus the server's, milliseconds.
    pub skew_ms: i64,
    /// The schema version it writes.
    pub schema: u32,
}

/// How a device says that it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthRow {
    /// The device's number.
    pub device: No,
    /// When it said so, by the server's clock, Unix milliseconds.
    pub at_ms: i64,
    /// What it said, with the moment of a failure by the server's clock.
    pub health: Health,
}
