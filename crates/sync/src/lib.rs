//! How two sides agree.
//!
//! Devices record while they are offline and meet the server when they can. This crate is everything that passes
//! between them: how changes are packed, signed, named, numbered and checked. It does no I/O and has no clock, threads
//! or randomness of its own; times and keys are arguments. What a device sends and what a server answers are plain
//! functions from bytes to bytes, so that a simulator can run years of bad networks in seconds.
//!
//! # From the inside out
//!
//! A **change** is one save of one document: a raw automerge change chunk. Before automerge ever sees a change that came
//! from outside, [`mod@scan`] reads its header, adds up what it would unfold to and refuses the hostile ones.
//!
//! An **envelope** ([`mod@envelope`]) is a batch of changes of one space, signed by one device and chained to that device's
//! envelope before. What is signed are hashes; how the body is written is not, so references can be as short as the
//! receiver's knowledge allows ([`resolve`]), a body can be written again in full, and an erased body breaks no chain.
//! Bodies are compressed with a shared [`dictionary`].
//!
//! A **log** is the server's order of envelopes in one space. A [`cursor::Cursor`] is a place in it and a hash over
//! everything up to there. A [`digest::Digest`] sums up the documents that the log amounts to.
//!
//! A **round trip** is one [`request::SyncRequest`] and one [`response::SyncResponse`]: the device names its position (in
//! 26 bytes when the server remembers its last answer), hands over envelopes and gets a [`status::Status`] for each, what
//! is new in every space it may see, and its new position. [`client`] and [`server`] are the two ends of it.
//!
//! What does not fit into it are the [`query`] frames beside it: fetching [`compact`] chunks of whole documents, finding out
//! where two digests differ, giving back what a restored server lost, and becoming a new device.
//!
//! # Rules that hold everywhere
//!
//! - The first three bytes of a frame tell protocol version and kind ([`frame`]); nothing else is read before them.
//! - Every length is checked against [`limits`] before memory is taken.
//! - Every [`error`] has a stable code and says whether to try again, send in full, update, or show it to a person.
//! - Anything can be sent twice. Everything is named by its hash, and doing it again changes nothing.
//! - A receiver that does not understand a short reference says so; it never guesses.

mod body;
mod bounded;
mod chunk;
mod leb;
mod sign;
mod tail;

pub mod attachment;
pub mod client;
pub mod compact;
pub mod cursor;
pub mod dictionary;
pub mod digest;
pub mod envelope;
pub mod error;
pub mod frame;
pub mod limits;
pub mod query;
pub mod request;
pub mod resolve;
pub mod response;
pub mod scan;
pub mod server;
pub mod status;

pub use cursor::{Cursor, EnvelopeHash, SpacePosition};
pub use digest::Digest;
pub use envelope::{Change, Encoding, Envelope, Form, Outgoing, RelayedEnvelope, SealedEnvelope};
pub use error::Class;
pub use scan::{Header, scan};
pub use sign::Signature;
pub use status::{Refusal, Status};
