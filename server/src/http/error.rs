//! Errors as callers see them: a status, a stable code, a sentence.
//!
//! The code stands in the body and in the header `gandan-error`. A proxy's error page has no such header: that is how a
//! client tells a word of ours from somebody else's.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header::HeaderName};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::db::DbError;
use crate::error::ServerError;
use crate::staff_writer::StaffError;

/// The header that every error of ours carries.
pub const ERROR_HEADER: HeaderName = HeaderName::from_static("gandan-error");

/// The body of an error.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorBody {
    /// What went wrong.
    pub error: ErrorDetail,
}

/// What went wrong.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorDetail {
    /// A stable code for programs.
    #[schema(example = "not_found")]
    pub code: String,
    /// A sentence for people.
    pub message: String,
    /// The field at fault, if one is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

/// An error on its way out.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    code: String,
    message: String,
    field: Option<String>,
    retry_after_s: Option<u32>,
}

impl ApiError {
    /// An error with this status, code and sentence.
    pub fn new(status: StatusCode, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { status, code: code.into(), message: message.into(), field: None, retry_after_s: None }
    }

    /// 400: the caller sent something that cannot be understood.
    pub fn bad_request(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// 401: no token, or one that is not valid (any more).
    pub fn unauthorised() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorised", "a valid bearer token is needed")
    }

    /// 403: a valid token, but not for this.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", message)
    }

    /// 404: nothing there, or nothing that the caller may see.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    /// 503: try again after so many seconds.
    pub fn busy(retry_after_s: u32) -> Self {
        let mut error = Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "the server is busy; try again in a moment");
        error.retry_after_s = Some(retry_after_s);
        error
    }

    /// 429: too often; try again after so many seconds.
    pub fn too_often(retry_after_s: u32) -> Self {
        let mut error =
            Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", "too many requests; wait a little");
        error.retry_after_s = Some(retry_after_s);
        error
    }

    /// 429: this name was tried too often with a wrong password; it rests for so many seconds.
    pub fn resting(retry_after_s: u32) -> Self {
        let message = "too many failed attempts; wait before the next";
        let mut error = Self::new(StatusCode::TOO_MANY_REQUESTS, "locked", message);
        error.retry_after_s = Some(retry_after_s);
        error
    }

    /// Names the field at fault.
    #[must_use]
    pub fn with_field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The stable code.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The sentence for people.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let code = HeaderValue::from_str(&self.code).unwrap_or(HeaderValue::from_static("internal"));
        let detail = ErrorDetail { code: self.code, message: self.message, field: self.field };
        let mut response = (self.status, Json(ErrorBody { error: detail })).into_response();
        response.headers_mut().insert(ERROR_HEADER, code);
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(axum::http::header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

impl From<DbError> for ApiError {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Busy => Self::busy(2),
            DbError::Full => Self::new(
                StatusCode::INSUFFICIENT_STORAGE,
                error.code(),
                "the server's disk is full; nothing was changed",
            ),
            _ => {
                tracing::error!(code = error.code(), %error, "database error");
                // What exactly broke is for the log, not for the caller.
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, error.code(), "something broke on the server")
            }
        }
    }
}

impl From<ServerError> for ApiError {
    fn from(error: ServerError) -> Self {
        match error {
            ServerError::Db(error) => error.into(),
            ServerError::Busy => Self::busy(2),
            ServerError::Invalid { code, message } => Self::bad_request(code, message),
            ServerError::Io { .. } | ServerError::Internal(_) => {
                tracing::error!(code = error.code(), %error, "server error");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, error.code(), "something broke on the server")
            }
        }
    }
}

impl From<StaffError> for ApiError {
    fn from(error: StaffError) -> Self {
        match error {
            StaffError::NotFound => Self::not_found("no such record"),
            StaffError::Forbidden => Self::forbidden("this account may not change records"),
            StaffError::Field { field, code, message } => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, message).with_field(field)
            }
            StaffError::Server(error) => error.into(),
        }
    }
}
