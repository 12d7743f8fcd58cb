//! What every request passes through: a number, a line in the log, a count.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::HeaderValue;
use axum::http::header::HeaderName;
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;

use super::error::ERROR_HEADER;
use crate::state::AppState;

/// The header in which a request's number comes and goes.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

static REQUESTS: AtomicU64 = AtomicU64::new(1);

/// Numbers, logs and counts a request.
///
/// The log holds the route's pattern, never the path, the query or a header: ids, names, searches and tokens stay out
/// of it.
pub(crate) async fn observe(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let id = request.headers().get(&REQUEST_ID).filter(|id| is_plain(id)).cloned();
    let id = id.unwrap_or_else(|| HeaderValue::from(REQUESTS.fetch_add(1, Ordering::Relaxed)));
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str).to_owned();
    let method = request.method().clone();
    let span = tracing::info_span!("request", id = id.to_str().unwrap_or_default(), method = %method, route);
    let began = Instant::now();
    let mut response = next.run(request).instrument(span.clone()).await;
    let seconds = began.elapsed().as_secs_f64();
    let status = response.status();
    span.in_scope(|| {
        let code = response.headers().get(&ERROR_HEADER).and_then(|code| code.to_str().ok()).unwrap_or("");
        let milliseconds = seconds * 1000.0;
        if status.is_server_error() {
            tracing::warn!(status = status.as_u16(), code, milliseconds, "answered");
        } else {
            tracing::debug!(status = status.as_u16(), code, milliseconds, "answered");
        }
    });
    state.metrics().request(&route, method.as_str(), status.as_u16(), seconds);
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// A number that somebody else gave and that is fit for a log.
fn is_plain(id: &HeaderValue) -> bool {
    let bytes = id.as_bytes();
    (1..=64).contains(&bytes.len()) && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
}
