//! Values as they stand in columns.

use rusqlite::Row;
use rusqlite::types::FromSql;

use gandan_model::ids::{ChangeHash, Compartment, DeviceId, DocId, SpaceId};

use crate::db::DbError;
use crate::db::storage::{EnvelopeState, HeadRow};

/// Bytes of one head in `document.heads`.
const HEAD: usize = 40;

/// A count or a sequence number as SQLite's signed integer. Numbers of the protocol stay below 2^48.
pub(super) fn int(number: u64) -> Result<i64, DbError> {
    i64::try_from(number).map_err(DbError::internal)
}

/// Back from SQLite's signed integer.
pub(super) fn uint(row: &Row<'_>, index: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(index)?;
    u64::try_from(number).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(index, number))
}

/// A blob of fixed length.
pub(super) fn bytes<const N: usize>(row: &Row<'_>, index: usize) -> rusqlite::Result<[u8; N]> {
    let value = row.get_ref(index)?;
    let blob = value.as_blob().map_err(|_| wrong(index, value.data_type()))?;
    blob.try_into().map_err(|_| wrong(index, value.data_type()))
}

fn wrong(index: usize, kind: rusqlite::types::Type) -> rusqlite::Error {
    rusqlite::Error::InvalidColumnType(index, "length".to_owned(), kind)
}

pub(super) fn device_id(row: &Row<'_>, index: usize) -> rusqlite::Result<DeviceId> {
    bytes(row, index).map(DeviceId)
}

pub(super) fn doc_id(row: &Row<'_>, index: usize) -> rusqlite::Result<DocId> {
    bytes(row, index).map(DocId)
}

pub(super) fn space_id(row: &Row<'_>, index: usize) -> rusqlite::Result<SpaceId> {
    bytes(row, index).map(SpaceId)
}

pub(super) fn hash(row: &Row<'_>, index: usize) -> rusqlite::Result<ChangeHash> {
    bytes(row, index).map(ChangeHash)
}

pub(super) fn compartment(row: &Row<'_>, index: usize) -> rusqlite::Result<Compartment> {
    numbered(row, index, Compartment::from_number)
}

pub(super) fn state(row: &Row<'_>, index: usize) -> rusqlite::Result<EnvelopeState> {
    numbered(row, index, |number| EnvelopeState::ALL.into_iter().find(|state| state.number() == number))
}

fn numbered<T>(row: &Row<'_>, index: usize, find: impl Fn(u8) -> Option<T>) -> rusqlite::Result<T> {
    let value = row.get_ref(index)?;
    let number = u8::column_result(value).map_err(|_| wrong(index, value.data_type()))?;
    find(number).ok_or_else(|| wrong(index, value.data_type()))
}

/// Heads as one blob: hash and highest operation number, one after the other.
pub(super) fn pack_heads(heads: &[HeadRow]) -> Vec<u8> {
    let mut out = Vec::with_capacity(heads.len() * HEAD);
    for head in heads {
        out.extend_from_slice(&head.hash.0);
        out.extend_from_slice(&head.max_op.to_be_bytes());
    }
    out
}

/// Back from the blob.
pub(super) fn unpack_heads(blob: &[u8]) -> Result<Vec<HeadRow>, DbError> {
    let head = |chunk: &[u8]| {
        let (hash, max_op) = chunk.split_at(32);
        Some(HeadRow { hash: ChangeHash::from_slice(hash)?, max_op: u64::from_be_bytes(max_op.try_into().ok()?) })
    };
    if !blob.len().is_multiple_of(HEAD) {
        return Err(DbError::Damaged("heads of a document".to_owned()));
    }
    let heads: Option<Vec<_>> = blob.chunks_exact(HEAD).map(head).collect();
    heads.ok_or_else(|| DbError::Damaged("heads of a document".to_owned()))
}
