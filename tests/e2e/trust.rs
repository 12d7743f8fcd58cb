//! When something is not what it was: a device that comes late, a server out of a backup, a phone with a twin.

use crate::stage::{Stage, UNIT, lines, new_visit, number};
use gandan_tests::processes::{Device, eventually, path};
use gandan_tests::proxy::Proxy;
use std::fs;

/// Ids of the visits on a device, with their notes, in order.
fn visits(device: &Device) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let mut args = vec!["visits", "--limit", "500"];
        if let Some(after) = &after {
            args.extend(["--after", after]);
        }
        let page = device.run(&args).json();
        for item in page["items"].as_array().expect("items") {
            let note = item["note"].as_str().or_else(|| item["excerpt"].as_str()).unwrap_or_default();
            found.push((item["id"].as_str().expect("an id").to_owned(), note.to_owned()));
        }
        after = page["next"].as_str().map(str::to_owned);
        if after.is_none() {
            found.sort();
            return found;
        }
    }
}

/// Waits until the server has chunks of what it holds.
fn compacted(stage: &Stage) {
    stage.server.command("compact", &[]).json();
}

#[test]
fn a_new_device_loads_whole_documents_and_goes_on_after_every_cut() {
    let stage = Stage::new();
    let writer = stage.device("writer");
    writer.record(&lines(500, 600)).json();
    for _ in 0..8 {
        // Sealed in several envelopes, so that the log is worth compacting.
        writer.sync();
    }
    for round in 0..70 {
        new_visit(&writer, &format!("vòng {round}"));
        writer.sync();
    }
    compacted(&stage);
    let proxy = Proxy::start(stage.server.address());
    let home = stage.folder.path().join("late");
    let late = Device::enrolled(&home, &stage.server, "late", &[UNIT], proxy.address());
    let (mut cuts, mut loaded, before) = (0, 0, proxy.traffic());
    loop {
        proxy.cut_down_after(Some(70_000));
        let said = late.run(&["sync"]);
        if said.code == 0 {
            break;
        }
        cuts += 1;
        assert!(cuts < 200, "no progress: {}", said.err);
        let now = number(&late.run(&["status"]).json(), "visits");
        assert!(now >= loaded, "what was loaded stays");
        loaded = now;
    }
    proxy.cut_down_after(None);
    let report = late.sync();
    assert_eq!(number(&report, "waiting"), 0);
    assert_eq!(visits(&late), visits(&writer));
    assert!(cuts > 1, "the link was cut only {cuts} times");
    // Each cut costs at most the chunk that it hit.
    let whole = Proxy::start(stage.server.address());
    let again = Device::enrolled(&stage.folder.path().join("again"), &stage.server, "again", &[UNIT], whole.address());
    again.sync();
    let (cut, uncut) = (proxy.traffic().since(before).down, whole.traffic().down);
    assert!(cut < uncut + (cuts + 1) * 45_000, "{cut} bytes with {cuts} cuts, {uncut} without");
}

#[test]
fn a_restored_server_gets_back_what_anybody_holds() {
    let mut stage = Stage::new();
    let (a, b) = (stage.device("a"), stage.device("b"));
    new_visit(&a, "trước khi sao lưu");
    a.sync();
    b.sync();
    let backup = stage.folder.path().join("backup.db");
    stage.server.command("backup", &["--to", path(&backup)]).json();
    // After the backup: `gone` writes, `b` reads it, and `gone` is never seen again.
    let gone = stage.device("gone");
    new_visit(&gone, "máy này sẽ mất");
    gone.sync();
    new_visit(&a, "sau khi sao lưu");
    a.sync();
    b.sync();
    let all = visits(&b);
    assert_eq!(all.len(), 3);
    stage.server.stop();
    stage.server.command("restore", &["--from", path(&backup)]).json();
    stage.server.start();
    // Somebody is faster than those who have something to give back.
    let early = stage.device("early");
    new_visit(&early, "đến trước");
    early.sync();
    let report = b.sync();
    assert_eq!(report["server_restored"], true, "{report}");
    a.sync();
    b.sync();
    early.sync();
    let expected = visits(&b);
    assert_eq!(expected.len(), 4);
    for device in [&a, &early] {
        device.sync();
        assert_eq!(visits(device), expected);
    }
    stage.await_visits(4);
    let fresh = stage.device("fresh");
    fresh.sync();
    assert_eq!(visits(&fresh), expected);
    for device in [&a, &b, &early, &fresh] {
        assert_eq!(number(&device.sync(), "round_trips"), 1, "all is quiet");
    }
}

#[test]
fn a_phone_with_a_twin_becomes_a_new_device_and_loses_nothing() {
    let stage = Stage::new();
    let (phone, reader) = (stage.device("phone"), stage.device("reader"));
    let shared = new_visit(&phone, "chung");
    phone.sync();
    let home = stage.folder.path().join("twin");
    fs::create_dir(&home).unwrap();
    for entry in fs::read_dir(phone.home()).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), home.join(entry.file_name())).unwrap();
    }
    let twin = Device::new(&home);
    new_visit(&phone, "máy thật");
    phone.run(&["edit", &shared, "place.name=Chợ"]).json();
    new_visit(&twin, "bản sao");
    twin.run(&["edit", &shared, "note=Họp dân"]).json();
    phone.sync();
    let report = twin.sync();
    assert_eq!(report["renewed"], true, "{report}");
    phone.sync();
    reader.sync();
    twin.sync();
    assert_eq!(visits(&reader).len(), 3);
    for device in [&phone, &twin] {
        assert_eq!(visits(device), visits(&reader));
        let seen = device.show(&shared);
        let text = seen.to_string();
        assert!(text.contains("Chợ") && text.contains("Họp dân"), "{text}");
        assert_eq!(number(&device.run(&["status"]).json(), "saved_changes"), 0);
    }
    assert_eq!(number(&twin.sync(), "round_trips"), 1);
    // It writes on under its new name.
    new_visit(&twin, "đã đổi tên");
    assert_eq!(number(&twin.sync(), "waiting"), 0);
    eventually("the new device's visit", || {
        reader.sync();
        (visits(&reader).len() == 4).then_some(())
    });
}
