//! Limits, holidays, make-up days and remote units as data: what is in force, what a change would do, and the change.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use gandan_model::rules::{Rules, RulesChange, RulesData, RulesError};
use gandan_model::text::check_text;
use rusqlite::{Connection, Transaction};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::admin::{administrator, note, refuse};
use super::records::{Asked, Body, no_record};
use crate::auth::Principal;
use crate::db::DbError;
use crate::db::sqlite::org;
use crate::db::sqlite::rules::{self, Edition};
use crate::http::error::{ApiError, ErrorBody};
use crate::reports::day::Day;
use crate::reports::due::{self, Effect};
use crate::reports::scope::Scope;
use crate::state::AppState;

/// Most editions: a change a day for a quarter of a century.
const MAX_EDITIONS: i64 = 10_000;

/// Which edition.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct EditionQuery {
    /// Number of an edition; without it the one in force.
    edition: Option<i64>,
}

/// An edition of the rules.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RulesEdition {
    /// Its number.
    edition: i64,
    /// Whether it is in force.
    in_force: bool,
    /// What it says.
    rules: RulesData,
    /// All editions, newest first; the last is the one that the program ships.
    editions: Vec<Edition>,
}

/// The rules in force, or those of an earlier edition.
#[utoipa::path(
    get, path = "/api/v1/admin/rules", tag = "admin", security(("bearer" = []), ("session" = [])), params(EditionQuery),
    responses(
        (status = 200, description = "The rules", body = RulesEdition),
        (status = 400, description = "`bad_query`", body = ErrorBody),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 403, description = "`forbidden`: not an administrator", body = ErrorBody),
        (status = 404, description = "`not_found`: no such edition", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
    )
)]
pub(crate) async fn read_rules(
    State(state): State<AppState>,
    principal: Principal,
    Asked(query): Asked<EditionQuery>,
) -> Result<Json<RulesEdition>, ApiError> {
    administrator(&principal)?;
    let read = move |connection: &Connection| {
        let (newest, _) = rules::current(connection)?;
        let edition = query.edition.unwrap_or(newest);
        let Some(rules) = rules::rules_of(connection, edition)? else { return Ok(None) };
        let editions = rules::editions(connection)?;
        Ok(Some(RulesEdition { edition, in_force: edition == newest, rules: rules.data(), editions }))
    };
    state.db().read_async(read).await?.ok_or_else(no_record).map(Json)
}

/// A change of the rules.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RulesRequest {
    /// Number of the edition that the change builds on: the one in force.
    edition: i64,
    /// Why, for the audit trail: the decision, its number and date.
    #[serde(default)]
    reason: String,
    /// What changes.
    change: RulesChange,
}

/// Whether to do it.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApplyQuery {
    /// `true`: do it. Otherwise only its effect is told and nothing changes.
    apply: Option<bool>,
}

/// What a change does.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RulesOutcome {
    /// The edition in force after the request.
    edition: i64,
    /// Whether it was done.
    applied: bool,
    /// What it does to the due dates of the issues that the caller may see; lists and phones follow within moments, and at
    /// the phones' next contact.
    effect: Effect,
}

fn moved() -> ApiError {
    let message = "somebody changed the rules meanwhile; look at them again";
    ApiError::new(StatusCode::CONFLICT, "edition_moved", message).with_field("edition")
}

fn bad_rules(error: &RulesError) -> ApiError {
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, error.code(), error.to_string()).with_field("change")
}

/// What the change makes of the rules in force, and what that does to due dates.
fn preview(
    connection: &Connection,
    scope: &Scope,
    request: &RulesRequest,
    today: Day,
) -> Result<Result<(Arc<Rules>, Effect), ApiError>, DbError> {
    let (edition, _) = rules::current(connection)?;
    if edition != request.edition {
        return Ok(Err(moved()));
    }
    for unit in request.change.remote.keys() {
        if !org::has_unit(connection, unit)? {
            return Ok(Err(refuse("change", "unknown_unit", &format!("no unit {unit}"))));
        }
    }
    let version = format!("{} ({})", today.date(), edition + 1);
    let now = rules::in_force(connection)?.data();
    match request.change.applied_to(&now, &version, today.date()) {
        Ok(rules) => {
            let effect = due::effect(connection, scope, &rules, today)?;
            Ok(Ok((Arc::new(rules), effect)))
        }
        Err(error) => Ok(Err(bad_rules(&error))),
    }
}

/// Changes the rules: limits end and begin with dates of effect, holidays and make-up days are set, units are marked as
/// remote. Without `apply` nothing changes and the answer tells what would; with it a new edition is in force, every due
/// date is derived again and phones get the rules at their next contact.
#[utoipa::path(
    post, path = "/api/v1/admin/rules", tag = "admin", security(("bearer" = []), ("session" = [])),
    request_body = RulesRequest, params(ApplyQuery),
    responses(
        (status = 200, description = "What it does", body = RulesOutcome),
        (status = 400, description = "`bad_json`, `bad_query`", body = ErrorBody),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 403, description = "`forbidden`: not an administrator", body = ErrorBody),
        (status = 409, description = "`edition_moved`: somebody changed the rules meanwhile", body = ErrorBody),
        (status = 422, description = "`deadline_rule`, `deadline_ambiguous` (two rules for one case), `deadline_too_many`, `calendar_twice_listed`, `calendar_content`, `unknown_rule`, `rule_in_force`, `unknown_day`, `unknown_unit`, `text_needed` (a reason, to do it), `text_too_long`, `too_many`", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
    )
)]
pub(crate) async fn change_rules(
    State(state): State<AppState>,
    principal: Principal,
    Asked(query): Asked<ApplyQuery>,
    Body(request): Body<RulesRequest>,
) -> Result<Json<RulesOutcome>, ApiError> {
    administrator(&principal)?;
    let apply = query.apply == Some(true);
    let reason = check_text("reason", request.reason.trim(), 500)
        .map_err(|_| refuse("reason", "text_too_long", "at most 500 characters"))?;
    if apply && reason.is_empty() {
        return Err(refuse("reason", "text_needed", "say why: the decision, its number and date"));
    }
    let (now_ms, scope, edition) = (state.now_ms(), Scope::of(&principal), request.edition);
    let read = move |connection: &Connection| preview(connection, &scope, &request, Day::of_ms(now_ms));
    let (rules, effect) = state.db().read_async(read).await??;
    if !apply {
        return Ok(Json(RulesOutcome { edition, applied: false, effect }));
    }
    let write = move |transaction: &Transaction<'_>| {
        if rules::current(transaction)?.0 != edition {
            return Ok(Err(moved()));
        }
        if edition >= MAX_EDITIONS {
            return Ok(Err(refuse("edition", "too_many", "no more than 10,000 editions are kept")));
        }
        let edition = rules::add(transaction, &rules, &principal.name, &reason, now_ms)?;
        note(transaction, &principal, "rules.change", &format!("{edition}: {reason}"), now_ms)?;
        Ok(Ok(edition))
    };
    let edition = state.db().write_async(write).await??;
    state.projector().news();
    Ok(Json(RulesOutcome { edition, applied: true, effect }))
}
