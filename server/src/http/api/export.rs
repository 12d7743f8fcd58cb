//! `GET /api/v1/export/{file}`: a whole list as a file.

use std::collections::BTreeMap;

use axum::extract::{Path, Query, State};
use axum::http::Uri;
use axum::response::Response;
use gandan_model::rows::{IssueRow, VisitRow};
use rusqlite::Connection;
use tokio::sync::OwnedSemaphorePermit;
use utoipa::IntoParams;

use super::export_cells::TableRow;
use super::export_json::{GeoJson, Lines};
use super::export_stream::{Stream, answer};
use super::export_xlsx;
use super::records::{bad_sort, unit_names};
use super::records_csv::Csv;
use super::records_issues::{IssueQuery, filter as issue_filter};
use super::records_visits::{VisitQuery, scope};
use crate::auth::Principal;
use crate::db::DbError;
use crate::http::error::{ApiError, ErrorBody};
use crate::reports::audit::{self, NewEntry};
use crate::reports::day::Day;
use crate::reports::list::{Cursor, Page, issues, visits};
use crate::reports::scope::Scope;
use crate::state::AppState;

/// Filters of the list; each list takes those that it has, and refuses others.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes both lists; each query is read as that of its list")]
struct ExportQuery {
    /// Code of a unit.
    unit: Option<String>,
    /// Id of an area, or code of a unit.
    area: Option<String>,
    /// Status.
    status: Option<String>,
    /// Programme.
    programme: Option<String>,
    /// Hot spot: a level for visits, `true` or `false` for issues.
    hot_spot: Option<String>,
    /// Visits: id of an official of the team.
    official: Option<String>,
    /// Issues: kind.
    kind: Option<String>,
    /// Issues: field of work.
    field: Option<String>,
    /// Issues: priority.
    priority: Option<String>,
    /// Issues: responsible agency.
    agency: Option<String>,
    /// Issues: the visit at which it was raised.
    visit: Option<String>,
    /// Issues: open after its date, or not.
    overdue: Option<bool>,
    /// Issues: day on which `overdue` is judged.
    #[param(format = Date)]
    as_of: Option<String>,
    /// Issues: raised before, or not.
    long_standing: Option<bool>,
    /// First day.
    #[param(format = Date)]
    from: Option<String>,
    /// Last day.
    #[param(format = Date)]
    to: Option<String>,
    /// Words to search for.
    q: Option<String>,
    /// Only records with or without something that a person must look at.
    needs_review: Option<bool>,
    /// Also what lists leave out.
    all: Option<bool>,
    /// Order, as in the list.
    sort: Option<String>,
    /// For `csv`: begin with a byte order mark.
    bom: Option<bool>,
}

/// A form of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Csv,
    Xlsx,
    GeoJson,
    Lines,
}

impl Form {
    fn read(extension: &str) -> Option<Self> {
        Some(match extension {
            "csv" => Self::Csv,
            "xlsx" => Self::Xlsx,
            "geojson" => Self::GeoJson,
            "jsonl" => Self::Lines,
            _ => return None,
        })
    }

    const fn kind(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Self::GeoJson => "application/geo+json",
            Self::Lines => "application/jsonl",
        }
    }
}

/// Who takes what away, and in which form.
struct Job {
    state: AppState,
    principal: Principal,
    form: Form,
    file: String,
    /// Name of the worksheet.
    title: &'static str,
    bom: bool,
    _room: OwnedSemaphorePermit,
}

fn asked<T: serde::de::DeserializeOwned>(uri: &Uri) -> Result<T, ApiError> {
    let read = Query::<T>::try_from_uri(uri);
    read.map(|Query(asked)| asked).map_err(|error| ApiError::bad_request("bad_query", error.body_text()))
}

/// The whole list with the same filters, as `visits` or `issues` with the ending `csv`, `xlsx`, `geojson` or `jsonl`.
/// Tables have Vietnamese column names in the first line and stable codes in the second, dates as dates, small counts of
/// cards as `<5`, and no cell that a spreadsheet would run. It is written while it is read: closing the connection ends
/// it. `gandan-rows` tells how many records come. Every export leaves a row in the audit trail.
#[utoipa::path(
    get, path = "/api/v1/export/{file}", tag = "staff", security(("bearer" = []), ("session" = [])),
    params(("file" = String, Path, description = "`visits.csv`, `issues.xlsx`, …"), ExportQuery),
    responses(
        (status = 200, description = "The file",
            content((String = "text/csv"), (String = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
                (String = "application/geo+json"), (String = "application/jsonl"))),
        (status = 400, description = "`bad_query`, `bad_date`, `bad_period`, `bad_sort`, `text_too_long`", body = ErrorBody),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 403, description = "`outside_area`", body = ErrorBody),
        (status = 404, description = "`not_found`: no such file; `unknown_area`", body = ErrorBody),
        (status = 413, description = "`too_many_rows`: more than a worksheet holds; narrow the filter or take csv", body = ErrorBody),
        (status = 503, description = "`busy`: too many exports at once", body = ErrorBody),
    )
)]
pub(crate) async fn export(
    State(state): State<AppState>,
    principal: Principal,
    Path(file): Path<String>,
    uri: Uri,
) -> Result<Response, ApiError> {
    let unknown = || ApiError::not_found("there is no such file");
    let (what, ending) = file.split_once('.').ok_or_else(unknown)?;
    let form = Form::read(ending).ok_or_else(unknown)?;
    let room = std::sync::Arc::clone(state.exports()).try_acquire_owned().map_err(|_| ApiError::busy(10))?;
    let now_ms = state.now_ms();
    let own = Scope::of(&principal);
    let title = if what == "visits" { "Cuộc" } else { "Vụ việc" };
    let mut job = Job { state, principal, form, file: file.clone(), title, bom: false, _room: room };
    match what {
        "visits" => {
            let query: VisitQuery = asked(&uri)?;
            let order = visits::order(query.sort.as_deref()).ok_or_else(bad_sort)?;
            job.bom = query.bom.unwrap_or(false);
            let (filter, unit, area) = query.filter()?;
            let scope = scope(&job.state, own, unit, area).await?;
            let (in_scope, wanted) = (scope.clone(), filter.clone());
            let count = move |connection: &Connection| visits::count(connection, &in_scope, &wanted);
            let read = move |connection: &Connection, after: Option<&Cursor>, limit| {
                visits::query(connection, &scope, &filter, order, after, limit)
            };
            job.run::<VisitRow, _>("export.visits", count, read).await
        }
        "issues" => {
            let mut query: IssueQuery = asked(&uri)?;
            let order = issues::order(query.sort.as_deref()).ok_or_else(bad_sort)?;
            job.bom = query.bom.unwrap_or(false);
            let scope = scope(&job.state, own, query.unit.take(), query.area.take()).await?;
            let filter = issue_filter(query, Day::of_ms(now_ms))?;
            let (in_scope, wanted) = (scope.clone(), filter.clone());
            let count = move |connection: &Connection| issues::count(connection, &in_scope, &wanted);
            let read = move |connection: &Connection, after: Option<&Cursor>, limit| {
                issues::query(connection, &scope, &filter, order, after, limit)
            };
            job.run::<IssueRow, _>("export.issues", count, read).await
        }
        _ => Err(unknown()),
    }
}

fn unit_points(connection: &Connection) -> Result<BTreeMap<String, [f64; 2]>, DbError> {
    let mut statement =
        connection.prepare_cached("SELECT code, lon, lat FROM unit WHERE lon IS NOT NULL AND lat IS NOT NULL")?;
    let found = statement.query_map([], |row| Ok((row.get(0)?, [row.get(1)?, row.get(2)?])))?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

impl Job {
    async fn run<R, F>(
        self,
        action: &'static str,
        count: impl FnOnce(&Connection) -> Result<i64, DbError> + Send + 'static,
        read: F,
    ) -> Result<Response, ApiError>
    where
        R: TableRow,
        F: Fn(&Connection, Option<&Cursor>, usize) -> Result<Page<R>, DbError> + Send + 'static,
    {
        let db = self.state.db().clone();
        let both =
            move |connection: &Connection| Ok((count(connection)?, unit_names(connection)?, unit_points(connection)?));
        let (rows, units, points) = db.read_async(both).await?;
        if self.form == Form::Xlsx && rows > export_xlsx::MAX_ROWS {
            let message = "a worksheet holds 1,048,574 rows; narrow the filter or take csv";
            return Err(ApiError::new(axum::http::StatusCode::PAYLOAD_TOO_LARGE, "too_many_rows", message));
        }
        // Before the first byte: whoever takes records away leaves a trace, also if the connection breaks.
        self.note(action, rows).await?;
        let (stream, body) = Stream::new();
        let response = answer(body, self.form.kind(), &self.file, Some(rows));
        tokio::task::spawn_blocking(move || match self.form {
            Form::Csv => stream.pump(&db, read, Csv { bom: self.bom, codes: true, units }),
            Form::Lines => stream.pump(&db, read, Lines),
            Form::GeoJson => stream.pump(&db, read, GeoJson { units: points, first: true }),
            Form::Xlsx => export_xlsx::write(stream, &db, db.folder(), (self.title, &units), read),
        });
        Ok(response)
    }

    async fn note(&self, action: &'static str, rows: i64) -> Result<(), ApiError> {
        // In the trail of a unit, if the account sees but one; else in that of the province.
        let unit = match self.principal.scope.units() {
            Some(units) if units.len() == 1 => units.first().cloned().unwrap_or_default(),
            _ => String::new(),
        };
        let entry = NewEntry {
            at_ms: self.state.now_ms(),
            who: self.principal.name.clone(),
            role: self.principal.role.as_str(),
            action,
            unit,
            doc: None,
            seq: None,
            result: format!("{} {rows}", self.file),
            reason: None,
        };
        Ok(self.state.db().write_async(move |transaction| audit::add(transaction, &entry)).await?)
    }
}
