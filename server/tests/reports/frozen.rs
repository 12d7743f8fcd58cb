//! Rows for charts, the digest, the emulation report and reports that stay as they were.

use gandan_model::genesis::DocKind;
use gandan_model::ids::DocId;
use serde_json::{Value as Json, json};
use sha2::Digest;

use crate::sample::{Office, lines, office};
use crate::support::http::{self, Answer};

const PERIOD: &str = "as_of=2026-11-21";

fn sum(list: &Json, field: &str) -> i64 {
    list.as_array().unwrap().iter().map(|row| row[field].as_i64().unwrap()).sum()
}

fn freeze(office: &Office, token: &str, body: &Json) -> Answer {
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    http::request(office.app.address, "POST", "/api/v1/reports/snapshots", &headers, body.to_string().as_bytes())
}

#[test]
fn rows_over_time_add_up_to_the_figures() {
    let office = office();
    let summary = office.json(&format!("/api/v1/reports/summary?{PERIOD}"), &office.province);
    let series = office.json(&format!("/api/v1/reports/series?{PERIOD}"), &office.province);
    let weeks = &series["weeks"];
    assert_eq!(sum(weeks, "visits_held"), summary["visits"]["held"].as_i64().unwrap());
    // The 106 countable issues of the sample, 45 of them settled; each stands in one status.
    assert_eq!(sum(weeks, "received"), 106);
    let states: i64 = weeks
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|week| week["by_status"].as_object().unwrap().values())
        .map(|count| count.as_i64().unwrap())
        .sum();
    assert_eq!(states, 106);
    assert_eq!(sum(&series["coverage"], "visits_held"), 57);
    for week in weeks.as_array().unwrap() {
        let monday: jiff::civil::Date = week["monday"].as_str().unwrap().parse().unwrap();
        assert_eq!(monday.weekday(), jiff::civil::Weekday::Monday);
    }
    let emulation = office.json(&format!("/api/v1/reports/emulation?{PERIOD}"), &office.province);
    assert_eq!(sum(&emulation["units"], "visits_held"), 57);
    let text = emulation.to_string();
    for word in ["satisf", "withdrawn", "complaint", "rank"] {
        assert!(!text.contains(word), "{word}");
    }
}

#[test]
fn a_monday_morning_knows_what_came_and_what_is_late() {
    let office = office();
    let digest = office.json("/api/v1/reports/digest?day=2026-11-18", &office.province);
    assert_eq!(
        (&digest["monday"], &digest["week"]["from"], &digest["week"]["to"]),
        (&json!("2026-11-16"), &json!("2026-11-09"), &json!("2026-11-15"))
    );
    let overdue = office.all("/api/v1/issues?overdue=true&as_of=2026-11-18&sort=due_asc", &office.province);
    let listed = digest["overdue"].as_array().unwrap();
    assert_eq!(listed.len(), overdue.len().min(50));
    assert_eq!(listed[0]["id"], overdue[0]["id"]);
    assert!(digest["new"].as_array().unwrap().iter().all(|issue| {
        let day = issue["received_on"].as_str().unwrap();
        ("2026-11-09"..="2026-11-15").contains(&day)
    }));
    assert!(digest["urgent"].as_array().unwrap().iter().all(|issue| issue["priority"] != "normal"));
}

#[test]
fn a_frozen_report_stays_as_it_was_whatever_happens() {
    let mut office = office();
    let body = json!({"name": "Báo cáo tháng 11", "report": {"to": "2026-11-14", "as_of": "2026-11-14"}});
    let made = freeze(&office, &office.province, &body);
    assert_eq!(made.status, 201, "{}", made.text());
    let id = made.json()["id"].clone();
    let path = format!("/api/v1/reports/snapshots/{id}");
    let first = office.get(&path, &office.province);
    assert_eq!(first.status, 200);
    let hash = data_encoding::HEXLOWER.encode(&sha2::Sha256::digest(&first.body));
    assert_eq!(made.json()["sha256"], hash.as_str());
    assert_eq!(first.header("etag"), Some(format!("\"{hash}\"").as_str()));
    // A late record changes the figures, and not the report.
    let unit = lines()[0]["unit_code"].as_str().unwrap().to_owned();
    let space = office.device.space(&unit, "field");
    let edits = [("kind", json!("feedback")), ("title", json!("Muộn")), ("received_on", json!("2026-11-01"))];
    let raw = office.device.edit(space, DocId([9; 16]), DocKind::Issue, &edits);
    office.device.seal(space, &[(DocId([9; 16]), raw)]);
    office.device.sync(&office.app);
    office.app.project();
    let now = office.json("/api/v1/reports/summary?to=2026-11-14&as_of=2026-11-14", &office.province);
    assert_ne!(now["issues"], first.json()["issues"]);
    let office = office.restarted();
    assert_eq!(office.get(&path, &office.province).body, first.body);
    // It cannot be changed, not even past the program.
    let changed =
        office.app.db().write(|transaction| Ok(transaction.execute("UPDATE report_snapshot SET name = 'x'", [])?));
    assert!(changed.is_err());
}

#[test]
fn a_frozen_report_is_for_those_whose_area_holds_all_of_it() {
    let office = office();
    let units: Vec<String> = lines().iter().map(|line| line["unit_code"].as_str().unwrap().to_owned()).collect();
    let (own, other) = (units[0].clone(), units.iter().find(|unit| **unit != units[0]).unwrap().clone());
    let (staff, neighbour) = (office.staff_of(&own), office.staff_of(&other));
    let report = |name: &str| json!({"name": name, "report": {"as_of": "2026-11-21"}});
    let of_unit = freeze(&office, &staff, &report("xã")).json()["id"].clone();
    let of_province = freeze(&office, &office.province, &report("tỉnh")).json()["id"].clone();
    let sealed = freeze(&office, &office.inspector, &report("thanh tra")).json()["id"].clone();
    let seen = |token: &str| {
        let list = office.json("/api/v1/reports/snapshots", token);
        let ids: Vec<Json> = list["items"].as_array().unwrap().iter().map(|item| item["id"].clone()).collect();
        for id in [&of_unit, &of_province, &sealed] {
            let status = office.get(&format!("/api/v1/reports/snapshots/{id}"), token).status;
            assert_eq!(status == 200, ids.contains(id), "{id}");
        }
        ids
    };
    assert_eq!(seen(&staff), std::slice::from_ref(&of_unit));
    assert!(seen(&neighbour).is_empty());
    // The inspectorate's holds the number of denunciations: it is for the inspectorate.
    assert_eq!(seen(&office.province), [of_province.clone(), of_unit.clone()]);
    assert_eq!(seen(&office.inspector), [sealed, of_province, of_unit]);
    let refused = freeze(&office, &staff, &report(" "));
    assert_eq!((refused.status, refused.code()), (422, "text_needed"));
}
