//! Photographs: attached without a network, sent over roads that break, shown to staff, taken away everywhere.

use crate::stage::{Stage, UNIT, code, new_visit, number};
use gandan_tests::api;
use gandan_tests::pictures::{PLACE, photo, plain_png, sides};
use gandan_tests::processes::{Device, Said, eventually, holds, path};
use gandan_tests::proxy::Proxy;
use serde_json::Value;
use std::fs;
use std::path::PathBuf;

/// A file with these bytes.
fn file(stage: &Stage, name: &str, bytes: &[u8]) -> PathBuf {
    let file = stage.folder.path().join(name);
    fs::write(&file, bytes).unwrap();
    file
}

fn attach(device: &Device, visit: &str, file: &std::path::Path, more: &[&str]) -> Said {
    let mut args = vec!["attach", visit, path(file), "--people", "none"];
    args.extend(more);
    device.run(&args)
}

/// Attaches photographs of about so many kilobytes; gives their bytes together.
fn attach_many(stage: &Stage, device: &Device, visit: &str, count: u64, side: u32) -> u64 {
    (0..count)
        .map(|seed| {
            let picture = file(stage, &format!("{seed}.jpg"), &photo(seed, side, side));
            let said = attach(device, visit, &picture, &["--longest-side", "0"]).json();
            number(&said, "bytes")
        })
        .sum()
}

fn photos(device: &Device, visit: &str) -> Vec<Value> {
    device.show(visit)["photos"].as_array().unwrap().clone()
}

/// Bytes of all files in a folder.
fn weight(folder: &std::path::Path) -> u64 {
    fs::read_dir(folder).unwrap().flatten().filter_map(|entry| entry.metadata().ok()).map(|file| file.len()).sum()
}

/// A file of a visit as staff get it.
fn staff_file(stage: &Stage, visit: &str, hash: &str) -> api::Answer {
    let path = format!("/api/v1/visits/{visit}/files/{hash}");
    api::call(stage.server.address(), "GET", &path, Some(&stage.server.province_token()), None)
}

fn await_staff_file(stage: &Stage, visit: &str, hash: &str) -> Vec<u8> {
    eventually("the file is shown to staff", || {
        let answer = staff_file(stage, visit, hash);
        (answer.status == 200).then_some(answer.bytes)
    })
}

#[test]
fn a_photo_reaches_staff_and_colleagues_and_leaves_them_again() {
    let stage = Stage::new();
    let (device, colleague) = (stage.device("a"), stage.device("b"));
    let visit = new_visit(&device, "Có ảnh");
    let original = photo(1, 900, 600);
    let picture = file(&stage, "cau.jpg", &original);
    let attached = attach(&device, &visit, &picture, &["--caption", "Cầu hỏng", "--longest-side", "500"]).json();
    assert_eq!(attached["mime"], "image/jpeg");
    let id = attached["photo_id"].as_str().unwrap().to_owned();
    // Kept under the key of the database, without the place, at once and without a network.
    assert!(!holds(device.home(), PLACE.as_bytes()) && !holds(device.home(), &original[original.len() / 2..][..64]));

    let report = device.sync();
    assert_eq!((number(&report["photos"], "sent"), number(&report["photos"], "waiting")), (2, 0), "{report}");
    let described = &photos(&device, &visit)[0];
    assert_eq!((described["caption"].as_str(), described["exif_stripped"].as_bool()), (Some("Cầu hỏng"), Some(true)));
    let (hash, thumb) = (described["sha256"].as_str().unwrap(), described["thumb_sha256"].as_str().unwrap());
    let shown = await_staff_file(&stage, &visit, hash);
    assert_eq!(sides(&shown), (500, 333));
    let small = await_staff_file(&stage, &visit, thumb);
    assert!(sides(&small).0 <= 320 && small.len() <= 24 << 10, "{} bytes", small.len());
    assert!(!holds(stage.server.data(), PLACE.as_bytes()));

    // A colleague gets the thumbnail by itself and the original at a wish.
    let report = colleague.sync();
    assert_eq!(number(&report["photos"], "fetched"), 1, "{report}");
    let copy = stage.folder.path().join("copy.jpg");
    colleague.run(&["photo", &visit, &id, "--to", path(&copy)]).json();
    assert_eq!(fs::read(&copy).unwrap(), shown);

    // Taken away: gone here at once, at the server with the next sync, at the colleague's with theirs.
    device.run(&["photo", &visit, &id, "--remove"]).json();
    device.sync();
    eventually("nobody reads it any more", || (staff_file(&stage, &visit, hash).status == 404).then_some(()));
    let inside = &shown[shown.len() / 2..][..64];
    eventually("the bytes leave the server", || (!holds(stage.server.data(), inside)).then_some(()));
    colleague.sync();
    assert!(photos(&colleague, &visit).is_empty());
    assert_eq!(code(&colleague.run(&["photo", &visit, &id])), "not_found");
}

#[test]
fn what_must_not_be_attached_is_refused_with_a_reason() {
    let stage = Stage::new();
    let device = stage.device("a");
    let visit = new_visit(&device, "Không có ảnh");
    let page = file(&stage, "page.jpg", b"<html>not a picture</html>");
    let heic = file(&stage, "a.heic", b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic");
    let bomb = file(&stage, "bomb.png", &{
        let mut png = plain_png(8, 8);
        png[16..24].copy_from_slice(&[0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff]);
        png
    });
    let good = file(&stage, "good.jpg", &photo(2, 64, 64));
    let cases: [(&PathBuf, &[&str], &str); 5] = [
        (&page, &[], "attachment_unknown_kind"),
        (&heic, &[], "attachment_heic"),
        (&bomb, &[], "attachment_too_many_pixels"),
        (&stage.folder.path().join("nowhere"), &[], "file"),
        (&good, &["--people", "identifiable"], "photo_needs_consent"),
    ];
    for (file, more, wanted) in cases {
        let mut args = vec!["attach", &visit, path(file)];
        args.extend(if more.is_empty() { &["--people", "none"] } else { more });
        assert_eq!(code(&device.run(&args)), wanted);
    }
    assert!(photos(&device, &visit).is_empty());
    let consent = ["attach", &visit, path(&good), "--people", "identifiable", "--consent", "given"];
    device.run(&consent).json();
    assert_eq!(photos(&device, &visit).len(), 1);
}

#[test]
fn a_metered_network_carries_thumbnails_alone() {
    let stage = Stage::new();
    let device = stage.device("a");
    let visit = new_visit(&device, "Ảnh lớn");
    attach_many(&stage, &device, &visit, 3, 400);
    let report = device.run(&["sync", "--metered"]).json();
    assert_eq!((number(&report["photos"], "sent"), number(&report["photos"], "waiting")), (3, 0), "{report}");
    let described = &photos(&device, &visit)[0];
    await_staff_file(&stage, &visit, described["thumb_sha256"].as_str().unwrap());
    assert_eq!(staff_file(&stage, &visit, described["sha256"].as_str().unwrap()).status, 404);
    let report = device.sync();
    assert_eq!(number(&report["photos"], "sent"), 3, "{report}");
}

/// The proportions of a hundred photographs of 3 MB over a link that breaks every 2 MB, in small: every connection ends
/// after two thirds of a photograph. `PHOTOS=100 PHOTO_SIDE=1300` is the real thing.
#[test]
fn photos_arrive_over_a_road_that_breaks_and_hardly_a_byte_twice() {
    let stage = Stage::new();
    let proxy = Proxy::start(stage.server.address());
    let device = Device::enrolled(&stage.folder.path().join("a"), &stage.server, "a", &[UNIT], proxy.address());
    let visit = new_visit(&device, "Đường xấu");
    let wanted = |name, usual| std::env::var(name).map_or(usual, |value| value.parse().unwrap());
    let (count, side) = (wanted("PHOTOS", 8), wanted("PHOTO_SIDE", 1_000));
    let bytes = attach_many(&stage, &device, &visit, u64::from(count), side);
    device.run(&["sync", "--metered"]).json();
    let each = bytes / u64::from(count);
    proxy.cut_each_after(Some(u32::try_from(each * 2 / 3).unwrap()));
    let before = proxy.traffic();
    let mut syncs = 0;
    let report = loop {
        let said = device.run(&["sync"]);
        syncs += 1;
        if said.code == 0 {
            break said.json();
        }
        assert!(["cut", "offline"].contains(&code(&said).as_str()), "{}", said.err);
        assert!(syncs < 200, "it does not get on");
    };
    let traffic = proxy.traffic().since(before);
    proxy.cut_each_after(None);
    assert_eq!(number(&report["photos"], "waiting"), 0);
    eprintln!("{bytes} bytes of photographs: {} up, {} connections, {syncs} syncs", traffic.up, traffic.connections);
    assert!(traffic.connections > u64::from(count), "{traffic:?}");
    assert!(traffic.up * 10 <= bytes * 11, "{} bytes for {bytes}", traffic.up);
    for described in photos(&device, &visit) {
        await_staff_file(&stage, &visit, described["sha256"].as_str().unwrap());
    }
}

#[test]
fn a_server_killed_in_the_middle_of_an_upload_goes_on_with_it() {
    let mut stage = Stage::new();
    let proxy = Proxy::start(stage.server.address());
    let device = Device::enrolled(&stage.folder.path().join("a"), &stage.server, "a", &[UNIT], proxy.address());
    let visit = new_visit(&device, "Mất điện");
    let bytes = attach_many(&stage, &device, &visit, 2, 1_200);
    device.run(&["sync", "--metered"]).json();
    for _ in 0..4 {
        let before = proxy.traffic();
        let mut child = device
            .command(&["sync"])
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        // Somewhere within the bytes of a photograph.
        eventually("bytes are on their way", || {
            let moved = proxy.traffic().since(before).up > bytes / 8;
            (moved || child.try_wait().unwrap().is_some()).then_some(())
        });
        stage.server.kill();
        let _ = child.wait();
        stage.server.start();
    }
    let report = device.sync();
    assert_eq!(number(&report["photos"], "waiting"), 0, "{report}");
    for described in photos(&device, &visit) {
        let hash = described["sha256"].as_str().unwrap();
        let served = await_staff_file(&stage, &visit, hash);
        assert_eq!(gandan_model::attachment::hash(&served).to_string(), hash);
    }
}

#[test]
fn a_server_restored_without_its_files_gets_them_again() {
    let mut stage = Stage::new();
    let device = stage.device("a");
    let visit = new_visit(&device, "Có ảnh");
    attach(&device, &visit, &file(&stage, "cau.jpg", &photo(1, 900, 600)), &[]).json();
    device.sync();
    let hash = photos(&device, &visit)[0]["sha256"].as_str().unwrap().to_owned();
    let shown = await_staff_file(&stage, &visit, &hash);
    // The backup has every line of the log, and its files are not those of the same day.
    let backup = stage.folder.path().join("backup.db");
    stage.server.command("backup", &["--to", path(&backup)]).json();
    stage.server.stop();
    fs::remove_dir_all(stage.server.data().join("attachments")).unwrap();
    stage.server.command("restore", &["--from", path(&backup)]).json();
    stage.server.start();
    let report = device.sync();
    assert_eq!((number(&report["photos"], "sent"), number(&report["photos"], "waiting")), (2, 0), "{report}");
    assert_eq!(await_staff_file(&stage, &visit, &hash), shown);
}

#[test]
fn a_phone_killed_while_it_attaches_has_all_or_nothing() {
    let stage = Stage::new();
    let device = stage.device("a");
    let visit = new_visit(&device, "Tắt máy");
    let picture = file(&stage, "a.jpg", &photo(7, 1_500, 1_500));
    for round in 0..6 {
        let before = weight(device.home());
        let mut child = device
            .command(&["attach", &visit, path(&picture), "--people", "none", "--longest-side", "0"])
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        // At another place each time: before the first byte is written, and after more and more of them.
        eventually("bytes are written", || {
            let written = weight(device.home()).abs_diff(before) >= round * 600_000;
            (written || child.try_wait().unwrap().is_some()).then_some(())
        });
        let _ = (child.kill(), child.wait());
        for described in photos(&device, &visit) {
            let id = described["photo_id"].as_str().unwrap();
            let files = device.run(&["photo", &visit, id]).json();
            assert_eq!(files.as_array().unwrap().len(), 2, "a photograph without its bytes");
        }
    }
    let kept = photos(&device, &visit).len() as u64;
    let report = device.sync();
    // The same picture each time: one file, however often it was attached.
    assert_eq!(number(&report["photos"], "sent"), if kept == 0 { 0 } else { 2 });
}
