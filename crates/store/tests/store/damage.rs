//! Damaged files: noticed, set aside, salvaged, never deleted.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use gandan_model::genesis::DocKind;
use gandan_model::visit::Visit;
use gandan_store::{
    Ack, DatabaseKey, Draft, Identity, Page, RecordState, SalvageReport, SealedEnvelope, Store, VisitFilter,
};
use rand::{RngExt as _, SeedableRng as _};
use serde_json::json;

use crate::help::{ME, NOW, OTHER, Phone, SPACE, batch, doc, foreign, key, open};

const LATER: i64 = NOW + 86_400_000;
const VISITS: u32 = 300;

/// The folder of a phone with synced, waiting and saved visits, a draft and an identity, closed.
fn used() -> tempfile::TempDir {
    static TEMPLATE: LazyLock<tempfile::TempDir> = LazyLock::new(make_used);
    let copy = tempfile::tempdir().unwrap();
    for name in ["gandan.db", "gandan.key-check"] {
        fs::copy(TEMPLATE.path().join(name), copy.path().join(name)).unwrap();
    }
    copy
}

fn make_used() -> tempfile::TempDir {
    let mut phone = Phone::new();
    let identity = Identity {
        device: ME,
        signing_key: [0xcd; 32],
        official: "CB-001".into(),
        name: "Cán bộ 1".into(),
        role: "field_official".into(),
        server_url: "https://example.org".into(),
    };
    phone.store.set_identity(&identity).unwrap();
    for number in 0..VISITS {
        phone.save(
            DocKind::Visit,
            doc(number),
            NOW,
            &[("place.name", json!(format!("Thôn {number}"))), ("note", json!("đường ".repeat(100)))],
        );
        if number == 100 || number == 200 {
            let changes = phone.store.unsealed(1000).unwrap().iter().map(|c| (c.doc, c.hash)).collect();
            let device_seq = u64::from(number / 100);
            let envelope = SealedEnvelope { device_seq, space: SPACE, hash: [1; 32], bytes: vec![7; 500], changes };
            phone.store.seal(&envelope).unwrap();
        }
    }
    phone.store.acknowledge(1, &Ack::Durable { seq: 1 }).unwrap();
    let draft = Draft {
        id: doc(9_999),
        space: SPACE,
        kind: Some(DocKind::Visit),
        title: "Đang ghi".into(),
        base: Vec::new(),
        edits: json!(["chưa xong"]),
        created_ms: 0,
        updated_ms: 0,
    };
    phone.store.save_draft(&draft, NOW).unwrap();
    phone.store.close().unwrap();
    phone.folder
}

fn change_file(folder: &Path, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let path = folder.join("gandan.db");
    let mut content = fs::read(&path).unwrap();
    change(&mut content);
    fs::write(&path, &content).unwrap();
    content
}

/// Opens the damaged store, and checks that the damaged file was kept exactly as it was.
fn salvage(folder: tempfile::TempDir, damaged: &[u8]) -> (Phone, SalvageReport) {
    let store = Store::open(folder.path(), &key(), LATER).unwrap();
    let notes = store.salvage_notes().unwrap();
    assert_eq!((notes.len(), notes[0].at_ms), (1, LATER));
    let report = notes[0].report.clone();
    assert_eq!(report.set_aside, format!("gandan-damaged-{LATER}.db"));
    assert_eq!(fs::read(folder.path().join(&report.set_aside)).unwrap(), damaged);
    let leftovers = fs::read_dir(folder.path()).unwrap().filter(|entry| {
        let name = entry.as_ref().unwrap().file_name().to_string_lossy().into_owned();
        name.contains("salvage") || name.contains("suspect")
    });
    assert_eq!(leftovers.count(), 0);
    store.check().unwrap();
    (Phone { store, folder }, report)
}

fn assert_everything(phone: &mut Phone, report: &SalvageReport) {
    assert_eq!((report.changes, report.drafts, report.identity), (u64::from(VISITS), 1, true), "{report:?}");
    assert_eq!((report.unsent_changes, report.envelopes), (u64::from(VISITS) - 101, 2));
    assert_eq!(phone.store.identity().unwrap().unwrap().signing_key, [0xcd; 32]);
    assert_eq!(phone.store.draft(doc(9_999)).unwrap().unwrap().edits, json!(["chưa xong"]));
    assert_eq!(phone.store.unsealed(1000).unwrap().len(), VISITS as usize - 201);
    assert_eq!(phone.store.sealed(10).unwrap()[0].bytes, vec![7; 500]);
    assert_eq!(phone.store.last_envelope().unwrap().unwrap().0, 2);
    assert_eq!(phone.state(doc(50)), RecordState::Synced);
    assert_eq!(phone.state(doc(150)), RecordState::Waiting);
    assert_eq!(phone.state(doc(250)), RecordState::Saved);
    let filter = VisitFilter { query: Some("thon 299".into()), ..VisitFilter::default() };
    assert_eq!(phone.visits(&filter).len(), 1);
    assert_eq!(phone.store.counts().unwrap().visits, u64::from(VISITS));
    // The server sends everything again from the beginning.
    let space = phone.store.spaces().unwrap().remove(0);
    assert_eq!((space.space, space.cursor.seq), (SPACE, 0));
    assert!(!phone.store.needs_reprojection().unwrap());
    // And life goes on.
    phone.save(DocKind::Visit, doc(250), LATER, &[("place.name", json!("Sau khi sửa"))]);
}

#[test]
fn a_damaged_first_page_costs_nothing() {
    for place in [0, 20, 100, 2000, 4095] {
        let folder = used();
        let damaged = change_file(folder.path(), |content| content[place] ^= 0xff);
        if place < 16 {
            // The salt is derived from the key: these bytes are not needed.
            let store = open(folder.path());
            assert!(store.salvage_notes().unwrap().is_empty());
            assert_eq!(store.counts().unwrap().visits, u64::from(VISITS));
            continue;
        }
        let (mut phone, report) = salvage(folder, &damaged);
        assert!(report.unreadable_pages >= 1);
        assert_everything(&mut phone, &report);
    }
    // All of it, and as another program might leave it.
    for content in [vec![0; 4096], vec![0xff; 4096], b"<html>404</html>".repeat(256)] {
        let folder = used();
        let damaged = change_file(folder.path(), |file| file[..4096].copy_from_slice(&content));
        let (mut phone, report) = salvage(folder, &damaged);
        assert_everything(&mut phone, &report);
    }
}

#[test]
fn every_single_damaged_page_is_noticed_and_costs_no_more_than_its_rows() {
    let pages = fs::read(used().path().join("gandan.db")).unwrap().len() / 4096;
    let mut lost_somewhere = false;
    // Every page would take minutes; a seeded choice of them, the first ones always.
    let seed = 20_261_121;
    println!("seed {seed}");
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    let chosen: Vec<usize> = (1..6).chain((0..8).map(|_| random.random_range(6..pages))).collect();
    for page in chosen {
        let copy = used();
        let damaged = change_file(copy.path(), |content| content[page * 4096 + 1234] ^= 1);
        println!("page {page}");
        // Either opening meets it, or a thorough check does; then opening again repairs it.
        let opened = open(copy.path());
        if !opened.salvage_notes().unwrap().is_empty() {
            continue;
        }
        assert_eq!(opened.check().unwrap_err().code(), "damaged", "page {page}");
        drop(opened);
        let (mut phone, report) = salvage(copy, &damaged);
        assert_eq!(report.unreadable_pages, 1, "page {page}");
        let lost = u64::from(VISITS) - report.changes;
        lost_somewhere |= lost > 0;
        assert!(lost <= 8, "page {page}: {lost} changes lost");
        // What is lost of the log comes again; what comes again and is here is skipped.
        let kept = phone.store.counts().unwrap();
        assert!(kept.visits >= u64::from(VISITS) - lost);
        phone.save(DocKind::Visit, doc(100_000), LATER, &[("place.name", json!("Mới"))]);
    }
    assert!(lost_somewhere, "the test reached no page with changes");
}

#[test]
fn damage_met_while_reading_is_reported_and_repaired_at_the_next_opening() {
    let folder = used();
    let damaged = change_file(folder.path(), |content| {
        // Every page but the first few: whatever is read next fails.
        for page in 60..content.len() / 4096 {
            content[page * 4096 + 99] ^= 1;
        }
    });
    let store = open(folder.path());
    assert!(store.salvage_notes().unwrap().is_empty());
    let mut met = None;
    for number in 0..VISITS {
        if let Err(error) = store.document(doc(number)) {
            met = Some(error.code());
            break;
        }
    }
    assert_eq!(met, Some("damaged"));
    drop(store);
    let (phone, report) = salvage(folder, &damaged);
    assert!(report.unreadable_pages > 10 && report.changes > 0, "{report:?}");
    assert_eq!(phone.store.counts().unwrap().visits, report.changes);
}

#[test]
fn a_file_cut_short_gives_what_is_left_of_it() {
    // The tables alone, empty, take 42 pages.
    for keep in [4096 * 60, 4096 * 60 + 1000, 4096, 100, 1] {
        let folder = used();
        let damaged = change_file(folder.path(), |content| content.truncate(keep));
        println!("cut to {keep}");
        let (mut phone, report) = salvage(folder, &damaged);
        assert!(keep < 5000 || report.changes > 5, "{keep}: {report:?}");
        if phone.store.spaces().unwrap().is_empty() {
            phone.store.grant(&crate::help::field_grant(SPACE, "24847")).unwrap();
        }
        phone.save(DocKind::Visit, doc(100_000), LATER, &[("place.name", json!("Mới"))]);
    }
    let folder = used();
    let damaged = change_file(folder.path(), Vec::clear);
    let (_, report) = salvage(folder, &damaged);
    assert_eq!((report.changes, report.identity), (0, false));
}

#[test]
fn what_is_only_in_the_log_is_salvaged_too() {
    let mut phone = Phone::new();
    for number in 0..20 {
        phone.save(DocKind::Visit, doc(number), NOW, &[("place.name", json!(format!("Thôn {number}")))]);
    }
    let copy = tempfile::tempdir().unwrap();
    for name in ["gandan.db", "gandan.db-wal", "gandan.key-check"] {
        fs::copy(phone.folder.path().join(name), copy.path().join(name)).unwrap();
    }
    let wal = fs::read(copy.path().join("gandan.db-wal")).unwrap();
    assert!(wal.len() > 100_000);
    // The database file itself is lost altogether.
    fs::write(copy.path().join("gandan.db"), []).unwrap();
    let (phone, report) = salvage(copy, &[]);
    assert_eq!(report.changes, 20, "{report:?}");
    assert_eq!(phone.store.counts().unwrap().visits, 20);
    let aside = phone.folder.path().join(format!("gandan-damaged-{LATER}.db-wal"));
    assert_eq!(fs::read(aside).unwrap(), wal);
}

#[test]
fn after_a_salvage_the_server_fills_the_gaps() {
    let mut phone = Phone::new();
    let edits: Vec<Vec<_>> = (0..40).map(|n| vec![("note", json!(format!("{n} {}", "chữ ".repeat(300))))]).collect();
    let edits: Vec<&[_]> = edits.iter().map(Vec::as_slice).collect();
    let (document, changes) = foreign(OTHER, &edits);
    let all: Vec<_> = changes.iter().map(|change| (doc(1), change)).collect();
    phone.store.apply_remote(&batch(9, &all)).unwrap();
    let mine = phone.save(DocKind::Visit, doc(1), NOW + 100, &[("place.name", json!("Chưa gửi"))]);
    phone.store.close().unwrap();
    let folder = phone.folder;
    let whole = fs::read(folder.path().join("gandan.db")).unwrap();
    let mut gaps = 0;
    for page in 1..whole.len() / 4096 {
        let copy = tempfile::tempdir().unwrap();
        fs::copy(folder.path().join("gandan.key-check"), copy.path().join("gandan.key-check")).unwrap();
        let mut content = whole.clone();
        content[page * 4096 + 700] ^= 1;
        fs::write(copy.path().join("gandan.db"), &content).unwrap();
        fs::write(copy.path().join("gandan.suspect"), "test").unwrap();
        let (mut phone, report) = salvage(copy, &content);
        if report.unsent_changes == 0 {
            continue;
        }
        gaps += usize::from(report.changes < 41);
        // Pulled again in two pieces; the unsent change shows once its history is whole.
        let (first, second) = all.split_at(13);
        phone.store.apply_remote(&batch(1, first)).unwrap();
        let applied = phone.store.apply_remote(&batch(9, second)).unwrap();
        assert!(applied.rejected.is_empty() && applied.waiting.is_empty(), "page {page}: {applied:?}");
        let stored = phone.store.document(doc(1)).unwrap().unwrap();
        assert_eq!(stored.document.heads(), [mine.hash], "page {page}");
        assert_eq!(Visit::of(&stored.document).note, Visit::of(&document).note);
        assert_eq!(phone.store.unsealed(10).unwrap().len(), 1);
        let rows = phone.store.visits(&VisitFilter::default(), &Page::first(2)).unwrap().items;
        assert_eq!(rows[0].row.place_name.as_deref(), Some("Chưa gửi"));
    }
    assert!(gaps > 0, "the test reached no page with the document's changes: {gaps}");
}

#[test]
fn an_interrupted_salvage_is_completed() {
    let folder = used();
    let damaged = change_file(folder.path(), |content| content[3000] ^= 1);
    let (phone, _) = salvage(folder, &damaged);
    drop(phone.store);
    let path = |name: &str| phone.folder.path().join(name);
    let aside = format!("gandan-damaged-{LATER}.db");
    // As if the process had been killed before the first renaming, and between the two.
    for before_first in [true, false] {
        fs::rename(path("gandan.db"), path("gandan-salvaged.db")).unwrap();
        if before_first {
            fs::rename(path(&aside), path("gandan.db")).unwrap();
        }
        fs::write(path("gandan-salvage-work.tmp"), "left over").unwrap();
        let store = Store::open(phone.folder.path(), &key(), LATER).unwrap();
        assert_eq!(store.counts().unwrap().visits, u64::from(VISITS), "{before_first}");
        assert_eq!(fs::read(path(&aside)).unwrap(), damaged);
        drop(store);
    }
}

#[test]
fn a_note_is_dismissed_and_a_wrong_key_is_still_a_wrong_key() {
    let folder = used();
    let damaged = change_file(folder.path(), |content| content[3000] ^= 1);
    let error = Store::open(folder.path(), &DatabaseKey::new([1; 32]), LATER).unwrap_err();
    assert_eq!(error.code(), "wrong_key");
    assert_eq!(fs::read(folder.path().join("gandan.db")).unwrap(), damaged);
    let (mut phone, _) = salvage(folder, &damaged);
    let note = phone.store.salvage_notes().unwrap().remove(0);
    phone.store.dismiss_salvage_note(note.id).unwrap();
    assert!(phone.store.salvage_notes().unwrap().is_empty());
}
