//! Accounts, officials, areas, tables and settings.

use gandan_server::auth::{Role, ScopeLine};
use serde_json::{Value as Json, json};

use crate::support::http::{self, Answer};
use crate::support::peer::Peer;
use crate::support::{TestApp, UNIT_A, UNIT_B};

pub struct Desk {
    pub app: TestApp,
    token: String,
}

pub fn desk() -> Desk {
    let app = TestApp::new();
    let token = app.token("quan-tri", Role::Administrator, &[ScopeLine::Province]);
    Desk { app, token }
}

impl Desk {
    pub fn ask(&self, method: &str, path: &str, body: &[u8]) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        http::request(self.app.address, method, &format!("/api/v1/{path}"), &headers, body)
    }

    fn send(&self, method: &str, path: &str, body: &Json) -> Answer {
        self.ask(method, path, body.to_string().as_bytes())
    }

    pub fn done(&self, method: &str, path: &str, body: &Json) -> Answer {
        let answer = self.send(method, path, body);
        assert!(matches!(answer.status, 200 | 201 | 204), "{path}: {}", answer.text());
        answer
    }

    pub fn refused(&self, method: &str, path: &str, body: &Json) -> (u16, String) {
        let answer = self.send(method, path, body);
        (answer.status, answer.code().to_owned())
    }

    pub fn get(&self, path: &str) -> Json {
        let answer = self.ask("GET", path, b"");
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.json()
    }

    /// Signs in; gives the status and the cookie.
    fn sign_in(&self, login: &str, password: &str) -> (u16, String) {
        let headers = [("gandan-csrf", "1"), ("content-type", "application/json")];
        let body = json!({"login": login, "password": password}).to_string();
        let answer = http::request(self.app.address, "POST", "/api/v1/session", &headers, body.as_bytes());
        let cookie = answer.header("set-cookie").and_then(|set| set.split(';').next()).unwrap_or("").to_owned();
        (answer.status, cookie)
    }

    fn me(&self, cookie: &str) -> u16 {
        http::request(self.app.address, "GET", "/api/v1/me", &[("cookie", cookie)], b"").status
    }
}

#[test]
fn accounts_are_made_changed_and_put_out_of_use() {
    let desk = desk();
    let scope = json!([{"kind": "unit", "value": UNIT_A}]);
    let new = json!({"login": "Xa-A", "name": "Xã A", "role": "commune_staff", "scope": scope});
    let made = desk.done("POST", "accounts", &new).json();
    assert_eq!(made["login"], "xa-a");
    let password = made["password"].as_str().unwrap();
    assert_eq!(desk.refused("POST", "accounts", &new), (409, "login_taken".into()));
    let (status, cookie) = desk.sign_in("xa-a", password);
    assert_eq!((status, desk.me(&cookie)), (200, 200));
    let listed = desk.get("accounts")["items"][0].clone();
    assert_eq!(
        (&listed["login"], &listed["must_change_password"], &listed["scope"][0]["value"]),
        (&json!("xa-a"), &json!(true), &json!(UNIT_A))
    );
    assert!(!desk.get("accounts").to_string().contains("argon2"));
    // Another role: the session of the old one ends.
    let change = |role: &str, disabled: bool| json!({"name": "Khu vực", "role": role, "scope": [{"kind": "province"}], "disabled": disabled});
    desk.done("PUT", "accounts/xa-a", &change("area_staff", false));
    assert_eq!(desk.me(&cookie), 401);
    // Out of use: nobody signs in, with whatever password.
    desk.done("PUT", "accounts/xa-a", &change("area_staff", true));
    assert_eq!(desk.sign_in("xa-a", password).0, 401);
    desk.done("PUT", "accounts/xa-a", &change("area_staff", false));
    let reset = desk.done("POST", "accounts/xa-a/reset", &json!({"totp": true})).json();
    assert_eq!(desk.sign_in("xa-a", password).0, 401);
    assert_eq!(desk.sign_in("xa-a", reset["password"].as_str().unwrap()).0, 200);
    for (method, path, body, wanted) in [
        (
            "POST",
            "accounts",
            json!({"login": "a b", "name": "x", "role": "inspector", "scope": []}),
            (422, "bad_login"),
        ),
        ("POST", "accounts", json!({"login": "abc", "name": "x", "role": "king", "scope": []}), (422, "bad_code")),
        (
            "POST",
            "accounts",
            json!({"login": "abc", "name": "x", "role": "inspector", "scope": []}),
            (422, "unknown_unit"),
        ),
        (
            "POST",
            "accounts",
            json!({"login": "abc", "name": "x", "role": "agency", "scope": [{"kind": "province"}]}),
            (422, "agency_needed"),
        ),
        ("PUT", "accounts/khong-co", change("area_staff", false), (404, "not_found")),
        ("PUT", "accounts/quan-tri", change("area_staff", false), (422, "own_account")),
        ("POST", "accounts/khong-co/reset", json!({}), (404, "not_found")),
    ] {
        assert_eq!(desk.refused(method, path, &body), (wanted.0, wanted.1.to_owned()), "{method} {path}");
    }
}

#[test]
fn an_official_gets_a_link_and_areas_decide_what_their_phone_holds() {
    let desk = desk();
    let area = |members: Json| json!({"name": "Khu vực 1", "members": members});
    desk.done("PUT", "org/areas/khu-vuc-1", &area(json!([{"unit": UNIT_A}])));
    let scope = json!([{"kind": "area", "value": "khu-vuc-1"}]);
    desk.done("PUT", "officials/CB-9", &json!({"name": "Cán bộ", "role": "field_official", "scope": scope}));
    let link = desk.done("POST", "officials/CB-9/enrolment", &json!({"days": 1})).json();
    assert!(link["qr_svg"].as_str().unwrap().contains("<svg"));
    let (base, code) = link["link"].as_str().unwrap().split_once('#').unwrap();
    assert_eq!(base, "http://test/enrol");
    let mut phone = Peer::enrol(&desk.app, "CB-9", code);
    let held = |phone: &Peer| {
        let spaces = phone.bundle["spaces"].as_array().unwrap().clone();
        let units: std::collections::BTreeSet<String> =
            spaces.iter().map(|space| space["unit"].as_str().unwrap().to_owned()).collect();
        units
    };
    assert!(held(&phone).contains(UNIT_A) && !held(&phone).contains(UNIT_B));
    phone.sync(&desk.app);
    let item = desk.get("officials")["items"][0].clone();
    assert_eq!((&item["id"], &item["devices"]), (&json!("CB-9"), &json!(1)));
    // The area changes; so does what a new phone of the official holds, from the day on that the dates say.
    desk.done(
        "PUT",
        "org/areas/khu-vuc-1",
        &area(json!([{"unit": UNIT_A, "valid_to": "2020-01-01"}, {"unit": UNIT_B, "valid_from": "2020-01-02"}])),
    );
    let link = desk.done("POST", "officials/CB-9/enrolment", &json!({})).json();
    let second = Peer::enrol(&desk.app, "CB-9b", link["link"].as_str().unwrap().split_once('#').unwrap().1);
    assert!(held(&second).contains(UNIT_B) && !held(&second).contains(UNIT_A));
    let org = desk.get("org");
    let areas = org["areas"].as_array().unwrap();
    let area_1 = areas.iter().find(|area| area["id"] == "khu-vuc-1").unwrap();
    assert_eq!(area_1["members"].as_array().unwrap().len(), 2);
    assert_eq!(org["units"].as_array().unwrap().len(), 125);
    for (path, body, code) in [
        ("org/areas/A", area(json!([])), "bad_id"),
        ("org/areas/b", area(json!([{"unit": "00000"}])), "bad_member"),
        ("org/areas/b", area(json!([{"unit": UNIT_A, "valid_from": "2026-02-30"}])), "bad_member"),
        (
            "org/areas/b",
            area(json!([{"unit": UNIT_A, "valid_from": "2026-02-03", "valid_to": "2026-01-01"}])),
            "bad_member",
        ),
        ("officials/a b", json!({"name": "x", "role": "field_official", "scope": scope}), "bad_id"),
    ] {
        assert_eq!(desk.refused("PUT", &path.replace(' ', "%20"), &body), (422, code.to_owned()), "{path}");
    }
}

/// The same table as a workbook.
fn workbook(table: &str) -> Vec<u8> {
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    for (row, line) in (0..).zip(table.lines()) {
        for (column, cell) in (0..).zip(line.split(',')) {
            // Codes become numbers, as they do when people type them.
            match cell.parse::<f64>() {
                Ok(number) => sheet.write_number(row, column, number).unwrap(),
                Err(_) => sheet.write_string(row, column, cell).unwrap(),
            };
        }
    }
    book.save_to_buffer().unwrap()
}

#[test]
fn a_table_shows_what_it_changes_before_it_does() {
    let desk = desk();
    let table =
        format!("id,name,role,units,areas\nCB-1,Lê A,field_official,{UNIT_A},\nCB-2,Trần B,commune_staff,{UNIT_B},\n");
    for (form, bytes) in [("csv", table.clone().into_bytes()), ("xlsx", workbook(&table))] {
        let preview = desk.ask("POST", "org/import/officials", &bytes).json();
        let numbers = (&preview["lines"], &preview["same"], &preview["applied"]);
        assert_eq!(numbers, (&json!(2), &json!(0), &json!(false)), "{form}: {preview}");
        assert!(preview["changes"].to_string().contains("Trần B"), "{form}: {preview}");
    }
    assert_eq!(desk.get("officials")["items"], json!([]));
    let done = desk.ask("POST", "org/import/officials?apply=true", &workbook(&table)).json();
    assert_eq!((&done["applied"], &done["faults"]), (&json!(true), &json!([])));
    assert_eq!(desk.get("officials")["items"].as_array().unwrap().len(), 2);
    // Again: nothing new. A new role: that alone.
    let again = desk.ask("POST", "org/import/officials", table.as_bytes()).json();
    assert_eq!((&again["same"], &again["changes"]), (&json!(2), &json!([])));
    let moved = table.replace("commune_staff", "area_staff");
    let moved = desk.ask("POST", "org/import/officials", moved.as_bytes()).json();
    let change = &moved["changes"][0];
    assert_eq!(
        (&change["id"], &change["field"], &change["old"], &change["value"], &change["new"]),
        (&json!("CB-2"), &json!("role"), &json!("commune_staff"), &json!("area_staff"), &json!(false))
    );
    // One fault, and nothing is taken in.
    let faulty = format!("{table}CB-3,Phạm C,field_official,00000,\nCB-3 x,D,king,{UNIT_A},\n");
    let faulty = desk.ask("POST", "org/import/officials?apply=true", faulty.as_bytes()).json();
    let at: Vec<&Json> = faulty["faults"].as_array().unwrap().iter().map(|fault| &fault["line"]).collect();
    assert_eq!((at, &faulty["applied"]), (vec![&json!(4), &json!(5)], &json!(false)));
    assert_eq!(desk.get("officials")["items"].as_array().unwrap().len(), 2);
    // Units: those of the file are there already, to the letter.
    let units = desk.ask("POST", "org/import/units", gandan_model::org::UNITS_CSV.as_bytes()).json();
    assert_eq!((&units["lines"], &units["changes"], &units["faults"]), (&json!(124), &json!([]), &json!([])));
    for (path, body, wanted) in [
        ("org/import/officials", &b"PK\x03\x04 no workbook"[..], (422, "bad_table")),
        ("org/import/officials", &b"id,name"[..], (422, "bad_table")),
        ("org/import/roads", table.as_bytes(), (404, "not_found")),
    ] {
        let answer = desk.ask("POST", path, body);
        assert_eq!((answer.status, answer.code()), wanted, "{path}");
    }
}

#[test]
fn tiles_may_come_from_the_origin_that_was_set_and_no_other() {
    let desk = desk();
    let policy = |path: &str| {
        let answer = http::request(desk.app.address, "GET", path, &[], b"");
        answer.header("content-security-policy").unwrap_or("").to_owned()
    };
    assert!(!policy("/").contains("http"), "{}", policy("/"));
    desk.done("PUT", "settings", &json!({"map_tiles": "https://tiles.example:8443/{z}/{x}/{y}.png"}));
    assert!(policy("/").contains("img-src 'self' https://tiles.example:8443 data:"), "{}", policy("/"));
    assert_eq!(policy("/").matches("http").count(), 1);
    // What is no page loads nothing at all.
    assert!(!policy("/api/v1/settings").contains("tiles"));
    for bad in ["https://tiles.example/a.png", "https://*/{z}/{x}/{y}", "https://a; script-src *//{z}/{x}/{y}"] {
        let refused = desk.refused("PUT", "settings", &json!({"map_tiles": bad}));
        assert_eq!(refused, (422, "bad_setting".to_owned()), "{bad}");
    }
    // The setting is read again at the next start; emptied, it is gone.
    let token = desk.token.clone();
    let desk = Desk { app: desk.app.restart(), token };
    let page = http::request(desk.app.address, "GET", "/", &[], b"");
    assert!(page.header("content-security-policy").unwrap().contains("https://tiles.example:8443"));
    desk.done("PUT", "settings", &json!({"map_tiles": ""}));
    let page = http::request(desk.app.address, "GET", "/", &[], b"");
    assert!(!page.header("content-security-policy").unwrap().contains("tiles"));
}

#[test]
fn boundaries_are_kept_and_given_to_whoever_is_signed_in() {
    let desk = desk();
    assert_eq!(desk.ask("GET", "map/boundaries", b"").status, 404);
    let ring = json!([[[108.4, 11.9], [108.5, 11.9], [108.5, 12.0], [108.4, 11.9]]]);
    let feature = json!({"type": "Feature", "properties": {"code": UNIT_A, "secret": "x"},
        "geometry": {"type": "Polygon", "coordinates": ring}});
    let file = json!({"type": "FeatureCollection", "features": [feature]});
    desk.done("PUT", "admin/map/boundaries", &file);
    let kept = desk.ask("GET", "map/boundaries", b"");
    assert_eq!(kept.json()["features"][0]["properties"], json!({"code": UNIT_A}));
    let bearer = format!("Bearer {}", desk.token);
    let tag = kept.header("etag").unwrap();
    let headers = [("authorization", bearer.as_str()), ("if-none-match", tag)];
    assert_eq!(http::request(desk.app.address, "GET", "/api/v1/map/boundaries", &headers, b"").status, 304);
    // Larger than other bodies may be, and not endlessly.
    let spaces = |bytes: usize| [file.to_string().as_bytes(), &vec![b' '; bytes]].concat();
    assert_eq!(desk.ask("PUT", "admin/map/boundaries", &spaces(1 << 20)).status, 204);
    assert_eq!(desk.ask("PUT", "admin/map/boundaries", &spaces(9 << 20)).status, 413);
    assert_eq!(desk.ask("DELETE", "admin/map/boundaries", b"").status, 204);
    assert_eq!(desk.ask("GET", "map/boundaries", b"").status, 404);
}

#[test]
fn settings_hold_for_everybody() {
    let desk = desk();
    assert_eq!(desk.get("settings"), json!({}));
    desk.done("PUT", "settings", &json!({"programme_label": "Ngày Chủ nhật với dân", "posted_lists": "true"}));
    desk.done("PUT", "settings", &json!({"posted_lists": "false"}));
    assert_eq!(desk.get("settings"), json!({"programme_label": "Ngày Chủ nhật với dân", "posted_lists": "false"}));
    for body in [json!({"color": "red"}), json!({"posted_lists": "yes"}), json!({"programme_label": "x".repeat(101)})] {
        assert_eq!(desk.refused("PUT", "settings", &body), (422, "bad_setting".to_owned()), "{body}");
    }
}
