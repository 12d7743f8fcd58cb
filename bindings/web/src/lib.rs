//! The core in a browser: `gandan_client` behind functions that JavaScript can call.
//!
//! It runs in a dedicated worker, which has the database to itself. Arguments and results that are more than a text or
//! a number travel as JSON text: cheaper than building objects one by one, and the page's thread gets them with one
//! copy. Errors are JSON too, thrown as text: see `error.rs`.
//!
//! What the client asks of the outside world (clock, chance, the way to the server) comes from the worker through
//! `host.rs`. The key of the database is never stored here: the worker keeps it wrapped, and `stretch` makes of the
//! user's PIN the key that wraps it.
//!
//! For any other target than `wasm32-unknown-unknown` this crate is empty.
#![cfg(target_family = "wasm")]

mod core;
mod error;
mod host;
mod pin;

pub use core::{Core, check, notices};
pub use host::Host;
pub use pin::stretch;
