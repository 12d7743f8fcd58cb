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
