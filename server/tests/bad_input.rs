//! What arrives broken, hostile or from the wrong hands: a stable code, nothing half-done, everybody else served.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use gandan_model::document::Document;
use gandan_model::genesis::DocKind;
use gandan_model::ids::DocId;
use gandan_server::auth::{Role, ScopeLine};
use gandan_server::db::DbOptions;
use gandan_server::db::sqlite::devices;
use gandan_sync::response::Problem;
use gandan_sync::{Refusal, Status};
use serde_json::json;
use sha2::{Digest, Sha256};
use support::http;
use support::peer::Peer;
use support::{START_MS, TestApp, UNIT_A, UNIT_B, data_folder};

#[track_caller]
fn refused(app: &TestApp, bytes: &[u8], status: u16, refusal: Refusal) {
    let answer = Peer::post(app, bytes);
    assert_eq!((answer.status, answer.code()), (status, refusal.name()));
    assert_eq!(Problem::decode(&answer.body).unwrap().refusal, refusal);
}

fn log_entries(app: &TestApp) -> i64 {
    app.db().read(|c| Ok(c.query_row("SELECT count(*) FROM log", [], |row| row.get(0))?)).unwrap()
}

#[test]
fn frames_that_are_none() {
    let app = TestApp::new();
    let mut a = app.official("CB-001", &[UNIT_A]);
    a.visit(UNIT_A, 1, "một");
    let (_, good) = a.request();
    for garbage in [&b""[..], b"<html>504</html>", b"G", b"\xff\xff\xff\xff", &[0; 4096]] {
        refused(&app, garbage, 400, Refusal::BAD_FORM);
    }
    let mut newer = good.clone();
    newer[1] = 99;
    refused(&app, &newer, 400, Refusal::VERSION);
    let mut other_kind = good.clone();
    other_kind[2] = 2;
    refused(&app, &other_kind, 400, Refusal::BAD_FORM);
    for end in 0..good.len() {
        let answer = Peer::post(&app, &good[..end]);
        assert!(matches!(answer.code(), "bad_form" | "bad_signature"), "{end}: {}", answer.code());
    }
    let mut long = good.clone();
    long.extend_from_slice(&[0; 8]);
    let answer = Peer::post(&app, &long);
    assert!(matches!(answer.code(), "bad_form" | "bad_signature"), "{}", answer.code());
    assert_eq!(log_entries(&app), 0);
    refused(&app, &vec![b'G'; 5 << 20], 413, Refusal::TOO_LARGE);
    assert_eq!(a.sync(&app), [(1, Status::Durable { seq: 1 })]);
}

#[test]
fn an_upload_cut_anywhere_keeps_what_arrived_whole() {
    let app = TestApp::new();
    let mut a = app.official("CB-001", &[UNIT_A]);
    for n in 1..=3 {
        a.visit(UNIT_A, n, "một đoạn văn dài hơn một chút, để có gì mà cắt");
    }
    let (_, bytes) = a.request();
    let mut kept = 0;
    for end in (0..bytes.len()).step_by(7) {
        http::cut(app.address, "/v1/sync", &bytes, end);
        let now = log_entries(&app);
        assert!(now >= kept, "nothing kept is lost");
        kept = now;
    }
    assert!(kept >= 2, "{kept} of the first two envelopes were kept");
    let statuses = a.sync(&app);
    let seqs: Vec<u64> = statuses
        .iter()
        .map(|(_, status)| match status {
            Status::Durable { seq } | Status::Duplicate { seq } => *seq,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(seqs, [1, 2, 3]);
}

#[test]
fn a_bomb_is_refused_and_the_next_envelope_is_not() {
    let app = TestApp::new();
    let mut a = app.official("CB-001", &[UNIT_A]);
    a.visit(UNIT_A, 1, "một");
    // A zstd frame without its magic: no size given, 2 MiB window, 1,000 blocks of 128 KiB that repeat one byte.
    let mut bomb = vec![0x00, 0x58];
    for block in 0..1000u32 {
        let header = (128 << 10) << 3 | 1 << 1 | u32::from(block == 999);
        bomb.extend_from_slice(&header.to_le_bytes()[..3]);
        bomb.push(b'x');
    }
    let good = a.outbox[0].relayed.body.clone();
    a.outbox[0].relayed.body = bomb;
    a.outbox[0].relayed.dict = 0;
    let outcome = a.round_trip(&app);
    let Status::Refused(refusal) = outcome.acks[0].status else { panic!("{:?}", outcome.acks) };
    assert!([Refusal::BAD_FORM, Refusal::TOO_LARGE].contains(&refusal), "{refusal}");
    a.outbox[0].relayed.body = good;
    a.outbox[0].relayed.dict = gandan_sync::dictionary::CURRENT;
    assert_eq!(a.sync(&app), [(1, Status::Durable { seq: 1 })]);
}

/// The chunk with its checksum made right again.
fn sealed_again(mut raw: Vec<u8>) -> Vec<u8> {
    let hash = Sha256::digest(&raw[8..]);
    raw[4..8].copy_from_slice(&hash[..4]);
    raw
}

/// Where the sequence number stands in a chunk with one dependency and an actor of 8 bytes.
fn seq_at(raw: &[u8]) -> usize {
    let length = if raw[9] < 0x80 { 1 } else { 2 };
    9 + length + 1 + 32 + 1 + 8
}

#[test]
fn a_change_that_runs_ahead_is_refused() {
    let app = TestApp::new();
    let mut a = app.official("CB-001", &[UNIT_A]);
    let space = a.space(UNIT_A, "field");
    let doc = DocId([1; 16]);
    let raw = a.edit(space, doc, DocKind::Visit, &[("status", json!("submitted"))]);
    let at = seq_at(&raw);
    assert_eq!(raw[at], 1, "the actor's first change");
    for (place, value) in [(at, 2), (at + 1, raw[at + 1] + 1), (at + 1, 0x7f)] {
        let mut hostile = raw.clone();
        hostile[place] = value;
        let hostile = sealed_again(hostile);
        a.outbox = vec![a.sealed(space, &[(doc, hostile)])];
        assert_eq!(a.round_trip(&app).acks[0].status, Status::Refused(Refusal::BAD_CHANGE), "{place} {value}");
    }
    a.outbox.clear();
    a.seal(space, &[(doc, raw)]);
    assert_eq!(a.sync(&app), [(1, Status::Durable { seq: 1 })]);
}

#[test]
fn a_change_that_does_not_apply_is_set_aside_alone() {
    let app = TestApp::new();
    let mut a = app.official("CB-001", &[UNIT_A]);
    let space = a.space(UNIT_A, "field");
    let (bad, good) = (DocId([1; 16]), DocId([2; 16]));
    let raw = a.edit(space, bad, DocKind::Visit, &[("note", json!("một")), ("status", json!("submitted"))]);
    // Of all changes that differ in one byte, one that passes the scan and that automerge rejects.
    let hostile = (seq_at(&raw) + 2..raw.len())
        .flat_map(|place| (0..=255u8).map(move |value| (place, value)))
        .find_map(|(place, value)| {
            let mut hostile = raw.clone();
            hostile[place] = value;
            let hostile = sealed_again(hostile);
            let scanned = gandan_sync::scan(&hostile).is_ok();
            let rejected = || {
                std::panic::catch_unwind(|| match Document::from_changes([hostile.as_slice()]) {
                    Ok(document) => Document::load(&document.save()).is_err(),
                    Err(_) => true,
                })
                .unwrap_or(true)
            };
            (scanned && rejected()).then_some(hostile)
        })
        .expect("there is one");
    a.seal(space, &[(bad, hostile)]);
    let fine = a.edit(space, good, DocKind::Visit, &[("status", json!("submitted"))]);
    a.seal(space, &[(good, fine)]);
    let (_, bytes) = a.request();
    assert_eq!(Peer::post(&app, &bytes).status, 200);
    app.project();
    let projected = app
        .db()
        .read(|c| {
            let mut statement = c.prepare("SELECT document FROM snapshot")?;
            let rows = statement.query_map([], |row| row.get(0))?;
            Ok(rows.collect::<Result<Vec<[u8; 16]>, _>>()?)
        })
        .unwrap();
    assert_eq!(projected, [good.0]);
    assert_eq!(log_entries(&app), 2);
}

#[test]
fn who_is_not_known_gets_nothing() {
    let app = TestApp::new();
    let a = app.official("CB-001", &[UNIT_A]);
    let (_, bytes) = Peer::stranger("nobody").request();
    refused(&app, &bytes, 401, Refusal::UNKNOWN_DEVICE);
    let mut thief = Peer::stranger("thief");
    thief.device = a.device;
    let (_, bytes) = thief.request();
    refused(&app, &bytes, 401, Refusal::BAD_SIGNATURE);
    for path in ["/api/v1/visits", "/api/v1/issues", "/api/v1/reports/summary", "/v1/events"] {
        for token in [None, Some("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), Some("x")] {
            let answer = http::get(app.address, path, token);
            assert_eq!((answer.status, answer.code()), (401, "unauthorised"), "{path}");
        }
    }
    let answer = http::get(app.address, "/api/v1/nowhere", None);
    assert_eq!((answer.status, answer.code()), (404, "not_found"));
    let answer = http::get(app.address, "/v1/sync", None);
    assert_eq!((answer.status, answer.code()), (405, "method_not_allowed"));
}

#[test]
fn a_revoked_device_loses_its_spaces_and_its_late_work_is_kept_apart() {
    let app = TestApp::new();
    let mut a = app.official("CB-001", &[UNIT_A]);
    let mut b = app.official("CB-002", &[UNIT_A]);
    a.visit(UNIT_A, 1, "trước");
    a.sync(&app);
    let events = a.bundle["events_token"].as_str().unwrap().to_owned();
    app.db().write(|c| devices::revoke(c, &a.device, false, START_MS)).unwrap();
    a.visit(UNIT_A, 2, "sau");
    assert_eq!(a.sync(&app), [(2, Status::Quarantined)]);
    assert!(a.docs.is_empty() && a.positions.is_empty());
    assert_eq!(http::get(app.address, "/v1/events", Some(&events)).status, 401);
    let reason: String =
        app.db().read(|c| Ok(c.query_row("SELECT reason FROM quarantine", [], |row| row.get(0))?)).unwrap();
    assert_eq!(reason, "revoked_device");
    b.sync(&app);
    assert_eq!(b.docs.len(), 1);
    // A lost answer: the same again.
    a.next_seq = 2;
    let (_, bytes) = a.request();
    assert_eq!(Peer::post(&app, &bytes).status, 200);
    assert_eq!(log_entries(&app), 1);
}

#[test]
fn a_device_that_moves_to_another_unit() {
    let app = TestApp::new();
    let mut a = app.official("CB-001", &[UNIT_A]);
    a.visit(UNIT_A, 1, "ở A");
    a.sync(&app);
    app.db()
        .write(|c| {
            let no: i64 = c.query_row("SELECT no FROM device WHERE id = ?1", [&a.device.0], |row| row.get(0))?;
            let scope = gandan_server::auth::Scope::Units([UNIT_B.to_owned()].into());
            devices::set_grants(c, no, Role::FieldOfficial, &scope)
        })
        .unwrap();
    // Late work for A is kept for a person to decide on; the data of A leaves, B's space comes.
    a.visit(UNIT_A, 2, "muộn");
    assert_eq!(a.sync(&app), [(2, Status::Quarantined)]);
    assert!(a.docs.is_empty());
    assert!(!a.positions.contains_key(&a.space(UNIT_A, "field")));
    assert_eq!(a.positions.len(), 2);
}

#[test]
fn a_full_disk_loses_nothing() {
    let folder = data_folder();
    let app = TestApp::serve(folder, DbOptions::default());
    let mut a = app.official("CB-001", &[UNIT_A]);
    let mut b = app.official("CB-002", &[UNIT_A]);
    a.visit(UNIT_A, 1, "vừa");
    a.sync(&app);
    let pages: u32 = app.db().read(|c| Ok(c.query_row("PRAGMA page_count", [], |row| row.get(0))?)).unwrap();
    let app = TestApp::serve(app.stop(), DbOptions { max_pages: pages + 4, ..DbOptions::default() });
    let noise: String = (0..4000).map(|n| char::from_u32(0x4e00 + (n * 7919) % 0x5000).unwrap()).collect();
    let mut full = None;
    for n in 2..40 {
        a.visit(UNIT_A, n, &noise[usize::from(n) * 3..]);
        let status = a.round_trip(&app).acks[0].status;
        if status == Status::Refused(Refusal::NO_SPACE) {
            full = Some(n);
            break;
        }
        assert!(matches!(status, Status::Durable { .. }), "{status:?}");
    }
    let full = full.expect("the disk fills");
    // Reading goes on, and nothing of the refused envelope is there.
    b.sync(&app);
    assert_eq!(b.docs.len(), usize::from(full) - 1);
    let app = TestApp::serve(app.stop(), DbOptions::default());
    let seq = u64::from(full);
    assert_eq!(a.sync(&app), [(seq, Status::Durable { seq })]);
    b.sync(&app);
    assert_eq!(b.docs.len(), usize::from(full));
}

#[test]
fn enrolment_codes() {
    let app = TestApp::new();
    let lines = [ScopeLine::Unit(UNIT_A.to_owned())];
    let code = app.code("CB-001", Role::FieldOfficial, &lines);
    let first = Peer::stranger("first");
    assert_eq!(first.ask_to_enrol(&app, &code).status, 200);
    assert_eq!(first.ask_to_enrol(&app, &code).status, 200, "the answer may have got lost");
    let second = Peer::stranger("second").ask_to_enrol(&app, &code);
    assert_eq!((second.status, second.code()), (409, "code_used"));
    let unknown = first.ask_to_enrol(&app, "no-such-code");
    assert_eq!((unknown.status, unknown.code()), (404, "code_unknown"));
    let late = app.code("CB-002", Role::FieldOfficial, &lines);
    app.clock.advance_ms(2_000_000);
    let expired = Peer::stranger("third").ask_to_enrol(&app, &late);
    assert_eq!((expired.status, expired.code()), (410, "code_expired"));
    for body in [json!({}), json!({"code": 1}), json!({"code": code, "device": "xyz", "public_key": ""})] {
        assert_eq!(http::post_json(app.address, "/v1/enrol", &body).code(), "bad_json");
    }
    for key in ["", "00", &"00".repeat(32), &"zz".repeat(32)] {
        let body = json!({"code": code, "device": "0123456789abcdef", "public_key": key});
        assert_eq!(http::post_json(app.address, "/v1/enrol", &body).code(), "bad_key", "{key}");
    }
    // "gdn-gen" and one more byte: the id of a genesis.
    let genesis = json!({"code": code, "device": "67646e2d67656e01",
        "public_key": data_encoding::HEXLOWER.encode(first.key.verifying_key().as_bytes())});
    assert_eq!(http::post_json(app.address, "/v1/enrol", &genesis).code(), "bad_device");
}

#[test]
fn only_the_inspector_reads_what_is_sealed() {
    let app = TestApp::new();
    let a = app.official("CB-001", &[UNIT_A]);
    let code = app.code("TT-1", Role::Inspector, &[ScopeLine::Province]);
    let inspector = Peer::enrol(&app, "TT-1", &code);
    let sealed = a.space("68", "sealed");
    assert!(!a.positions.contains_key(&sealed));
    assert_eq!(inspector.space("68", "sealed"), sealed);
    let mut a = a;
    let doc = DocId([5; 16]);
    let raw = a.edit(sealed, doc, DocKind::SealedStub, &[("month", json!("2026-08"))]);
    a.seal(sealed, &[(doc, raw)]);
    let mut inspector = inspector;
    let statuses: Vec<Status> = a.round_trip(&app).acks.iter().map(|ack| ack.status).collect();
    assert_eq!(statuses, [Status::Durable { seq: 1 }]);
    assert!(!a.round_trip(&app).parts.iter().any(|part| part.space == sealed), "the writer gets nothing back");
    inspector.sync(&app);
    assert!(inspector.docs.contains_key(&(sealed, doc)));
}
