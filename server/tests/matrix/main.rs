//! Who gets what: every role at every address, inside and outside of its area, and in every compartment.
//!
//! The addresses come from the router's own description, so one that is new and has no row here fails the test. What
//! these tests find is the table in `SECURITY.md`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

mod admin;
mod compartments;
mod document;
mod routes;
mod stage;
mod strangers;
