//! The merge cases of the field: two devices edit one record without seeing each other; whatever the
//! order in which the edits arrive, and however often, the result is the one wanted.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use gandan_model::document::{Document, NewChange, Stamp};
use gandan_model::genesis::DocKind;
use gandan_model::ids::DeviceId;
use gandan_model::issue::Issue;
use gandan_model::moment::Moment;
use gandan_model::patch::FieldEdit;
use gandan_model::record::Record;
use gandan_model::review::ReviewItem;
use gandan_model::rules::Rules;
use gandan_model::visit::Visit;
use serde_json::{Value as Json, json};
// In a browser's engine the tests are run by another harness.
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const UNIT: &str = "24781";

struct Case {
    json: Json,
    name: String,
    field: String,
    kind: DocKind,
}

/// What all devices hold afterwards.
struct Merged {
    record: Record,
    review: Vec<ReviewItem>,
}

impl Merged {
    fn visit(&self) -> &Visit {
        let Record::Visit(visit) = &self.record else { panic!("not a visit") };
        visit
    }

    fn issue(&self) -> &Issue {
        let Record::Issue(issue) = &self.record else { panic!("not an issue") };
        issue
    }

    fn item(&self, field: &str) -> Option<&ReviewItem> {
        self.review.iter().find(|item| item.field == field)
    }
}

fn cases() -> Vec<Case> {
    let text = include_str!("../../../tests/fixtures/merge-cases.jsonl");
    let case = |line: &str| {
        let json: Json = serde_json::from_str(line).unwrap();
        let text = |name: &str| json[name].as_str().unwrap().to_owned();
        let kind = if json["entity"] == "visit" { DocKind::Visit } else { DocKind::Issue };
        Case { name: text("case"), field: text("field"), kind, json }
    };
    text.lines().map(case).collect()
}

fn edit(field: &str, value: impl Into<Json>) -> Vec<FieldEdit> {
    vec![FieldEdit::new(field, value)]
}

/// What stood there before the two set out, and one field besides, so that there is a change in any case.
fn base(case: &Case) -> Vec<FieldEdit> {
    let besides = edit(if case.kind == DocKind::Visit { "venue" } else { "field" }, "other");
    [besides, base_edits(case)].concat()
}

fn base_edits(case: &Case) -> Vec<FieldEdit> {
    let base = &case.json["base"];
    match case.name.as_str() {
        "residents-whole-meeting" => [edit("team.CB-001", "lead"), edit("team.CB-002", "recorder")].concat(),
        "satisfaction-cards" => edit("satisfaction", base.clone()),
        "activities" => edit("activities", base.clone()),
        "officials-two-leads" => [edit("team.CB-001", "member"), edit("team.CB-002", "member")].concat(),
        "photo-add-vs-privacy-remove" => edit("photos.p1", json!({"mime": "image/jpeg", "people_visible": "crowd"})),
        "status-cancelled-vs-held" => edit("status", "planned"),
        "issue-status-close-vs-reopen" => edit("status", "replied"),
        "issue-delete-vs-edit" => edit("title", "Cống nghẹt"),
        "issue-erase-vs-edit" => {
            [edit("title", "Cống nghẹt"), edit("description", "ý đầu"), edit("reporter.consent", "given")].concat()
        }
        "verified-then-late-edit" => [edit("note", "Bản đã nộp."), edit("status", "submitted")].concat(),
        "issue-due" => [edit("kind", "feedback"), edit("received_on", "2026-08-03")].concat(),
        _ if base.is_null() || case.name == "issue-replies" => Vec::new(),
        _ => edit(&case.field, base.clone()),
    }
}

/// What a device does.
fn device_edits(case: &Case, edits: &Json) -> Vec<FieldEdit> {
    let set = &edits["set"];
    let list = |name: &str| set[name].as_array().cloned().unwrap_or_default();
    match case.name.as_str() {
        "residents-split-groups" => {
            let group = set["group"].as_str().unwrap();
            edit(&format!("counts.residents.groups.{group}"), set["n"].clone())
        }
        "satisfaction-cards" => {
            let card = |id: &Json| FieldEdit::new(format!("satisfaction.cards.{}", id.as_str().unwrap()), "satisfied");
            list("add_cards").iter().map(card).collect()
        }
        "activities" => [edit("activities.add", list("add")), edit("activities.remove", list("remove"))].concat(),
        "officials-two-leads" => {
            let (official, role) = set.as_object().unwrap().iter().next().unwrap();
            edit(&format!("team.{official}"), role.clone())
        }
        "photo-add-vs-privacy-remove" if set["caption"].is_object() => {
            edit("photos.p1.caption", set["caption"]["p1"].clone())
        }
        "photo-add-vs-privacy-remove" => edit("photos.p1.privacy_remove", true),
        "status-cancelled-vs-held" | "issue-status-close-vs-reopen" => {
            edit("status", json!({"to": set, "at": edits["at"]}))
        }
        "issue-due" => edit("received_on", if edits["device"] == "A" { "2026-08-02" } else { "2026-08-04" }),
        "issue-delete-vs-edit" if set == "deleted" => edit("deleted", true),
        "issue-delete-vs-edit" => edit("description", set["description"].clone()),
        "issue-erase-vs-edit" if set.is_string() => edit("erased", "request"),
        "issue-erase-vs-edit" => {
            [edit("reporter.contact_ref", set["contact_ref"].clone()), edit("description", set["description"].clone())]
                .concat()
        }
        "issue-replies" => edit(
            &format!("reply.{}", set["append"].as_str().unwrap()),
            json!({
                "at": edits["at"], "text": set["append"]
            }),
        ),
        "verified-then-late-edit" if set == "verified" => edit("status", "verified"),
        _ => edit(&case.field, set.clone()),
    }
}

fn stamp(device: u8, author: &str, now_ms: i64) -> Stamp {
    Stamp { device: DeviceId([device; 8]), author: author.to_owned(), now_ms }
}

fn run(case: &Case) -> Merged {
    let mut document = Document::new(case.kind);
    let start = "2026-09-13T07:00:00+07:00".parse::<Moment>().unwrap().ms();
    let first = document.patch(&stamp(9, "CB-001", start), &base(case)).unwrap().unwrap();
    let changes: Vec<NewChange> = case.json["edits"]
        .as_array()
        .unwrap()
        .iter()
        .zip([1, 2])
        .filter_map(|(edits, device)| {
            let at = edits["at"].as_str().unwrap().parse::<Moment>().unwrap().ms();
            let stamp = stamp(device, edits["by"].as_str().unwrap(), at);
            document.clone().patch(&stamp, &device_edits(case, edits)).unwrap()
        })
        .collect();
    assert!(!changes.is_empty(), "{}", case.name);
    let all: Vec<&[u8]> = changes.iter().map(|change| change.raw.as_slice()).collect();
    let reversed: Vec<&[u8]> = all.iter().rev().copied().collect();
    let mut results = Vec::new();
    for order in [[&all[..], &[]], [&reversed, &[]], [&all, &reversed], [&reversed, &reversed]] {
        let mut device = Document::from_changes([first.raw.as_slice()]).unwrap();
        for changes in order {
            device.apply(changes.iter().copied()).unwrap();
        }
        results.push(Record::of(&device, &Rules::default(), UNIT));
    }
    for other in &results[1..] {
        assert_eq!(*other, results[0], "{}", case.name);
    }
    let record = results.remove(0);
    let review = record.review().to_vec();
    Merged { record, review }
}

fn codes<T: ToString>(items: impl IntoIterator<Item = T>) -> Vec<String> {
    let mut codes: Vec<_> = items.into_iter().map(|item| item.to_string()).collect();
    codes.sort();
    codes
}

fn check(case: &Case, merged: &Merged) {
    let expected = &case.json["expected"];
    match case.name.as_str() {
        "note-two-authors" => {
            let note = merged.visit().note.as_deref().unwrap();
            for part in expected["must_contain"].as_array().unwrap() {
                assert!(note.contains(part.as_str().unwrap()), "{note}");
            }
        }
        "residents-whole-meeting" => {
            let count = &merged.visit().counts.residents;
            assert_eq!(json!(count.values), expected["values"]);
            assert_eq!(json!(count.effective), expected["effective"]);
            assert_eq!(count.from.as_deref(), Some("CB-001"));
        }
        "residents-split-groups" => assert_eq!(json!(merged.visit().counts.residents.effective), expected["effective"]),
        "satisfaction-cards" => {
            assert_eq!(json!(merged.visit().satisfaction.as_ref().unwrap().satisfied), expected["satisfied"]);
        }
        "activities" => assert_eq!(json!(codes(&merged.visit().activities)), *expected),
        "officials-two-leads" => {
            let roles: std::collections::BTreeMap<_, _> =
                merged.visit().team.iter().map(|(official, member)| (official, member.role.as_str())).collect();
            assert_eq!(json!(roles), *expected);
        }
        "started-at" => assert_eq!(merged.visit().started_at.unwrap().to_string(), expected.as_str().unwrap()),
        "ended-at" => assert_eq!(merged.visit().ended_at.unwrap().to_string(), expected.as_str().unwrap()),
        "photo-add-vs-privacy-remove" => assert!(merged.visit().photos.is_empty()),
        "status-cancelled-vs-held" => assert_eq!(merged.visit().status.as_str(), *expected),
        "hot-spot" => assert_eq!(merged.visit().hot_spot.as_str(), *expected),
        "issue-title" => {
            assert_eq!(json!(merged.issue().title), expected["effective"]);
            assert_eq!(merged.item("title").unwrap().values[0].value, expected["kept_other"]);
        }
        "issue-kind" => assert_eq!(merged.issue().kind.as_ref().unwrap().as_str(), *expected),
        "issue-confidentiality" => assert_eq!(merged.issue().confidentiality.as_str(), *expected),
        "issue-priority" => assert_eq!(merged.issue().priority.as_str(), *expected),
        "issue-agency" => {
            assert!(merged.issue().agency_conflict && merged.issue().responsible_agency.is_none());
            let values: Vec<_> =
                merged.item("responsible_agency").unwrap().values.iter().map(|v| v.value.clone()).collect();
            assert_eq!(json!(values), expected["values"]);
        }
        "issue-status-close-vs-reopen" => assert_eq!(merged.issue().status.as_str(), *expected),
        "issue-received-on" => assert_eq!(merged.issue().received_on.unwrap().to_string(), expected.as_str().unwrap()),
        "issue-due" => {
            assert_eq!(merged.issue().received_on.unwrap().to_string(), "2026-08-02");
            assert_eq!(merged.issue().due.first_notice.as_ref().unwrap().on.to_string(), "2026-08-14");
        }
        "issue-delete-vs-edit" => {
            assert!(!merged.issue().deleted);
            assert_eq!(merged.issue().description.as_deref(), Some("Bổ sung số hộ bị ảnh hưởng: 14"));
        }
        "issue-erase-vs-edit" => {
            let issue = merged.issue();
            assert!(issue.erased && issue.description.is_none() && issue.reporter.contact_ref.is_none());
        }
        "issue-replies" => {
            assert_eq!(json!(merged.issue().replies.iter().map(|r| &r.text).collect::<Vec<_>>()), *expected);
        }
        "verified-then-late-edit" => {
            let visit = merged.visit();
            assert!(visit.amendment_pending);
            assert_eq!(visit.note.as_deref(), Some("Bản đã nộp."));
            assert_eq!(visit.amendments[0].proposed, "Bổ sung: có thêm 01 ý kiến");
        }
        other => panic!("no check for {other}"),
    }
}

/// A person must look at it exactly where the case says so.
fn check_review(case: &Case, merged: &Merged) {
    let needs_review = case.json["needs_review"].as_bool().unwrap();
    assert_eq!(!merged.review.is_empty(), needs_review, "{}: {:?}", case.name, merged.review);
}

#[test]
fn every_merge_case_gives_what_the_field_wants() {
    let cases = cases();
    assert_eq!(cases.len(), 23);
    for case in &cases {
        let merged = run(case);
        check(case, &merged);
        check_review(case, &merged);
    }
}

/// Somebody who has seen both values decides; a value that arrives later opens the matter again.
#[test]
fn a_decision_settles_a_review_item_until_something_new_arrives() {
    let mut ours = Document::new(DocKind::Issue);
    let first = ours.patch(&stamp(9, "CB-001", 1_000), &edit("responsible_agency", "UBND_A")).unwrap().unwrap();
    let mut theirs = Document::from_changes([first.raw.as_slice()]).unwrap();
    let mut late = theirs.clone();
    ours.patch(&stamp(1, "CB-001", 2_000), &edit("responsible_agency", "SO_XD")).unwrap();
    let other = theirs.patch(&stamp(2, "CB-002", 2_001), &edit("responsible_agency", "UBND_X")).unwrap().unwrap();
    ours.apply([other.raw.as_slice()]).unwrap();
    let issue = |document: &Document| Issue::of(document, &Rules::default(), UNIT);
    assert_eq!(issue(&ours).review.len(), 1);
    ours.patch(&stamp(3, "staff", 3_000), &edit("review.responsible_agency", "SO_XD")).unwrap();
    assert_eq!(issue(&ours).responsible_agency.as_deref(), Some("SO_XD"));
    assert!(issue(&ours).review.is_empty());
    let third = late.patch(&stamp(4, "CB-004", 2_500), &edit("responsible_agency", "UBND_Z")).unwrap().unwrap();
    ours.apply([third.raw.as_slice()]).unwrap();
    assert!(issue(&ours).agency_conflict && issue(&ours).review.len() == 1);
}

/// A count that the lead corrects after seeing both is settled by accepting what is shown.
#[test]
fn accepting_what_is_shown_settles_counts() {
    let mut document = Document::new(DocKind::Visit);
    document
        .patch(&stamp(1, "CB-001", 1), &[edit("team.CB-001", "lead"), edit("counts.residents", 46)].concat())
        .unwrap();
    document.patch(&stamp(2, "CB-002", 2), &edit("counts.residents", 52)).unwrap();
    assert_eq!(Visit::of(&document).review.len(), 1);
    document.patch(&stamp(1, "CB-001", 3), &edit("review.counts.residents", Json::Null)).unwrap();
    assert!(Visit::of(&document).review.is_empty());
    document.patch(&stamp(2, "CB-002", 4), &edit("counts.residents", 53)).unwrap();
    assert_eq!(Visit::of(&document).review.len(), 1);
}

/// A commit from 2030 does not decide over everybody who comes after it and has seen it.
#[test]
fn a_clock_from_the_future_poisons_nothing() {
    let mut document = Document::new(DocKind::Issue);
    document.patch(&stamp(1, "CB-001", 1_900_000_000_000), &edit("title", "từ năm 2030")).unwrap();
    document.patch(&stamp(2, "CB-002", 1_790_000_000_000), &edit("title", "hôm nay")).unwrap();
    let issue = Issue::of(&document, &Rules::default(), UNIT);
    assert_eq!((issue.title.as_deref(), issue.review.len()), (Some("hôm nay"), 0));
}

/// Keys and codes of a newer app pass through an edit by this one.
#[test]
fn unknown_fields_and_codes_survive() {
    let mut newer = Document::new(DocKind::Visit);
    let change = newer
        .edit::<gandan_model::document::DocumentError>(&stamp(1, "CB-001", 1), |editor| {
            editor.set("drone_survey", "yes")?;
            editor.set("programme", "night_market")?;
            editor.set("event/aaaa", r#"{"to":"submitted","at":"2026-09-13T09:10:00+07:00","mood":"calm"}"#)
        })
        .unwrap()
        .unwrap();
    let mut older = Document::from_changes([change.raw.as_slice()]).unwrap();
    older.patch(&stamp(2, "CB-002", 2), &edit("note", "Ghi thêm")).unwrap();
    let visit = Visit::of(&older);
    assert_eq!(visit.extra["drone_survey"], "yes");
    assert_eq!(visit.programme.unwrap().as_str(), "night_market");
    assert!(older.facts().text("event/aaaa").unwrap().contains("calm"));
}
