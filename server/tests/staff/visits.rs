//! Verifying and returning visits.

use gandan_model::codes::VisitStatus;
use gandan_model::genesis::DocKind;
use serde_json::{Value as Json, json};

use crate::support::UNIT_A;
use crate::world::{VISIT, world};

#[test]
fn a_visit_is_returned_handed_in_again_and_verified() {
    let mut world = world();
    let returned = world.done(&world.visit("return"), &world.area, &json!({"reason": "thiếu số hộ"}));
    assert_eq!(returned["record"]["status"], "returned");
    let on_phone = world.visit_on_phone();
    assert_eq!(on_phone.status, VisitStatus::Returned);
    assert_eq!(on_phone.events.last().unwrap().reason.as_deref(), Some("thiếu số hộ"));
    assert_eq!(world.refused(&world.visit("verify"), &world.province, &Json::Null), (422, "bad_transition".into()));

    let space = world.phone.space(UNIT_A, "field");
    world.phone.now_ms += 60_000;
    let raw = world.phone.edit(
        space,
        VISIT,
        DocKind::Visit,
        &[("counts.households", json!(12)), ("event", json!("submitted"))],
    );
    world.phone.seal(space, &[(VISIT, raw)]);
    world.phone.sync(&world.app);
    world.app.project();
    world.app.clock.advance_ms(120_000);
    world.done(&world.visit("verify"), &world.province, &Json::Null);
    assert_eq!(world.visit_on_phone().status, VisitStatus::Verified);
    let again = world.done(&world.visit("verify"), &world.province, &Json::Null);
    assert!(again["seq"].is_null(), "verified already");
}

#[test]
fn a_late_edit_waits_until_the_visit_is_verified_anew() {
    let mut world = world();
    world.done(&world.visit("verify"), &world.province, &Json::Null);
    world.phone.sync(&world.app);
    let space = world.phone.space(UNIT_A, "field");
    world.phone.now_ms += 60_000;
    let raw = world.phone.edit(space, VISIT, DocKind::Visit, &[("place.name", json!("Thôn 3"))]);
    world.phone.seal(space, &[(VISIT, raw)]);
    world.phone.sync(&world.app);
    world.app.project();
    let seen = world.get(&format!("visits/{VISIT}"), &world.province);
    assert_eq!(seen["visit"]["amendment_pending"], true);
    world.app.clock.advance_ms(120_000);
    world.done(&world.visit("verify"), &world.province, &Json::Null);
    let seen = world.get(&format!("visits/{VISIT}"), &world.province);
    assert_eq!(seen["visit"]["amendment_pending"], false);
    assert_eq!(seen["visit"]["place_name"], "Thôn 3");
}

#[test]
fn a_return_says_why() {
    let world = world();
    for reason in ["", "  "] {
        let refused = world.refused(&world.visit("return"), &world.province, &json!({"reason": reason}));
        assert_eq!(refused, (422, "reason_needed".into()));
    }
    assert_eq!(world.refused(&world.visit("return"), &world.province, &Json::Null), (400, "bad_json".into()));
}

#[test]
fn few_cards_point_at_nobody_in_a_visit_or_its_history() {
    let mut world = world();
    let space = world.phone.space(UNIT_A, "field");
    let tally = json!({"very_satisfied": 8, "satisfied": 7, "dissatisfied": 2, "no_answer": 1});
    let edits = [("satisfaction", tally), ("satisfaction.cards.k1", json!("very_dissatisfied"))];
    let raw = world.phone.edit(space, VISIT, DocKind::Visit, &edits);
    world.phone.seal(space, &[(VISIT, raw)]);
    world.phone.sync(&world.app);
    // A second official counts the same cards otherwise: something to settle.
    let mut second = world.app.official("CB-002", &[UNIT_A]);
    second.sync(&world.app);
    let other = json!({"very_satisfied": 8, "satisfied": 7, "dissatisfied": 3});
    let raw = second.edit(space, VISIT, DocKind::Visit, &[("satisfaction", other)]);
    second.seal(space, &[(VISIT, raw)]);
    second.sync(&world.app);
    world.app.project();
    let seen = world.get(&format!("visits/{VISIT}"), &world.inspector);
    let cards = &seen["record"]["satisfaction"];
    assert_eq!((&cards["very_satisfied"], &cards["dissatisfied"]), (&json!(8), &json!("<5")));
    assert_eq!(cards, &seen["visit"]["satisfaction"]);
    let steps = seen["history"].as_array().unwrap().iter();
    let changes: Vec<&Json> = steps.flat_map(|step| step["changes"].as_array().unwrap()).collect();
    let of_cards: Vec<&&Json> = changes
        .iter()
        .filter(|change| {
            let field = change["field"].as_str().unwrap();
            field.starts_with("card/") || field.starts_with("tally/")
        })
        .collect();
    assert_eq!(of_cards.len(), 3);
    assert!(of_cards.iter().all(|change| change["old"].is_null() && change["new"].is_null()), "{of_cards:?}");
    let then = seen["history"][1]["hash"].as_str().unwrap();
    let then = world.get(&format!("records/{VISIT}/at/{then}"), &world.inspector);
    assert_eq!(then["record"]["satisfaction"]["dissatisfied"], "<5");
    // Whoever has to choose between two tallies sees them; whoever only reads does not.
    let tally = |token: &str| {
        let items = world.get("review", token)["items"].as_array().unwrap().clone();
        items.iter().find(|item| item["item"]["field"] == "satisfaction").unwrap()["item"]["values"][0]["value"].clone()
    };
    assert!(tally(&world.inspector).is_null());
    assert!(!tally(&world.commune).is_null());
}

#[test]
fn figures_of_a_past_day_judge_a_visit_by_its_state_of_that_day() {
    let world = world();
    world.done(&world.visit("return"), &world.area, &json!({"reason": "thiếu số hộ"}));
    let by_status = |as_of: &str| {
        let path = format!("reports/summary?as_of={as_of}");
        world.get(&path, &world.province)["visits"]["by_status"].clone()
    };
    assert_eq!(by_status("2026-12-31"), json!({"returned": 1}));
    assert_eq!(by_status("2026-09-20"), json!({"submitted": 1}));
    assert_eq!(by_status("2026-09-19"), json!({"planned": 1}));
}
