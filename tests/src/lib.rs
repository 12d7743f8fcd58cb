//! What tests and measurements share: real processes, a network that can be watched and cut, made-up visits.
//!
//! Everything here drives the product by the names it documents: the commands of `gandan` and `gandan-server`, the URLs
//! of the API. Whoever changes one of those will hear about it from a test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
// A panic is how these helpers say that the test has failed.
#![allow(clippy::missing_panics_doc)]

pub mod api;
pub mod first;
pub mod fuzz;
pub mod generator;
pub mod kill;
pub mod link;
pub mod load;
pub mod phone;
pub mod pictures;
pub mod processes;
pub mod proxy;
pub mod sim;
pub mod slow;
pub mod soak;
pub mod usage;

use std::path::PathBuf;

/// The folder of fixtures.
pub fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// The 124 units, as `gandan-server init` reads them.
pub fn units_file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../crates/model/data/lam-dong-units.csv")
}

/// The lines of the sample.
pub fn sample_lines() -> Vec<String> {
    let text = std::fs::read_to_string(fixtures().join("visits-sample.jsonl")).expect("the sample is there");
    text.lines().map(str::to_owned).collect()
}
