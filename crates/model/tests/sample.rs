//! The sixty sample visits, read, written, viewed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use gandan_model::document::{Document, Stamp};
use gandan_model::genesis::DocKind;
use gandan_model::ids::DeviceId;
use gandan_model::issue::Issue;
use gandan_model::record::Record;
use gandan_model::rules::Rules;
use gandan_model::sample::read_line;
use gandan_model::visit::Visit;
use serde_json::Value as Json;
// In a browser's engine the tests are run by another harness.
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn lines() -> impl Iterator<Item = &'static str> {
    include_str!("../../../tests/fixtures/visits-sample.jsonl").lines()
}

fn stamp(author: &str) -> Stamp {
    Stamp { device: DeviceId([1, 2, 3, 4, 5, 6, 7, 8]), author: author.to_owned(), now_ms: 1_790_000_000_000 }
}

fn lead(line: &Json) -> String {
    let officials = line["officials"].as_array().unwrap();
    officials.iter().find(|o| o["role"] == "lead").unwrap()["official_id"].as_str().unwrap().to_owned()
}

fn nfc(value: &Json) -> Json {
    match value {
        Json::String(text) => gandan_model::text::nfc(text).into(),
        other => other.clone(),
    }
}

#[test]
fn every_line_becomes_documents_that_say_the_same() {
    let rules = Rules::default();
    let (mut issues, mut stubs) = (0, 0);
    for text in lines() {
        let line: Json = serde_json::from_str(text).unwrap();
        let sample = read_line(text).unwrap();
        let stamp = stamp(&lead(&line));
        let mut seen = line["issues"].as_array().unwrap().iter();
        for wanted in &sample.documents {
            let mut document = Document::new(wanted.kind);
            let change = document.patch(&stamp, &wanted.edits).unwrap().unwrap();
            assert!(document.patch(&stamp, &wanted.edits).unwrap().is_none(), "a second import changes nothing");
            let again = Document::from_changes([change.raw.as_slice()]).unwrap();
            assert_eq!(again.heads(), document.heads());
            let mut checked = Document::new(wanted.kind);
            checked.apply_untrusted([change.raw.as_slice()]).unwrap();
            match Record::of(&again, &rules, &sample.unit) {
                Record::Visit(visit) => check_visit(&visit, &line),
                Record::Issue(issue) => {
                    issues += 1;
                    check_issue(&issue, seen.next().unwrap());
                }
                Record::SealedStub(stub) => {
                    stubs += 1;
                    seen.next().unwrap();
                    assert_eq!((stub.unit.as_deref(), stub.month.as_deref()), (Some("68"), Some("2026-08")));
                }
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!((issues, stubs), (108, 1));
}

fn check_visit(visit: &Visit, line: &Json) {
    let at = &line["seq"];
    assert_eq!(visit.status.as_str(), line["status"], "{at}");
    assert_eq!(Json::from(visit.note.clone()), nfc(&line["note"]), "{at}");
    assert_eq!(Json::from(visit.place.name.clone()), nfc(&line["place"]["name"]), "{at}");
    assert_eq!(Json::from(visit.counts.residents.effective), line["counts"]["residents"], "{at}");
    assert_eq!(Json::from(visit.counts.households.effective), line["counts"]["households"], "{at}");
    assert_eq!(Json::from(visit.started_at.map(|m| m.to_string())), line["started_at"], "{at}");
    assert_eq!(Json::from(visit.ended_at.map(|m| m.to_string())), line["ended_at"], "{at}");
    assert_eq!(visit.photos.len(), line["photos"].as_array().unwrap().len(), "{at}");
    assert_eq!(visit.team.len(), line["officials"].as_array().unwrap().len(), "{at}");
    assert_eq!(visit.supervision.len(), line["supervision"].as_array().unwrap().len(), "{at}");
    assert_eq!(visit.hot_spot.as_str(), line["hot_spot"], "{at}");
    assert_eq!(visit.gps.as_ref().map(|gps| gps.lat), line["gps"]["lat"].as_f64(), "{at}");
    let cards = visit.satisfaction.as_ref().map(|cards| (cards.satisfied, cards.no_answer));
    let wanted = &line["satisfaction"];
    assert_eq!(cards, wanted["satisfied"].as_i64().zip(wanted["no_answer"].as_i64()), "{at}");
    assert!(visit.review.is_empty(), "{at} {:?}", visit.review);
    assert!(visit.extra.is_empty() && !visit.amendment_pending && !visit.deleted, "{at}");
}

fn check_issue(issue: &Issue, line: &Json) {
    let at = &line["ticket"];
    assert_eq!(issue.status.as_str(), line["status"], "{at}");
    assert_eq!(issue.priority.as_str(), line["priority"], "{at}");
    assert_eq!(issue.confidentiality.as_str(), line["confidentiality"], "{at}");
    let due = |which: &str, date: &Option<gandan_model::deadlines::DueDate>| {
        let wanted = &line["due"][which];
        assert_eq!(Json::from(date.as_ref().map(|due| due.on.to_string())), *wanted, "{at} {which}");
        let basis = &line["due"][format!("{which}_basis")];
        assert_eq!(Json::from(date.as_ref().map(|due| due.basis.clone())), *basis, "{at} {which}");
    };
    due("first_notice", &issue.due.first_notice);
    due("resolve", &issue.due.resolve);
    assert_eq!(issue.hot_spot, line["hot_spot"].as_bool().unwrap(), "{at}");
    assert_eq!(issue.events.len(), line["events"].as_array().unwrap().len(), "{at}");
    assert_eq!(Json::from(issue.duplicate_of.clone()), line["duplicate_of"], "{at}");
    assert!(issue.review.is_empty() && issue.extra.is_empty(), "{at} {:?}", issue.review);
    if issue.erased {
        assert_eq!((&issue.title, &issue.description), (&None, &None));
    } else {
        assert_eq!(Json::from(issue.title.clone()), nfc(&line["title"]), "{at}");
    }
}

#[test]
fn lines_that_are_no_visits_are_refused() {
    for (line, code) in [
        ("", "bad_json"),
        ("[]", "bad_json"),
        ("{\"schema\":\"visit-sample/2\"}", "wrong_schema"),
        ("{\"schema\":\"visit-sample/1\"}", "missing_field"),
        ("{\"schema\":\"visit-sample/1\",\"visit_id\":\"x\"}", "bad_id"),
    ] {
        assert_eq!(read_line(line).unwrap_err().code, code, "{line}");
    }
}

#[test]
fn values_that_do_not_fit_are_refused_and_nothing_is_written() {
    let stamp = stamp("CB-001");
    let long = "x".repeat(20_001);
    for (kind, field, value, code) in [
        (DocKind::Visit, "note", Json::from(long.as_str()), "text_too_long"),
        (DocKind::Visit, "note", Json::from("a\0b"), "text_control_character"),
        (DocKind::Visit, "planned_on", Json::from("2026-02-30"), "bad_date"),
        (DocKind::Visit, "started_at", Json::from("1066-10-14T09:00:00+07:00"), "out_of_range"),
        (DocKind::Visit, "counts.residents", Json::from(-1), "out_of_range"),
        (DocKind::Visit, "counts.dogs", Json::from(1), "unknown_field"),
        (DocKind::Visit, "programme", Json::from("Sunday!"), "bad_code"),
        (
            DocKind::Visit,
            "gps",
            serde_json::json!({"lat": 91, "lon": 0, "accuracy_m": 5, "source": "device"}),
            "out_of_range",
        ),
        (DocKind::Visit, "photos.p1", serde_json::json!({"people_visible": "identifiable"}), "photo_needs_consent"),
        (DocKind::Issue, "title", Json::from("x".repeat(201)), "text_too_long"),
        (DocKind::Issue, "due", Json::from("2026-01-01"), "unknown_field"),
        (DocKind::Issue, "long_standing", serde_json::json!({"since_year": 1900}), "out_of_range"),
    ] {
        let mut document = Document::new(kind);
        let heads = document.heads();
        let good = gandan_model::patch::FieldEdit::new("deleted", false);
        let bad = gandan_model::patch::FieldEdit::new(field, value);
        let error = document.patch(&stamp, &[good, bad]).unwrap_err();
        assert_eq!(error.code(), code, "{field}: {error}");
        assert_eq!(document.heads(), heads);
    }
}
