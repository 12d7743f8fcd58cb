//! Finding a unit by any name it has or had.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Unit;
use crate::text::{fold, fold_tokens, viet_key};

/// Longest query that is looked at, in characters.
const MAX_QUERY_CHARS: usize = 100;

/// By what a unit was found; the better reasons come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FoundBy {
    /// Its code.
    Code,
    /// Its name, with or without the type word.
    Name,
    /// Another spelling.
    Alias,
    /// A unit that it was made from.
    FormerUnit,
    /// A district it lay in.
    FormerDistrict,
    /// A province it lay in.
    FormerProvince,
}

/// A unit found by a query.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Found<'a> {
    /// The unit.
    pub unit: &'a Unit,
    /// By what it was found.
    pub by: FoundBy,
    /// The text that matched, to show beside the name.
    pub matched: &'a str,
}

/// How well a text fits a query; the better come first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Whole,
    Beginning,
    Words,
    Joined,
}

/// One searchable text of one unit.
#[derive(Clone, Debug)]
struct Entry {
    unit: String,
    by: FoundBy,
    /// Which text of that sort, where a unit has several.
    text: usize,
    folded: String,
    joined: String,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    entries: Vec<Entry>,
}

impl Index {
    pub(super) fn new<'a>(units: impl Iterator<Item = &'a Unit>) -> Self {
        let mut entries = Vec::new();
        for unit in units {
            for by in [
                FoundBy::Code,
                FoundBy::Name,
                FoundBy::Alias,
                FoundBy::FormerUnit,
                FoundBy::FormerDistrict,
                FoundBy::FormerProvince,
            ] {
                for (text, value) in texts(unit, by).into_iter().enumerate() {
                    let folded = fold(value);
                    let joined = folded.replace(' ', "");
                    let unit = unit.code.clone();
                    entries.push(Entry { unit, by, text, folded, joined });
                }
            }
        }
        Self { entries }
    }

    pub(super) fn find<'a>(&self, units: &'a BTreeMap<String, Unit>, query: &str, limit: usize) -> Vec<Found<'a>> {
        let query: String = query.chars().take(MAX_QUERY_CHARS).collect();
        let words = fold_tokens(&query);
        if words.is_empty() {
            return Vec::new();
        }
        let whole = words.join(" ");
        let joined = words.concat();
        let mut best: BTreeMap<&str, (FoundBy, Fit, usize)> = BTreeMap::new();
        for entry in &self.entries {
            let Some(fit) = entry.fit(&words, &whole, &joined) else {
                continue;
            };
            let rank = (entry.by, fit, entry.text);
            let kept = best.entry(&entry.unit).or_insert(rank);
            *kept = (*kept).min(rank);
        }
        let mut found: Vec<_> = best
            .into_iter()
            .filter_map(|(code, (by, fit, text))| {
                let unit = units.get(code)?;
                let matched = *texts(unit, by).get(text)?;
                Some(((by, fit, viet_key(&unit.short_name), code), Found { unit, by, matched }))
            })
            .collect();
        found.sort_by(|a, b| a.0.cmp(&b.0));
        found.into_iter().take(limit).map(|(_, found)| found).collect()
    }
}

impl Entry {
    fn fit(&self, words: &[String], whole: &str, joined: &str) -> Option<Fit> {
        if self.folded == whole {
            return Some(Fit::Whole);
        }
        if self.by == FoundBy::Code {
            // A few digits of a code are not a search.
            return None;
        }
        if self.folded.starts_with(whole) {
            return Some(Fit::Beginning);
        }
        let mut texts = self.folded.split(' ');
        // In order, with gaps: "dam 4" finds Đam Rông 4, but "thanh nam" does not find Nam Thành.
        if words.iter().all(|word| texts.any(|text| text.starts_with(word.as_str()))) {
            return Some(Fit::Words);
        }
        // "B Lao", "Đắk R Lấp", "dalat": written with other gaps.
        self.joined.starts_with(joined).then_some(Fit::Joined)
    }
}

fn texts(unit: &Unit, by: FoundBy) -> Vec<&str> {
    match by {
        FoundBy::Code => vec![&unit.code],
        FoundBy::Name => vec![&unit.short_name, &unit.name],
        FoundBy::Alias => unit.aliases.iter().map(String::as_str).collect(),
        FoundBy::FormerUnit => unit.former_units.iter().map(String::as_str).collect(),
        FoundBy::FormerDistrict => unit.former_districts.iter().map(String::as_str).collect(),
        FoundBy::FormerProvince if unit.former_province.is_empty() => Vec::new(),
        FoundBy::FormerProvince => vec![&unit.former_province],
    }
}
