//! Lists: what is here, page by page.

use gandan_model::genesis::DocKind;
use gandan_model::ids::DocId;
use gandan_model::rows::{IssueRow, VisitRow};
use rusqlite::{Connection, params, params_from_iter};
use serde::{Deserialize, Serialize};

use crate::Store;
use crate::cursor::{Page, PageCursor};
use crate::error::StoreError;
use crate::project::{ListRow, read_row};
use crate::query::{Conditions, IssueFilter, VisitFilter};
use crate::state::{RecordState, change};

/// An item of a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Listed<R> {
    /// What the list shows. Its `search` text is empty: it lives in the index.
    #[serde(flatten)]
    pub row: R,
    /// Where the record stands.
    pub state: RecordState,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ListedPage<R> {
    /// The items, the latest day first.
    pub items: Vec<Listed<R>>,
    /// Where the next page begins; `None` if this is the last one.
    pub next: Option<PageCursor>,
}

/// A record with values that stand against each other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReviewEntry {
    /// The record.
    pub id: DocId,
    /// What it is.
    pub kind: DocKind,
    /// Number of review items.
    pub review: usize,
    /// What a list shows of it.
    pub row: ReviewRow,
}

/// A row of either kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ReviewRow {
    /// A visit.
    Visit(Box<VisitRow>),
    /// An issue.
    Issue(Box<IssueRow>),
}

/// How much of everything is here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Visits, without deleted ones.
    pub visits: u64,
    /// Issues, without deleted ones.
    pub issues: u64,
    /// Drafts, also of records that do not exist yet.
    pub drafts: u64,
    /// Records with review items.
    pub needs_review: u64,
    /// Changes that are saved and in no envelope yet.
    pub saved_changes: u64,
    /// Changes in envelopes that the server has not confirmed.
    pub waiting_changes: u64,
    /// Changes that were refused, here or by the server.
    pub quarantined_changes: u64,
    /// When the oldest change that the server lacks was saved, in milliseconds since 1970.
    pub oldest_unsent_ms: Option<i64>,
    /// Bytes of the changes that the server lacks.
    pub unsent_bytes: u64,
}

impl Store {
    /// A page of visits, the latest day first; visits without a day come last.
    pub fn visits(&self, filter: &VisitFilter, page: &Page) -> Result<ListedPage<VisitRow>, StoreError> {
        self.read(|connection| self.list(connection, &filter.conditions(page), "visit_list", "visit_by_day", page))
    }

    /// A page of issues, the latest reception first.
    pub fn issues(&self, filter: &IssueFilter, page: &Page) -> Result<ListedPage<IssueRow>, StoreError> {
        self.read(|connection| self.list(connection, &filter.conditions(page), "issue_list", "issue_by_day", page))
    }

    /// Records that a person must look at, in the order in which they came to this phone. What stands
    /// against what is told by the record itself. Gives the next page's cursor if there is more.
    pub fn review_items(&self, page: &Page) -> Result<(Vec<ReviewEntry>, Option<PageCursor>), StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT l.doc, l.kind, l.review, r.json, d.id FROM (
                     SELECT doc, 1 AS kind, review FROM visit_list WHERE review > 0 AND doc > ?1
                     UNION ALL SELECT doc, 2, review FROM issue_list WHERE review > 0 AND doc > ?1
                     ORDER BY 1 LIMIT ?2
                 ) l JOIN list_row r ON r.doc = l.doc JOIN document d ON d.n = l.doc ORDER BY 1",
            )?;
            let after = page.after.as_ref().map_or(0, |cursor| cursor.doc);
            let mut rows = statement.query(params![after, i64::try_from(page.size()).unwrap_or(i64::MAX)])?;
            let (mut entries, mut last) = (Vec::new(), None);
            while let Some(row) = rows.next()? {
                let json = row.get_ref(3)?.as_blob().map_err(StoreError::internal)?;
                let (n, is_visit) = (row.get(0)?, row.get::<_, i64>(1)? == 1);
                let (kind, row_of) = if is_visit {
                    (DocKind::Visit, ReviewRow::Visit(Box::new(read_row(connection, n, json, &self.rules)?)))
                } else {
                    (DocKind::Issue, ReviewRow::Issue(Box::new(read_row(connection, n, json, &self.rules)?)))
                };
                let id = DocId(row.get(4)?);
                let review = row.get::<_, i64>(2)?.try_into().unwrap_or(usize::MAX);
                entries.push(ReviewEntry { id, kind, review, row: row_of });
                last = Some(n);
            }
            let full = entries.len() == page.size();
            let next = last.filter(|_| full).map(|doc| PageCursor { day: String::new(), doc });
            Ok((entries, next))
        })
    }

    /// How much of everything is here.
    pub fn counts(&self) -> Result<Counts, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT (SELECT count(*) FROM visit_list WHERE deleted = 0),
                        (SELECT count(*) FROM issue_list WHERE deleted = 0),
                        (SELECT count(*) FROM draft),
                        (SELECT count(*) FROM visit_list WHERE review > 0)
                            + (SELECT count(*) FROM issue_list WHERE review > 0),
                        count(*) FILTER (WHERE state = ?1), count(*) FILTER (WHERE state = ?2),
                        count(*) FILTER (WHERE state NOT IN (?1, ?2, ?3, ?4, ?5, ?6)),
                        min(at_ms) FILTER (WHERE state < ?3),
                        ifnull(sum(length(raw)) FILTER (WHERE state < ?3), 0)
                 FROM change INDEXED BY change_open WHERE state <> 2",
            )?;
            let states =
                [change::SAVED, change::SEALED, change::EARLY, change::RETURNING, change::REPLACED, change::ADOPTED];
            let counts = statement.query_row(states, |row| {
                Ok(Counts {
                    visits: row.get(0)?,
                    issues: row.get(1)?,
                    drafts: row.get(2)?,
                    needs_review: row.get(3)?,
                    saved_changes: row.get(4)?,
                    waiting_changes: row.get(5)?,
                    quarantined_changes: row.get(6)?,
                    oldest_unsent_ms: row.get(7)?,
                    unsent_bytes: row.get(8)?,
                })
            })?;
            Ok(counts)
        })
    }

    fn list<R: ListRow>(
        &self,
        connection: &Connection,
        conditions: &Conditions,
        table: &str,
        index: &str,
        page: &Page,
    ) -> Result<ListedPage<R>, StoreError> {
        // One more than wanted tells whether there is a next page.
        let mut statement = connection.prepare_cached(&conditions.select(table, index, page.size() + 1))?;
        let mut rows = statement.query(params_from_iter(&conditions.values))?;
        let (mut items, mut last): (Vec<Listed<R>>, Option<PageCursor>) = (Vec::new(), None);
        while let Some(row) = rows.next()? {
            if items.len() == page.size() {
                return Ok(ListedPage { items, next: last });
            }
            let json = row.get_ref(3)?.as_blob().map_err(StoreError::internal)?;
            let n = row.get(0)?;
            items.push(Listed {
                row: read_row(connection, n, json, &self.rules)?,
                state: RecordState::from_number(row.get(2)?),
            });
            last = Some(PageCursor { day: row.get(1)?, doc: n });
        }
        Ok(ListedPage { items, next: None })
    }
}
