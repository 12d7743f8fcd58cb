//! The figures of the sample, reckoned straight from its lines with nothing but JSON and civil dates: no code of the
//! product. Deliberately naive.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use serde_json::{Value as Json, json};

use crate::sample::lines;

const SETTLED: [&str; 3] = ["resolved", "replied", "closed"];
const LEFT: [&str; 3] = ["withdrawn", "out_of_competence", "not_accepted"];
const HELD: [&str; 3] = ["submitted", "returned", "verified"];

fn text<'j>(json: &'j Json, name: &str) -> &'j str {
    json[name].as_str().unwrap_or("")
}

fn day(json: &Json) -> Option<Date> {
    json.as_str().map(|text| text[..10].parse().unwrap())
}

fn count<'t>(texts: impl Iterator<Item = &'t str>) -> BTreeMap<&'t str, i64> {
    let mut counts = BTreeMap::new();
    texts.for_each(|text| *counts.entry(text).or_default() += 1);
    counts
}

fn share(numerator: usize, denominator: usize) -> f64 {
    #[allow(clippy::cast_precision_loss)]
    let quotient = numerator as f64 / denominator as f64;
    (quotient * 10_000.0).round() / 10_000.0
}

fn countable(issue: &Json) -> bool {
    text(issue, "kind") != "denunciation" && text(issue, "status") != "duplicate" && issue["duplicate_of"].is_null()
}

/// All events are written in the order in which they happened.
fn settled_on(issue: &Json) -> Option<Date> {
    if !SETTLED.contains(&text(issue, "status")) {
        return None;
    }
    let events = issue["events"].as_array().unwrap();
    day(&events.iter().find(|event| SETTLED.contains(&text(event, "to"))).unwrap()["at"])
}

/// The figures of `visits-sample.expected.json`, and some that it does not have.
pub fn figures(as_of: Date) -> Json {
    let lines = lines();
    let held: Vec<&Json> = lines.iter().filter(|visit| HELD.contains(&text(visit, "status"))).collect();
    let all: Vec<&Json> = lines.iter().flat_map(|visit| visit["issues"].as_array().unwrap()).collect();
    let issues: Vec<&Json> = all.iter().copied().filter(|issue| countable(issue)).collect();
    json!({
        "as_of": as_of.to_string(),
        "visits": visits(&lines, &held),
        "issues": {
            "lines": all.len(),
            "sealed": all.iter().filter(|issue| text(issue, "kind") == "denunciation").count(),
            "duplicates": all.iter().filter(|issue| text(issue, "status") == "duplicate").count(),
            "countable": issues.len(),
            "by_status": count(issues.iter().map(|issue| text(issue, "status"))),
            "by_kind": count(issues.iter().map(|issue| text(issue, "kind"))),
            "by_field": count(issues.iter().map(|issue| text(issue, "field"))),
            "by_priority": count(issues.iter().map(|issue| text(issue, "priority"))),
            "long_standing": issues.iter().filter(|issue| !issue["long_standing"].is_null()).count(),
            "hot_spot": issues.iter().filter(|issue| issue["hot_spot"] == true).count(),
        },
        "resolution": resolution(&issues, as_of),
        "first_notice": first_notice(&issues, as_of),
        "resident_confirmation": confirmations(&issues),
        "satisfaction": satisfaction(&held),
        "by_former_province_held": former_provinces(&held),
    })
}

fn visits(lines: &[Json], held: &[&Json]) -> Json {
    let officials: BTreeSet<&str> = held
        .iter()
        .flat_map(|visit| visit["officials"].as_array().unwrap())
        .map(|official| text(official, "official_id"))
        .collect();
    json!({
        "lines": lines.len(),
        "by_status": count(lines.iter().map(|visit| text(visit, "status"))),
        "held": held.len(),
        "by_programme_held": count(held.iter().map(|visit| text(visit, "programme"))),
        "units_reached": held.iter().map(|visit| text(visit, "unit_code")).collect::<BTreeSet<_>>().len(),
        "residents_met_sum": held.iter().filter_map(|visit| visit["counts"]["residents"].as_i64()).sum::<i64>(),
        "officials_distinct": officials.len(),
    })
}

fn resolution(issues: &[&Json], as_of: Date) -> Json {
    let due = |issue: &Json| day(&issue["due"]["resolve"]);
    let of: Vec<&&Json> = issues.iter().filter(|issue| !LEFT.contains(&text(issue, "status"))).collect();
    let settled = of.iter().filter(|issue| settled_on(issue).is_some()).count();
    let timed: Vec<&&&Json> =
        of.iter().filter(|issue| due(issue).is_some_and(|due| settled_on(issue).is_some() || due < as_of)).collect();
    let in_time = timed.iter().filter(|issue| settled_on(issue).is_some_and(|on| on <= due(issue).unwrap())).count();
    let mut overdue: Vec<&str> =
        timed.iter().filter(|issue| settled_on(issue).is_none()).map(|issue| text(issue, "ticket")).collect();
    overdue.sort_unstable();
    let mut days: Vec<i32> = of
        .iter()
        .filter_map(|issue| Some((settled_on(issue)? - day(&issue["received_on"]).unwrap()).get_days()))
        .collect();
    days.sort_unstable();
    json!({
        "settled": settled,
        "resolution_denominator": of.len(),
        "resolution_rate": share(settled, of.len()),
        "on_time_numerator": in_time,
        "on_time_denominator": timed.len(),
        "on_time_rate": share(in_time, timed.len()),
        "median_days_to_settle": days[days.len() / 2],
        "p90_days_to_settle": days[(days.len() * 9).div_ceil(10) - 1],
        "overdue_open": overdue.len(),
        "overdue_tickets": overdue,
    })
}

fn first_notice(issues: &[&Json], as_of: Date) -> Json {
    let notice = |issue: &Json| {
        let mut events = issue["events"].as_array().unwrap().iter();
        day(&events.find(|event| text(event, "to") != "recorded")?["at"])
    };
    let due = |issue: &Json| day(&issue["due"]["first_notice"]).unwrap();
    let of: Vec<_> = issues.iter().filter(|issue| notice(issue).is_some() || due(issue) < as_of).collect();
    let in_time = of.iter().filter(|issue| notice(issue).is_some_and(|on| on <= due(issue))).count();
    json!({"numerator": in_time, "denominator": of.len(), "rate": share(in_time, of.len())})
}

fn confirmations(issues: &[&Json]) -> Json {
    let told = issues.iter().filter(|issue| settled_on(issue).is_some() || text(issue, "status") == "reopened");
    json!(count(told.map(|issue| issue["resident_confirmation"].as_str().unwrap_or("None"))))
}

fn satisfaction(held: &[&Json]) -> Json {
    let cards: Vec<&Json> = held.iter().map(|visit| &visit["satisfaction"]).filter(|cards| !cards.is_null()).collect();
    let sum = |name: &str| usize::try_from(cards.iter().filter_map(|cards| cards[name].as_i64()).sum::<i64>()).unwrap();
    let names = ["very_satisfied", "satisfied", "neutral", "dissatisfied", "very_dissatisfied"];
    let answered: usize = names.iter().map(|name| sum(name)).sum();
    let mut figures = json!({
        "visits_with_cards": cards.len(),
        "no_answer": sum("no_answer"),
        "answered": answered,
        "satisfied_rate": share(sum("very_satisfied") + sum("satisfied"), answered),
        "response_rate": share(answered, answered + sum("no_answer")),
    });
    for name in names {
        figures[name] = json!(sum(name));
    }
    figures
}

fn former_provinces(held: &[&Json]) -> Json {
    let units = include_str!("../../../crates/model/data/lam-dong-units.csv");
    let rows: Vec<BTreeMap<String, String>> =
        csv::Reader::from_reader(units.as_bytes()).deserialize().collect::<Result<_, _>>().unwrap();
    let former = |code: &str| rows.iter().find(|row| row["code"] == code).unwrap()["former_province"].as_str();
    json!(count(held.iter().map(|visit| former(text(visit, "unit_code")))))
}
