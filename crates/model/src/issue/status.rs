//! Where an issue stands: the replay of its events.
//!
//! Along one line of writing the last event holds. Where lines were written beside each other, a dispute
//! wins over a settlement that had not heard of it, work wins over a way out of the procedure, and further
//! along wins over less far; what a person should see is noted.

use serde_json::Value as Json;

use super::Withdrawal;
use crate::codes::IssueStatus;
use crate::events::{Placed, Relations, placed, tell_from};
use crate::merge::Merge;

/// More events than this are read, but not weighed against each other.
const MAX_WEIGHED: usize = 100;

pub(super) fn replay<'a>(merge: &mut Merge<'a>) -> (IssueStatus, Vec<Placed<'a>>) {
    let facts = merge.facts;
    let mut events = placed(merge);
    let relations = Relations::new(facts, &events);
    let to: Vec<IssueStatus> = events.iter().map(|event| IssueStatus::from(event.shown.to.as_str())).collect();
    let oldest_weighed = events.len().saturating_sub(MAX_WEIGHED);
    let grounded = |place: &usize| to[*place] != IssueStatus::Withdrawn || has_statement(merge, &events[*place]);
    let (counting, groundless): (Vec<usize>, Vec<usize>) = (oldest_weighed..events.len()).partition(grounded);
    let disputes: Vec<usize> = counting.iter().copied().filter(|place| to[*place] == IssueStatus::Reopened).collect();
    let unheard = |place: usize| disputes.iter().copied().find(|dispute| relations.beside(*dispute, place));
    let mut contending = Vec::new();
    let mut ends = relations.ends(&counting);
    let all_ends = ends.clone();
    // What was settled without having heard of a dispute is not settled.
    ends.retain(|end| match unheard(*end).filter(|_| to[*end].is_settled()) {
        Some(dispute) => {
            contending.extend([dispute, *end]);
            false
        }
        None => true,
    });
    if ends.is_empty() {
        ends.extend(disputes.iter().max());
    }
    let winner = ends.iter().copied().max_by_key(|end| (to[*end].progress(), *end));
    let exits = all_ends.iter().any(|end| to[*end].is_exit());
    if exits && all_ends.iter().any(|end| to[*end] != to[all_ends[0]]) {
        contending.extend(&all_ends);
    }
    let mut status = winner.map_or(IssueStatus::Recorded, |winner| to[winner].clone());
    for place in all_ends.into_iter().chain(groundless.iter().copied()) {
        events[place].shown.counts = winner.is_some_and(|winner| place == winner || relations.knew(winner, place))
            || !(contending.contains(&place) || groundless.contains(&place));
    }
    tell_from(&mut events, &relations);
    contending.sort_unstable();
    contending.dedup();
    for (places, rule) in [(contending, "event_log_union"), (groundless, "withdrawal_without_statement")] {
        if let Some(decided) = note(merge, &events, &places, rule, &status) {
            status = decided;
        }
    }
    note_missing_reply(merge, &events, &status);
    (status, events)
}

/// A withdrawal counts only with the petitioner's own statement.
fn has_statement(merge: &Merge<'_>, event: &Placed<'_>) -> bool {
    let by_itself = merge.facts.text("withdrawal").and_then(|text| serde_json::from_str::<Withdrawal>(text).ok());
    let by_itself = by_itself.map(|withdrawal| withdrawal.statement);
    event.element.value.statement.iter().chain(&by_itself).any(|statement| !statement.trim().is_empty())
}

fn note(
    merge: &mut Merge<'_>,
    events: &[Placed<'_>],
    places: &[usize],
    rule: &str,
    status: &IssueStatus,
) -> Option<IssueStatus> {
    if places.is_empty() {
        return None;
    }
    let values: Vec<_> = places.iter().map(|place| events[*place].element.fact).collect();
    let decided = merge.note_facts("status", rule, &values, Json::from(status.as_str()))?;
    decided.as_str().map(IssueStatus::from)
}

/// Business rules refuse nothing, but a person is told what a step lacks.
fn note_missing_reply(merge: &mut Merge<'_>, events: &[Placed<'_>], status: &IssueStatus) {
    let Some(closed) = events.iter().rposition(|event| event.shown.to == IssueStatus::Closed.as_str()) else { return };
    let facts = merge.facts;
    let replied = events.iter().any(|event| event.shown.to == IssueStatus::Replied.as_str())
        || facts.under("reply").next().is_some()
        || facts.last("reply_channel").is_some();
    if *status == IssueStatus::Closed && !replied {
        note(merge, events, &[closed], "closed_without_reply", status);
    }
}
