//! The figures of the report, one file per topic.
//!
//! Visits and issues are each read once ([`facts`](super::facts)), and every topic takes from a record what it counts: figures that
//! stand beside each other come from the same reading, and fifteen years of a province take a fraction of a second,
//! where a query per figure took ten. What has tables of its own (findings, bright spots, villages, devices) is read
//! from there. Every text that a reader needs to understand a figure stands in [`definitions`].

use std::collections::BTreeMap;

use rusqlite::{Connection, Row};
use serde::Serialize;
use utoipa::ToSchema;

use crate::db::DbError;
use crate::reports::facts::{ByName, Names};
use crate::reports::scope::Conditions;

pub mod complaints;
pub mod conduct;
pub mod definitions;
pub mod devices;
pub mod dialogue;
pub mod first_notice;
pub mod outcome;
pub(crate) mod promises;
pub mod quality;
pub mod received;
pub mod resolution;
pub mod satisfaction;
pub mod standing;
pub mod villages;
pub mod visits;

/// Most rows of a list that stands inside a report; the rest is in the lists of issues and visits.
pub const MAX_LISTED: usize = 500;

/// A share: what counts, of how many, and their quotient rounded to four decimals (none of nothing).
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, ToSchema)]
pub struct Share {
    /// What counts.
    pub numerator: i64,
    /// Of how many.
    pub denominator: i64,
    /// The quotient, 0 to 1; null of nothing.
    pub rate: Option<f64>,
}

impl Share {
    /// The share of a numerator in a denominator.
    pub fn of(numerator: i64, denominator: i64) -> Self {
        Self { numerator, denominator, rate: quotient(numerator, denominator) }
    }
}

/// A quotient rounded to four decimals; `None` if there is nothing to divide by.
pub fn quotient(numerator: i64, denominator: i64) -> Option<f64> {
    if denominator <= 0 {
        return None;
    }
    // Counts of records: far below 2^52.
    #[allow(clippy::cast_precision_loss)]
    let quotient = numerator as f64 / denominator as f64;
    Some((quotient * 10_000.0).round() / 10_000.0)
}

/// How many by code.
pub type Counts = BTreeMap<String, i64>;

/// Adds to the count of a code; makes a new entry only for a code not met before.
pub(crate) fn add(counts: &mut Counts, code: &str, by: i64) {
    match counts.get_mut(code) {
        Some(count) => *count += by,
        None => {
            counts.insert(code.to_owned(), by);
        }
    }
}

/// What was counted by words, by their texts; under `none`: of no word, and of a word that reads so.
pub(crate) fn counts(by_name: ByName<i64>, names: &Names, none: &str) -> Counts {
    let mut counts = Counts::new();
    by_name.told(names, none).for_each(|(text, count)| add(&mut counts, text, count));
    counts
}

/// The first [`MAX_LISTED`] of many, by key; memory does not grow with what is left out.
#[derive(Debug)]
pub(crate) struct First<K, V>(BTreeMap<K, V>);

impl<K: Ord, V> First<K, V> {
    pub(crate) fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Keeps the value if its key is among the first so far. `value` is only made if it is kept.
    pub(crate) fn offer(&mut self, key: K, value: impl FnOnce() -> V) {
        if self.0.len() >= MAX_LISTED && self.0.last_key_value().is_some_and(|(last, _)| *last <= key) {
            return;
        }
        self.0.insert(key, value());
        if self.0.len() > MAX_LISTED {
            self.0.pop_last();
        }
    }

    /// The values in the order of their keys.
    pub(crate) fn into_values(self) -> Vec<V> {
        self.0.into_values().collect()
    }
}

/// A count about people that must not point at one of them: below five it is told as `"<5"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmallCount {
    /// Five or more, or none at all.
    Exact(i64),
    /// One to four.
    Few,
}

impl SmallCount {
    /// The count as it may be shown.
    pub fn of(count: i64) -> Self {
        if (1..5).contains(&count) { Self::Few } else { Self::Exact(count) }
    }
}

impl Serialize for SmallCount {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Exact(count) => serializer.serialize_i64(*count),
            Self::Few => serializer.serialize_str("<5"),
        }
    }
}

impl utoipa::PartialSchema for SmallCount {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Schema, Type};
        let exact = ObjectBuilder::new().schema_type(Type::Integer).description(Some("5 or more, or 0"));
        let few = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(["<5"]));
        Schema::OneOf(OneOfBuilder::new().item(exact).item(few).build()).into()
    }
}

impl ToSchema for SmallCount {}

/// Reads all rows of a query.
pub(crate) fn rows<T>(
    connection: &Connection,
    sql: &str,
    conditions: &Conditions,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, DbError> {
    let mut statement = connection.prepare_cached(sql)?;
    let parameters = bound(&statement, conditions)?;
    let found = statement.query_map(parameters.as_slice(), read)?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

/// The parameters that a statement names: conditions are shared by statements, and not each names all of them.
pub(crate) fn bound<'c>(
    statement: &rusqlite::Statement<'_>,
    conditions: &'c Conditions,
) -> rusqlite::Result<Vec<(&'static str, &'c dyn rusqlite::ToSql)>> {
    let mut kept = Vec::new();
    for (name, value) in conditions.parameters() {
        if statement.parameter_index(name)?.is_some() {
            kept.push((name, value));
        }
    }
    Ok(kept)
}

/// Reads the one row of an aggregate.
pub(crate) fn one<T>(
    connection: &Connection,
    sql: &str,
    conditions: &Conditions,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<T, DbError> {
    rows(connection, sql, conditions, read)?.pop().ok_or_else(|| rusqlite::Error::QueryReturnedNoRows.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_round_and_know_nothing_of_nothing() {
        assert_eq!(Share::of(45, 103).rate, Some(0.4369));
        assert_eq!(Share::of(0, 0).rate, None);
        assert_eq!(Share::of(0, 3).rate, Some(0.0));
    }

    #[test]
    fn the_first_of_many_are_kept_in_order() {
        let mut first = First::new();
        for number in (0..2_000_u32).rev() {
            first.offer(number, || number);
        }
        first.offer(9_999, || panic!("not among the first"));
        let kept = first.into_values();
        assert_eq!((kept.len(), kept[0], kept[MAX_LISTED - 1]), (MAX_LISTED, 0, 499));
    }

    #[test]
    fn small_counts_hide_one_to_four() {
        let shown: Vec<String> =
            [0, 1, 4, 5].into_iter().map(|n| serde_json::to_string(&SmallCount::of(n)).unwrap_or_default()).collect();
        assert_eq!(shown, ["0", "\"<5\"", "\"<5\"", "5"]);
    }
}
