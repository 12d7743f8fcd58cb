//! Where merge rules meet: three writers, decisions, erasure, hostile facts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use gandan_model::document::{Document, DocumentError, Stamp};
use gandan_model::genesis::DocKind;
use gandan_model::history::history;
use gandan_model::ids::{DeviceId, DocId};
use gandan_model::issue::Issue;
use gandan_model::others::Contact;
use gandan_model::patch::{FieldEdit, PatchError};
use gandan_model::rows::IssueRow;
use gandan_model::rules::Rules;
use gandan_model::visit::Visit;
use serde_json::{Value as Json, json};

const START: i64 = 1_790_000_000_000;

fn edit(field: &str, value: impl Into<Json>) -> FieldEdit {
    FieldEdit::new(field, value)
}

fn try_write(document: &mut Document, device: u8, after: i64, edits: &[FieldEdit]) -> Result<Vec<u8>, PatchError> {
    let stamp = Stamp { device: DeviceId([device; 8]), author: format!("CB-00{device}"), now_ms: START + after };
    Ok(document.patch(&stamp, edits)?.map(|change| change.raw).unwrap_or_default())
}

fn write(document: &mut Document, device: u8, after: i64, edits: &[FieldEdit]) -> Vec<u8> {
    let raw = try_write(document, device, after, edits).unwrap();
    assert!(!raw.is_empty(), "nothing was written: {edits:?}");
    raw
}

fn issue(document: &Document) -> Issue {
    Issue::of(document, &Rules::default(), "24781")
}

/// What two devices see that write beside each other, from a common base.
fn beside(kind: DocKind, base: FieldEdit, a: &[FieldEdit], b: &[FieldEdit]) -> Document {
    let mut ours = Document::new(kind);
    write(&mut ours, 9, 0, &[base]);
    let mut theirs = ours.clone();
    for (step, edit) in (1..).zip(a) {
        write(&mut ours, 1, step * 1_000, std::slice::from_ref(edit));
    }
    for (step, edit) in (1..).zip(b) {
        let raw = write(&mut theirs, 2, step * 1_100, std::slice::from_ref(edit));
        ours.apply([raw.as_slice()]).unwrap();
    }
    ours
}

fn status(to: &str) -> FieldEdit {
    edit("status", to)
}

#[test]
fn a_dispute_is_heard_even_if_work_went_on_after_it() {
    let merged =
        beside(DocKind::Issue, status("replied"), &[status("closed")], &[status("reopened"), status("in_progress")]);
    let issue = issue(&merged);
    assert_eq!((issue.status.as_str(), issue.review.len()), ("in_progress", 1));
}

#[test]
fn a_meeting_that_took_place_is_not_cancelled() {
    let submitted = [status("draft"), status("submitted")];
    let told = [edit("counts.residents", 40)];
    for held in [&submitted[..], &told] {
        let merged = beside(DocKind::Visit, status("planned"), &[status("cancelled")], held);
        let visit = Visit::of(&merged);
        assert_ne!(visit.status.as_str(), "cancelled");
        assert_eq!(visit.review.len(), 1);
    }
}

#[test]
fn what_was_verified_stays_verified_until_it_is_returned() {
    let mut visit = Document::new(DocKind::Visit);
    write(&mut visit, 1, 0, &[edit("note", "Bản đã nộp."), edit("team.CB-001", "lead"), status("submitted")]);
    write(&mut visit, 7, 1_000, &[status("verified")]);
    write(&mut visit, 1, 2_000, &[edit("note", "Bản sửa."), edit("event", json!({"to": "submitted"}))]);
    let view = Visit::of(&visit);
    assert_eq!((view.status.as_str(), view.note.as_deref()), ("verified", Some("Bản đã nộp.")));
    assert!(view.amendment_pending && view.review.len() == 1);
    write(&mut visit, 7, 3_000, &[edit("review.amendment", Json::Null)]);
    assert!(Visit::of(&visit).review.is_empty(), "a decision to leave it out holds");
    write(&mut visit, 7, 4_000, &[status("verified")]);
    let view = Visit::of(&visit);
    assert_eq!((view.note.as_deref(), view.amendment_pending), (Some("Bản sửa."), false));
    write(&mut visit, 7, 5_000, &[edit("status", json!({"to": "returned", "reason": "thiếu số hộ"}))]);
    write(&mut visit, 1, 6_000, &[status("submitted")]);
    assert_eq!(Visit::of(&visit).status.as_str(), "submitted");
}

#[test]
fn privacy_reaches_into_verified_records() {
    let mut visit = Document::new(DocKind::Visit);
    write(&mut visit, 1, 0, &[edit("photos.p1", json!({"mime": "image/jpeg"})), status("verified")]);
    write(&mut visit, 2, 1_000, &[edit("photos.p1.privacy_remove", true)]);
    assert!(Visit::of(&visit).photos.is_empty());
}

#[test]
fn a_reviewer_decides_on_counts_and_status() {
    let lead = [edit("team.CB-001", "lead")];
    let mut visit =
        beside(DocKind::Visit, lead[0].clone(), &[edit("counts.residents", 46)], &[edit("counts.residents", 52)]);
    let basis = Visit::of(&visit).review[0].basis.clone();
    write(&mut visit, 7, 9_000, &[edit("review.counts.residents", json!({"basis": basis, "value": 50}))]);
    let view = Visit::of(&visit);
    assert_eq!((view.counts.residents.effective, view.review.len()), (Some(50), 0));
    write(&mut visit, 3, 10_000, &[edit("counts.residents", 60)]);
    assert_eq!((Visit::of(&visit).counts.residents.effective, Visit::of(&visit).review.len()), (Some(46), 1));
    let stale = try_write(&mut visit, 7, 11_000, &[edit("review.counts.residents", json!({"basis": basis}))]);
    assert_eq!(stale.unwrap_err().code(), "stale");

    let mut held = beside(DocKind::Visit, status("planned"), &[status("cancelled")], &[status("submitted")]);
    write(&mut held, 7, 9_000, &[edit("review.status", "cancelled")]);
    assert_eq!((Visit::of(&held).status.as_str(), Visit::of(&held).review.len()), ("cancelled", 0));
}

#[test]
fn deletions_beside_each_other_agree_and_can_be_repeated_after_an_edit() {
    let base = edit("title", "Cống nghẹt");
    let both = beside(DocKind::Issue, base.clone(), &[edit("deleted", true)], &[edit("deleted", true)]);
    assert!(issue(&both).deleted);
    let mut edited = beside(DocKind::Issue, base, &[edit("deleted", true)], &[edit("title", "Cống nghẹt hẻm 3")]);
    assert!(!issue(&edited).deleted && issue(&edited).review.len() == 1);
    write(&mut edited, 1, 9_000, &[edit("deleted", true)]);
    assert!(issue(&edited).deleted && issue(&edited).review.is_empty());
}

#[test]
fn erased_and_sealed_words_come_out_nowhere() {
    let secret = "Điều bí mật";
    let words = [edit("title", secret), edit("description", secret), edit("place_detail", secret)];
    let more = [
        edit("reply", json!({"text": secret, "extra": secret})),
        edit("event", json!({"to": "received", "reason": secret, "document": secret})),
        edit("withdrawal", json!({"statement": secret, "why": secret})),
        edit("documents", json!([secret])),
        edit("project_ref", secret),
    ];
    for hide in
        [edit("erased", "request"), edit("kind", "denunciation"), edit("confidentiality", "denunciation_sealed")]
    {
        let mut document = Document::new(DocKind::Issue);
        write(&mut document, 1, 0, &[&words[..], &more].concat());
        write(&mut document, 2, 1_000, &[hide]);
        let issue = issue(&document);
        let row = IssueRow::of(DocId([1; 16]), "24781", &issue);
        let shown = serde_json::to_string(&(&issue, &row, history(&document, 100))).unwrap();
        assert!(!shown.contains(secret) && !shown.contains("dieu bi mat"), "{shown}");
    }
    let mut contact = Document::new(DocKind::Contact);
    write(&mut contact, 1, 0, &[edit("name", secret), edit("consent", "given")]);
    assert_eq!(Contact::of(&contact).name.as_deref(), Some(secret));
    write(&mut contact, 2, 1_000, &[edit("consent", "withdrawn")]);
    assert!(Contact::of(&contact).name.is_none());
    assert!(!serde_json::to_string(&history(&contact, 100)).unwrap().contains(secret));
}

#[test]
fn a_note_rewritten_from_end_to_end_still_fits_one_change() {
    let note = |word: &str| word.repeat(5_000).chars().take(20_000).collect::<String>();
    let mut visit = Document::new(DocKind::Visit);
    write(&mut visit, 1, 0, &[edit("note", note("đường "))]);
    let raw = write(&mut visit, 1, 1_000, &[edit("note", note("nước ạ"))]);
    assert!(raw.len() < 256 * 1024);
    assert_eq!(Visit::of(&visit).note, Some(note("nước ạ")));
}

#[test]
fn a_household_shows_no_doorstep() {
    let mut visit = Document::new(DocKind::Visit);
    let fix = json!({"lat": 11.54321, "lon": 108.12345, "accuracy_m": 4, "source": "device"});
    write(&mut visit, 1, 0, &[edit("gps", fix), edit("programme", "household_visit")]);
    let gps = Visit::of(&visit).gps.unwrap();
    assert_eq!((gps.lat, gps.lon), (11.54, 108.12));
}

#[test]
fn facts_of_a_hostile_insider_hide_and_break_nothing() {
    let mut visit = Document::new(DocKind::Visit);
    write(&mut visit, 1, 0, &[edit("note", "Ghi chép")]);
    let stamp = Stamp { device: DeviceId([6; 8]), author: String::new(), now_ms: i64::MAX };
    visit
        .edit::<DocumentError>(&stamp, |editor| {
            editor.set("kind", "contact")?;
            editor.set("note", "x")?;
            for group in ["a", "b"] {
                editor.set(&format!("group/residents/{group}"), i64::MAX)?;
            }
            editor.set("count/residents/CB-001", -5)?;
            editor.set("team//", "{}")?;
            editor.set("event/x", r#"{"to":"verified","at":"0001-01-01T00:00:00Z"}"#)?;
            editor.set("tally/CB-001", r#"{"satisfied":9223372036854775807,"neutral":1}"#)
        })
        .unwrap();
    write(&mut visit, 1, 1_000, &[edit("note", "Ghi chép thêm"), status("submitted")]);
    assert_eq!(visit.kind(), Some(DocKind::Visit));
    let view = Visit::of(&visit);
    assert_eq!((view.note.as_deref(), view.status.as_str()), (Some("Ghi chép thêm"), "submitted"));
    assert_eq!((view.counts.residents.effective, view.satisfaction), (None, None));
    let read_again = Document::load(&visit.save()).unwrap();
    assert_eq!(Visit::of(&read_again), Visit::of(&visit));
}

#[test]
fn a_clock_without_a_battery_loses_no_event() {
    let mut visit = Document::new(DocKind::Visit);
    let stamp = Stamp { device: DeviceId([1; 8]), author: "CB-001".to_owned(), now_ms: 5 };
    visit.patch(&stamp, &[status("submitted")]).unwrap();
    assert_eq!(Visit::of(&visit).status.as_str(), "submitted");
}
