//! The history of a document, step by step: who wrote what, when, on which device, and what stood there
//! before.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::document::{Document, is_genesis_actor};
use crate::facts::{Changes, Facts, Value};
use crate::record::Record;
use crate::rules::Rules;

/// One change of a document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// The change's hash.
    pub hash: String,
    /// When, in milliseconds since 1970 (hybrid logical time).
    pub at_ms: i64,
    /// Who: official's id or staff login.
    pub author: String,
    /// On which device.
    pub device: String,
    /// What changed.
    pub changes: Vec<FieldChange>,
}

/// One key that a change wrote.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FieldChange {
    /// The key.
    pub field: String,
    /// What its writer saw there; null if nothing.
    pub old: Json,
    /// What was written; null if it was removed.
    pub new: Json,
}

/// The last `limit` changes of a document, oldest first.
///
/// Each entry compares the document as its writer saw it with what the writer left, so that two edits
/// made beside each other appear as what each of them was.
///
/// What was erased, withdrawn or sealed does not come back here: of such a document the entries tell who
/// wrote which field when, without the words.
pub fn history(document: &Document, limit: usize) -> Vec<HistoryEntry> {
    let changes = document.changes();
    let now = document.facts();
    let mut order: Vec<usize> =
        (0..now.changes.len()).filter(|place| !is_genesis_actor(now.changes[*place].device)).collect();
    order.sort_by_key(|place| {
        let change = &now.changes[*place];
        (change.time, change.device)
    });
    let skipped = order.len().saturating_sub(limit);
    order.drain(..skipped);
    let record = Record::of(document, &Rules::default(), "");
    let wordless = record.is_wordless();
    order.into_iter().map(|place| entry(document, &changes, &now, place, wordless)).collect()
}

fn entry(document: &Document, changes: &Changes, now: &Facts, place: usize, wordless: bool) -> HistoryEntry {
    let change = &now.changes[place];
    let deps: Vec<_> = change.deps.iter().map(|dep| now.changes[*dep].hash).collect();
    let before = if deps.is_empty() { Facts::default() } else { document.facts_of(changes, &deps) };
    let after = document.facts_of(changes, &[change.hash]);
    let mut differences = differences(&before, &after);
    if wordless {
        for difference in &mut differences {
            // The members of a set are part of the key.
            difference.field.truncate(difference.field.find('/').unwrap_or(difference.field.len()));
            difference.old = Json::Null;
            difference.new = Json::Null;
        }
    }
    HistoryEntry {
        hash: change.hash.to_string(),
        at_ms: change.time,
        author: change.author.clone(),
        device: change.device.to_string(),
        changes: differences,
    }
}

fn differences(before: &Facts, after: &Facts) -> Vec<FieldChange> {
    let keys: std::collections::BTreeSet<_> = before.keys.keys().chain(after.keys.keys()).collect();
    let value = |facts: &Facts, key: &str| facts.last(key).map_or(Json::Null, Value::to_json);
    let settled = |key: &str| before.all(key).len() > 1 && after.all(key).len() == 1;
    let mut changes: Vec<_> = keys
        .into_iter()
        .map(|key| FieldChange { field: key.clone(), old: value(before, key), new: value(after, key) })
        .filter(|change| change.old != change.new || settled(&change.field))
        .collect();
    for (key, text) in &after.texts {
        let old = before.texts.get(key).map_or("", String::as_str);
        if old != text {
            changes.push(FieldChange { field: key.clone(), old: old.into(), new: text.as_str().into() });
        }
    }
    changes
}
