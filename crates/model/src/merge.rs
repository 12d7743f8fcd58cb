//! The merge rules, each a small function from the values of a key to the one that counts.
//!
//! All of them give the same answer whatever the order of arrival, because [`Facts`] orders values by
//! hybrid logical time and device. None of them throws anything away: what lost is still in the document,
//! and what a person should look at is noted as a [`ReviewItem`].

use std::collections::{BTreeSet, HashSet};

use jiff::civil::Date;
use serde_json::Value as Json;

use crate::facts::{Fact, Facts, Value};
use crate::moment::{Moment, parse_date};
use crate::review::ReviewItem;

/// Reads one document's facts by the rules and collects what a person must look at.
pub(crate) struct Merge<'a> {
    pub(crate) facts: &'a Facts,
    /// Where decisions of reviewers are looked up: the document as it is now, even if `facts` are of an
    /// earlier point of its history.
    decisions: &'a Facts,
    pub(crate) review: Vec<ReviewItem>,
}

/// Of so many values that stand against each other a review item lists no more.
const MAX_LISTED: usize = 64;

impl<'a> Merge<'a> {
    pub(crate) fn new(facts: &'a Facts) -> Self {
        Self { facts, decisions: facts, review: Vec::new() }
    }

    /// Reads facts of an earlier point; decisions count that were made since.
    pub(crate) fn at_earlier_point(facts: &'a Facts, now: &'a Facts) -> Self {
        Self { facts, decisions: now, review: Vec::new() }
    }

    /// Notes an item unless somebody has decided on just these values. The value decided, if one was.
    pub(crate) fn note(&mut self, item: ReviewItem) -> Option<Json> {
        let decision = item.decision(self.decisions);
        if decision.is_none() {
            self.review.push(item);
        }
        decision.and_then(|decision| decision.value)
    }

    pub(crate) fn note_facts(&mut self, field: &str, rule: &str, values: &[&Fact], effective: Json) -> Option<Json> {
        let values = &values[..values.len().min(MAX_LISTED)];
        self.note(ReviewItem::new(self.facts, field, rule, values, effective))
    }

    /// The values of a key without repetitions, oldest first.
    fn distinct(&self, key: &str) -> Vec<&'a Fact> {
        let all = self.facts.all(key);
        let mut seen = HashSet::new();
        let mut distinct: Vec<&Fact> = all.iter().rev().filter(|fact| seen.insert(&fact.value)).collect();
        distinct.reverse();
        distinct
    }

    /// Last writer wins, the others are kept and offered.
    pub(crate) fn last(&mut self, key: &str, field: &str) -> Option<&'a Value> {
        let distinct = self.distinct(key);
        let effective = distinct.last().map(|fact| &fact.value)?;
        if distinct.len() > 1 {
            self.note_facts(field, "lww_keep_loser", &distinct, effective.to_json());
        }
        Some(effective)
    }

    /// Last writer wins, as text.
    pub(crate) fn text(&mut self, key: &str, field: &str) -> Option<String> {
        self.last(key, field).and_then(Value::as_str).map(str::to_owned)
    }

    /// Last writer wins, as a code.
    pub(crate) fn code<C: for<'c> From<&'c str>>(&mut self, key: &str, field: &str) -> Option<C> {
        self.last(key, field).and_then(Value::as_str).map(C::from)
    }

    /// Last writer wins, as a date.
    pub(crate) fn date(&mut self, key: &str, field: &str) -> Option<Date> {
        self.last(key, field).and_then(Value::as_str).and_then(|text| parse_date(text).ok())
    }

    /// Keep all, a person decides: no value counts while there are several.
    pub(crate) fn multi(&mut self, key: &str, field: &str) -> Option<String> {
        let distinct = self.distinct(key);
        if distinct.len() > 1 {
            self.note_facts(field, "multi_value", &distinct, Json::Null);
            return None;
        }
        distinct.first().and_then(|fact| fact.value.as_str()).map(str::to_owned)
    }

    /// The value of the highest rank; the last writer's among equals. `review` names the rule under
    /// which a person must look at differences of rank, if one must.
    pub(crate) fn highest<C: for<'c> From<&'c str>>(
        &mut self,
        key: &str,
        field: &str,
        rank: impl Fn(&C) -> u8,
        review: Option<&str>,
    ) -> Option<C> {
        let distinct = self.distinct(key);
        let ranked = distinct.iter().filter_map(|fact| {
            let code = C::from(fact.value.as_str()?);
            Some((rank(&code), *fact, code))
        });
        let (_, fact, code) = ranked.max_by_key(|(rank, ..)| *rank)?;
        if let (Some(rule), true) = (review, distinct.len() > 1) {
            self.note_facts(field, rule, &distinct, fact.value.to_json());
        }
        Some(code)
    }

    /// The earliest of all dates.
    pub(crate) fn earliest_date(&self, key: &str) -> Option<Date> {
        let texts = self.facts.all(key).iter().filter_map(|fact| fact.value.as_str());
        texts.filter_map(|text| parse_date(text).ok()).min()
    }

    /// All times under a prefix, one for each official who wrote one.
    pub(crate) fn moments(&self, prefix: &'a str) -> impl Iterator<Item = Moment> {
        let facts = self.facts.under(prefix).flat_map(|(_, facts)| facts);
        facts.filter_map(|fact| fact.value.as_str()?.parse().ok())
    }

    /// The set of the names under a prefix. Adding wins over a removal that had not seen it.
    pub(crate) fn set(&self, prefix: &'a str) -> BTreeSet<String> {
        self.facts.under(prefix).map(|(name, _)| name.to_owned()).collect()
    }

    /// Every element under a prefix with its name, read from its JSON, in the order of writing. Should two
    /// devices have given two elements the same short name, both are returned.
    pub(crate) fn elements<T: serde::de::DeserializeOwned>(&self, prefix: &'a str) -> Vec<Element<'a, T>> {
        let mut elements = Vec::new();
        for (name, facts) in self.facts.under(prefix) {
            let mut seen = HashSet::new();
            // The same element written by two devices is one element.
            for fact in facts.iter().filter(|fact| seen.insert(&fact.value)) {
                let value = fact.value.as_str().and_then(|text| serde_json::from_str(text).ok());
                elements.extend(value.map(|value| Element { name, fact, value }));
            }
        }
        elements.sort_by_key(|element| self.facts.order(element.fact));
        elements
    }
}

/// An element that was written once.
pub(crate) struct Element<'a, T> {
    pub(crate) name: &'a str,
    pub(crate) fact: &'a Fact,
    pub(crate) value: T,
}
