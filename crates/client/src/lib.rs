//! What the app calls.
//!
//! A [`Client`] is one field device: the records of the units its official was sent to, an encrypted database, and an
//! exchange with the server. It never asks the server for permission to record: saving writes to the disk, and what was
//! saved travels when there is a network.
//!
//! ```no_run
//! use gandan_client::{Client, Environment, SyncOptions};
//! use gandan_client::model::{genesis::DocKind, patch::FieldEdit};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::open("home".as_ref(), [7; 32], Environment::native())?;
//! client.enrol("https://gandan.example/enrol#CODE", false).await?;
//! let edits = [FieldEdit::new("place.name", "Thôn 1"), FieldEdit::new("counts.residents", 46)];
//! let saved = client.create(DocKind::Visit, None, &edits)?;
//! let report = client.sync_once(SyncOptions::default()).await?;
//! println!("{} went out with {} changes", saved.id, report.pushed);
//! # Ok(())
//! # }
//! ```
//!
//! # Where things are
//!
//! Saving: [`Client::create`], [`Client::patch`], [`Client::resolve`], drafts, [`Client::import`]. Looking:
//! [`Client::visits`], [`Client::issues`], [`Client::show`], [`Client::review`], [`Client::standing`], and any of these
//! again whenever its answer changes: `Client::live`. Exchanging:
//! [`Client::sync_once`], [`Client::sync_in_background`], and [`Client::seal_outbox`], which does the arithmetic ahead of
//! the connection. Photographs: [`Client::attach`], [`Client::photo`], [`Client::remove_photo`], and [`Client::transfer`] for
//! their bytes.
//!
//! # What it promises
//!
//! - When a save returns, it is on disk. When an exchange says that something was pushed, it is on the server's disk.
//! - Nothing that was saved is ever deleted by an exchange, whatever the server or somebody in its place answers.
//! - An exchange may end anywhere and be repeated at any time; doing it again changes nothing.
//! - Every [`ClientError`] has a stable code and a [`Remedy`]: what its reader can do.
//! - Time, chance and the network come in by [`Environment`]; tests and browsers bring their own. What only a full
//!   operating system has stands behind the feature `native`.

mod attachments;
#[cfg(feature = "native")]
mod background;
#[cfg(any(feature = "native", test))]
mod backoff;
mod cancel;
mod client;
mod conditions;
mod drafts;
mod driver;
mod enrol;
mod environment;
mod error;
mod exchange;
mod import;
mod lines;
mod lists;
#[cfg(feature = "native")]
mod live;
mod records;
mod report;
mod seal;
mod status;
pub mod transport;
mod unsent;

pub use attachments::{
    Attached, NewPhoto, PhotoScale, PhotoSize, PhotoStanding, PhotoState, Transfer, TransferErrand, TransferFailure,
    TransferMessage, TransferOptions, TransferProgress, TransferReport,
};
#[cfg(feature = "native")]
pub use background::{SyncHandle, SyncPhase};
pub use cancel::Cancel;
pub use client::Client;
pub use conditions::{Budget, Conditions};
pub use driver::{SyncFailure, SyncOptions};
pub use enrol::{DeviceInfo, Link};
pub use environment::{Clock, Environment, Random, SharedRandom};
pub use error::{ClientError, Remedy};
pub use exchange::{Errand, Exchange, Message, SCHEMA};
pub use gandan_model as model;
#[cfg(target_family = "wasm")]
pub use gandan_store::pool as storage;
pub use gandan_store::{
    Attachment, AttachmentCounts, AttachmentState, Counts, Draft, EnvelopeState, Exported, HeldBack, IssueFilter,
    Listed, ListedPage, MAX_DRAFT_BYTES, Page, PageCursor, RecordState, VisitFilter,
};
pub use import::{BadLine, ImportReport, LineWarning};
pub use lists::{AssignmentLine, RecordView, ReviewLine};
#[cfg(feature = "native")]
pub use live::Live;
pub use records::{Saved, Warning, warnings};
pub use report::{Decided, Grant, Progress, Refused, SyncReport};
pub use seal::SealReport;
pub use status::{Standing, Subscription};
pub use unsent::Rescued;
