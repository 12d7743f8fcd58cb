//! `/v1/files`: files' bytes, up by the resumable uploads of tus 1.0, down by ranges. Every request carries the pass of
//! the device that makes it ([`gandan_sync::attachment`]).

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use ed25519_dalek::VerifyingKey;
use gandan_model::attachment::MAX_BYTES;
use gandan_model::ids::FileHash;
use gandan_sync::attachment::{Doing, FILES, MAX_PIECE, Metadata, PIECE_TYPE, Pass, TUS_VERSION};
use tokio_stream::StreamExt;

use super::files_read::give;
use crate::attachments::{AttachmentError, Uploading};
use crate::db::storage::DeviceRow;
use crate::db::{DbError, Storage};
use crate::front::Patience;
use crate::http::error::{ApiError, ErrorBody};
use crate::state::AppState;

const TUS_RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");
const UPLOAD_METADATA: HeaderName = HeaderName::from_static("upload-metadata");
const TUS_VERSIONS: HeaderName = HeaderName::from_static("tus-version");
const TUS_EXTENSION: HeaderName = HeaderName::from_static("tus-extension");
const TUS_MAX_SIZE: HeaderName = HeaderName::from_static("tus-max-size");
/// What is spoken beside the core of tus.
const EXTENSIONS: &str = "creation,creation-with-upload";
/// Bytes that are gathered before they are written down.
const GATHER: usize = 64 << 10;

/// Says what of tus is spoken here: `tus-version`, `tus-extension`, `tus-max-size`. Asks for nothing and says nothing of any
/// file.
#[utoipa::path(
    options, path = "/v1/files", tag = "devices",
    responses((status = 204, description = "`tus-version`, `tus-extension`, `tus-max-size` in bytes"))
)]
pub(crate) async fn abilities() -> Response {
    let spoken = [
        (TUS_RESUMABLE, HeaderValue::from_static(TUS_VERSION)),
        (TUS_VERSIONS, HeaderValue::from_static(TUS_VERSION)),
        (TUS_EXTENSION, HeaderValue::from_static(EXTENSIONS)),
        (TUS_MAX_SIZE, HeaderValue::from(MAX_BYTES)),
    ];
    (StatusCode::NO_CONTENT, spoken).into_response()
}

/// Creates an upload (tus 1.0, extensions `creation` and `creation-with-upload`): `upload-length` says how many bytes
/// there will be, `upload-metadata` which file (`sha256`) of a record in which `space`. The body is the first piece.
#[utoipa::path(
    post, path = "/v1/files", tag = "devices",
    request_body(content_type = "application/offset+octet-stream", description = "The first bytes; may be none"),
    responses(
        (status = 201, description = "`location`, `upload-offset`: at its end if the file is on disk"),
        (status = 400, description = "`bad_upload`", body = ErrorBody),
        (status = 401, description = "`unknown_device`, `bad_signature`", body = ErrorBody),
        (status = 403, description = "`revoked`, `no_grant`", body = ErrorBody),
        (status = 409, description = "`wrong_offset`: bytes are here already", body = ErrorBody),
        (status = 410, description = "`gone`: removed on privacy grounds", body = ErrorBody),
        (status = 412, description = "`tus_version`", body = ErrorBody),
        (status = 413, description = "`too_large`", body = ErrorBody),
        (status = 422, description = "`wrong_hash`, `attachment_…`: not what may be attached", body = ErrorBody),
        (status = 423, description = "`locked`", body = ErrorBody),
        (status = 429, description = "`busy`: too many bytes a day, or open uploads", body = ErrorBody),
        (status = 507, description = "`no_space`", body = ErrorBody)
    )
)]
pub(crate) async fn create(State(state): State<AppState>, parts: Parts, body: Body) -> Result<Response, ApiError> {
    let device = admitted(&state, &parts).await?;
    resumable(&parts.headers)?;
    let bad = || ApiError::bad_request("bad_upload", "`upload-length` and `upload-metadata` say what will come");
    let length: u64 = header(&parts.headers, &UPLOAD_LENGTH).parse().map_err(|_| bad())?;
    let metadata = Metadata::from_header(header(&parts.headers, &UPLOAD_METADATA)).ok_or_else(bad)?;
    let files = state.exchange().attachments.clone();
    let uploading = blocking(move || files.begin(&device, &metadata, length)).await?;
    let uploading = if uploading.arrived.offset == 0 { receive(&state, uploading, body).await? } else { uploading };
    let mut answer = (StatusCode::CREATED, standing(&uploading)).into_response();
    if let Ok(location) = HeaderValue::from_str(&format!("{FILES}/{}", metadata.hash)) {
        answer.headers_mut().insert(LOCATION, location);
    }
    Ok(answer)
}

/// Adds the next bytes to an upload, from `upload-offset` on (tus 1.0). When the last one is here, the file is looked at
/// and on disk before the answer goes out. What arrived of a body that was cut stays.
#[utoipa::path(
    patch, path = "/v1/files/{hash}", tag = "devices",
    params(("hash" = String, Path, description = "SHA-256 of the file, 64 hexadecimal digits")),
    request_body(content_type = "application/offset+octet-stream", description = "At most 1 MiB"),
    responses(
        (status = 204, description = "`upload-offset`: how much has arrived; all of it: on disk"),
        (status = 400, description = "`bad_upload`", body = ErrorBody),
        (status = 401, description = "`unknown_device`, `bad_signature`", body = ErrorBody),
        (status = 403, description = "`revoked`", body = ErrorBody),
        (status = 404, description = "`not_found`: no such upload; create it", body = ErrorBody),
        (status = 409, description = "`wrong_offset`: ask by HEAD", body = ErrorBody),
        (status = 410, description = "`gone`", body = ErrorBody),
        (status = 412, description = "`tus_version`", body = ErrorBody),
        (status = 413, description = "`too_large`", body = ErrorBody),
        (status = 415, description = "`bad_upload`: another content type", body = ErrorBody),
        (status = 422, description = "`wrong_hash`, `attachment_…`: thrown away", body = ErrorBody),
        (status = 423, description = "`locked`", body = ErrorBody),
        (status = 507, description = "`no_space`", body = ErrorBody)
    )
)]
pub(crate) async fn append(
    State(state): State<AppState>,
    Path(hash): Path<String>,
    parts: Parts,
    body: Body,
) -> Result<Response, ApiError> {
    let (device, hash) = (admitted(&state, &parts).await?, file_hash(&hash)?);
    resumable(&parts.headers)?;
    if header(&parts.headers, &CONTENT_TYPE) != PIECE_TYPE {
        let message = format!("a piece is {PIECE_TYPE}");
        return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "bad_upload", message));
    }
    let offset = header(&parts.headers, &UPLOAD_OFFSET).parse();
    let offset =
        offset.map_err(|_| ApiError::bad_request("bad_upload", "`upload-offset` says where the piece begins"))?;
    let files = state.exchange().attachments.clone();
    let uploading = blocking(move || files.go_on(device.id, hash, Some(offset))).await?;
    let uploading = receive(&state, uploading, body).await?;
    Ok((StatusCode::NO_CONTENT, standing(&uploading)).into_response())
}

/// How much of a file has arrived (tus 1.0): `upload-offset` of `upload-length`.
#[utoipa::path(
    head, path = "/v1/files/{hash}", tag = "devices",
    params(("hash" = String, Path, description = "SHA-256 of the file, 64 hexadecimal digits")),
    responses(
        (status = 200, description = "`upload-offset`, `upload-length`"),
        (status = 401, description = "`unknown_device`, `bad_signature`"),
        (status = 403, description = "`revoked`"),
        (status = 404, description = "`not_found`: no such upload"),
        (status = 410, description = "`gone`"),
        (status = 423, description = "`locked`")
    )
)]
pub(crate) async fn look(
    State(state): State<AppState>,
    Path(hash): Path<String>,
    parts: Parts,
) -> Result<Response, ApiError> {
    let (device, hash) = (admitted(&state, &parts).await?, file_hash(&hash)?);
    resumable(&parts.headers)?;
    let files = state.exchange().attachments.clone();
    let uploading = blocking(move || files.go_on(device.id, hash, None)).await?;
    let length = [(UPLOAD_LENGTH, HeaderValue::from(uploading.arrived.length))];
    let no_store = [(axum::http::header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((StatusCode::OK, standing(&uploading), length, no_store).into_response())
}

/// A file's bytes, or a range of them, for a device that receives a record that names the file.
#[utoipa::path(
    get, path = "/v1/files/{hash}", tag = "devices",
    params(
        ("hash" = String, Path, description = "SHA-256 of the file, 64 hexadecimal digits"),
        ("range" = Option<String>, Header, description = "One range of bytes"),
        ("if-none-match" = Option<String>, Header, description = "The hash in quotation marks"),
    ),
    responses(
        (status = 200, description = "All of it; `etag` is the hash", content_type = "application/octet-stream"),
        (status = 206, description = "The range", content_type = "application/octet-stream"),
        (status = 304, description = "The caller has it"),
        (status = 401, description = "`unknown_device`, `bad_signature`", body = ErrorBody),
        (status = 403, description = "`revoked`", body = ErrorBody),
        (status = 404, description = "`not_found`: not here, or not for this device", body = ErrorBody),
        (status = 416, description = "`bad_range`", body = ErrorBody)
    )
)]
pub(crate) async fn read(
    State(state): State<AppState>,
    Path(hash): Path<String>,
    parts: Parts,
) -> Result<Response, ApiError> {
    let (device, hash) = (admitted(&state, &parts).await?, file_hash(&hash)?);
    let files = state.exchange().attachments.clone();
    let reader = files.clone();
    let stored = blocking(move || reader.for_device(&device, &hash)).await?;
    give(files, hash, stored, &parts.headers).await
}

/// The device that makes the request, if its pass is for just that and it was not revoked.
async fn admitted(state: &AppState, parts: &Parts) -> Result<DeviceRow, ApiError> {
    let unauthorised =
        |code: &'static str| ApiError::new(StatusCode::UNAUTHORIZED, code, "the device's pass is not valid");
    let pass =
        Pass::from_header(header(&parts.headers, &AUTHORIZATION)).ok_or_else(|| unauthorised("bad_signature"))?;
    let db = state.db().clone();
    let find = move || {
        let storage: &dyn Storage = &db;
        storage.read(|log| log.device(&pass.device))
    };
    let device = tokio::task::spawn_blocking(find).await.map_err(DbError::internal)??;
    let device = device.ok_or_else(|| unauthorised("unknown_device"))?;
    let doing = Doing {
        method: parts.method.as_str(),
        path: parts.uri.path(),
        offset: header(&parts.headers, &UPLOAD_OFFSET),
        metadata: if parts.method == Method::POST { header(&parts.headers, &UPLOAD_METADATA) } else { "" },
    };
    let key = VerifyingKey::from_bytes(&device.key).map_err(|_| unauthorised("bad_signature"))?;
    if !pass.proves(&key, doing) {
        return Err(unauthorised("bad_signature"));
    }
    match device.revoked_ms {
        Some(_) => Err(ApiError::new(StatusCode::FORBIDDEN, "revoked", "this device was revoked")),
        None => Ok(device),
    }
}

/// Takes a piece in as it comes; what came before a cut stays. After the last byte the file is finished.
async fn receive(state: &AppState, mut uploading: Uploading, body: Body) -> Result<Uploading, ApiError> {
    let mut pieces = body.into_data_stream();
    let mut patience = Patience::new(state.pace());
    let (mut gathered, mut total) = (Vec::new(), 0);
    let cut = loop {
        let began = Instant::now();
        let Ok(next) = tokio::time::timeout(patience.left(), pieces.next()).await else { break true };
        let Some(Ok(piece)) = next else { break next.is_some() };
        patience.moved(piece.len(), began.elapsed());
        total += piece.len();
        if total > MAX_PIECE {
            return Err(AttachmentError::TooLarge.into());
        }
        gathered.extend_from_slice(&piece);
        if gathered.len() >= GATHER {
            uploading = write(uploading, std::mem::take(&mut gathered)).await?;
        }
    };
    uploading = write(uploading, gathered).await?;
    if cut {
        // Nobody hears this any more.
        return Err(ApiError::bad_request("bad_upload", "the body was cut"));
    }
    let turn = Arc::clone(state.workers()).acquire_owned().await;
    blocking(move || {
        let _turn = turn;
        uploading.finish().map(|()| uploading)
    })
    .await
}

async fn write(mut uploading: Uploading, bytes: Vec<u8>) -> Result<Uploading, ApiError> {
    blocking(move || uploading.append(&bytes).map(|()| uploading)).await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, AttachmentError> + Send + 'static,
) -> Result<T, ApiError> {
    Ok(tokio::task::spawn_blocking(work).await.map_err(DbError::internal)??)
}

fn standing(uploading: &Uploading) -> [(HeaderName, HeaderValue); 2] {
    [
        (TUS_RESUMABLE, HeaderValue::from_static(TUS_VERSION)),
        (UPLOAD_OFFSET, HeaderValue::from(uploading.arrived.offset)),
    ]
}

fn resumable(headers: &HeaderMap) -> Result<(), ApiError> {
    if header(headers, &TUS_RESUMABLE) == TUS_VERSION {
        return Ok(());
    }
    Err(ApiError::new(StatusCode::PRECONDITION_FAILED, "tus_version", format!("`tus-resumable` is {TUS_VERSION}")))
}

/// A header's value; empty if there is none, or none in plain text.
pub(super) fn header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// The file that a path names.
pub(super) fn file_hash(text: &str) -> Result<FileHash, ApiError> {
    text.parse().map_err(|_| ApiError::from(AttachmentError::NotFound))
}

impl From<AttachmentError> for ApiError {
    fn from(error: AttachmentError) -> Self {
        let status = match &error {
            AttachmentError::Unfit(_) | AttachmentError::WrongHash => StatusCode::UNPROCESSABLE_ENTITY,
            AttachmentError::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            AttachmentError::WrongOffset => StatusCode::CONFLICT,
            AttachmentError::Locked => StatusCode::LOCKED,
            AttachmentError::NotFound => StatusCode::NOT_FOUND,
            AttachmentError::Gone => StatusCode::GONE,
            AttachmentError::NoGrant => StatusCode::FORBIDDEN,
            AttachmentError::Quota => StatusCode::TOO_MANY_REQUESTS,
            AttachmentError::Io(io) if crate::attachments::is_full(io) => StatusCode::INSUFFICIENT_STORAGE,
            AttachmentError::Io(_) => StatusCode::INTERNAL_SERVER_ERROR,
            AttachmentError::Db(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        if status.is_server_error() {
            tracing::error!(code = error.code(), %error, "a file could not be moved");
        }
        // What exactly broke is for the log, not for the caller.
        let message = match &error {
            AttachmentError::Io(_) | AttachmentError::Db(_) => "the server cannot do this at the moment".to_owned(),
            AttachmentError::TooLarge => format!("a file has at most {MAX_BYTES} bytes, a piece {MAX_PIECE}"),
            other => other.to_string(),
        };
        Self::new(status, error.code(), message)
    }
}
