//! Unfinished edits: on disk at every keystroke that matters, and no part of any history until they are handed in.

use crate::client::Client;
use crate::error::ClientError;
use crate::records::{Saved, Target};
use gandan_model::document::{Document, Stamp};
use gandan_model::genesis::DocKind;
use gandan_model::ids::{ChangeHash, DeviceId, DocId};
use gandan_model::patch::FieldEdit;
use gandan_store::{Draft, Page, PageCursor, Store};
use std::collections::{BTreeMap, BTreeSet};

/// Longest title of a draft, in characters.
const MAX_TITLE: usize = 80;

impl Client {
    /// Begins or goes on with a draft. `id` is the record that it edits; `None` for a record that does not exist yet, and
    /// then `kind` says what it will become. Edits of fields that the draft has already replace those.
    ///
    /// Gives the draft's id, which is the record's.
    ///
    /// # Errors
    ///
    /// `not_enrolled`, `no_grant`, `unit_missing`, `too_large`, and those of the disk. What is wrong with the edits
    /// themselves is found when the draft is handed in.
    pub fn save_draft(&self, kind: DocKind, id: Option<DocId>, edits: &[FieldEdit]) -> Result<DocId, ClientError> {
        let id = id.unwrap_or_else(|| DocId(self.environment().rng.bytes()));
        let mut store = self.store();
        Self::identity(&store)?;
        let mut draft = if let Some(draft) = store.draft(id)? {
            draft
        } else {
            let target = Self::new_target(&store, kind, id, edits)?;
            let base = if target.is_new { Vec::new() } else { target.document.heads() };
            let kind = target.document.kind();
            let edits = serde_json::Value::Array(Vec::new());
            Draft { id, space: target.space, kind, title: String::new(), base, edits, created_ms: 0, updated_ms: 0 }
        };
        let mut all = edits_of(&draft)?;
        for edit in edits {
            all.retain(|before| before.field != edit.field);
            all.push(edit.clone());
        }
        draft.title = title(&all);
        draft.edits = serde_json::to_value(&all).map_err(ClientError::internal)?;
        store.save_draft(&draft, self.now_ms())?;
        drop(store);
        self.refresh();
        Ok(id)
    }

    /// One draft; `None` if there is none of this record.
    ///
    /// # Errors
    ///
    /// Those of the disk.
    pub fn draft(&self, id: DocId) -> Result<Option<Draft>, ClientError> {
        Ok(self.store().draft(id)?)
    }

    /// All drafts, the oldest first, a page at a time.
    ///
    /// # Errors
    ///
    /// Those of the disk.
    pub fn drafts(&self, page: &Page) -> Result<(Vec<Draft>, Option<PageCursor>), ClientError> {
        Ok(self.store().drafts(page)?)
    }

    /// Hands a draft in: its edits become one change, written on what the record said when the draft was begun, so that
    /// what others changed meanwhile is merged and not overwritten.
    ///
    /// # Errors
    ///
    /// `not_found`, and those of [`Client::patch`]; the draft stays then.
    pub fn submit_draft(&self, id: DocId) -> Result<Saved, ClientError> {
        let mut store = self.store();
        let draft =
            store.draft(id)?.ok_or_else(|| ClientError::input("not_found", format!("there is no draft {id}")))?;
        let edits = edits_of(&draft)?;
        let kind =
            draft.kind.ok_or_else(|| ClientError::input("newer_kind", "only a newer app can hand this draft in"))?;
        let mut target = Self::new_target(&store, kind, id, &edits).or_else(|error| {
            // The space of a new document is settled; a grant that was taken meanwhile does not lose the work.
            let space = store.spaces()?.into_iter().find(|space| space.space == draft.space).ok_or(error)?;
            let document = Document::new(kind);
            Ok::<_, ClientError>(Target { id, space: space.space, unit: space.unit, document, is_new: true })
        })?;
        let edits = if target.is_new {
            target.space = draft.space;
            self.complete(&mut store, kind, &target, &edits)?
        } else {
            Self::upon_base(&store, &mut target, kind, &draft.base, edits)?
        };
        self.save(store, target, &edits, Some(id))
    }

    /// Makes the edits of a draft follow what they were made upon. The best way is a change that builds on just that. It is
    /// barred if this device has saved since: a device's changes stand in one line. Then texts are merged here and the
    /// result is written; other fields are set, as their writer wished.
    fn upon_base(
        store: &Store,
        target: &mut Target,
        kind: DocKind,
        base: &[ChangeHash],
        edits: Vec<FieldEdit>,
    ) -> Result<Vec<FieldEdit>, ClientError> {
        let device = Self::identity(store)?.device;
        let (before, newer) = at(store, target.id, kind, base)?;
        if !newer.contains(&device) {
            target.document = before;
            return Ok(edits);
        }
        let Some(text) = kind.text_key() else { return Ok(edits) };
        let (mut scratch, mut merged) = (before, target.document.clone());
        let nobody = Stamp { device: NOBODY, author: String::new(), now_ms: 0 };
        edits
            .into_iter()
            .map(|edit| {
                if edit.field != text || !edit.value.is_string() {
                    return Ok(edit);
                }
                if let Some(change) = scratch.patch(&nobody, std::slice::from_ref(&edit))? {
                    merged.apply([change.raw.as_slice()])?;
                }
                let value = merged.facts().texts.get(text).cloned().unwrap_or_default();
                Ok(FieldEdit::new(text, value))
            })
            .collect()
    }

    /// Throws a draft away. `false` if there was none.
    ///
    /// # Errors
    ///
    /// Those of the disk.
    pub fn discard_draft(&self, id: DocId) -> Result<bool, ClientError> {
        let gone = Self::discard_with_files(&mut self.store(), id)?;
        self.refresh();
        Ok(gone)
    }
}

pub(crate) fn edits_of(draft: &Draft) -> Result<Vec<FieldEdit>, ClientError> {
    serde_json::from_value(draft.edits.clone())
        .map_err(|_| ClientError::input("bad_draft", "the draft was written by another app and cannot be read here"))
}

fn title(edits: &[FieldEdit]) -> String {
    let known = ["title", "place.name", "note", "description", "name"];
    let text = known.iter().find_map(|field| edits.iter().find(|edit| edit.field == *field)?.value.as_str());
    text.unwrap_or_default().lines().next().unwrap_or_default().chars().take(MAX_TITLE).collect()
}

/// The actor of changes that leave no trace.
const NOBODY: DeviceId = DeviceId(*b"scratch\0");

/// The document as it was when these were its heads, and who has changed it since.
fn at(
    store: &Store,
    id: DocId,
    kind: DocKind,
    heads: &[ChangeHash],
) -> Result<(Document, BTreeSet<DeviceId>), ClientError> {
    let changes = store.changes(id)?;
    let (mut deps, mut actors) = (BTreeMap::new(), BTreeMap::new());
    for change in changes.iter().filter(|change| change.applied) {
        let header = gandan_sync::scan(&change.raw).map_err(ClientError::internal)?;
        deps.insert(change.hash, header.deps);
        actors.insert(change.hash, header.actor);
    }
    let mut wanted = BTreeSet::new();
    let mut open = heads.to_vec();
    while let Some(hash) = open.pop() {
        if wanted.insert(hash) {
            open.extend(deps.get(&hash).into_iter().flatten().copied());
        }
    }
    let raws = changes.iter().filter(|change| change.applied && wanted.contains(&change.hash));
    let raws: Vec<&[u8]> = raws.map(|change| change.raw.as_slice()).collect();
    let document = if raws.is_empty() { Document::new(kind) } else { Document::from_changes(raws)? };
    let newer = actors.into_iter().filter(|(hash, _)| !wanted.contains(hash)).map(|(_, actor)| actor).collect();
    Ok((document, newer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_is_known_by_its_first_words() {
        let edits = [FieldEdit::new("hot_spot", "watch"), FieldEdit::new("note", "Dòng một\nDòng hai")];
        assert_eq!(title(&edits), "Dòng một");
        assert_eq!(title(&[]), "");
        assert_eq!(title(&[FieldEdit::new("title", "x".repeat(500))]).len(), MAX_TITLE);
    }
}
