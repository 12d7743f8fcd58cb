//! Lists as tables for a spreadsheet: streamed page by page, with Vietnamese column names, and with every cell that a
//! spreadsheet would run as a formula made harmless.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use gandan_model::codes::Lang;
use gandan_model::rows::{IssueRow, VisitRow};
use jiff::civil::Date;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::records_items::VisitItem;
use crate::db::{Db, DbError};
use crate::reports::list::{Cursor, MAX_LIMIT, Page};

/// Pages that may wait for a slow reader.
const PAGES_AHEAD: usize = 2;

/// A kind of row that can stand in a table.
pub(crate) trait TableRow: Sized + Send + 'static {
    /// Column names.
    const COLUMNS: &'static [&'static str];

    /// The cells, in the order of the columns; `units`: names by code.
    fn cells(self, units: &BTreeMap<String, String>) -> Result<Vec<String>, DbError>;
}

/// A text cell: one that begins with a character by which a spreadsheet knows a formula gets an apostrophe before it.
pub(crate) fn cell(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) { format!("'{text}") } else { text.to_owned() }
}

fn optional(text: Option<&str>) -> String {
    text.map(cell).unwrap_or_default()
}

fn number(count: Option<i64>) -> String {
    count.map(|count| count.to_string()).unwrap_or_default()
}

fn date(date: Option<Date>) -> String {
    date.map(|date| date.strftime("%d/%m/%Y").to_string()).unwrap_or_default()
}

fn yes(flag: bool) -> String {
    if flag { "Có".to_owned() } else { String::new() }
}

/// The Vietnamese label of an optional code.
macro_rules! label {
    ($code:expr) => {
        $code.as_ref().map(|code| cell(&code.label(Lang::Vi))).unwrap_or_default()
    };
}

impl TableRow for VisitRow {
    const COLUMNS: &'static [&'static str] = &[
        "Mã cuộc",
        "Mã đơn vị",
        "Đơn vị",
        "Chương trình",
        "Trạng thái",
        "Ngày",
        "Bắt đầu",
        "Kết thúc",
        "Loại địa điểm",
        "Địa điểm",
        "Nơi tổ chức",
        "Trưởng đoàn",
        "Số cán bộ",
        "Lượt người dân",
        "Số hộ",
        "Số doanh nghiệp",
        "Có ghi chép",
        "Số ảnh",
        "Điểm nóng",
        "Phiếu có trả lời",
        "Rất hài lòng",
        "Hài lòng",
        "Bình thường",
        "Không hài lòng",
        "Rất không hài lòng",
        "Không trả lời",
        "Điểm sáng",
        "Cần xem lại",
    ];

    fn cells(self, units: &BTreeMap<String, String>) -> Result<Vec<String>, DbError> {
        let leads: Vec<&str> = self
            .team
            .iter()
            .filter(|member| member.role.as_str() == "lead")
            .map(|member| member.name.as_deref().unwrap_or(&member.official))
            .collect();
        let mut cells = vec![
            self.id.to_string(),
            cell(&self.unit),
            optional(units.get(&self.unit).map(String::as_str)),
            label!(self.programme),
            cell(&self.status.label(Lang::Vi)),
            date(self.date),
            self.started_at.map(|at| at.to_string()).unwrap_or_default(),
            self.ended_at.map(|at| at.to_string()).unwrap_or_default(),
            label!(self.place_kind),
            optional(self.place_name.as_deref()),
            label!(self.venue),
            cell(&leads.join(", ")),
            self.team.len().to_string(),
            number(self.residents),
            number(self.households),
            number(self.businesses),
            yes(self.has_note),
            self.photos.to_string(),
            cell(&self.hot_spot.label(Lang::Vi)),
        ];
        let bright_spot = optional(self.bright_spot.as_ref().and_then(|spot| spot.title.as_deref()));
        let review = yes(self.review > 0);
        // The item hides small counts of cards.
        let item = serde_json::to_value(VisitItem::try_from(self)?)?;
        let cards =
            ["answered", "very_satisfied", "satisfied", "neutral", "dissatisfied", "very_dissatisfied", "no_answer"];
        cells.extend(cards.iter().map(|name| match &item["satisfaction"][name] {
            serde_json::Value::Null => String::new(),
            serde_json::Value::String(text) => cell(text),
            other => other.to_string(),
        }));
        cells.extend([bright_spot, review]);
        Ok(cells)
    }
}

impl TableRow for IssueRow {
    const COLUMNS: &'static [&'static str] = &[
        "Mã vụ việc",
        "Mã phiếu",
        "Mã đơn vị",
        "Đơn vị",
        "Loại",
        "Lĩnh vực",
        "Tiêu đề",
        "Mức độ",
        "Trạng thái",
        "Ngày tiếp nhận",
        "Ngày thụ lý",
        "Cơ quan giải quyết",
        "Hạn thông báo",
        "Ngày thông báo",
        "Hạn giải quyết",
        "Căn cứ thời hạn",
        "Ngày giải quyết",
        "Kết quả",
        "Hình thức trả lời",
        "Ngày trả lời",
        "Ý kiến người dân",
        "Điểm nóng",
        "Kéo dài từ năm",
        "Số lần đã nêu",
        "Trùng với",
        "Cần xem lại",
    ];

    fn cells(self, units: &BTreeMap<String, String>) -> Result<Vec<String>, DbError> {
        let standing = self.long_standing.as_ref();
        Ok(vec![
            self.id.to_string(),
            optional(self.ticket.as_deref()),
            cell(&self.unit),
            optional(units.get(&self.unit).map(String::as_str)),
            label!(self.kind),
            label!(self.field),
            optional(self.title.as_deref()),
            cell(&self.priority.label(Lang::Vi)),
            cell(&self.status.label(Lang::Vi)),
            date(self.received_on),
            date(self.accepted_on),
            optional(self.agency.as_deref()),
            date(self.first_notice_due),
            date(self.first_notice_on),
            date(self.resolve_due),
            optional(self.resolve_basis.as_deref()),
            date(self.settled_on),
            label!(self.outcome),
            label!(self.reply_channel),
            date(self.replied_on),
            label!(self.confirmation),
            yes(self.hot_spot),
            number(standing.map(|standing| i64::from(standing.since_year))),
            number(standing.and_then(|standing| standing.times_raised_before)),
            optional(self.duplicate_of.as_deref()),
            yes(self.review > 0),
        ])
    }
}

/// Answers with a table of all pages. `read` reads the page after a cursor; it runs on a thread that may block, and no
/// faster than the caller takes what it gives.
pub(crate) fn stream<R, F>(db: Db, name: &'static str, bom: bool, units: BTreeMap<String, String>, read: F) -> Response
where
    R: TableRow,
    F: Fn(&rusqlite::Connection, Option<&Cursor>, usize) -> Result<Page<R>, DbError> + Send + Sync + 'static,
{
    let (sender, receiver) = mpsc::channel::<Result<Vec<u8>, std::io::Error>>(PAGES_AHEAD);
    tokio::task::spawn_blocking(move || {
        let mut cursor = None;
        let mut head = Some(bom);
        loop {
            let page = db.read(|connection| read(connection, cursor.as_ref(), MAX_LIMIT));
            let next = page.as_ref().ok().and_then(|page| page.next.clone());
            let bytes = page.and_then(|page| table(page.items, head.take(), &units));
            // An error in the middle cuts the body: a shorter table must not look whole.
            let bytes = bytes.map_err(|error| std::io::Error::other(error.to_string()));
            let failed = bytes.is_err();
            if sender.blocking_send(bytes).is_err() || failed || next.is_none() {
                return;
            }
            cursor = next;
        }
    });
    let mut response = Body::from_stream(ReceiverStream::new(receiver)).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}.csv\"")) {
        headers.insert(CONTENT_DISPOSITION, value);
    }
    response
}

/// One page as bytes; `head`: begin with the column names, and with a byte order mark if it says so.
fn table<R: TableRow>(rows: Vec<R>, head: Option<bool>, units: &BTreeMap<String, String>) -> Result<Vec<u8>, DbError> {
    let mut bytes = Vec::new();
    if head == Some(true) {
        bytes.extend_from_slice("\u{feff}".as_bytes());
    }
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(bytes);
    if head.is_some() {
        writer.write_record(R::COLUMNS).map_err(DbError::internal)?;
    }
    for row in rows {
        writer.write_record(row.cells(units)?).map_err(DbError::internal)?;
    }
    writer.into_inner().map_err(|error| DbError::internal(error.error()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_that_begin_like_a_formula_are_made_harmless() {
        for start in ["=", "+", "-", "@", "\t", "\r"] {
            let text = format!("{start}SUM(A1)");
            assert_eq!(cell(&text), format!("'{text}"));
        }
        assert_eq!(cell("Nước = sạch"), "Nước = sạch");
    }

    #[test]
    fn a_mark_of_byte_order_stands_once_at_the_start() {
        let units = BTreeMap::new();
        let head = table::<IssueRow>(Vec::new(), Some(true), &units).unwrap();
        assert!(head.starts_with(b"\xef\xbb\xbf"));
        assert!(String::from_utf8(head).unwrap().contains("Mã phiếu"));
        assert!(table::<IssueRow>(Vec::new(), None, &units).unwrap().is_empty());
        assert!(!table::<VisitRow>(Vec::new(), Some(false), &units).unwrap().starts_with(b"\xef"));
    }
}
