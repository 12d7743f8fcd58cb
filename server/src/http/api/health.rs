//! `GET /healthz` and `GET /metrics`.

use axum::Json;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::error::{ApiError, ErrorBody};
use crate::state::AppState;

/// That the server works.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    /// `ok`.
    status: &'static str,
    /// Version of the program.
    version: &'static str,
}

/// Answers when the server takes requests and its database can be read.
#[utoipa::path(
    get, path = "/healthz", tag = "operation",
    responses((status = 200, body = Health), (status = 503, description = "`busy`: going down", body = ErrorBody))
)]
pub(crate) async fn healthz(State(state): State<AppState>) -> Result<Json<Health>, ApiError> {
    if *state.stopping().borrow() {
        return Err(ApiError::busy(5));
    }
    let read = |connection: &rusqlite::Connection| Ok(connection.query_row("SELECT count(*) FROM space", [], |_| Ok(()))?);
    state.db().read_async(read).await?;
    Ok(Json(Health { status: "ok", version: env!("CARGO_PKG_VERSION") }))
}

/// Figures about the server for Prometheus; nothing in them names a person, a unit or a document.
#[utoipa::path(
    get, path = "/metrics", tag = "operation",
    responses((status = 200, description = "OpenMetrics text", content_type = "application/openmetrics-text"))
)]
pub(crate) async fn metrics(State(state): State<AppState>) -> Response {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(CONTENT_TYPE, kind)], state.metrics().text()).into_response()
}
