//! The register of villages: taken in from a table, and what coverage follows from it.

use gandan_model::genesis::DocKind;
use gandan_model::ids::DocId;
use gandan_server::auth::{Role, ScopeLine};
use serde_json::{Value as Json, json};

use crate::admin::{Desk, desk};
use crate::support::http;
use crate::support::{UNIT_A, UNIT_B};

fn table() -> String {
    format!(
        "unit,kind,name,valid_from,valid_to\n{UNIT_A},thon,Thôn 1,,\n{UNIT_A},Thôn,2,01/07/2025,\n\
         {UNIT_A},bon,N'Ting,,2026-06-30\n{UNIT_B},Tổ dân phố,Tổ dân phố 7,,\n"
    )
}

fn villages(desk: &Desk, query: &str) -> Vec<(String, String, Json)> {
    let items = desk.get(&format!("villages?{query}"))["items"].as_array().unwrap().clone();
    let text = |value: &Json| value.as_str().unwrap().to_owned();
    items.iter().map(|item| (text(&item["kind"]), text(&item["name"]), item["valid_to"].clone())).collect()
}

#[test]
fn a_table_of_villages_is_previewed_and_taken_in_as_a_whole() {
    let desk = desk();
    let preview = desk.ask("POST", "org/import/villages", table().as_bytes()).json();
    assert_eq!((&preview["lines"], &preview["applied"], &preview["faults"]), (&json!(4), &json!(false), &json!([])));
    assert_eq!(villages(&desk, ""), []);
    let done = desk.ask("POST", "org/import/villages?apply=true", table().as_bytes()).json();
    assert_eq!(done["applied"], true);
    let all = villages(&desk, &format!("unit={UNIT_A}"));
    let names: Vec<&str> = all.iter().map(|(_, name, _)| name.as_str()).collect();
    assert_eq!(names, ["N'Ting", "Thôn 1", "2"]);
    // On a day after its end the first is not there.
    assert_eq!(villages(&desk, &format!("unit={UNIT_A}&on=2026-07-01")).len(), 2);
    // The same again changes nothing; a last day ends a village, under either way of writing its name.
    let again = desk.ask("POST", "org/import/villages", table().as_bytes()).json();
    assert_eq!((&again["same"], &again["changes"]), (&json!(4), &json!([])));
    let ended = format!("unit,kind,name,valid_to\n{UNIT_A},thon,thôn 2,30/09/2026\n");
    let ended = desk.ask("POST", "org/import/villages?apply=true", ended.as_bytes()).json();
    assert_eq!(ended["changes"][1]["value"], "2026-09-30");
    assert_eq!(villages(&desk, &format!("unit={UNIT_A}&on=2026-10-01")).len(), 1);
    // One fault, and nothing is taken in.
    let faulty = format!(
        "unit,kind,name,valid_from\n{UNIT_A},thon,Thôn 9,\n{UNIT_A},làng,X,\n00000,thon,Y,\n\
        {UNIT_A},thon,Z,31/02/2026\n{UNIT_A},thon,thôn 9,\n"
    );
    let faulty = desk.ask("POST", "org/import/villages?apply=true", faulty.as_bytes()).json();
    let at: Vec<i64> = faulty["faults"].as_array().unwrap().iter().map(|f| f["line"].as_i64().unwrap()).collect();
    assert_eq!((at, &faulty["applied"]), (vec![3, 4, 5, 6], &json!(false)));
    // A line that should never have been there goes.
    let id = desk.get(&format!("villages?unit={UNIT_B}"))["items"][0]["id"].clone();
    assert_eq!(desk.ask("DELETE", &format!("villages/{id}"), b"").status, 204);
    assert_eq!(desk.ask("DELETE", &format!("villages/{id}"), b"").status, 404);
}

#[test]
fn coverage_and_promises_are_figures_once_there_is_what_they_are_made_of() {
    let desk = desk();
    let mut phone = desk.app.official("CB-001", &[UNIT_A, UNIT_B]);
    let space = phone.space(UNIT_A, "field");
    let visit = |kind: &str, name: &str| {
        vec![
            ("planned_on", json!("2026-09-20")),
            ("place.kind", json!(kind)),
            ("place.name", json!(name)),
            ("event", json!({"to": "submitted", "at": "2026-09-20T11:30:00+07:00"})),
        ]
    };
    let mut changes = Vec::new();
    for (number, (kind, name)) in [("thon", "Thôn 1"), ("thon", "thôn 1"), ("thon", "Thôn 5")].into_iter().enumerate()
    {
        let id = DocId([u8::try_from(number).unwrap() + 1; 16]);
        changes.push((id, phone.edit(space, id, DocKind::Visit, &visit(kind, name))));
    }
    let issue = [
        ("kind", json!("feedback")),
        ("title", json!("Cống nghẹt")),
        ("received_on", json!("2026-09-01")),
        ("conclusion_due", json!("2026-09-10")),
        ("event", json!({"to": "recorded", "at": "2026-09-01T09:00:00+07:00"})),
    ];
    let id = DocId([9; 16]);
    phone.seal(space, &changes);
    phone.sync(&desk.app);
    desk.app.project();
    let province = desk.app.token("tinh", Role::ProvinceStaff, &[ScopeLine::Province]);
    let get = |path: &str| http::get(desk.app.address, &format!("/api/v1/{path}"), Some(&province)).json();
    let asked = "reports/summary?from=2026-09-01&to=2026-09-30&as_of=2026-09-25";
    let before = get(asked);
    assert_eq!((&before["visits"]["village_coverage"], &before["promises_kept"]), (&Json::Null, &Json::Null));
    desk.ask("POST", "org/import/villages?apply=true", table().as_bytes());
    let issue = phone.edit(space, id, DocKind::Issue, &issue);
    phone.seal(space, &[(id, issue)]);
    phone.sync(&desk.app);
    desk.app.project();
    let after = get(asked);
    // Of the four villages one had ended.
    assert_eq!(after["visits"]["village_coverage"], json!({"numerator": 1, "denominator": 3, "rate": 0.3333}));
    assert_eq!(after["promises_kept"], json!({"numerator": 0, "denominator": 1, "rate": 0.0}));
    let gaps = after["unavailable"].to_string();
    assert!(!gaps.contains("village_coverage") && !gaps.contains("promises_kept"), "{gaps}");
    let unlisted = get(&format!("{asked}&area={UNIT_B}"));
    assert_eq!(unlisted["visits"]["village_coverage"]["numerator"], 0);
    let rows = get(&format!("reports/villages?area={UNIT_A}&from=2026-09-01&to=2026-09-30"));
    let found: Vec<(&str, bool, i64)> = rows["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let visits = row["months"]["2026-09"].as_i64().unwrap_or(0);
            (row["name"].as_str().unwrap(), row["listed"].as_bool().unwrap(), visits)
        })
        .collect();
    assert_eq!(found, [("Thôn 1", true, 2), ("2", true, 0), ("Thôn 5", false, 1)]);
    let series = get("reports/series?from=2026-09-01&to=2026-09-30");
    assert_eq!((&series["coverage"][0]["visits_held"], &series["coverage"][0]["villages"]), (&json!(3), &json!(2)));
}
