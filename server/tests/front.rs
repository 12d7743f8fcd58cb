//! The front door against those who come too often, too slowly, or with too much.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use gandan_server::front::{FrontOptions, Pace};
use gandan_server::limits::{LimitOptions, Rate};
use support::peer::Peer;
use support::{TestApp, UNIT_A, data_folder, http};

/// Short enough for a test, long enough for a busy machine to answer an honest request.
const SHORT: Duration = Duration::from_millis(700);
const PACE: Pace = Pace { grace: SHORT, slowest: 1000 };

fn strict() -> TestApp {
    let door = FrontOptions { head: SHORT, pace: PACE, ..FrontOptions::default() };
    TestApp::serve_with(data_folder(), door, |options| options.pace = PACE)
}

/// Everything until the other side closes.
fn rest(mut stream: TcpStream) -> String {
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut said = Vec::new();
    // A reset is a way to close.
    if let Err(error) = stream.read_to_end(&mut said) {
        assert_ne!(error.kind(), std::io::ErrorKind::WouldBlock, "the connection is still open");
    }
    String::from_utf8_lossy(&said).into_owned()
}

fn limited(limits: LimitOptions) -> TestApp {
    TestApp::serve_with(data_folder(), FrontOptions::default(), |options| options.limits = limits)
}

const NONE: Rate = Rate { per_minute: 0, burst: 0 };

#[test]
fn a_head_that_never_ends_is_dropped() {
    let app = strict();
    let mut stream = TcpStream::connect(app.address).unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n").unwrap();
    let began = Instant::now();
    assert!(!rest(stream).contains("200"));
    assert!(began.elapsed() < Duration::from_secs(15));
    // And one that says nothing at all.
    rest(TcpStream::connect(app.address).unwrap());
    assert_eq!(http::get(app.address, "/healthz", None).status, 200);
}

#[test]
fn a_head_that_is_too_long_is_refused() {
    let app = strict();
    let mut stream = TcpStream::connect(app.address).unwrap();
    let head = format!("GET /healthz HTTP/1.1\r\nhost: x\r\nx-long: {}\r\n\r\n", "a".repeat(200_000));
    // The server may stop reading before the end.
    let _ = stream.write_all(head.as_bytes());
    let said = rest(stream);
    assert!(said.is_empty() || said.starts_with("HTTP/1.1 431"), "{said}");
    assert_eq!(http::get(app.address, "/healthz", None).status, 200);
}

#[test]
fn a_body_that_trickles_is_dropped_and_what_is_whole_in_it_is_kept() {
    let app = strict();
    let mut peer = app.official("CB-001", &[UNIT_A]);
    let doc = peer.visit(UNIT_A, 1, "Đã đến nơi");
    let (_, bytes) = peer.request();
    let mut stream = TcpStream::connect(app.address).unwrap();
    write!(stream, "POST /v1/sync HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", bytes.len() + 1000).unwrap();
    stream.write_all(&bytes).unwrap();
    assert!(rest(stream).starts_with("HTTP/1.1 400"));
    let mut other = app.official("CB-002", &[UNIT_A]);
    other.sync(&app);
    assert_eq!(other.note(UNIT_A, doc), "Đã đến nơi");
}

#[test]
fn connections_are_bounded_and_room_comes_back() {
    let door = FrontOptions { connections_per_address: 3, ..FrontOptions::default() };
    let app = TestApp::serve_with(data_folder(), door, |_| ());
    let held: Vec<TcpStream> = (0..3)
        .map(|_| {
            let mut stream = TcpStream::connect(app.address).unwrap();
            stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
            let mut start = [0; 12];
            stream.read_exact(&mut start).unwrap();
            assert_eq!(&start, b"HTTP/1.1 200");
            stream
        })
        .collect();
    let mut fourth = TcpStream::connect(app.address).unwrap();
    let _ = fourth.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n");
    assert_eq!(rest(fourth), "");
    drop(held);
    let began = Instant::now();
    loop {
        let mut stream = TcpStream::connect(app.address).unwrap();
        let _ = stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        if rest(stream).starts_with("HTTP/1.1 200") {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "no room came back");
    }
}

#[test]
fn an_address_that_asks_too_often_is_told_when_to_come_back() {
    let app = limited(LimitOptions { address: Rate { per_minute: 6, burst: 4 }, ..LimitOptions::default() });
    let statuses: Vec<u16> = (0..6).map(|_| http::get(app.address, "/healthz", None).status).collect();
    assert_eq!(statuses, [200, 200, 200, 200, 429, 429]);
    let answer = http::get(app.address, "/healthz", None);
    assert_eq!(answer.code(), "too_many_requests");
    let wait: u32 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=10).contains(&wait), "{wait}");
}

#[test]
fn guesses_of_codes_are_few() {
    let app = limited(LimitOptions { entry: Rate { per_minute: 1, burst: 3 }, ..LimitOptions::default() });
    let guess = || http::post_json(app.address, "/api/v1/login", &serde_json::json!({"code": "x"})).status;
    assert_eq!((0..5).map(|_| guess()).collect::<Vec<_>>(), [404, 404, 404, 429, 429]);
    // Nobody else is held up by it.
    assert_eq!(http::get(app.address, "/healthz", None).status, 200);
}

#[test]
fn a_device_that_calls_too_often_waits_and_strangers_cannot_make_it_wait() {
    let rate = Rate { per_minute: 1, burst: 3 };
    let app = limited(LimitOptions { address: NONE, device: rate, entry: NONE, ..LimitOptions::default() });
    let mut peer = app.official("CB-001", &[UNIT_A]);
    // Somebody who knows the device's id, but not its key.
    let mut forger = Peer::stranger("forger");
    forger.device = peer.device;
    for _ in 0..10 {
        let (_, forged) = forger.request();
        assert_eq!(Peer::post(&app, &forged).code(), "bad_signature");
    }
    (0..3).for_each(|_| drop(peer.round_trip(&app)));
    let (_, bytes) = peer.request();
    let answer = Peer::post(&app, &bytes);
    assert_eq!((answer.status, answer.code()), (429, "busy"));
    assert!(answer.header("retry-after").is_some());
    let mut other = app.official("CB-002", &[UNIT_A]);
    other.sync(&app);
    assert!(http::get(app.address, "/metrics", None).text().contains("gandan_turned_away_total{reason=\"device\"} 1"));
}

#[test]
fn behind_a_proxy_the_address_that_the_proxy_saw_counts() {
    let app = TestApp::serve_with(data_folder(), FrontOptions::default(), |options| {
        options.behind_proxy = true;
        options.limits.address = Rate { per_minute: 1, burst: 2 };
    });
    let ask =
        |forwarded: &str| http::request(app.address, "GET", "/healthz", &[("x-forwarded-for", forwarded)], b"").status;
    // What the caller invents stands before what the proxy writes.
    let statuses: Vec<u16> = (0..4).map(|n| ask(&format!("198.51.100.{n}, 192.0.2.1"))).collect();
    assert_eq!(statuses, [200, 200, 429, 429]);
    assert_eq!(ask("192.0.2.2"), 200);
}
