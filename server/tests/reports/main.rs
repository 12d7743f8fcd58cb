//! Reports and lists through the real router, over what devices pushed.

#![allow(unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod access;
mod csv_export;
mod exports;
mod figures;
mod frozen;
mod lists;
mod openapi;
mod oracle;
mod sample;
#[path = "../support/mod.rs"]
mod support;
