//! The sixty sample visits and the merge cases, read and shared out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::{Value, json};

use super::random::Random;
use crate::json::{items, lines, text, to_lines};
use crate::{Outcome, cargo};

const VISITS: &str = "tests/fixtures/visits-sample.jsonl";
const EXPECTED: &str = "tests/fixtures/visits-sample.expected.json";
const CASES: &str = "tests/fixtures/merge-cases.jsonl";

/// What the demo works with.
#[derive(Debug)]
pub(super) struct Sample {
    /// Lines in the form of `gandan record`.
    pub(super) visits: Vec<Value>,
    /// Concurrent edits, and the result wanted.
    pub(super) cases: Vec<Value>,
    /// The figures that the sample gives by definition.
    pub(super) expected: Value,
}

/// An official: what the enrolment of the phone needs, and what will be recorded on it.
#[derive(Debug, Default)]
pub(super) struct Official {
    /// Communes in which the official works.
    pub(super) units: BTreeSet<String>,
    /// Indices of the visits that the official leads and therefore records.
    pub(super) leads: Vec<usize>,
}

impl Sample {
    pub(super) fn read() -> Outcome<Self> {
        let read =
            |path: &str| fs::read_to_string(cargo::root().join(path)).map_err(|error| format!("{path}: {error}"));
        Ok(Self {
            visits: lines(&read(VISITS)?, VISITS)?,
            cases: lines(&read(CASES)?, CASES)?,
            expected: serde_json::from_str(&read(EXPECTED)?)?,
        })
    }

    /// Everybody on a team, by id.
    pub(super) fn officials(&self) -> BTreeMap<String, Official> {
        let mut found: BTreeMap<String, Official> = BTreeMap::new();
        for (index, visit) in self.visits.iter().enumerate() {
            for member in items(visit, "officials") {
                let official = found.entry(text(member, "official_id").to_owned()).or_default();
                official.units.insert(text(visit, "unit_code").to_owned());
                if text(member, "role") == "lead" {
                    official.leads.push(index);
                }
            }
        }
        found
    }

    /// The visits with these indices, as the lines that `gandan record` reads.
    pub(super) fn lines(&self, indices: &[usize]) -> String {
        let visits = indices.iter().filter_map(|index| self.visits.get(*index));
        to_lines(visits)
    }
}

/// A day of the merge cases, and the day on which the demo lets it happen: before the period of the
/// report, so that these visits leave the province's figures alone.
const DAYS: &[(&str, &str)] = &[("2026-09-13", "2026-07-05"), ("2026-09-14", "2026-07-06")];

/// The value with its days moved out of the period.
pub(super) fn moved(value: &Value) -> Value {
    match value {
        Value::String(text) => {
            let moved = DAYS.iter().fold(text.clone(), |text, (from, to)| text.replace(from, to));
            Value::String(moved)
        }
        Value::Array(items) => items.iter().map(moved).collect(),
        Value::Object(fields) => fields.iter().map(|(key, value)| (key.clone(), moved(value))).collect(),
        other => other.clone(),
    }
}

/// Where the two phones of the merge cases meet: a commune in which both officials work.
pub(super) const MEETING_UNIT: (&str, &str) = ("23149", "Xã Tánh Linh");

/// A visit of two officials for one merge case, as both phones hold it before the network goes:
/// `base` is the value of the field that they will both change.
pub(super) fn visit_for(case: &Value, number: usize, random: &mut Random) -> (Value, String) {
    let (visit_id, issue_id) = (random.uuid(), random.uuid());
    let day = DAYS[0].1;
    let member =
        |id: &str, role: &str| json!({"official_id": id, "display_name": id, "agency": "Sở Xây dựng", "role": role});
    let mut visit = json!({
        "schema": "visit-sample/1", "synthetic": true, "seq": 1000 + number, "visit_id": visit_id,
        "programme": "sunday_with_people",
        "unit_code": MEETING_UNIT.0, "unit_name": MEETING_UNIT.1,
        "place": {"kind": "thon", "name": format!("Thôn {number}")}, "venue": "community_house",
        "language_support": [], "planned_on": day,
        "started_at": format!("{day}T08:00:00+07:00"), "ended_at": format!("{day}T10:30:00+07:00"),
        "gps": null, "gps_missing_reason": "not_taken",
        "officials": [member("CB-001", "lead"), member("CB-002", "recorder")],
        "activities": ["listen"], "counts": {"residents": 40, "households": null, "businesses": 0},
        "note": "Bà con nêu hai việc.", "photos": [], "issues": [], "satisfaction": null,
        "hot_spot": "none", "bright_spot": null, "supervision": [], "follow_up_of": null,
        "status": "submitted", "device": {"device_id": "DEV-01", "clock_skew_s": 0},
        "created_at": format!("{day}T07:55:00+07:00"), "updated_at": format!("{day}T10:35:00+07:00"),
        "synced_at": null, "edge": [],
    });
    let mut id = visit_id;
    if text(case, "entity") == "issue" {
        let mut issue = issue(number, &issue_id, day);
        set(&mut issue, text(case, "field"), moved(&case["base"]));
        visit["issues"] = json!([issue]);
        id = issue_id;
    } else {
        set(&mut visit, text(case, "field"), moved(&case["base"]));
    }
    if text(&visit, "status") == "planned" {
        visit["started_at"] = Value::Null;
        visit["ended_at"] = Value::Null;
    }
    (visit, id)
}

fn issue(number: usize, id: &str, day: &str) -> Value {
    let event = |hour: usize, to: &str| json!({"at": format!("{day}T{hour:02}:30:00+07:00"), "by": "CB-001", "to": to});
    json!({
        "issue_id": id, "ticket": format!("{}-2607-{:04}", MEETING_UNIT.0, 9000 + number),
        "kind": "feedback", "field": "water_irrigation", "title": "Cống nghẹt",
        "description": "Nước tràn vào sân.", "priority": "normal",
        "reporter": {"mode": "anonymous", "consent": "not_needed", "contact_ref": null,
                     "consent_at": null, "consent_method": null},
        "confidentiality": "normal", "recorded_by": "CB-001", "received_on": day,
        "responsible_agency": null, "status": "replied", "due": null,
        "events": [event(9, "recorded"), event(10, "received"), event(11, "forwarded"),
                   event(12, "in_progress"), event(13, "resolved"), event(14, "replied")],
        "outcome": "fully_met", "reply_channel": "direct", "resident_confirmation": "not_asked",
        "hot_spot": false, "long_standing": null, "duplicate_of": null,
    })
}

/// Sets a field by its path with dots. A base that only describes a state, in brackets, sets nothing.
fn set(record: &mut Value, path: &str, value: Value) {
    if path.starts_with('(') || value.as_str().is_some_and(|text| text.starts_with('(')) {
        return;
    }
    let value = match path {
        "officials" => with_roles(&record[path], &value),
        "photos" => value.as_array().into_iter().flatten().map(photo).collect(),
        "satisfaction" => with_cards(&value),
        // A fresh issue has none, and the form of a line knows none.
        "replies" => return,
        _ => value,
    };
    let mut place = record;
    for key in path.split('.') {
        place = &mut place[key];
    }
    *place = value;
}

/// A team whose members have the roles given by id.
fn with_roles(team: &Value, roles: &Value) -> Value {
    let mut team = team.clone();
    for member in team.as_array_mut().into_iter().flatten() {
        if let Some(role) = member["official_id"].as_str().and_then(|id| roles.get(id)) {
            member["role"] = role.clone();
        }
    }
    team
}

fn photo(id: &Value) -> Value {
    json!({"photo_id": id, "caption": null, "taken_at": format!("{}T09:00:00+07:00", DAYS[0].1),
           "bytes": 512_000, "mime": "image/jpeg", "exif_stripped": true, "people_visible": "crowd",
           "consent": "not_needed"})
}

/// A tally of cards in which what is not given is 0.
fn with_cards(given: &Value) -> Value {
    let mut cards = json!({"very_satisfied": 0, "satisfied": 0, "neutral": 0, "dissatisfied": 0,
                           "very_dissatisfied": 0, "no_answer": 0, "method": "anonymous_card"});
    for (value, count) in given.as_object().into_iter().flatten() {
        cards[value] = count.clone();
    }
    cards
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_is_shared_out_without_loss() {
        let sample = Sample::read().unwrap();
        let officials = sample.officials();
        assert_eq!(sample.visits.len(), 60);
        assert_eq!(officials.len(), 20);
        let mut recorded: Vec<usize> = officials.values().flat_map(|o| o.leads.clone()).collect();
        recorded.sort_unstable();
        assert_eq!(recorded, (0..60).collect::<Vec<_>>());
        assert_eq!(sample.lines(&[0, 59]).lines().count(), 2);
    }

    #[test]
    fn the_phones_of_the_merge_cases_share_their_commune() {
        let sample = Sample::read().unwrap();
        let officials = sample.officials();
        let mut who: BTreeSet<&str> = BTreeSet::new();
        for case in &sample.cases {
            who.extend(items(case, "edits").iter().map(|edit| text(edit, "by")));
        }
        for official in who {
            assert!(officials[official].units.contains(MEETING_UNIT.0), "{official}");
        }
        let names = |visit: &&Value| text(visit, "unit_code") == MEETING_UNIT.0;
        let visit = sample.visits.iter().find(names).unwrap();
        assert_eq!(text(visit, "unit_name"), MEETING_UNIT.1);
    }

    #[test]
    fn a_case_starts_from_its_base_outside_the_period() {
        let sample = Sample::read().unwrap();
        let case = |name: &str| sample.cases.iter().find(|case| text(case, "case") == name).unwrap();
        let mut random = Random::new(1);
        let (visit, id) = visit_for(case("status-cancelled-vs-held"), 3, &mut random);
        assert_eq!(text(&visit, "status"), "planned");
        assert_eq!(text(&visit, "visit_id"), id);
        assert!(visit["started_at"].is_null());
        let (visit, id) = visit_for(case("issue-title"), 4, &mut random);
        assert_eq!(text(&visit, "issues.0.issue_id"), id);
        assert_eq!(text(&visit, "issues.0.title"), "Cống nghẹt");
        assert!(!visit.to_string().contains("2026-09"));
        let (visit, _) = visit_for(case("officials-two-leads"), 5, &mut random);
        assert!(items(&visit, "officials").iter().all(|member| text(member, "role") == "member"));
        let (visit, _) = visit_for(case("satisfaction-cards"), 6, &mut random);
        assert_eq!(visit["satisfaction"]["satisfied"], 3);
        assert_eq!(visit["satisfaction"]["neutral"], 0);
        let (visit, _) = visit_for(case("photo-add-vs-privacy-remove"), 7, &mut random);
        assert_eq!(text(&visit, "photos.0.photo_id"), "p1");
        let moved = moved(&case("issue-received-on")["expected"]);
        assert_eq!(moved, "2026-07-05");
    }
}
