//! `POST /api/v1/records/{id}/erase`: a document goes for good.

use axum::Json;
use axum::extract::{Path, State};
use gandan_model::ids::{Compartment, DocId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::records::{Body, doc_id, no_record};
use crate::auth::{Principal, Role};
use crate::db::DbError;
use crate::db::sqlite::erasing;
use crate::erasure::{self, By};
use crate::http::error::{ApiError, ErrorBody};
use crate::state::AppState;

/// Longest reason, in bytes.
pub(super) const MAX_REASON: usize = 1_000;

/// Why something is done, in words: it goes into the audit trail. No personal data belongs in here.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
// The reports describe another `Reason`.
#[schema(as = EraseReason)]
pub(crate) struct Reason {
    /// 1 to 1,000 bytes.
    #[schema(min_length = 1, max_length = 1000)]
    pub(super) reason: String,
}

/// The reason, if it is one.
pub(super) fn checked(reason: &str) -> Result<String, ApiError> {
    let reason = reason.trim();
    if reason.is_empty() || reason.len() > MAX_REASON {
        return Err(ApiError::bad_request("bad_reason", "a reason of 1 to 1,000 bytes is needed").with_field("reason"));
    }
    Ok(reason.to_owned())
}

/// What was erased.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Erased {
    /// The document.
    #[schema(value_type = String, format = "uuid")]
    id: DocId,
    /// Code of its unit.
    unit: String,
}

/// Whether somebody may erase what lies here: a commune what is its own and not sealed; the administrator everything,
/// also what that account may not read.
fn may(principal: &Principal, unit: &str, compartment: Compartment) -> bool {
    principal.can_see_unit(unit)
        && match principal.role {
            Role::Administrator => true,
            Role::CommuneStaff => compartment != Compartment::Sealed,
            _ => false,
        }
}

/// Erases a visit, an issue, a contact for good: from lists, search and log here, from phones at their next contact, and
/// again after a restore of an older backup. It cannot be undone.
#[utoipa::path(
    post, path = "/api/v1/records/{id}/erase", tag = "staff", security(("bearer" = []), ("session" = [])), request_body = Reason,
    params(("id" = String, Path, description = "The document's id (a UUID)")),
    responses(
        (status = 200, description = "Erased", body = Erased),
        (status = 400, description = "`bad_json`, `bad_reason`", body = ErrorBody),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 403, description = "`forbidden`: the role does not erase", body = ErrorBody),
        (status = 404, description = "`not_found`: no such document, or not for this account", body = ErrorBody),
        (status = 413, description = "`too_large`", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
        (status = 507, description = "`disk_full`: nothing was changed", body = ErrorBody),
    )
)]
pub(crate) async fn erase(
    State(state): State<AppState>,
    principal: Principal,
    Path(id): Path<String>,
    Body(body): Body<Reason>,
) -> Result<Json<Erased>, ApiError> {
    let (doc, reason) = (doc_id(&id)?, checked(&body.reason)?);
    if !matches!(principal.role, Role::Administrator | Role::CommuneStaff) {
        return Err(ApiError::forbidden(format!("{} may not do this (record.erase)", principal.role)));
    }
    let mut places = state.db().read_async(move |connection| erasing::spaces_of(connection, &doc)).await?;
    places.retain(|(_, unit, compartment)| may(&principal, unit, *compartment));
    let unit = places.first().map(|(_, unit, _)| unit.clone()).ok_or_else(no_record)?;
    let (db, now_ms) = (state.db().clone(), state.now_ms());
    let erase = move || {
        let by = By { who: &principal.name, role: principal.role.as_str(), reason: &reason };
        erasure::erase_everywhere(&db, &places, &doc, &by, now_ms)
    };
    let news = tokio::task::spawn_blocking(erase).await.map_err(DbError::internal)??;
    state.projector().news();
    news.into_iter().for_each(|event| state.events().publish(event));
    // Only when the views have let go of it, too, do the write-ahead files hold nothing of it.
    state.projector().caught_up().await;
    let db = state.db().clone();
    tokio::task::spawn_blocking(move || erasure::empty_journals(&db)).await.map_err(DbError::internal)??;
    Ok(Json(Erased { id: doc, unit }))
}
