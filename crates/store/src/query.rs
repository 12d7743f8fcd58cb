//! Filters of lists, and the SQL that they mean.

use gandan_model::ids::DocId;
use gandan_model::text::fold_tokens;
use jiff::civil::Date;
use rusqlite::types::Value;
use serde::{Deserialize, Serialize};

use crate::cursor::Page;
use crate::state::RecordState;

/// At most so many words of a query count.
const MAX_WORDS: usize = 16;

/// Which visits are wanted. Everything given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct VisitFilter {
    /// Code of the unit in whose space the visit lies.
    pub unit: Option<String>,
    /// Status code (`submitted`).
    pub status: Option<String>,
    /// Programme code.
    pub programme: Option<String>,
    /// Not before this day (of the visit, else as planned).
    pub from: Option<Date>,
    /// Not after this day.
    pub to: Option<Date>,
    /// Words, or beginnings of words, that must all occur: in the place's name, the note, officials'
    /// names, the bright spot's title. Case, tones and marks do not matter.
    pub query: Option<String>,
    /// Where the record stands.
    pub state: Option<RecordState>,
    /// Also visits that were deleted.
    pub deleted: bool,
}

/// Which issues are wanted. Everything given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct IssueFilter {
    /// Code of the unit in whose space the issue lies.
    pub unit: Option<String>,
    /// Status code (`in_progress`).
    pub status: Option<String>,
    /// Kind code (`complaint`).
    pub kind: Option<String>,
    /// Code of the field of work (`land`).
    pub field: Option<String>,
    /// The responsible agency.
    pub agency: Option<String>,
    /// The visit at which it was raised.
    pub visit: Option<DocId>,
    /// Not received before this day.
    pub from: Option<Date>,
    /// Not received after this day.
    pub to: Option<Date>,
    /// Words, or beginnings of words, that must all occur: in title, description, place, ticket, agency.
    pub query: Option<String>,
    /// Where the record stands.
    pub state: Option<RecordState>,
    /// Also issues that were deleted.
    pub deleted: bool,
}

/// Conditions joined by AND, with their values.
#[derive(Default)]
pub(crate) struct Conditions {
    sql: String,
    pub(crate) values: Vec<Value>,
}

impl Conditions {
    fn add(&mut self, condition: &str, value: impl Into<Value>) {
        self.values.push(value.into());
        let place = format!("?{}", self.values.len());
        self.sql.push_str(if self.sql.is_empty() { " WHERE " } else { " AND " });
        self.sql.push_str(&condition.replace('?', &place));
    }

    fn text(&mut self, condition: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.add(condition, value.to_owned());
        }
    }

    fn common(&mut self, common: &Common<'_>) {
        if !common.deleted {
            self.add("l.deleted = ?", 0);
        }
        self.text("l.unit = ?", common.unit);
        self.text("l.status = ?", common.status);
        self.text("l.day >= ?", common.from.map(|day| day.to_string()).as_deref());
        if let Some(to) = common.to {
            self.add("l.day <= ?", to.to_string());
            // Records without a day have the empty text, which is below every day.
            self.add("l.day <> ?", String::new());
        }
        if let Some(state) = common.state {
            self.add("l.state = ?", state.number());
        }
        if let Some(words) = common.query.and_then(match_expression) {
            self.add("+l.doc IN (SELECT rowid FROM search WHERE search MATCH ?)", words);
        }
        if let Some(after) = &common.page.after {
            self.add("(l.day, l.doc) < (?, ", after.day.clone());
            self.values.push(after.doc.into());
            let place = format!("?{})", self.values.len());
            self.sql.push_str(&place);
        }
    }

    /// The whole statement. The narrow index is read first; rows are fetched only for what is shown.
    pub(crate) fn select(&self, table: &str, index: &str, limit: usize) -> String {
        format!(
            "SELECT l.doc, l.day, l.state, r.json FROM {table} l INDEXED BY {index}
             CROSS JOIN list_row r ON r.doc = l.doc{} ORDER BY l.day DESC, l.doc DESC LIMIT {limit}",
            self.sql
        )
    }
}

struct Common<'a> {
    unit: Option<&'a str>,
    status: Option<&'a str>,
    from: Option<Date>,
    to: Option<Date>,
    query: Option<&'a str>,
    state: Option<RecordState>,
    deleted: bool,
    page: &'a Page,
}

impl VisitFilter {
    pub(crate) fn conditions(&self, page: &Page) -> Conditions {
        let mut conditions = Conditions::default();
        conditions.text("l.programme = ?", self.programme.as_deref());
        conditions.common(&Common {
            unit: self.unit.as_deref(),
            status: self.status.as_deref(),
            from: self.from,
            to: self.to,
            query: self.query.as_deref(),
            state: self.state,
            deleted: self.deleted,
            page,
        });
        conditions
    }
}

impl IssueFilter {
    pub(crate) fn conditions(&self, page: &Page) -> Conditions {
        let mut conditions = Conditions::default();
        conditions.text("l.kind = ?", self.kind.as_deref());
        conditions.text("l.field = ?", self.field.as_deref());
        conditions.text("l.agency = ?", self.agency.as_deref());
        if let Some(visit) = self.visit {
            conditions.add("l.doc IN (SELECT doc FROM issue_list WHERE visit = ?)", visit.0.to_vec());
        }
        conditions.common(&Common {
            unit: self.unit.as_deref(),
            status: self.status.as_deref(),
            from: self.from,
            to: self.to,
            query: self.query.as_deref(),
            state: self.state,
            deleted: self.deleted,
            page,
        });
        conditions
    }
}

/// What a person typed as an FTS5 expression: every word must occur, or begin a word. Folded words consist
/// of letters and digits alone and stand in quotes, so nothing that is typed has a meaning of its own.
/// Nothing if there is no word in it.
fn match_expression(query: &str) -> Option<String> {
    let words = fold_tokens(query);
    let expression: Vec<_> = words.iter().take(MAX_WORDS).map(|word| format!("\"{word}\"*")).collect();
    if expression.is_empty() { None } else { Some(expression.join(" ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_typed_is_only_words() {
        for (typed, expression) in [
            ("Đường liên thôn", Some(r#""duong"* "lien"* "thon"*"#)),
            (r#"" OR "1"="1"#, Some(r#""or"* "1"* "1"*"#)),
            ("NEAR(a b) NOT c*", Some(r#""near"* "a"* "b"* "not"* "c"*"#)),
            (" -- \0 '", None),
            ("", None),
        ] {
            assert_eq!(match_expression(typed).as_deref(), expression, "{typed}");
        }
        assert_eq!(match_expression(&"a ".repeat(10_000)).unwrap().len(), MAX_WORDS * 5 - 1);
    }
}
