//! Where the server keeps things: two files in the data folder.
//!
//! `gandan.db` is the truth: logs, grants, people. It is written by one thread at a time under `synchronous=FULL` and
//! is what a backup holds. `views.db` is derived from it by the projector: snapshots of documents and the rows behind
//! lists and reports. It can be deleted at any time and is written without waiting for the disk, so that building views
//! never delays an acknowledgement.
//!
//! [`Storage`] is what ingest and answers need of a database; `conformance` is the suite that every implementation
//! has to pass. Reports speak SQL themselves, through [`Db::read`].

#[cfg(test)]
pub(crate) mod conformance;
mod error;
mod seen;
pub mod sqlite;
pub mod storage;

pub use error::DbError;
pub use sqlite::{Db, DbOptions};
pub use storage::Storage;
