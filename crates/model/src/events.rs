//! The events of visits and issues: append-only facts whose replay is the status.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::facts::Facts;
use crate::merge::{Element, Merge};
use crate::moment::Moment;

/// An event as it is written: one JSON string under `event/<name>`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventRecord {
    /// The status that the event brings about.
    pub to: String,
    /// When it happened.
    pub at: Moment,
    /// Who did it, if not the author of the change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Number of the document that carries the decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<String>,
    /// The petitioner's own statement, for a withdrawal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<String>,
    /// What newer apps write beside it.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Json>,
}

impl EventRecord {
    /// True if it carries nothing but the status and the time.
    pub(crate) fn says_nothing_more(&self) -> bool {
        let words = [&self.reason, &self.document, &self.statement];
        words.iter().all(|word| word.is_none()) && self.extra.is_empty()
    }
}

/// An event as it is shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When it happened.
    pub at: Moment,
    /// Who did it.
    pub by: String,
    /// The status before, by the replay.
    pub from: Option<String>,
    /// The status that it asked for.
    pub to: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Number of the document that carries the decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<String>,
    /// False if the replay passed over it (a cancellation against evidence, a closing against a dispute).
    #[serde(default = "yes", skip_serializing_if = "Clone::clone")]
    pub counts: bool,
}

fn yes() -> bool {
    true
}

/// An event with its place in the history of the document.
pub(crate) struct Placed<'a> {
    pub(crate) element: Element<'a, EventRecord>,
    pub(crate) shown: Event,
}

/// All events in the order of the replay: by hybrid logical time of the change, so that an event comes
/// after everything that its writer had seen, and inside one change by when it happened, then as written.
pub(crate) fn placed<'a>(merge: &Merge<'a>) -> Vec<Placed<'a>> {
    let facts = merge.facts;
    let mut events: Vec<_> = merge
        .elements::<EventRecord>("event")
        .into_iter()
        .map(|element| {
            let record = &element.value;
            let author = || facts.origin(element.fact).author.clone();
            let shown = Event {
                at: record.at,
                by: record.by.clone().unwrap_or_else(author),
                from: None,
                to: record.to.clone(),
                reason: record.reason.clone(),
                document: record.document.clone(),
                counts: true,
            };
            Placed { element, shown }
        })
        .collect();
    events.sort_by_key(|event| {
        let (time, device, op) = facts.order(event.element.fact);
        (time, device, event.shown.at, op)
    });
    events
}

/// How events lie to each other, by their places in the replay.
pub(crate) struct Relations {
    changes: Vec<usize>,
    /// For each change that wrote an event, the changes that its writer had seen.
    seen: HashMap<usize, Vec<bool>>,
}

impl Relations {
    pub(crate) fn new(facts: &Facts, events: &[Placed<'_>]) -> Self {
        let changes: Vec<usize> = events.iter().map(|event| event.element.fact.change).collect();
        let seen = changes.iter().map(|change| (*change, facts.seen_by(*change))).collect();
        Self { changes, seen }
    }

    /// True if the writer of `later` knew of `earlier`; in one change the one that comes first.
    pub(crate) fn knew(&self, later: usize, earlier: usize) -> bool {
        if self.changes[later] == self.changes[earlier] {
            return later > earlier;
        }
        self.seen.get(&self.changes[later]).is_some_and(|seen| seen[self.changes[earlier]])
    }

    /// True if neither writer knew of the other.
    pub(crate) fn beside(&self, a: usize, b: usize) -> bool {
        a != b && !self.knew(a, b) && !self.knew(b, a)
    }

    /// Those of `events` that no writer of another one knew of: the ends of all lines of writing.
    pub(crate) fn ends(&self, events: &[usize]) -> Vec<usize> {
        let is_end = |event: &usize| !events.iter().any(|other| other != event && self.knew(*other, *event));
        events.iter().copied().filter(is_end).collect()
    }
}

/// Tells of each event the status before it: that of the last event that its writer knew of.
pub(crate) fn tell_from(events: &mut [Placed<'_>], relations: &Relations) {
    for place in 1..events.len() {
        let before = (0..place).rev().find(|other| relations.knew(place, *other) && events[*other].shown.counts);
        events[place].shown.from = before.map(|other| events[other].shown.to.clone());
    }
}
