//! The router with whatever somebody sends, by every kind of caller.

use super::Target;
use gandan_model::org::{OrgTree, UNITS_CSV, UnitRow};
use gandan_server::auth::{Role, ScopeLine, new_secret};
use gandan_server::db::sqlite::{org, people};
use gandan_server::db::{Db, DbOptions};
use gandan_server::folder::Folder;
use gandan_server::http::router::{openapi, router};
use gandan_server::server::{Server, ServerOptions};
use http::{Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use serde_json::{Value, json};
use std::pin::Pin;
use std::time::Duration;
use tempfile::TempDir;
use tower::ServiceExt;

/// Longest time until an answer.
const PATIENCE: Duration = Duration::from_secs(8);

/// A status, the code of an error, and the length of the body.
type Answered = (StatusCode, String, usize);
/// Asks the router.
type Call = Box<dyn Fn(http::request::Builder, Vec<u8>) -> Pin<Box<dyn Future<Output = Option<Answered>> + Send>>>;

/// An input: a line `METHOD PATH CALLER`, then the body.
pub(super) struct Http {
    runtime: tokio::runtime::Runtime,
    server: Option<Server>,
    call: Call,
    tokens: Vec<String>,
    _folder: TempDir,
}

impl Http {
    pub(super) fn new() -> Self {
        let temp = crate::sim::work_folder();
        let data = temp.path().join("data");
        let folder = Folder::create(&data).expect("a data folder");
        let rows: Vec<UnitRow> =
            csv::Reader::from_reader(UNITS_CSV.as_bytes()).into_deserialize().collect::<Result<_, _>>().expect("units");
        let tree = OrgTree::from_rows(rows).expect("units");
        let db = Db::open_core(&data, DbOptions::default()).expect("a database");
        let mut next = 0_u128;
        let new_space = || {
            next += 1;
            Ok(next.to_be_bytes())
        };
        db.write(|transaction| org::import(transaction, &tree, new_space)).expect("units");
        folder.new_incarnation(1_790_000_000_000).expect("an incarnation");
        let tokens = Role::ALL.map(|role| {
            let token = new_secret::<32>().expect("a token");
            let put = |transaction: &rusqlite::Transaction<'_>| {
                people::put_token(transaction, &token, (role.as_str(), role), &[ScopeLine::Province], 1, None)
            };
            db.write(put).expect("a token");
            token
        });
        drop(db);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .max_blocking_threads(4)
            .enable_all()
            .build()
            .expect("a runtime");
        let server = Server::start(ServerOptions::new(&data)).expect("a server");
        let call = caller(&server);
        Self { runtime, server: Some(server), call, tokens: tokens.to_vec(), _folder: temp }
    }
}

fn caller(server: &Server) -> Call {
    let router = router(server.state().clone());
    Box::new(move |request, body| {
        let router = router.clone();
        Box::pin(async move {
            let request = request.body(Full::from(body)).ok()?;
            let response = router.oneshot(request).await.unwrap_or_else(|never| match never {});
            let (head, body) = response.into_parts();
            let code = head.headers.get("gandan-error").and_then(|code| code.to_str().ok()).unwrap_or("").to_owned();
            // A stream of news has no end.
            if head.headers.get("content-type").is_some_and(|kind| kind == "text/event-stream") {
                return Some((head.status, code, 0));
            }
            let length = Limited::new(body, 64 << 20).collect().await.map_or(0, |body| body.to_bytes().len());
            Some((head.status, code, length))
        })
    })
}

/// Words of addresses that tell one place from another.
const KNOWN: [&str; 26] = [
    "visits",
    "issues",
    "review",
    "audit",
    "reports",
    "summary",
    "assign",
    "events",
    "reply",
    "verify",
    "return",
    "resolve",
    "assignments",
    "plans",
    "sync",
    "enrol",
    "login",
    "healthz",
    "metrics",
    "openapi.json",
    "limit",
    "next",
    "q",
    "from",
    "unit",
    "format",
];

/// A body that an address takes, or nothing.
fn body_for(path: &str) -> Value {
    match path.rsplit('/').next().unwrap_or_default() {
        "assign" => json!({"agency": "Phòng Kinh tế", "reason": "x", "document": "1"}),
        "events" => json!({"to": "in_progress", "reason": "x", "at": "2026-09-20T11:30:00+07:00"}),
        "reply" => json!({"channel": "direct", "text": "x", "outcome": "guided"}),
        "return" => json!({"reason": "thiếu"}),
        "resolve" => json!({"value": 5, "basis": "x"}),
        "assignments" => json!({"unit": "24781", "official": "CB-001", "from": "2026-10-01", "to": "2026-10-02"}),
        "plans" => json!({"unit": "24781", "number": "1", "date": "2026-09-01", "title": "x"}),
        "enrol" => {
            json!({"code": "x", "device": "0123456789abcdef", "public_key": "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"})
        }
        "login" => json!({"code": "x"}),
        _ => Value::Null,
    }
}

impl Target for Http {
    fn seeds(&self) -> Vec<Vec<u8>> {
        let document = serde_json::to_value(openapi()).expect("the description");
        let mut seeds = Vec::new();
        for (path, item) in document["paths"].as_object().expect("paths") {
            for (method, operation) in item.as_object().expect("methods") {
                let mut queries = vec![String::new()];
                for parameter in operation["parameters"].as_array().into_iter().flatten() {
                    if parameter["in"] == "query" {
                        queries.push(format!("?{}=1", parameter["name"].as_str().unwrap_or_default()));
                    }
                }
                let path = path.replace("{id}", "01010101-0101-0101-0101-010101010101");
                let path = path.replace("{doc}", "01010101-0101-0101-0101-010101010101").replace("{field}", "note");
                let body = body_for(&path);
                let body = if body.is_null() { String::new() } else { body.to_string() };
                for query in queries {
                    seeds.push(format!("{} {path}{query} 4\n{body}", method.to_uppercase()).into_bytes());
                }
            }
        }
        seeds.push(
            b"GET /api/v1/visits?from=2026-01-01&to=2026-12-31&q=%C4%91&unit=24781&limit=5&next=AAAA 4\n".to_vec(),
        );
        seeds.push(b"POST /v1/sync 9\nG\x01\x01\x01\x11\x11\x11\x11\x11\x11\x11\x11".to_vec());
        seeds
    }

    fn words(&self) -> Vec<Vec<u8>> {
        let words = [
            "%00",
            "%27%20OR%201=1--",
            "../",
            "%ff",
            "?",
            "&",
            "limit=",
            "next=",
            "q=",
            "from=",
            "to=",
            "as_of=",
            "unit=",
            "area=",
            "format=csv",
            "sort=",
            "9999-12-31",
            "-1",
            "18446744073709551615",
            "null",
            "{}",
            "[]",
            "\\ud800",
            "status=",
            "kind=denunciation",
            "all=true",
            "68",
            "views_current=true",
            "\"unit\":\"68\"",
            "%C3%A0",
        ];
        words.iter().map(|word| word.as_bytes().to_vec()).collect()
    }

    fn longest(&self) -> usize {
        16 << 10
    }

    fn read(&mut self, input: &[u8]) -> Result<String, String> {
        let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
        let (line, body) =
            (String::from_utf8_lossy(&input[..end]).into_owned(), input.get(end + 1..).unwrap_or_default());
        let mut words = line.splitn(3, ' ');
        let method = words.next().and_then(|word| Method::from_bytes(word.as_bytes()).ok());
        let path = words.next().unwrap_or("/").to_owned();
        let caller = words.next().and_then(|word| word.bytes().next()).unwrap_or(b'9');
        let (Some(method), Ok(uri)) = (method, path.parse::<Uri>()) else { return Ok("not HTTP".to_owned()) };
        let mut request = Request::builder().method(method).uri(uri).header("content-type", "application/json");
        if let Some(token) = self.tokens.get(usize::from(caller.wrapping_sub(b'0'))) {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let answering = (self.call)(request, body.to_vec());
        let answered = self.runtime.block_on(async { tokio::time::timeout(PATIENCE, answering).await });
        let Ok(answered) = answered else { return Err(format!("no answer within {PATIENCE:?}")) };
        let Some((status, code, _)) = answered else { return Ok("not HTTP".to_owned()) };
        // Without a code: the web app was not built into this program.
        let is_known = status == StatusCode::SERVICE_UNAVAILABLE && ["", "busy"].contains(&code.as_str());
        if status.is_server_error() && !is_known {
            return Err(format!("{status} {code}"));
        }
        let known = |part: &&str| KNOWN.contains(part);
        // Of what leads nowhere there is no end of kinds.
        let leads = !matches!(status, StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED);
        let most = if leads { 4 } else { 0 };
        let place: Vec<&str> = path.split(['?', '/', '&', '=']).filter(known).take(most).collect();
        Ok(format!("{} {} {code}", place.join("/"), status.as_u16()))
    }
}

impl Drop for Http {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop();
        }
    }
}
