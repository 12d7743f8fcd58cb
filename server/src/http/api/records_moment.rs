//! `GET /api/v1/records/{id}/at/{change}`: a record as it was.

use axum::Json;
use axum::extract::{Path, State};
use gandan_model::record::Record;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::records::{doc_id, no_record};
use super::records_detail::Veil;
use crate::auth::Principal;
use crate::db::DbError;
use crate::http::error::{ApiError, ErrorBody};
use crate::reports::list::{issues, visits};
use crate::reports::scope::Scope;
use crate::state::AppState;

/// A record as it was.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RecordThen {
    /// The change up to which it is read.
    change: String,
    /// When that was made by its writer's clock, Unix milliseconds.
    at_ms: i64,
    /// Who made it.
    author: String,
    /// On which device.
    device: String,
    /// How many changes had been made until then, this one included.
    step: usize,
    /// Of how many.
    steps: usize,
    /// Everything that was recorded then, read by today's rules.
    #[schema(value_type = Object)]
    record: Value,
}

/// A visit or an issue with everything that had been written when this change of its history was made, and nothing that
/// came later. Of a record whose personal data were erased there is no earlier state.
#[utoipa::path(
    get, path = "/api/v1/records/{id}/at/{change}", tag = "staff", security(("bearer" = []), ("session" = [])),
    params(
        ("id" = String, Path, description = "The record's id (a UUID)"),
        ("change" = String, Path, description = "Hash of a change, as the history gives it"),
    ),
    responses(
        (status = 200, description = "The record as it was", body = RecordThen),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 404, description = "`not_found`: not there, or not for this account", body = ErrorBody),
        (status = 410, description = "`erased`: what stood there is not shown again", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
    )
)]
pub(crate) async fn record_then(
    State(state): State<AppState>,
    principal: Principal,
    Path((id, change)): Path<(String, String)>,
) -> Result<Json<RecordThen>, ApiError> {
    let id = doc_id(&id)?;
    let scope = Scope::of(&principal);
    let then = tokio::task::spawn_blocking(move || {
        let place = state.db().read(|connection| {
            let visit = visits::one(connection, &scope, id)?.map(|found| (found.unit, found.compartment));
            Ok(match visit {
                Some(place) => Some(place),
                None => issues::one(connection, &scope, id)?.map(|found| (found.unit, found.compartment)),
            })
        })?;
        let (unit, compartment) = place.ok_or_else(no_record)?;
        let now = state.staff().load(&principal, &unit, compartment, id)?;
        let facts = now.document.facts();
        let real = |device| !gandan_model::document::is_genesis_actor(device);
        let target = facts.changes.iter().find(|info| info.hash.to_string() == change && real(info.device));
        let target = target.ok_or_else(no_record)?.clone();
        // A change is never earlier than what it builds on, so this is a whole of itself.
        let until = |info: &&gandan_model::facts::ChangeInfo| (info.time, info.device) <= (target.time, target.device);
        let kept: std::collections::HashSet<_> =
            facts.changes.iter().filter(|info| !real(info.device) || until(info)).map(|info| info.hash).collect();
        let (steps, step) = (
            facts.changes.iter().filter(|info| real(info.device)).count(),
            facts.changes.iter().filter(|info| real(info.device)).filter(until).count(),
        );
        let then = state.staff().load_of(&principal, &unit, compartment, id, &kept)?;
        let read = |document: &gandan_model::document::Document| {
            state.db().read(|connection| crate::reports::record(connection, document, &unit))
        };
        let (today, then) = (read(&now.document)?, read(&then.document)?);
        let erased = matches!(&today, Record::Issue(issue) if issue.erased);
        if erased || today.is_wordless() && !principal.role.reads_sealed() {
            let message = "what stood there was erased or sealed and is not shown again";
            return Err(ApiError::new(axum::http::StatusCode::GONE, "erased", message));
        }
        if then.is_wordless() && !principal.role.reads_sealed() {
            return Err(no_record());
        }
        let veil = Veil::new(&principal, erased);
        Ok(RecordThen {
            change: target.hash.to_string(),
            at_ms: target.time,
            author: target.author,
            device: target.device.to_string(),
            step,
            steps,
            record: veil.record(&then)?,
        })
    });
    then.await.map_err(|error| ApiError::from(DbError::internal(error)))?.map(Json)
}
