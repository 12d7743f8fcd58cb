//! How long to wait before the next try.
//!
//! When a server comes back after an outage, every phone of the province wants it at once. Waiting times therefore
//! double up to a limit and are spread by chance; a wish of the server (`retry-after`) is a lower bound, spread as well.

use crate::environment::Random;
use std::time::Duration;

/// The first wait is between half of this and this, in milliseconds.
const BASE_MS: u64 = 1_000;
/// No wait is longer than this, unless the server wishes so.
const LIMIT_MS: u64 = 15 * 60 * 1_000;

/// The waiting times of one connection that keeps failing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// Forgets the failures: the last try went well.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }

    /// Counts a failure and says how long to wait now.
    pub(crate) fn after_failure(&mut self, retry_after_s: Option<u32>, rng: &mut dyn Random) -> Duration {
        let doubled = BASE_MS << self.failures.min(20);
        self.failures = self.failures.saturating_add(1);
        let longest = doubled.min(LIMIT_MS);
        let own = longest / 2 + below(rng, longest / 2 + 1);
        let wish = retry_after_s.map_or(0, |seconds| {
            let wish = u64::from(seconds) * 1_000;
            wish + below(rng, wish / 5 + 1)
        });
        Duration::from_millis(own.max(wish))
    }
}

/// A number from 0 to `bound` − 1. The bias is far below what matters for a waiting time.
pub(crate) fn below(rng: &mut dyn Random, bound: u64) -> u64 {
    let mut bytes = [0; 8];
    rng.fill(&mut bytes);
    u64::from_le_bytes(bytes) % bound.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Constant(u8);

    impl Random for Constant {
        fn fill(&mut self, bytes: &mut [u8]) {
            bytes.fill(self.0);
        }
    }

    #[test]
    fn waits_double_up_to_the_limit_and_start_again_after_success() {
        let mut backoff = Backoff::default();
        let waits: Vec<u128> = (0..14).map(|_| backoff.after_failure(None, &mut Constant(0)).as_millis()).collect();
        assert_eq!(&waits[..4], [500, 1_000, 2_000, 4_000]);
        assert_eq!(waits[13], u128::from(LIMIT_MS / 2));
        backoff.reset();
        assert_eq!(backoff.after_failure(None, &mut Constant(0)).as_millis(), 500);
    }

    #[test]
    fn chance_spreads_within_the_bounds() {
        for byte in [0, 1, 77, 200, 255] {
            let mut backoff = Backoff { failures: 5 };
            let wait = backoff.after_failure(None, &mut Constant(byte)).as_millis();
            assert!((16_000..=32_000).contains(&wait), "{wait}");
        }
    }

    #[test]
    fn a_wish_of_the_server_is_a_lower_bound() {
        let wait = Backoff::default().after_failure(Some(60), &mut Constant(123)).as_millis();
        assert!((60_000..=72_000).contains(&wait), "{wait}");
        let wait = Backoff { failures: 30 }.after_failure(Some(1), &mut Constant(0)).as_millis();
        assert_eq!(wait, u128::from(LIMIT_MS / 2));
    }
}
