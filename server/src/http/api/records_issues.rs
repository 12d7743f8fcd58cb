//! `GET /api/v1/issues`: the list of issues.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::records::{Asked, WantsCsv, bad_sort, csv_wanted, cursor, day, doc_id, limit, period, unit_names, words};
use super::records_csv::stream;
use super::records_items::IssueItem;
use super::records_visits::scope;
use crate::auth::Principal;
use crate::http::error::{ApiError, ErrorBody};
use crate::reports::day::Day;
use crate::reports::list::issues::{self, IssueFilter};
use crate::reports::scope::Scope;
use crate::state::AppState;

/// What a list of issues is asked.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct IssueQuery {
    /// Code of a unit.
    pub(super) unit: Option<String>,
    /// Id of an area, or code of a unit.
    pub(super) area: Option<String>,
    /// Status.
    status: Option<String>,
    /// Kind.
    kind: Option<String>,
    /// Field of work.
    field: Option<String>,
    /// Priority.
    priority: Option<String>,
    /// Programme of the visit at which it was raised.
    programme: Option<String>,
    /// Responsible agency; case and marks do not matter.
    agency: Option<String>,
    /// The visit at which it was raised.
    visit: Option<String>,
    /// Open after its date (`true`), or not (`false`), judged at the end of `as_of`.
    overdue: Option<bool>,
    /// Day on which `overdue` is judged; today if nothing is asked.
    #[param(format = Date)]
    as_of: Option<String>,
    /// That somebody still has to settle (`true`), or not.
    open: Option<bool>,
    /// Without a responsible agency (`true`), or with one.
    unassigned: Option<bool>,
    /// To be settled on this day or later.
    #[param(format = Date)]
    due_from: Option<String>,
    /// To be settled on this day or earlier.
    #[param(format = Date)]
    due_to: Option<String>,
    /// Marked as a hot spot, or not.
    hot_spot: Option<bool>,
    /// Raised before, or not.
    long_standing: Option<bool>,
    /// Received from this day (`2026-08-02`).
    #[param(format = Date)]
    from: Option<String>,
    /// Received until this day.
    #[param(format = Date)]
    to: Option<String>,
    /// Words to search for in title, description, place, ticket, agency: case, marks and tone placement do not matter.
    q: Option<String>,
    /// Only issues with (`true`) or without (`false`) something that a person must look at.
    needs_review: Option<bool>,
    /// Also deleted issues.
    all: Option<bool>,
    /// `received_desc` (the default), `received_asc`, `due_asc`, `updated_desc`.
    pub(super) sort: Option<String>,
    /// Records of the page, 1 to 200; 50 if nothing is asked. A table has all pages.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// `next` of the page before.
    next: Option<String>,
    /// `json` or `csv`.
    format: Option<String>,
    /// With `csv`: begin with a byte order mark, which some spreadsheets need to read Vietnamese.
    pub(super) bom: Option<bool>,
}

/// A page of issues.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct IssuePage {
    /// The issues.
    items: Vec<IssueItem>,
    /// Pass this as `next` for the page that follows; null: this is the last.
    next: Option<String>,
}

/// The issues that the caller may see, in pages or as a table. An agency sees those assigned to it; denunciations are
/// seen by the inspectorate alone.
#[utoipa::path(
    get, path = "/api/v1/issues", tag = "staff", security(("bearer" = []), ("session" = [])), params(IssueQuery),
    responses(
        (status = 200, description = "A page, or with `Accept: text/csv` or `format=csv` the whole list as a table",
            content((IssuePage = "application/json"), (String = "text/csv"))),
        (status = 400, description = "`bad_query`, `bad_date`, `bad_period`, `bad_limit`, `bad_sort`, `bad_cursor`, `text_too_long`", body = ErrorBody),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 403, description = "`outside_area`", body = ErrorBody),
        (status = 404, description = "`unknown_area`", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
    )
)]
pub(crate) async fn issues(
    State(state): State<AppState>,
    principal: Principal,
    accept: WantsCsv,
    Asked(mut query): Asked<IssueQuery>,
) -> Result<Response, ApiError> {
    let csv = csv_wanted(&accept, query.format.as_deref())?;
    let order = issues::order(query.sort.as_deref()).ok_or_else(bad_sort)?;
    let limit = limit(query.limit)?;
    let after = cursor(query.next.as_deref(), order.name)?;
    let scope = scope(&state, Scope::of(&principal), query.unit.take(), query.area.take()).await?;
    let bom = query.bom.unwrap_or(false);
    let filter = filter(query, Day::of_ms(state.now_ms()))?;
    if csv {
        let units = state.db().read_async(unit_names).await?;
        let filter = Arc::new(filter);
        return Ok(stream(state.db().clone(), "issues", bom, units, move |connection, after, limit| {
            issues::query(connection, &scope, &filter, order, after, limit)
        }));
    }
    let page = state.db().read_async(move |connection| {
        let page = issues::query(connection, &scope, &filter, order, after.as_ref(), limit)?;
        let items = page.items.into_iter().map(IssueItem::try_from).collect::<Result<_, _>>()?;
        Ok(IssuePage { items, next: page.next.map(|next| next.to_text()) })
    });
    Ok(Json(page.await?).into_response())
}

pub(super) fn filter(query: IssueQuery, today: Day) -> Result<IssueFilter, ApiError> {
    let (from, to) = period(query.from.as_deref(), query.to.as_deref())?;
    let (due_from, due_to) = (day("due_from", query.due_from.as_deref())?, day("due_to", query.due_to.as_deref())?);
    let as_of = day("as_of", query.as_of.as_deref())?.unwrap_or(today);
    // Whatever is not an id is the id of no visit: the list is empty, as for a visit that is not there.
    let visit = query.visit.map(|text| doc_id(&text).unwrap_or(gandan_model::ids::DocId([0; 16])));
    Ok(IssueFilter {
        status: query.status,
        kind: query.kind,
        field: query.field,
        priority: query.priority,
        agency: query.agency,
        programme: query.programme,
        visit,
        from,
        to,
        overdue: query.overdue.map(|overdue| (overdue, as_of)),
        open: query.open,
        unassigned: query.unassigned,
        due_from,
        due_to,
        hot_spot: query.hot_spot,
        long_standing: query.long_standing,
        words: words(query.q)?,
        needs_review: query.needs_review,
        aside: query.all.unwrap_or(false),
    })
}
