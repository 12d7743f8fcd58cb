//! `GET /healthz` and `GET /metrics`.

use axum::Json;
use axum::extract::{Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

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

/// What else to wait for.
#[derive(Deserialize, IntoParams)]
pub(crate) struct HealthQuery {
    /// Answer only when everything that was acknowledged before is in lists and reports too: for scripts that read
    /// right after a sync.
    #[serde(default)]
    views_current: bool,
}

/// Answers when the server takes requests and its database can be read.
#[utoipa::path(
    get, path = "/healthz", tag = "operation", params(HealthQuery),
    responses((status = 200, body = Health), (status = 503, description = "`busy`: going down", body = ErrorBody))
)]
pub(crate) async fn healthz(
    State(state): State<AppState>,
    Query(query): Query<HealthQuery>,
) -> Result<Json<Health>, ApiError> {
    if *state.stopping().borrow() || (query.views_current && !state.projector().caught_up().await) {
        return Err(ApiError::busy(5));
    }
    let read =
        |connection: &rusqlite::Connection| Ok(connection.query_row("SELECT count(*) FROM space", [], |_| Ok(()))?);
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
