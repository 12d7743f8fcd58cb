//! What the simulator found: the steps that its shrinking left, and what went wrong before it was mended.

mod disk;
mod erased;
mod restored;
mod twins;

use gandan_tests::sim::step::Act;

/// What went wrong, the seed of the world, and each step with its own seed.
pub(crate) type Found = (&'static str, u64, &'static [(Act, u64)]);

/// Everything that was found.
pub(crate) fn all() -> impl Iterator<Item = &'static Found> {
    [disk::FOUND, erased::FOUND, restored::FOUND, twins::FOUND].into_iter().flatten()
}
