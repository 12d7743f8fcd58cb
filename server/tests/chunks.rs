//! Whole documents: chunks for new devices, dropped bodies, differences found and healed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeSet;

use gandan_model::genesis::DocKind;
use gandan_model::ids::{DocId, SpaceId};
use gandan_server::projector;
use gandan_sync::digest::{BUCKETS, Buckets, bucket, short_heads};
use gandan_sync::query::{Ask, Query, Reply, decode_chunks};
use gandan_sync::response::Notice;
use gandan_sync::{Cursor, Refusal, compact};
use serde_json::json;
use support::peer::Peer;
use support::{START_MS, TestApp, UNIT_A, UNIT_B, http};

/// Two officials write `documents` visits of some length each into unit A; some are edited by both.
fn busy(app: &TestApp, documents: u8) -> (Peer, Peer) {
    let (mut a, mut b) = (app.official("CB-001", &[UNIT_A]), app.official("CB-002", &[UNIT_A]));
    let space = a.space(UNIT_A, "field");
    for n in 1..=documents {
        // Words that do not repeat, so that chunks reach their size.
        let words = (0..400).map(|word| ((u64::from(n) * 401 + word) * 0x9e37_79b9 % 99_991).to_string());
        let note = words.collect::<Vec<_>>().join(" ");
        a.visit(UNIT_A, n, &note);
    }
    a.sync(app);
    b.sync(app);
    for n in (1..=documents).step_by(7) {
        let doc = DocId([n; 16]);
        let raw = b.edit(space, doc, DocKind::Visit, &[("counts.residents", json!(n))]);
        b.seal(space, &[(doc, raw)]);
    }
    b.sync(app);
    a.sync(app);
    (a, b)
}

/// Every row of a table of the views, as text.
fn rows(app: &TestApp, table: &str) -> BTreeSet<String> {
    app.db()
        .read(|connection| {
            let mut statement = connection.prepare(&format!("SELECT * FROM views.{table}"))?;
            let columns = statement.column_count();
            let rows = statement.query_map([], |row| {
                (1..columns)
                    .map(|at| row.get::<_, rusqlite::types::Value>(at).map(|value| format!("{value:?}")))
                    .collect()
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .unwrap()
}

fn notice(peer: &mut Peer, app: &TestApp, space: SpaceId) -> Option<Notice> {
    let outcome = peer.round_trip(app);
    outcome.parts.iter().find(|part| part.space == space).and_then(|part| part.notice.clone())
}

#[test]
fn after_everything_was_dropped_all_is_as_before() {
    let app = TestApp::new();
    let (mut a, mut b) = busy(&app, 120);
    let space = a.space(UNIT_A, "field");
    app.project();
    let before: Vec<_> = ["visit_row", "visit_text", "visit_official"].map(|table| rows(&app, table)).into();
    let mut early = app.official("CB-003", &[UNIT_A]);
    early.sync(&app);

    let done = app.compact(0);
    assert_eq!((done.manifests, done.mismatches), (1, 0));
    assert!(done.chunks > 1 && done.dropped >= 120, "{done:?}");
    assert_eq!(app.compact(0), gandan_server::compactor::Compacted::default(), "nothing is left to do");

    // A new device gets the same documents; one that was there needs nothing.
    let mut late = app.official("CB-004", &[UNIT_A]);
    late.sync(&app);
    assert_eq!(late.docs.len(), early.docs.len());
    for (id, held) in &early.docs {
        assert_eq!(late.docs[id].document.save(), held.document.save());
    }
    assert_eq!(late.positions[&space], early.positions[&space]);
    assert!(early.round_trip(&app).is_idle());

    // Views from nothing, staff and phones as before.
    projector::reproject(app.db(), gandan_server::metrics::Metrics::default(), &|_| ()).unwrap();
    let after: Vec<_> = ["visit_row", "visit_text", "visit_official"].map(|table| rows(&app, table)).into();
    assert_eq!(before, after);
    let doc = DocId([8; 16]);
    let raw = a.edit(space, doc, DocKind::Visit, &[("place.name", json!("Thôn 5"))]);
    a.seal(space, &[(doc, raw)]);
    a.sync(&app);
    let visit = a.visit(UNIT_A, 200, "mới");
    a.sync(&app);
    for peer in [&mut b, &mut late, &mut early] {
        peer.sync(&app);
        assert_eq!(peer.note(UNIT_A, visit), "mới");
    }
    // And once more, with a document whose changes stand on both sides of the horizon.
    app.compact(0);
    let mut last = app.official("CB-005", &[UNIT_A]);
    last.sync(&app);
    assert_eq!(last.docs[&(space, doc)].document.heads(), a.docs[&(space, doc)].document.heads());
    app.project();
}

#[test]
fn untouched_chunks_keep_their_names_and_the_last_two_manifests_stay() {
    let app = TestApp::new();
    let (mut a, _) = busy(&app, 240);
    let space = a.space(UNIT_A, "field");
    let manifest = |app: &TestApp, name: &str| match notice(&mut app.official(name, &[UNIT_A]), app, space) {
        Some(Notice::Chunks(manifest)) => manifest,
        other => panic!("{other:?}"),
    };
    app.compact(i64::MAX / 2);
    let first = manifest(&app, "CB-010");
    let doc = DocId([9; 16]);
    let raw = a.edit(space, doc, DocKind::Visit, &[("place.name", json!("Thôn 5"))]);
    a.seal(space, &[(doc, raw)]);
    a.sync(&app);
    let done = app.compact(i64::MAX / 2);
    assert!(done.kept > 0 && done.chunks > 0 && done.dropped == 0, "{done:?}");
    let second = manifest(&app, "CB-011");
    let names = |manifest: &gandan_sync::response::Manifest| -> BTreeSet<[u8; 32]> {
        manifest.chunks.iter().map(|chunk| chunk.hash).collect()
    };
    assert!(names(&first).intersection(&names(&second)).count() >= done.kept);
    // The first is fetchable still; after one more it is gone, and that is said.
    let gone = *names(&first).difference(&names(&second)).next().unwrap();
    let fetch = |peer: &Peer| {
        let answer = peer.query(&app, Ask::Chunks { space, hashes: vec![gone] });
        assert_eq!(answer.status, 200);
        decode_chunks(&answer.body).unwrap()[0].len()
    };
    assert!(fetch(&a) > 0);
    a.visit(UNIT_A, 250, "thêm");
    a.sync(&app);
    app.compact(i64::MAX / 2);
    assert_eq!(fetch(&a), 0);
}

#[test]
fn a_device_behind_the_horizon_gets_chunks_and_loses_nothing() {
    let app = TestApp::new();
    let mut a = app.official("CB-001", &[UNIT_A]);
    let mut b = app.official("CB-002", &[UNIT_A]);
    a.visit(UNIT_A, 1, "một");
    a.sync(&app);
    b.sync(&app);
    let space = b.space(UNIT_A, "field");
    for n in 2..10 {
        a.visit(UNIT_A, n, "nhiều");
    }
    a.sync(&app);
    app.compact(0);
    b.visit(UNIT_A, 100, "của B, chưa gửi");
    assert!(matches!(notice(&mut b, &app, space), Some(Notice::Chunks(_))));
    b.load_chunks(&app);
    b.sync(&app);
    assert_eq!(b.docs.len(), 10);
    a.sync(&app);
    assert_eq!(a.positions, b.positions);
}

#[test]
fn differences_are_found_and_healed() {
    let app = TestApp::new();
    let (mut a, _) = busy(&app, 40);
    let space = a.space(UNIT_A, "field");
    let position = a.positions[&space];
    // A lost one document, holds another that is not in the log, and an old state of a third.
    let (lost, odd, old) = (DocId([3; 16]), DocId([0xee; 16]), DocId([8; 16]));
    a.docs.remove(&(space, lost));
    let heads = |peer: &Peer, doc: &DocId| peer.docs[&(space, *doc)].log_heads.clone();
    let held = |a: &Peer| -> Vec<(DocId, Vec<gandan_model::ids::ChangeHash>)> {
        let mut held: Vec<_> = a.docs.keys().map(|(_, doc)| (*doc, heads(a, doc))).collect();
        held.iter_mut()
            .filter(|(doc, _)| *doc == old)
            .for_each(|(doc, heads)| *heads = vec![a.docs[&(space, *doc)].changes[0].0]);
        held.push((odd, vec![gandan_model::ids::ChangeHash([1; 32])]));
        held
    };
    let mut buckets = Buckets::default();
    held(&a).iter().for_each(|(doc, heads)| buckets.add(doc, heads));
    let compare = |cursor| Ask::Compare { space, cursor, buckets: buckets.short() };
    let found = a.reply(&app, compare(position.cursor));
    let expected: BTreeSet<u8> = [lost, odd, old].iter().map(bucket).collect();
    assert_eq!(found, Reply::Buckets(expected.iter().copied().collect()));
    assert_eq!(a.reply(&app, compare(Cursor { seq: 1, chain: [0; 32] })), Reply::Moved);

    let (mut healed, mut unknown_all) = (BTreeSet::new(), Vec::new());
    for bucket in expected {
        let mine = held(&a).into_iter().filter(|(doc, _)| gandan_sync::digest::bucket(doc) == bucket);
        let documents = mine.map(|(doc, heads)| (doc, short_heads(&doc, &heads))).collect();
        let asked = Ask::Differ { space, cursor: position.cursor, bucket, documents };
        let Reply::Healing { chunks, heads, unknown, more } = a.reply(&app, asked) else { panic!() };
        assert!(!more);
        unknown_all.extend(unknown);
        for chunk in chunks {
            healed.extend(compact::decode(&space, &chunk).unwrap().changes.iter().map(|change| change.doc));
        }
        assert!(heads.iter().all(|(doc, heads)| *doc == lost || *heads == a.docs[&(space, *doc)].log_heads));
    }
    assert_eq!((healed, unknown_all), (BTreeSet::from([lost, old]), vec![odd]));
}

#[test]
fn questions_are_answered_to_those_who_may_ask_only() {
    let app = TestApp::new();
    let (a, b) = (app.official("CB-001", &[UNIT_A]), app.official("CB-002", &[UNIT_B]));
    let space = a.space(UNIT_A, "field");
    let asks = [
        Ask::Chunks { space, hashes: vec![[1; 32]] },
        Ask::Compare { space, cursor: Cursor::START, buckets: vec![[0; 8]; BUCKETS] },
        Ask::Differ { space, cursor: Cursor::START, bucket: 1, documents: Vec::new() },
    ];
    for ask in &asks {
        assert_eq!(a.query(&app, ask.clone()).status, 200);
        let answer = b.query(&app, ask.clone());
        assert_eq!((answer.status, answer.code()), (403, Refusal::NO_GRANT.name()));
        assert_eq!(Peer::stranger("X").query(&app, ask.clone()).code(), Refusal::UNKNOWN_DEVICE.name());
    }
    let post = |bytes: &[u8]| http::request(app.address, "POST", "/v1/query", &[], bytes);
    // In another's name; with a bit turned; cut; nothing at all; too much.
    let query = Query { device: a.device, time_ms: u64::try_from(START_MS).unwrap(), ask: asks[0].clone() };
    assert_eq!(post(&query.encode(&b.key).unwrap()).code(), Refusal::BAD_SIGNATURE.name());
    let good = query.encode(&a.key).unwrap();
    for at in 0..good.len() {
        let mut turned = good.clone();
        turned[at] ^= 1;
        assert_ne!(post(&turned).status, 200, "{at}");
        assert_eq!(post(&good[..at]).status, 400, "{at}");
    }
    let answer = post(&vec![0; gandan_sync::query::MAX_QUERY_FRAME + 1]);
    assert_eq!((answer.status, answer.code()), (413, Refusal::TOO_LARGE.name()));
    let few = Ask::Compare { space, cursor: Cursor::START, buckets: vec![[0; 8]; 3] };
    assert_eq!(a.query(&app, few).code(), Refusal::BAD_FORM.name());
}
