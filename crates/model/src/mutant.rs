//! Mistakes on purpose, to see whether the tests notice.
//!
//! Here and there in the product stands `mutant::on("name")`. It is always false, and gone from what ships, unless the
//! feature `mutants` is on and a test plants that mistake in its thread. Each is a few lines at most; the list of them, and which
//! invariant each breaks, is the simulator's test.

/// Whether this mistake is planted in this thread. Without the feature: never.
#[cfg(not(feature = "mutants"))]
#[inline]
pub const fn on(_: &str) -> bool {
    false
}

#[cfg(feature = "mutants")]
thread_local! {
    static PLANTED: std::cell::Cell<&'static str> = const { std::cell::Cell::new("") };
}

/// Whether this mistake is planted in this thread.
#[cfg(feature = "mutants")]
pub fn on(name: &str) -> bool {
    PLANTED.get() == name
}

/// Plants a mistake in this thread, in place of any other; an empty name plants none.
#[cfg(feature = "mutants")]
pub fn plant(name: &'static str) {
    PLANTED.set(name);
}
