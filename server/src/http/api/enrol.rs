//! `POST /v1/enrol` and `POST /api/v1/login`: one-time codes become keys and tokens.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::enrolment::{self, CodeError, EnrolBundle, EnrolRequest, LoginAnswer};
use crate::folder::Folder;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::extract::ApiJson;
use crate::state::AppState;

impl From<CodeError> for ApiError {
    fn from(error: CodeError) -> Self {
        let status = match error {
            CodeError::Unknown => StatusCode::NOT_FOUND,
            CodeError::Used | CodeError::BadDevice => StatusCode::CONFLICT,
            CodeError::Expired => StatusCode::GONE,
            CodeError::BadKey => StatusCode::BAD_REQUEST,
        };
        Self::new(status, error.code(), error.to_string())
    }
}

/// Makes a device of the official that the code was given to.
#[utoipa::path(
    post, path = "/v1/enrol", tag = "devices", request_body = EnrolRequest,
    responses(
        (status = 200, description = "What the device may hold", body = EnrolBundle),
        (status = 400, description = "`bad_json`, `bad_key`", body = ErrorBody),
        (status = 404, description = "`code_unknown`", body = ErrorBody),
        (status = 409, description = "`code_used`, `bad_device`", body = ErrorBody),
        (status = 410, description = "`code_expired`", body = ErrorBody)
    )
)]
pub(crate) async fn enrol(
    State(state): State<AppState>,
    ApiJson(request): ApiJson<EnrolRequest>,
) -> Result<Json<EnrolBundle>, ApiError> {
    let (now_ms, poll_after_s) = (state.now_ms(), state.poll_after_s());
    let folder = Folder::at(state.db().folder());
    let enrol = move |connection: &rusqlite::Transaction<'_>| {
        enrolment::enrol(connection, &folder, &request, now_ms, poll_after_s)
    };
    Ok(Json(state.db().write_async(enrol).await??))
}

/// A one-time login code.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct LoginRequest {
    /// The code, as `gandan-server init` or `enrol` printed it.
    code: String,
}

/// Exchanges a one-time login code for a bearer token.
#[utoipa::path(
    post, path = "/api/v1/login", tag = "staff", request_body = LoginRequest,
    responses(
        (status = 200, description = "A token", body = LoginAnswer),
        (status = 404, description = "`code_unknown`", body = ErrorBody),
        (status = 409, description = "`code_used`", body = ErrorBody),
        (status = 410, description = "`code_expired`", body = ErrorBody)
    )
)]
pub(crate) async fn login(
    State(state): State<AppState>,
    ApiJson(request): ApiJson<LoginRequest>,
) -> Result<Json<LoginAnswer>, ApiError> {
    let now_ms = state.now_ms();
    let answer = state.db().write_async(move |connection| enrolment::login(connection, &request.code, now_ms));
    Ok(Json(answer.await??))
}
