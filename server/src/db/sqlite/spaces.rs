//! Spaces by what they are for.

use gandan_model::ids::{Compartment, SpaceId};
use rusqlite::{Connection, OptionalExtension};

use super::columns::space_id;
use crate::db::DbError;

/// A space with its unit and compartment.
pub type Place = (SpaceId, String, Compartment);

/// The space of a unit and a compartment.
pub fn find(connection: &Connection, unit: &str, compartment: Compartment) -> Result<Option<SpaceId>, DbError> {
    let mut statement = connection.prepare_cached("SELECT id FROM space WHERE unit = ?1 AND compartment = ?2")?;
    Ok(statement.query_row((unit, compartment.number()), |row| space_id(row, 0)).optional()?)
}

/// The unit and the compartment of a space.
pub fn place(connection: &Connection, space: &SpaceId) -> Result<Option<(String, Compartment)>, DbError> {
    let mut statement = connection.prepare_cached("SELECT unit, compartment FROM space WHERE id = ?1")?;
    let place = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, super::columns::compartment(row, 1)?));
    Ok(statement.query_row([&space.0], place).optional()?)
}

/// Creates a space unless it is there; gives its number.
pub fn create(connection: &Connection, id: SpaceId, unit: &str, compartment: Compartment) -> Result<i64, DbError> {
    connection
        .prepare_cached(
            "INSERT INTO space (id, unit, compartment, chain, digest_sum) VALUES (?1, ?2, ?3, zeroblob(32), zeroblob(32))
             ON CONFLICT (unit, compartment) DO NOTHING",
        )?
        .execute((&id.0, unit, compartment.number()))?;
    let mut statement = connection.prepare_cached("SELECT no FROM space WHERE unit = ?1 AND compartment = ?2")?;
    Ok(statement.query_row((unit, compartment.number()), |row| row.get(0))?)
}

/// Every space with its unit and compartment.
pub fn all(connection: &Connection) -> Result<Vec<Place>, DbError> {
    let mut statement = connection.prepare_cached("SELECT id, unit, compartment FROM space")?;
    let rows =
        statement.query_map([], |row| Ok((space_id(row, 0)?, row.get(1)?, super::columns::compartment(row, 2)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
