//! Looking: lists, search, what a person must look at, one record in full.

use crate::client::Client;
use crate::error::ClientError;
use gandan_model::genesis::DocKind;
use gandan_model::history::{HistoryEntry, history};
use gandan_model::ids::DocId;
use gandan_model::others::Assignment;
use gandan_model::record::Record;
use gandan_model::review::ReviewItem;
use gandan_model::rows::{IssueRow, VisitRow};
use gandan_store::{IssueFilter, ListedPage, Page, PageCursor, RecordState, VisitFilter};
use serde::Serialize;

/// One record in full.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RecordView {
    /// The record's id.
    pub id: DocId,
    /// Code of the unit in whose space it lies.
    pub space_unit: String,
    /// Where it stands between this device and the server.
    pub state: RecordState,
    /// What it says, with what a person must look at (`review`).
    #[serde(flatten)]
    pub record: Record,
    /// Who changed what, oldest first.
    pub history: Vec<HistoryEntry>,
}

/// Something that a person must look at, and in which record.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReviewLine {
    /// The record.
    pub id: DocId,
    /// What it is: `visit` or `issue`.
    pub record: &'static str,
    /// Code of its unit.
    pub unit: String,
    /// The merge rule that asks.
    pub kind: String,
    /// The field, its values, and what is shown until somebody decides.
    #[serde(flatten)]
    pub item: ReviewItem,
}

/// Who is sent where, and which record says so.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AssignmentLine {
    /// The record.
    pub id: DocId,
    /// Code of the unit in whose space it lies.
    pub space_unit: String,
    /// What it says.
    #[serde(flatten)]
    pub assignment: Assignment,
}

impl Client {
    /// A page of visits, the latest day first.
    ///
    /// # Errors
    ///
    /// Those of the disk.
    pub fn visits(&self, filter: &VisitFilter, page: &Page) -> Result<ListedPage<VisitRow>, ClientError> {
        Ok(self.store().visits(filter, page)?)
    }

    /// A page of issues, the latest reception first.
    ///
    /// # Errors
    ///
    /// Those of the disk.
    pub fn issues(&self, filter: &IssueFilter, page: &Page) -> Result<ListedPage<IssueRow>, ClientError> {
        Ok(self.store().issues(filter, page)?)
    }

    /// One record in full, with the last `steps` of its history.
    ///
    /// # Errors
    ///
    /// `not_found`, and those of the disk.
    pub fn show(&self, id: DocId, steps: usize) -> Result<RecordView, ClientError> {
        let store = self.store();
        let stored = store.document(id)?;
        let rules = store.rules().clone();
        drop(store);
        let stored = stored.ok_or_else(|| ClientError::input("not_found", format!("there is no record {id} here")))?;
        Ok(RecordView {
            id,
            record: Record::of(&stored.document, &rules, &stored.unit),
            history: history(&stored.document, steps),
            space_unit: stored.unit,
            state: stored.state,
        })
    }

    /// What a person must look at, a page of records at a time; a record may have several lines.
    ///
    /// # Errors
    ///
    /// Those of the disk.
    pub fn review(&self, page: &Page) -> Result<(Vec<ReviewLine>, Option<PageCursor>), ClientError> {
        let (entries, next) = self.store().review_items(page)?;
        let mut lines = Vec::new();
        for entry in entries {
            let store = self.store();
            let Some(stored) = store.document(entry.id)? else { continue };
            let record = Record::of(&stored.document, store.rules(), &stored.unit);
            drop(store);
            lines.extend(record.review().iter().map(|item| ReviewLine {
                id: entry.id,
                record: entry.kind.as_str(),
                unit: stored.unit.clone(),
                kind: item.rule.clone(),
                item: item.clone(),
            }));
        }
        Ok((lines, next))
    }

    /// Communes, wards and special zones that this device was told about, as the server describes them. Empty before
    /// enrolment.
    ///
    /// # Errors
    ///
    /// Those of the disk.
    pub fn units(&self) -> Result<Vec<serde_json::Value>, ClientError> {
        let reference = self.store().reference()?.unwrap_or_default();
        Ok(reference.get("units").and_then(serde_json::Value::as_array).cloned().unwrap_or_default())
    }

    /// Who is sent where, a page at a time, in the order in which the decisions came; without those that were taken back.
    ///
    /// # Errors
    ///
    /// Those of the disk.
    pub fn assignments(&self, page: &Page) -> Result<(Vec<AssignmentLine>, Option<PageCursor>), ClientError> {
        let store = self.store();
        let (infos, next) = store.documents(DocKind::Assignment, None, page)?;
        let mut lines = Vec::new();
        for info in infos {
            let Some(stored) = store.document(info.id)? else { continue };
            let assignment = Assignment::of(&stored.document);
            if !assignment.deleted {
                lines.push(AssignmentLine { id: info.id, space_unit: info.unit, assignment });
            }
        }
        Ok((lines, next))
    }

    /// Writes everything the server has not confirmed, one JSON object a line. **Not encrypted**; nothing is removed
    /// here. For the day when a device cannot reach its server any more.
    ///
    /// # Errors
    ///
    /// Those of the disk, and of `out`.
    pub fn write_unsent(&self, out: impl std::io::Write) -> Result<gandan_store::Exported, ClientError> {
        Ok(self.store().write_unsent(out)?)
    }

    /// [`Client::write_unsent`] into a new file.
    ///
    /// # Errors
    ///
    /// `io` if the file exists or cannot be written.
    #[cfg(not(target_family = "wasm"))]
    pub fn export_unsent(&self, path: &std::path::Path) -> Result<gandan_store::Exported, ClientError> {
        Ok(self.store().export_unsent(path)?)
    }
}
