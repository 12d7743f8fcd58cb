//! Taking in lines: good ones kept, bad ones told by number, the same one twice nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use gandan_client::model::ids::DocId;
use gandan_client::model::patch::FieldEdit;
use gandan_client::model::record::Record;
use gandan_client::{Client, ImportReport, IssueFilter, Page, VisitFilter};
use serde_json::{Value, json};
use support::World;

const VISIT: &str = "962b26a4-1ed2-4b50-a695-cfd9aa05196e";

fn line(change: impl FnOnce(&mut Value)) -> String {
    let mut visit = json!({
        "schema": "visit-sample/1", "visit_id": VISIT, "programme": "ad_hoc", "unit_code": "24781",
        "place": {"kind": "thon", "name": "Thôn 1"}, "planned_on": "2026-08-02",
        "officials": [{"official_id": "CB-001", "display_name": "Nguyễn Văn A", "agency": "Sở", "role": "lead"}],
        "counts": {"residents": 46, "households": null, "businesses": 0}, "note": "Ghi chép.", "status": "submitted",
        "created_at": "2026-08-02T08:00:00+07:00", "updated_at": "2026-08-02T09:00:00+07:00",
        "issues": [{
            "issue_id": "e56d5473-6dd2-45f7-a735-c1930b189e5a", "ticket": "24781-2608-0001", "kind": "feedback",
            "field": "environment", "title": "Rác", "description": "Rác đầu hẻm.", "priority": "normal",
            "reporter": {"mode": "anonymous", "consent": "not_needed"}, "confidentiality": "normal",
            "recorded_by": "CB-001", "received_on": "2026-08-02", "status": "recorded",
            "events": [{"at": "2026-08-02T08:10:00+07:00", "by": "CB-001", "to": "recorded"}]
        }]
    });
    change(&mut visit);
    visit.to_string()
}

fn import(client: &Client, text: &[u8]) -> ImportReport {
    client.import(text, |_| {}).unwrap()
}

fn codes(report: &ImportReport) -> Vec<(u64, &str)> {
    report.bad.iter().map(|bad| (bad.line, bad.code.as_str())).collect()
}

fn residents(client: &Client) -> Option<i64> {
    let id: DocId = VISIT.parse().unwrap();
    match client.show(id, 1).unwrap().record {
        Record::Visit(visit) => visit.counts.residents.effective,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_same_line_changes_nothing_and_another_changes_what_differs() {
    let world = World::new();
    let (client, _) = world.client("CB-001").await;
    let text = line(|_| {});
    let report = import(&client, text.as_bytes());
    assert_eq!((report.saved, report.unchanged, report.documents, report.bad_lines), (1, 0, 2, 0));
    for _ in 0..2 {
        let again = import(&client, format!("{text}\n\n  {text}\r\n").as_bytes());
        assert_eq!((again.lines, again.saved, again.unchanged, again.documents), (2, 2, 2, 0));
    }
    // Nor does it when somebody has edited the visit since.
    client.patch(VISIT.parse().unwrap(), &[FieldEdit::new("counts.residents", 50)]).unwrap();
    assert_eq!(import(&client, text.as_bytes()).documents, 0);
    assert_eq!(residents(&client), Some(50));
    // A line that says something else is taken.
    let other = line(|visit| visit["counts"]["residents"] = 60.into());
    assert_eq!(import(&client, other.as_bytes()).documents, 1);
    assert_eq!(residents(&client), Some(60));
    assert_eq!(client.show(VISIT.parse().unwrap(), 10).unwrap().history.len(), 3);
    // Two lines about one visit in one batch: the second on top of the first.
    let [one, two] = [61, 62].map(|n| line(|visit| visit["counts"]["residents"] = n.into()));
    assert_eq!(import(&client, format!("{one}\n{two}\n").as_bytes()).documents, 2);
    assert_eq!(residents(&client), Some(62));
}

#[tokio::test]
async fn bad_lines_are_told_by_number_and_spoil_no_other() {
    let world = World::new();
    let (client, _) = world.client("CB-001").await;
    let fresh = |n: u8, change: &dyn Fn(&mut Value)| {
        line(|visit| {
            visit["visit_id"] = DocId([n; 16]).to_string().into();
            visit["issues"] = json!([]);
            change(visit);
        })
    };
    let lines: Vec<(String, Option<&str>)> = vec![
        (fresh(1, &|_| {}), None),
        ("{".to_owned(), Some("bad_json")),
        ("[]".to_owned(), Some("bad_json")),
        (fresh(2, &|visit| visit["schema"] = "visit-sample/2".into()), Some("wrong_schema")),
        (fresh(3, &|visit| visit["visit_id"] = "three".into()), Some("bad_id")),
        (fresh(4, &|visit| visit["unit_code"] = "99999".into()), Some("no_grant")),
        (fresh(5, &|visit| visit["planned_on"] = "2026-02-30".into()), Some("bad_date")),
        (fresh(6, &|visit| visit["counts"]["residents"] = (-1).into()), Some("out_of_range")),
        (fresh(7, &|visit| visit["note"] = "x".repeat(20_001).into()), Some("text_too_long")),
        (fresh(8, &|visit| visit["note"] = "a\u{0}b".into()), Some("text_control_character")),
        (fresh(9, &|visit| visit["note"] = "=cmd|' /C calc'!A0".into()), None),
        (fresh(10, &|visit| visit["note"] = "ố".repeat(20_000).into()), None),
    ];
    let mut text: Vec<u8> = lines.iter().flat_map(|(line, _)| [line.as_bytes(), b"\n"].concat()).collect();
    text.extend_from_slice(b"\xff\xfe not text\n");
    text.extend_from_slice(&vec![b'x'; (1 << 20) + 1]);
    text.extend_from_slice(b"\n");
    text.extend_from_slice(fresh(11, &|_| {}).as_bytes());
    let report = import(&client, &text);
    let mut wanted: Vec<(u64, &str)> =
        lines.iter().zip(1..).filter_map(|((_, code), number)| code.map(|code| (number, code))).collect();
    wanted.extend([(13, "bad_utf8"), (14, "line_too_long")]);
    assert_eq!(codes(&report), wanted);
    assert_eq!((report.saved, report.bad_lines), (4, 11));
    let page = client.visits(&VisitFilter::default(), &Page::first(50)).unwrap();
    assert_eq!(page.items.len(), 4);
    let shown = client.show(DocId([9; 16]), 1).unwrap();
    assert!(matches!(shown.record, Record::Visit(visit) if visit.note.as_deref() == Some("=cmd|' /C calc'!A0")));
}

#[tokio::test]
async fn a_line_is_taken_whole_or_not_at_all() {
    let world = World::new();
    let (client, _) = world.client("CB-001").await;
    let bad = line(|visit| visit["issues"][0]["received_on"] = "soon".into());
    assert_eq!(codes(&import(&client, bad.as_bytes())), [(1, "bad_date")]);
    assert!(client.show(VISIT.parse().unwrap(), 1).is_err());
    assert!(client.issues(&IssueFilter::default(), &Page::first(5)).unwrap().items.is_empty());
}

#[tokio::test]
async fn a_denunciation_is_not_taken_in_where_there_is_no_place_for_it() {
    let world = World::new();
    let (client, _) = world.client("CB-001").await;
    let text = line(|visit| {
        visit["issues"][0]["kind"] = "denunciation".into();
        visit["issues"][0]["description"] = "Nội dung không được ghi".into();
    });
    let report = import(&client, text.as_bytes());
    assert_eq!((report.saved, report.documents), (1, 1));
    assert_eq!((report.warnings[0].line, report.warnings[0].warning.kind), (1, "sealed_not_kept"));
    assert!(client.issues(&IssueFilter::default(), &Page::first(5)).unwrap().items.is_empty());
}

#[tokio::test]
async fn what_looks_like_personal_data_is_pointed_out_and_kept() {
    let world = World::new();
    let (client, _) = world.client("CB-001").await;
    let report = import(&client, line(|visit| visit["note"] = "Gọi bà Ba, 0912 345 678.".into()).as_bytes());
    assert_eq!(report.saved, 1);
    let warning = &report.warnings[0];
    assert_eq!((warning.line, warning.warning.field.as_str()), (1, "note"));
    assert!(warning.warning.text.contains("0912"), "{warning:?}");
}
