//! The product as its users meet it: real processes, real files, a real network between them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cli;
mod converge;
mod crash;
mod cuts;
mod fuzz;
mod hostile;
mod input;
mod journey;
mod load;
mod network;
mod photos;
mod pressure;
mod rules;
mod secrecy;
mod secrets;
mod slow;
mod soak;
mod stage;
mod tls;
mod transfers;
mod trust;
