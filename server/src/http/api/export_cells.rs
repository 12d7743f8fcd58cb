//! Rows of tables for spreadsheets: Vietnamese column names with stable codes, cells that know what they are, and small
//! counts hidden as lists hide them.

use std::collections::BTreeMap;

use gandan_model::codes::Lang;
use gandan_model::moment::Moment;
use gandan_model::rows::{IssueRow, VisitRow};
use jiff::civil::Date;

use super::records_items::{IssueItem, VisitItem};
use crate::db::DbError;

/// A kind of row that can stand in a table.
pub(crate) trait TableRow: Sized + Send + 'static {
    /// Columns: a stable code for programs, a name for people.
    const COLUMNS: &'static [(&'static str, &'static str)];

    /// The cells, in the order of the columns; `units`: names by code.
    fn cells(self, units: &BTreeMap<String, String>) -> Result<Vec<Cell>, DbError>;

    /// The row as a list in JSON shows it, without what lists hide.
    fn item(self) -> Result<serde_json::Value, DbError>;

    /// Longitude and latitude in degrees, if the record itself has a place.
    fn place(&self) -> Option<[f64; 2]>;

    /// Code of the unit.
    fn unit(&self) -> &str;
}

/// A cell that knows what it is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    /// Nothing is known.
    Empty,
    /// Text, as it was written.
    Text(String),
    /// A whole number.
    Int(i64),
    /// A civil date.
    Date(Date),
    /// An instant with its offset.
    At(Moment),
}

impl Cell {
    /// The cell in a text table: dates as dd/MM/yyyy, and no text that a spreadsheet would run as a formula.
    pub(crate) fn into_text(self) -> String {
        match self {
            Self::Empty => String::new(),
            Self::Text(text) => harmless(text),
            Self::Int(number) => number.to_string(),
            Self::Date(date) => date.strftime("%d/%m/%Y").to_string(),
            Self::At(at) => at.to_string(),
        }
    }
}

/// Text that begins with a character by which a spreadsheet knows a formula gets an apostrophe before it.
pub(crate) fn harmless(text: String) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) { format!("'{text}") } else { text }
}

fn text(text: impl Into<String>) -> Cell {
    Cell::Text(text.into())
}

fn optional(text: Option<&str>) -> Cell {
    text.map_or(Cell::Empty, |text| Cell::Text(text.to_owned()))
}

fn number(count: Option<i64>) -> Cell {
    count.map_or(Cell::Empty, Cell::Int)
}

fn size(count: usize) -> Cell {
    Cell::Int(i64::try_from(count).unwrap_or(i64::MAX))
}

fn date(date: Option<Date>) -> Cell {
    date.map_or(Cell::Empty, Cell::Date)
}

fn yes(flag: bool) -> Cell {
    if flag { text("Có") } else { Cell::Empty }
}

/// The Vietnamese label of an optional code.
macro_rules! label {
    ($code:expr) => {
        $code.as_ref().map_or(Cell::Empty, |code| text(code.label(Lang::Vi)))
    };
}

impl TableRow for VisitRow {
    const COLUMNS: &'static [(&'static str, &'static str)] = &[
        ("id", "Mã cuộc"),
        ("unit_code", "Mã đơn vị"),
        ("unit_name", "Đơn vị"),
        ("programme", "Chương trình"),
        ("status", "Trạng thái"),
        ("date", "Ngày"),
        ("started_at", "Bắt đầu"),
        ("ended_at", "Kết thúc"),
        ("place_kind", "Loại địa điểm"),
        ("place_name", "Địa điểm"),
        ("venue", "Nơi tổ chức"),
        ("lead", "Trưởng đoàn"),
        ("team_size", "Số cán bộ"),
        ("residents", "Lượt người dân"),
        ("households", "Số hộ"),
        ("businesses", "Số doanh nghiệp"),
        ("has_note", "Có ghi chép"),
        ("photos", "Số ảnh"),
        ("hot_spot", "Điểm nóng"),
        ("answered", "Phiếu có trả lời"),
        ("very_satisfied", "Rất hài lòng"),
        ("satisfied", "Hài lòng"),
        ("neutral", "Bình thường"),
        ("dissatisfied", "Không hài lòng"),
        ("very_dissatisfied", "Rất không hài lòng"),
        ("no_answer", "Không trả lời"),
        ("bright_spot", "Điểm sáng"),
        ("needs_review", "Cần xem lại"),
    ];

    fn cells(self, units: &BTreeMap<String, String>) -> Result<Vec<Cell>, DbError> {
        let leads: Vec<&str> = self
            .team
            .iter()
            .filter(|member| member.role.as_str() == "lead")
            .map(|member| member.name.as_deref().unwrap_or(&member.official))
            .collect();
        let mut cells = vec![
            text(self.id.to_string()),
            text(self.unit.as_str()),
            optional(units.get(&self.unit).map(String::as_str)),
            label!(self.programme),
            text(self.status.label(Lang::Vi)),
            date(self.date),
            self.started_at.map_or(Cell::Empty, Cell::At),
            self.ended_at.map_or(Cell::Empty, Cell::At),
            label!(self.place_kind),
            optional(self.place_name.as_deref()),
            label!(self.venue),
            text(leads.join(", ")),
            size(self.team.len()),
            number(self.residents),
            number(self.households),
            number(self.businesses),
            yes(self.has_note),
            size(self.photos),
            text(self.hot_spot.label(Lang::Vi)),
        ];
        let bright_spot = optional(self.bright_spot.as_ref().and_then(|spot| spot.title.as_deref()));
        let review = yes(self.review > 0);
        // The item hides small counts of cards.
        let item = serde_json::to_value(VisitItem::try_from(self)?)?;
        let cards =
            ["answered", "very_satisfied", "satisfied", "neutral", "dissatisfied", "very_dissatisfied", "no_answer"];
        cells.extend(cards.iter().map(|name| match &item["satisfaction"][name] {
            serde_json::Value::Number(count) => number(count.as_i64()),
            serde_json::Value::String(few) => text(few.as_str()),
            _ => Cell::Empty,
        }));
        cells.extend([bright_spot, review]);
        Ok(cells)
    }

    fn item(self) -> Result<serde_json::Value, DbError> {
        Ok(serde_json::to_value(VisitItem::try_from(self)?)?)
    }

    fn place(&self) -> Option<[f64; 2]> {
        self.lon.zip(self.lat).map(|(lon, lat)| [lon, lat])
    }

    fn unit(&self) -> &str {
        &self.unit
    }
}

impl TableRow for IssueRow {
    const COLUMNS: &'static [(&'static str, &'static str)] = &[
        ("id", "Mã vụ việc"),
        ("ticket", "Mã phiếu"),
        ("unit_code", "Mã đơn vị"),
        ("unit_name", "Đơn vị"),
        ("kind", "Loại"),
        ("field", "Lĩnh vực"),
        ("title", "Tiêu đề"),
        ("priority", "Mức độ"),
        ("status", "Trạng thái"),
        ("received_on", "Ngày tiếp nhận"),
        ("accepted_on", "Ngày thụ lý"),
        ("agency", "Cơ quan giải quyết"),
        ("first_notice_due", "Hạn thông báo"),
        ("first_notice_on", "Ngày thông báo"),
        ("resolve_due", "Hạn giải quyết"),
        ("resolve_basis", "Căn cứ thời hạn"),
        ("settled_on", "Ngày giải quyết"),
        ("outcome", "Kết quả"),
        ("reply_channel", "Hình thức trả lời"),
        ("replied_on", "Ngày trả lời"),
        ("confirmation", "Ý kiến người dân"),
        ("hot_spot", "Điểm nóng"),
        ("long_standing_since", "Kéo dài từ năm"),
        ("times_raised_before", "Số lần đã nêu"),
        ("duplicate_of", "Trùng với"),
        ("needs_review", "Cần xem lại"),
    ];

    fn cells(self, units: &BTreeMap<String, String>) -> Result<Vec<Cell>, DbError> {
        let standing = self.long_standing.as_ref();
        Ok(vec![
            text(self.id.to_string()),
            optional(self.ticket.as_deref()),
            text(self.unit.as_str()),
            optional(units.get(&self.unit).map(String::as_str)),
            label!(self.kind),
            label!(self.field),
            optional(self.title.as_deref()),
            text(self.priority.label(Lang::Vi)),
            text(self.status.label(Lang::Vi)),
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

    fn item(self) -> Result<serde_json::Value, DbError> {
        Ok(serde_json::to_value(IssueItem::try_from(self)?)?)
    }

    fn place(&self) -> Option<[f64; 2]> {
        None
    }

    fn unit(&self) -> &str {
        &self.unit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_that_begin_like_a_formula_are_made_harmless() {
        for start in ["=", "+", "-", "@", "\t", "\r"] {
            let formula = format!("{start}SUM(A1)");
            assert_eq!(text(formula.as_str()).into_text(), format!("'{formula}"));
        }
        assert_eq!(text("Nước = sạch").into_text(), "Nước = sạch");
        assert_eq!(Cell::Int(-1).into_text(), "-1");
    }

    #[test]
    fn codes_of_columns_are_unlike() {
        for columns in [VisitRow::COLUMNS, IssueRow::COLUMNS] {
            let codes: std::collections::BTreeSet<&str> = columns.iter().map(|(code, _)| *code).collect();
            assert_eq!(codes.len(), columns.len());
        }
    }
}
