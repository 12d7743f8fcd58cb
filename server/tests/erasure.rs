//! What is erased is gone: from log, chunks, queues, views and files, from phones, and again after a restore.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::path::Path;

use gandan_model::genesis::DocKind;
use gandan_model::ids::{DocId, SpaceId};
use gandan_server::auth::{Role, ScopeLine};
use gandan_server::commands::{backup, restore};
use gandan_server::db::Storage;
use gandan_server::db::sqlite::devices;
use gandan_server::ingest::LogResolver;
use gandan_sync::{RelayedEnvelope, Status, compact};
use serde_json::json;
use support::peer::Peer;
use support::{START_MS, TestApp, UNIT_A, UNIT_B, http};

const PHONE: &str = "0987123450";
const NOTE: &str = "zxqwvutsr";
const CONTACT: DocId = DocId([0xc1; 16]);
const OTHER: DocId = DocId([0xd2; 16]);
const VISIT: DocId = DocId([7; 16]);

fn holds(bytes: &[u8]) -> bool {
    [PHONE, NOTE].iter().any(|secret| bytes.windows(secret.len()).any(|window| window == secret.as_bytes()))
}

/// Files of the folder in which a secret can be read.
fn files_with_secrets(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if holds(&std::fs::read(&path).unwrap()) {
            found.push(path.display().to_string());
        }
    }
    found
}

/// Tables with a body out of which a secret can be unpacked.
fn bodies_with_secrets(app: &TestApp) -> Vec<String> {
    let mut found = Vec::new();
    for (table, place) in [("log", "seq"), ("chunk", "id"), ("waiting", "id"), ("quarantine", "id")] {
        let bodies: Vec<([u8; 16], i64, Vec<u8>)> = app
            .db()
            .read(|connection| {
                let sql = format!(
                    "SELECT s.id, t.{place}, t.body FROM {table} t JOIN space s ON s.no = t.space WHERE t.body IS NOT NULL"
                );
                let mut statement = connection.prepare(&sql)?;
                let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .unwrap();
        let storage: &dyn Storage = app.db();
        for (space, place, body) in bodies {
            let space = SpaceId(space);
            let envelope = storage
                .read(|log| {
                    let relayed = RelayedEnvelope::from_bytes(&body).ok();
                    Ok(relayed.and_then(|relayed| relayed.open(space, None, &LogResolver::new(log)).ok()))
                })
                .unwrap();
            let changes = match envelope {
                Some(envelope) => envelope.changes,
                None => compact::decode(&space, &body).map(|chunk| chunk.changes).unwrap_or_default(),
            };
            if changes.iter().any(|change| holds(&change.raw)) {
                found.push(format!("{table} {place}"));
            }
        }
    }
    found
}

/// Words of the search index: they are stored in pieces, so the index is asked.
fn found_by_search(app: &TestApp) -> i64 {
    let sql = "SELECT count(*) FROM views.visit_fts WHERE visit_fts MATCH ?1";
    app.db().read(|connection| Ok(connection.query_row(sql, [NOTE], |row| row.get(0))?)).unwrap()
}

fn contact(peer: &mut Peer, doc: DocId, edits: &[(&str, serde_json::Value)]) -> (DocId, Vec<u8>) {
    let space = peer.space(UNIT_A, "contacts");
    (doc, peer.edit(space, doc, DocKind::Contact, edits))
}

/// A contact in every place where one can be: alone and beside others, packed, in the log, waiting, in quarantine.
fn everywhere(app: &TestApp) -> (Peer, Peer) {
    let (mut a, mut b) = (app.official("CB-001", &[UNIT_A]), app.official("CB-002", &[UNIT_A]));
    let mut lost = app.official("CB-003", &[UNIT_A]);
    let space = a.space(UNIT_A, "contacts");
    let both = [
        contact(&mut a, CONTACT, &[("phone", json!(PHONE))]),
        contact(&mut a, OTHER, &[("phone", json!("0900000000"))]),
    ];
    a.seal(space, &both);
    a.visit(UNIT_A, 7, &format!("có {NOTE} ở đây"));
    a.sync(app);
    b.sync(app);
    lost.sync(app);
    app.compact(0);
    let again = contact(&mut b, CONTACT, &[("address", json!(PHONE)), ("name", json!("B"))]);
    b.seal(space, &[again]);
    b.sync(app);
    // B sends something that builds on what A has not sent.
    a.sync(app);
    let first = contact(&mut a, CONTACT, &[("name", json!("A"))]);
    b.docs.get_mut(&(space, CONTACT)).unwrap().document.apply([first.1.as_slice()]).unwrap();
    let waits = contact(&mut b, CONTACT, &[("purpose", json!(PHONE))]);
    b.seal(space, &[waits]);
    assert_eq!(b.round_trip(app).acks[0].status, Status::Waiting);
    // A phone that was revoked sends late, the contact beside another.
    app.db().write(|transaction| devices::revoke(transaction, &lost.device, false, START_MS)).unwrap();
    let late = [
        contact(&mut lost, CONTACT, &[("purpose", json!(PHONE))]),
        contact(&mut lost, OTHER, &[("purpose", json!("gọi lại"))]),
    ];
    lost.seal(space, &late);
    assert_eq!(lost.ask(app), [Status::Quarantined]);
    app.project();
    (a, b)
}

fn erase(app: &TestApp, token: &str, doc: DocId) -> http::Answer {
    let authorization = format!("Bearer {token}");
    let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
    let body = json!({"reason": "yêu cầu xóa số 12"}).to_string();
    http::request(app.address, "POST", &format!("/api/v1/records/{doc}/erase"), &headers, body.as_bytes())
}

#[test]
fn nothing_of_it_is_left_anywhere_and_it_never_comes_back() {
    let app = TestApp::new();
    let (mut a, mut b) = everywhere(&app);
    let space = a.space(UNIT_A, "contacts");
    assert_eq!(bodies_with_secrets(&app).len(), 5, "{:?}", bodies_with_secrets(&app));
    assert!(!files_with_secrets(&app.data()).is_empty(), "the records that are shown stand in the views");
    assert_eq!(found_by_search(&app), 1);
    let copy = app.path().join("before.db");
    backup(&app.data(), &copy).unwrap();

    let commune = app.token("commune", Role::CommuneStaff, &[ScopeLine::Unit(UNIT_A.into())]);
    let administrator = app.token("administrator", Role::Administrator, &[ScopeLine::Province]);
    let answer = erase(&app, &commune, CONTACT);
    assert_eq!(answer.status, 200, "{}", answer.code());
    assert_eq!(erase(&app, &administrator, VISIT).status, 200);
    assert_eq!(bodies_with_secrets(&app), [] as [String; 0]);
    assert_eq!(files_with_secrets(&app.data()), [] as [String; 0]);
    assert_eq!(found_by_search(&app), 0);
    assert_eq!(erase(&app, &administrator, VISIT).status, 404, "there is nothing any more");

    // Phones let go of it; what stood beside it is still there, also for a new one. Digests are compared underway.
    a.sync(&app);
    b.sync(&app);
    let mut late = app.official("CB-004", &[UNIT_A]);
    late.sync(&app);
    for peer in [&a, &b, &late] {
        assert!(!peer.docs.contains_key(&(space, CONTACT)), "{}", peer.name);
        assert!(peer.docs.contains_key(&(space, OTHER)), "{}", peer.name);
    }
    // Somebody sends it again, alone and beside another.
    let mut stubborn = app.official("CB-005", &[UNIT_A]);
    let alone = contact(&mut stubborn, CONTACT, &[("phone", json!(PHONE))]);
    stubborn.seal(space, &[alone]);
    assert_eq!(stubborn.sync(&app), [(1, Status::Gone)]);
    let mixed = [
        contact(&mut stubborn, CONTACT, &[("address", json!(PHONE))]),
        contact(&mut stubborn, DocId([0xe3; 16]), &[("name", json!("C"))]),
    ];
    stubborn.seal(space, &mixed);
    assert!(matches!(stubborn.ask(&app)[..], [Status::Durable { .. }]));
    late.sync(&app);
    assert!(late.docs.contains_key(&(space, DocId([0xe3; 16]))));
    assert!(!late.docs.contains_key(&(space, CONTACT)));
    assert_eq!(bodies_with_secrets(&app), [] as [String; 0]);
    let folder = app.stop();
    let data = folder.path().join("data");
    assert_eq!(files_with_secrets(&data), [] as [String; 0]);

    // The backup holds it; the ledger erases it again before anything is served.
    restore(&data, &copy, START_MS + 1_000).unwrap();
    let app = TestApp::serve(folder, gandan_server::db::DbOptions::default());
    app.project();
    assert_eq!(bodies_with_secrets(&app), [] as [String; 0]);
    assert_eq!(found_by_search(&app), 0);
    a.sync(&app);
    let mut fresh = app.official("CB-006", &[UNIT_A]);
    fresh.sync(&app);
    assert!(!fresh.docs.contains_key(&(space, CONTACT)) && fresh.docs.contains_key(&(space, OTHER)));
    let folder = app.stop();
    assert_eq!(files_with_secrets(&folder.path().join("data")), [] as [String; 0]);
}

#[test]
fn only_the_commune_and_the_administrator_erase() {
    let app = TestApp::new();
    let mut a = app.official("CB-001", &[UNIT_A]);
    let space = a.space(UNIT_A, "contacts");
    let first = contact(&mut a, CONTACT, &[("phone", json!(PHONE))]);
    a.seal(space, &[first]);
    a.sync(&app);
    let unit = |code: &str| vec![ScopeLine::Unit(code.into())];
    for role in Role::ALL {
        let token = app.token("x", role, &unit(UNIT_B));
        let expected = if matches!(role, Role::CommuneStaff | Role::Administrator) { 404 } else { 403 };
        assert_eq!(erase(&app, &token, CONTACT).status, expected, "{role}, in another unit");
    }
    let token = app.token("x", Role::CommuneStaff, &unit(UNIT_A));
    let authorization = format!("Bearer {token}");
    for body in ["{}", "{\"reason\": \" \"}", "x"] {
        let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
        let path = format!("/api/v1/records/{CONTACT}/erase");
        assert_eq!(http::request(app.address, "POST", &path, &headers, body.as_bytes()).status, 400, "{body}");
    }
    a.sync(&app);
    assert!(a.docs.contains_key(&(space, CONTACT)));
    assert_eq!(erase(&app, &token, CONTACT).status, 200);
}
