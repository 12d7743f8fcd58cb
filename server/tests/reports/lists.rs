//! Filters, search, orders and pages.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use gandan_model::genesis::DocKind;
use gandan_model::ids::DocId;
use serde_json::{Value as Json, json};

use crate::sample::{Office, lines, office};

fn issue_lines() -> Vec<Json> {
    let all = lines().into_iter().flat_map(|visit| visit["issues"].as_array().unwrap().clone());
    all.filter(|issue| issue["kind"] != "denunciation").collect()
}

fn ids(items: &[Json]) -> BTreeSet<String> {
    items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn filters_of_issues_give_what_the_sample_holds() {
    let office = office();
    for (query, name, value) in [
        ("status=forwarded", "status", json!("forwarded")),
        ("kind=complaint", "kind", json!("complaint")),
        ("field=land", "field", json!("land")),
        ("priority=emergency", "priority", json!("emergency")),
        ("hot_spot=true", "hot_spot", json!(true)),
    ] {
        let found = office.all(&format!("/api/v1/issues?{query}"), &office.province);
        let wanted: BTreeSet<String> = issue_lines()
            .iter()
            .filter(|issue| issue[name] == value)
            .map(|issue| issue["issue_id"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(ids(&found), wanted, "{query}");
        assert!(!wanted.is_empty());
    }
    let overdue = office.all("/api/v1/issues?overdue=true&as_of=2026-11-21", &office.province);
    assert_eq!(overdue.len(), 44);
    let rest = office.all("/api/v1/issues?overdue=false&as_of=2026-11-21", &office.province);
    assert_eq!(overdue.len() + rest.len(), issue_lines().len());
    let agency = overdue[0]["agency"].as_str().unwrap();
    let asked = percent(&agency.to_uppercase());
    let of_agency = office.all(&format!("/api/v1/issues?agency={asked}"), &office.province);
    assert!(of_agency.iter().all(|issue| issue["agency"] == agency) && !of_agency.is_empty());
    let received = office.all("/api/v1/issues?from=2026-09-01&to=2026-09-30", &office.province);
    assert!(received.iter().all(|issue| issue["received_on"].as_str().unwrap().starts_with("2026-09")));
    let dialogue = office.all("/api/v1/issues?programme=business_dialogue", &office.province);
    let wanted: usize = lines()
        .iter()
        .filter(|visit| visit["programme"] == "business_dialogue")
        .map(|visit| visit["issues"].as_array().unwrap().len())
        .sum();
    assert_eq!(dialogue.len(), wanted);
}

fn percent(text: &str) -> String {
    text.bytes().fold(String::new(), |mut all, byte| {
        write!(all, "%{byte:02X}").unwrap();
        all
    })
}

#[test]
fn filters_of_visits_give_what_the_sample_holds() {
    let office = office();
    let count = |query: &str| office.all(&format!("/api/v1/visits?{query}"), &office.province).len();
    let sample = lines();
    assert_eq!(count("status=verified"), 52);
    assert_eq!(count("programme=sunday_with_people&status=verified"), {
        sample.iter().filter(|v| v["programme"] == "sunday_with_people" && v["status"] == "verified").count()
    });
    assert_eq!(count("hot_spot=active"), sample.iter().filter(|v| v["hot_spot"] == "active").count());
    assert_eq!(
        count("official=CB-003"),
        sample.iter().filter(|v| v["officials"].to_string().contains("CB-003")).count()
    );
    assert_eq!(
        count("area=former-dak-nong&status=verified")
            + count("area=former-lam-dong&status=verified")
            + count("area=former-binh-thuan&status=verified"),
        52
    );
    assert_eq!(count("from=2027-01-01"), 0);
}

#[test]
fn search_folds_and_takes_nothing_for_query_language() {
    let office = office();
    let count =
        |list: &str, words: &str| office.all(&format!("/api/v1/{list}?q={}", percent(words)), &office.province).len();
    let drains = count("issues", "cống thoát nước");
    assert!(drains > 0);
    assert_eq!(count("issues", "CONG THOAT NUOC"), drains);
    assert_eq!(count("issues", "cong thoat nuo"), drains, "the last word may be unfinished");
    assert_eq!(count("visits", "nha van hoa"), count("visits", "nhà văn hóa"));
    assert_eq!(count("visits", "nhà văn hoá"), count("visits", "nhà văn hóa"), "tone placement");
    let ticket = issue_lines()[0]["ticket"].as_str().unwrap().to_owned();
    assert_eq!(count("issues", &ticket), 1);
    for nasty in ["\"", "*", "a\" OR b", "') OR 1=1 --", "NEAR(a b)", "search:x", "-", "^a", "\u{0}", "%", "{a}"] {
        let answer = office.get(&format!("/api/v1/issues?q={}", percent(nasty)), &office.province);
        assert_eq!(answer.status, 200, "{nasty:?}: {}", String::from_utf8_lossy(&answer.body));
    }
    let long = office.get(&format!("/api/v1/issues?q={}", "a".repeat(201)), &office.province);
    assert_eq!((long.status, long.code()), (400, "text_too_long"));
}

#[test]
fn every_parameter_is_a_value_and_never_sql() {
    let office = office();
    let nasty = percent("x' OR '1'='1");
    let names = ["status", "kind", "field", "priority", "programme", "agency", "visit"];
    for name in names {
        let found = office.all(&format!("/api/v1/issues?{name}={nasty}"), &office.province);
        assert!(found.is_empty(), "{name}");
    }
    for name in ["status", "programme", "hot_spot", "official"] {
        assert!(office.all(&format!("/api/v1/visits?{name}={nasty}"), &office.province).is_empty(), "{name}");
    }
    for (query, code) in [
        ("limit=0", "bad_limit"),
        ("limit=201", "bad_limit"),
        ("limit=-1", "bad_query"),
        ("sort=id%3BDROP", "bad_sort"),
        ("next=AAAA", "bad_cursor"),
        ("overdue=maybe", "bad_query"),
        ("from=2026-13-01", "bad_date"),
        ("colour=red", "bad_query"),
        ("format=xml", "bad_query"),
    ] {
        let answer = office.get(&format!("/api/v1/issues?{query}"), &office.province);
        assert_eq!((answer.status, answer.code()), (400, code), "{query}");
    }
}

#[test]
fn orders_are_kept_over_pages() {
    let office = office();
    let date = |item: &Json, name: &str| item[name].as_str().unwrap_or("9999").to_owned();
    let down = office.all("/api/v1/issues", &office.province);
    assert_eq!(down.len(), issue_lines().len());
    assert_eq!(ids(&down).len(), down.len(), "none twice");
    assert!(down.windows(2).all(|pair| date(&pair[0], "received_on") >= date(&pair[1], "received_on")));
    let mut up = office.all("/api/v1/issues?sort=received_asc", &office.province);
    up.reverse();
    assert_eq!(up, down);
    let due = office.all("/api/v1/issues?sort=due_asc", &office.province);
    assert!(due.windows(2).all(|pair| date(&pair[0], "resolve_due") <= date(&pair[1], "resolve_due")));
    assert_eq!(due.len(), down.len());
    let visits = office.all("/api/v1/visits?sort=date_asc", &office.province);
    assert_eq!((visits.len(), ids(&visits).len()), (60, 60));
    assert!(visits.windows(2).all(|pair| date(&pair[0], "date") <= date(&pair[1], "date")));
    let answer = office.get("/api/v1/visits?limit=1", &office.province).json();
    let cursor = answer["next"].as_str().unwrap();
    let other = office.get(&format!("/api/v1/visits?sort=date_asc&next={cursor}"), &office.province);
    assert_eq!(other.code(), "bad_cursor", "a cursor of another order");
}

/// A visit of a day, pushed now.
fn arrive(office: &mut Office, doc: u8, day: &str) {
    let unit = lines()[0]["unit_code"].as_str().unwrap().to_owned();
    let (space, id) = (office.device.space(&unit, "field"), DocId([doc; 16]));
    let edits = [("planned_on", json!(day)), ("status", json!("planned"))];
    let raw = office.device.edit(space, id, DocKind::Visit, &edits);
    office.device.seal(space, &[(id, raw)]);
    office.device.sync(&office.app);
    office.app.project();
}

#[test]
fn pages_stay_put_while_records_arrive() {
    let mut office = office();
    let before = office.all("/api/v1/visits", &office.province);
    let first = office.json("/api/v1/visits?limit=20", &office.province);
    arrive(&mut office, 1, "2026-12-30");
    arrive(&mut office, 2, "2026-08-01");
    let cursor = first["next"].as_str().unwrap();
    let second = office.json(&format!("/api/v1/visits?limit=200&next={cursor}"), &office.province);
    let mut seen: Vec<Json> = first["items"].as_array().unwrap().clone();
    seen.extend(second["items"].as_array().unwrap().iter().cloned());
    assert_eq!(ids(&seen).len(), seen.len(), "none twice");
    assert!(ids(&before).is_subset(&ids(&seen)), "none left out");
}

#[test]
fn a_record_comes_with_its_whole_history() {
    let mut office = office();
    let line = lines()[0].clone();
    let (unit, id) = (line["unit_code"].as_str().unwrap(), line["visit_id"].as_str().unwrap());
    let (space, doc) = (office.device.space(unit, "field"), id.parse::<DocId>().unwrap());
    let raw = office.device.edit(space, doc, DocKind::Visit, &[("place.name", json!("Tổ dân phố 8"))]);
    office.device.seal(space, &[(doc, raw)]);
    office.app.clock.advance_ms(60_000);
    office.device.sync(&office.app);
    office.app.project();
    let whole = office.json(&format!("/api/v1/visits/{id}"), &office.province);
    assert_eq!(whole["record"]["note"], line["note"]);
    assert_eq!(whole["issues"].as_array().unwrap().len(), line["issues"].as_array().unwrap().len());
    let history = whole["history"].as_array().unwrap();
    assert_eq!(history.len(), 2);
    let step = &history[1];
    assert_eq!(step["author"], "CB-001");
    assert_eq!(step["device"], office.device.device.to_string());
    let change = step["changes"].as_array().unwrap().iter().find(|change| change["new"] == "Tổ dân phố 8").unwrap();
    assert_eq!(change["old"], "Tổ dân phố 7");
    let (first, second) = (history[0]["arrived_ms"].as_i64().unwrap(), step["arrived_ms"].as_i64().unwrap());
    assert_eq!(second - first, 60_000);
    // The line is of a verified visit: the late edit waits for a person.
    assert_eq!(whole["visit"]["amendment_pending"], true);
    assert_eq!(office.all("/api/v1/visits?needs_review=true", &office.province).len(), 1);
    let review = office.all("/api/v1/review", &office.province);
    assert!(review.iter().any(|item| item["doc"] == id), "{review:?}");
}
