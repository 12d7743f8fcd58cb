//! Files' bytes: up, down, and everything that must not pass.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use gandan_model::attachment::{self, MAX_BYTES};
use gandan_model::genesis::DocKind;
use gandan_model::ids::{DocId, FileHash, SpaceId};
use gandan_server::attachments::{AttachmentOptions, Attachments};
use gandan_server::auth::{Role, ScopeLine};
use gandan_server::clock::ManualClock;
use gandan_server::front::FrontOptions;
use gandan_sync::attachment::{Doing, FILES, Holding, MAX_PIECE, Metadata, Offered, PIECE_TYPE, Pass};
use gandan_sync::query::{Ask, Reply};
use gandan_sync::{Refusal, Status};
use serde_json::{Value, json};
use std::process::Command;
use std::sync::Arc;
use support::files::{append, ask, bring, create, jpeg, look, path, pdf, read};
use support::http::{self, Answer};
use support::peer::Peer;
use support::{START_MS, TestApp, UNIT_A, UNIT_B};

const VISIT: DocId = DocId([0x77; 16]);
const DAY_MS: i64 = 24 * 3_600_000;

/// A visit with one photograph, whose file has this content.
fn visit_with(peer: &mut Peer, app: &TestApp, doc: DocId, photo: &str, bytes: &[u8]) -> SpaceId {
    let space = peer.space(UNIT_A, "field");
    let hash = attachment::hash(bytes).to_string();
    let described = json!({"mime": "application/pdf", "sha256": hash, "people_visible": "none"});
    let fields = [("planned_on", json!("2026-08-02")), (&*format!("photos.{photo}"), described)];
    let raw = peer.edit(space, doc, DocKind::Visit, &fields);
    say(peer, app, space, doc, raw);
    space
}

fn say(peer: &mut Peer, app: &TestApp, space: SpaceId, doc: DocId, raw: Vec<u8>) {
    peer.seal(space, &[(doc, raw)]);
    assert!(peer.sync(app).iter().all(|(_, status)| matches!(status, Status::Durable { .. })));
    app.project();
}

fn holding(app: &TestApp, peer: &Peer, space: SpaceId, bytes: &[u8]) -> Holding {
    let offered = vec![Offered { space, hash: attachment::hash(bytes), length: bytes.len() as u64 }];
    let Reply::Files(holdings) = peer.reply(app, Ask::Files { offered }) else { panic!("another reply") };
    assert_eq!(holdings.len(), 1);
    holdings[0]
}

#[track_caller]
fn refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status, answer.code()), (status, code), "{}", answer.text());
}

fn kept(app: &TestApp, hash: &FileHash) -> bool {
    app.data().join("attachments").join(&hash.to_string()[..2]).join(hash.to_string()).exists()
}

fn staff_file(app: &TestApp, token: &str, visit: DocId, hash: FileHash) -> Answer {
    http::get(app.address, &format!("/api/v1/visits/{visit}/files/{hash}"), Some(token))
}

/// Leaves an upload as a server does that is killed between the last byte of a file and the look at it.
fn leave(app: &TestApp, phone: &Peer, space: SpaceId, bytes: &[u8], last_byte: u8) {
    let (last, hash) = (bytes.len() - 1, attachment::hash(bytes));
    assert_eq!(create(app, phone, (space, hash), bytes.len(), &bytes[..last]).status, 201);
    let upload = app.data().join(format!("attachments/uploads/{}/{hash}-{}", phone.device, bytes.len()));
    let mut left = std::fs::OpenOptions::new().append(true).open(upload).unwrap();
    std::io::Write::write_all(&mut left, &[last_byte]).unwrap();
}

#[test]
fn what_arrived_before_the_server_was_killed_is_looked_at_before_it_counts() {
    let app = TestApp::new();
    let mut phone = app.official("CB-001", &[UNIT_A]);
    let (asked, seen) = (pdf("đến đủ, hỏi lại?"), pdf("đến đủ, nhìn lại?"));
    let space = visit_with(&mut phone, &app, VISIT, "p1", &asked);
    visit_with(&mut phone, &app, DocId([0x78; 16]), "p1", &seen);
    leave(&app, &phone, space, &asked, b'x');
    assert_eq!(holding(&app, &phone, space, &asked), Holding::Lacking { offset: 0 }, "other bytes");
    leave(&app, &phone, space, &asked, b'?');
    assert_eq!(holding(&app, &phone, space, &asked), Holding::Held);

    let hash = attachment::hash(&seen);
    leave(&app, &phone, space, &seen, b'x');
    refused(&look(&app, &phone, hash), 422, "wrong_hash");
    leave(&app, &phone, space, &seen, b'?');
    assert_eq!(look(&app, &phone, hash).header("upload-offset"), Some(seen.len().to_string().as_str()));
    for bytes in [asked, seen] {
        assert_eq!(read(&app, &phone, attachment::hash(&bytes), &[]).body, bytes);
    }
}

#[test]
fn a_client_of_tus_learns_what_is_spoken() {
    let app = TestApp::new();
    let answer = http::request(app.address, "OPTIONS", FILES, &[], b"");
    assert_eq!(answer.status, 204);
    let said = ["tus-version", "tus-extension", "tus-max-size"].map(|name| answer.header(name).unwrap().to_owned());
    assert_eq!(said, ["1.0.0".to_owned(), "creation,creation-with-upload".to_owned(), MAX_BYTES.to_string()]);
    // What was said holds.
    let mut phone = app.official("CB-001", &[UNIT_A]);
    let bytes = pdf("một trang");
    let space = visit_with(&mut phone, &app, VISIT, "p1", &bytes);
    let upload = (space, attachment::hash(&bytes));
    assert_eq!(create(&app, &phone, upload, MAX_BYTES + 1, &[]).status, 413);
    assert_eq!(create(&app, &phone, upload, bytes.len(), &bytes).status, 201);
}

#[test]
fn a_file_goes_up_in_pieces_and_comes_down_in_ranges() {
    let app = TestApp::new();
    let (mut phone, other) = (app.official("CB-001", &[UNIT_A]), app.official("CB-002", &[UNIT_A]));
    let bytes = pdf(&"trang ".repeat(20_000));
    let space = visit_with(&mut phone, &app, VISIT, "p1", &bytes);
    let hash = attachment::hash(&bytes);
    assert_eq!(holding(&app, &phone, space, &bytes), Holding::Lacking { offset: 0 });
    refused(&look(&app, &phone, hash), 404, "not_found");

    let answer = create(&app, &phone, (space, hash), bytes.len(), &bytes[..1_000]);
    assert_eq!((answer.status, answer.header("location")), (201, Some(path(&hash).as_str())));
    assert_eq!(answer.header("upload-offset"), Some("1000"));
    assert_eq!(holding(&app, &phone, space, &bytes), Holding::Lacking { offset: 1_000 });
    // Another device's upload is another upload.
    assert_eq!(holding(&app, &other, space, &bytes), Holding::Lacking { offset: 0 });
    let half = bytes.len() / 2;
    assert_eq!(
        append(&app, &phone, hash, 1_000, &bytes[1_000..half]).header("upload-offset"),
        Some(half.to_string().as_str())
    );
    // Not twice, and not with a gap; creating it again throws nothing away.
    refused(&append(&app, &phone, hash, 1_000, &bytes[1_000..half]), 409, "wrong_offset");
    refused(&append(&app, &phone, hash, half + 1, &bytes[half + 1..]), 409, "wrong_offset");
    refused(&create(&app, &phone, (space, hash), bytes.len(), &bytes[..10]), 409, "wrong_offset");
    let asked = look(&app, &phone, hash);
    assert_eq!((asked.status, asked.header("upload-offset")), (200, Some(half.to_string().as_str())));
    assert!(!kept(&app, &hash));
    refused(&read(&app, &other, hash, &[]), 404, "not_found");

    let last = append(&app, &phone, hash, half, &bytes[half..]);
    assert_eq!((last.status, last.header("upload-offset")), (204, Some(bytes.len().to_string().as_str())));
    assert!(kept(&app, &hash));
    assert_eq!(holding(&app, &phone, space, &bytes), Holding::Held);
    assert_eq!(holding(&app, &other, space, &bytes), Holding::Held);

    let whole = read(&app, &other, hash, &[]);
    assert_eq!((whole.status, &whole.body), (200, &bytes));
    let etag = format!("\"{hash}\"");
    assert_eq!((whole.header("etag"), whole.header("content-type")), (Some(etag.as_str()), Some("application/pdf")));
    let part = read(&app, &other, hash, &[("range", "bytes=5-14")]);
    let range = format!("bytes 5-14/{}", bytes.len());
    assert_eq!(
        (part.status, part.body.as_slice(), part.header("content-range")),
        (206, &bytes[5..15], Some(range.as_str()))
    );
    assert_eq!(read(&app, &other, hash, &[("if-none-match", &etag)]).status, 304);
    for range in ["bytes=9999999-", "bytes=7-3", "bytes=x", "pages=1-2"] {
        refused(&read(&app, &other, hash, &[("range", range)]), 416, "bad_range");
    }

    // Staff of the area see it through the visit, others do not; and not through another visit.
    let token = app.token("xa", Role::CommuneStaff, &[ScopeLine::Unit(UNIT_A.to_owned())]);
    let elsewhere = app.token("khac", Role::CommuneStaff, &[ScopeLine::Unit(UNIT_B.to_owned())]);
    let shown = staff_file(&app, &token, VISIT, hash);
    assert_eq!((shown.status, &shown.body), (200, &bytes));
    assert_eq!(shown.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(staff_file(&app, &elsewhere, VISIT, hash).status, 404);
    assert_eq!(staff_file(&app, &token, DocId([1; 16]), hash).status, 404);
    assert_eq!(staff_file(&app, &token, VISIT, FileHash([1; 32])).status, 404);
}

#[test]
fn an_upload_that_is_cut_keeps_what_arrived() {
    let app = TestApp::new();
    let mut phone = app.official("CB-001", &[UNIT_A]);
    let bytes = pdf(&"x".repeat(300_000));
    let space = visit_with(&mut phone, &app, VISIT, "p1", &bytes);
    let hash = attachment::hash(&bytes);
    create(&app, &phone, (space, hash), bytes.len(), b"");
    let mut offset = 0;
    // Cut at every kind of place: before the first byte, in the head of a frame, in the middle, before the last byte.
    for cut in [0, 1, 70_000, 65_536, bytes.len() - 140_000] {
        let (path, place) = (path(&hash), offset.to_string());
        let doing = Doing { method: "PATCH", path: &path, offset: &place, metadata: "" };
        let pass = Pass::sign(&phone.key, phone.device, 1, doing).header();
        let headers = [
            ("authorization", &*pass),
            ("tus-resumable", "1.0.0"),
            ("upload-offset", &*place),
            ("content-type", PIECE_TYPE),
        ];
        http::cut_with(app.address, "PATCH", &path, &headers, &bytes[offset..], cut);
        // The request before may still be writing down its last bytes; whoever asks meanwhile is told so.
        let asked = loop {
            let asked = look(&app, &phone, hash);
            if asked.status != 423 {
                break asked;
            }
        };
        let arrived: usize = asked.header("upload-offset").unwrap().parse().unwrap();
        assert_eq!(arrived, offset + cut, "what was sent before the cut is kept to the byte");
        offset = arrived;
    }
    let app = app.restart();
    phone.now_ms += 1;
    assert_eq!(append(&app, &phone, hash, offset, &bytes[offset..]).status, 204);
    assert_eq!(holding(&app, &phone, space, &bytes), Holding::Held);
}

#[test]
fn what_is_not_what_it_says_is_thrown_away() {
    let app = TestApp::new();
    let phone = app.official("CB-001", &[UNIT_A]);
    let space = phone.space(UNIT_A, "field");
    let jpeg_with_place = {
        let exif = [b"\xff\xe1\x00\x12".as_slice(), b"Exif\0\0GPS 11.94N"].concat();
        let image = support::files::jpeg();
        [&image[..2], &exif, &image[2..]].concat()
    };
    let cases: [(&[u8], &str); 5] = [
        (b"<!DOCTYPE html><script>alert(1)</script>", "attachment_unknown_kind"),
        (b"MZ\x90\x00 a program", "attachment_unknown_kind"),
        (b"\xff\xd8\xff\xe0 not a picture at all", "attachment_damaged"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", "attachment_heic"),
        (&jpeg_with_place, "attachment_not_clean"),
    ];
    for (bytes, code) in cases {
        let hash = attachment::hash(bytes);
        refused(&create(&app, &phone, (space, hash), bytes.len(), bytes), 422, code);
        assert!(!kept(&app, &hash), "{code}");
        assert_eq!(holding(&app, &phone, space, bytes), Holding::Lacking { offset: 0 });
    }
    // Bytes of another file.
    let (good, other) = (pdf("this"), pdf("that"));
    refused(&create(&app, &phone, (space, attachment::hash(&good)), other.len(), &other), 422, "wrong_hash");
    assert!(!kept(&app, &attachment::hash(&good)) && !kept(&app, &attachment::hash(&other)));
}

#[test]
fn sizes_are_bounded_before_anything_is_kept() {
    let app = TestApp::new();
    let phone = app.official("CB-001", &[UNIT_A]);
    let space = phone.space(UNIT_A, "field");
    let bytes = pdf("một trang");
    let hash = attachment::hash(&bytes);
    refused(&create(&app, &phone, (space, hash), MAX_BYTES + 1, b""), 413, "too_large");
    refused(&create(&app, &phone, (space, hash), 0, b""), 413, "too_large");
    refused(&create(&app, &phone, (space, hash), 5, &bytes), 413, "too_large");
    let long = vec![b'x'; MAX_PIECE + 1];
    refused(&create(&app, &phone, (space, FileHash([9; 32])), long.len() + 9, &long), 413, "too_large");
    let offered = Ask::Files { offered: vec![Offered { space, hash, length: MAX_BYTES as u64 + 1 }] };
    assert_eq!(phone.reply(&app, offered), Reply::Files(vec![Holding::Refused(Refusal::TOO_LARGE)]));
    // Open uploads are counted, too.
    for number in 0..40_u8 {
        let answer = create(&app, &phone, (space, FileHash([number; 32])), 100, b"%PDF");
        if answer.status != 201 {
            refused(&answer, 429, "busy");
            return assert!(number > 20);
        }
    }
    panic!("a device may open as many uploads as it likes");
}

#[test]
fn a_day_has_a_quota() {
    let app = TestApp::serve_with(support::data_folder(), FrontOptions::default(), |options| {
        options.attachments.bytes_a_day = 100;
    });
    let phone = app.official("CB-001", &[UNIT_A]);
    let space = phone.space(UNIT_A, "field");
    bring(&app, &phone, space, &pdf(&"a".repeat(60)));
    let second = pdf(&"b".repeat(60));
    refused(&create(&app, &phone, (space, attachment::hash(&second)), second.len(), &second), 429, "busy");
    assert_eq!(holding(&app, &phone, space, &second), Holding::Refused(Refusal::BUSY));
    app.clock.advance_ms(DAY_MS + 1);
    bring(&app, &phone, space, &second);
}

#[test]
fn only_who_may_gets_in() {
    let app = TestApp::new();
    let (mut phone, neighbour) = (app.official("CB-001", &[UNIT_A]), app.official("CB-003", &[UNIT_B]));
    let bytes = pdf("trang");
    let hash = attachment::hash(&bytes);
    let space = phone.space(UNIT_A, "field");
    // No grant: not for bringing before a record names it, not for reading, and not for asking.
    refused(&create(&app, &neighbour, (space, hash), bytes.len(), &bytes), 403, "no_grant");
    assert_eq!(holding(&app, &neighbour, space, &bytes), Holding::Refused(Refusal::NO_GRANT));
    assert_eq!(holding(&app, &neighbour, SpaceId([9; 16]), &bytes), Holding::Refused(Refusal::NO_GRANT));
    visit_with(&mut phone, &app, VISIT, "p1", &bytes);
    bring(&app, &phone, space, &bytes);
    refused(&read(&app, &neighbour, hash, &[]), 404, "not_found");
    assert_eq!(read(&app, &phone, hash, &[]).status, 200);
    // What lies there and no record names is nobody's to read.
    let stray = bring(&app, &phone, space, &pdf("no record"));
    refused(&read(&app, &phone, stray, &[]), 404, "not_found");

    let stranger = Peer::stranger("nobody");
    assert_eq!(read(&app, &stranger, hash, &[]).status, 401);
    // A pass is for one request of one device.
    let path = path(&hash);
    let doing = Doing { method: "GET", path: &path, offset: "", metadata: "" };
    let passes = [
        Pass::sign(&stranger.key, phone.device, 1, doing).header(),
        Pass::sign(&phone.key, neighbour.device, 1, doing).header(),
        Pass::sign(&phone.key, phone.device, 1, Doing { method: "HEAD", ..doing }).header(),
        Pass::sign(&phone.key, phone.device, 1, Doing { path: FILES, ..doing }).header(),
        "Bearer 0123456789012345678901234567890123456789012".to_owned(),
        "GandanDevice ../../etc/passwd".to_owned(),
    ];
    for pass in passes {
        let answer = http::request(app.address, "GET", &path, &[("authorization", &pass)], b"");
        refused(&answer, 401, "bad_signature");
    }
    let admin = app.token("qt", Role::Administrator, &[ScopeLine::Province]);
    let revoke = format!("/api/v1/devices/{}/revoke", phone.device);
    let bearer = format!("Bearer {admin}");
    let headers = [("authorization", &*bearer), ("content-type", "application/json")];
    let body = json!({"reason": "mất máy"}).to_string();
    assert_eq!(http::request(app.address, "POST", &revoke, &headers, body.as_bytes()).status, 200);
    refused(&read(&app, &phone, hash, &[]), 403, "revoked");
    refused(&create(&app, &phone, (space, hash), bytes.len(), &bytes), 403, "revoked");
}

#[test]
fn names_and_headers_of_no_form_do_no_harm() {
    let app = TestApp::new();
    let phone = app.official("CB-001", &[UNIT_A]);
    let (space, hash) = (phone.space(UNIT_A, "field"), attachment::hash(b"x"));
    for name in ["..%2F..%2Fgandan.db", "../gandan.db", "%00", "uploads", &"a".repeat(63), &"g".repeat(64)] {
        let path = format!("{FILES}/{name}");
        for method in ["GET", "HEAD", "PATCH"] {
            let doing = Doing { method, path: &path, offset: "0", metadata: "" };
            let answer = ask(&app, &phone, doing, &[("content-type", PIECE_TYPE)], b"x");
            assert!((400..500).contains(&answer.status), "{method} {path}: {}", answer.status);
        }
    }
    let metadata = Metadata { hash, space }.header();
    let doing = Doing { method: "POST", path: FILES, offset: "", metadata: &metadata };
    for length in ["", "-1", "1e9", "99999999999999999999999"] {
        refused(&ask(&app, &phone, doing, &[("upload-length", length)], b"x"), 400, "bad_upload");
    }
    for metadata in ["sha256 Li4vLi4v,space Li4v", "filename Li4vLi4vZ2FuZGFuLmRi", ","] {
        let doing = Doing { metadata, ..doing };
        refused(&ask(&app, &phone, doing, &[("upload-length", "5")], b"x"), 400, "bad_upload");
    }
    let path = path(&hash);
    let doing = Doing { method: "PATCH", path: &path, offset: "0", metadata: "" };
    refused(&ask(&app, &phone, doing, &[("content-type", "text/plain")], b"x"), 415, "bad_upload");
    let pass = Pass::sign(&phone.key, phone.device, 1, doing).header();
    let old =
        [("authorization", &*pass), ("tus-resumable", "0.2.2"), ("upload-offset", "0"), ("content-type", PIECE_TYPE)];
    refused(&http::request(app.address, "PATCH", &path, &old, b"x"), 412, "tus_version");
    assert!(!app.data().join("attachments").exists(), "nothing was made for any of them");
}

#[test]
fn privacy_removal_deletes_the_bytes_for_good() {
    let app = TestApp::new();
    let mut phone = app.official("CB-001", &[UNIT_A]);
    let bytes = pdf("a face");
    let hash = attachment::hash(&bytes);
    let second = DocId([0x78; 16]);
    let space = visit_with(&mut phone, &app, VISIT, "p1", &bytes);
    visit_with(&mut phone, &app, second, "p9", &bytes);
    bring(&app, &phone, space, &bytes);
    // As long as another visit has it, it stays.
    let raw = phone.edit(space, VISIT, DocKind::Visit, &[("photos.p1.privacy_remove", json!(true))]);
    say(&mut phone, &app, space, VISIT, raw);
    assert!(kept(&app, &hash));
    let raw = phone.edit(space, second, DocKind::Visit, &[("photos.p9.privacy_remove", json!(true))]);
    say(&mut phone, &app, space, second, raw);
    assert!(!kept(&app, &hash));
    refused(&read(&app, &phone, hash, &[]), 404, "not_found");
    assert_eq!(holding(&app, &phone, space, &bytes), Holding::Gone);
    refused(&create(&app, &phone, (space, hash), bytes.len(), &bytes), 410, "gone");
    assert_eq!(look(&app, &phone, hash).status, 410);
}

#[test]
fn pictures_go_when_their_time_is_over_and_their_record_stays() {
    let app = TestApp::new();
    let mut phone = app.official("CB-001", &[UNIT_A]);
    let (picture, report) = (jpeg(), pdf("biên bản"));
    let hash = attachment::hash(&picture);
    let space = visit_with(&mut phone, &app, VISIT, "p1", &picture);
    visit_with(&mut phone, &app, DocId([0x78; 16]), "p2", &report);
    bring(&app, &phone, space, &picture);
    bring(&app, &phone, space, &report);
    let files = Attachments::new(app.db().clone(), Arc::new(ManualClock::at(START_MS)), AttachmentOptions::default());
    assert_eq!(files.retire_pictures(START_MS).unwrap(), 0, "it came just now");
    assert!(kept(&app, &hash));
    // As an operator does it, while the server runs.
    let aged = app.db().write(|db| Ok(db.execute("UPDATE attachment SET received_ms = 0", [])?));
    assert_eq!(aged.unwrap(), 2);
    let data = app.data();
    let args = ["gc", "--data", data.to_str().unwrap(), "--photo-months", "1", "--json"];
    let said = Command::new(env!("CARGO_BIN_EXE_gandan-server")).args(args).output().unwrap();
    let removed: Value = serde_json::from_slice(&said.stdout).unwrap();
    assert_eq!(removed["photos"], 1, "the document is no picture: {}", String::from_utf8_lossy(&said.stderr));
    assert!(!kept(&app, &hash) && kept(&app, &attachment::hash(&report)));
    // A phone that still has it is told so, and the visit is read as before.
    assert_eq!(holding(&app, &phone, space, &picture), Holding::Gone);
    let token = app.token("tinh", Role::ProvinceStaff, &[ScopeLine::Province]);
    assert_eq!(staff_file(&app, &token, VISIT, hash).status, 404);
    let visit = http::get(app.address, &format!("/api/v1/visits/{VISIT}"), Some(&token));
    assert_eq!(visit.status, 200);
    assert_eq!(files.retire_pictures(START_MS + DAY_MS).unwrap(), 0);
}

#[test]
fn an_erased_record_takes_its_files_along_and_no_restore_brings_them_back() {
    let app = TestApp::new();
    let mut phone = app.official("CB-001", &[UNIT_A]);
    let bytes = pdf("erase me");
    let hash = attachment::hash(&bytes);
    let space = visit_with(&mut phone, &app, VISIT, "p1", &bytes);
    bring(&app, &phone, space, &bytes);
    let backup = app.path().join("backup.db");
    gandan_server::commands::backup(&app.data(), &backup).unwrap();
    let copy = app.path().join("copy of the file");
    let place = app.data().join("attachments").join(&hash.to_string()[..2]).join(hash.to_string());
    std::fs::copy(&place, &copy).unwrap();

    let admin = app.token("qt", Role::Administrator, &[ScopeLine::Province]);
    let answer = {
        let bearer = format!("Bearer {admin}");
        let headers = [("authorization", &*bearer), ("content-type", "application/json")];
        let path = format!("/api/v1/records/{VISIT}/erase");
        http::request(app.address, "POST", &path, &headers, json!({"reason": "yêu cầu"}).to_string().as_bytes())
    };
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(!place.exists(), "the answer says that it is erased");

    // Database and folder from before the erasure.
    let folder = app.stop();
    let data = folder.path().join("data");
    gandan_server::commands::restore(&data, &backup, START_MS).unwrap();
    std::fs::create_dir_all(place.parent().unwrap()).unwrap();
    std::fs::copy(&copy, &place).unwrap();
    let app = TestApp::serve(folder, gandan_server::db::DbOptions::default());
    app.project();
    assert!(!place.exists(), "the ledger remembers");
}

#[test]
fn a_lost_folder_is_filled_again_and_strays_go_after_a_time() {
    let app = TestApp::new();
    let mut phone = app.official("CB-001", &[UNIT_A]);
    let bytes = pdf("trang");
    let space = visit_with(&mut phone, &app, VISIT, "p1", &bytes);
    let hash = bring(&app, &phone, space, &bytes);
    let stray = bring(&app, &phone, space, &pdf("no record"));
    let begun = FileHash([5; 32]);
    create(&app, &phone, (space, begun), 100, b"%PDF");
    std::fs::remove_file(app.data().join("attachments").join(&hash.to_string()[..2]).join(hash.to_string())).unwrap();
    refused(&read(&app, &phone, hash, &[]), 404, "not_found");
    assert_eq!(holding(&app, &phone, space, &bytes), Holding::Lacking { offset: 0 });
    bring(&app, &phone, space, &bytes);

    let sweep = |app: &TestApp| app.server().state().exchange().attachments.sweep().unwrap();
    app.clock.advance_ms(DAY_MS);
    sweep(&app);
    assert!(kept(&app, &stray), "a record may still come");
    app.clock.advance_ms(90 * DAY_MS);
    sweep(&app);
    assert!(!kept(&app, &stray) && kept(&app, &hash));
    assert_eq!(read(&app, &phone, hash, &[]).status, 200);
}
