//! From facts to a visit, one merge rule for each field.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde_json::Value as Json;

use super::status::replay;
use super::{
    Amendment, BrightSpot, Count, Counts, FileUse, Gps, Photo, Place, Satisfaction, SupervisionFinding, TeamMember,
    Visit,
};
use crate::codes::{Activity, FindingResponse, HotSpot, Satisfaction as SatisfactionValue, TeamRole};
use crate::document::Document;
use crate::facts::{Fact, Facts, Value};
use crate::ids::FileHash;
use crate::merge::{Element, Merge};
use crate::review::{ReviewItem, ReviewValue};

/// More people than this were not at one meeting.
pub(crate) const MAX_COUNT: i64 = 1_000_000;

/// Keys and prefixes that this version gives a meaning.
const KNOWN: &[&str] = &[
    "activity",
    "assignment",
    "bright_spot",
    "caption",
    "card",
    "count",
    "created_at",
    "created_by",
    "deleted",
    "end",
    "end_fix",
    "event",
    "finding",
    "finding_response",
    "finding_response_on",
    "follow_up_of",
    "gps",
    "gps_missing_reason",
    "group",
    "hot_spot",
    "kind",
    "language",
    "note",
    "note_written",
    "photo",
    "photo_removed",
    "place",
    "planned_on",
    "programme",
    "replicated_in",
    "review",
    "same_as",
    "start",
    "start_fix",
    "tally",
    "team",
    "unit",
    "venue",
];

pub(super) fn view(document: &Document) -> Visit {
    let changes = document.changes();
    let now = document.facts();
    let mut merge = Merge::new(&now);
    let replay = replay(&mut merge);
    let visit = match replay.verified_in {
        // A phone that was offline for a week must not silently change a verified record.
        Some(change) => {
            let verified = document.facts_of(&changes, &[now.changes[change].hash]);
            let mut visit = content(&mut Merge::at_earlier_point(&verified, &now));
            // What is taken away on privacy grounds is gone from verified records too.
            let removed: BTreeSet<&str> = now.under("photo_removed").map(|(id, _)| id).collect();
            visit.photos.retain(|photo| !removed.contains(photo.photo_id.as_str()));
            visit.amendments = amendments(&verified, &now);
            visit.amendment_pending = !visit.amendments.is_empty();
            if visit.amendment_pending {
                let _ = merge.note(amendment_item(&now, &visit.amendments));
            }
            visit
        }
        None => content(&mut merge),
    };
    let (files, removed_files) = files(&merge);
    let events = replay.events.into_iter().map(|placed| placed.shown).collect();
    let mut review = visit.review.clone();
    review.extend(merge.review);
    Visit {
        status: replay.status,
        events,
        review,
        files,
        removed_files,
        updated_at_ms: now.last_change().map_or(0, |change| change.time),
        ..visit
    }
}

/// What was written since the verification or beside it, key by key: values that were not there then.
fn amendments(verified: &Facts, now: &Facts) -> Vec<Amendment> {
    let is_content = |key: &str| !["event/", "review/", "photo_removed/"].iter().any(|prefix| key.starts_with(prefix));
    let keys: BTreeSet<&String> = verified.keys.keys().chain(now.keys.keys()).collect();
    let shown = |facts: &Facts, key: &str| facts.last(key).map_or(Json::Null, Value::to_json);
    let mut found = Vec::new();
    for key in keys.into_iter().filter(|key| is_content(key)) {
        let known = |fact: &&Fact| !verified.all(key).iter().any(|before| before.value == fact.value);
        let fresh: Vec<&Fact> = now.all(key).iter().filter(known).collect();
        let proposed = match (fresh.last(), now.all(key).is_empty()) {
            (Some(fact), _) => fact.value.to_json(),
            (None, true) => Json::Null,
            (None, false) => continue,
        };
        found.push(Amendment { field: key.replace('/', "."), verified: shown(verified, key), proposed });
    }
    let text = |facts: &Facts, key: &str| facts.texts.get(key).map_or(Json::Null, |text| text.as_str().into());
    let texts = now.texts.keys().filter(|key| text(verified, key) != text(now, key));
    found.extend(texts.map(|key| Amendment {
        field: key.clone(),
        verified: text(verified, key),
        proposed: text(now, key),
    }));
    found
}

/// One item for all amendments: verifying again takes them in, a decision without a value leaves them out.
fn amendment_item(now: &Facts, amendments: &[Amendment]) -> ReviewItem {
    let value = |amendment: &Amendment| {
        let writer = now.all(&amendment.field.replace('.', "/")).last().map(|fact| now.origin(fact));
        let (by, at_ms, device) = writer
            .map_or_else(Default::default, |origin| (origin.author.clone(), origin.time, origin.device.to_string()));
        let value = serde_json::json!({
            "field": amendment.field, "verified": amendment.verified, "proposed": amendment.proposed
        });
        ReviewValue { value, by, at_ms, device }
    };
    ReviewItem::of_values("amendment", "amendment", amendments.iter().map(value).collect(), Json::Null)
}

/// Everything but the status.
fn content(merge: &mut Merge<'_>) -> Visit {
    let facts = merge.facts;
    let team = team(merge);
    let leads: BTreeSet<&str> = leads_of(&team).collect();
    let created = facts.first_change();
    let household = is_household(facts);
    Visit {
        unit: merge.multi("unit", "unit"),
        assignment: merge.text("assignment", "assignment"),
        programme: merge.code("programme", "programme"),
        place: Place { kind: merge.code("place/kind", "place.kind"), name: merge.text("place/name", "place.name") },
        venue: merge.code("venue", "venue"),
        language_support: merge.set("language"),
        planned_on: merge.date("planned_on", "planned_on"),
        started_at: corrected(merge, "start_fix", &leads).or_else(|| merge.moments("start").min()),
        ended_at: corrected(merge, "end_fix", &leads).or_else(|| merge.moments("end").max()),
        gps: gps(merge, &leads).map(|gps| if household { gps.coarsened() } else { gps }),
        gps_missing_reason: merge.code("gps_missing_reason", "gps_missing_reason"),
        activities: merge.set("activity").iter().map(|code| Activity::from(code.as_str())).collect(),
        counts: Counts {
            residents: count(merge, "residents", &leads),
            households: count(merge, "households", &leads),
            businesses: count(merge, "businesses", &leads),
        },
        note: written_text(facts, "note"),
        photos: photos(merge),
        files: Vec::new(),
        removed_files: Vec::new(),
        hot_spot: merge
            .highest("hot_spot", "hot_spot", HotSpot::severity, Some("most_severe_until_review"))
            .unwrap_or(HotSpot::None),
        satisfaction: satisfaction(merge, &leads),
        bright_spot: bright_spot(merge),
        supervision: supervision(merge),
        follow_up_of: merge.text("follow_up_of", "follow_up_of"),
        same_as: merge.text("same_as", "same_as"),
        status: crate::codes::VisitStatus::Draft,
        events: Vec::new(),
        amendment_pending: false,
        amendments: Vec::new(),
        deleted: deleted(merge),
        created_by: earliest(facts, "created_by")
            .or_else(|| created.map(|change| change.author.clone()))
            .unwrap_or_default(),
        created_at_ms: created_at_ms(facts),
        updated_at_ms: 0,
        extra: unknown(facts, KNOWN),
        team,
        review: std::mem::take(&mut merge.review),
    }
}

/// When it was created: as written, else the time of the first change.
pub(crate) fn created_at_ms(facts: &Facts) -> i64 {
    let written = facts.all("created_at").iter().filter_map(|fact| fact.value.as_int()).min();
    written.or(facts.first_change().map(|change| change.time)).unwrap_or(0)
}

/// The first of the values of a key that is never changed.
pub(crate) fn earliest(facts: &Facts, key: &str) -> Option<String> {
    facts.all(key).first().and_then(|fact| fact.value.as_str()).map(str::to_owned)
}

/// The long text, if anybody has written it; an empty one if somebody left it empty on purpose.
pub(crate) fn written_text(facts: &Facts, key: &str) -> Option<String> {
    let text = facts.texts.get(key).filter(|text| !text.is_empty());
    let empty = || facts.last(&format!("{key}_written")).map(|_| String::new());
    text.cloned().or_else(empty)
}

/// Keys without a meaning here, kept for those who know them.
pub(crate) fn unknown(facts: &Facts, known: &[&str]) -> BTreeMap<String, Json> {
    let first = |key: &str| key.split('/').next().unwrap_or_default().to_owned();
    let unknown = facts.keys.iter().filter(|(key, _)| !known.contains(&first(key).as_str()));
    unknown.filter_map(|(key, all)| Some((key.clone(), all.last()?.value.to_json()))).collect()
}

/// True if the meeting was at somebody's home: no doorstep is shown.
pub(crate) fn is_household(facts: &Facts) -> bool {
    let said = |key: &str, code: &str| facts.all(key).iter().any(|fact| fact.value.as_str() == Some(code));
    said("programme", "household_visit") || said("venue", "household")
}

/// A deletion stands only if its writer had seen everything: an edit beside or after it wins. Other
/// deletions and decisions on review items are no edits.
pub(crate) fn deleted(merge: &mut Merge<'_>) -> bool {
    let facts = merge.facts;
    let (gone, kept): (Vec<&Fact>, Vec<&Fact>) =
        facts.all("deleted").iter().partition(|mark| mark.value != Value::Bool(false));
    let Some(last) = gone.last() else { return false };
    let decisions = facts.under("review").flat_map(|(_, facts)| facts);
    let no_edits: HashSet<usize> =
        decisions.chain(&gone.iter().copied().cloned().collect::<Vec<_>>()).map(|fact| fact.change).collect();
    let stands = |mark: &&Fact| {
        let seen = facts.seen_by(mark.change);
        (0..facts.changes.len()).all(|change| seen[change] || no_edits.contains(&change))
    };
    let deleted = kept.is_empty() && gone.iter().any(stands);
    if !deleted {
        let _ = merge.note_facts("deleted", "edit_wins", &[*last], Json::from("exists"));
    }
    deleted
}

/// The lead's correction, else the last one of anybody.
fn corrected(merge: &Merge<'_>, prefix: &str, leads: &BTreeSet<&str>) -> Option<crate::moment::Moment> {
    let facts = merge.facts;
    let corrections = facts.under(prefix).flat_map(|(official, facts)| facts.iter().map(move |fact| (official, fact)));
    let last = corrections.max_by_key(|(official, fact)| (leads.contains(official), facts.order(fact)));
    last.and_then(|(_, fact)| fact.value.as_str()?.parse().ok())
}

fn team(merge: &mut Merge<'_>) -> BTreeMap<String, TeamMember> {
    let facts = merge.facts;
    let mut team = BTreeMap::new();
    let mut leads = Vec::new();
    for (official, values) in facts.under("team") {
        let Some(fact) = values.last() else { continue };
        let Some(member) = fact.value.as_str().and_then(|text| serde_json::from_str::<TeamMember>(text).ok()) else {
            continue;
        };
        if member.role == TeamRole::Lead {
            leads.push(fact);
        }
        team.insert(official.to_owned(), member);
    }
    if leads.len() > 1 {
        // Nobody is demoted silently; the assigning office decides.
        let names: Vec<&str> = leads_of(&team).collect();
        let _ = merge.note_facts("team", "two_leads", &leads, Json::from(names));
    }
    team
}

fn leads_of(team: &BTreeMap<String, TeamMember>) -> impl Iterator<Item = &str> {
    team.iter().filter(|(_, member)| member.role == TeamRole::Lead).map(|(official, _)| official.as_str())
}

/// What one official wrote, all values of it: two phones of one official may differ too.
type Written<'a> = Vec<(&'a str, &'a Fact)>;

fn written_under<'a>(facts: &'a Facts, prefix: &'a str) -> Written<'a> {
    facts.under(prefix).flat_map(|(official, facts)| facts.iter().map(move |fact| (official, fact))).collect()
}

/// The lead's value, else the one written first.
fn of_lead_or_first<'a>(facts: &Facts, written: &Written<'a>, leads: &BTreeSet<&str>) -> Option<(&'a str, &'a Fact)> {
    let first = written.iter().min_by_key(|(_, fact)| facts.order(fact));
    written.iter().rev().find(|(official, _)| leads.contains(official)).or(first).copied()
}

/// A number of people; anything else is no count.
fn counted(fact: &Fact) -> Option<i64> {
    fact.value.as_int().filter(|n| (0..=MAX_COUNT).contains(n))
}

fn count(merge: &mut Merge<'_>, what: &str, leads: &BTreeSet<&str>) -> Count {
    let facts = merge.facts;
    let (prefix, group_prefix) = (format!("count/{what}"), format!("group/{what}"));
    let mut written = written_under(facts, &prefix);
    let mut count = Count::default();
    count.values.extend(written.iter().map(|(official, fact)| ((*official).to_owned(), counted(fact))));
    written.retain(|(_, fact)| counted(fact).is_some());
    for (group, values) in facts.under(&group_prefix) {
        // Two figures for one group: the larger, so that nobody who came is left out.
        let largest = values.iter().filter_map(counted).max();
        count.groups.extend(largest.map(|n| (group.to_owned(), n)));
    }
    if let Some((official, fact)) = of_lead_or_first(facts, &written, leads) {
        count.effective = counted(fact);
        count.from = Some(official.to_owned());
    }
    if !count.groups.is_empty() {
        count.effective = Some(count.groups.values().sum());
        count.from = Some("groups".to_owned());
    }
    if written.iter().any(|(_, fact)| counted(fact) != count.effective) {
        let values: Vec<_> = written.iter().map(|(_, fact)| *fact).collect();
        let effective = count.effective.map_or(Json::Null, Json::from);
        let decided = merge.note_facts(&format!("counts.{what}"), "per_official_register", &values, effective);
        if let Some(decided) = decided.and_then(|value| value.as_i64()) {
            count.effective = Some(decided);
            count.from = Some("review".to_owned());
        }
    }
    count
}

fn gps(merge: &Merge<'_>, leads: &BTreeSet<&str>) -> Option<Gps> {
    let fixes = merge.elements::<Gps>("gps").into_iter().filter(|fix| fix.value.is_possible());
    let facts = merge.facts;
    let is_pin = |author: &str, gps: &Gps| gps.source == "manual" && leads.contains(author);
    let (mut pins, mut others) = (Vec::new(), Vec::new());
    for fix in fixes {
        let list = if is_pin(&facts.origin(fix.fact).author, &fix.value) { &mut pins } else { &mut others };
        list.push(fix);
    }
    // Of pins the latest; of fixes the most precise, then the earliest.
    let finer = |a: &Element<'_, Gps>, b: &Element<'_, Gps>| {
        a.value.accuracy_m.total_cmp(&b.value.accuracy_m).then_with(|| facts.order(a.fact).cmp(&facts.order(b.fact)))
    };
    pins.pop().or_else(|| others.into_iter().min_by(finer)).map(|fix| fix.value)
}

fn photos(merge: &mut Merge<'_>) -> Vec<Photo> {
    let removed = merge.set("photo_removed");
    let elements = merge.elements::<Photo>("photo");
    let mut photos = Vec::new();
    for element in elements {
        // Removal on privacy grounds beats any edit beside it.
        if removed.contains(element.name) {
            continue;
        }
        let key = format!("caption/{}", element.name);
        let caption = merge.text(&key, &format!("photos.{}.caption", element.name));
        photos.push(Photo { photo_id: element.name.to_owned(), caption, ..element.value });
    }
    photos
}

/// The files that are named now, and those that were until they were taken away and that no other photograph shares.
fn files(merge: &Merge<'_>) -> (Vec<FileUse>, Vec<FileHash>) {
    let removed = merge.set("photo_removed");
    let elements = merge.elements::<Photo>("photo");
    let (gone, kept): (Vec<_>, Vec<_>) = elements.iter().partition(|element| removed.contains(element.name));
    let all = |elements: &[&Element<'_, Photo>]| elements.iter().flat_map(|one| one.value.files()).collect();
    let (gone, kept): (BTreeSet<FileUse>, BTreeSet<FileUse>) = (all(&gone), all(&kept));
    let names: BTreeSet<FileHash> = kept.iter().map(|file| file.hash).collect();
    let gone: BTreeSet<FileHash> = gone.iter().map(|file| file.hash).collect();
    (kept.into_iter().collect(), gone.difference(&names).copied().collect())
}

fn satisfaction(merge: &mut Merge<'_>, leads: &BTreeSet<&str>) -> Option<Satisfaction> {
    let facts = merge.facts;
    let tally = |fact: &Fact| {
        let tally = fact.value.as_str().and_then(|text| serde_json::from_str::<Satisfaction>(text).ok());
        tally.filter(|tally| tally.is_possible(MAX_COUNT))
    };
    let mut written = written_under(facts, "tally");
    written.retain(|(_, fact)| tally(fact).is_some());
    let chosen = of_lead_or_first(facts, &written, leads);
    let mut total = chosen.and_then(|(_, fact)| tally(fact));
    // Two officials' tallies are of the same cards: compared, never summed.
    if written.iter().any(|(_, fact)| tally(fact) != total) {
        let values: Vec<_> = written.iter().map(|(_, fact)| *fact).collect();
        let effective = chosen.map_or(Json::Null, |(_, fact)| fact.value.to_json());
        let decided = merge.note_facts("satisfaction", "per_official_register", &values, effective);
        total = decided.and_then(|value| serde_json::from_value(value).ok()).or(total);
    }
    for (_, values) in facts.under("card") {
        let Some(value) = values.last().and_then(|fact| fact.value.as_str()) else { continue };
        if let Some(count) = total.get_or_insert_default().of_mut(&SatisfactionValue::from(value)) {
            *count += 1;
        }
    }
    total
}

fn bright_spot(merge: &mut Merge<'_>) -> Option<BrightSpot> {
    merge.facts.under("bright_spot").next()?;
    Some(BrightSpot {
        title: merge.text("bright_spot/title", "bright_spot.title"),
        field: merge.code("bright_spot/field", "bright_spot.field"),
        difficulty: merge.text("bright_spot/difficulty", "bright_spot.difficulty"),
        stage: merge.code("bright_spot/stage", "bright_spot.stage"),
        evidence: merge.text("bright_spot/evidence", "bright_spot.evidence"),
        document: merge.text("bright_spot/document", "bright_spot.document"),
        replicated_in: merge.set("replicated_in"),
    })
}

fn supervision(merge: &mut Merge<'_>) -> Vec<SupervisionFinding> {
    let mut findings = Vec::new();
    for element in merge.elements::<SupervisionFinding>("finding") {
        let later = |merge: &mut Merge<'_>, what: &str| {
            merge.text(&format!("finding_{what}/{}", element.name), &format!("supervision.{}.{what}", element.name))
        };
        let response = later(merge, "response").map(|code| FindingResponse::from(code.as_str()));
        let response_on = later(merge, "response_on").and_then(|text| text.parse().ok());
        findings.push(SupervisionFinding {
            name: element.name.to_owned(),
            response: response.or(element.value.response),
            response_on: response_on.or(element.value.response_on),
            ..element.value
        });
    }
    findings
}
