//! A process that is killed in the middle of its work: what it called saved is there.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use gandan_model::document::Document;
use gandan_model::genesis::DocKind;
use gandan_store::{Draft, Page, SealedEnvelope, VisitFilter};
use serde_json::json;

use crate::help::{ME, NOW, Phone, SPACE, UNIT, doc, edit, field_grant, open};

/// Not a test by itself: the process that is killed. It says what is done, after it is done.
#[test]
fn child_process() {
    let Ok(folder) = std::env::var("GANDAN_TEST_CRASH") else { return };
    let mut store = open(Path::new(&folder));
    store.grant(&field_grant(SPACE, UNIT)).unwrap();
    for number in 0.. {
        for typed in 1..=2 {
            let draft = Draft {
                id: doc(number),
                space: SPACE,
                kind: Some(DocKind::Visit),
                title: format!("Thôn {number}"),
                base: Vec::new(),
                edits: json!({ "typed": typed, "text": "x".repeat(3000) }),
                created_ms: 0,
                updated_ms: 0,
            };
            store.save_draft(&draft, NOW).unwrap();
            println!("\ndid:draft {number} {typed}");
        }
        let mut document = Document::new(DocKind::Visit);
        let change = edit(&mut document, ME, NOW, &[("note", json!(format!("Thôn {number} {}", "y".repeat(2000))))]);
        store.commit(SPACE, doc(number), &document, &change, Some(doc(number)), NOW).unwrap();
        println!("\ndid:save {number} 0");
        if number % 3 == 2 {
            let changes = store.unsealed(100).unwrap().iter().map(|c| (c.doc, c.hash)).collect();
            let device_seq = store.last_envelope().unwrap().map_or(1, |(last, _)| last + 1);
            store.seal(&SealedEnvelope { device_seq, space: SPACE, hash: [1; 32], bytes: vec![1], changes }).unwrap();
            println!("\ndid:seal {device_seq} 0");
        }
    }
}

#[test]
fn what_was_called_saved_survives_kill_9() {
    // Each run is killed after another number of steps, at whatever instant that happens to be.
    for steps in [1, 2, 3, 4, 5, 9, 17, 40, 90] {
        let phone = Phone::new();
        phone.store.close().unwrap();
        let folder = phone.folder;
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash::child_process", "--nocapture"])
            .env("GANDAN_TEST_CRASH", folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut did = Vec::new();
        for line in lines {
            if let Some((_, what)) = line.unwrap().split_once("did:") {
                did.push(what.to_owned());
            }
            if did.len() == steps {
                break;
            }
        }
        // SIGKILL: no destructor runs, nothing is flushed.
        child.kill().unwrap();
        child.wait().unwrap();
        check(folder.path(), &did);
    }
}

fn check(folder: &Path, did: &[String]) {
    let store = open(folder);
    assert!(store.salvage_notes().unwrap().is_empty(), "a killed process damages nothing");
    store.check().unwrap();
    let mut saved = BTreeSet::new();
    let mut drafted = None;
    for step in did {
        let mut words = step.split(' ');
        let (what, number, typed) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
        let number: u32 = number.parse().unwrap();
        match what {
            "draft" => drafted = Some((number, typed.parse::<u32>().unwrap())),
            "save" => {
                saved.insert(number);
            }
            "seal" => assert!(store.envelope(u64::from(number)).unwrap().is_some()),
            _ => unreachable!(),
        }
    }
    for number in &saved {
        assert!(store.document(doc(*number)).unwrap().is_some(), "visit {number} of {did:?}");
        assert!(store.draft(doc(*number)).unwrap().is_none());
    }
    if let Some((number, typed)) = drafted.filter(|(number, _)| !saved.contains(number)) {
        // The last draft, or already its save, which had not been reported yet.
        match store.draft(doc(number)).unwrap() {
            Some(draft) => assert!(draft.edits["typed"].as_u64().unwrap() >= u64::from(typed)),
            None => assert!(store.document(doc(number)).unwrap().is_some()),
        }
    }
    // Nothing is half done: every document has its row, its words and its mark.
    let counts = store.counts().unwrap();
    let rows = store.visits(&VisitFilter::default(), &Page::first(500)).unwrap().items;
    let words = VisitFilter { query: Some("thon".into()), ..VisitFilter::default() };
    let found = store.visits(&words, &Page::first(500)).unwrap().items;
    assert_eq!(rows.len(), found.len());
    assert!(rows.len() >= saved.len());
    assert_eq!(counts.visits, counts.saved_changes + counts.waiting_changes);
    for row in rows {
        assert_eq!(store.changes(row.row.id).unwrap().len(), 1);
    }
}
