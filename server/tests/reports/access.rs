//! Who sees what. What somebody may not see is in no list, no count, no search, and no difference between errors.

use gandan_server::auth::{Role, ScopeLine};
use serde_json::Value as Json;

use crate::sample::{SEALED_TITLE_WORD, lines, office};
use crate::support::http;

fn stub_id(office: &crate::sample::Office) -> String {
    let items = office.all("/api/v1/issues?kind=denunciation", &office.inspector);
    assert_eq!(items.len(), 1);
    items[0]["id"].as_str().unwrap().to_owned()
}

#[test]
fn staff_of_a_unit_see_that_unit_alone() {
    let office = office();
    let unit = lines()[0]["unit_code"].as_str().unwrap().to_owned();
    let other = lines().iter().map(|l| l["unit_code"].as_str().unwrap().to_owned()).find(|code| *code != unit).unwrap();
    let staff = office.staff_of(&unit);
    for list in ["visits", "issues"] {
        let own = office.all(&format!("/api/v1/{list}"), &staff);
        assert!(!own.is_empty() && own.iter().all(|item| item["unit"] == unit.as_str()), "{list}");
        let wanted = office.all(&format!("/api/v1/{list}?unit={unit}"), &office.province);
        assert_eq!(own, wanted, "{list}");
        let outside = office.get(&format!("/api/v1/{list}?unit={other}"), &staff);
        assert_eq!((outside.status, outside.code()), (403, "outside_area"), "{list}");
    }
    let summary = office.json("/api/v1/reports/summary?as_of=2026-11-21", &staff);
    let held = lines().iter().filter(|visit| visit["unit_code"] == unit.as_str()).count();
    assert_eq!(summary["visits"]["lines"], Json::from(held));
    assert_eq!(office.get("/api/v1/reports/summary?area=former-dak-nong", &staff).code(), "outside_area");

    // A record of another unit is not there, exactly like one that never was.
    let foreign = office.all(&format!("/api/v1/visits?unit={other}"), &office.province)[0]["id"].clone();
    let foreign = office.get(&format!("/api/v1/visits/{}", foreign.as_str().unwrap()), &staff);
    let missing = office.get("/api/v1/visits/00000000-0000-0000-0000-000000000001", &staff);
    let nonsense = office.get("/api/v1/visits/%27%20OR%201=1", &staff);
    assert_eq!(foreign.status, 404);
    assert_eq!((foreign.status, &foreign.body), (missing.status, &missing.body));
    assert_eq!((foreign.status, &foreign.body), (nonsense.status, &nonsense.body));
}

#[test]
fn a_denunciation_is_nowhere_but_with_the_inspectorate() {
    let office = office();
    let id = stub_id(&office);
    let at_unit = lines().into_iter().find(|v| v["issues"].to_string().contains("\"denunciation\"")).unwrap();
    let readers = [
        office.province.clone(),
        office.staff_of(at_unit["unit_code"].as_str().unwrap()),
        office.app.token("quan-tri", Role::Administrator, &[ScopeLine::Province]),
        office.app.token("khu-vuc", Role::AreaStaff, &[ScopeLine::Province]),
        office.app.token("can-bo", Role::FieldOfficial, &[ScopeLine::Province]),
    ];
    for reader in &readers {
        assert!(office.all("/api/v1/issues?kind=denunciation", reader).is_empty());
        assert!(office.all("/api/v1/issues?all=true", reader).iter().all(|issue| issue["id"] != id.as_str()));
        let hidden = office.get(&format!("/api/v1/issues/{id}"), reader);
        let missing = office.get("/api/v1/issues/00000000-0000-0000-0000-000000000001", reader);
        assert_eq!((hidden.status, &hidden.body, hidden.code()), (404, &missing.body, missing.code()));
        let report = office.json("/api/v1/reports/summary?as_of=2026-11-21", reader);
        assert!(report["issues"]["sealed"].is_null() && report["denunciations"].is_null());
        let fields = &report["issues"];
        let visible = fields["countable"].as_i64().unwrap() + fields["duplicates"].as_i64().unwrap();
        assert_eq!(fields["lines"].as_i64().unwrap(), visible, "no number is left over");
        let csv = office.get("/api/v1/issues?format=csv", reader);
        assert!(!String::from_utf8(csv.body).unwrap().contains("Tố cáo"));
        let visit = at_unit["visit_id"].as_str().unwrap();
        let whole = office.json(&format!("/api/v1/visits/{visit}"), reader);
        assert!(!whole.to_string().contains(SEALED_TITLE_WORD), "{whole}");
    }
    let seen = office.json(&format!("/api/v1/issues/{id}"), &office.inspector);
    assert_eq!(seen["issue"]["kind"], "denunciation");
    assert_eq!(seen["issue"]["unit"], "68");
    // A number below the level of the province would point at somebody.
    let unit = at_unit["unit_code"].as_str().unwrap();
    let report = office.json(&format!("/api/v1/reports/summary?area={unit}"), &office.inspector);
    assert!(report["issues"]["sealed"].is_null() && report["denunciations"].is_null());
}

#[test]
fn a_denunciation_in_the_wrong_place_is_sealed_all_the_same() {
    let mut office = office();
    let unit = lines()[0]["unit_code"].as_str().unwrap().to_owned();
    let count = office.all("/api/v1/issues", &office.province).len();
    let (space, id) = (office.device.space(&unit, "field"), gandan_model::ids::DocId([9; 16]));
    let edits = [("kind", Json::from("denunciation")), ("title", Json::from("bí mật xyzzy"))];
    let raw = office.device.edit(space, id, gandan_model::genesis::DocKind::Issue, &edits);
    office.device.seal(space, &[(id, raw)]);
    office.device.sync(&office.app);
    office.app.project();
    assert_eq!(office.all("/api/v1/issues", &office.province).len(), count);
    assert!(office.all("/api/v1/issues?q=xyzzy", &office.province).is_empty());
    assert_eq!(office.all("/api/v1/issues?kind=denunciation", &office.inspector).len(), 2);
    assert_eq!(office.get(&format!("/api/v1/issues/{id}"), &office.province).status, 404);

    // Taken for something else later: whoever sees it now does not learn what it was.
    let raw = office.device.edit(space, id, gandan_model::genesis::DocKind::Issue, &[("kind", Json::from("feedback"))]);
    office.device.seal(space, &[(id, raw)]);
    office.device.sync(&office.app);
    office.app.project();
    let whole = office.json(&format!("/api/v1/issues/{id}"), &office.province);
    assert!(!whole.to_string().contains("denunciation"), "{whole}");
}

#[test]
fn an_agency_sees_what_is_assigned_to_it() {
    let office = office();
    let issues = office.all("/api/v1/issues", &office.province);
    let agency = issues.iter().find_map(|issue| issue["agency"].as_str()).unwrap();
    let wanted = issues.iter().filter(|issue| issue["agency"] == agency).count();
    let token = office.app.token(agency, Role::Agency, &[ScopeLine::Province]);
    let own = office.all("/api/v1/issues", &token);
    assert_eq!(own.len(), wanted);
    assert!(own.iter().all(|issue| issue["agency"] == agency));
    assert!(office.all("/api/v1/visits", &token).is_empty());
    let other = issues.iter().find(|issue| issue["agency"] != agency).unwrap()["id"].as_str().unwrap();
    assert_eq!(office.get(&format!("/api/v1/issues/{other}"), &token).status, 404);
    let visit = office.all("/api/v1/visits", &office.province)[0]["id"].clone();
    assert_eq!(office.get(&format!("/api/v1/visits/{}", visit.as_str().unwrap()), &token).status, 404);
    assert_eq!(office.get("/api/v1/reports/summary", &token).status, 403);
    assert!(office.all("/api/v1/review", &token).iter().all(|item| item["kind"] == "issue"));
}

#[test]
fn contacts_leave_no_trace() {
    let mut office = office();
    let unit = lines()[0]["unit_code"].as_str().unwrap().to_owned();
    let (space, id) = (office.device.space(&unit, "contacts"), gandan_model::ids::DocId([8; 16]));
    let edits = [
        ("name", Json::from("Plugh Người")),
        ("phone", Json::from("0000")),
        ("consent", Json::from("given")),
        ("consent_method", Json::from("read_aloud")),
    ];
    let raw = office.device.edit(space, id, gandan_model::genesis::DocKind::Contact, &edits);
    office.device.seal(space, &[(id, raw)]);
    office.device.sync(&office.app);
    office.app.project();
    for path in ["visits?q=plugh", "issues?q=plugh", "review"] {
        let items = office.all(&format!("/api/v1/{path}"), &office.inspector);
        assert!(items.iter().all(|item| !item.to_string().contains("Plugh")), "{path}");
    }
    for list in ["visits", "issues"] {
        assert_eq!(office.get(&format!("/api/v1/{list}/{id}"), &office.inspector).status, 404);
    }
    // Which contact belongs to an issue is for those who may read contacts.
    let named = lines().into_iter().flat_map(|v| v["issues"].as_array().unwrap().clone());
    let named = named.into_iter().find(|i| i["reporter"]["consent"] == "given" && i["kind"] != "denunciation").unwrap();
    let path = format!("/api/v1/issues/{}", named["issue_id"].as_str().unwrap());
    let contact = named["reporter"]["contact_ref"].as_str().unwrap();
    assert!(!office.json(&path, &office.province).to_string().contains(contact));
    let local = office.staff_of(named["ticket"].as_str().unwrap().split('-').next().unwrap());
    assert!(office.json(&path, &local).to_string().contains(contact));
}

#[test]
fn a_twin_in_another_space_does_not_replace_a_record() {
    let mut office = office();
    let mut units: Vec<String> = lines().iter().map(|l| l["unit_code"].as_str().unwrap().to_owned()).collect();
    units.dedup();
    let victim = office.all(&format!("/api/v1/visits?unit={}", units[0]), &office.province)[0].clone();
    let id: gandan_model::ids::DocId = victim["id"].as_str().unwrap().parse().unwrap();
    let space = office.device.space(&units[1], "field");
    let raw = office.device.edit(space, id, gandan_model::genesis::DocKind::Visit, &[("note", Json::from("giả"))]);
    office.device.seal(space, &[(id, raw)]);
    office.device.sync(&office.app);
    office.app.project();
    let path = format!("/api/v1/visits/{id}");
    assert_eq!(office.json(&path, &office.staff_of(&units[0]))["visit"], victim);
    assert_eq!(office.json(&path, &office.staff_of(&units[1]))["visit"]["unit"], units[1].as_str());
    assert_eq!(office.json(&path, &office.province)["visit"], victim, "the first one holds");
}

#[test]
fn nobody_reads_without_a_token_and_only_the_inspector_the_trail() {
    let office = office();
    for path in ["visits", "issues", "review", "audit", "reports/summary", "visits/x", "issues/x"] {
        let answer = http::get(office.app.address, &format!("/api/v1/{path}"), None);
        assert_eq!((answer.status, answer.code()), (401, "unauthorised"), "{path}");
        let answer = office.get(&format!("/api/v1/{path}"), "not-a-token-but-long-enough");
        assert_eq!(answer.status, 401, "{path}");
    }
    assert_eq!(office.get("/api/v1/audit", &office.province).status, 403);
    assert_eq!(office.get("/api/v1/audit", &office.inspector).status, 200);
}
