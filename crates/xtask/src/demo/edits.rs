//! Merge cases in the words of the terminal: what a person types as `FIELD=VALUE` to make the change
//! that a case describes, and where the result stands in what `gandan show` prints.

use serde_json::{Map, Value, json};

use crate::json::{at, items, plain, text};

/// The assignments that make one edit of a case; `None` where no person with a phone makes it: derived
/// values, and the verification, which staff do at the server. The test suite plays those.
pub(super) fn typed(case: &Value, edit: &Value) -> Option<Vec<String>> {
    let field = text(case, "field");
    let set = &edit["set"];
    if text(case, "rule") == "amendment" || text(case, "rule") == "derived" {
        return None;
    }
    let members = |what: &str| at(set, what).and_then(Value::as_object).cloned().unwrap_or_default();
    Some(match (field, set) {
        ("(record)", Value::String(_)) => vec!["deleted=true".to_owned()],
        ("(personal data)", Value::String(_)) => vec!["erased=request".to_owned()],
        ("(record)" | "(personal data)", Value::Object(fields)) => {
            let renamed = |name: &str| match name {
                "contact_ref" => "reporter.contact_ref".to_owned(),
                other => other.to_owned(),
            };
            let pairs = fields.iter();
            pairs.map(|(name, value)| format!("{}={}", renamed(name), plain(value))).collect()
        }
        (_, Value::String(_) | Value::Number(_) | Value::Bool(_)) => {
            vec![format!("{field}={}", plain(set))]
        }
        ("counts.residents", _) => {
            vec![format!("{field}.groups.{}={}", text(set, "group"), plain(&set["n"]))]
        }
        ("satisfaction", _) => {
            let cards = items(set, "add_cards").iter().map(plain);
            cards.map(|card| format!("satisfaction.cards.{card}=satisfied")).collect()
        }
        ("activities", _) => {
            let change = |what: &str| at(set, what).map(|list| format!("activities.{what}={list}"));
            ["add", "remove"].into_iter().filter_map(change).collect()
        }
        ("officials", Value::Object(roles)) => {
            let pairs = roles.iter();
            pairs.map(|(official, role)| format!("team.{official}={}", plain(role))).collect()
        }
        ("photos", _) => {
            let captions = members("caption").into_iter();
            let captions = captions.map(|(id, caption)| format!("photos.{id}.caption={}", plain(&caption)));
            let removed = items(set, "privacy_remove").iter().map(plain);
            captions.chain(removed.map(|id| format!("photos.{id}.privacy_remove=true"))).collect()
        }
        ("replies", _) => {
            let reply = json!({"at": text(edit, "at"), "text": text(set, "append")});
            vec![format!("reply.{}={reply}", text(set, "append"))]
        }
        _ => return None,
    })
}

/// The edit of a case for a narrow column.
pub(super) fn told(edit: &Value) -> String {
    match &edit["set"] {
        Value::Object(parts) => {
            let told = parts.iter().map(|(what, value)| match value {
                Value::Array(list) => {
                    format!("{what} {}", list.iter().map(plain).collect::<Vec<_>>().join(", "))
                }
                Value::Object(inner) => {
                    let inner = inner.iter().map(|(key, value)| format!("{key}: {}", plain(value)));
                    format!("{what} {}", inner.collect::<Vec<_>>().join(", "))
                }
                other => format!("{what} {}", plain(other)),
            });
            told.collect::<Vec<_>>().join("; ")
        }
        other => brief(other),
    }
}

/// A value for a narrow column: times of this country to the minute.
pub(super) fn brief(value: &Value) -> String {
    match value {
        Value::Array(list) if list.is_empty() => "(none)".to_owned(),
        Value::Array(list) => list.iter().map(brief).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => {
            let parts = fields.iter().map(|(key, value)| format!("{key} {}", brief(value)));
            parts.collect::<Vec<_>>().join(", ")
        }
        _ => {
            let text = plain(value);
            text.strip_suffix(":00+07:00").map_or(text.clone(), |time| time.replace('T', " "))
        }
    }
}

/// What a shown record says of the field of a case, in the form of the case's `expected`.
pub(super) fn result(case: &Value, record: &Value) -> Value {
    let get = |path: &str| at(record, path).cloned().unwrap_or_default();
    match text(case, "field") {
        "(record)" => match get("deleted") {
            Value::Bool(true) => json!("deleted"),
            _ => json!("exists"),
        },
        "(personal data)" => json!({
            "contact_ref": get("reporter.contact_ref"),
            "description": get("description"),
            "tombstone": get("erased"),
        }),
        "counts.residents" => get("counts.residents.effective"),
        "satisfaction" => json!({"satisfied": get("satisfaction.satisfied")}),
        "officials" => {
            let team = get("team");
            let members = team.as_object().into_iter().flatten();
            let roles = members.map(|(id, member)| (id.clone(), member["role"].clone()));
            Value::Object(roles.collect::<Map<_, _>>())
        }
        "photos" => list_of(record, "photos", "photo_id"),
        "replies" => list_of(record, "replies", "text"),
        plain_field => get(plain_field),
    }
}

fn list_of(record: &Value, list: &str, member: &str) -> Value {
    items(record, list).iter().map(|item| item[member].clone()).collect()
}

/// Whether a result is what a case expects.
pub(super) fn as_wanted(result: &Value, expected: &Value) -> bool {
    if let Some(parts) = at(expected, "must_contain") {
        let merged = result.as_str().unwrap_or_default();
        let parts = parts.as_array().map_or(&[][..], Vec::as_slice);
        return parts.iter().all(|part| part.as_str().is_some_and(|part| merged.contains(part)));
    }
    match (result, at(expected, "effective").unwrap_or(expected)) {
        // Sets have no order.
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && b.iter().all(|item| a.contains(item)),
        (a, b) => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::sample::Sample;

    fn case(name: &str) -> Value {
        let cases = Sample::read().unwrap().cases;
        cases.into_iter().find(|case| text(case, "case") == name).unwrap()
    }

    fn both(name: &str) -> [Option<Vec<String>>; 2] {
        let case = case(name);
        [0, 1].map(|side| typed(&case, &case["edits"][side]))
    }

    #[test]
    fn edits_are_typed_as_field_and_value() {
        for (name, a, b) in [
            ("hot-spot", "hot_spot=watch", "hot_spot=active"),
            ("residents-whole-meeting", "counts.residents=46", "counts.residents=52"),
            ("residents-split-groups", "counts.residents.groups.to-1=20", "counts.residents.groups.to-2=17"),
            (
                "satisfaction-cards",
                "satisfaction.cards.c-a1=satisfied satisfaction.cards.c-a2=satisfied",
                "satisfaction.cards.c-b1=satisfied",
            ),
            (
                "activities",
                "activities.add=[\"community_work\"]",
                "activities.add=[\"guide_procedure\"] activities.remove=[\"listen\"]",
            ),
            ("officials-two-leads", "team.CB-001=lead", "team.CB-002=lead"),
            ("photo-add-vs-privacy-remove", "photos.p1.caption=Hiện trạng", "photos.p1.privacy_remove=true"),
            ("issue-delete-vs-edit", "deleted=true", "description=Bổ sung số hộ bị ảnh hưởng: 14"),
            ("issue-erase-vs-edit", "erased=request", "reporter.contact_ref=contact-777 description=thêm ý"),
        ] {
            let typed = both(name).map(|edits| edits.unwrap().join(" "));
            assert_eq!(typed, [a, b], "{name}");
        }
    }

    #[test]
    fn what_nobody_types_is_left_to_the_tests() {
        let cases = Sample::read().unwrap().cases;
        let untyped = |case: &&Value| items(case, "edits").iter().any(|edit| typed(case, edit).is_none());
        let names: Vec<_> = cases.iter().filter(untyped).map(|case| text(case, "case")).collect();
        assert_eq!(names, ["issue-due", "verified-then-late-edit"]);
    }

    #[test]
    fn results_are_read_where_the_view_has_them() {
        let visit = json!({
            "counts": {"residents": {"effective": 37}},
            "team": {"CB-001": {"role": "lead"}, "CB-002": {"role": "member"}},
            "photos": [{"photo_id": "p1"}], "satisfaction": {"satisfied": 6, "neutral": 0},
        });
        let of = |field: &str| result(&json!({"field": field}), &visit);
        assert_eq!(of("counts.residents"), 37);
        assert_eq!(of("officials"), json!({"CB-001": "lead", "CB-002": "member"}));
        assert_eq!(of("photos"), json!(["p1"]));
        assert_eq!(of("satisfaction"), json!({"satisfied": 6}));
        assert_eq!(of("(record)"), "exists");
        let issue = json!({"erased": true, "deleted": true, "reporter": {"contact_ref": null},
                           "description": null, "replies": [{"text": "r-1"}]});
        let of = |field: &str| result(&json!({"field": field}), &issue);
        assert_eq!(of("(record)"), "deleted");
        assert_eq!(of("replies"), json!(["r-1"]));
        assert!(as_wanted(&of("(personal data)"), &case("issue-erase-vs-edit")["expected"]));
    }

    #[test]
    fn a_value_is_held_against_every_form_of_expectation() {
        let both = json!({"must_contain": ["một", "hai"]});
        assert!(as_wanted(&json!("hai, một"), &both));
        assert!(!as_wanted(&json!("một"), &both));
        assert!(as_wanted(&json!(46), &json!({"effective": 46, "values": {}})));
        assert!(as_wanted(&Value::Null, &json!({"effective": null})));
        assert!(!as_wanted(&json!("x"), &json!({"effective": null})));
        assert!(as_wanted(&json!(["b", "a"]), &json!(["a", "b"])));
        assert!(!as_wanted(&json!(["a", "a"]), &json!(["a", "b"])));
        assert!(!as_wanted(&json!("watch"), &json!("active")));
    }

    #[test]
    fn columns_tell_edits_briefly() {
        assert_eq!(brief(&json!("2026-07-05T08:05:00+07:00")), "2026-07-05 08:05");
        assert_eq!(brief(&json!("Tổ 7")), "Tổ 7");
        assert_eq!(brief(&json!([])), "(none)");
        assert_eq!(told(&json!({"set": {"add": ["a", "b"]}})), "add a, b");
        assert_eq!(told(&json!({"set": {"caption": {"p1": "x"}}})), "caption p1: x");
    }
}
