//! `GET /api/v1/visits`: the list of visits.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::records::{Asked, WantsCsv, bad_sort, csv_wanted, cursor, limit, narrowed, period, unit_names, words};
use super::records_csv::stream;
use super::records_items::VisitItem;
use crate::auth::Principal;
use crate::http::error::{ApiError, ErrorBody};
use crate::reports::list::visits::{self, VisitFilter};
use crate::reports::scope::Scope;
use crate::state::AppState;

/// What a list of visits is asked.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct VisitQuery {
    /// Code of a unit.
    unit: Option<String>,
    /// Id of an area, or code of a unit.
    area: Option<String>,
    /// Status.
    status: Option<String>,
    /// Programme.
    programme: Option<String>,
    /// Hot spot level: `none`, `watch`, `active`, `resolved`.
    hot_spot: Option<String>,
    /// Id of an official of the team.
    official: Option<String>,
    /// First day (`2026-08-02`).
    #[param(format = Date)]
    from: Option<String>,
    /// Last day.
    #[param(format = Date)]
    to: Option<String>,
    /// Words to search for in place, note, names: case, marks and tone placement do not matter; at most 200 characters.
    q: Option<String>,
    /// Only visits with (`true`) or without (`false`) something that a person must look at.
    needs_review: Option<bool>,
    /// Only verified visits that were changed since (`true`), or the others.
    amended: Option<bool>,
    /// Also deleted visits and those that turned out to be another one.
    all: Option<bool>,
    /// `date_desc` (the default), `date_asc`, `updated_desc`.
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

impl VisitQuery {
    /// The filter, and the unit and area to which it narrows.
    pub(super) fn filter(self) -> Result<(VisitFilter, Option<String>, Option<String>), ApiError> {
        let (from, to) = period(self.from.as_deref(), self.to.as_deref())?;
        let filter = VisitFilter {
            status: self.status,
            programme: self.programme,
            hot_spot: self.hot_spot,
            official: self.official,
            from,
            to,
            words: words(self.q)?,
            needs_review: self.needs_review,
            amended: self.amended,
            aside: self.all.unwrap_or(false),
        };
        Ok((filter, self.unit, self.area))
    }
}

/// A page of visits.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VisitPage {
    /// The visits.
    items: Vec<VisitItem>,
    /// Pass this as `next` for the page that follows; null: this is the last.
    next: Option<String>,
}

/// The visits that the caller may see, in pages or as a table.
#[utoipa::path(
    get, path = "/api/v1/visits", tag = "staff", security(("bearer" = []), ("session" = [])), params(VisitQuery),
    responses(
        (status = 200, description = "A page, or with `Accept: text/csv` or `format=csv` the whole list as a table",
            content((VisitPage = "application/json"), (String = "text/csv"))),
        (status = 400, description = "`bad_query`, `bad_date`, `bad_period`, `bad_limit`, `bad_sort`, `bad_cursor`, `text_too_long`", body = ErrorBody),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 403, description = "`outside_area`", body = ErrorBody),
        (status = 404, description = "`unknown_area`", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
    )
)]
pub(crate) async fn visits(
    State(state): State<AppState>,
    principal: Principal,
    accept: WantsCsv,
    Asked(query): Asked<VisitQuery>,
) -> Result<Response, ApiError> {
    let csv = csv_wanted(&accept, query.format.as_deref())?;
    let order = visits::order(query.sort.as_deref()).ok_or_else(bad_sort)?;
    let limit = limit(query.limit)?;
    let after = cursor(query.next.as_deref(), order.name)?;
    let bom = query.bom.unwrap_or(false);
    let (filter, unit, area) = query.filter()?;
    let scope = scope(&state, Scope::of(&principal), unit, area).await?;
    if csv {
        let units = state.db().read_async(unit_names).await?;
        let filter = Arc::new(filter);
        return Ok(stream(state.db().clone(), "visits", bom, units, move |connection, after, limit| {
            visits::query(connection, &scope, &filter, order, after, limit)
        }));
    }
    let page = state.db().read_async(move |connection| {
        let page = visits::query(connection, &scope, &filter, order, after.as_ref(), limit)?;
        let items = page.items.into_iter().map(VisitItem::try_from).collect::<Result<_, _>>()?;
        Ok(VisitPage { items, next: page.next.map(|next| next.to_text()) })
    });
    Ok(Json(page.await?).into_response())
}

/// The caller's scope, narrowed to the unit and the area that are asked for.
pub(super) async fn scope(
    state: &AppState,
    scope: Scope,
    unit: Option<String>,
    area: Option<String>,
) -> Result<Scope, ApiError> {
    let now_ms = state.now_ms();
    let narrow = move |connection: &rusqlite::Connection| {
        let both = narrowed(connection, &scope, area.as_deref(), now_ms)
            .and_then(|(scope, _)| narrowed(connection, &scope, unit.as_deref(), now_ms));
        Ok(both.map(|(scope, _)| scope))
    };
    Ok(state.db().read_async(narrow).await??)
}
