//! What every request passes through: a number, a line in the log, a count; and the limit of its address.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{self, HeaderName};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tracing::Instrument;

use super::error::{ApiError, ERROR_HEADER};
use crate::front::PeerAddress;
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

/// Tells an address that asks too often to wait. Enrolments and logins have a limit of their own beside it.
pub(crate) async fn limit(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let Some(address) = caller(&state, &request) else { return next.run(request).await };
    request.extensions_mut().insert(CallerAddress(address));
    let is_entry = match request.uri().path() {
        "/v1/enrol" | "/api/v1/login" | "/api/v1/session/oidc/start" | "/api/v1/session/oidc/return" => true,
        "/api/v1/session" => request.method() == axum::http::Method::POST,
        _ => false,
    };
    let entry = if is_entry { state.limits().entry(address) } else { Ok(()) };
    let turned_away = match (state.limits().address(address), entry) {
        (Ok(()), Ok(())) => return next.run(request).await,
        (Err(seconds), _) => ("address", seconds),
        (_, Err(seconds)) => ("entry", seconds),
    };
    state.metrics().turned_away(turned_away.0);
    ApiError::too_often(turned_away.1).into_response()
}

/// The address of whoever calls, as far as it is known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallerAddress(pub(crate) IpAddr);

/// What every answer tells browsers. A handler that serves a page sets its own policy for what the page may load.
pub(crate) async fn harden(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let is_api = request.uri().path().starts_with("/api/");
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(
        "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    ));
    if let Some(origin) = state.tiles() {
        allow_tiles(headers, &origin);
    }
    headers.entry(header::X_CONTENT_TYPE_OPTIONS).or_insert(HeaderValue::from_static("nosniff"));
    headers.entry(header::X_FRAME_OPTIONS).or_insert(HeaderValue::from_static("DENY"));
    headers.entry(header::REFERRER_POLICY).or_insert(HeaderValue::from_static("no-referrer"));
    headers
        .entry(HeaderName::from_static("cross-origin-opener-policy"))
        .or_insert(HeaderValue::from_static("same-origin"));
    headers
        .entry(HeaderName::from_static("cross-origin-resource-policy"))
        .or_insert(HeaderValue::from_static("same-origin"));
    if is_api {
        // Records and names: nothing of them stays in a cache, also not behind "back".
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    }
    if state.secure() {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    response
}

/// Lets a page that shows pictures of its own show those of this origin, too.
fn allow_tiles(headers: &mut HeaderMap, origin: &str) {
    const PICTURES: &str = "img-src 'self'";
    let policy = headers.get(header::CONTENT_SECURITY_POLICY).and_then(|policy| policy.to_str().ok());
    let Some(policy) = policy.filter(|policy| policy.contains(PICTURES)) else { return };
    if let Ok(policy) = HeaderValue::from_str(&policy.replace(PICTURES, &format!("{PICTURES} {origin}"))) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
}

/// Who calls; `None` where no socket is behind the request, or a proxy did not say.
///
/// Behind a proxy the last entry counts: it is the one that the proxy itself wrote, those before it came from the caller.
fn caller(state: &AppState, request: &Request) -> Option<IpAddr> {
    if !state.behind_proxy() {
        return request.extensions().get().map(|PeerAddress(address)| *address);
    }
    let forwarded = request.headers().get_all("x-forwarded-for").iter().next_back()?.to_str().ok()?;
    forwarded.rsplit(',').next()?.trim().parse().ok()
}

/// A number that somebody else gave and that is fit for a log.
fn is_plain(id: &HeaderValue) -> bool {
    let bytes = id.as_bytes();
    (1..=64).contains(&bytes.len()) && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
}
