//! The server's end of a round trip, without its storage.
//!
//! Three steps, each given what the storage says and nothing else:
//!
//! 1. [`crate::request::UnverifiedRequest`] decodes a request and checks who sent it.
//! 2. [`Intake`] examines its envelopes one by one: known already, refused, or to be admitted.
//! 3. [`answer`] compares where the device stands with the logs it may see and puts the response together.

mod answer;
mod intake;

pub use answer::{Answer, Ask, GrantedSpace, ItemQuery, LogView, StoredContent, StoredItem, TokenRecord, answer};
pub use intake::{Admitted, DeviceHead, HeldEnvelope, Intake, Ledger, SpaceRight, Verdict};
