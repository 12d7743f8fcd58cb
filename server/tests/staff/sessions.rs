//! Signing in to the web app: cookies, pauses after failures, second factor, other people's pages.

use gandan_server::accounts::{hash_password, totp_code};
use gandan_server::auth::{Role, ScopeLine};
use gandan_server::db::DbOptions;
use gandan_server::db::sqlite::accounts::{self, NewAccount};
use gandan_server::front::FrontOptions;
use serde_json::{Value as Json, json};

use crate::support::http::{self, Answer};
use crate::support::{START_MS, TestApp, UNIT_A, data_folder};

const FIRST: &str = "mật khẩu đầu tiên 19";
const OWN: &str = "ba con suối vàng";

/// A browser: it keeps the cookie that it was given.
struct Browser<'a> {
    app: &'a TestApp,
    cookie: Option<String>,
}

impl<'a> Browser<'a> {
    fn new(app: &'a TestApp) -> Self {
        Self { app, cookie: None }
    }

    fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &Json) -> Answer {
        let mut all = vec![("content-type", "application/json")];
        all.extend(headers);
        all.extend(self.cookie.iter().map(|cookie| ("cookie", cookie.as_str())));
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        http::request(self.app.address, method, path, &all, &body)
    }

    /// As a page of the server would.
    fn ask(&mut self, method: &str, path: &str, body: &Json) -> Answer {
        let answer = self.send(method, path, &[("gandan-csrf", "1"), ("sec-fetch-site", "same-origin")], body);
        if let Some(set) = answer.header("set-cookie") {
            let pair = set.split(';').next().unwrap().to_owned();
            self.cookie = (!pair.ends_with('=')).then_some(pair);
        }
        answer
    }

    fn sign_in(&mut self, login: &str, password: &str) -> (u16, String) {
        let answer = self.ask("POST", "/api/v1/session", &json!({"login": login, "password": password}));
        (answer.status, answer.code().to_owned())
    }

    fn get(&mut self, path: &str) -> (u16, String) {
        let answer = self.ask("GET", path, &Json::Null);
        (answer.status, answer.code().to_owned())
    }
}

fn add(app: &TestApp, login: &str, role: Role, password: &str, given: bool) {
    let hash = hash_password(password).unwrap();
    let new = NewAccount { login, name: "Người dùng", role, agency: None, password: &hash };
    let line = if role == Role::CommuneStaff { ScopeLine::Unit(UNIT_A.into()) } else { ScopeLine::Province };
    app.db()
        .write(|transaction| {
            assert!(accounts::create(transaction, &new, &[line], START_MS)?);
            accounts::put_password(transaction, login, &hash, given)
        })
        .unwrap();
}

const OK: (u16, &str) = (200, "");

fn is(found: &(u16, String), wanted: (u16, &str)) -> bool {
    (found.0, found.1.as_str()) == wanted
}

#[test]
fn the_first_password_opens_nothing_until_it_is_replaced() {
    let app = TestApp::new();
    add(&app, "xa-a", Role::CommuneStaff, FIRST, true);
    let mut browser = Browser::new(&app);
    assert_eq!(browser.get("/api/v1/me").0, 401);
    let answer = browser.ask("POST", "/api/v1/session", &json!({"login": " Xa-A", "password": FIRST}));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let set = answer.header("set-cookie").unwrap();
    assert!(set.contains("HttpOnly; SameSite=Strict") && set.contains("Path=/") && !set.contains("Secure"), "{set}");
    assert_eq!(
        (&answer.json()["must_change_password"], &answer.json()["role"]),
        (&json!(true), &json!("commune_staff"))
    );
    assert!(is(&browser.get("/api/v1/visits"), (403, "password_change_needed")));
    assert!(is(&browser.get("/api/v1/me"), OK));
    let change = |new: &str| json!({"current": FIRST, "new": new});
    let before = browser.cookie.clone();
    for (new, code) in
        [("ngắn", "password_too_short"), (FIRST, "password_unchanged"), ("xa-axa-axa-a", "password_too_simple")]
    {
        let answer = browser.ask("PUT", "/api/v1/me/password", &change(new));
        assert_eq!((answer.status, answer.code()), (422, code), "{new}");
    }
    assert_eq!(browser.ask("PUT", "/api/v1/me/password", &change(OWN)).status, 200);
    assert!(is(&browser.get("/api/v1/visits"), OK));
    // The new password came with a new session; the old one is worth nothing.
    assert_ne!(browser.cookie, before);
    let mut old = Browser { app: &app, cookie: before };
    assert_eq!(old.get("/api/v1/me").0, 401);
    assert!(is(&browser.sign_in("xa-a", FIRST), (401, "wrong_password")));
    let me = browser.ask("GET", "/api/v1/me", &Json::Null).json();
    assert_eq!(me["units"][0]["id"], UNIT_A);
    assert_eq!(me["units"].as_array().unwrap().len(), 1);
    let may = me["permissions"].to_string();
    assert!(may.contains("issue.assign") && !may.contains("visit.verify"), "{may}");
}

#[test]
fn signing_in_replaces_a_session_that_somebody_planted() {
    let app = TestApp::new();
    add(&app, "tinh", Role::ProvinceStaff, OWN, false);
    // Made up by the attacker, and one that the attacker got for an account of their own: neither lives on.
    add(&app, "ke-gian", Role::ProvinceStaff, OWN, false);
    let mut attacker = Browser::new(&app);
    assert!(is(&attacker.sign_in("ke-gian", OWN), OK));
    for planted in [Some(format!("gandan={}", "A".repeat(43))), attacker.cookie.clone()] {
        let mut victim = Browser { app: &app, cookie: planted.clone() };
        assert!(is(&victim.sign_in("tinh", OWN), OK));
        assert_ne!(victim.cookie, planted);
        let mut again = Browser { app: &app, cookie: planted };
        assert_eq!(again.get("/api/v1/me").0, 401);
        assert!(is(&victim.get("/api/v1/visits"), OK));
    }
}

#[test]
fn pages_of_others_change_nothing() {
    let app = TestApp::new();
    add(&app, "tinh", Role::ProvinceStaff, OWN, false);
    let mut browser = Browser::new(&app);
    let body = json!({"login": "tinh", "password": OWN});
    assert_eq!(browser.send("POST", "/api/v1/session", &[], &body).code(), "csrf");
    assert!(is(&browser.sign_in("tinh", OWN), OK));
    let foreign: [&[(&str, &str)]; 4] = [
        &[],
        &[("gandan-csrf", "1"), ("sec-fetch-site", "cross-site")],
        &[("gandan-csrf", "1"), ("origin", "https://evil.example")],
        &[("origin", "http://test")],
    ];
    for headers in foreign {
        for (method, path) in [("DELETE", "/api/v1/session"), ("POST", "/api/v1/plans")] {
            let answer = browser.send(method, path, headers, &json!({}));
            assert_eq!((answer.status, answer.code()), (403, "csrf"), "{method} {path} {headers:?}");
        }
    }
    // Own pages, and programs with a token, are not held back.
    let own = browser.send("POST", "/api/v1/plans", &[("gandan-csrf", "1"), ("origin", "http://test")], &json!({}));
    assert_eq!(own.status, 400);
    let token = app.token("may", Role::ProvinceStaff, &[ScopeLine::Province]);
    let bearer = format!("Bearer {token}");
    let program = browser.send("POST", "/api/v1/plans", &[("authorization", &bearer)], &json!({}));
    assert_eq!(program.status, 400);
    // No page of others may read an answer either.
    assert!(own.header("access-control-allow-origin").is_none());
}

#[test]
fn a_name_that_is_tried_too_often_rests_whether_it_exists_or_not() {
    let app = TestApp::new();
    add(&app, "tinh", Role::ProvinceStaff, OWN, false);
    for login in ["tinh", "khong-co"] {
        let mut browser = Browser::new(&app);
        for _ in 0..5 {
            assert!(is(&browser.sign_in(login, "sai mật khẩu rồi"), (401, "wrong_password")), "{login}");
        }
        let answer = browser.ask("POST", "/api/v1/session", &json!({"login": login, "password": OWN}));
        assert_eq!((answer.status, answer.code()), (429, "locked"), "{login}");
        assert_eq!(answer.header("retry-after"), Some("16"));
    }
    // After the rest the right password is right again, and failures are forgotten.
    app.clock.advance_ms(16_000);
    let mut browser = Browser::new(&app);
    assert!(is(&browser.sign_in("tinh", OWN), OK));
    assert!(is(&browser.sign_in("khong-co", OWN), (401, "wrong_password")));
    assert!(is(&browser.sign_in("khong-co", OWN), (429, "locked")));
    assert!(is(&browser.sign_in("tinh", "sai mật khẩu rồi"), (401, "wrong_password")));
    assert!(is(&browser.sign_in("tinh", OWN), OK));
}

#[test]
fn an_address_with_too_many_failures_waits() {
    let app = TestApp::serve_with(data_folder(), FrontOptions::default(), |options| {
        options.limits.failure = gandan_server::limits::Rate { per_minute: 1, burst: 3 };
    });
    add(&app, "tinh", Role::ProvinceStaff, OWN, false);
    let mut browser = Browser::new(&app);
    // A new name each time: what rests is the address.
    for number in 0..3 {
        assert!(is(&browser.sign_in(&format!("ten-{number}"), "sai mật khẩu rồi"), (401, "wrong_password")));
    }
    assert!(is(&browser.sign_in("tinh", OWN), (429, "too_many_requests")));
}

#[test]
fn an_administrator_needs_a_second_factor_and_each_code_counts_once() {
    let app = TestApp::new();
    add(&app, "quan-tri", Role::Administrator, OWN, false);
    let mut browser = Browser::new(&app);
    assert!(is(&browser.sign_in("quan-tri", OWN), OK));
    assert!(is(&browser.get("/api/v1/visits"), (403, "totp_setup_needed")));
    let wrong = browser.ask("POST", "/api/v1/me/totp", &json!({"password": "không phải thế"}));
    assert_eq!((wrong.status, wrong.code()), (422, "wrong_password"));
    let offer = browser.ask("POST", "/api/v1/me/totp", &json!({"password": OWN})).json();
    assert!(offer["qr_svg"].as_str().unwrap().contains("<svg"), "{offer}");
    assert!(offer["uri"].as_str().unwrap().starts_with("otpauth://totp/Gandan:quan-tri?secret="));
    let read = data_encoding::BASE32_NOPAD.decode(offer["secret"].as_str().unwrap().as_bytes()).unwrap();
    let secret: [u8; 20] = read.try_into().unwrap();
    let now = || totp_code(&secret, gandan_server::clock::Clock::now_ms(&*app.clock));
    let before = browser.cookie.clone();
    let refused = browser.ask("PUT", "/api/v1/me/totp", &json!({"code": "000000"}));
    assert_eq!((refused.status, refused.code()), (422, "wrong_code"));
    let answer = browser.ask("PUT", "/api/v1/me/totp", &json!({"code": now()}));
    let codes = answer.json()["codes"].clone();
    assert_eq!(codes.as_array().unwrap().len(), 10, "{}", answer.text());
    assert_ne!(browser.cookie, before);
    assert!(is(&browser.get("/api/v1/visits"), OK));

    let mut second = Browser::new(&app);
    let mut with = |code: &str| {
        let body = json!({"login": "quan-tri", "password": OWN, "code": code});
        let answer = second.ask("POST", "/api/v1/session", &body);
        (answer.status, answer.code().to_owned())
    };
    // The code that proved the secret is used up.
    assert!(is(&with(&now()), (401, "wrong_code")));
    assert!(is(&with(""), (401, "totp_needed")));
    app.clock.advance_ms(30_000);
    assert!(is(&with(&now()), OK));
    assert!(is(&with(&now()), (401, "wrong_code")));
    let recovery = codes[3].as_str().unwrap().to_uppercase();
    assert!(is(&with(&recovery), OK));
    assert!(is(&with(&recovery), (401, "wrong_code")));
    assert_eq!(browser.ask("GET", "/api/v1/me", &Json::Null).json()["recovery_codes_left"], 9);
}

#[test]
fn sessions_end_by_themselves_and_when_asked() {
    let app = TestApp::new();
    add(&app, "tinh", Role::ProvinceStaff, OWN, false);
    let signed_in = || {
        let mut browser = Browser::new(&app);
        assert!(is(&browser.sign_in("tinh", OWN), OK));
        browser
    };
    // Idle.
    let mut idle = signed_in();
    app.clock.advance_ms(59 * 60_000);
    assert_eq!(idle.get("/api/v1/visits").0, 200);
    app.clock.advance_ms(59 * 60_000);
    assert_eq!(idle.get("/api/v1/visits").0, 200);
    app.clock.advance_ms(60 * 60_000);
    assert_eq!(idle.get("/api/v1/visits").0, 401);
    // At most twelve hours.
    let mut long = signed_in();
    for _ in 0..23 {
        app.clock.advance_ms(30 * 60_000);
        assert_eq!(long.get("/api/v1/visits").0, 200);
    }
    app.clock.advance_ms(30 * 60_000);
    assert_eq!(long.get("/api/v1/visits").0, 401);
    // Signing out, here and everywhere.
    let (mut one, mut two, mut three) = (signed_in(), signed_in(), signed_in());
    let cookie = one.cookie.clone();
    assert_eq!(one.ask("DELETE", "/api/v1/session", &Json::Null).status, 204);
    assert_eq!(one.cookie, None);
    one.cookie = cookie;
    assert_eq!(one.get("/api/v1/me").0, 401);
    assert_eq!(two.get("/api/v1/me").0, 200);
    assert_eq!(two.ask("DELETE", "/api/v1/sessions", &Json::Null).status, 204);
    assert_eq!(three.get("/api/v1/me").0, 401);
    // The eleventh session ends the first.
    let mut first = signed_in();
    app.clock.advance_ms(1);
    for _ in 0..10 {
        signed_in();
        app.clock.advance_ms(1);
    }
    assert_eq!(first.get("/api/v1/me").0, 401);
}

#[test]
fn over_tls_the_cookie_is_for_tls_alone_and_every_answer_is_hardened() {
    let app = TestApp::serve_with(data_folder(), FrontOptions::default(), |options| {
        options.db = DbOptions::default();
        options.tls = true;
    });
    add(&app, "tinh", Role::ProvinceStaff, OWN, false);
    let mut browser = Browser::new(&app);
    let answer = browser.ask("POST", "/api/v1/session", &json!({"login": "tinh", "password": OWN}));
    let set = answer.header("set-cookie").unwrap();
    assert!(set.starts_with("__Host-gandan=") && set.ends_with("; Secure"), "{set}");
    for path in ["/api/v1/me", "/healthz", "/api/v1/nothing"] {
        let answer = browser.ask("GET", path, &Json::Null);
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{path}");
        for (name, value) in
            [("x-content-type-options", "nosniff"), ("referrer-policy", "no-referrer"), ("x-frame-options", "DENY")]
        {
            assert_eq!(answer.header(name), Some(value), "{path}");
        }
        assert!(answer.header("strict-transport-security").is_some(), "{path}");
    }
    assert_eq!(browser.ask("GET", "/api/v1/me", &Json::Null).header("cache-control"), Some("no-store"));
}
