//! The store from outside: one binary, because linking the database takes longer than running the tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod attachments;
mod crash;
mod damage;
mod help;
mod opening;
mod outbox;
mod property;
mod remote;
mod saving;
mod trust;
