//! What staff do with an issue: assign it, move it on, reply.

use axum::Json;
use axum::extract::{Path, State};
use gandan_model::codes::{Confirmation, IssueStatus, Outcome, ReplyChannel};
use gandan_model::document::Document;
use gandan_model::ids::DocId;
use gandan_model::issue::Issue;
use gandan_model::moment::Moment;
use gandan_model::patch::FieldEdit;
use gandan_model::rules::Rules;
use gandan_model::text::fold;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::records::{Body, doc_id, no_record};
use super::staff::{Acted, Action, act, allow, refused};
use super::staff_steps::{Step, check};
use crate::auth::Principal;
use crate::http::error::{ApiError, ErrorBody};
use crate::reports::day::Day;
use crate::reports::list::issues;
use crate::reports::scope::Scope;
use crate::staff_writer::{StaffError, Target};
use crate::state::AppState;

/// Which agency must settle an issue.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Assign {
    /// The agency's name, at most 200 characters.
    agency: String,
    /// Why.
    reason: Option<String>,
    /// Number of the document that forwards it.
    document: Option<String>,
}

/// A step of an issue.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewEvent {
    /// The status that it brings about.
    to: String,
    /// Why; needed for `out_of_competence` and `not_accepted`.
    reason: Option<String>,
    /// Number of the document that carries the decision.
    document: Option<String>,
    /// When it happened (RFC 3339), not in the future; now if nothing is given.
    at: Option<String>,
    /// For `withdrawn`: the form of the resident's own statement.
    statement: Option<String>,
    /// For `duplicate`: the issue that this one repeats.
    duplicate_of: Option<String>,
    /// For `closed` and `reopened`: what the resident says of the result.
    confirmation: Option<String>,
    /// For a complaint: the day on which it was accepted.
    accepted_on: Option<String>,
}

/// An answer to the resident.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewReply {
    /// `direct`, `written`, `phone`, `online` or `public_notice`.
    channel: String,
    /// The answer, at most 4,000 characters. Without names.
    text: String,
    /// `fully_met`, `partly_met`, `not_met_explained` or `guided`.
    outcome: String,
    /// When it was given (RFC 3339), not in the future; now if nothing is given.
    at: Option<String>,
}

/// States in which naming an agency also forwards the issue to it.
const BEFORE_FORWARDING: [IssueStatus; 4] =
    [IssueStatus::Recorded, IssueStatus::Received, IssueStatus::AwaitingInfo, IssueStatus::Reopened];

/// Finds an issue that the caller may see and act on.
async fn target(
    state: &AppState,
    principal: &Principal,
    action: Action,
    id: &str,
) -> Result<(DocId, Target), ApiError> {
    let id = doc_id(id)?;
    let scope = Scope::of(principal);
    let found = state.db().read_async(move |connection| issues::one(connection, &scope, id)).await?;
    let found = found.ok_or_else(no_record)?;
    allow(state, principal, action, &found.unit, Some(id)).await?;
    Ok((id, Target::Existing { unit: found.unit, compartment: found.compartment, doc: id }))
}

/// The issue as it is now. The list may lag behind it, so the agency's right is looked at again.
fn current(document: &Document, principal: &Principal) -> Result<Issue, StaffError> {
    let issue = Issue::of(document, &Rules::default(), "");
    let own = |agency: &str| issue.responsible_agency.as_deref().is_some_and(|found| fold(found) == fold(agency));
    if principal.agency().is_some_and(|agency| !own(agency)) { Err(StaffError::NotFound) } else { Ok(issue) }
}

fn moment(field: &str, text: Option<&str>) -> Result<Option<Moment>, StaffError> {
    let read = |text: &str| text.parse().map_err(|error| refused(field, "bad_date", format!("{error}")));
    text.map(read).transpose()
}

/// Names the agency that must settle an issue. One that nobody works on yet is forwarded with it.
#[utoipa::path(
    post, path = "/api/v1/issues/{id}/assign", tag = "staff", security(("bearer" = []), ("session" = [])), request_body = Assign,
    params(("id" = String, Path, description = "The issue's id (a UUID)")),
    responses(
        (status = 200, description = "Done", body = Acted),
        (status = 400, description = "`bad_json`", body = ErrorBody),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 403, description = "`forbidden`", body = ErrorBody),
        (status = 404, description = "`not_found`: not there, or not for this account", body = ErrorBody),
        (status = 413, description = "`too_large`", body = ErrorBody),
        (status = 422, description = "`agency_needed`, `bad_transition`, `text_too_long`", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
        (status = 507, description = "`disk_full`: nothing was changed", body = ErrorBody),
    )
)]
pub(crate) async fn assign(
    State(state): State<AppState>,
    principal: Principal,
    Path(id): Path<String>,
    Body(body): Body<Assign>,
) -> Result<Json<Acted>, ApiError> {
    Ok(Json(assign_one(&state, principal, &id, body).await?))
}

/// Names the agency of one issue.
pub(super) async fn assign_one(
    state: &AppState,
    principal: Principal,
    id: &str,
    body: Assign,
) -> Result<Acted, ApiError> {
    let (_, target) = target(state, &principal, Action::Assign, id).await?;
    let edits = move |document: &Document| {
        if body.agency.trim().is_empty() {
            return Err(refused("agency", "agency_needed", "name the agency"));
        }
        let issue = Issue::of(document, &Rules::default(), "");
        if issue.status.is_exit() || issue.status == IssueStatus::Closed {
            return Err(refused(
                "agency",
                "bad_transition",
                format!("an issue that is {} has no agency", issue.status),
            ));
        }
        let mut edits = vec![FieldEdit::new("responsible_agency", body.agency.trim())];
        if BEFORE_FORWARDING.contains(&issue.status) {
            let event = json!({"to": "forwarded", "reason": body.reason, "document": body.document});
            edits.push(FieldEdit::new("event", event));
        }
        Ok(edits)
    };
    act(state, principal, Action::Assign, target, edits).await
}

/// Moves an issue on. The procedure is kept: withdrawals need the resident's own statement, refusals a reason, closing a
/// reply and the resident's word or 15 days without dispute. An agency can take up, resolve, or say that it is not
/// competent.
#[utoipa::path(
    post, path = "/api/v1/issues/{id}/events", tag = "staff", security(("bearer" = []), ("session" = [])), request_body = NewEvent,
    params(("id" = String, Path, description = "The issue's id (a UUID)")),
    responses(
        (status = 200, description = "Done", body = Acted),
        (status = 400, description = "`bad_json`", body = ErrorBody),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 403, description = "`forbidden`", body = ErrorBody),
        (status = 404, description = "`not_found`: not there, or not for this account", body = ErrorBody),
        (status = 413, description = "`too_large`", body = ErrorBody),
        (status = 422, description = "`bad_status`, `bad_transition`, `statement_needed`, `reason_needed`, `only_complaints`, `duplicate_of_needed`, `use_reply`, `agency_needed`, `reply_needed`, `confirmation_needed`, `disputed`, `bad_date`, `in_future`, `text_too_long`", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
        (status = 507, description = "`disk_full`: nothing was changed", body = ErrorBody),
    )
)]
pub(crate) async fn event(
    State(state): State<AppState>,
    principal: Principal,
    Path(id): Path<String>,
    Body(body): Body<NewEvent>,
) -> Result<Json<Acted>, ApiError> {
    Ok(Json(event_one(&state, principal, &id, body).await?))
}

/// Moves one issue on.
pub(super) async fn event_one(
    state: &AppState,
    principal: Principal,
    id: &str,
    body: NewEvent,
) -> Result<Acted, ApiError> {
    let (id, target) = target(state, &principal, Action::Event, id).await?;
    let (actor, now_ms) = (principal.clone(), state.now_ms());
    let edits = move |document: &Document| event_edits(&current(document, &actor)?, id, &actor, &body, now_ms);
    act(state, principal, Action::Event, target, edits).await
}

fn event_edits(
    issue: &Issue,
    id: DocId,
    principal: &Principal,
    body: &NewEvent,
    now_ms: i64,
) -> Result<Vec<FieldEdit>, StaffError> {
    let step = Step {
        to: IssueStatus::from(body.to.as_str()),
        reason: body.reason.as_deref(),
        statement: body.statement.as_deref(),
        duplicate: body.duplicate_of.is_some(),
        confirmation: body.confirmation.as_deref().map(Confirmation::from),
        at: moment("at", body.at.as_deref())?,
    };
    if step.to == issue.status {
        return Ok(Vec::new());
    }
    check(issue, &step, principal.role, now_ms)?;
    if body.duplicate_of.as_deref() == Some(id.to_string().as_str()) {
        return Err(refused("duplicate_of", "bad_transition", "an issue cannot repeat itself"));
    }
    if step.confirmation.as_ref().is_some_and(|code| !code.is_known()) {
        return Err(refused("confirmation", "bad_code", "not a code of the list"));
    }
    let event = json!({
        "to": body.to, "reason": body.reason, "document": body.document, "at": body.at, "statement": body.statement,
    });
    let mut edits = vec![FieldEdit::new("event", event)];
    let optional = [
        ("duplicate_of", &body.duplicate_of),
        ("resident_confirmation", &body.confirmation),
        ("accepted_on", &body.accepted_on),
    ];
    let given = optional.into_iter().filter_map(|(field, value)| Some(FieldEdit::new(field, value.as_deref()?)));
    edits.extend(given);
    Ok(edits)
}

/// Gives the resident an answer: by which channel, in which words, with what outcome. The issue becomes `replied`.
#[utoipa::path(
    post, path = "/api/v1/issues/{id}/reply", tag = "staff", security(("bearer" = []), ("session" = [])), request_body = NewReply,
    params(("id" = String, Path, description = "The issue's id (a UUID)")),
    responses(
        (status = 200, description = "Done", body = Acted),
        (status = 400, description = "`bad_json`", body = ErrorBody),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 403, description = "`forbidden`", body = ErrorBody),
        (status = 404, description = "`not_found`: not there, or not for this account", body = ErrorBody),
        (status = 413, description = "`too_large`", body = ErrorBody),
        (status = 422, description = "`bad_code`, `text_needed`, `text_too_long`, `bad_transition`, `bad_date`, `in_future`", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
        (status = 507, description = "`disk_full`: nothing was changed", body = ErrorBody),
    )
)]
pub(crate) async fn reply(
    State(state): State<AppState>,
    principal: Principal,
    Path(id): Path<String>,
    Body(body): Body<NewReply>,
) -> Result<Json<Acted>, ApiError> {
    Ok(Json(reply_one(&state, principal, &id, body).await?))
}

/// Answers the resident of one issue.
pub(super) async fn reply_one(
    state: &AppState,
    principal: Principal,
    id: &str,
    body: NewReply,
) -> Result<Acted, ApiError> {
    let (_, target) = target(state, &principal, Action::Reply, id).await?;
    let (actor, now_ms) = (principal.clone(), state.now_ms());
    let edits = move |document: &Document| reply_edits(&current(document, &actor)?, &body, now_ms);
    act(state, principal, Action::Reply, target, edits).await
}

fn reply_edits(issue: &Issue, body: &NewReply, now_ms: i64) -> Result<Vec<FieldEdit>, StaffError> {
    if !ReplyChannel::from(body.channel.as_str()).is_known() {
        return Err(refused("channel", "bad_code", "not a code of the list"));
    }
    if !Outcome::from(body.outcome.as_str()).is_known() {
        return Err(refused("outcome", "bad_code", "not a code of the list"));
    }
    if body.text.trim().is_empty() {
        return Err(refused("text", "text_needed", "write what the resident is told"));
    }
    if issue.status.is_exit() || issue.status == IssueStatus::Closed {
        return Err(refused("text", "bad_transition", format!("an issue that is {} takes no reply", issue.status)));
    }
    let at = moment("at", body.at.as_deref())?;
    if at.is_some_and(|at| at.ms() > now_ms + 300_000) {
        return Err(refused("at", "in_future", "a reply lies in the past"));
    }
    let at = at.unwrap_or(Moment::from_ms(now_ms / 1000 * 1000));
    let reply = json!({"at": at, "channel": body.channel, "text": body.text});
    let mut edits = vec![
        FieldEdit::new("reply", reply),
        FieldEdit::new("reply_channel", body.channel.as_str()),
        FieldEdit::new("result_text", body.text.as_str()),
        FieldEdit::new("outcome", body.outcome.as_str()),
        FieldEdit::new("replied_on", Day::of_ms(at.ms()).date().to_string()),
    ];
    if issue.status != IssueStatus::Replied {
        edits.push(FieldEdit::new("event", json!({"to": "replied", "at": at})));
    }
    Ok(edits)
}
