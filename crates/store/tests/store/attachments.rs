//! Files beside the records: kept with them, sent in pieces, let go at the right moment and not before.

use std::fs;

use gandan_model::attachment::hash;
use gandan_model::document::Document;
use gandan_model::genesis::DocKind;
use gandan_model::ids::{DocId, FileHash};
use gandan_store::{Ack, Attachment, AttachmentState, Commit, NewAttachment, PIECE_BYTES, SealedEnvelope, VisitFilter};
use serde_json::json;

use crate::help::{ME, NOW, Phone, SPACE, doc, edit, open};

/// Bytes that do not repeat.
fn bytes(seed: u32, length: usize) -> Vec<u8> {
    let mut word = seed;
    let next = move || {
        word = word.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        word.to_le_bytes()[3]
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// Saves a visit with a photograph `name` of these bytes.
fn attach(phone: &mut Phone, id: DocId, name: &str, bytes: &[u8]) -> FileHash {
    let hash = hash(bytes);
    let stored = phone.store.document(id).unwrap();
    let mut document = stored.map_or_else(|| Document::new(DocKind::Visit), |stored| stored.document);
    let described = json!({"sha256": hash.to_string(), "mime": "image/jpeg"});
    let change = edit(&mut document, ME, NOW, &[(&format!("photos.{name}"), described)]);
    let commit = Commit { space: SPACE, id, document: &document, change: &change, draft: None };
    let file = NewAttachment { hash, bytes, mime: "image/jpeg", thumbnail: false };
    phone.store.commit_with_files(&commit, &[file], NOW).unwrap();
    hash
}

fn state(phone: &Phone, hash: FileHash) -> Option<AttachmentState> {
    phone.store.attachment(hash).unwrap().map(|file| file.state)
}

/// Everything of the visits reaches the server.
fn confirm(phone: &mut Phone) {
    let changes = phone.store.unsealed(100).unwrap().iter().map(|c| (c.doc, c.hash)).collect();
    let envelope = SealedEnvelope { device_seq: 1, space: SPACE, hash: [1; 32], bytes: vec![7; 50], changes };
    phone.store.seal(&envelope).unwrap();
    phone.store.acknowledge(1, &Ack::Durable { seq: 1 }).unwrap();
}

#[test]
fn a_file_is_read_in_pieces_from_any_place() {
    let mut phone = Phone::new();
    let whole = bytes(1, PIECE_BYTES * 2 + 1_000);
    let hash = attach(&mut phone, doc(1), "p1", &whole);
    let phone = phone.reopen();
    assert_eq!(phone.store.attachment_bytes(hash).unwrap().as_deref(), Some(whole.as_slice()));
    for offset in [0, 1, PIECE_BYTES - 1, PIECE_BYTES, whole.len() - 1] {
        let piece = phone.store.attachment_piece(hash, offset as u64).unwrap();
        let end = ((offset / PIECE_BYTES + 1) * PIECE_BYTES).min(whole.len());
        assert_eq!(piece, whole[offset..end], "from {offset}");
    }
    assert!(phone.store.attachment_piece(hash, whole.len() as u64).unwrap().is_empty());
    let waiting = phone.store.waiting_attachments(true, 10).unwrap();
    assert_eq!(waiting.iter().map(|file| file.hash).collect::<Vec<_>>(), [hash]);
    assert!(phone.store.waiting_attachments(false, 10).unwrap().is_empty());
}

#[test]
fn a_full_disk_keeps_neither_the_photo_nor_the_record_of_it() {
    let mut phone = Phone::new();
    attach(&mut phone, doc(1), "p1", &bytes(1, 1_000));
    phone.store.set_max_bytes(Some(1 << 20)).unwrap();
    let large = bytes(2, 4 << 20);
    let mut document = phone.store.document(doc(1)).unwrap().unwrap().document;
    let described = json!({"sha256": hash(&large).to_string()});
    let change = edit(&mut document, ME, NOW, &[("photos.p2", described)]);
    let commit = Commit { space: SPACE, id: doc(1), document: &document, change: &change, draft: None };
    let file = NewAttachment { hash: hash(&large), bytes: &large, mime: "image/jpeg", thumbnail: false };
    assert_eq!(phone.store.commit_with_files(&commit, &[file], NOW).unwrap_err().code(), "disk_full");
    assert_eq!(state(&phone, hash(&large)), None);
    assert_eq!(phone.store.changes(doc(1)).unwrap().len(), 1);
}

#[test]
fn the_only_copy_stays_until_the_server_has_it() {
    let mut phone = Phone::new();
    let hash = attach(&mut phone, doc(1), "p1", &bytes(1, 5_000));
    confirm(&mut phone);
    assert_eq!(phone.store.trim_attachments(0).unwrap(), 0);
    // The official is moved: the records go, the photograph that only this phone has does not.
    phone.store.take_grant(SPACE).unwrap();
    assert!(phone.visits(&VisitFilter::default()).is_empty());
    assert_eq!(state(&phone, hash), Some(AttachmentState::Waiting));
    phone.store.attachment_refused(hash, "no_space").unwrap();
    assert_eq!(state(&phone, hash), Some(AttachmentState::Refused));
    phone.store.offer_attachments_again().unwrap();
    assert_eq!(phone.store.waiting_attachments(true, 10).unwrap().len(), 1);
    phone.store.attachment_held(hash).unwrap();
    assert_eq!(state(&phone, hash), None, "nothing here names it any more, and the server has it");
}

#[test]
fn what_the_server_has_makes_room_and_comes_back() {
    let mut phone = Phone::new();
    let (first, second) = (bytes(1, PIECE_BYTES + 10), bytes(2, 3_000));
    let hashes = [attach(&mut phone, doc(1), "p1", &first), attach(&mut phone, doc(1), "p2", &second)];
    hashes.iter().for_each(|hash| phone.store.attachment_held(*hash).unwrap());
    assert_eq!(phone.store.trim_attachments(4_000).unwrap(), first.len() as u64);
    assert_eq!((state(&phone, hashes[0]), state(&phone, hashes[1])), (None, Some(AttachmentState::Held)));
    let mut file = Attachment {
        hash: hashes[0],
        space: SPACE,
        length: first.len() as u64,
        mime: "image/jpeg".to_owned(),
        thumbnail: false,
        state: AttachmentState::Arriving,
        code: None,
    };
    assert_eq!(phone.store.piece_arrived(&file, &first[..PIECE_BYTES]).unwrap(), None);
    assert_eq!(phone.store.attachment_bytes(file.hash).unwrap(), None, "half a photograph is none");
    assert_eq!(phone.store.piece_arrived(&file, &first[PIECE_BYTES..]).unwrap(), Some(true));
    assert_eq!(phone.store.attachment_bytes(file.hash).unwrap(), Some(first));
    // Bytes of something else under a name leave nothing behind.
    (file.hash, file.length) = (FileHash([9; 32]), 3);
    assert_eq!(phone.store.piece_arrived(&file, b"abc").unwrap(), Some(false));
    assert_eq!(state(&phone, file.hash), None);
}

#[test]
fn privacy_and_the_law_take_unsent_bytes_too_and_leave_none_in_the_files() {
    let mut phone = Phone::new();
    let (face, erased) = (bytes(1, 50_000), bytes(2, 50_000));
    let hashes = [attach(&mut phone, doc(1), "p1", &face), attach(&mut phone, doc(2), "p1", &erased)];
    phone.store.erase(doc(2)).unwrap();
    phone.save(DocKind::Visit, doc(1), NOW, &[("photos.p1.privacy_remove", json!(true))]);
    assert_eq!(hashes.map(|hash| state(&phone, hash)), [None, None]);
    // Encrypted they could not be found; that their pages are empty shows in the size of the log.
    let log = fs::metadata(phone.folder.path().join("gandan.db-wal")).unwrap().len();
    assert_eq!(log, 0, "pages as they were before are still in the write-ahead log");
}

#[test]
fn a_damaged_file_is_salvaged_with_its_photos() {
    let mut phone = Phone::new();
    let whole = bytes(3, PIECE_BYTES + 77);
    let hash = attach(&mut phone, doc(1), "p1", &whole);
    let folder = {
        let Phone { store, folder } = phone;
        store.close().unwrap();
        folder
    };
    let path = folder.path().join("gandan.db");
    let mut file = fs::read(&path).unwrap();
    // The page that names all tables.
    file[100..2_000].fill(0x5a);
    fs::write(&path, &file).unwrap();
    let store = open(folder.path());
    assert_eq!(store.salvage_notes().unwrap().len(), 1);
    assert_eq!(store.attachment_bytes(hash).unwrap(), Some(whole));
    assert_eq!(store.waiting_attachments(true, 10).unwrap().len(), 1);
}
