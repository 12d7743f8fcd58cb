//! Giving a file's bytes: all of them, a range, or the word that the caller has them; to devices and to staff.

use std::io::{self, Write};

use axum::extract::{Path, State};
use axum::http::header::{
    ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_NONE_MATCH, RANGE,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use gandan_model::ids::FileHash;

use super::export_stream::Stream;
use super::files::{file_hash, header};
use super::records::{doc_id, no_record};
use crate::attachments::{AttachmentError, Attachments};
use crate::auth::Principal;
use crate::db::DbError;
use crate::db::sqlite::attachments::{self, Stored};
use crate::http::error::{ApiError, ErrorBody};
use crate::reports::list::visits;
use crate::reports::scope::Scope;
use crate::state::AppState;

/// Bytes read at a time.
const PIECE: usize = 256 << 10;

/// A photograph, a document or a sound of a visit: the original or the thumbnail, by the hash that the visit gives
/// (`sha256`, `thumb_sha256`).
#[utoipa::path(
    get, path = "/api/v1/visits/{id}/files/{hash}", tag = "staff", security(("bearer" = []), ("session" = [])),
    params(
        ("id" = String, Path, description = "The visit's id (a UUID)"),
        ("hash" = String, Path, description = "SHA-256 of the file, 64 hexadecimal digits"),
        ("range" = Option<String>, Header, description = "One range of bytes"),
        ("if-none-match" = Option<String>, Header, description = "The hash in quotation marks"),
    ),
    responses(
        (status = 200, description = "The file; `etag` is its hash", content_type = "application/octet-stream"),
        (status = 206, description = "The range", content_type = "application/octet-stream"),
        (status = 304, description = "The caller has it"),
        (status = 400, description = "`bad_id`", body = ErrorBody),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 404, description = "`not_found`: not there, not arrived yet, or not for this account", body = ErrorBody),
        (status = 416, description = "`bad_range`", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
    )
)]
pub(crate) async fn visit_file(
    State(state): State<AppState>,
    principal: Principal,
    Path((id, hash)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (id, hash) = (doc_id(&id)?, file_hash(&hash)?);
    let scope = Scope::of(&principal);
    let files = state.exchange().attachments.clone();
    let reader = files.clone();
    let find = move || {
        let named = state.db().read(|connection| {
            let visible = visits::one(connection, &scope, id)?.is_some();
            Ok(visible && attachments::names(connection, &id, &hash)?)
        })?;
        if named { Ok::<_, ApiError>(reader.for_reader(&hash)?) } else { Err(no_record()) }
    };
    let stored = tokio::task::spawn_blocking(find).await.map_err(DbError::internal)??;
    give(files, hash, stored, &headers).await
}

/// The answer with a file that the caller may have.
pub(super) async fn give(
    files: Attachments,
    hash: FileHash,
    stored: Stored,
    headers: &HeaderMap,
) -> Result<Response, ApiError> {
    let etag = format!("\"{hash}\"");
    let has = header(headers, &IF_NONE_MATCH).split(',').any(|tag| tag.trim().trim_start_matches("W/") == etag);
    let tag = HeaderValue::from_str(&etag).map_err(|error| AttachmentError::Io(io::Error::other(error)))?;
    if has {
        return Ok((StatusCode::NOT_MODIFIED, [(ETAG, tag)]).into_response());
    }
    let range = range(header(headers, &RANGE), stored.length)?;
    let (status, (from, to)) = match range {
        Some(range) => (StatusCode::PARTIAL_CONTENT, range),
        None => (StatusCode::OK, (0, stored.length)),
    };
    let (stream, body) = Stream::new();
    tokio::task::spawn_blocking(move || {
        let mut stream = stream;
        let copied = copy(&files, &hash, from, to, &mut stream);
        stream.finish(copied);
    });
    let mut answer = (status, body).into_response();
    let out = answer.headers_mut();
    out.insert(ETAG, tag);
    out.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    out.insert(CONTENT_LENGTH, HeaderValue::from(to - from));
    out.insert(CONTENT_DISPOSITION, HeaderValue::from_static("inline"));
    out.insert(CONTENT_TYPE, HeaderValue::from_str(&stored.mime).unwrap_or(super::sync::FRAME));
    if range.is_some() {
        let place = format!("bytes {from}-{}/{}", to - 1, stored.length);
        out.extend(HeaderValue::from_str(&place).ok().map(|place| (CONTENT_RANGE, place)));
    }
    Ok(answer)
}

fn copy(files: &Attachments, hash: &FileHash, mut from: u64, to: u64, out: &mut Stream) -> io::Result<()> {
    while from < to {
        let most = usize::try_from(to - from).unwrap_or(PIECE).min(PIECE);
        let piece = files.read(hash, from, most)?;
        if piece.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        from += piece.len() as u64;
        out.write_all(&piece)?;
    }
    Ok(())
}

/// The one range that is asked for, as (first, behind the last); `None` for all bytes. Several ranges at once are
/// answered with all bytes, as RFC 9110 allows.
fn range(value: &str, length: u64) -> Result<Option<(u64, u64)>, ApiError> {
    if value.is_empty() {
        return Ok(None);
    }
    let unsatisfiable =
        || ApiError::new(StatusCode::RANGE_NOT_SATISFIABLE, "bad_range", format!("0 to {length} bytes"));
    let parsed = http_range_header::parse_range_header(value).map_err(|_| unsatisfiable())?;
    let ranges = parsed.validate(length).map_err(|_| unsatisfiable())?;
    match ranges.as_slice() {
        [one] => Ok(Some((*one.start(), one.end() + 1))),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_standard_says() {
        let cases = [
            ("", Ok(None)),
            ("bytes=0-9", Ok(Some((0, 10)))),
            ("bytes=90-", Ok(Some((90, 100)))),
            ("bytes=-5", Ok(Some((95, 100)))),
            ("bytes=0-4,10-14", Ok(None)),
            // Beyond the end is the end, however far.
            ("bytes=0-18446744073709551616", Ok(Some((0, 100)))),
        ];
        for (value, wanted) in cases {
            assert_eq!(range(value, 100).map_err(|error| error.code().to_owned()), wanted, "{value}");
        }
        for bad in ["bytes=100-", "bytes=9-1", "lines=0-1", "bytes=x-y", "bytes=-"] {
            assert_eq!(range(bad, 100).unwrap_err().code(), "bad_range", "{bad}");
        }
    }
}
