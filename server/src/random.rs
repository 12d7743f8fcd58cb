//! The server's source of chance, behind a trait so that a simulator can say what it gives.

use std::sync::Arc;

use crate::error::ServerError;

/// Gives bytes that nobody can foresee.
pub trait Random: Send + Sync + 'static {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), ServerError>;
}

/// A source of chance that is shared by all parts of the server.
pub type SharedRandom = Arc<dyn Random>;

/// The machine's.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), ServerError> {
        getrandom::fill(bytes).map_err(|error| ServerError::Internal(error.to_string()))
    }
}
