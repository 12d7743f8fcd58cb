//! Lists of visits and issues: filters, order, pages that stay put while records arrive.

use data_encoding::BASE64URL_NOPAD;
use gandan_model::ids::{Compartment, DocId};
use gandan_model::text::fold;
use rusqlite::Connection;

use crate::db::DbError;
use crate::reports::figures::rows;
use crate::reports::scope::Conditions;

pub mod issues;
pub mod visits;

/// Most records of one page.
pub const MAX_LIMIT: usize = 200;
/// Records of a page if nothing is asked.
pub const DEFAULT_LIMIT: usize = 50;
/// Longest search text, in characters.
pub const MAX_QUERY: usize = 200;
/// Longest form of a [`Cursor`].
const MAX_CURSOR: usize = 200;

/// A place in a sorted list: the key and the id of the last record given. Because both are compared, records that
/// arrive while somebody turns pages are neither given twice nor make others be left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// Name of the order; a cursor of another order is refused.
    pub sort: String,
    /// The sort key.
    pub key: i64,
    /// The record.
    pub id: DocId,
    /// Its row: decides between records that share an id in different spaces.
    pub n: i64,
}

impl Cursor {
    /// The cursor as text that goes into a URL.
    pub fn to_text(&self) -> String {
        BASE64URL_NOPAD.encode(format!("{}|{}|{}|{}", self.sort, self.key, self.id, self.n).as_bytes())
    }

    /// Reads what [`Cursor::to_text`] wrote for this order; `None` for anything else.
    pub fn read(text: &str, sort: &str) -> Option<Self> {
        if text.len() > MAX_CURSOR {
            return None;
        }
        let plain = String::from_utf8(BASE64URL_NOPAD.decode(text.as_bytes()).ok()?).ok()?;
        let mut parts = plain.split('|');
        let (of, key, id, n) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let cursor = Self { sort: of.to_owned(), key: key.parse().ok()?, id: id.parse().ok()?, n: n.parse().ok()? };
        (of == sort && parts.next().is_none()).then_some(cursor)
    }
}

/// An order: a column, its direction, its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) name: &'static str,
    /// The expression that sorts; never null.
    pub(crate) key: &'static str,
    pub(crate) descending: bool,
}

impl Order {
    fn way(self) -> &'static str {
        if self.descending { "DESC" } else { "ASC" }
    }

    /// Begins after the cursor.
    fn after(self, alias: &str, cursor: &Cursor, sql: &mut Conditions) {
        let than = if self.descending { "<" } else { ">" };
        sql.push(&format!("({}, {alias}.id, {alias}.n) {than} (:key, :id, :n)", self.key));
        sql.bind(":key", cursor.key);
        sql.bind(":id", cursor.id.0);
        sql.bind(":n", cursor.n);
    }

    /// The text after ORDER BY.
    fn sql(self, alias: &str) -> String {
        let way = self.way();
        format!("{} {way}, {alias}.id {way}, {alias}.n {way}", self.key)
    }
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// The records.
    pub items: Vec<T>,
    /// Where the next page begins; `None` if this is the last.
    pub next: Option<Cursor>,
}

/// What a list is read from.
#[derive(Debug, Clone, Copy)]
struct Table {
    /// The rows that are filtered and sorted.
    rows: &'static str,
    /// Their alias in conditions.
    alias: &'static str,
    /// What is shown of each, as JSON.
    texts: &'static str,
}

impl Table {
    /// A page of the rows that the conditions let through. What is shown is read only for these.
    fn page<T: serde::de::DeserializeOwned>(
        self,
        connection: &Connection,
        mut conditions: Conditions,
        order: Order,
        after: Option<&Cursor>,
        limit: usize,
        id: impl Fn(&T) -> DocId,
    ) -> Result<Page<T>, DbError> {
        let Self { rows: table, alias, texts } = self;
        if let Some(cursor) = after {
            order.after(alias, cursor, &mut conditions);
        }
        let text = format!(
            "SELECT p.key, t.json, p.n FROM (SELECT {alias}.n AS n, {} AS key, {alias}.id AS id FROM {table} {alias} WHERE {} \
             ORDER BY {} LIMIT {}) p JOIN {texts} t ON t.n = p.n ORDER BY p.key {way}, p.id {way}, p.n {way}",
            order.key,
            conditions.sql(),
            order.sql(alias),
            limit + 1,
            way = order.way(),
        );
        let found = rows(connection, &text, &conditions, |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)?))
        })?;
        let more = found.len() > limit;
        let mut items = Vec::with_capacity(found.len());
        let mut next = None;
        for (key, json, n) in found.into_iter().take(limit) {
            let row: T = serde_json::from_str(&json)?;
            next = Some(Cursor { sort: order.name.to_owned(), key, id: id(&row), n });
            items.push(row);
        }
        Ok(Page { items, next: next.filter(|_| more) })
    }

    /// How many rows the conditions let through.
    fn count(self, connection: &Connection, conditions: &Conditions) -> Result<i64, DbError> {
        let text = format!("SELECT count(*) FROM {} {} WHERE {}", self.rows, self.alias, conditions.sql());
        Ok(rows(connection, &text, conditions, |row| row.get(0))?.first().copied().unwrap_or(0))
    }
}

/// One record that the asking scope holds, and the space it lies in.
#[derive(Debug, Clone, PartialEq)]
pub struct Found<T> {
    /// The row as it is shown.
    pub row: T,
    /// The unit of the space.
    pub unit: String,
    /// The compartment of the space.
    pub compartment: Compartment,
}

impl<T: serde::de::DeserializeOwned> Found<T> {
    /// Reads the first row of a query for JSON, unit and compartment.
    fn read(connection: &Connection, sql: &str, conditions: &Conditions) -> Result<Option<Self>, DbError> {
        let found = rows(connection, sql, conditions, |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, u8>(2)?))
        })?;
        let Some((json, unit, compartment)) = found.into_iter().next() else { return Ok(None) };
        let compartment =
            Compartment::from_number(compartment).ok_or_else(|| DbError::internal("no such compartment"))?;
        Ok(Some(Self { row: serde_json::from_str(&json)?, unit, compartment }))
    }
}

/// A full-text query that means: every word of `text`, folded like the records, the last one as a beginning of a word.
/// `None` if no word is in it. Nothing of `text` is taken as query language.
pub(crate) fn match_words(text: &str) -> Option<String> {
    let folded = fold(text);
    let words: Vec<&str> =
        folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).take(16).collect();
    // A word is letters and digits alone, so quotes cannot end early.
    let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    (!quoted.is_empty()).then(|| format!("{}*", quoted.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_what_it_writes_and_nothing_else() {
        let cursor = Cursor { sort: "date_desc".into(), key: -3, id: DocId([7; 16]), n: 4 };
        let text = cursor.to_text();
        assert_eq!(Cursor::read(&text, "date_desc"), Some(cursor));
        assert_eq!(Cursor::read(&text, "date_asc"), None);
        for bad in ["", "%%%", "YQ", &text[1..], &"A".repeat(1_000)] {
            assert_eq!(Cursor::read(bad, "date_desc"), None, "{bad}");
        }
    }

    #[test]
    fn search_text_never_becomes_query_language() {
        assert_eq!(match_words("  \"' * -- ( "), None);
        assert_eq!(match_words("Đường NƯỚC").as_deref(), Some("\"duong\" \"nuoc\"*"));
        assert_eq!(
            match_words("a\" OR b NEAR(x) col:y").as_deref(),
            Some("\"a\" \"or\" \"b\" \"near\" \"x\" \"col\" \"y\"*")
        );
        assert_eq!(match_words("B'Lao").as_deref(), match_words("B’Lao").as_deref());
    }
}
