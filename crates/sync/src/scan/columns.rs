//! The columns of a change: counting what they unfold to without unfolding them.

use crate::error::ScanError;
use crate::leb::Reader;
use crate::limits::{MAX_KEY, MAX_KEYS_EXPANDED, MAX_OP_COUNTER, MAX_OPS, MAX_PREDS};

/// Bit in a column specification that says the column is deflated.
const DEFLATED: u64 = 8;

/// The columns that automerge 0.12 writes in a change, ascending. The position in this table is their index below.
const SPECS: [u64; 14] = [0x01, 0x02, 0x11, 0x13, 0x15, 0x34, 0x42, 0x56, 0x57, 0x70, 0x71, 0x73, 0x94, 0xa5];
/// Specification of the column of value types and lengths.
pub(crate) const VALUE_META_SPEC: u64 = SPECS[VALUE_META];
/// Specification of the column of values.
pub(crate) const VALUE_SPEC: u64 = SPECS[VALUE];

const OBJ_ACTOR: usize = 0;
const OBJ_COUNTER: usize = 1;
const KEY_ACTOR: usize = 2;
const KEY_COUNTER: usize = 3;
const KEY_TEXT: usize = 4;
const INSERT: usize = 5;
const ACTION: usize = 6;
const VALUE_META: usize = 7;
const VALUE: usize = 8;
const PRED_COUNT: usize = 9;
const PRED_ACTOR: usize = 10;
const PRED_COUNTER: usize = 11;
const EXPAND: usize = 12;
const MARK_NAME: usize = 13;

/// Highest action number that automerge 0.12 knows.
const MAX_ACTION: u64 = 7;

/// Reads the column table and every column; gives the number of operations. `actors` counts the author too.
pub(super) fn scan(reader: &mut Reader<'_>, start_op: u64, actors: u64) -> Result<u64, ScanError> {
    let columns = table(reader)?;
    let mut ops = 0;
    unsigned_runs(columns[ACTION], MAX_OPS, |count, action| {
        ops += count;
        if action.is_none_or(|action| action > MAX_ACTION) { Err(ScanError::Range) } else { Ok(()) }
    })?;
    let last_op = start_op + ops;
    if last_op > MAX_OP_COUNTER {
        return Err(ScanError::Range);
    }
    let mut preds = 0_u64;
    unsigned_runs(columns[PRED_COUNT], ops, |count, each| {
        preds = preds.saturating_add(count.saturating_mul(each.unwrap_or(0)));
        if preds > MAX_PREDS { Err(ScanError::Expansion) } else { Ok(()) }
    })?;
    for (column, rows) in [(OBJ_ACTOR, ops), (KEY_ACTOR, ops), (PRED_ACTOR, preds)] {
        below(columns[column], rows, actors)?;
    }
    below(columns[OBJ_COUNTER], ops, last_op)?;
    counters(columns[KEY_COUNTER], ops, last_op)?;
    counters(columns[PRED_COUNTER], preds, last_op)?;
    texts(columns[KEY_TEXT], ops)?;
    texts(columns[MARK_NAME], ops)?;
    booleans(columns[INSERT], ops)?;
    booleans(columns[EXPAND], ops)?;
    let mut length = 0_u64;
    unsigned_runs(columns[VALUE_META], ops, |count, meta| {
        length = length.saturating_add(count.saturating_mul(meta.unwrap_or(0) >> 4));
        Ok(())
    })?;
    if length == columns[VALUE].len() as u64 { Ok(ops) } else { Err(ScanError::Expansion) }
}

/// Reads the table of columns and cuts the data into them. Absent columns are empty.
fn table<'a>(reader: &mut Reader<'a>) -> Result<[&'a [u8]; SPECS.len()], ScanError> {
    let count = reader.unsigned()?;
    if count > SPECS.len() as u64 {
        return Err(ScanError::Column);
    }
    let mut lengths = [0_u64; SPECS.len()];
    let mut next = 0;
    for _ in 0..count {
        let spec = reader.unsigned()?;
        let length = reader.unsigned()?;
        if spec & DEFLATED != 0 {
            return Err(ScanError::Column);
        }
        let index = SPECS.iter().position(|known| *known == spec).ok_or(ScanError::Column)?;
        if index < next {
            return Err(ScanError::Malformed);
        }
        next = index + 1;
        lengths[index] = length;
    }
    let mut columns = [&[][..]; SPECS.len()];
    for (column, length) in columns.iter_mut().zip(lengths) {
        *column = reader.take(length)?;
    }
    Ok(columns)
}

/// Walks a run-length encoded column. `value` reads one value, `seen` gets each run's length and value (none for a run
/// of nulls). More than `rows` rows in all are an error before the run is looked at.
fn runs<'a, T>(
    column: &'a [u8],
    rows: u64,
    value: impl Fn(&mut Reader<'a>) -> Result<T, ScanError>,
    mut seen: impl FnMut(u64, Option<T>) -> Result<(), ScanError>,
) -> Result<(), ScanError> {
    let mut reader = Reader::new(column);
    let mut left = rows;
    while !reader.is_empty() {
        let head = reader.signed()?;
        let count = if head == 0 { reader.unsigned()? } else { head.unsigned_abs() };
        if count == 0 {
            return Err(ScanError::Malformed);
        }
        left = left.checked_sub(count).ok_or(ScanError::Expansion)?;
        match head {
            0 => seen(count, None)?,
            1.. => seen(count, Some(value(&mut reader)?))?,
            // A literal run spends at least a byte on each of its values.
            _ => (0..count).try_for_each(|_| seen(1, Some(value(&mut reader)?)))?,
        }
    }
    Ok(())
}

fn unsigned_runs(
    column: &[u8],
    rows: u64,
    seen: impl FnMut(u64, Option<u64>) -> Result<(), ScanError>,
) -> Result<(), ScanError> {
    runs(column, rows, Reader::unsigned, seen)
}

/// A column of numbers that must stay below `bound`.
fn below(column: &[u8], rows: u64, bound: u64) -> Result<(), ScanError> {
    unsigned_runs(
        column,
        rows,
        |_, value| {
            if value.is_some_and(|value| value >= bound) { Err(ScanError::Range) } else { Ok(()) }
        },
    )
}

/// A column of differences whose sums must stay from 0 to below `bound`.
fn counters(column: &[u8], rows: u64, bound: u64) -> Result<(), ScanError> {
    let mut sum = 0_i128;
    runs(column, rows, Reader::signed, |count, delta| {
        let Some(delta) = delta else { return Ok(()) };
        // Within a run the sum moves in one direction, so the ends are enough. Neither product can overflow 128 bits.
        let first = sum + i128::from(delta);
        sum += i128::from(delta) * i128::from(count);
        let allowed = 0..i128::from(bound);
        if allowed.contains(&first) && allowed.contains(&sum) { Ok(()) } else { Err(ScanError::Range) }
    })
}

/// A column of texts, each and all together within limits.
fn texts(column: &[u8], rows: u64) -> Result<(), ScanError> {
    let text = |reader: &mut Reader<'_>| {
        let length = reader.unsigned()?;
        if length > MAX_KEY {
            return Err(ScanError::Range);
        }
        let bytes = reader.take(length)?;
        if str::from_utf8(bytes).is_err() { Err(ScanError::Malformed) } else { Ok(length) }
    };
    let mut expanded = 0_u64;
    runs(column, rows, text, |count, length| {
        expanded += count * length.unwrap_or(0);
        if expanded > MAX_KEYS_EXPANDED { Err(ScanError::Expansion) } else { Ok(()) }
    })
}

/// A column of booleans: lengths of alternating runs.
fn booleans(column: &[u8], rows: u64) -> Result<(), ScanError> {
    let mut reader = Reader::new(column);
    let mut left = rows;
    while !reader.is_empty() {
        left = left.checked_sub(reader.unsigned()?).ok_or(ScanError::Expansion)?;
    }
    Ok(())
}
