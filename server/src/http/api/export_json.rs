//! Exports for programs: a JSON object a line, and points for a map.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::export_cells::TableRow;
use super::export_stream::Encoder;
use crate::db::DbError;

/// One JSON object a line, as lists show records.
pub(crate) struct Lines;

impl<R: TableRow> Encoder<R> for Lines {
    fn head(&mut self) -> Result<Vec<u8>, DbError> {
        Ok(Vec::new())
    }

    fn rows(&mut self, rows: Vec<R>) -> Result<Vec<u8>, DbError> {
        let mut bytes = Vec::new();
        for row in rows {
            serde_json::to_writer(&mut bytes, &row.item()?)?;
            bytes.push(b'\n');
        }
        Ok(bytes)
    }

    fn tail(&mut self) -> Result<Vec<u8>, DbError> {
        Ok(Vec::new())
    }
}

/// A GeoJSON collection. A record without a place of its own stands at the point of its unit and says so in
/// `placed_by`; without that it has no geometry.
pub(crate) struct GeoJson {
    /// Longitude and latitude of units, by code.
    pub(crate) units: BTreeMap<String, [f64; 2]>,
    /// Whether nothing was written yet.
    pub(crate) first: bool,
}

impl<R: TableRow> Encoder<R> for GeoJson {
    fn head(&mut self) -> Result<Vec<u8>, DbError> {
        Ok(b"{\"type\":\"FeatureCollection\",\"features\":[\n".to_vec())
    }

    fn rows(&mut self, rows: Vec<R>) -> Result<Vec<u8>, DbError> {
        let mut bytes = Vec::new();
        for row in rows {
            let (point, by) = match (row.place(), self.units.get(row.unit())) {
                (Some(point), _) => (Some(point), "record"),
                (None, Some(point)) => (Some(*point), "unit"),
                (None, None) => (None, "none"),
            };
            let mut properties = row.item()?;
            if let Some(members) = properties.as_object_mut() {
                members.remove("lat");
                members.remove("lon");
                members.insert("placed_by".into(), by.into());
            }
            let geometry = point.map_or(Value::Null, |point| json!({"type": "Point", "coordinates": point}));
            if !std::mem::take(&mut self.first) {
                bytes.extend_from_slice(b",\n");
            }
            let id = properties["id"].clone();
            let feature = json!({"type": "Feature", "id": id, "geometry": geometry, "properties": properties});
            serde_json::to_writer(&mut bytes, &feature)?;
        }
        Ok(bytes)
    }

    fn tail(&mut self) -> Result<Vec<u8>, DbError> {
        Ok(b"\n]}\n".to_vec())
    }
}
