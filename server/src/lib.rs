//! The server of Gần Dân: one binary, one data folder, no other service.
//!
//! What devices send arrives as signed envelopes. [`ingest`] gives each a place in the log of its space and
//! acknowledges it when the commit is on disk; it reads change headers and never loads a document. [`exchange`] gives
//! every device what its log holds after the device's cursor. Everything that people look at is derived: the
//! [`projector`] follows the log, builds documents with `gandan_model`, and hands them to [`reports`]; all of it can be
//! thrown away and built again. Staff write through [`staff_writer`], which is one more device of the same log.
//!
//! Arrows inside: `http` calls `exchange`, `ingest`, `staff_writer`, `reports`; these call `db`; `db` calls nobody.
//! `sync` types and `db` meet in `ingest` and `exchange` alone.

pub mod accounts;
pub mod attachments;
pub mod auth;
pub mod clock;
pub mod commands;
pub mod compactor;
pub mod core;
pub mod db;
pub mod documents;
pub mod enrolment;
pub mod erasure;
pub mod error;
pub mod events;
pub mod exchange;
pub mod folder;
pub mod front;
pub mod http;
pub mod ingest;
pub mod ledger;
pub mod limits;
pub mod metrics;
pub mod oidc;
pub mod positions;
pub mod projector;
pub mod random;
pub mod reports;
pub mod rights;
pub mod server;
pub mod staff_writer;
pub mod state;
