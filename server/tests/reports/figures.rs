//! The report, against figures that were reckoned without the product.

use gandan_server::auth::{Role, ScopeLine};
use gandan_server::clock::Clock as _;
use gandan_server::db::sqlite::people::{self, Official, Purpose};
use jiff::civil::date;
use serde_json::Value as Json;

use crate::oracle;
use crate::sample::{EXPECTED, lines, office};
use crate::support::http;
use crate::support::peer::Peer;

/// Every value of `expected` stands at the same place in `found`, and in maps of counts nothing else.
fn assert_agrees(path: &str, expected: &Json, found: &Json) {
    match expected {
        Json::Object(members) => {
            for (name, value) in members {
                assert_agrees(&format!("{path}.{name}"), value, &found[name]);
            }
            let counts = path.rsplit('.').next().unwrap_or("").starts_with("by_") || path == ".resident_confirmation";
            if counts {
                assert_eq!(found.as_object().unwrap().len(), members.len(), "{path}: {found}");
            }
        }
        Json::Number(number) => assert_eq!(number.as_f64(), found.as_f64(), "{path}"),
        _ => assert_eq!(expected, found, "{path}"),
    }
}

#[test]
fn the_report_gives_what_plain_reckoning_gives() {
    let office = office();
    let asked = "/api/v1/reports/summary?from=2026-08-01&to=2026-12-31&as_of=2026-11-21";
    let found = office.json(asked, &office.inspector);
    assert_agrees("", &oracle::figures(date(2026, 11, 21)), &found);
    assert_agrees("", &serde_json::from_str(EXPECTED).unwrap(), &found);

    assert_eq!(found["period"]["from"], "2026-08-01");
    assert_eq!(found["area"]["id"], "province");
    assert_eq!(found["visits"]["unit_coverage"]["denominator"], 124);
    assert!(found["visits"]["village_coverage"].is_null());
    let reasons: Vec<&str> =
        found["unavailable"].as_array().unwrap().iter().map(|figure| figure["figure"].as_str().unwrap()).collect();
    assert!(reasons.contains(&"visits.village_coverage") && reasons.contains(&"data_subject_requests"));
    for figure in ["resolution.on_time_rate", "satisfaction.satisfied_rate", "devices_not_synced"] {
        let text = &found["definitions"][figure];
        assert!(text["vi"].is_string() && text["en"].is_string(), "{figure}");
    }
}

#[test]
fn the_expected_file_agrees_with_plain_reckoning() {
    let expected: Json = serde_json::from_str(EXPECTED).unwrap();
    let reckoned = oracle::figures(date(2026, 11, 21));
    assert_agrees("", &expected, &reckoned);
}

#[test]
fn a_judgement_day_in_the_past_sees_the_past() {
    let office = office();
    let found = office.json("/api/v1/reports/summary?as_of=2026-09-10", &office.province);
    let as_of = "2026-09-10";
    let mut received = 0;
    let mut settled = 0;
    for issue in lines().iter().flat_map(|visit| visit["issues"].as_array().unwrap()) {
        let counts = issue["kind"] != "denunciation" && issue["duplicate_of"].is_null();
        if !counts || issue["received_on"].as_str().unwrap() > as_of {
            continue;
        }
        received += 1;
        let mut events = issue["events"].as_array().unwrap().iter();
        let last = events.rfind(|event| &event["at"].as_str().unwrap()[..10] <= as_of);
        let status = last.map_or("recorded", |event| event["to"].as_str().unwrap());
        settled += i32::from(["resolved", "replied", "closed"].contains(&status));
    }
    assert_eq!(found["issues"]["countable"], received);
    assert_eq!(found["resolution"]["settled"], settled);
    assert!(received > 20 && settled > 5 && received < 106, "{received} {settled}");
}

#[test]
fn an_area_is_the_sum_of_its_units() {
    let office = office();
    let held = |area: &str| {
        let path = format!("/api/v1/reports/summary?as_of=2026-11-21&area={area}");
        office.json(&path, &office.province)["visits"]["held"].as_i64().unwrap()
    };
    assert_eq!(held("former-dak-nong"), 13);
    assert_eq!(held("former-binh-thuan"), 21);
    assert_eq!(held("former-lam-dong"), 23);
    let by_unit = &office.json("/api/v1/reports/summary?as_of=2026-11-21", &office.province)["by_unit"];
    let sum: i64 = by_unit.as_object().unwrap().values().map(|unit| unit["visits_held"].as_i64().unwrap()).sum();
    assert_eq!(sum, 57);
    let on_time = |part: &str| -> i64 {
        by_unit.as_object().unwrap().values().map(|unit| unit["on_time"][part].as_i64().unwrap()).sum()
    };
    assert_eq!((on_time("numerator"), on_time("denominator")), (43, 89));
    let (unit, figures) = by_unit.as_object().unwrap().iter().next().unwrap();
    assert_eq!(held(unit), figures["visits_held"].as_i64().unwrap());
}

#[test]
fn few_answers_are_not_told() {
    let office = office();
    for visit in lines() {
        let cards = &visit["satisfaction"];
        let few = ["dissatisfied", "very_dissatisfied"]
            .iter()
            .any(|name| (1..5).contains(&cards[name].as_i64().unwrap_or(0)));
        if !few {
            continue;
        }
        let unit = visit["unit_code"].as_str().unwrap();
        let path = format!("/api/v1/reports/summary?as_of=2026-11-21&area={unit}");
        let found = &office.json(&path, &office.province)["satisfaction"];
        let hidden = |name: &str| found[name].is_null() || found[name] == "<5";
        for name in ["very_satisfied", "satisfied", "neutral", "dissatisfied", "very_dissatisfied"] {
            let count = cards[name].as_i64().unwrap();
            assert!(!(1..5).contains(&count) || hidden(name), "{unit} {name}: {found}");
        }
        let shown = office.json(&format!("/api/v1/visits?unit={unit}"), &office.province).to_string();
        assert!(!shown.contains("\"dissatisfied\":1,") && !shown.contains("\"dissatisfied\":2,"), "{shown}");
    }
}

#[test]
fn devices_that_have_not_synced_are_told() {
    // When a device was last seen is written down with the next commit, or at the end.
    let office = office().restarted();
    let counted = |path: &str| office.json(path, &office.province)["devices_not_synced"].clone();
    // The only device has just synced.
    assert_eq!(counted("/api/v1/reports/summary?to=2026-11-21")["count"], 0);
    // Two days later it has not synced since the end of the 22nd.
    office.app.clock.advance_ms(2 * 86_400_000);
    let later = counted("/api/v1/reports/summary?to=2026-11-22");
    assert_eq!((&later["count"], &later["of"]), (&Json::from(1), &Json::from(1)));
    // A device that was enrolled after the period cannot hold anything of it.
    let late = Official { id: "CB-002".into(), name: "CB-002".into(), role: Role::FieldOfficial };
    let (now_ms, lines) = (office.app.clock.now_ms(), [ScopeLine::Province]);
    let write = |transaction: &rusqlite::Connection| {
        people::put_official(transaction, &late, &lines, now_ms)?;
        people::put_code(transaction, "CB-002-code", Purpose::Device, "CB-002", now_ms, now_ms + 1_000)
    };
    office.app.db().write(|transaction| write(transaction)).unwrap();
    Peer::enrol(&office.app, "CB-002", "CB-002-code");
    assert_eq!(counted("/api/v1/reports/summary?to=2026-11-22")["of"], 1);
}

#[test]
fn questions_of_the_wrong_form_are_refused_with_a_code() {
    let office = office();
    for (query, status, code) in [
        ("from=2026-02-30", 400, "bad_date"),
        ("from=02/08/2026", 400, "bad_date"),
        ("as_of=9999-01-01", 400, "bad_date"),
        ("from=2026-09-01&to=2026-08-01", 400, "bad_period"),
        ("form=2026-09-01", 400, "bad_query"),
        ("area=nowhere", 404, "unknown_area"),
        ("area=%27%20OR%201=1--", 404, "unknown_area"),
    ] {
        let answer = office.get(&format!("/api/v1/reports/summary?{query}"), &office.province);
        assert_eq!((answer.status, answer.code()), (status, code), "{query}");
    }
    assert_eq!(http::get(office.app.address, "/api/v1/reports/summary", None).status, 401);
}
