//! What is true: the records of field visits and how edits made apart become one record.
//!
//! **Documents store what each person did; views decide what it means.** A [`document`] is an automerge
//! document with a flat root map: keys are paths, values are scalars, elements that are written once are
//! JSON strings. An edit ([`patch`]) becomes one change. Whoever holds the same changes holds the same
//! [`facts`]: every key with all values that nobody has knowingly replaced, who wrote each, and when. A
//! view ([`visit`], [`issue`], [`record`]) reads facts by the merge rule of each field and says what
//! a person must look at ([`review`]). From records come flat [`rows`] for lists and reports.
//!
//! Nothing here does I/O, reads a clock, rolls dice or knows SQL: whatever is needed comes as an
//! argument, so that phone, server and browser come to the same result.
//!
//! What is personal lives in documents of its own ([`others::Contact`]) in a [compartment](ids::Compartment)
//! of its own.

pub mod attachment;
pub mod calendar;
pub mod codes;
pub mod deadlines;
pub mod document;
pub mod duplicates;
pub mod events;
pub mod facts;
pub mod genesis;
pub mod history;
pub mod ids;
pub mod issue;
mod merge;
pub mod moment;
#[doc(hidden)]
pub mod mutant;
pub mod org;
pub mod others;
pub mod patch;
pub mod privacy;
pub mod record;
pub mod review;
pub mod rows;
pub mod rules;
pub mod sample;
pub mod text;
pub mod ticket;
pub mod visit;
