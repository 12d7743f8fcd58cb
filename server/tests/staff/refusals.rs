//! What staff may not do, and what the procedure does not have.

use gandan_model::codes::IssueStatus;
use gandan_server::auth::{Role, ScopeLine};
use serde_json::{Value as Json, json};

use crate::support::{UNIT_A, UNIT_B};
use crate::world::{AGENCY, world};

/// Every action on the issue or visit of unit A, with a body that would be accepted.
fn actions(world: &crate::world::World) -> Vec<(String, Json)> {
    vec![
        (world.issue("assign"), json!({"agency": AGENCY})),
        (world.issue("events"), json!({"to": "in_progress"})),
        (world.issue("reply"), json!({"channel": "direct", "text": "x", "outcome": "guided"})),
        (world.visit("verify"), Json::Null),
        (world.visit("return"), json!({"reason": "thiếu"})),
    ]
}

#[test]
fn a_record_of_another_unit_is_not_there() {
    let world = world();
    for (path, body) in actions(&world) {
        let foreign = world.post(&path, &world.other_commune, &body);
        let missing = path.replacen(&path[7..43], "00000000-0000-0000-0000-000000000000", 1);
        let missing = world.post(&missing, &world.other_commune, &body);
        assert_eq!((foreign.status, &foreign.body), (404, &missing.body), "{path}");
    }
    let foreign = json!({"unit": UNIT_A, "official": "CB-001", "from": "2026-10-01"});
    assert_eq!(world.refused("assignments", &world.other_commune, &foreign), (403, "outside_area".into()));
    assert!(
        world.get("audit", &world.inspector)["items"].as_array().unwrap().is_empty(),
        "no trace of what is not there"
    );
}

#[test]
fn roles_that_do_not_write_are_refused() {
    let world = world();
    let administrator = world.app.token("quan-tri", Role::Administrator, &[ScopeLine::Province]);
    let official = world.app.token("CB-001", Role::FieldOfficial, &[ScopeLine::Unit(UNIT_A.into())]);
    for token in [&world.inspector, &administrator, &official] {
        for (path, body) in actions(&world) {
            assert_eq!(world.refused(&path, token, &body), (403, "forbidden".into()), "{path}");
        }
        let plan = json!({"unit": UNIT_A, "number": "1", "date": "2026-09-01", "title": "x"});
        assert_eq!(world.refused("plans", token, &plan).0, 403);
    }
    for action in ["verify", "return"] {
        let refused = world.refused(&world.visit(action), &world.commune, &json!({"reason": "x"}));
        assert_eq!(refused, (403, "forbidden".into()), "{action}");
    }
}

#[test]
fn an_agency_acts_on_its_own_issues_only() {
    let world = world();
    // Not assigned yet: not there.
    assert_eq!(world.refused(&world.issue("events"), &world.agency, &json!({"to": "in_progress"})).0, 404);
    let world = world.assigned();
    let other = world.app.token("Sở Y tế", Role::Agency, &[ScopeLine::Province]);
    assert_eq!(world.refused(&world.issue("events"), &other, &json!({"to": "in_progress"})).0, 404);
    for to in ["closed", "withdrawn", "duplicate", "received", "reopened", "not_accepted"] {
        let body = json!({"to": to, "reason": "x", "statement": "x", "duplicate_of": crate::world::VISIT.to_string()});
        assert_eq!(world.refused(&world.issue("events"), &world.agency, &body), (403, "forbidden".into()), "{to}");
    }
    assert_eq!(
        world.refused(&world.issue("assign"), &world.agency, &json!({"agency": "Sở Y tế"})),
        (403, "forbidden".into())
    );
    // Given to another: from then on not there, also before the lists know.
    world.post(&world.issue("assign"), &world.commune, &json!({"agency": "Sở Y tế"}));
    assert_eq!(world.refused(&world.issue("events"), &world.agency, &json!({"to": "in_progress"})).0, 404);
}

#[test]
fn the_procedure_is_kept() {
    let world = world().assigned();
    let events = world.issue("events");
    for (body, code) in [
        (json!({"to": "recorded"}), "bad_status"),
        (json!({"to": "flying"}), "bad_status"),
        (json!({"to": "received"}), "bad_transition"),
        (json!({"to": "reopened"}), "bad_transition"),
        (json!({"to": "withdrawn"}), "statement_needed"),
        (json!({"to": "out_of_competence"}), "reason_needed"),
        (json!({"to": "not_accepted", "reason": "x"}), "only_complaints"),
        (json!({"to": "duplicate"}), "duplicate_of_needed"),
        (json!({"to": "replied"}), "use_reply"),
        (json!({"to": "closed"}), "reply_needed"),
        (json!({"to": "in_progress", "at": "2099-01-01T00:00:00+07:00"}), "in_future"),
        (json!({"to": "in_progress", "at": "yesterday"}), "bad_date"),
        (json!({"to": "in_progress", "reason": "x".repeat(4_001)}), "text_too_long"),
    ] {
        assert_eq!(world.refused(&events, &world.commune, &body), (422, code.into()), "{body}");
    }
    let reply = world.issue("reply");
    for (body, code) in [
        (json!({"channel": "smoke", "text": "x", "outcome": "guided"}), "bad_code"),
        (json!({"channel": "direct", "text": "x", "outcome": "great"}), "bad_code"),
        (json!({"channel": "direct", "text": " ", "outcome": "guided"}), "text_needed"),
        (json!({"channel": "direct", "text": "x".repeat(4_001), "outcome": "guided"}), "text_too_long"),
        (json!({"channel": "direct", "text": "a\u{0}b", "outcome": "guided"}), "text_control_character"),
    ] {
        assert_eq!(world.refused(&reply, &world.commune, &body), (422, code.into()), "{body}");
    }
    assert_eq!(
        world.refused(&world.issue("assign"), &world.commune, &json!({"agency": " "})),
        (422, "agency_needed".into())
    );
    assert_eq!(world.status(), IssueStatus::Forwarded, "nothing was half done");
}

#[test]
fn bodies_of_the_wrong_form_are_refused() {
    let world = world();
    for body in
        [json!([]), json!({"too": "x"}), json!({"to": 1}), json!({"to": "received", "colour": "red"}), Json::Null]
    {
        assert_eq!(world.refused(&world.issue("events"), &world.commune, &body), (400, "bad_json".into()), "{body}");
    }
    let large = json!({"to": "received", "reason": "x".repeat(400_000)});
    assert_eq!(world.refused(&world.issue("events"), &world.commune, &large), (413, "too_large".into()));
}

#[test]
fn assignments_and_plans_are_checked() {
    let world = world();
    let good = json!({"unit": UNIT_A, "official": "CB-001", "from": "2026-10-01"});
    let with = |name: &str, value: Json| {
        let mut body = good.clone();
        body[name] = value;
        body
    };
    for (body, wanted) in [
        (with("official", json!("CB-999")), (422, "unknown_official")),
        (with("from", json!("2026-02-30")), (422, "bad_date")),
        (with("to", json!("2026-09-30")), (422, "bad_period")),
        (with("programme", json!("holiday")), (422, "bad_code")),
        (with("unit", json!(UNIT_B)), (403, "outside_area")),
    ] {
        assert_eq!(world.refused("assignments", &world.commune, &body), (wanted.0, wanted.1.to_owned()), "{body}");
    }
    assert_eq!(
        world.refused("assignments", &world.province, &with("unit", json!("99999"))),
        (404, "unknown_area".into())
    );
    let plan = |number: &str, date: &str| json!({"unit": UNIT_A, "number": number, "date": date, "title": "x"});
    assert_eq!(world.refused("plans", &world.commune, &plan("", "2026-09-01")), (422, "text_needed".into()));
    assert_eq!(world.refused("plans", &world.commune, &plan("1", "01/09/2026")), (422, "bad_date".into()));
}
