//! Beside a record: what stands against what, and who wrote what.

use crate::edit::FieldValue;
use gandan_client::model::history::{FieldChange as ModelChange, HistoryEntry as ModelEntry};
use gandan_client::model::review::{ReviewItem as ModelItem, ReviewValue as ModelValue};

/// One of the values that stand against each other.
#[derive(Clone, Debug, PartialEq, uniffi::Record)]
pub struct ReviewValue {
    /// The value.
    pub value: FieldValue,
    /// Who wrote it.
    pub by: String,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
}

/// Something that a person must look at.
#[derive(Clone, Debug, PartialEq, uniffi::Record)]
pub struct ReviewItem {
    /// The field, as in edits.
    pub field: String,
    /// The merge rule that asks, as a code.
    pub rule: String,
    /// The values, oldest first.
    pub values: Vec<ReviewValue>,
    /// What is shown until somebody decides.
    pub effective: FieldValue,
    /// Names exactly this set of values; a decision gives it back.
    pub basis: String,
}

impl From<&ModelItem> for ReviewItem {
    fn from(item: &ModelItem) -> Self {
        let value = |value: &ModelValue| ReviewValue {
            value: FieldValue::of(&value.value),
            by: value.by.clone(),
            at_ms: value.at_ms,
        };
        Self {
            field: item.field.clone(),
            rule: item.rule.clone(),
            values: item.values.iter().map(value).collect(),
            effective: FieldValue::of(&item.effective),
            basis: item.basis.clone(),
        }
    }
}

/// One change of a record.
#[derive(Clone, Debug, PartialEq, uniffi::Record)]
pub struct HistoryEntry {
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// Who: official's id or staff login.
    pub author: String,
    /// On which device.
    pub device: String,
    /// What changed.
    pub changes: Vec<FieldChange>,
}

/// One field that a change wrote.
#[derive(Clone, Debug, PartialEq, uniffi::Record)]
pub struct FieldChange {
    /// The field.
    pub field: String,
    /// What its writer saw there.
    pub old: FieldValue,
    /// What was written.
    pub new: FieldValue,
}

impl From<ModelEntry> for HistoryEntry {
    fn from(entry: ModelEntry) -> Self {
        let change = |change: ModelChange| FieldChange {
            field: change.field,
            old: FieldValue::of(&change.old),
            new: FieldValue::of(&change.new),
        };
        Self {
            at_ms: entry.at_ms,
            author: entry.author,
            device: entry.device,
            changes: entry.changes.into_iter().map(change).collect(),
        }
    }
}
