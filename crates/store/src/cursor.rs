//! Pages of lists: where one ends and the next begins.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::StoreError;

/// The most items that a page may have.
pub(crate) const MAX_PAGE: u32 = 500;

/// Which part of a list is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// At most so many items; more than 500 counts as 500.
    pub limit: u32,
    /// What the page before ended with; `None` for the first page.
    pub after: Option<PageCursor>,
}

impl Page {
    /// The first page.
    pub const fn first(limit: u32) -> Self {
        Self { limit, after: None }
    }

    /// The page that follows.
    pub const fn after(cursor: PageCursor, limit: u32) -> Self {
        Self { limit, after: Some(cursor) }
    }

    pub(crate) fn size(&self) -> usize {
        // At most 500, so it fits.
        self.limit.clamp(1, MAX_PAGE) as usize
    }
}

/// A place in a list, between two items. Items that come or go elsewhere do not move it.
///
/// As text it is opaque: made by this store, given back to it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PageCursor {
    pub(crate) day: String,
    pub(crate) doc: i64,
}

impl fmt::Display for PageCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.day, self.doc)
    }
}

impl FromStr for PageCursor {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        let (day, doc) = text.split_once('.').ok_or(StoreError::BadCursor)?;
        let plain = day.len() <= 20 && day.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        match doc.parse() {
            Ok(doc) if plain => Ok(Self { day: day.to_owned(), doc }),
            _ => Err(StoreError::BadCursor),
        }
    }
}

impl Serialize for PageCursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PageCursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_read_what_they_write() {
        for day in ["2026-11-15", "", "-0044-03-15"] {
            let cursor = PageCursor { day: day.to_owned(), doc: 42 };
            assert_eq!(cursor.to_string().parse::<PageCursor>().unwrap(), cursor);
        }
        for bad in ["", "2026-11-15", "2026-11-15.x", "'; DROP TABLE change; --.1", "1.1.1"] {
            assert_eq!(bad.parse::<PageCursor>().unwrap_err().code(), "bad_cursor", "{bad}");
        }
    }
}
