//! Limits, holidays and remote units as data: what a change would do, what it does, and that phones get it.

use gandan_model::genesis::DocKind;
use gandan_model::ids::DocId;
use gandan_model::rules::{Rules, RulesData};
use gandan_server::auth::{Role, ScopeLine};
use gandan_server::db::DbOptions;
use gandan_sync::query::{Ask, Reply, unpack_rules};
use serde_json::{Value as Json, json};

use crate::support::{TestApp, UNIT_A};
use crate::world::{ISSUE, World, world};

struct Desk {
    world: World,
    administrator: String,
}

fn desk() -> Desk {
    let world = world();
    let administrator = world.app.token("quan-tri", Role::Administrator, &[ScopeLine::Province]);
    Desk { world, administrator }
}

/// The office's target of thirty days gets another length, from this day on.
fn target_of(days: u16, from: &str, until: &str) -> Json {
    let shipped = Rules::default().data().deadlines.rules.into_iter().find(|rule| rule.target).unwrap();
    let mut new = serde_json::to_value(&shipped).unwrap();
    new["id"] = json!(format!("target-{days}"));
    new["days"] = json!(days);
    new["basis"] = json!(format!("local_target_{days}_days"));
    new["valid_from"] = json!(from);
    json!({"end": [{"id": shipped.id, "last_day": until}], "add": [new]})
}

impl Desk {
    fn change(&self, apply: bool, edition: i64, change: &Json) -> (u16, Json) {
        let path = if apply { "admin/rules?apply=true" } else { "admin/rules" };
        let body = json!({"edition": edition, "reason": "QĐ 12/2026", "change": change});
        let answer = self.world.post(path, &self.administrator, &body);
        (answer.status, answer.json())
    }

    fn resolve_due(&self) -> (String, String) {
        let issue = self.world.get(&format!("issues/{ISSUE}"), &self.world.province);
        let text = |value: &Json| value.as_str().unwrap_or("").to_owned();
        (text(&issue["issue"]["resolve_due"]), text(&issue["issue"]["resolve_basis"]))
    }
}

#[test]
fn a_change_is_previewed_done_and_every_date_follows() {
    let desk = desk();
    assert_eq!(desk.resolve_due(), ("2026-10-20".into(), "local_target_30_days".into()));
    let shorter = target_of(5, "2026-09-01", "2026-08-31");
    let (status, outcome) = desk.change(false, 0, &shorter);
    assert_eq!((status, &outcome["applied"], &outcome["edition"]), (200, &json!(false), &json!(0)));
    let effect = &outcome["effect"];
    assert_eq!((&effect["issues"], &effect["resolve"], &effect["first_notice"]), (&json!(1), &json!(1), &json!(0)));
    assert_eq!(effect["examples"][0]["id"], ISSUE.to_string());
    assert_eq!(
        (&effect["examples"][0]["resolve_old"], &effect["examples"][0]["resolve_new"]),
        (&json!("2026-10-20"), &json!("2026-09-25"))
    );
    // Looking changed nothing.
    desk.world.app.project();
    assert_eq!(desk.resolve_due().0, "2026-10-20");
    let (status, outcome) = desk.change(true, 0, &shorter);
    assert_eq!((status, &outcome["applied"], &outcome["edition"]), (200, &json!(true), &json!(1)));
    desk.world.app.project();
    assert_eq!(desk.resolve_due(), ("2026-09-25".into(), "local_target_5_days".into()));
    let listed = desk.world.get("issues?sort=due_asc", &desk.world.province);
    assert_eq!(listed["items"][0]["resolve_due"], "2026-09-25");
    let whole = desk.world.get(&format!("issues/{ISSUE}"), &desk.world.province);
    let due = whole["due"].as_array().unwrap();
    let resolve = due.iter().find(|step| step["purpose"] == "resolve").unwrap();
    assert_eq!((&resolve["rule"], &resolve["due_on"]), (&json!("target-5"), &json!("2026-09-25")));
    assert!(resolve["sentence_vi"].as_str().unwrap().contains("25/09/2026"), "{resolve}");
    let rules = desk.world.get("admin/rules", &desk.administrator);
    assert_eq!((&rules["edition"], &rules["editions"][0]["reason"]), (&json!(1), &json!("QĐ 12/2026")));
    let before = desk.world.get("admin/rules?edition=0", &desk.administrator);
    assert_eq!((&before["in_force"], &before["editions"][1]["n"]), (&json!(false), &json!(0)));
}

#[test]
fn holidays_and_remote_units_move_dates_and_survive_a_restart() {
    let Desk { world, administrator } = desk();
    let holiday = |date: &str| json!({"date": date, "kind": "holiday", "active": true, "mark": "primary", "vi": "Nghỉ", "en": "Off"});
    let change = json!({"days": [holiday("2026-10-20"), holiday("2026-10-21")], "remote": {UNIT_A: true}});
    let body = json!({"edition": 0, "reason": "Lịch nghỉ", "change": change});
    world.done("admin/rules?apply=true", &administrator, &body);
    let desk = Desk { world, administrator };
    assert_eq!(desk.resolve_due().0, "2026-10-22");
    let org = desk.world.get("org", &desk.administrator);
    let unit = org["units"].as_array().unwrap().iter().find(|unit| unit["code"] == UNIT_A).unwrap();
    assert_eq!(unit["remote"], true);
    // What is built anew is built by the same rules.
    let World { app, province, .. } = desk.world;
    let folder = app.stop();
    std::fs::remove_file(folder.path().join("data/views.db")).unwrap();
    let app = TestApp::serve(folder, DbOptions::default());
    app.project();
    let path = format!("/api/v1/issues/{ISSUE}");
    let issue = crate::support::http::get(app.address, &path, Some(&province)).json();
    assert_eq!(issue["issue"]["resolve_due"], "2026-10-22");
}

#[test]
fn what_cannot_be_is_refused_and_nothing_is_half_done() {
    let desk = desk();
    let mut both = target_of(5, "2026-09-01", "2026-08-31");
    both["end"] = json!([]);
    let code = |(status, answer): (u16, Json)| (status, answer["error"]["code"].as_str().unwrap_or("").to_owned());
    assert_eq!(code(desk.change(true, 0, &both)), (422, "deadline_ambiguous".into()));
    assert_eq!(code(desk.change(true, 7, &json!({}))), (409, "edition_moved".into()));
    assert_eq!(code(desk.change(true, 0, &json!({"withdraw": ["khong-co"]}))), (422, "unknown_rule".into()));
    assert_eq!(code(desk.change(true, 0, &json!({"withdraw": ["lkn-27-accept"]}))), (422, "rule_in_force".into()));
    assert_eq!(code(desk.change(true, 0, &json!({"remote": {"00000": true}}))), (422, "unknown_unit".into()));
    assert_eq!(code(desk.change(true, 0, &json!({"days": 5}))), (400, "bad_json".into()));
    let silent = json!({"edition": 0, "change": {}});
    assert_eq!(
        desk.world.refused("admin/rules?apply=true", &desk.administrator, &silent),
        (422, "text_needed".to_owned())
    );
    assert_eq!(desk.world.get("admin/rules", &desk.administrator)["edition"], 0);
}

#[test]
fn devices_hear_of_other_rules_and_get_them() {
    let mut desk = desk();
    let app = &desk.world.app;
    assert_eq!(desk.world.phone.round_trip(app).rules, Some(0));
    assert_eq!(desk.world.phone.reply(app, Ask::Rules), Reply::Rules { number: 0, packed: Vec::new() });
    let (status, _) = desk.change(true, 0, &target_of(5, "2026-09-01", "2026-08-31"));
    assert_eq!(status, 200);
    let app = &desk.world.app;
    let said = desk.world.phone.round_trip(app).rules;
    let Reply::Rules { number, packed } = desk.world.phone.reply(app, Ask::Rules) else { panic!("another answer") };
    assert_eq!(Some(number), said);
    let data = RulesData::from_json(&unpack_rules(&packed).unwrap()).unwrap();
    assert!(data.deadlines.rules.iter().any(|rule| rule.id == "target-5"));
    assert!(packed.len() < 8_000, "{} bytes", packed.len());
}

#[test]
fn of_two_issues_that_repeat_each_other_the_older_keeps_its_clock() {
    let mut desk = desk();
    let other = DocId([3; 16]);
    let space = desk.world.phone.space(UNIT_A, "field");
    let fields = [
        ("kind", json!("feedback")),
        ("field", json!("transport")),
        ("title", json!("Cống tắc")),
        ("received_on", json!("2026-09-18")),
        ("duplicate_of", json!(ISSUE.to_string())),
        ("event", json!({"to": "recorded", "at": "2026-09-18T09:00:00+07:00"})),
    ];
    let younger = desk.world.phone.edit(space, other, DocKind::Issue, &fields);
    let link = [("duplicate_of", json!(other.to_string()))];
    let older = desk.world.phone.edit(space, ISSUE, DocKind::Issue, &link);
    desk.world.phone.seal(space, &[(other, younger), (ISSUE, older)]);
    desk.world.phone.sync(&desk.world.app);
    desk.world.app.project();
    let due = |desk: &Desk, id: DocId| {
        let whole = desk.world.get(&format!("issues/{id}"), &desk.world.province);
        assert_eq!(whole["record"]["due"]["resolve"]["on"], whole["issue"]["resolve_due"]);
        whole["issue"]["resolve_due"].clone()
    };
    // Received on the 18th, thirty days end on Sunday the 18th of October: the Monday after it.
    assert_eq!((due(&desk, other), due(&desk, ISSUE)), (json!("2026-10-19"), Json::Null));
    assert_eq!(desk.change(true, 0, &target_of(5, "2026-09-01", "2026-08-31")).0, 200);
    desk.world.app.project();
    assert_eq!((due(&desk, other), due(&desk, ISSUE)), (json!("2026-09-23"), Json::Null));
}
