//! When something is not what it was: a server out of a backup, a phone with a twin, a phone that is revoked or lost.

use crate::stage::{Stage, code, list, new_visit, number};
use gandan_tests::processes::{Device, eventually, path};
use serde_json::{Value, json};
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

/// Takes a device out of service.
fn revoke(stage: &Stage, device: &Device, more: &[&str]) {
    let standing = device.run(&["status"]).json();
    let id = standing["device"]["device"].as_str().expect("an id").to_owned();
    let args = [&["--device", id.as_str()], more].concat();
    stage.server.command("revoke", &args).json();
}

/// What waits in quarantine.
fn quarantine(stage: &Stage) -> Vec<Value> {
    list(&stage.api("/api/v1/quarantine"))
}

/// A manager decides.
fn decide(stage: &Stage, item: &Value, act: &str, reason: &str) {
    let path = format!("/api/v1/quarantine/{}/{act}", item["id"]);
    let body = json!({ "reason": reason }).to_string();
    let token = stage.server.province_token();
    let body = Some(("application/json", body.as_bytes()));
    let answer = gandan_tests::api::call(stage.server.address(), "POST", &path, Some(&token), body);
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[test]
fn a_phone_learns_what_a_manager_decided_about_its_late_work_and_why() {
    let stage = Stage::new();
    let phone = stage.device("phone");
    phone.sync();
    let refused = new_visit(&phone, "ghi trùng");
    revoke(&stage, &phone, &[]);
    let report = phone.sync();
    assert_eq!(report["refused"][0]["code"], "quarantined", "{report}");
    assert_eq!(report["decided"], json!([]), "nobody has decided");
    let held = list(&phone.run(&["held"]).json());
    assert_eq!((held.len(), &held[0]["state"]), (1, &json!("quarantined")), "{held:?}");

    let items = quarantine(&stage);
    assert_eq!((items.len(), &items[0]["documents"][0]["id"]), (1, &json!(refused)));
    decide(&stage, &items[0], "discard", "chuyến này đã có ở máy khác");
    let report = phone.sync();
    assert_eq!(report["decided"][0]["outcome"], "discarded", "{report}");
    assert_eq!(report["decided"][0]["reason"], "chuyến này đã có ở máy khác");
    assert_eq!(phone.sync()["decided"], json!([]), "it is told once");
    let held = list(&phone.run(&["held"]).json());
    assert_eq!((&held[0]["state"], &held[0]["reason"]), (&json!("discarded"), &json!("chuyến này đã có ở máy khác")));
    let shown = gandan_tests::processes::Said::run(
        std::process::Command::new(gandan_tests::processes::gandan()).arg("--home").arg(phone.home()).arg("held"),
        b"",
    );
    assert!(shown.out.contains("không được nhận"), "{}", shown.out);
}

#[test]
fn a_lost_phone_gives_what_it_has_drafts_too_and_keeps_nothing() {
    let stage = Stage::new();
    let phone = stage.device("phone");
    phone.sync();
    let saved = new_visit(&phone, "đã lưu, chưa gửi");
    let draft = phone.run(&["new", "visit", "programme=ad_hoc", "planned_on=2026-09-14", "note=viết dở", "--draft"]);
    let draft = draft.json()["id"].as_str().expect("an id").to_owned();
    let bad =
        phone.run(&["new", "visit", "counts.residents=nhiều", "--draft"]).json()["id"].as_str().unwrap().to_owned();
    revoke(&stage, &phone, &["--wipe"]);
    assert_eq!(code(&phone.run(&["sync"])), "wiped");

    let standing = phone.run(&["status"]).json();
    assert_eq!((&standing["device"], number(&standing, "drafts")), (&Value::Null, 0), "{standing}");
    let text = Value::from(quarantine(&stage)).to_string();
    for id in [&saved, &draft] {
        assert!(text.contains(id.as_str()), "{id} is not with the manager: {text}");
    }
    assert!(text.contains("viết dở") && !text.contains(&bad), "{text}");
}
