//! What staff do through the API, through the real router, and how it reaches phones.

#![allow(unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod actions;
mod admin;
mod desk;
mod filters;
mod oidc;
mod refusals;
mod rules;
mod sessions;
#[path = "../support/mod.rs"]
mod support;
mod villages;
mod visits;
mod world;
