//! Where a visit stands: the replay of its events. Evidence wins: a meeting that took place on one phone
//! is not cancelled by another, and what was verified stays verified until somebody returns it.

use serde_json::Value as Json;

use crate::codes::VisitStatus;
use crate::events::{Placed, Relations, placed, tell_from};
use crate::merge::Merge;

/// More events than this are read, but not weighed against each other.
const MAX_WEIGHED: usize = 100;
/// What shows that a meeting took place.
const EVIDENCE: [&str; 8] = ["start", "end", "count", "group", "card", "tally", "finding", "photo"];

/// The outcome of the replay.
pub(super) struct Replay<'a> {
    pub(super) status: VisitStatus,
    pub(super) events: Vec<Placed<'a>>,
    /// The change of the verification that stands, if one does.
    pub(super) verified_in: Option<usize>,
}

/// The events of a visit, with what the replay asks about them.
struct Weighing<'e, 'a> {
    merge: &'e Merge<'a>,
    events: &'e [Placed<'a>],
    to: Vec<VisitStatus>,
    relations: Relations,
}

impl Weighing<'_, '_> {
    fn with(&self, status: &VisitStatus) -> impl Iterator<Item = usize> {
        let status = status.clone();
        (0..self.to.len()).filter(move |place| self.to[*place] == status)
    }

    fn evidence(&self) -> impl Iterator<Item = usize> {
        (0..self.to.len()).filter(|place| self.to[*place].is_held())
    }

    /// An event that does not decide where the visit stands, because of others that weigh more.
    fn passed_over(&self, place: usize) -> bool {
        let relations = &self.relations;
        match self.to[place] {
            VisitStatus::Cancelled => self.contradicted(place),
            VisitStatus::Planned | VisitStatus::Draft | VisitStatus::Submitted => {
                let lower = self.to[place] != VisitStatus::Submitted;
                let unheard = |status: &VisitStatus| self.with(status).any(|other| relations.beside(other, place));
                // Only a return opens what was verified.
                let reopened = |verified: usize| {
                    let mut returns = self.with(&VisitStatus::Returned);
                    returns.any(|returned| relations.knew(returned, verified) && relations.knew(place, returned))
                };
                unheard(&VisitStatus::Returned)
                    || (lower && unheard(&VisitStatus::Submitted))
                    || self
                        .with(&VisitStatus::Verified)
                        .any(|verified| !relations.knew(verified, place) && !reopened(verified))
            }
            _ => false,
        }
    }

    /// A cancellation by somebody who had not taken back what shows that the meeting was held.
    fn contradicted(&self, cancelled: usize) -> bool {
        let written_beside = || {
            let facts = self.merge.facts;
            let change = self.events[cancelled].element.fact.change;
            let mut written = EVIDENCE.iter().flat_map(|prefix| facts.under(prefix)).flat_map(|(_, facts)| facts);
            written.any(|fact| fact.change != change && facts.concurrent(fact.change, change))
        };
        self.evidence().any(|held| !self.relations.knew(held, cancelled)) || written_beside()
    }
}

pub(super) fn replay<'a>(merge: &mut Merge<'a>) -> Replay<'a> {
    let mut events = placed(merge);
    let weighing = Weighing {
        merge,
        events: &events,
        to: events.iter().map(|event| VisitStatus::from(event.shown.to.as_str())).collect(),
        relations: Relations::new(merge.facts, &events),
    };
    let oldest_weighed = events.len().saturating_sub(MAX_WEIGHED);
    let (passed, counting): (Vec<usize>, Vec<usize>) =
        (oldest_weighed..events.len()).partition(|place| weighing.passed_over(*place));
    let ends = weighing.relations.ends(&counting);
    let winner = ends.iter().copied().max();
    let mut disputed: Vec<usize> =
        passed.iter().copied().filter(|place| weighing.to[*place] == VisitStatus::Cancelled).collect();
    let either = |place: &usize| matches!(weighing.to[*place], VisitStatus::Verified | VisitStatus::Returned);
    if !disputed.is_empty() {
        disputed.extend(weighing.evidence());
    } else if ends.iter().filter(|end| either(end)).count() > 1
        && ends.iter().any(|end| weighing.to[*end] != weighing.to[ends[0]])
    {
        disputed.extend(&ends);
    }
    let mut status = winner.map_or(VisitStatus::Draft, |winner| weighing.to[winner].clone());
    let Weighing { relations, .. } = weighing;
    for place in passed {
        events[place].shown.counts = false;
    }
    tell_from(&mut events, &relations);
    if !disputed.is_empty() {
        let values: Vec<_> = disputed.iter().map(|place| events[*place].element.fact).collect();
        let decided = merge.note_facts("status", "evidence_wins", &values, Json::from(status.as_str()));
        if let Some(decided) = decided.as_ref().and_then(Json::as_str) {
            status = VisitStatus::from(decided);
        }
    }
    let verified_in =
        winner.filter(|_| status == VisitStatus::Verified).map(|winner| events[winner].element.fact.change);
    Replay { status, events, verified_in }
}
