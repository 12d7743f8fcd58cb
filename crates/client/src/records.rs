//! Saving: creating and changing records. One call is one change, on disk when the call returns.

use crate::client::Client;
use crate::error::ClientError;
use gandan_model::codes::Lang;
use gandan_model::document::Document;
use gandan_model::genesis::DocKind;
use gandan_model::ids::{DocId, SpaceId};
use gandan_model::moment::Moment;
use gandan_model::patch::FieldEdit;
use gandan_model::privacy;
use gandan_model::ticket::Ticket;
use gandan_store::{Commit, DraftId, NewAttachment, Store};
use serde::Serialize;
use serde_json::Value;

/// Name under which the store keeps the running number of this device's tickets.
const TICKETS: &str = "tickets";

/// What a save did.
#[derive(Clone, Debug, Serialize)]
pub struct Saved {
    /// The record.
    pub id: DocId,
    /// Code of its unit.
    pub unit: String,
    /// `false`: everything already read so, and nothing was written.
    pub changed: bool,
    /// What in the texts might be somebody's personal data. Never a reason not to save.
    pub warnings: Vec<Warning>,
}

/// Something in a text that looks like personal data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// The field.
    pub field: String,
    /// What it looks like, as a code.
    pub kind: &'static str,
    /// The piece of text.
    pub text: String,
    /// What to do, in Vietnamese.
    pub vi: &'static str,
    /// What to do, in English.
    pub en: &'static str,
}

/// Where a record lies, or will.
pub(crate) struct Target {
    pub(crate) id: DocId,
    pub(crate) space: SpaceId,
    pub(crate) unit: String,
    pub(crate) document: Document,
    pub(crate) is_new: bool,
}

impl Client {
    /// Creates a record. `id` is given when it was made elsewhere (a plan, a colleague's phone); if that record is here
    /// already, this is [`Client::patch`]. The field `unit` says where it belongs; an issue with a `visit` belongs where
    /// the visit is; a device with one unit need not say.
    ///
    /// # Errors
    ///
    /// `not_enrolled`, `no_grant`, `unit_missing`, the codes of edits ([`gandan_model::patch::PatchError`]), and those of
    /// the disk. Nothing was written then.
    pub fn create(&self, kind: DocKind, id: Option<DocId>, edits: &[FieldEdit]) -> Result<Saved, ClientError> {
        let id = id.unwrap_or_else(|| self.new_id());
        let mut store = self.store();
        Self::identity(&store)?;
        let target = Self::new_target(&store, kind, id, edits)?;
        let edits = if target.is_new { self.complete(&mut store, kind, &target, edits)? } else { edits.to_vec() };
        self.save(store, target, &edits, None)
    }

    /// Changes fields of a record. All edits together are one change; if one of them is not right, none is written.
    ///
    /// # Errors
    ///
    /// `not_found`, and those of [`Client::create`].
    pub fn patch(&self, id: DocId, edits: &[FieldEdit]) -> Result<Saved, ClientError> {
        let store = self.store();
        let target = Self::existing(&store, id)?;
        self.save(store, target, edits, None)
    }

    /// Hands a visit in.
    ///
    /// # Errors
    ///
    /// Those of [`Client::patch`].
    pub fn submit(&self, id: DocId) -> Result<Saved, ClientError> {
        self.patch(id, &[FieldEdit::new("status", "submitted")])
    }

    /// Decides a review item: `field` as the item names it gets `value`; `null` accepts what is shown.
    ///
    /// # Errors
    ///
    /// `not_allowed` if nothing of this field waits for review; those of [`Client::patch`].
    pub fn resolve(&self, id: DocId, field: &str, value: Value) -> Result<Saved, ClientError> {
        self.patch(id, &[FieldEdit::new(format!("review.{field}"), value)])
    }

    /// Enters one satisfaction card that a resident handed in at the visit: `answer` is a code of the list `satisfaction`
    /// (`very_satisfied`, `no_answer` …). Cards are anonymous, and each counts once wherever it was entered.
    ///
    /// # Errors
    ///
    /// `bad_code` if there is no such answer; those of [`Client::patch`].
    pub fn add_card(&self, visit: DocId, answer: &str) -> Result<Saved, ClientError> {
        let card = self.new_id();
        self.patch(visit, &[FieldEdit::new(format!("satisfaction.cards.{card}"), answer)])
    }

    /// An id for a record that is to be made: here, or on several phones that are to hold the same one.
    pub fn new_id(&self) -> DocId {
        let bytes = self.environment().rng.bytes();
        DocId(uuid::Builder::from_random_bytes(bytes).into_uuid().into_bytes())
    }

    pub(crate) fn existing(store: &Store, id: DocId) -> Result<Target, ClientError> {
        let stored = store.document(id)?;
        let stored = stored.ok_or_else(|| ClientError::input("not_found", format!("there is no record {id} here")))?;
        let (space, unit, document) = (stored.space, stored.unit, stored.document);
        Ok(Target { id, space, unit, document, is_new: false })
    }

    /// The document to write into: the one with this id if it is here, otherwise a new one in the right space.
    pub(crate) fn new_target(
        store: &Store,
        kind: DocKind,
        id: DocId,
        edits: &[FieldEdit],
    ) -> Result<Target, ClientError> {
        if let Some(stored) = store.document(id)? {
            let (space, unit, document) = (stored.space, stored.unit, stored.document);
            return Ok(Target { id, space, unit, document, is_new: false });
        }
        let unit = unit_of(store, edits)?;
        let (space, unit) = Self::space_for(store, unit.as_deref(), kind.compartment())?;
        Ok(Target { id, space, unit, document: Document::new(kind), is_new: true })
    }

    /// What a new record has besides what the caller wrote.
    pub(crate) fn complete(
        &self,
        store: &mut Store,
        kind: DocKind,
        target: &Target,
        edits: &[FieldEdit],
    ) -> Result<Vec<FieldEdit>, ClientError> {
        let identity = Self::identity(store)?;
        let given = |field: &str| edits.iter().any(|edit| edit.field == field);
        // Only a visit says its unit itself; elsewhere it chose the space and has done its work.
        let mut all: Vec<FieldEdit> =
            edits.iter().filter(|edit| kind == DocKind::Visit || edit.field != "unit").cloned().collect();
        match kind {
            DocKind::Visit if !given("unit") => all.push(FieldEdit::new("unit", target.unit.as_str())),
            DocKind::Issue => {
                let today = Moment::from_ms(self.corrected_ms()).date();
                let received = edits.iter().find(|edit| edit.field == "received_on");
                let date = received.and_then(|edit| edit.value.as_str()?.parse().ok()).unwrap_or(today);
                if received.is_none() {
                    all.push(FieldEdit::new("received_on", today.to_string()));
                }
                if !given("recorded_by") {
                    all.push(FieldEdit::new("recorded_by", identity.official.as_str()));
                }
                if !given("ticket") {
                    let number = next_ticket(store)?;
                    let ticket = Ticket::provisional(&target.unit, date, &identity.device.0, number);
                    // A unit or a day that a ticket cannot carry: the issue does without until the server gives one.
                    all.extend(ticket.ok().map(|ticket| FieldEdit::new("ticket", ticket.to_string())));
                }
            }
            _ => {}
        }
        Ok(all)
    }

    pub(crate) fn save(
        &self,
        store: std::sync::MutexGuard<'_, Store>,
        target: Target,
        edits: &[FieldEdit],
        draft: Option<DraftId>,
    ) -> Result<Saved, ClientError> {
        self.save_with_files(store, target, edits, draft, &[])
    }

    /// Saves, and with the change the files that it names.
    pub(crate) fn save_with_files(
        &self,
        mut store: std::sync::MutexGuard<'_, Store>,
        mut target: Target,
        edits: &[FieldEdit],
        draft: Option<DraftId>,
        files: &[NewAttachment<'_>],
    ) -> Result<Saved, ClientError> {
        let identity = Self::identity(&store)?;
        let change = target.document.patch(&self.stamp(&identity), edits)?;
        if let Some(change) = &change {
            let commit = Commit { space: target.space, id: target.id, document: &target.document, change, draft };
            store.commit_with_files(&commit, files, self.now_ms())?;
        } else if let Some(draft) = draft {
            store.discard_draft(draft)?;
        }
        drop(store);
        if change.is_some() {
            self.inner.board.changed(&[target.id]);
            self.saved_something();
        }
        let warnings = warnings(edits, is_household(edits));
        Ok(Saved { id: target.id, unit: target.unit, changed: change.is_some(), warnings })
    }

    /// Tells those who wait for it that there is something to send.
    pub(crate) fn saved_something(&self) {
        self.inner.board.note_save();
        self.refresh();
    }
}

/// The unit that the edits name: by the field `unit`, or by the visit that an issue belongs to.
fn unit_of(store: &Store, edits: &[FieldEdit]) -> Result<Option<String>, ClientError> {
    let field = |name: &str| edits.iter().find(|edit| edit.field == name).and_then(|edit| edit.value.as_str());
    if let Some(unit) = field("unit") {
        return Ok(Some(unit.to_owned()));
    }
    let Some(visit) = field("visit").and_then(|id| id.parse().ok()) else { return Ok(None) };
    Ok(store.document(visit)?.map(|stored| stored.unit))
}

fn next_ticket(store: &mut Store) -> Result<u32, ClientError> {
    let last = store.value(TICKETS)?.and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_le_bytes);
    let next = last.saturating_add(1);
    store.set_value(TICKETS, Some(&next.to_le_bytes()))?;
    Ok(next)
}

fn is_household(edits: &[FieldEdit]) -> bool {
    edits.iter().any(|edit| edit.field == "programme" && edit.value == "household_visit")
}

/// What in the texts of these edits looks like personal data; `household`: more strictly, as on a visit to a household.
pub fn warnings(edits: &[FieldEdit], household: bool) -> Vec<Warning> {
    let check = if household { privacy::check_household } else { privacy::check };
    let mut found = Vec::new();
    for edit in edits.iter().filter(|edit| is_free_text(&edit.field)) {
        let Some(text) = edit.value.as_str() else { continue };
        for warning in check(text) {
            let kind = warning.kind;
            found.push(Warning {
                field: edit.field.clone(),
                kind: kind.as_str(),
                text: text.get(warning.span).unwrap_or_default().to_owned(),
                vi: kind.message(Lang::Vi),
                en: kind.message(Lang::En),
            });
        }
        if found.len() >= privacy::MAX_WARNINGS {
            break;
        }
    }
    found
}

/// Fields into which people write sentences. A contact's fields hold personal data on purpose.
fn is_free_text(field: &str) -> bool {
    matches!(field, "note" | "title" | "description" | "result_text" | "place_detail" | "bright_spot.evidence")
        || field.ends_with(".caption")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sentences_are_checked() {
        let number = "0912 345 678";
        let edits = [FieldEdit::new("note", format!("Gọi {number}")), FieldEdit::new("phone", number)];
        let found = warnings(&edits, false);
        assert!(!found.is_empty());
        assert!(found.iter().all(|warning| warning.field == "note"), "{found:?}");
    }
}
