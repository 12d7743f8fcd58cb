//! What the outside world gives the client: time, chance and a way to the server. Tests bring their own.

use crate::transport::Transport;
use std::sync::{Arc, Mutex, PoisonError};

/// A clock.
pub trait Clock: Send + Sync {
    /// Milliseconds since 1970-01-01 UTC, as the device believes.
    fn now_ms(&self) -> i64;
}

/// A source of random bytes. Keys and ids are made from it: the real one must be unpredictable.
pub trait Random: Send {
    /// Fills `bytes`.
    fn fill(&mut self, bytes: &mut [u8]);
}

/// The outside world.
#[derive(Clone)]
pub struct Environment {
    /// The device's clock.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub rng: SharedRandom,
    /// The way to the server.
    pub transport: Arc<dyn Transport>,
}

impl Environment {
    /// An environment of these three.
    pub fn new(clock: impl Clock + 'static, rng: impl Random + 'static, transport: impl Transport + 'static) -> Self {
        Self { clock: Arc::new(clock), rng: SharedRandom::new(rng), transport: Arc::new(transport) }
    }

    /// The operating system's clock and random numbers, and HTTP.
    #[cfg(feature = "native")]
    pub fn native() -> Self {
        Self::new(native::SystemClock, native::SystemRandom, crate::transport::http::Http::default())
    }

    /// [`Environment::native`] that trusts only servers certified by these authorities (certificates in PEM form).
    ///
    /// # Errors
    ///
    /// `insecure` if there is no certificate in `pem`.
    #[cfg(feature = "native")]
    pub fn native_trusting(pem: &[u8]) -> Result<Self, crate::transport::TransportError> {
        let http = crate::transport::http::Http::trusting(pem)?;
        Ok(Self::new(native::SystemClock, native::SystemRandom, http))
    }
}

/// A source of random bytes that several threads use.
#[derive(Clone)]
pub struct SharedRandom(Arc<Mutex<dyn Random>>);

impl SharedRandom {
    /// Shares `rng`.
    pub fn new(rng: impl Random + 'static) -> Self {
        Self(Arc::new(Mutex::new(rng)))
    }

    /// `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.with(|rng| rng.fill(&mut bytes));
        bytes
    }

    /// Lets `user` draw from it.
    pub fn with<T>(&self, user: impl FnOnce(&mut dyn Random) -> T) -> T {
        user(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(feature = "native")]
mod native {
    use super::{Clock, Random};
    use std::time::{SystemTime, UNIX_EPOCH};

    /// The operating system's clock.
    pub(super) struct SystemClock;

    impl Clock for SystemClock {
        fn now_ms(&self) -> i64 {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
        }
    }

    /// The operating system's random numbers.
    pub(super) struct SystemRandom;

    impl Random for SystemRandom {
        fn fill(&mut self, bytes: &mut [u8]) {
            // A system without random numbers cannot make keys: there is nothing to go on with. It does not happen on
            // any system that this runs on; a key of zeros would be far worse than a stop.
            if let Err(error) = getrandom::fill(bytes) {
                tracing::error!(%error, "no random numbers from the operating system");
                std::process::abort();
            }
        }
    }
}
