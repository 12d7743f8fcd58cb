//! `POST /v1/sync`: one round trip with a device. `POST /v1/query`: what does not fit into it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use gandan_model::ids::DeviceId;
use gandan_sync::Refusal;
use gandan_sync::limits::MAX_REQUEST;
use gandan_sync::query::{MAX_QUERY_FRAME, claimed_asker};
use gandan_sync::request::claimed_device;
use tokio::sync::OwnedSemaphorePermit;
use tokio_stream::StreamExt;

use crate::exchange::Trouble;
use crate::front::Patience;
use crate::http::error::ERROR_HEADER;
use crate::state::AppState;

/// Content type of frames.
pub const FRAME: HeaderValue = HeaderValue::from_static("application/octet-stream");
/// How long a request waits for its turn.
const PATIENCE: Duration = Duration::from_secs(20);
/// When to come back if too many are here.
const BUSY_S: u32 = 5;
/// Bytes that one permit of [`AppState::uploads`] stands for.
const PIECE: usize = 64 << 10;

/// One round trip: a signed request frame up, a response frame down.
#[utoipa::path(
    post, path = "/v1/sync", tag = "devices",
    request_body(content_type = "application/octet-stream", description = "A request frame, signed by the device"),
    responses(
        (status = 200, description = "A response frame", content_type = "application/octet-stream"),
        (status = 400, description = "A problem frame; `gandan-error` has the code: `bad_form`, `version`"),
        (status = 401, description = "A problem frame: `unknown_device`, `bad_signature`"),
        (status = 413, description = "A problem frame: `too_large`"),
        (status = 429, description = "A problem frame: `busy`; `retry-after` says for how long"),
        (status = 503, description = "A problem frame: `busy`: going down"),
        (status = 507, description = "A problem frame: `no_space`")
    )
)]
pub(crate) async fn sync(State(state): State<AppState>, request: Request) -> Response {
    let exchange = Arc::clone(state.exchange());
    let upload = match read(request.into_body(), &state, MAX_REQUEST).await {
        Upload::Whole(upload) => upload,
        Upload::Refused(trouble) => return problem(&state, trouble),
        Upload::Cut(upload) => {
            // The device is gone, but what arrived whole is kept: it need not be sent again.
            let _ = tokio::task::spawn_blocking(move || exchange.salvage(&upload.bytes)).await;
            return problem(&state, Trouble { refusal: Refusal::BAD_FORM, retry_after_s: 0 });
        }
    };
    answer(&state, claimed_device(&upload.bytes), move || exchange.round_trip(&upload.bytes)).await
}

/// A question beside the round trip: a signed query frame up; chunks or a reply frame down.
#[utoipa::path(
    post, path = "/v1/query", tag = "devices",
    request_body(content_type = "application/octet-stream", description = "A query frame, signed by the device"),
    responses(
        (status = 200, description = "A reply frame, or a frame of chunks", content_type = "application/octet-stream"),
        (status = 400, description = "A problem frame; `gandan-error` has the code: `bad_form`, `version`"),
        (status = 401, description = "A problem frame: `unknown_device`, `bad_signature`"),
        (status = 403, description = "A problem frame: `no_grant`, `revoked`"),
        (status = 413, description = "A problem frame: `too_large`"),
        (status = 429, description = "A problem frame: `busy`; `retry-after` says when to come back"),
        (status = 503, description = "A problem frame: `busy`"),
        (status = 507, description = "A problem frame: `no_space`")
    )
)]
pub(crate) async fn query(State(state): State<AppState>, request: Request) -> Response {
    let exchange = Arc::clone(state.exchange());
    let upload = match read(request.into_body(), &state, MAX_QUERY_FRAME).await {
        Upload::Whole(upload) => upload,
        Upload::Refused(trouble) => return problem(&state, trouble),
        Upload::Cut(_) => return problem(&state, Trouble { refusal: Refusal::BAD_FORM, retry_after_s: 0 }),
    };
    answer(&state, claimed_asker(&upload.bytes), move || exchange.query(&upload.bytes)).await
}

/// Runs `work` for the device that asks, when it is its turn, on a thread that may block.
async fn answer(
    state: &AppState,
    device: Option<DeviceId>,
    work: impl FnOnce() -> Result<Vec<u8>, Trouble> + Send + 'static,
) -> Response {
    if let Some(Err(retry_after_s)) = device.map(|device| state.limits().device_may(device)) {
        state.metrics().turned_away("device");
        return problem(state, Trouble { refusal: Refusal::BUSY, retry_after_s });
    }
    let Some(turn) = turn(state).await else {
        state.metrics().turned_away("busy");
        return problem(state, Trouble { refusal: Refusal::BUSY, retry_after_s: BUSY_S });
    };
    let answered = tokio::task::spawn_blocking(move || {
        let answered = work();
        drop(turn);
        answered
    });
    let answered = answered.await;
    if let (Some(device), Ok(answered)) = (device, &answered)
        && proved(answered.as_ref().err())
    {
        state.limits().charge_device(device);
    }
    match answered {
        Ok(Ok(frame)) => ([(CONTENT_TYPE, FRAME)], frame).into_response(),
        Ok(Err(trouble)) => problem(state, trouble),
        Err(_) => problem(state, Trouble { refusal: Refusal::INTERNAL, retry_after_s: 5 }),
    }
}

/// A turn to be worked on, unless too many wait already or it takes too long.
async fn turn(state: &AppState) -> Option<OwnedSemaphorePermit> {
    let _waiting = state.queue().try_acquire().ok()?;
    tokio::time::timeout(PATIENCE, Arc::clone(state.workers()).acquire_owned()).await.ok()?.ok()
}

/// Whether an exchange that ended like this was the device's own: its signature held. What others send in its name is
/// not on its account.
fn proved(trouble: Option<&Trouble>) -> bool {
    trouble.is_none_or(|trouble| matches!(trouble.refusal, Refusal::BUSY | Refusal::INTERNAL | Refusal::NO_SPACE))
}

/// The bytes of an upload, and the memory they were granted.
struct Bytes64 {
    bytes: Vec<u8>,
    memory: Vec<OwnedSemaphorePermit>,
}

enum Upload {
    Whole(Bytes64),
    Cut(Bytes64),
    Refused(Trouble),
}

async fn read(body: Body, state: &AppState, limit: usize) -> Upload {
    let mut upload = Bytes64 { bytes: Vec::new(), memory: Vec::new() };
    let mut pieces = body.into_data_stream();
    let (memory, mut patience) = (state.uploads(), Patience::new(state.pace()));
    loop {
        let began = Instant::now();
        let piece: Bytes = match tokio::time::timeout(patience.left(), pieces.next()).await {
            Ok(Some(Ok(piece))) => piece,
            Ok(None) => return Upload::Whole(upload),
            Ok(Some(Err(_))) | Err(_) => return Upload::Cut(upload),
        };
        patience.moved(piece.len(), began.elapsed());
        if upload.bytes.len() + piece.len() > limit {
            return Upload::Refused(Trouble { refusal: Refusal::TOO_LARGE, retry_after_s: 0 });
        }
        while upload.memory.len() * PIECE < upload.bytes.len() + piece.len() {
            match tokio::time::timeout(PATIENCE, Arc::clone(memory).acquire_owned()).await {
                Ok(Ok(permit)) => upload.memory.push(permit),
                _ => return Upload::Refused(Trouble { refusal: Refusal::BUSY, retry_after_s: BUSY_S }),
            }
        }
        upload.bytes.extend_from_slice(&piece);
    }
}

fn problem(state: &AppState, trouble: Trouble) -> Response {
    // Busy is the caller's to wait for, except when the server is going down.
    let status = match trouble.refusal {
        Refusal::BUSY if !*state.stopping().borrow() => StatusCode::TOO_MANY_REQUESTS,
        _ => trouble.status(),
    };
    let mut response = (status, [(CONTENT_TYPE, FRAME)], trouble.frame(state.now_ms())).into_response();
    let code = HeaderValue::from_static(trouble.refusal.name());
    response.headers_mut().insert(ERROR_HEADER, code);
    if trouble.retry_after_s > 0 {
        response.headers_mut().insert(RETRY_AFTER, trouble.retry_after_s.into());
    }
    if response.status() == StatusCode::INTERNAL_SERVER_ERROR {
        tracing::error!("a sync request failed");
    }
    response
}
