//! Units and areas.

use gandan_model::ids::Compartment;
use gandan_model::org::{OrgTree, Unit};
use rusqlite::{Connection, OptionalExtension};

use crate::auth::Scope;
use crate::db::DbError;

/// What an import did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Imported {
    /// Units of the commune level in the tree.
    pub units: usize,
    /// Areas in the tree.
    pub areas: usize,
    /// Spaces that were created.
    pub spaces: usize,
}

/// Writes the tree; units that are there are brought up to date, none is removed. `new_space` gives random ids.
pub fn import(
    connection: &Connection,
    tree: &OrgTree,
    mut new_space: impl FnMut() -> Result<[u8; 16], DbError>,
) -> Result<Imported, DbError> {
    let before = spaces(connection)?;
    for unit in tree.units() {
        put_unit(connection, unit)?;
        let compartments: &[Compartment] = if unit.r#type.is_commune_level() {
            &[Compartment::Field, Compartment::Contacts]
        } else {
            &[Compartment::Sealed]
        };
        for compartment in compartments {
            let id = gandan_model::ids::SpaceId(new_space()?);
            super::spaces::create(connection, id, &unit.code, *compartment)?;
        }
    }
    for area in tree.areas() {
        connection
            .prepare_cached(
                "INSERT INTO area (id, name) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET name = excluded.name",
            )?
            .execute([&area.id, &area.name])?;
        for member in &area.members {
            let from = member.valid_from.map(|date| date.to_string()).unwrap_or_default();
            let to = member.valid_to.map(|date| date.to_string());
            connection
                .prepare_cached(
                    "INSERT INTO area_unit (area, unit, valid_from, valid_to) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (area, unit, valid_from) DO UPDATE SET valid_to = excluded.valid_to",
                )?
                .execute((&area.id, &member.unit, from, to))?;
        }
    }
    Ok(Imported { units: tree.communes().count(), areas: tree.areas().count(), spaces: spaces(connection)? - before })
}

fn spaces(connection: &Connection) -> Result<usize, DbError> {
    let count: i64 = connection.query_row("SELECT count(*) FROM space", [], |row| row.get(0))?;
    usize::try_from(count).map_err(DbError::internal)
}

fn put_unit(connection: &Connection, unit: &Unit) -> Result<(), DbError> {
    let json = serde_json::to_value(unit)?;
    let kind = json.get("type").and_then(serde_json::Value::as_str).unwrap_or("other").to_owned();
    let province = unit.parents.first().map_or("", String::as_str);
    let date = |date: Option<jiff::civil::Date>| date.map(|date| date.to_string());
    connection
        .prepare_cached(
            "INSERT INTO unit (code, name, short_name, kind, province, lat, lon, remote, valid_from, valid_to, row)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
             ON CONFLICT (code) DO UPDATE SET name = excluded.name, short_name = excluded.short_name,
             kind = excluded.kind, province = excluded.province, lat = excluded.lat, lon = excluded.lon,
             valid_from = excluded.valid_from, valid_to = excluded.valid_to, row = excluded.row",
        )?
        .execute((
            &unit.code,
            &unit.name,
            &unit.short_name,
            kind,
            province,
            unit.lat,
            unit.lon,
            unit.remote,
            date(unit.valid_from),
            date(unit.valid_to),
            json.to_string(),
        ))?;
    Ok(())
}

/// Whether there is a unit with this code.
pub fn has_unit(connection: &Connection, code: &str) -> Result<bool, DbError> {
    Ok(connection.prepare_cached("SELECT 1 FROM unit WHERE code = ?1")?.exists([code])?)
}

/// Whether there is an area with this id.
pub fn has_area(connection: &Connection, id: &str) -> Result<bool, DbError> {
    Ok(connection.prepare_cached("SELECT 1 FROM area WHERE id = ?1")?.exists([id])?)
}

/// The province of a unit; of a province, itself.
pub fn province_of(connection: &Connection, unit: &str) -> Result<Option<String>, DbError> {
    let mut statement = connection
        .prepare_cached("SELECT CASE province WHEN '' THEN code ELSE province END FROM unit WHERE code = ?1")?;
    Ok(statement.query_row([unit], |row| row.get(0)).optional()?)
}

/// Codes of the units of the commune level that a scope comes to.
pub fn communes(connection: &Connection, scope: &Scope) -> Result<Vec<String>, DbError> {
    let mut statement = connection.prepare_cached("SELECT code FROM unit WHERE kind <> 'province' ORDER BY code")?;
    let codes = statement.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?;
    Ok(match scope {
        Scope::Province => codes,
        Scope::Units(units) => codes.into_iter().filter(|code| units.contains(code)).collect(),
    })
}

/// Units as JSON, for devices.
pub fn units_json(connection: &Connection, codes: &[String]) -> Result<Vec<serde_json::Value>, DbError> {
    let mut statement = connection.prepare_cached("SELECT row, remote FROM unit WHERE code = ?1")?;
    let mut units = Vec::with_capacity(codes.len());
    for code in codes {
        let row = statement.query_row([code], |row| Ok((row.get::<_, String>(0)?, row.get::<_, bool>(1)?)));
        if let Some((text, remote)) = row.optional()? {
            let mut unit: serde_json::Value = serde_json::from_str(&text)?;
            unit["remote"] = remote.into();
            units.push(unit);
        }
    }
    Ok(units)
}

/// Areas that one of these units belongs to, with their members among them.
pub fn areas_json(connection: &Connection, codes: &[String]) -> Result<Vec<serde_json::Value>, DbError> {
    let mut statement = connection.prepare_cached(
        "SELECT a.id, a.name, u.unit, u.valid_from, u.valid_to FROM area a JOIN area_unit u ON u.area = a.id
         ORDER BY a.id, u.unit",
    )?;
    let mut areas: Vec<serde_json::Value> = Vec::new();
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let unit: String = row.get(2)?;
        if codes.binary_search(&unit).is_err() {
            continue;
        }
        let (id, name, from, to): (String, String, String, Option<String>) =
            (row.get(0)?, row.get(1)?, row.get(3)?, row.get(4)?);
        let from = (!from.is_empty()).then_some(from);
        let member = serde_json::json!({"unit": unit, "valid_from": from, "valid_to": to});
        match areas.last_mut().filter(|area| area["id"] == id.as_str()) {
            Some(area) => {
                if let Some(members) = area["members"].as_array_mut() {
                    members.push(member);
                }
            }
            None => areas.push(serde_json::json!({
                "id": id, "name": name, "members": [member], "valid_from": null, "valid_to": null,
            })),
        }
    }
    Ok(areas)
}
