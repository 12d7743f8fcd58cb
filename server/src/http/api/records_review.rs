//! `GET /api/v1/review`: what a person must look at. `GET /api/v1/audit`: who did what.

use axum::Json;
use axum::extract::State;
use data_encoding::BASE64URL_NOPAD;
use gandan_model::ids::DocId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::records::{Asked, doc_id, limit, period};
use super::records_detail::Veil;
use super::records_visits::scope;
use crate::auth::{Principal, Role};
use crate::http::error::{ApiError, ErrorBody};
use crate::reports::audit::{self, AuditEntry, AuditFilter, AuditScope};
use crate::reports::review::{self, ReviewFilter, ReviewRow};
use crate::reports::scope::Scope;
use crate::state::AppState;

/// What a list of review items is asked.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReviewQuery {
    /// Code of a unit.
    unit: Option<String>,
    /// Id of an area, or code of a unit.
    area: Option<String>,
    /// `visit`, `issue`, `assignment` or `plan`.
    kind: Option<String>,
    /// Merge rule, such as `multi_value`.
    rule: Option<String>,
    /// Items of the page, 1 to 200; 50 if nothing is asked.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// `next` of the page before.
    next: Option<String>,
}

/// A page of review items.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReviewPage {
    /// The items, by record and field.
    items: Vec<ReviewRow>,
    /// Pass this as `next` for the page that follows; null: this is the last.
    next: Option<String>,
}

/// Differences that nobody has settled, in the records that the caller may see.
#[utoipa::path(
    get, path = "/api/v1/review", tag = "staff", security(("bearer" = []), ("session" = [])), params(ReviewQuery),
    responses(
        (status = 200, description = "A page", body = ReviewPage),
        (status = 400, description = "`bad_query`, `bad_limit`, `bad_cursor`", body = ErrorBody),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 403, description = "`outside_area`", body = ErrorBody),
        (status = 404, description = "`unknown_area`", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
    )
)]
pub(crate) async fn review_items(
    State(state): State<AppState>,
    principal: Principal,
    Asked(query): Asked<ReviewQuery>,
) -> Result<Json<ReviewPage>, ApiError> {
    let limit = limit(query.limit)?;
    let after = query.next.as_deref().map(read_cursor).transpose()?;
    let scope = scope(&state, Scope::of(&principal), query.unit, query.area).await?;
    let filter = ReviewFilter { kind: query.kind, rule: query.rule, after, limit: limit + 1 };
    let mut items = state.db().read_async(move |connection| review::query(connection, &scope, &filter)).await?;
    let more = items.len() > limit;
    items.truncate(limit);
    let veil = Veil::new(&principal, false);
    items = items.into_iter().map(|row| ReviewRow { item: veil.review(row.item), ..row }).collect();
    let next = items
        .last()
        .filter(|_| more)
        .map(|row| BASE64URL_NOPAD.encode(format!("{}|{}", row.doc, row.item.field).as_bytes()));
    Ok(Json(ReviewPage { items, next }))
}

fn read_cursor(text: &str) -> Result<(DocId, String), ApiError> {
    let read = || {
        let plain =
            String::from_utf8(BASE64URL_NOPAD.decode(text.get(..text.len().min(1_000))?.as_bytes()).ok()?).ok()?;
        let (doc, field) = plain.split_once('|')?;
        Some((doc.parse().ok()?, field.to_owned()))
    };
    read().ok_or_else(|| ApiError::bad_request("bad_cursor", "next is not a cursor of this list").with_field("next"))
}

/// What the audit trail is asked.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuditQuery {
    /// Only entries of this record.
    doc: Option<String>,
    /// Only entries after this place in the trail.
    after: Option<i64>,
    /// Only entries before this place in the trail, and the newest first; 0 begins with the last one.
    before: Option<i64>,
    /// Only entries of this account.
    who: Option<String>,
    /// Only this action, or with a dot at the end all that begin so, such as `account.`.
    action: Option<String>,
    /// Only entries about this unit.
    unit: Option<String>,
    /// From this day (UTC+7).
    #[param(format = Date)]
    from: Option<String>,
    /// Until this day.
    #[param(format = Date)]
    to: Option<String>,
    /// Entries of the page, 1 to 200; 50 if nothing is asked.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
}

/// A page of the audit trail.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditPage {
    /// The entries, oldest first, or with `before` the newest first. Pass the last one's `n` as `after` or `before` for
    /// those that follow.
    items: Vec<AuditEntry>,
}

/// The trail of what staff did: for the inspectorate. Administrators read what was done to accounts, officials, devices
/// and settings, which belongs to no unit.
#[utoipa::path(
    get, path = "/api/v1/audit", tag = "staff", security(("bearer" = []), ("session" = [])), params(AuditQuery),
    responses(
        (status = 200, description = "A page", body = AuditPage),
        (status = 400, description = "`bad_query`, `bad_limit`, `bad_date`, `bad_period`", body = ErrorBody),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 403, description = "`forbidden`: not the inspectorate, not an administrator", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
    )
)]
pub(crate) async fn audit_trail(
    State(state): State<AppState>,
    principal: Principal,
    Asked(query): Asked<AuditQuery>,
) -> Result<Json<AuditPage>, ApiError> {
    let scope = match principal.role {
        Role::Inspector => AuditScope::Records(Scope::of(&principal)),
        Role::Administrator => AuditScope::Administration,
        _ => return Err(ApiError::forbidden("only the inspectorate and administrators read the audit trail")),
    };
    let limit = limit(query.limit)?;
    let (from, to) = period(query.from.as_deref(), query.to.as_deref())?;
    let filter = AuditFilter {
        doc: query.doc.as_deref().map(doc_id).transpose()?,
        who: query.who,
        action: query.action,
        unit: query.unit,
        from,
        to,
        after: query.after.unwrap_or(0),
        before: query.before,
        limit,
    };
    let items = state.db().read_async(move |connection| audit::query(connection, &scope, &filter)).await?;
    Ok(Json(AuditPage { items }))
}
