//! What the endpoints for visits, issues and review items share: reading what is asked, narrowing to an area, pages.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::header::ACCEPT;
use axum::http::request::Parts;
use gandan_model::ids::DocId;
use gandan_model::moment::parse_date;
use rusqlite::{Connection, OptionalExtension};
use serde::de::DeserializeOwned;

use crate::db::DbError;
use crate::db::sqlite::people::civil_date;
use crate::http::error::ApiError;
use crate::reports::day::Day;
use crate::reports::list::{Cursor, DEFAULT_LIMIT, MAX_LIMIT, MAX_QUERY};
use crate::reports::scope::Scope;
use crate::reports::summary::Area;

/// A query string, read strictly: an unknown name or a value of the wrong form is an error with the code `bad_query`,
/// because a filter that is silently left out gives a list that looks right and is not.
pub(crate) struct Asked<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Query::<T>::try_from_uri(&parts.uri)
            .map(|Query(asked)| Self(asked))
            .map_err(|error| ApiError::bad_request("bad_query", error.body_text()))
    }
}

/// A JSON body, with our errors: `bad_json` for one that cannot be read, `too_large` for one over the limit.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        match axum::Json::<T>::from_request(request, state).await {
            Ok(axum::Json(body)) => Ok(Self(body)),
            Err(error) if error.status() == axum::http::StatusCode::PAYLOAD_TOO_LARGE => {
                Err(ApiError::new(error.status(), "too_large", "the body is too large"))
            }
            Err(error) => Err(ApiError::bad_request("bad_json", error.body_text())),
        }
    }
}

/// True if the caller asks for a table in place of JSON: `?format=csv`, or `Accept: text/csv`.
pub(crate) struct WantsCsv(pub(crate) bool);

impl<S: Sync> FromRequestParts<S> for WantsCsv {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let accept = parts.headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("");
        let first = accept.split([',', ';']).next().unwrap_or("").trim();
        Ok(Self(first.eq_ignore_ascii_case("text/csv")))
    }
}

/// Whether a `format` parameter, together with the `Accept` header, means a table.
pub(crate) fn csv_wanted(header: &WantsCsv, format: Option<&str>) -> Result<bool, ApiError> {
    match format {
        None => Ok(header.0),
        Some("csv") => Ok(true),
        Some("json") => Ok(false),
        Some(_) => Err(ApiError::bad_request("bad_query", "format is json or csv").with_field("format")),
    }
}

/// A record's id from a path. Whatever is not an id names no record.
pub(crate) fn doc_id(text: &str) -> Result<DocId, ApiError> {
    text.parse().map_err(|_| no_record())
}

/// The answer for a record that is not there and for one that the caller may not see: the same.
pub(crate) fn no_record() -> ApiError {
    ApiError::not_found("no such record")
}

/// A civil date from a query.
pub(crate) fn day(field: &'static str, text: Option<&str>) -> Result<Option<Day>, ApiError> {
    let read = |text| {
        parse_date(text)
            .map(Day::of)
            .map_err(|error| ApiError::bad_request("bad_date", error.to_string()).with_field(field))
    };
    text.map(read).transpose()
}

/// First and last day of a period, in this order.
pub(crate) fn period(from: Option<&str>, to: Option<&str>) -> Result<(Option<Day>, Option<Day>), ApiError> {
    let (from, to) = (day("from", from)?, day("to", to)?);
    if from.zip(to).is_some_and(|(first, last)| first > last) {
        return Err(ApiError::bad_request("bad_period", "from lies after to").with_field("from"));
    }
    Ok((from, to))
}

/// The number of records of a page.
pub(crate) fn limit(asked: Option<usize>) -> Result<usize, ApiError> {
    let limit = asked.unwrap_or(DEFAULT_LIMIT);
    if (1..=MAX_LIMIT).contains(&limit) {
        return Ok(limit);
    }
    let message = format!("limit is a number from 1 to {MAX_LIMIT}");
    Err(ApiError::bad_request("bad_limit", message).with_field("limit"))
}

/// Words to search for, within bounds.
pub(crate) fn words(text: Option<String>) -> Result<Option<String>, ApiError> {
    match text {
        Some(text) if text.chars().count() > MAX_QUERY => {
            let message = format!("q has at most {MAX_QUERY} characters");
            Err(ApiError::bad_request("text_too_long", message).with_field("q"))
        }
        text => Ok(text),
    }
}

/// The cursor of the page before.
pub(crate) fn cursor(text: Option<&str>, sort: &str) -> Result<Option<Cursor>, ApiError> {
    let read = |text| {
        Cursor::read(text, sort).ok_or_else(|| {
            let message = "next is not a cursor of this list in this order; begin again without it";
            ApiError::bad_request("bad_cursor", message).with_field("next")
        })
    };
    text.map(read).transpose()
}

/// An order that the list does not have.
pub(crate) fn bad_sort() -> ApiError {
    ApiError::bad_request("bad_sort", "the list has no such order").with_field("sort")
}

/// Why an area cannot be read.
pub(crate) enum AreaError {
    /// No area or unit has this id.
    Unknown,
    /// It lies outside of what the caller may see.
    Outside,
    /// The database failed.
    Db(DbError),
}

impl From<DbError> for AreaError {
    fn from(error: DbError) -> Self {
        Self::Db(error)
    }
}

impl From<rusqlite::Error> for AreaError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Db(error.into())
    }
}

impl From<AreaError> for ApiError {
    fn from(error: AreaError) -> Self {
        match error {
            AreaError::Unknown => {
                Self::new(axum::http::StatusCode::NOT_FOUND, "unknown_area", "there is no such area or unit")
                    .with_field("area")
            }
            AreaError::Outside => {
                Self::new(axum::http::StatusCode::FORBIDDEN, "outside_area", "this account sees nothing of that area")
                    .with_field("area")
            }
            AreaError::Db(error) => error.into(),
        }
    }
}

/// Narrows a scope to an area (by id) or a unit (by code), as its members stand today; without one, or for `province`,
/// the whole scope.
pub(crate) fn narrowed(
    connection: &Connection,
    scope: &Scope,
    area: Option<&str>,
    now_ms: i64,
) -> Result<(Scope, Area), AreaError> {
    let Some(asked) = area.filter(|asked| *asked != "province") else {
        let units = scope.units.as_ref().map(|units| units.iter().cloned().collect());
        let province = "SELECT name FROM unit WHERE kind = 'province' ORDER BY code LIMIT 1";
        let name = match scope.units {
            Some(_) => "Các đơn vị của tài khoản".to_owned(),
            None => connection.query_row(province, [], |row| row.get(0)).optional()?.unwrap_or_default(),
        };
        return Ok((scope.clone(), Area { id: "province".into(), name, units }));
    };
    let name = |sql: &str| connection.query_row(sql, [asked], |row| row.get::<_, String>(0)).optional();
    if let Some(name) = name("SELECT name FROM unit WHERE code = ?1 AND kind = 'province'")? {
        let units = scope.units.as_ref().map(|units| units.iter().cloned().collect());
        return Ok((scope.clone(), Area { id: asked.to_owned(), name, units }));
    }
    let (name, members) = match name("SELECT name FROM unit WHERE code = ?1")? {
        Some(name) => (name, BTreeSet::from([asked.to_owned()])),
        None => match name("SELECT name FROM area WHERE id = ?1")? {
            Some(name) => (name, members(connection, asked, now_ms)?),
            None => return Err(AreaError::Unknown),
        },
    };
    let narrowed = scope.within(&members);
    let units: Vec<String> = narrowed.units.iter().flatten().cloned().collect();
    if units.is_empty() && !members.is_empty() {
        return Err(AreaError::Outside);
    }
    Ok((narrowed, Area { id: asked.to_owned(), name, units: Some(units) }))
}

fn members(connection: &Connection, area: &str, now_ms: i64) -> Result<BTreeSet<String>, DbError> {
    let mut statement = connection.prepare_cached(
        "SELECT unit FROM area_unit WHERE area = ?1 AND valid_from <= ?2 AND (valid_to IS NULL OR valid_to >= ?2)",
    )?;
    let found = statement.query_map((area, civil_date(now_ms)), |row| row.get(0))?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

/// Names of all units, by code.
pub(crate) fn unit_names(connection: &Connection) -> Result<BTreeMap<String, String>, DbError> {
    let mut statement = connection.prepare_cached("SELECT code, name FROM unit")?;
    let found = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}
