//! What a screen shows first, and what a person at a desk does with many records.

use std::io::BufRead;

use gandan_model::genesis::DocKind;
use gandan_model::ids::DocId;
use gandan_server::auth::{Role, ScopeLine};
use serde_json::{Value as Json, json};

use crate::support::http;
use crate::support::{UNIT_A, UNIT_B};
use crate::world::{AGENCY, ISSUE, VISIT, World, world};

const TWIN: DocId = DocId([3; 16]);
const OTHER: DocId = DocId([4; 16]);
const SECRET: DocId = DocId([5; 16]);

/// More issues from the phone: one in other words, one of another matter, one that nobody may see.
fn more(world: &mut World) {
    let space = world.phone.space(UNIT_A, "field");
    let mut list = Vec::new();
    for (id, kind, title, ticket) in [
        (TWIN, "feedback", "Nghẹt cống trước chợ", "23059-2609-000002"),
        (OTHER, "feedback", "Đèn đường hỏng", "23059-2609-000003"),
        (SECRET, "denunciation", "Cống nghẹt", "23059-2609-000004"),
    ] {
        let fields = [
            ("visit", json!(VISIT.to_string())),
            ("kind", json!(kind)),
            ("field", json!("transport")),
            ("title", json!(title)),
            ("ticket", json!(ticket)),
            ("received_on", json!("2026-09-21")),
        ];
        list.push((id, world.phone.edit(space, id, DocKind::Issue, &fields)));
    }
    world.phone.seal(space, &list);
    world.phone.sync(&world.app);
    world.app.project();
}

#[test]
fn the_counters_follow_what_is_done() {
    let world = world();
    let queue = |token: &str| world.get("queue", token);
    let now = queue(&world.province);
    assert_eq!((&now["to_verify"], &now["open"], &now["unassigned"]), (&json!(1), &json!(1), &json!(1)), "{now}");
    assert_eq!(queue(&world.other_commune)["open"], 0);
    assert_eq!(queue(&world.agency)["open"], 0);
    world.done(&world.visit("verify"), &world.area, &Json::Null);
    let world = world.assigned();
    let now = world.get("queue", &world.province);
    assert_eq!((&now["to_verify"], &now["unassigned"]), (&json!(0), &json!(0)), "{now}");
    let own = world.get("queue", &world.agency);
    assert_eq!((&own["open"], &own["to_verify"]), (&json!(1), &json!(0)), "{own}");
    // Thirty days later the date has passed.
    world.app.clock.advance_ms(60 * 86_400_000);
    let late = world.get("queue", &world.province);
    assert_eq!((&late["overdue"], &late["due_this_week"]), (&json!(1), &json!(0)), "{late}");
}

#[test]
fn a_page_hears_of_changes_in_its_area_and_of_no_others() {
    let world = world();
    let mut near = http::open(world.app.address, "/api/v1/live", &world.province);
    let mut far = http::open(world.app.address, "/api/v1/live", &world.other_commune);
    let mut until = |wanted: &str| {
        let (mut line, mut text) = (String::new(), String::new());
        while !line.contains(wanted) {
            line.clear();
            assert!(near.read_line(&mut line).unwrap() > 0, "the stream ended: {text}");
            text.push_str(&line);
        }
        text
    };
    until("\"to_verify\":1");
    world.done(&world.visit("verify"), &world.area, &Json::Null);
    let text = until("\"to_verify\":0");
    assert!(text.contains("event: space") && text.contains(UNIT_A), "{text}");
    // The other commune hears its own counters, then nothing of unit A until the server ends.
    world.app.stop();
    let mut text = String::new();
    std::io::Read::read_to_string(&mut far, &mut text).unwrap();
    assert!(text.contains("\"open\":0") && !text.contains(UNIT_A) && !text.contains("event: space"), "{text}");
}

#[test]
fn the_map_shows_units_and_points_of_the_own_area() {
    let mut world = world();
    more(&mut world);
    let units = world.get("map/units", &world.province);
    let unit =
        |units: &Json, code: &str| units["units"].as_array().unwrap().iter().find(|u| u["unit"] == code).cloned();
    let a = unit(&units, UNIT_A).unwrap();
    assert_eq!((&a["issues"], &a["visits"], &a["open"]), (&json!(3), &json!(1), &json!(3)), "{a}");
    assert_eq!(units["units"].as_array().unwrap().len(), 124);
    assert!(unit(&world.get("map/units", &world.other_commune), UNIT_A).is_none());
    assert_eq!(unit(&world.get("map/units?to=2026-09-20", &world.province), UNIT_A).unwrap()["issues"], 1);
    let points = |layer: &str, rest: &str, token: &str| {
        world.get(&format!("map/{layer}/points?west=106&south=10&east=110&north=14&zoom=9{rest}"), token)
    };
    // Without a place of its own an issue stands at its unit's point; the denunciation stands nowhere.
    let all = points("issues", "", &world.province);
    assert_eq!(
        (&all["total"], &all["points"][0]["count"], &all["points"][0]["id"]),
        (&json!(3), &json!(3), &Json::Null)
    );
    let one = points("issues", "&to=2026-09-20", &world.province);
    assert_eq!(one["points"][0]["id"], ISSUE.to_string());
    assert_eq!(points("issues", "", &world.other_commune)["total"], 0);
    // A visit with a place.
    let space = world.phone.space(UNIT_A, "field");
    let fix = ("gps", json!({"lat": 11.94, "lon": 108.44, "accuracy_m": 8, "source": "device"}));
    let raw = world.phone.edit(space, VISIT, DocKind::Visit, &[fix]);
    world.phone.seal(space, &[(VISIT, raw)]);
    world.phone.sync(&world.app);
    world.app.project();
    let visits = world.get("map/visits/points?west=106&south=10&east=110&north=14&zoom=9", &world.province);
    assert_eq!((&visits["total"], &visits["points"][0]["id"]), (&json!(1), &json!(VISIT.to_string())), "{visits}");
    let none = world.get("map/visits/points?west=106&south=10&east=107&north=14&zoom=9", &world.province);
    assert_eq!(none["total"], 0);
    for (path, status, code) in [
        ("map/roads/points?west=1&south=1&east=2&north=2&zoom=3", 404, "not_found"),
        ("map/visits/points?west=3&south=1&east=2&north=2&zoom=3", 400, "bad_frame"),
        ("map/visits/points?west=NaN&south=1&east=2&north=2&zoom=3", 400, "bad_frame"),
        ("map/visits/points", 400, "bad_query"),
    ] {
        let answer = http::get(world.app.address, &format!("/api/v1/{path}"), Some(&world.province));
        assert_eq!((answer.status, answer.code()), (status, code), "{path}");
    }
}

#[test]
fn the_same_matter_is_suggested_and_many_are_joined_at_once() {
    let mut world = world();
    more(&mut world);
    let found = world.get(&format!("issues/{ISSUE}/duplicates"), &world.commune);
    let ids: Vec<&str> = found["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect();
    // Not the street lamp, and above all not the denunciation with the very same words.
    assert_eq!(ids, [TWIN.to_string()], "{found}");
    assert_eq!(found["items"][0]["same_place"], true);
    let event = json!({"to": "duplicate", "duplicate_of": ISSUE.to_string()});
    let body = json!({"ids": [TWIN.to_string(), ISSUE.to_string(), "khong-co", SECRET.to_string()], "event": event});
    let answer = world.done("issues/bulk", &world.commune, &body);
    let items = answer["items"].as_array().unwrap();
    let codes: Vec<Option<&str>> = items.iter().map(|item| item["code"].as_str()).collect();
    assert_eq!(codes, [None, Some("bad_transition"), Some("not_found"), Some("not_found")], "{answer}");
    assert_eq!(items[0]["ok"], true);
    assert_eq!(world.get(&format!("issues/{TWIN}"), &world.commune)["issue"]["status"], "duplicate");
    assert_eq!(world.get("queue", &world.commune)["open"], 2);

    let assign = json!({"ids": [ISSUE.to_string(), OTHER.to_string()], "assign": {"agency": AGENCY}});
    let answer = world.done("issues/bulk", &world.commune, &assign);
    assert!(answer["items"].as_array().unwrap().iter().all(|item| item["ok"] == true), "{answer}");
    let answer = world.done("visits/bulk", &world.area, &json!({"ids": [VISIT.to_string()], "verify": true}));
    assert_eq!(answer["items"][0]["ok"], true, "{answer}");
    for (body, code) in [
        (json!({"ids": [ISSUE.to_string()]}), "one_action"),
        (json!({"ids": [], "assign": {"agency": "A"}}), "too_many"),
        (json!({"ids": vec!["x"; 201], "assign": {"agency": "A"}}), "too_many"),
    ] {
        assert_eq!(world.refused("issues/bulk", &world.commune, &body), (422, code.to_owned()));
    }
}

#[test]
fn a_record_is_shown_as_it_was() {
    let world = world().assigned();
    let whole = world.get(&format!("issues/{ISSUE}"), &world.commune);
    let steps = whole["history"].as_array().unwrap();
    assert_eq!(steps.len(), 2, "{whole}");
    let at = |step: usize, token: &str| {
        let change = steps[step]["hash"].as_str().unwrap();
        let path = format!("/api/v1/records/{ISSUE}/at/{change}");
        http::get(world.app.address, &path, Some(token))
    };
    let first = at(0, &world.commune).json();
    assert_eq!((&first["step"], &first["steps"]), (&json!(1), &json!(2)));
    assert_eq!(first["record"]["responsible_agency"], Json::Null, "{first}");
    assert_eq!((&first["author"], &first["record"]["title"]), (&json!("CB-001"), &json!("Cống nghẹt")));
    let last = at(1, &world.commune).json();
    assert_eq!((&last["record"]["responsible_agency"], &last["author"]), (&json!(AGENCY), &json!("xa-a")));
    assert_eq!(last["record"], whole["record"]);
    assert_eq!(at(0, &world.other_commune).status, 404);
    let unknown = http::get(world.app.address, &format!("/api/v1/records/{ISSUE}/at/abc"), Some(&world.commune));
    assert_eq!(unknown.status, 404);
}

#[test]
fn views_belong_to_whoever_saved_them() {
    let world = world();
    let view = |name: &str, query: &str| json!({"list": "issues", "name": name, "query": query});
    let saved = world.done("views", &world.commune, &view("Quá hạn", "overdue=true"));
    let again = world.done("views", &world.commune, &view("Quá hạn", "overdue=true&sort=due_asc"));
    assert_eq!(saved["id"], again["id"], "the same name replaces");
    assert_eq!(world.get("views", &world.commune)["items"], json!([again]));
    assert_eq!(world.get("views", &world.province)["items"], json!([]));
    let delete = |token: &str| {
        let bearer = format!("Bearer {token}");
        let path = format!("/api/v1/views/{}", saved["id"]);
        http::request(world.app.address, "DELETE", &path, &[("authorization", &bearer)], b"").status
    };
    assert_eq!((delete(&world.province), delete(&world.commune), delete(&world.commune)), (404, 204, 404));
    for (body, code) in [
        (json!({"list": "users", "name": "x", "query": ""}), "bad_code"),
        (view(" ", ""), "text_needed"),
        (view(&"x".repeat(101), ""), "text_too_long"),
        (view("x", &"x".repeat(2_001)), "text_too_long"),
    ] {
        assert_eq!(world.refused("views", &world.commune, &body), (422, code.to_owned()));
    }
}

#[test]
fn a_ticket_tells_how_a_matter_stands_and_nothing_about_people() {
    let mut world = world();
    more(&mut world);
    let ask = |code: &str| http::get(world.app.address, &format!("/api/v1/public/ticket/{code}"), None);
    let answer = ask("23059-2609-000002");
    assert_eq!(answer.status, 200, "{}", answer.text());
    let standing = answer.json();
    assert_eq!((&standing["status"], &standing["field"]), (&json!("recorded"), &json!("transport")), "{standing}");
    assert_eq!(standing["received_on"], "2026-09-21");
    let text = answer.text();
    for word in ["Nghẹt", "chợ", "CB-001", "visit", &VISIT.to_string(), &TWIN.to_string()] {
        assert!(!text.contains(word), "{word}: {text}");
    }
    // Wrong, hidden and nonsense: the same answer.
    let wrong = ask("23059-2609-999999");
    assert_eq!((wrong.status, wrong.code()), (404, "not_found"));
    for code in ["23059-2609-000004", "x", &"9".repeat(100), "%25%27%20OR%201"] {
        let answer = ask(code);
        assert_eq!((answer.status, &answer.body), (404, &wrong.body), "{code}");
    }
    // Somebody who tries one after another has to wait.
    let refused = (0..80).map(|number| ask(&format!("23059-2609-{number:06}"))).find(|answer| answer.status == 429);
    assert_eq!(refused.unwrap().code(), "too_many_requests");
}

#[test]
fn lists_are_posted_only_when_the_administrator_says_so() {
    let mut world = world();
    more(&mut world);
    let ask = |unit: &str| http::get(world.app.address, &format!("/api/v1/public/units/{unit}/issues"), None);
    assert_eq!(ask(UNIT_A).status, 404);
    let set = "INSERT INTO setting (key, value) VALUES ('posted_lists', 'true')";
    world.app.db().write(|transaction| Ok(transaction.execute(set, [])?)).unwrap();
    let list = ask(UNIT_A).json();
    let tickets: Vec<&str> =
        list["items"].as_array().unwrap().iter().map(|item| item["ticket"].as_str().unwrap()).collect();
    assert_eq!(tickets, ["23059-2609-000003", "23059-2609-000002"], "{list}");
    assert!(!list.to_string().contains("Nghẹt"), "{list}");
    assert_eq!(ask(UNIT_B).json()["items"], json!([]));
    assert_eq!(ask("68").status, 404);
    let token = world.app.token("x", Role::CommuneStaff, &[ScopeLine::Unit(UNIT_B.into())]);
    assert_eq!(world.get("queue", &token)["open"], 0);
}
