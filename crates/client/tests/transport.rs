//! The HTTP transport against real sockets: servers that are slow, cut off, lie or belong to somebody else.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use gandan_client::transport::http::{Http, Patience};
use gandan_client::transport::{FRAME_TYPE, JSON_TYPE, Meter, Post, Transport, TransportError};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const SHORT: Patience =
    Patience { connect: Duration::from_secs(2), stall: Duration::from_millis(300), slowest: 1 << 30 };

async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    address
}

async fn send(http: &Http, address: SocketAddr, body: &[u8]) -> Result<Vec<u8>, TransportError> {
    send_metered(http, address, body, &Meter::default()).await
}

async fn send_metered(http: &Http, address: SocketAddr, body: &[u8], meter: &Meter) -> Result<Vec<u8>, TransportError> {
    let post = Post {
        url: format!("http://{address}/v1/sync"),
        content_type: FRAME_TYPE,
        body: body.to_vec(),
        max_answer: 1 << 20,
    };
    http.post(post, meter).await?.judge(FRAME_TYPE)
}

fn answering(make: impl Fn() -> axum::response::Response + Clone + Send + Sync + 'static) -> Router {
    Router::new().route("/v1/sync", post(move || async move { make() }))
}

#[tokio::test]
async fn bytes_go_there_and_back_and_are_counted() {
    let echo = |headers: HeaderMap, body: Bytes| async move {
        assert_eq!(headers[header::CONTENT_LENGTH], body.len().to_string());
        assert!(!headers.contains_key(header::TRANSFER_ENCODING));
        ([(header::CONTENT_TYPE, FRAME_TYPE)], body)
    };
    let address = serve(Router::new().route("/v1/sync", post(echo))).await;
    let http = Http::default();
    for length in [0, 1, 16 << 10, (16 << 10) + 1, 700_000] {
        let body: Vec<u8> = (0..length).map(|n: usize| n.to_le_bytes()[0]).collect();
        let meter = Meter::default();
        assert_eq!(send_metered(&http, address, &body, &meter).await.unwrap(), body);
        assert_eq!((meter.up(), meter.down()), (length as u64, length as u64));
    }
}

#[tokio::test]
async fn one_connection_serves_many_requests() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let counter = connections.clone();
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            counter.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                let mut seen = Vec::new();
                let mut buffer = [0; 1024];
                while let Ok(n @ 1..) = socket.read(&mut buffer).await {
                    seen.extend_from_slice(&buffer[..n]);
                    if seen.ends_with(b"\r\n\r\nhello") {
                        seen.clear();
                        let answer =
                            format!("HTTP/1.1 200 OK\r\ncontent-type: {FRAME_TYPE}\r\ncontent-length: 2\r\n\r\nhi");
                        socket.write_all(answer.as_bytes()).await.unwrap();
                    }
                }
            });
        }
    });
    let http = Http::default();
    for _ in 0..5 {
        assert_eq!(send(&http, address, b"hello").await.unwrap(), b"hi");
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_proxys_page_is_told_from_the_servers_word() {
    let page = || (StatusCode::BAD_GATEWAY, [(header::CONTENT_TYPE, "text/html")], "<html>").into_response();
    let error = send(&Http::default(), serve(answering(page)).await, b"x").await.unwrap_err();
    assert_eq!(error, TransportError::NotOurServer { status: 502, retry_after_s: None });

    let portal = || (StatusCode::FOUND, [(header::LOCATION, "http://portal.invalid/")], "").into_response();
    let error = send(&Http::default(), serve(answering(portal)).await, b"x").await.unwrap_err();
    assert_eq!(error.code(), "not_our_server");

    let ours = || {
        let body = serde_json::json!({"error": {"code": "revoked", "message": "Thiết bị đã bị thu hồi"}});
        (StatusCode::FORBIDDEN, [("gandan-error", "revoked")], Json(body)).into_response()
    };
    let error = send(&Http::default(), serve(answering(ours)).await, b"x").await.unwrap_err();
    assert_eq!(error.code(), "revoked");
    assert!(error.to_string().contains("thu hồi"), "{error}");

    let nonsense = || (StatusCode::OK, [("gandan-error", "<script>")], "").into_response();
    let error = send(&Http::default(), serve(answering(nonsense)).await, b"x").await.unwrap_err();
    assert_eq!(error.code(), "not_our_server");
}

#[tokio::test]
async fn the_wish_to_wait_is_heard_and_bounded() {
    let busy = || (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "17")], "slow down").into_response();
    let error = send(&Http::default(), serve(answering(busy)).await, b"x").await.unwrap_err();
    assert_eq!(error.retry_after_s(), Some(17));
    let for_ever = || (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "4000000000")], "").into_response();
    let error = send(&Http::default(), serve(answering(for_ever)).await, b"x").await.unwrap_err();
    assert_eq!(error.retry_after_s(), Some(3600));
}

#[tokio::test]
async fn an_answer_cut_in_the_middle_is_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut buffer = [0; 1024];
        let _ = socket.read(&mut buffer).await.unwrap();
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-type: {FRAME_TYPE}\r\ncontent-length: 100\r\n\r\nonly this");
        socket.write_all(answer.as_bytes()).await.unwrap();
    });
    let error = send(&Http::default(), address, b"x").await.unwrap_err();
    assert_eq!(error.code(), "cut");
}

#[tokio::test]
async fn nobody_there_is_offline() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    assert_eq!(send(&Http::default(), address, b"x").await.unwrap_err().code(), "offline");
}

/// An answer of `pieces` bytes, one every `gap`.
fn drip(pieces: usize, gap: Duration) -> axum::response::Response {
    let ticks = tokio_stream::iter(0..pieces);
    let stream = tokio_stream::StreamExt::throttle(ticks, gap);
    let stream = tokio_stream::StreamExt::map(stream, |_| Ok::<_, Infallible>(Bytes::from_static(b".")));
    ([(header::CONTENT_TYPE, FRAME_TYPE)], Body::from_stream(stream)).into_response()
}

#[tokio::test]
async fn a_slow_answer_that_moves_is_waited_for() {
    // Takes more than twice the patience in all, but never half of it without a byte.
    let address = serve(answering(|| drip(10, Duration::from_millis(80)))).await;
    assert_eq!(send(&Http::new(SHORT), address, b"x").await.unwrap().len(), 10);
}

#[tokio::test]
async fn an_answer_that_stops_moving_is_given_up() {
    let address = serve(answering(|| drip(10, Duration::from_mins(1)))).await;
    assert_eq!(send(&Http::new(SHORT), address, b"x").await.unwrap_err().code(), "stalled");
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let patience = Patience { connect: Duration::from_millis(100), ..SHORT };
    assert_eq!(send(&Http::new(patience), address, b"x").await.unwrap_err().code(), "stalled");
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_into_memory() {
    let address = serve(answering(|| {
        let stream = tokio_stream::iter(std::iter::repeat_with(|| Ok::<_, Infallible>(Bytes::from(vec![0; 65536]))));
        ([(header::CONTENT_TYPE, FRAME_TYPE)], Body::from_stream(stream)).into_response()
    }))
    .await;
    assert_eq!(send(&Http::default(), address, b"x").await.unwrap_err().code(), "answer_too_long");
    let announced = || ([(header::CONTENT_TYPE, FRAME_TYPE)], vec![0_u8; 2 << 20]).into_response();
    let error = send(&Http::default(), serve(answering(announced)).await, b"x").await.unwrap_err();
    assert_eq!(error.code(), "answer_too_long");
}

#[tokio::test]
async fn an_address_of_another_kind_is_refused() {
    for url in ["ftp://127.0.0.1/", "127.0.0.1", "http://", "http://[", ""] {
        let post = Post { url: url.to_owned(), content_type: JSON_TYPE, body: vec![], max_answer: 1 };
        let error = Http::default().post(post, &Meter::default()).await.unwrap_err();
        assert_eq!(error.code(), "bad_address", "{url}: {error}");
    }
}

#[tokio::test]
async fn news_are_told_from_heartbeats() {
    let events = || async {
        let pieces = [": heartbeat\n\n", "event: head\nda", "ta: {\"head\":3}\n", "\n", "data: a\n\ndata: b\n\n"];
        let stream = tokio_stream::iter(pieces.map(|piece| Ok::<_, Infallible>(Bytes::from(piece))));
        ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(stream))
    };
    let address = serve(Router::new().route("/v1/events", get(events))).await;
    let http = Http::default();
    let url = format!("http://{address}/v1/events");
    let mut stream = http.listen(&url, "Bearer x").await.unwrap().unwrap();
    let (mut news, mut last) = (0, None);
    while last.is_none() {
        match stream.next().await {
            Ok(true) => news += 1,
            Ok(false) => {}
            Err(error) => last = Some(error),
        }
    }
    assert!((1..=2).contains(&news), "{news}");
    assert_eq!(last.unwrap().code(), "cut");
}
