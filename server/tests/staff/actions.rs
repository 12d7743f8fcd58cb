//! The way of an issue from the commune to the agency and back to the resident.

use gandan_model::codes::{IssueStatus, Outcome, ReplyChannel};
use gandan_model::genesis::DocKind;
use gandan_model::record::Record;
use gandan_model::rules::Rules;
use serde_json::json;

use crate::support::{TestApp, UNIT_A};
use crate::world::{AGENCY, ISSUE, VISIT, world};

#[test]
fn an_issue_goes_to_the_agency_and_back_to_the_resident() {
    let mut world = world();
    let acted = world.done(&world.issue("assign"), &world.commune, &json!({"agency": AGENCY, "document": "12/CV"}));
    assert!(acted["seq"].is_number());
    assert_eq!(acted["record"]["status"], "forwarded");
    let on_phone = world.issue_on_phone();
    assert_eq!(on_phone.responsible_agency.as_deref(), Some(AGENCY));
    assert_eq!(on_phone.status, IssueStatus::Forwarded);
    assert_eq!(on_phone.events.last().unwrap().by, "xa-a");

    world.done(&world.issue("events"), &world.agency, &json!({"to": "in_progress"}));
    world.done(&world.issue("events"), &world.agency, &json!({"to": "resolved", "reason": "đã nạo vét"}));
    let reply = json!({"channel": "public_notice", "text": "Đã nạo vét cống.", "outcome": "fully_met"});
    world.done(&world.issue("reply"), &world.agency, &reply);
    let closing = json!({"to": "closed", "confirmation": "confirmed"});
    world.done(&world.issue("events"), &world.commune, &closing);

    let issue = world.issue_on_phone();
    assert_eq!(issue.status, IssueStatus::Closed);
    assert_eq!(issue.reply_channel, Some(ReplyChannel::PublicNotice));
    assert_eq!(issue.outcome, Some(Outcome::FullyMet));
    assert_eq!(issue.result_text.as_deref(), Some("Đã nạo vét cống."));
    assert_eq!(issue.replies.len(), 1);
    assert!(issue.review.is_empty(), "{:?}", issue.review);

    let report = world.get("reports/summary", &world.province);
    assert_eq!(report["resolution"]["settled"], 1);
    assert_eq!(report["outcomes"]["mix"]["fully_met"], 1);
    let history = world.get(&format!("issues/{ISSUE}"), &world.province)["history"].clone();
    let authors: Vec<&str> = history.as_array().unwrap().iter().map(|step| step["author"].as_str().unwrap()).collect();
    assert_eq!(authors, ["CB-001", "xa-a", AGENCY, AGENCY, AGENCY, "xa-a"]);
}

#[test]
fn the_same_action_twice_changes_nothing() {
    let world = world().assigned();
    world.done(&world.issue("events"), &world.agency, &json!({"to": "in_progress"}));
    let again = world.done(&world.issue("events"), &world.agency, &json!({"to": "in_progress"}));
    assert!(again["seq"].is_null());
    let trail = world.get("audit", &world.inspector);
    assert_eq!(trail["items"].as_array().unwrap().last().unwrap()["result"], "unchanged");
}

#[test]
fn what_the_phone_writes_meanwhile_is_kept() {
    let mut world = world();
    // The phone edits before it hears of the assignment.
    let space = world.phone.space(UNIT_A, "field");
    let raw = world.phone.edit(space, ISSUE, DocKind::Issue, &[("priority", json!("urgent"))]);
    world.done(&world.issue("assign"), &world.commune, &json!({"agency": AGENCY}));
    world.phone.seal(space, &[(ISSUE, raw)]);
    let issue = world.issue_on_phone();
    assert_eq!(issue.responsible_agency.as_deref(), Some(AGENCY));
    assert_eq!(issue.priority.as_str(), "urgent");
    world.app.project();
    let seen = world.get(&format!("issues/{ISSUE}"), &world.province);
    assert_eq!((&seen["issue"]["priority"], &seen["issue"]["agency"]), (&json!("urgent"), &json!(AGENCY)));
}

#[test]
fn everything_done_is_in_the_trail() {
    let world = world().assigned();
    world.post(&world.issue("events"), &world.agency, &json!({"to": "closed"}));
    world.post(&world.visit("verify"), &world.commune, &serde_json::Value::Null);
    world.done(&world.visit("verify"), &world.province, &serde_json::Value::Null);
    let trail = world.get("audit", &world.inspector);
    let entries: Vec<(String, String, String)> = trail["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| ["who", "action", "result"].map(|name| entry[name].as_str().unwrap().to_owned()).into())
        .collect();
    let wanted = [
        ("xa-a", "issue.assign", "done"),
        (AGENCY, "issue.event", "forbidden"),
        ("xa-a", "visit.verify", "forbidden"),
        ("tinh", "visit.verify", "done"),
    ];
    let entries: Vec<(&str, &str, &str)> =
        entries.iter().map(|(who, action, result)| (who.as_str(), action.as_str(), result.as_str())).collect();
    assert_eq!(entries, wanted);
    let of_visit = world.get(&format!("audit?doc={VISIT}"), &world.inspector);
    assert_eq!(of_visit["items"].as_array().unwrap().len(), 2);
    assert_eq!(of_visit["items"][1]["unit"], UNIT_A);
    // The trail is no view: building views anew leaves it, and nothing in it can be changed.
    let changed = world.app.db().write(|transaction| {
        Ok(transaction.execute("UPDATE audit_row SET who = 'x'", []).is_err()
            && transaction.execute("DELETE FROM audit_row", []).is_err())
    });
    assert!(changed.unwrap());
}

#[test]
fn a_difference_is_settled_by_a_person() {
    let mut world = world();
    // Two phones give the visit another place each, apart.
    let mut second = world.app.official("CB-002", &[UNIT_A]);
    second.sync(&world.app);
    let space = world.phone.space(UNIT_A, "field");
    let one = world.phone.edit(space, VISIT, DocKind::Visit, &[("place.name", json!("Thôn 1"))]);
    let two = second.edit(space, VISIT, DocKind::Visit, &[("place.name", json!("Thôn 2"))]);
    world.phone.seal(space, &[(VISIT, one)]);
    second.seal(space, &[(VISIT, two)]);
    world.phone.sync(&world.app);
    second.sync(&world.app);
    world.app.project();
    let items = world.get("review", &world.commune)["items"].clone();
    let item = items.as_array().unwrap().iter().find(|item| item["doc"] == VISIT.to_string()).unwrap().clone();
    let field = item["item"]["field"].as_str().unwrap().to_owned();
    let path = format!("review/{VISIT}/{field}/resolve");

    assert_eq!(world.refused(&path, &world.other_commune, &json!({"value": "Thôn 1"})), (404, "not_found".into()));
    assert_eq!(world.refused(&path, &world.agency, &json!({"value": "Thôn 1"})).0, 404);
    assert_eq!(world.refused(&path, &world.inspector, &json!({"value": "Thôn 1"})), (403, "forbidden".into()));
    let stale = json!({"value": "Thôn 1", "basis": "0000000000000000"});
    assert_eq!(world.refused(&path, &world.commune, &stale), (409, "review_changed".into()));
    world.done(&path, &world.commune, &json!({"value": "Thôn 1", "basis": item["item"]["basis"]}));
    assert!(world.get("review", &world.commune)["items"].as_array().unwrap().is_empty());
    assert_eq!(world.refused(&path, &world.commune, &json!({"value": "Thôn 1"})), (404, "not_found".into()));
    let visit = world.visit_on_phone();
    assert_eq!(visit.place.name.as_deref(), Some("Thôn 1"));
    assert!(visit.review.is_empty());
}

#[test]
fn assignments_and_plans_reach_the_phones() {
    let mut world = world();
    let assignment = json!({
        "unit": UNIT_A, "official": "CB-001", "from": "2026-10-01", "to": "2026-12-31", "decision": "260/QĐ",
        "programme": "sunday_with_people",
    });
    let made = world.post("assignments", &world.commune, &assignment);
    assert_eq!(made.status, 201);
    let plan = json!({"unit": UNIT_A, "number": "88/KH", "date": "2026-09-01", "issuer": "UBND", "title": "Kế hoạch"});
    assert_eq!(world.post("plans", &world.area, &plan).status, 201);
    world.phone.sync(&world.app);
    let space = world.phone.space(UNIT_A, "field");
    let id = made.json()["id"].as_str().unwrap().parse().unwrap();
    let held = &world.phone.docs[&(space, id)];
    let Record::Assignment(sent) = Record::of(&held.document, &Rules::default(), UNIT_A) else {
        panic!("another kind")
    };
    assert_eq!(sent.official.as_deref(), Some("CB-001"));
    assert!(sent.units.contains(UNIT_A));
    assert_eq!(sent.decision.as_deref(), Some("260/QĐ"));
}

#[test]
fn what_staff_did_survives_a_restart() {
    let world = world().assigned();
    let crate::world::World { app, province, commune, .. } = world;
    let app: TestApp = app.restart();
    let path = format!("/api/v1/issues/{ISSUE}");
    let seen = crate::support::http::get(app.address, &path, Some(&province)).json();
    assert_eq!(seen["issue"]["agency"], AGENCY);
    // The server's own device goes on where it stopped.
    let bearer = format!("Bearer {commune}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let body = json!({"to": "in_progress"}).to_string();
    let path = format!("/api/v1/issues/{ISSUE}/events");
    let answer = crate::support::http::request(app.address, "POST", &path, &headers, body.as_bytes());
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
}
