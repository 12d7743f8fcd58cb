//! Leaving out of a change what the rest of it says already: the lengths of characters.
//!
//! Automerge keeps a text character by character, and beside every character its length in bytes. In Vietnamese, where
//! letters of one, two and three bytes alternate, these lengths are as long as the text and hardly compress, though they
//! can be read off the text itself. So the longest stretch of single characters in the column of value lengths is left
//! out, and put back on arrival. The column is rebuilt run by run, never character by character; a sender that finds
//! anything but the very same bytes after putting it back sends the change as it is.

use crate::error::ScanError;
use crate::leb::{Reader, put_signed, put_unsigned};
use crate::limits::MAX_OPS;
use crate::scan::columns::{VALUE_META_SPEC, VALUE_SPEC};
use serde::{Deserialize, Serialize};

/// Shorter stretches are not worth the bytes that name them.
const SHORTEST: u64 = 8;
/// Most columns in a table that is looked at.
const MAX_COLUMNS: u64 = 32;
/// Type of a string in the low bits of a value's length entry.
const STRING: u64 = 6;

/// The stretch that was left out: which operations' lengths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Omitted {
    /// Index of the first operation.
    first: u32,
    /// How many.
    count: u32,
}

/// Equal values one after the other.
type Run = (u64, u64);

/// A tail cut at its column of value lengths.
struct Cut<'a> {
    /// Everything before the column table.
    head: &'a [u8],
    /// The column table.
    table: Vec<(u64, u64)>,
    /// Columns before the lengths.
    before: &'a [u8],
    /// The lengths.
    meta: &'a [u8],
    /// The values, which follow the lengths.
    values: &'a [u8],
    /// The values and everything else.
    after: &'a [u8],
}

fn cut(tail: &[u8]) -> Result<Cut<'_>, ScanError> {
    let mut reader = Reader::new(tail);
    reader.unsigned()?;
    reader.unsigned()?;
    reader.signed()?;
    let message = reader.unsigned()?;
    reader.take(message)?;
    for _ in 0..reader.unsigned()? {
        let actor = reader.unsigned()?;
        reader.take(actor)?;
    }
    let head = &tail[..tail.len() - reader.rest().len()];
    let columns = reader.unsigned()?;
    if columns > MAX_COLUMNS {
        return Err(ScanError::Column);
    }
    let mut table = Vec::new();
    for _ in 0..columns {
        table.push((reader.unsigned()?, reader.unsigned()?));
    }
    let length = |spec| table.iter().find(|(known, _)| *known == spec).map_or(0, |(_, length)| *length);
    let before = table.iter().take_while(|(spec, _)| *spec < VALUE_META_SPEC);
    let before = before.fold(0_u64, |sum, (_, length)| sum.saturating_add(*length));
    let (meta, values) = (length(VALUE_META_SPEC), length(VALUE_SPEC));
    let before = reader.take(before)?;
    let meta = reader.take(meta)?;
    let after = reader.rest();
    let values = reader.take(values)?;
    Ok(Cut { head, table, before, meta, values, after })
}

impl Cut<'_> {
    /// The tail with another column of lengths.
    fn with(&self, meta: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.head.len() + self.before.len() + meta.len() + self.after.len() + 64);
        out.extend_from_slice(self.head);
        put_unsigned(&mut out, self.table.len() as u64);
        for (spec, length) in &self.table {
            put_unsigned(&mut out, *spec);
            put_unsigned(&mut out, if *spec == VALUE_META_SPEC { meta.len() as u64 } else { *length });
        }
        out.extend_from_slice(self.before);
        out.extend_from_slice(meta);
        out.extend_from_slice(self.after);
        out
    }
}

/// Leaves out the longest stretch of character lengths, if that can be undone.
pub(crate) fn shorten(tail: &[u8]) -> Option<(Omitted, Vec<u8>)> {
    let cut = cut(tail).ok()?;
    let runs = read_runs(cut.meta).ok()?;
    let omitted = longest(&runs, cut.values)?;
    let kept = [
        slice(&runs, 0, omitted.first.into()),
        slice(&runs, u64::from(omitted.first) + u64::from(omitted.count), u64::MAX),
    ]
    .concat();
    let short = cut.with(&write_runs(&kept));
    if restore(&short, omitted).is_ok_and(|restored| restored == tail) { Some((omitted, short)) } else { None }
}

/// Puts back what [`shorten`] left out.
pub(crate) fn restore(short: &[u8], omitted: Omitted) -> Result<Vec<u8>, ScanError> {
    let cut = cut(short)?;
    let (first, count) = (u64::from(omitted.first), u64::from(omitted.count));
    if first.saturating_add(count) > MAX_OPS {
        return Err(ScanError::Expansion);
    }
    let runs = read_runs(cut.meta)?;
    let mut all = slice(&runs, 0, first);
    let offset = all.iter().fold(0_u64, |sum, (count, meta)| sum.saturating_add(count.saturating_mul(meta >> 4)));
    let mut values = Reader::new(cut.values);
    values.take(offset)?;
    for _ in 0..count {
        let length = character(values.rest()).ok_or(ScanError::Malformed)?;
        values.take(length)?;
        push(&mut all, (1, length << 4 | STRING));
    }
    for run in slice(&runs, first, u64::MAX) {
        push(&mut all, run);
    }
    Ok(cut.with(&write_runs(&all)))
}

/// Length in bytes of the character that `bytes` starts with.
fn character(bytes: &[u8]) -> Option<u64> {
    match bytes.first()? {
        0..0x80 => Some(1),
        0xc2..0xe0 => Some(2),
        0xe0..0xf0 => Some(3),
        0xf0..0xf5 => Some(4),
        _ => None,
    }
}

/// The longest stretch of operations whose value is one character.
fn longest(runs: &[Run], values: &[u8]) -> Option<Omitted> {
    let mut reader = Reader::new(values);
    let (mut best, mut here) = ((0, 0), (0_u64, 0_u64));
    let mut index = 0;
    for (count, meta) in runs {
        for _ in 0..*count {
            let fits = *meta & 0xf == STRING && character(reader.rest()) == Some(*meta >> 4);
            reader.take(*meta >> 4).ok()?;
            index += 1;
            here = if fits { (here.0, here.1 + 1) } else { (index, 0) };
            if here.1 > best.1 {
                best = here;
            }
        }
    }
    let (first, count) = best;
    if count < SHORTEST {
        return None;
    }
    Some(Omitted { first: u32::try_from(first).ok()?, count: u32::try_from(count).ok()? })
}

/// The runs of a column of numbers without nulls, neighbours merged; at most [`MAX_OPS`] values.
fn read_runs(column: &[u8]) -> Result<Vec<Run>, ScanError> {
    let mut reader = Reader::new(column);
    let mut runs = Vec::new();
    let mut left = MAX_OPS;
    while !reader.is_empty() {
        let head = reader.signed()?;
        left = left.checked_sub(head.unsigned_abs()).ok_or(ScanError::Expansion)?;
        match head {
            0 => return Err(ScanError::Malformed),
            1.. => push(&mut runs, (head.unsigned_abs(), reader.unsigned()?)),
            _ => {
                for _ in 0..head.unsigned_abs() {
                    push(&mut runs, (1, reader.unsigned()?));
                }
            }
        }
    }
    Ok(runs)
}

fn push(runs: &mut Vec<Run>, run: Run) {
    match runs.last_mut() {
        Some((count, value)) if *value == run.1 => *count += run.0,
        _ => runs.push(run),
    }
}

/// Values `from..to` of the column.
fn slice(runs: &[Run], from: u64, to: u64) -> Vec<Run> {
    let mut at = 0;
    let mut out = Vec::new();
    for (count, value) in runs {
        let (start, end) = (from.max(at), to.min(at + count));
        if start < end {
            push(&mut out, (end - start, *value));
        }
        at += count;
    }
    out
}

/// Writes runs as automerge does: what stands alone in literal runs, everything else as count and value.
fn write_runs(runs: &[Run]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = runs;
    while let Some((&(count, value), after)) = rest.split_first() {
        if count > 1 {
            put_signed(&mut out, count.cast_signed());
            put_unsigned(&mut out, value);
            rest = after;
            continue;
        }
        let alone = rest.iter().take_while(|(count, _)| *count == 1).count();
        let (literal, after) = rest.split_at(alone);
        put_signed(&mut out, -(alone as u64).cast_signed());
        for (_, value) in literal {
            put_unsigned(&mut out, *value);
        }
        rest = after;
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// A tail with these value lengths and values, and a column on each side.
    fn tail(meta: &[u8], values: &[u8]) -> Vec<u8> {
        let mut out = vec![1, 2, 0, 2, b'a', b'b', 0, 4, 0x42, 2, 0x56];
        put_unsigned(&mut out, meta.len() as u64);
        out.push(0x57);
        put_unsigned(&mut out, values.len() as u64);
        out.extend([0x70, 2, 9, 1]);
        out.extend_from_slice(meta);
        out.extend_from_slice(values);
        out.extend([9, 0]);
        out
    }

    fn lengths(text: &str) -> Vec<Run> {
        let mut runs = Vec::new();
        for letter in text.chars() {
            push(&mut runs, (1, (letter.len_utf8() as u64) << 4 | STRING));
        }
        runs
    }

    #[test]
    fn a_text_among_other_values_comes_back() {
        let text = "Bà con đề nghị sửa đường 😀";
        let mut runs = vec![(3, 0x14), (1, 0x26)];
        for run in lengths(text) {
            push(&mut runs, run);
        }
        push(&mut runs, (2, 0));
        let values = [b"123kk", text.as_bytes()].concat();
        let whole = tail(&write_runs(&runs), &values);
        let (omitted, short) = shorten(&whole).unwrap();
        assert_eq!(omitted, Omitted { first: 4, count: text.chars().count().try_into().unwrap() });
        assert!(short.len() + 15 < whole.len());
        assert_eq!(restore(&short, omitted).unwrap(), whole);
    }

    #[test]
    fn what_cannot_be_put_back_stays() {
        let text = "đường vào thôn";
        let canonical = write_runs(&lengths(text));
        assert!(shorten(&tail(&canonical, text.as_bytes())).is_some());
        // The same lengths, written another way.
        let other: Vec<u8> =
            text.chars().flat_map(|letter| [1, u8::try_from(letter.len_utf8() << 4).unwrap() | 6]).collect();
        assert!(shorten(&tail(&other, text.as_bytes())).is_none());
        assert!(shorten(&tail(&write_runs(&lengths("ngắn")), "ngắn".as_bytes())).is_none());
        assert!(shorten(b"").is_none());
        for end in 0..10 {
            assert!(shorten(&tail(&canonical, text.as_bytes())[..end]).is_none());
        }
    }

    #[test]
    fn hostile_omissions_are_errors() {
        let whole = tail(&write_runs(&[(2, 0x16)]), b"ab");
        for (first, count) in [(0, 1), (2, 1), (0, u32::MAX), (u32::MAX, u32::MAX)] {
            assert!(restore(&whole, Omitted { first, count }).is_err() || count == 1 && first == 0);
        }
        assert!(restore(&tail(&[0x7f, 0x16], &[0xff]), Omitted { first: 0, count: 1 }).is_err());
        assert!(restore(&tail(&[0, 5], b""), Omitted { first: 0, count: 0 }).is_err());
    }
}
