//! From facts to an issue, one merge rule for each field.

use serde_json::Value as Json;

use super::status::replay;
use super::{Clock, Issue, LongStanding, Reply, Reporter, Withdrawal};
use crate::codes::{Confidentiality, Confirmation, Consent, IssueKind, IssueStatus, Priority};
use crate::deadlines::{Complexity, Due, Instance};
use crate::document::Document;
use crate::duplicates::Canonical;
use crate::facts::{Facts, Value};
use crate::merge::Merge;
use crate::rules::Rules;
use crate::visit::{created_at_ms, deleted, earliest, unknown, written_text};

/// Keys and prefixes that this version gives a meaning.
const KNOWN: &[&str] = &[
    "accepted_on",
    "agency",
    "complaint_instance",
    "complexity",
    "confidentiality",
    "conclusion_due",
    "confirmation",
    "created_at",
    "created_by",
    "deleted",
    "description",
    "description_written",
    "dialogue",
    "document",
    "duplicate_of",
    "erased",
    "event",
    "field",
    "hot_spot",
    "issue_kind",
    "kind",
    "long_standing",
    "outcome",
    "place_detail",
    "priority",
    "project_ref",
    "received_on",
    "recorded_by",
    "remote",
    "replied_on",
    "reply",
    "reply_channel",
    "reporter",
    "result_text",
    "review",
    "several_places",
    "ticket",
    "ticket_settled",
    "title",
    "visit",
    "withdrawal",
];

pub(super) fn view(document: &Document, rules: &Rules, unit: &str, matter: Option<&Canonical>) -> Issue {
    let facts = document.facts();
    let mut merge = Merge::new(&facts);
    let (status, placed) = replay(&mut merge);
    let mut issue = content(&mut merge);
    issue.status = status;
    issue.events = placed.into_iter().map(|placed| placed.shown).collect();
    issue.clock = clock(&issue, &facts);
    issue.due = issue.clock.due(rules, unit, matter);
    issue.review.append(&mut merge.review);
    if issue.erased || issue.is_sealed() {
        blank(&mut issue);
    }
    if issue.reporter.consent != Some(Consent::Given) {
        issue.review.retain(|item| item.field != "reporter.contact_ref");
    }
    issue
}

fn clock(issue: &Issue, facts: &Facts) -> Clock {
    let second = facts.text("complaint_instance") == Some("second");
    Clock {
        kind: issue.kind.clone(),
        received_on: issue.received_on,
        accepted_on: issue.accepted_on,
        remote: flag(facts, "remote"),
        complexity: issue.complexity,
        instance: if second { Instance::Second } else { Instance::First },
        several_places: flag(facts, "several_places").unwrap_or(false),
        duplicate: issue.status == IssueStatus::Duplicate || issue.duplicate_of.is_some(),
    }
}

fn content(merge: &mut Merge<'_>) -> Issue {
    let facts = merge.facts;
    let created = facts.first_change();
    let agency = merge.multi("agency", "responsible_agency");
    Issue {
        visit: merge.text("visit", "visit"),
        // The number of the office, once it has given one, in place of the one made on the phone.
        ticket: earliest(facts, "ticket_settled").or_else(|| earliest(facts, "ticket")),
        kind: merge.highest("issue_kind", "kind", IssueKind::strictness, Some("legally_stricter_until_review")),
        field: merge.code("field", "field"),
        title: merge.text("title", "title"),
        description: written_text(facts, "description"),
        place_detail: merge.text("place_detail", "place_detail"),
        priority: merge.highest("priority", "priority", Priority::rank, None).unwrap_or(Priority::Normal),
        reporter: reporter(merge),
        confidentiality: merge
            .highest("confidentiality", "confidentiality", Confidentiality::strictness, None)
            .unwrap_or(Confidentiality::Normal),
        recorded_by: earliest(facts, "recorded_by"),
        received_on: merge.earliest_date("received_on"),
        accepted_on: merge.earliest_date("accepted_on"),
        agency_conflict: agency.is_none() && !facts.all("agency").is_empty(),
        responsible_agency: agency,
        due: Due::default(),
        clock: Clock::default(),
        complexity: complexity(facts),
        status: IssueStatus::Recorded,
        events: Vec::new(),
        replies: replies(merge),
        outcome: merge.code("outcome", "outcome"),
        result_text: merge.text("result_text", "result_text"),
        reply_channel: merge.code("reply_channel", "reply_channel"),
        replied_on: merge.date("replied_on", "replied_on"),
        resident_confirmation: merge.highest(
            "confirmation",
            "resident_confirmation",
            Confirmation::rank,
            Some("disputed_wins"),
        ),
        long_standing: long_standing(merge),
        // The highest level until somebody lowers it knowingly.
        hot_spot: facts.all("hot_spot").iter().any(|fact| fact.value == Value::Bool(true)),
        duplicate_of: merge.text("duplicate_of", "duplicate_of"),
        project_ref: merge.text("project_ref", "project_ref"),
        dialogue: merge.text("dialogue", "dialogue"),
        conclusion_due: merge.date("conclusion_due", "conclusion_due"),
        documents: merge.set("document"),
        withdrawal: withdrawal(merge),
        erased: facts.last("erased").is_some(),
        deleted: deleted(merge),
        created_by: earliest(facts, "created_by")
            .or_else(|| created.map(|change| change.author.clone()))
            .unwrap_or_default(),
        created_at_ms: created_at_ms(facts),
        updated_at_ms: facts.last_change().map_or(0, |change| change.time),
        extra: unknown(facts, KNOWN),
        review: std::mem::take(&mut merge.review),
    }
}

/// The longest limits that anybody found applicable.
fn complexity(facts: &Facts) -> Complexity {
    let codes = facts.all("complexity").iter().filter_map(|fact| fact.value.as_str());
    let levels = codes.map(|code| match code {
        "normal" => Complexity::Normal,
        "especially_complex" => Complexity::EspeciallyComplex,
        _ => Complexity::Complex,
    });
    levels.max().unwrap_or_default()
}

fn flag(facts: &Facts, key: &str) -> Option<bool> {
    match facts.last(key) {
        Some(Value::Bool(flag)) => Some(*flag),
        _ => None,
    }
}

fn reporter(merge: &mut Merge<'_>) -> Reporter {
    let consent = merge.highest("reporter/consent", "reporter.consent", Consent::protectiveness, None);
    let contact = merge.text("reporter/contact_ref", "reporter.contact_ref");
    let may_be_kept = matches!(consent, Some(Consent::Given));
    let moment = |text: Option<String>| text.and_then(|text| text.parse().ok());
    Reporter {
        mode: merge.code("reporter/mode", "reporter.mode"),
        contact_ref: contact.filter(|_| may_be_kept),
        consent,
        consent_at: moment(merge.text("reporter/consent_at", "reporter.consent_at")),
        consent_method: merge.text("reporter/consent_method", "reporter.consent_method"),
        withdrawn_at: moment(merge.text("reporter/withdrawn_at", "reporter.withdrawn_at")),
    }
}

fn replies(merge: &Merge<'_>) -> Vec<Reply> {
    merge.elements::<Reply>("reply").into_iter().map(|element| element.value).collect()
}

fn long_standing(merge: &mut Merge<'_>) -> Option<LongStanding> {
    let text = merge.text("long_standing", "long_standing")?;
    serde_json::from_str(&text).ok()
}

fn withdrawal(merge: &mut Merge<'_>) -> Option<Withdrawal> {
    let text = merge.text("withdrawal", "withdrawal")?;
    serde_json::from_str(&text).ok()
}

/// Erasure wins over whatever was written beside it, and of what is sealed nothing shows: no words are
/// left, codes and dates stay for counting.
fn blank(issue: &mut Issue) {
    for words in [
        &mut issue.title,
        &mut issue.description,
        &mut issue.place_detail,
        &mut issue.result_text,
        &mut issue.project_ref,
        &mut issue.reporter.contact_ref,
    ] {
        *words = None;
    }
    if issue.is_sealed() {
        issue.ticket = None;
        issue.responsible_agency = None;
    }
    issue.documents.clear();
    issue.extra.clear();
    for reply in &mut issue.replies {
        reply.text = None;
        reply.extra.clear();
    }
    for event in &mut issue.events {
        event.reason = None;
        event.document = None;
    }
    if let Some(withdrawal) = &mut issue.withdrawal {
        withdrawal.statement.clear();
        withdrawal.extra.clear();
    }
    for item in &mut issue.review {
        item.values.iter_mut().for_each(|value| value.value = Json::Null);
        item.effective = Json::Null;
    }
}
