//! One action on many records: each is done, or refused, by itself.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::records::Body;
use super::staff::Acted;
use super::staff_issues::{Assign, NewEvent, NewReply, assign_one, event_one, reply_one};
use super::staff_visits::{ReturnReason, return_one, verify_one};
use crate::auth::Principal;
use crate::http::error::{ApiError, ErrorBody};
use crate::state::AppState;

/// Most records of one request: each costs a commit of some milliseconds.
const MAX_RECORDS: usize = 200;

/// One action on many issues: exactly one of `assign`, `event` and `reply`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BulkIssues {
    /// The issues, at most 200.
    ids: Vec<String>,
    /// As `POST /api/v1/issues/{id}/assign`.
    assign: Option<Assign>,
    /// As `POST /api/v1/issues/{id}/events`; with `duplicate_of` it merges them into one.
    event: Option<NewEvent>,
    /// As `POST /api/v1/issues/{id}/reply`.
    reply: Option<NewReply>,
}

/// One action on many visits: `verify` or `return`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BulkVisits {
    /// The visits, at most 200.
    ids: Vec<String>,
    /// `true`: verify them.
    verify: Option<bool>,
    /// Return them, with the reason.
    r#return: Option<ReturnReason>,
}

/// What became of one record.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BulkItem {
    /// The record, as it was named.
    id: String,
    /// True if it reads as asked now.
    ok: bool,
    /// Place of the change in the log of its unit; null if nothing had to be changed, or if it was refused.
    seq: Option<u64>,
    /// If it was refused: a stable code.
    code: Option<String>,
    /// If it was refused: a sentence for people.
    message: Option<String>,
}

/// What became of each record.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BulkAnswer {
    /// In the order of the request.
    items: Vec<BulkItem>,
}

fn item(id: String, acted: Result<Acted, ApiError>) -> BulkItem {
    match acted {
        Ok(acted) => BulkItem { id, ok: true, seq: acted.seq, code: None, message: None },
        Err(error) => BulkItem {
            id,
            ok: false,
            seq: None,
            code: Some(error.code().to_owned()),
            message: Some(error.message().to_owned()),
        },
    }
}

fn checked(ids: &[String], actions: usize) -> Result<(), ApiError> {
    let refuse = |field: &'static str, code: &'static str, message: &str| {
        Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, code, message).with_field(field))
    };
    if actions != 1 {
        return refuse("action", "one_action", "name exactly one action");
    }
    if ids.is_empty() || ids.len() > MAX_RECORDS {
        return refuse("ids", "too_many", "name 1 to 200 records");
    }
    Ok(())
}

/// Does one thing with many issues. Each is done or refused by itself, as if it had been asked for alone; the answer says
/// which.
#[utoipa::path(
    post, path = "/api/v1/issues/bulk", tag = "staff", security(("bearer" = []), ("session" = [])), request_body = BulkIssues,
    responses(
        (status = 200, description = "What became of each", body = BulkAnswer),
        (status = 400, description = "`bad_json`", body = ErrorBody),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 422, description = "`one_action`, `too_many`", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
    )
)]
pub(crate) async fn issues(
    State(state): State<AppState>,
    principal: Principal,
    Body(body): Body<BulkIssues>,
) -> Result<Json<BulkAnswer>, ApiError> {
    let given = [body.assign.is_some(), body.event.is_some(), body.reply.is_some()];
    checked(&body.ids, given.iter().filter(|given| **given).count())?;
    let mut items = Vec::with_capacity(body.ids.len());
    for id in body.ids {
        let who = principal.clone();
        let acted = match (&body.assign, &body.event, &body.reply) {
            (Some(assign), ..) => assign_one(&state, who, &id, assign.clone()).await,
            (_, Some(event), _) => event_one(&state, who, &id, event.clone()).await,
            (.., Some(reply)) => reply_one(&state, who, &id, reply.clone()).await,
            (None, None, None) => return checked(&[], 0).map(|()| Json(BulkAnswer { items: Vec::new() })),
        };
        items.push(item(id, acted));
    }
    Ok(Json(BulkAnswer { items }))
}

/// Verifies or returns many visits. Each is done or refused by itself; the answer says which.
#[utoipa::path(
    post, path = "/api/v1/visits/bulk", tag = "staff", security(("bearer" = []), ("session" = [])), request_body = BulkVisits,
    responses(
        (status = 200, description = "What became of each", body = BulkAnswer),
        (status = 400, description = "`bad_json`", body = ErrorBody),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 422, description = "`one_action`, `too_many`", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
    )
)]
pub(crate) async fn visits(
    State(state): State<AppState>,
    principal: Principal,
    Body(body): Body<BulkVisits>,
) -> Result<Json<BulkAnswer>, ApiError> {
    let verify = body.verify == Some(true);
    checked(&body.ids, usize::from(verify) + usize::from(body.r#return.is_some()))?;
    let mut items = Vec::with_capacity(body.ids.len());
    for id in body.ids {
        let who = principal.clone();
        let acted = match &body.r#return {
            Some(reason) => return_one(&state, who, &id, reason.clone()).await,
            None => verify_one(&state, who, &id).await,
        };
        items.push(item(id, acted));
    }
    Ok(Json(BulkAnswer { items }))
}
