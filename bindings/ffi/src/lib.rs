//! The core for phones: `gandan_client` in a form that Kotlin, Swift and Python can call.
//!
//! Every function here converts and delegates; what is missing is added to the client first. The generated code carries
//! the documentation of these items, so it is written for whoever calls it from there.
//!
//! # Where things are
//!
//! [`Client`] is the device. Its methods stand by what they are for: [`client`] (opening, enrolment, closing), [`save`],
//! [`look`], [`photos`], [`exchange`], [`files`]. Answers that stay true are in [`live`], the shapes of records in [`rows`] and
//! [`record`], errors in [`error`], the log in [`log`].
//!
//! # The border
//!
//! - A panic behind it becomes [`GandanError::Bug`]: work runs on threads of the runtime, which catch it.
//! - Whatever touches the disk runs off the caller's thread.
//! - A call that is given up on the other side is given up here; objects that are let go of there end here.
//! - A callback that throws is logged and otherwise ignored: see [`callbacks`].

pub mod build;
pub mod callbacks;
pub mod client;
mod door;
pub mod edit;
pub mod error;
pub mod exchange;
pub mod files;
pub mod live;
pub mod log;
pub mod look;
pub mod photos;
pub mod record;
pub mod review;
pub mod rows;
pub mod save;

pub use client::Client;
pub use error::GandanError;

uniffi::setup_scaffolding!("gandan");
