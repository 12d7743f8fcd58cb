//! What a person must look at: values that nobody may choose between without knowing the matter.
//!
//! A review item is derived, like everything in a view. It goes away when somebody who has seen all its
//! values writes the field again (that settles a register), or decides by writing `review.<field>`: the
//! decision names the [basis](ReviewItem::basis), so that a value which arrives later opens the item again.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use crate::facts::{Fact, Facts};

/// One of the values that stand against each other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReviewValue {
    /// The value.
    pub value: Json,
    /// Who wrote it (official's id or staff login).
    pub by: String,
    /// When, in milliseconds since 1970 (hybrid logical time).
    pub at_ms: i64,
    /// On which device (hexadecimal).
    pub device: String,
}

/// Something that a person must look at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReviewItem {
    /// The field, as in edits (`title`, `counts.residents`).
    pub field: String,
    /// The merge rule that asks: `lww_keep_loser`, `per_official_register`, `multi_value`, `amendment` …
    pub rule: String,
    /// The values, oldest first.
    pub values: Vec<ReviewValue>,
    /// What is shown until somebody decides; null if nothing may be.
    pub effective: Json,
    /// Names exactly this set of values (16 hexadecimal digits).
    pub basis: String,
}

impl ReviewItem {
    /// An item for these facts of a document.
    pub fn new(facts: &Facts, field: &str, rule: &str, values: &[&Fact], effective: Json) -> Self {
        let values = values
            .iter()
            .map(|fact| {
                let origin = facts.origin(fact);
                ReviewValue {
                    value: fact.value.to_json(),
                    by: origin.author.clone(),
                    at_ms: origin.time,
                    device: origin.device.to_string(),
                }
            })
            .collect();
        Self::of_values(field, rule, values, effective)
    }

    /// An item for values that are not facts of one key.
    pub fn of_values(field: &str, rule: &str, values: Vec<ReviewValue>, effective: Json) -> Self {
        let mut hash = Sha256::new_with_prefix(field);
        for value in &values {
            hash.update([0]);
            hash.update(value.value.to_string());
            hash.update(&value.by);
        }
        let digest = hash.finalize();
        let basis = u64::from_be_bytes(std::array::from_fn(|place| digest[place]));
        let basis = format!("{basis:016x}");
        Self { field: field.to_owned(), rule: rule.to_owned(), values, effective, basis }
    }

    /// The key under which a decision on this item is written.
    pub(crate) fn key(&self) -> String {
        format!("review/{}/{}", self.field, self.rule)
    }

    /// The decision on exactly this set of values, if somebody made one.
    pub(crate) fn decision(&self, facts: &Facts) -> Option<Decision> {
        let decisions = facts.all(&self.key()).iter().rev();
        let read = decisions.filter_map(|fact| serde_json::from_str::<Decision>(fact.value.as_str()?).ok());
        read.into_iter().find(|decision| decision.basis == self.basis)
    }
}

/// What a reviewer wrote about an item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Decision {
    /// The set of values that the reviewer had before him.
    pub(crate) basis: String,
    /// What counts from now on; absent: what was shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) value: Option<Json>,
}
