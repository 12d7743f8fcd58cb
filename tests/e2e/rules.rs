//! An administrator sets other limits: the office's lists and the phones follow, each without being told what changed.

use crate::stage::{Stage, list};
use gandan_tests::api;
use gandan_tests::processes::{Device, eventually};
use serde_json::{Value, json};

fn new_issue(device: &Device) -> String {
    let fields = ["kind=feedback", "field=transport", "title=Cống nghẹt", "received_on=2026-09-20"];
    let said = device.run(&[&["new", "issue"], &fields[..]].concat()).json();
    said["id"].as_str().expect("an id").to_owned()
}

/// When the issue has to be settled, by the device's own list.
fn due(device: &Device, id: &str) -> Value {
    let items = list(&device.run(&["issues", "--limit", "100"]).json());
    items.iter().find(|item| item["id"] == id).unwrap_or_else(|| panic!("no issue {id}"))["resolve_due"].clone()
}

#[test]
fn other_limits_reach_lists_and_phones() {
    let stage = Stage::new();
    let (phone, other) = (stage.device("CB-001"), stage.device("CB-002"));
    let issue = new_issue(&phone);
    phone.sync();
    other.sync();
    assert_eq!((due(&phone, &issue), due(&other, &issue)), (json!("2026-10-20"), json!("2026-10-20")));

    eventually("the office's list has the issue", || {
        (stage.find(&format!("/api/v1/issues/{issue}"))?["issue"]["resolve_due"] == "2026-10-20").then_some(())
    });
    let said = stage.server.command("token", &["--name", "q", "--role", "administrator", "--province"]).json();
    let (token, server) = (said["token"].as_str().expect("a token"), stage.server.address());
    let rules = api::get(server, "/api/v1/admin/rules", token);
    let shipped = rules["rules"]["deadlines"]["rules"].as_array().expect("rules");
    let mut target = shipped.iter().find(|rule| rule["target"] == true).expect("a target").clone();
    let end = json!([{"id": target["id"], "last_day": "2026-08-31"}]);
    target["id"] = json!("target-15");
    target["days"] = json!(15);
    target["basis"] = json!("local_target_15_days");
    target["valid_from"] = json!("2026-09-01");
    let change = json!({"edition": 0, "reason": "QĐ 12", "change": {"end": end, "add": [target]}}).to_string();
    let body = Some(("application/json", change.as_bytes()));
    let done = api::call(server, "POST", "/api/v1/admin/rules?apply=true", Some(token), body);
    assert_eq!(done.status, 200, "{}", done.text());
    assert_eq!(done.json()["effect"]["resolve"], 1);

    eventually("the office's list has the new date", || {
        let issue = stage.api(&format!("/api/v1/issues/{issue}"));
        (issue["issue"]["resolve_due"] == "2026-10-05").then_some(())
    });
    for device in [&phone, &other] {
        device.sync();
        assert_eq!(due(device, &issue), json!("2026-10-05"));
    }
    // What is written later on the phone, without a network, follows the same rules.
    let later = new_issue(&phone);
    assert_eq!(due(&phone, &later), json!("2026-10-05"));
}
