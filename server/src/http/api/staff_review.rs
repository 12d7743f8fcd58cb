//! Settling what a person must look at.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use gandan_model::document::Document;
use gandan_model::patch::FieldEdit;
use gandan_model::record::Record;
use gandan_model::rules::Rules;
use serde::Deserialize;
use serde_json::Value as Json_;
use utoipa::ToSchema;

use super::records::{Body, doc_id, no_record};
use super::staff::{Acted, Action, act, allow, refused};
use crate::auth::Principal;
use crate::http::error::{ApiError, ErrorBody};
use crate::reports::review;
use crate::reports::scope::Scope;
use crate::staff_writer::Target;
use crate::state::AppState;

/// What a person decided.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Decision {
    /// The value that holds from now on; null or absent: what is shown now.
    #[serde(default)]
    #[schema(value_type = Value)]
    value: Json_,
    /// The `basis` of the item that the decision was made on. If values have arrived since, the decision is refused with
    /// `review_changed`, so that nobody decides about what they have not seen.
    basis: Option<String>,
}

/// Settles one review item: the value holds, the item goes away, and whatever arrives later opens it again.
#[utoipa::path(
    post, path = "/api/v1/review/{doc}/{field}/resolve", tag = "staff", security(("bearer" = []), ("session" = [])), request_body = Decision,
    params(
        ("doc" = String, Path, description = "The record's id (a UUID)"),
        ("field" = String, Path, description = "The item's field, such as `counts.residents`"),
    ),
    responses(
        (status = 200, description = "Done", body = Acted),
        (status = 400, description = "`bad_json`", body = ErrorBody),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 403, description = "`forbidden`", body = ErrorBody),
        (status = 404, description = "`not_found`: nothing to review there, or not for this account", body = ErrorBody),
        (status = 409, description = "`review_changed`: other values have arrived since", body = ErrorBody),
        (status = 413, description = "`too_large`", body = ErrorBody),
        (status = 422, description = "The value does not fit the field; the code says how", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
        (status = 507, description = "`disk_full`: nothing was changed", body = ErrorBody),
    )
)]
pub(crate) async fn resolve(
    State(state): State<AppState>,
    principal: Principal,
    Path((id, field)): Path<(String, String)>,
    Body(body): Body<Decision>,
) -> Result<Json<Acted>, ApiError> {
    let doc = doc_id(&id)?;
    let scope = Scope::of(&principal);
    let asked = field.clone();
    let found = state.db().read_async(move |connection| review::place(connection, &scope, doc, &asked)).await?;
    let (unit, compartment, _) = found.ok_or_else(no_record)?;
    allow(&state, &principal, Action::Resolve, &unit, Some(doc)).await?;
    let edits = move |document: &Document| {
        let record = Record::of(document, &Rules::default(), "");
        let item = record.review().iter().find(|item| item.field == field);
        let seen = |basis: &String| item.is_some_and(|item| item.basis == *basis);
        if item.is_none() || !body.basis.as_ref().is_none_or(seen) {
            return Err(refused(&field, "review_changed", "other values have arrived; look at the record again"));
        }
        Ok(vec![FieldEdit::new(format!("review.{field}"), body.value)])
    };
    let target = Target::Existing { unit, compartment, doc };
    match act(&state, principal, Action::Resolve, target, edits).await {
        Err(error) if error.code() == "review_changed" => Err(ApiError::new(
            StatusCode::CONFLICT,
            "review_changed",
            "other values have arrived; look at the record again",
        )),
        other => other.map(Json),
    }
}
