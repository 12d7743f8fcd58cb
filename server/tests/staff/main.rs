//! What staff do through the API, through the real router, and how it reaches phones.

#![allow(unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod actions;
mod admin;
mod desk;
mod refusals;
mod sessions;
#[path = "../support/mod.rs"]
mod support;
mod visits;
mod world;
