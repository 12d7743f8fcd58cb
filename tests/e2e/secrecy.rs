//! Who sees what, and who does not.

use crate::stage::{OTHER, Stage, UNIT, code, id_of, lines, lines_in, list, new_visit, number};
use gandan_tests::api;
use gandan_tests::processes::{eventually, holds};
use serde_json::Value;

#[test]
fn a_device_gets_nothing_of_other_units() {
    let stage = Stage::new();
    let (here, there) = (stage.device_in("here", &[UNIT]), stage.device_in("there", &[OTHER]));
    let mine = lines(1_000, 3);
    here.record(&mine).json();
    here.sync();
    let report = there.sync();
    assert_eq!(number(&report, "pulled"), 0);
    assert_eq!(code(&there.run(&["show", &id_of(&mine[0])])), "not_found");
    assert_eq!(number(&there.record(&lines(1_001, 1)).json(), "bad_lines"), 1);
    there.record(&lines_in(1_002, 2, OTHER)).json();
    there.sync();
    here.sync();
    assert_eq!(number(&here.run(&["status"]).json(), "visits"), 3);
}

#[test]
fn a_token_of_another_area_sees_nothing() {
    let stage = Stage::new();
    let device = stage.device("a");
    let visit = new_visit(&device, "Chỉ ở đây");
    device.sync();
    stage.await_visits(1);
    let token = |unit: &str| {
        let said = stage.server.command("token", &["--name", "s", "--role", "commune_staff", "--unit", unit]).json();
        said["token"].as_str().unwrap().to_owned()
    };
    let (near, far) = (token(UNIT), token(OTHER));
    let address = stage.server.address();
    assert_eq!(list(&api::get(address, "/api/v1/visits", &near)).len(), 1);
    assert_eq!(list(&api::get(address, "/api/v1/visits", &far)).len(), 0);
    let refused = api::call(address, "GET", &format!("/api/v1/visits/{visit}"), Some(&far), None);
    assert!([403, 404].contains(&refused.status), "{}", refused.status);
    assert!(refused.header("gandan-error").is_some(), "{}", refused.head);
    for token in [None, Some("nonsense-nonsense-nonsense-nonsense")] {
        assert_eq!(api::call(address, "GET", "/api/v1/visits", token, None).status, 401);
    }
}

#[test]
fn nothing_lies_about_in_clear_text() {
    let stage = Stage::new();
    let device = stage.device("a");
    let word = "Kơnbờlang";
    let visit = new_visit(&device, &format!("Ở {word} có việc."));
    device.run(&["edit", &visit, &format!("place.name={word}"), "--draft"]).json();
    device.sync();
    assert!(!holds(device.home(), word.as_bytes()), "in the device's folder");
    stage.await_visits(1);
    let log = stage.server.log();
    assert!(!log.contains(word) && !log.contains("Nguyễn"), "in the server's log: {log}");
}

/// The line of the sample with a denunciation, moved to the tests' unit.
fn with_denunciation() -> (String, String) {
    let line = gandan_tests::sample_lines().into_iter().find(|line| line.contains("\"denunciation\"")).unwrap();
    let mut visit: Value = serde_json::from_str(&line).unwrap();
    visit["unit_code"] = UNIT.into();
    let issues = visit["issues"].as_array().unwrap();
    let sealed = issues.iter().find(|issue| issue["kind"] == "denunciation").unwrap();
    let id = sealed["issue_id"].as_str().unwrap().to_owned();
    (visit.to_string(), id)
}

#[test]
fn of_a_denunciation_nobody_in_the_commune_sees_anything() {
    let stage = Stage::new();
    let (a, b) = (stage.device("a"), stage.device("b"));
    let (line, sealed) = with_denunciation();
    let report = a.record(std::slice::from_ref(&line)).json();
    assert_eq!(number(&report, "saved"), 1);
    a.sync();
    b.sync();
    stage.await_visits(1);
    for device in [&a, &b] {
        let issues = list(&device.run(&["issues"]).json());
        assert!(issues.iter().all(|issue| issue["id"] != sealed.as_str() && issue["kind"] != "denunciation"));
    }
    assert_eq!(code(&b.run(&["show", &sealed])), "not_found");
    assert!(!b.show(&id_of(&line)).to_string().contains(&sealed));
    assert!(!stage.api("/api/v1/issues?limit=200").to_string().contains(&sealed));
    let one = api::call(
        stage.server.address(),
        "GET",
        &format!("/api/v1/issues/{sealed}"),
        Some(&stage.server.province_token()),
        None,
    );
    assert!([403, 404].contains(&one.status), "{}", one.status);
}

#[test]
fn a_revoked_device_gets_nothing_more_and_its_late_work_waits_for_a_person() {
    let stage = Stage::new();
    let (a, b) = (stage.device("a"), stage.device("b"));
    let early = new_visit(&a, "Trước");
    a.sync();
    let device = a.run(&["status"]).json()["device"]["device"].as_str().unwrap().to_owned();
    let late = new_visit(&a, "Sau");
    stage.server.command("revoke", &["--device", &device]).json();
    let theirs = new_visit(&b, "Của b");
    b.sync();

    let said = eventually("the server knows of it", || {
        let said = a.run(&["sync"]);
        let quiet = said.code == 0 && said.json()["refused"].as_array().unwrap().is_empty();
        (!quiet).then_some(said)
    });
    if said.code == 0 {
        assert_eq!(said.json()["refused"][0]["code"], "quarantined", "{said:?}");
    } else {
        assert_eq!(code(&said), "revoked");
    }
    // What it handed over waits for a person, and nothing of the space stays on the phone; what others wrote since does
    // not come.
    assert_eq!(list(&stage.api("/api/v1/quarantine")).len(), 1);
    for gone in [&early, &late, &theirs] {
        assert_eq!(code(&a.run(&["show", gone])), "not_found");
    }
    b.sync();
    assert_eq!(b.show(&early)["note"], "Trước");
    assert_eq!(code(&b.run(&["show", &late])), "not_found");
}
