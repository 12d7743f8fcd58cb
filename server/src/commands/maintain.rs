//! `reproject`, `compact`, `erase` and `gc`: housekeeping.

use std::cell::Cell;
use std::sync::Arc;

use clap::Args;
use gandan_model::ids::DocId;
use jiff::ToSpan;
use rusqlite::Connection;
use serde_json::json;

use super::{Common, note};
use crate::attachments::{AttachmentOptions, Attachments};
use crate::clock::{Clock, SystemClock};
use crate::compactor::{self, Compactor};
use crate::db::sqlite::{CORE, connect, erasing};
use crate::db::{Db, DbError, DbOptions};
use crate::erasure;
use crate::error::ServerError;
use crate::folder::Folder;
use crate::metrics::Metrics;
use crate::projector;

#[derive(Debug, Args)]
pub(super) struct Reproject {
    #[command(flatten)]
    common: Common,
}

impl Reproject {
    pub(super) fn run(&self) -> Result<(), ServerError> {
        let db = self.common.core_and_views()?;
        let (total, shown) = (Cell::new(None), Cell::new(u64::MAX));
        projector::reproject(&db, Metrics::default(), &|left| {
            let total = total.get().unwrap_or_else(|| {
                total.set(Some(left));
                left
            });
            let percent = ((total - left.min(total)) * 100).checked_div(total).unwrap_or(100);
            if shown.replace(percent) != percent && percent.is_multiple_of(10) {
                note(&format!("{percent} %, {left} log entries left"));
            }
        })?;
        let entries = total.get().unwrap_or(0);
        self.common.say(&json!({"log_entries": entries}), &format!("{entries} log entries projected anew"))
    }
}

#[derive(Debug, Args)]
pub(super) struct Compact {
    #[command(flatten)]
    common: Common,
    /// How many days the single envelopes of changes are kept beside the packed documents
    #[arg(long, value_name = "DAYS", default_value_t = 90, value_parser = clap::value_parser!(u16).range(..=36_500))]
    keep_days: u16,
}

impl Compact {
    pub(super) fn run(&self) -> Result<(), ServerError> {
        let db = self.common.core_and_views()?;
        let options = compactor::Options { keep_ms: i64::from(self.keep_days) * compactor::DAY_MS, force: true };
        let done = Compactor::new(db).run(SystemClock.now_ms(), &options, &|| false)?;
        let done = done.ok_or_else(|| {
            ServerError::invalid("already_compacting", "another process compacts this data folder; try again later")
        })?;
        if done.mismatches > 0 {
            let message =
                format!("{} spaces were left alone: their packed documents differ from the log", done.mismatches);
            return Err(ServerError::invalid("compaction_mismatch", message));
        }
        let answer = json!({
            "manifests": done.manifests, "chunks": done.chunks, "bytes": done.bytes, "kept": done.kept,
            "dropped": done.dropped,
        });
        let text = format!(
            "{} spaces packed into {} chunks of {} bytes, {} chunks kept; {} bodies dropped from logs",
            done.manifests, done.chunks, done.bytes, done.kept, done.dropped
        );
        self.common.say(&answer, &text)
    }
}

#[derive(Debug, Args)]
pub(super) struct Erase {
    #[command(flatten)]
    common: Common,
    /// The document: a visit, an issue, a contact
    #[arg(long, value_name = "ID")]
    document: DocId,
    /// Why, for the audit trail
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

impl Erase {
    pub(super) fn run(&self) -> Result<(), ServerError> {
        let db = self.common.core_and_views()?;
        let by = erasure::By { who: "gandan-server erase", role: "operator", reason: &self.reason };
        let places = db.read(|connection| erasing::spaces_of(connection, &self.document))?;
        if places.is_empty() {
            return Err(ServerError::invalid("unknown_document", "there is no document with this id"));
        }
        let erased = erasure::erase_everywhere(&db, &places, &self.document, &by, SystemClock.now_ms())?;
        projector::catch_up(&db, Metrics::default())?;
        erasure::empty_journals(&db)?;
        let older = Folder::at(&self.common.data).set_aside_files()?;
        let answer = json!({"erased": erased.len(), "older_copies": older});
        let mut text = format!("erased in {} spaces; devices let go of it at their next contact", erased.len());
        for file in &older {
            text += &format!("\n{} was set aside by a restore and may still hold it: delete it", file.display());
        }
        text +=
            "\nBackups made before this hold it still: a restore erases it again, but the files are yours to delete.";
        self.common.say(&answer, &text)
    }
}

#[derive(Debug, Args)]
pub(super) struct Gc {
    #[command(flatten)]
    common: Common,
    /// Also let go, for good, of photographs that came more than so many months ago; their records stay
    #[arg(long, value_name = "MONTHS", value_parser = clap::value_parser!(u16).range(1..=1_200))]
    photo_months: Option<u16>,
}

/// How long expired and used codes and tokens are kept, for questions: 30 days.
const KEEP_MS: i64 = 30 * 24 * 3600 * 1000;

impl Gc {
    pub(super) fn run(&self) -> Result<(), ServerError> {
        let db = self.common.core()?;
        let before = SystemClock.now_ms() - KEEP_MS;
        let removed = db.write(|transaction| remove(transaction, before))?;
        let connection = connect(&self.common.data.join(CORE), &DbOptions::default())?;
        let tidied = connection
            .execute_batch("PRAGMA optimize")
            .and_then(|()| connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())));
        tidied.map_err(DbError::from)?;
        let (codes, tokens, positions) = removed;
        let photos = self.photo_months.map(|months| retire(db, months)).transpose()?.unwrap_or(0);
        let answer = json!({"codes": codes, "tokens": tokens, "positions": positions, "photos": photos});
        let text = format!("removed: {codes} codes, {tokens} tokens, {positions} positions, {photos} photographs");
        self.common.say(&answer, &text)
    }
}

/// Lets go of photographs of more than so many calendar months.
fn retire(db: Db, months: u16) -> Result<usize, ServerError> {
    let now = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC);
    let before = now.checked_sub(i64::from(months).months());
    let before = before.map_err(|error| ServerError::invalid("bad_months", error.to_string()))?;
    let files = Attachments::new(db, Arc::new(SystemClock), AttachmentOptions::default());
    files.retire_pictures(before.timestamp().as_millisecond())
}

fn remove(connection: &Connection, before: i64) -> Result<(usize, usize, usize), DbError> {
    let codes = connection.execute("DELETE FROM enrolment WHERE expires_ms < ?1", [before])?;
    let old = "SELECT hash FROM token WHERE coalesce(revoked_ms, expires_ms) < ?1";
    connection.execute(&format!("DELETE FROM token_scope WHERE hash IN ({old})"), [before])?;
    let tokens = connection.execute("DELETE FROM token WHERE coalesce(revoked_ms, expires_ms) < ?1", [before])?;
    let positions = connection.execute(
        "DELETE FROM device_position WHERE device IN (SELECT no FROM device WHERE revoked_ms < ?1)",
        [before],
    )?;
    Ok((codes, tokens, positions))
}
