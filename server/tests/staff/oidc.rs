//! Signing in with a sign-in service: a small real provider, which signs with real keys and can be made to lie.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use gandan_server::front::FrontOptions;
use gandan_server::oidc::{Oidc, OidcOptions};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair, RsaPublicKeyComponents,
};
use serde_json::{Value as Json_, json};
use sha2::{Digest, Sha256};

use crate::support::http::{self, Answer};
use crate::support::{START_MS, TestApp, data_folder};

/// A key that signs nothing but these tests' tokens.
const RSA_KEY: &[u8] = include_bytes!("../fixtures/oidc-test-key.p8");
const CLIENT: &str = "gandan";
const SECRET: &str = "bí mật+&=";

/// What the provider does otherwise than it should.
#[derive(Clone, Default)]
struct Lies {
    /// Replaces claims, or takes them out (null).
    claims: HashMap<&'static str, Json_>,
    algorithm: Option<&'static str>,
    kid: Option<&'static str>,
    spoilt: bool,
}

struct Provider {
    address: Mutex<String>,
    rsa: RsaKeyPair,
    ec: EcdsaKeyPair,
    /// Codes given out, with the challenge and nonce that they belong to.
    codes: Mutex<HashMap<String, (String, String)>>,
    lies: Mutex<Lies>,
    asked_for_keys: Mutex<u32>,
}

impl Provider {
    fn new() -> Arc<Self> {
        let random = SystemRandom::new();
        let ec = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        Arc::new(Self {
            address: Mutex::default(),
            rsa: RsaKeyPair::from_pkcs8(RSA_KEY).unwrap(),
            ec: EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, ec.as_ref(), &random).unwrap(),
            codes: Mutex::default(),
            lies: Mutex::default(),
            asked_for_keys: Mutex::default(),
        })
    }

    fn address(&self) -> String {
        self.address.lock().unwrap().clone()
    }

    fn keys(&self) -> Json_ {
        *self.asked_for_keys.lock().unwrap() += 1;
        let RsaPublicKeyComponents { n, e } = RsaPublicKeyComponents::<Vec<u8>>::from(self.rsa.public());
        let point = self.ec.public_key().as_ref();
        let text = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
        json!({"keys": [
            {"kty": "oct", "kid": "odd", "k": "AAAA"},
            {"kty": "RSA", "kid": "r1", "use": "sig", "alg": "RS256", "n": text(&n), "e": text(&e)},
            {"kty": "EC", "kid": "e1", "crv": "P-256", "x": text(&point[1..33]), "y": text(&point[33..])},
        ]})
    }

    fn token(&self, nonce: &str, now_s: i64) -> String {
        let lies = self.lies.lock().unwrap().clone();
        let mut claims = json!({
            "iss": self.address(), "aud": CLIENT, "sub": "a7f3", "nonce": nonce, "preferred_username": "Van-Phong",
            "email": "van-phong@lamdong.example", "email_verified": true, "iat": now_s, "exp": now_s + 300,
        });
        for (claim, value) in lies.claims {
            if value.is_null() {
                claims.as_object_mut().unwrap().remove(claim);
            } else {
                claims[claim] = value;
            }
        }
        let algorithm = lies.algorithm.unwrap_or("RS256");
        let kid = lies.kid.unwrap_or(if algorithm == "ES256" { "e1" } else { "r1" });
        let head = json!({"alg": algorithm, "kid": kid, "typ": "JWT"});
        let part = |value: &Json_| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
        let message = format!("{}.{}", part(&head), part(&claims));
        let random = SystemRandom::new();
        let mut signature = match algorithm {
            "ES256" => self.ec.sign(&random, message.as_bytes()).unwrap().as_ref().to_vec(),
            "none" => Vec::new(),
            // Whoever holds only the public key could do this.
            "HS256" => {
                let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, self.rsa.public().as_ref());
                ring::hmac::sign(&key, message.as_bytes()).as_ref().to_vec()
            }
            _ => {
                let mut signature = vec![0; self.rsa.public().modulus_len()];
                self.rsa.sign(&RSA_PKCS1_SHA256, &random, message.as_bytes(), &mut signature).unwrap();
                signature
            }
        };
        if lies.spoilt {
            signature[7] ^= 1;
        }
        format!("{message}.{}", BASE64URL_NOPAD.encode(&signature))
    }
}

/// The token endpoint: the client's secret, the code (once), and the verifier behind its challenge.
async fn tokens(State(provider): State<Arc<Provider>>, headers: HeaderMap, body: String) -> (StatusCode, Json<Json_>) {
    let form: HashMap<String, String> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let wanted = format!("{CLIENT}:{}", "b%C3%AD+m%E1%BA%ADt%2B%26%3D");
    let wanted = format!("Basic {}", BASE64.encode(wanted.as_bytes()));
    let refused = |why: &str| (StatusCode::BAD_REQUEST, Json(json!({"error": why})));
    if headers["authorization"] != wanted.as_str() {
        return refused("invalid_client");
    }
    let Some((challenge, nonce)) = provider.codes.lock().unwrap().remove(&form["code"]) else {
        return refused("invalid_grant");
    };
    if BASE64URL_NOPAD.encode(&Sha256::digest(&form["code_verifier"])) != challenge {
        return refused("invalid_grant");
    }
    let id_token = provider.token(&nonce, START_MS / 1000);
    (StatusCode::OK, Json(json!({"access_token": "x", "token_type": "Bearer", "id_token": id_token})))
}

async fn discovery(State(provider): State<Arc<Provider>>) -> Json<Json_> {
    let at = provider.address();
    Json(json!({
        "issuer": at, "authorization_endpoint": format!("{at}/authorize"), "token_endpoint": format!("{at}/token"),
        "jwks_uri": format!("{at}/keys"),
    }))
}

struct Stage {
    app: TestApp,
    provider: Arc<Provider>,
    _runtime: tokio::runtime::Runtime,
}

fn stage(claim: &str) -> Stage {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let provider = Provider::new();
    let router = Router::new()
        .route("/.well-known/openid-configuration", get(discovery))
        .route("/keys", get(async |State(provider): State<Arc<Provider>>| Json(provider.keys())))
        .route("/token", post(tokens))
        .with_state(Arc::clone(&provider));
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    *provider.address.lock().unwrap() = format!("http://{}", listener.local_addr().unwrap());
    runtime.spawn(async move { axum::serve(listener, router).await.unwrap() });
    let options = OidcOptions {
        issuer: provider.address(),
        client_id: CLIENT.to_owned(),
        client_secret: Some(SECRET.to_owned()),
        claim: claim.to_owned(),
        public_url: "http://127.0.0.1:8080/".to_owned(),
        label: "Tài khoản công vụ của tỉnh".to_owned(),
        authority: None,
    };
    let app = TestApp::serve_with(data_folder(), FrontOptions::default(), |server| {
        server.oidc = Some(Arc::new(Oidc::new(options).unwrap()));
    });
    Stage { app, provider, _runtime: runtime }
}

fn cookies(answer: &Answer) -> HashMap<String, String> {
    let pairs = answer.headers("set-cookie").into_iter().filter_map(|set| {
        let (name, value) = set.split(';').next()?.split_once('=')?;
        Some((name.to_owned(), value.to_owned()))
    });
    pairs.collect()
}

/// The query of an address.
fn query(address: &str) -> HashMap<String, String> {
    let query = address.split_once('?').map_or("", |(_, query)| query);
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

impl Stage {
    fn get(&self, path: &str, cookie: Option<&str>) -> Answer {
        let headers: Vec<(&str, &str)> = cookie.map(|cookie| ("cookie", cookie)).into_iter().collect();
        http::request(address(&self.app), "GET", path, &headers, b"")
    }

    fn account(&self, login: &str, role: &str, external: Option<&str>) {
        let token = self.app.token(
            "quan-tri",
            gandan_server::auth::Role::Administrator,
            &[gandan_server::auth::ScopeLine::Province],
        );
        let body =
            json!({"login": login, "name": "A", "role": role, "external": external, "scope": [{"kind": "province"}]});
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        let answer =
            http::request(address(&self.app), "POST", "/api/v1/accounts", &headers, body.to_string().as_bytes());
        assert_eq!(answer.status, 201, "{}", answer.text());
    }

    /// Begins; gives the cookie and what the provider is asked.
    fn begin(&self, then: &str) -> (String, HashMap<String, String>) {
        let answer = self.get(&format!("/api/v1/session/oidc/start?then={then}"), None);
        assert_eq!(answer.status, 303, "{}", answer.text());
        let to = answer.header("location").unwrap().to_owned();
        assert!(to.starts_with(&format!("{}/authorize?", self.provider.address())), "{to}");
        (format!("gandan-oidc={}", cookies(&answer)["gandan-oidc"]), query(&to))
    }

    /// The person says yes at the provider; gives the address to which it sends the browser.
    fn agree(&self, asked: &HashMap<String, String>) -> String {
        assert_eq!((asked["response_type"].as_str(), asked["client_id"].as_str()), ("code", CLIENT));
        assert_eq!(asked["redirect_uri"], "http://127.0.0.1:8080/api/v1/session/oidc/return");
        assert_eq!(asked["code_challenge_method"], "S256");
        assert!(asked["scope"].split(' ').any(|scope| scope == "openid"));
        let code = format!("code-{}", asked["state"]);
        let entry = (asked["code_challenge"].clone(), asked["nonce"].clone());
        self.provider.codes.lock().unwrap().insert(code.clone(), entry);
        format!("/api/v1/session/oidc/return?code={code}&state={}&session_state=x", asked["state"])
    }

    /// The whole way; gives where the browser ends up, and its session.
    fn sign_in(&self) -> (String, Option<String>) {
        let (cookie, asked) = self.begin("/issues%3Foverdue=true");
        let answer = self.get(&self.agree(&asked), Some(&cookie));
        assert_eq!(answer.status, 303, "{}", answer.text());
        (answer.header("location").unwrap().to_owned(), cookies(&answer).remove("gandan"))
    }

    fn lie(&self, lies: Lies) {
        *self.provider.lies.lock().unwrap() = lies;
    }
}

fn address(app: &TestApp) -> SocketAddr {
    app.address
}

#[test]
fn whoever_has_an_account_comes_in_and_nobody_else() {
    let stage = stage("preferred_username");
    let way = stage.get("/api/v1/session/oidc", None);
    assert_eq!(way.json()["label"], "Tài khoản công vụ của tỉnh");
    // No account: none is made.
    assert_eq!(stage.sign_in(), ("/sign-in?error=oidc_no_account".into(), None));
    stage.account("van-phong", "province_staff", None);
    for algorithm in ["RS256", "ES256"] {
        stage.lie(Lies { algorithm: Some(algorithm), ..Lies::default() });
        let (to, session) = stage.sign_in();
        assert_eq!(to, "/issues?overdue=true", "{algorithm}");
        let cookie = format!("gandan={}", session.unwrap());
        let me = stage.get("/api/v1/me", Some(&cookie)).json();
        // The first password was never used and need not be changed: the account is complete.
        assert_eq!((&me["login"], &me["must_change_password"]), (&json!("van-phong"), &json!(false)));
        assert_eq!(stage.get("/api/v1/visits", Some(&cookie)).status, 200);
    }
    // Administrators keep to password and second factor.
    stage.lie(Lies { claims: [("preferred_username", json!("quan-tri-2"))].into(), ..Lies::default() });
    stage.account("quan-tri-2", "administrator", None);
    assert_eq!(stage.sign_in(), ("/sign-in?error=oidc_administrator".into(), None));
}

#[test]
fn an_account_may_be_known_there_by_another_name() {
    let stage = stage("email");
    stage.account("van-phong", "province_staff", Some("van-phong@lamdong.example"));
    assert_eq!(stage.sign_in().0, "/issues?overdue=true");
    // An address that the provider has not verified names nobody.
    stage.lie(Lies { claims: [("email_verified", json!(false))].into(), ..Lies::default() });
    assert_eq!(stage.sign_in().0, "/sign-in?error=oidc_bad_token");
    stage.lie(Lies { claims: [("email", json!("khac@lamdong.example"))].into(), ..Lies::default() });
    assert_eq!(stage.sign_in().0, "/sign-in?error=oidc_no_account");
}

#[test]
fn a_token_that_does_not_hold_lets_nobody_in() {
    let stage = stage("preferred_username");
    stage.account("van-phong", "province_staff", None);
    let now_s = START_MS / 1000;
    let claims = |claim: &'static str, value: Json_| Lies { claims: [(claim, value)].into(), ..Lies::default() };
    let signed = |algorithm: &'static str| Lies { algorithm: Some(algorithm), ..Lies::default() };
    for (what, lies) in [
        ("another issuer", claims("iss", json!("https://evil.example"))),
        ("for another client", claims("aud", json!("somebody"))),
        ("for several, without a party", claims("aud", json!([CLIENT, "somebody"]))),
        ("another nonce", claims("nonce", json!("x"))),
        ("no nonce", claims("nonce", Json_::Null)),
        ("expired", claims("exp", json!(now_s - 61))),
        ("never expires", claims("exp", Json_::Null)),
        ("an end in words", claims("exp", json!("tomorrow"))),
        ("of the future", claims("iat", json!(now_s + 61))),
        ("not yet", claims("nbf", json!(now_s + 61))),
        ("of nobody", claims("sub", json!(""))),
        ("names no account", claims("preferred_username", Json_::Null)),
        ("unsigned", signed("none")),
        ("signed with the public key", signed("HS256")),
        ("another algorithm", signed("RS512")),
        ("a key of the other kind", Lies { kid: Some("e1"), ..Lies::default() }),
        ("an unknown key", Lies { kid: Some("r9"), ..Lies::default() }),
        ("a spoilt signature", Lies { spoilt: true, ..Lies::default() }),
    ] {
        stage.lie(lies);
        assert_eq!(stage.sign_in(), ("/sign-in?error=oidc_bad_token".into(), None), "{what}");
    }
    stage.lie(Lies::default());
    assert!(stage.sign_in().1.is_some());
    // Unknown keys did not make the server ask again and again.
    assert!(*stage.provider.asked_for_keys.lock().unwrap() <= 2);
}

#[test]
fn a_sign_in_ends_once_in_the_browser_that_began_it_and_in_time() {
    let stage = stage("preferred_username");
    stage.account("van-phong", "province_staff", None);
    let stale = "/sign-in?error=oidc_stale";
    let to = |answer: &Answer| answer.header("location").unwrap().to_owned();
    let (cookie, asked) = stage.begin("/");
    let address = stage.agree(&asked);
    // Another browser, or one in which somebody planted another sign-in.
    assert_eq!(to(&stage.get(&address, None)), stale);
    let (others, _) = stage.begin("/");
    assert_eq!(to(&stage.get(&address, Some(&others))), stale);
    assert_eq!(to(&stage.get("/api/v1/session/oidc/return", Some(&cookie))), stale);
    // The right one; and not again, whatever the provider says of the code.
    assert_eq!(to(&stage.get(&address, Some(&cookie))), "/");
    stage.agree(&asked);
    assert_eq!(to(&stage.get(&address, Some(&cookie))), stale);
    // The person says no.
    let (cookie, asked) = stage.begin("/");
    let no = format!("/api/v1/session/oidc/return?error=access_denied&state={}", asked["state"]);
    assert_eq!(to(&stage.get(&no, Some(&cookie))), "/sign-in?error=oidc_refused");
    // Too late.
    let (cookie, asked) = stage.begin("/");
    let address = stage.agree(&asked);
    stage.app.clock.advance_ms(10 * 60 * 1000);
    assert_eq!(to(&stage.get(&address, Some(&cookie))), stale);
}

#[test]
fn without_a_sign_in_service_there_is_none() {
    let app = TestApp::new();
    for path in ["", "/start", "/return"] {
        let answer = http::request(app.address, "GET", &format!("/api/v1/session/oidc{path}"), &[], b"");
        assert_eq!((answer.status, answer.code()), (404, "not_found"), "{path}");
    }
}
