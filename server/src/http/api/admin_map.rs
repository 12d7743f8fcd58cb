//! What the province supplies for the map: where tiles come from, and the lines of its units.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use gandan_model::text::check_text;
use rusqlite::{Connection, OptionalExtension, Transaction};
use serde::{Deserialize, Deserializer, Serialize};
use sha2::{Digest, Sha256};

use super::admin::{administrator, note, refuse};
use super::records::no_record;
use crate::auth::Principal;
use crate::db::DbError;
use crate::http::error::{ApiError, ErrorBody};
use crate::state::AppState;

/// The setting that holds the address of tiles.
pub(crate) const TILES: &str = "map_tiles";
/// The setting that holds the words of their owner, which must stand on the map.
pub(crate) const ATTRIBUTION: &str = "map_attribution";
/// Most bytes of boundaries.
pub(crate) const MAX_BOUNDARIES: usize = 8 << 20;
/// Most points of all lines together.
const MAX_POINTS: usize = 300_000;
/// Most shapes.
const MAX_SHAPES: usize = 5_000;

/// The origin (`https://tiles.example`) of an address of tiles; `None` if it is none: a host, and `{z}`, `{x}`, `{y}` in
/// the path. What the pages may load from elsewhere is exactly this.
pub(crate) fn tile_origin(address: &str) -> Option<String> {
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '\'' | '"' | ';' | ',' | '<' | '>' | '\\');
    if !address.chars().all(plain) || !["{z}", "{x}", "{y}"].iter().all(|part| address.contains(part)) {
        return None;
    }
    let uri: Uri = address.replace(['{', '}'], "").parse().ok()?;
    let (scheme, authority) = (uri.scheme_str()?, uri.authority()?);
    let host = authority.host();
    let named = !host.is_empty() && address.split('/').nth(2).is_some_and(|given| !given.contains(['{', '@', '*']));
    (matches!(scheme, "https" | "http") && named).then(|| format!("{scheme}://{authority}"))
}

/// The origin of the tiles that are set.
pub(crate) fn tiles_in_use(connection: &Connection) -> Result<Option<String>, DbError> {
    let mut statement = connection.prepare_cached("SELECT value FROM setting WHERE key = ?1")?;
    let address: Option<String> = statement.query_row([TILES], |row| row.get(0)).optional()?;
    Ok(address.as_deref().and_then(tile_origin))
}

/// What is kept of a file of boundaries.
#[derive(Serialize, Deserialize)]
struct Collection {
    r#type: CollectionType,
    features: Vec<Feature>,
}

#[derive(Serialize, Deserialize)]
enum CollectionType {
    FeatureCollection,
}

#[derive(Serialize, Deserialize)]
struct Feature {
    r#type: FeatureType,
    #[serde(default)]
    properties: Option<Properties>,
    geometry: Geometry,
}

#[derive(Serialize, Deserialize)]
enum FeatureType {
    Feature,
}

/// Code and name of the unit; all else that stood there is left out.
#[derive(Default, Serialize, Deserialize)]
struct Properties {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "type", content = "coordinates")]
enum Geometry {
    Polygon(Vec<Vec<Point>>),
    MultiPolygon(Vec<Vec<Vec<Point>>>),
    LineString(Vec<Point>),
    MultiLineString(Vec<Vec<Point>>),
}

/// Longitude and latitude in degrees; a height is left out.
#[derive(Serialize)]
struct Point(f64, f64);

impl<'de> Deserialize<'de> for Point {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let numbers = Vec::<f64>::deserialize(deserializer)?;
        match numbers.as_slice() {
            [lon, lat] | [lon, lat, _] if lon.abs() <= 180.0 && lat.abs() <= 90.0 => Ok(Self(*lon, *lat)),
            _ => Err(serde::de::Error::custom("a point is longitude and latitude in degrees (WGS 84)")),
        }
    }
}

impl Geometry {
    fn lines(&self) -> Vec<&Vec<Point>> {
        match self {
            Self::LineString(line) => vec![line],
            Self::Polygon(lines) | Self::MultiLineString(lines) => lines.iter().collect(),
            Self::MultiPolygon(shapes) => shapes.iter().flatten().collect(),
        }
    }
}

/// Reads boundaries and writes them anew, with nothing in them but shapes, codes and names.
fn clean(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut collection: Collection = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    if !(1..=MAX_SHAPES).contains(&collection.features.len()) {
        return Err(format!("1 to {MAX_SHAPES} shapes"));
    }
    let lines: Vec<&Vec<Point>> = collection.features.iter().flat_map(|feature| feature.geometry.lines()).collect();
    if lines.iter().any(|line| line.len() < 2) {
        return Err("a line has at least two points".to_owned());
    }
    if lines.iter().map(|line| line.len()).sum::<usize>() > MAX_POINTS {
        return Err(format!("at most {MAX_POINTS} points; simplify the lines first"));
    }
    for properties in collection.features.iter_mut().filter_map(|feature| feature.properties.as_mut()) {
        for text in [&mut properties.code, &mut properties.name].into_iter().flatten() {
            *text = check_text("name", text, 200).map_err(|error| error.to_string())?;
        }
    }
    serde_json::to_vec(&collection).map_err(|error| error.to_string())
}

/// The lines of the units, as GeoJSON (WGS 84): polygons and lines with `code` and `name`, if the province supplied them.
#[utoipa::path(
    get, path = "/api/v1/map/boundaries", tag = "staff", security(("bearer" = []), ("session" = [])),
    responses(
        (status = 200, description = "A GeoJSON FeatureCollection; `etag` tells when it is the same", body = Object),
        (status = 304, description = "The same as the caller has (`if-none-match`)"),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 404, description = "`not_found`: none were supplied", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
    )
)]
pub(crate) async fn boundaries(
    State(state): State<AppState>,
    _: Principal,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let read = |connection: &Connection| {
        let row = connection.query_row("SELECT sha256, body FROM map_boundaries", [], |row| {
            Ok((row.get::<_, [u8; 32]>(0)?, row.get::<_, Vec<u8>>(1)?))
        });
        Ok(row.optional()?)
    };
    let (hash, body) = state.db().read_async(read).await?.ok_or_else(no_record)?;
    let tag = format!("\"{}\"", data_encoding::HEXLOWER.encode(&hash));
    let known = headers.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let mut response = if known { StatusCode::NOT_MODIFIED.into_response() } else { body.into_response() };
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/geo+json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(ETAG, tag);
    }
    Ok(response)
}

/// Replaces the lines of the units: a GeoJSON `FeatureCollection` (WGS 84) of polygons and lines, at most 8 MiB, 5,000 shapes
/// and 300,000 points. Of properties `code` and `name` are kept.
#[utoipa::path(
    put, path = "/api/v1/admin/map/boundaries", tag = "admin", security(("bearer" = []), ("session" = [])),
    request_body(content = Vec<u8>, content_type = "application/geo+json", description = "The file"),
    responses(
        (status = 204, description = "Done"),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 403, description = "`forbidden`: not an administrator", body = ErrorBody),
        (status = 413, description = "`too_large`", body = ErrorBody),
        (status = 422, description = "`bad_geojson`", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
    )
)]
pub(crate) async fn put_boundaries(
    State(state): State<AppState>,
    principal: Principal,
    body: Bytes,
) -> Result<StatusCode, ApiError> {
    administrator(&principal)?;
    let cleaned = tokio::task::spawn_blocking(move || clean(&body)).await.map_err(DbError::internal)?;
    let cleaned = cleaned.map_err(|message| refuse("file", "bad_geojson", &message))?;
    let now_ms = state.now_ms();
    let put = move |transaction: &Transaction<'_>| {
        let hash: [u8; 32] = Sha256::digest(&cleaned).into();
        transaction.execute(
            "INSERT OR REPLACE INTO map_boundaries (one, made_ms, sha256, body) VALUES (1, ?1, ?2, ?3)",
            (now_ms, hash, &cleaned),
        )?;
        note(transaction, &principal, "map.boundaries", &format!("{} bytes", cleaned.len()), now_ms)
    };
    state.db().write_async(put).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes the lines of the units off the map.
#[utoipa::path(
    delete, path = "/api/v1/admin/map/boundaries", tag = "admin", security(("bearer" = []), ("session" = [])),
    responses(
        (status = 204, description = "Done"),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 403, description = "`forbidden`: not an administrator", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
    )
)]
pub(crate) async fn remove_boundaries(
    State(state): State<AppState>,
    principal: Principal,
) -> Result<StatusCode, ApiError> {
    administrator(&principal)?;
    let now_ms = state.now_ms();
    let remove = move |transaction: &Transaction<'_>| {
        transaction.execute("DELETE FROM map_boundaries", [])?;
        note(transaction, &principal, "map.boundaries", "removed", now_ms)
    };
    state.db().write_async(remove).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_address_of_tiles_exactly_the_origin_is_taken() {
        let good = [
            ("https://tiles.example/{z}/{x}/{y}.png", "https://tiles.example"),
            ("http://10.0.0.5:8000/osm/{z}/{x}/{y}.png?key=a", "http://10.0.0.5:8000"),
        ];
        for (address, origin) in good {
            assert_eq!(tile_origin(address).as_deref(), Some(origin));
        }
        for bad in [
            "",
            "https://tiles.example/0/0/0.png",
            "ftp://tiles.example/{z}/{x}/{y}",
            "/tiles/{z}/{x}/{y}.png",
            "https://{s}.tiles.example/{z}/{x}/{y}.png",
            "https://*.example/{z}/{x}/{y}.png",
            "https://a@b/{z}/{x}/{y}.png",
            "https://tiles.example;script-src *//{z}/{x}/{y}",
            "https://tiles.example/{z}/{x}/{y} 'unsafe-inline'",
            "javascript:alert({z}{x}{y})",
        ] {
            assert_eq!(tile_origin(bad), None, "{bad}");
        }
    }

    #[test]
    fn of_boundaries_shapes_codes_and_names_are_kept() {
        let file = r#"{"type": "FeatureCollection", "crs": {"x": 1}, "features": [
            {"type": "Feature", "id": 7, "properties": {"code": "24781", "name": "Xuân Hương", "owner": "Nguyễn Văn A"},
             "geometry": {"type": "Polygon", "coordinates": [[[108.4, 11.9, 1500], [108.5, 11.9], [108.5, 12.0], [108.4, 11.9]]]}},
            {"type": "Feature", "properties": null, "geometry": {"type": "LineString", "coordinates": [[108, 11], [109, 12]]}}]}"#;
        let cleaned = String::from_utf8(clean(file.as_bytes()).unwrap()).unwrap();
        assert!(cleaned.contains("Xuân Hương") && cleaned.contains("[108.4,11.9]"), "{cleaned}");
        assert!(!cleaned.contains("Nguyễn") && !cleaned.contains("crs") && !cleaned.contains("1500"), "{cleaned}");
        assert_eq!(clean(cleaned.as_bytes()).unwrap(), cleaned.as_bytes());
    }

    #[test]
    fn what_is_no_boundary_is_refused() {
        let with = |geometry: &str| {
            format!(r#"{{"type": "FeatureCollection", "features": [{{"type": "Feature", "geometry": {geometry}}}]}}"#)
        };
        for bad in [
            "{}".to_owned(),
            r#"{"type": "FeatureCollection", "features": []}"#.to_owned(),
            with(r#"{"type": "Point", "coordinates": [108, 11]}"#),
            with(r#"{"type": "LineString", "coordinates": [[108, 11]]}"#),
            with(r#"{"type": "LineString", "coordinates": [[1080, 11], [108, 12]]}"#),
            with(r#"{"type": "LineString", "coordinates": [[600000, 1200000], [600001, 1200001]]}"#),
            with("null"),
        ] {
            assert!(clean(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
