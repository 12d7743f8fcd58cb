//! What a person at a desk asks of lists: the queues behind the counters, the trail, and whose phones are waited for.

use gandan_server::auth::{Role, ScopeLine};
use serde_json::{Value as Json, json};

use crate::support::{UNIT_A, http};
use crate::world::{ISSUE, VISIT, World, world};

fn ids(list: &Json) -> Vec<String> {
    list["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn each_queue_has_its_list() {
    let world = world();
    let issues = |filter: &str| ids(&world.get(&format!("issues?{filter}"), &world.province));
    let mine = vec![ISSUE.to_string()];
    let due = world.get(&format!("issues/{ISSUE}"), &world.province)["issue"]["resolve_due"].clone();
    let due = due.as_str().unwrap();
    assert_eq!(issues("open=true&unassigned=true"), mine);
    assert_eq!(issues(&format!("due_from={due}&due_to={due}")), mine);
    assert!(issues("due_to=2026-09-20").is_empty() && issues("due_from=2027-09-20").is_empty());
    assert!(issues("open=false").is_empty() && issues("unassigned=false").is_empty());
    let world = world.assigned();
    assert!(ids(&world.get("issues?unassigned=true", &world.province)).is_empty());
    assert_eq!(ids(&world.get("issues?unassigned=false&open=true", &world.province)), mine);
    let answer = world.get("visits?amended=true", &world.province);
    assert!(ids(&answer).is_empty());
    assert_eq!(ids(&world.get("visits?amended=false", &world.province)), [VISIT.to_string()]);
}

fn actions(world: &World, filter: &str, token: &str) -> Vec<String> {
    let list = world.get(&format!("audit?{filter}"), token);
    list["items"].as_array().unwrap().iter().map(|item| item["action"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_trail_is_asked_by_who_what_where_and_when_and_read_backwards() {
    let world = world().assigned();
    let administrator = world.app.token("quan-tri", Role::Administrator, &[ScopeLine::Province]);
    world.done(&world.visit("verify"), &world.area, &Json::Null);
    world.done(
        &world.issue("reply"),
        &world.agency,
        &json!({"text": "Đã thông cống", "channel": "written", "outcome": "fully_met"}),
    );
    let device = world.get("devices", &administrator)["items"][0]["device"].as_str().unwrap().to_owned();
    world.done(&format!("devices/{device}/revoke"), &administrator, &json!({"reason": "mất máy"}));
    let asked = |filter: &str| actions(&world, filter, &world.inspector);
    assert_eq!(asked(""), ["issue.assign", "visit.verify", "issue.reply", "device.revoke"]);
    assert_eq!(asked("before=0"), ["device.revoke", "issue.reply", "visit.verify", "issue.assign"]);
    assert_eq!(asked("before=0&limit=2"), ["device.revoke", "issue.reply"]);
    assert_eq!(asked("before=3"), ["visit.verify", "issue.assign"]);
    assert_eq!(asked("action=issue."), ["issue.assign", "issue.reply"]);
    assert_eq!(asked("action=issue.reply"), ["issue.reply"]);
    assert!(asked("action=issue").is_empty(), "an action is named whole, or ends with a dot");
    assert_eq!(actions(&world, "who=khu-vuc", &world.inspector), ["visit.verify"]);
    assert_eq!(asked(&format!("unit={UNIT_A}")).len(), 3);
    assert!(asked("to=2000-01-01").is_empty() && asked("from=2100-01-01").is_empty());
    // Administrators read of their own work, which belongs to no unit; nobody else reads anything.
    assert_eq!(actions(&world, "", &administrator), ["device.revoke"]);
    assert!(actions(&world, "action=issue.", &administrator).is_empty());
    let bearer = Some(world.province.as_str());
    assert_eq!(http::get(world.app.address, "/api/v1/audit", bearer).status, 403);
}

#[test]
fn whose_phones_are_waited_for_is_what_the_summary_counts() {
    let world = world();
    // The phone of this world has handed in its work; when it was last heard of is written down without haste.
    let waited = world.get("reports/devices", &world.province)["items"].clone();
    let counted = world.get("reports/summary", &world.province)["devices_not_synced"]["count"].clone();
    assert_eq!(json!(waited.as_array().unwrap().len()), counted, "{waited}");
    world.app.clock.advance_ms(2 * 86_400_000);
    let waited = world.get("reports/devices", &world.other_commune)["items"].clone();
    let counted = world.get("reports/summary", &world.other_commune)["devices_not_synced"]["count"].clone();
    assert_eq!((waited.as_array().unwrap().len(), &counted), (1, &json!(1)), "{waited}");
    assert_eq!((&waited[0]["official"], &waited[0]["with_assigned_visits"]), (&json!("CB-001"), &json!(false)));
}
