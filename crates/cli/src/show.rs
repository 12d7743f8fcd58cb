//! What people see instead of JSON.

use crate::args::Language;
use crate::table::{Table, clip, plain};
use gandan_client::model::codes::Lang;
use gandan_client::model::rows::{IssueRow, VisitRow};
use gandan_client::{Draft, EnvelopeState, HeldBack, ListedPage, RecordState, ReviewLine, Standing};
use serde_json::Value;
use std::fmt::Write as _;

fn choose(lang: Language, vi: &'static str, en: &'static str) -> &'static str {
    match lang {
        Language::Vi => vi,
        Language::En => en,
    }
}

fn state(state: RecordState, lang: Language) -> String {
    let (vi, en) = match state {
        RecordState::Draft => ("bản nháp", "draft"),
        RecordState::Saved => ("đã lưu", "saved"),
        RecordState::Waiting => ("chờ gửi", "waiting"),
        RecordState::Synced => ("đã đồng bộ", "synced"),
        RecordState::NeedsReview => ("cần xem lại", "needs review"),
        RecordState::Quarantined => ("bị giữ lại", "quarantined"),
    };
    choose(lang, vi, en).to_owned()
}

/// The number, or nothing.
fn number(value: Option<i64>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| value.to_string())
}

fn of(lang: Language) -> Lang {
    match lang {
        Language::Vi => Lang::Vi,
        Language::En => Lang::En,
    }
}

pub(crate) fn visits(page: &ListedPage<VisitRow>, lang: Language) -> String {
    let mut table = Table::new(&match lang {
        Language::Vi => ["Ngày", "Đơn vị", "Nơi", "Tình trạng", "Lượt người", "Xem lại", "Đồng bộ", "Mã"],
        Language::En => ["Date", "Unit", "Place", "Status", "People", "Review", "Sync", "Id"],
    });
    for item in &page.items {
        let row = &item.row;
        table.row([
            row.date.map(|date| date.to_string()).unwrap_or_default(),
            row.unit.clone(),
            clip(row.place_name.as_deref().unwrap_or("–"), 30),
            row.status.label(of(lang)).into_owned(),
            number(row.residents),
            row.review.to_string(),
            state(item.state, lang),
            row.id.to_string(),
        ]);
    }
    table.text() + &more(page.next.as_ref())
}

pub(crate) fn issues(page: &ListedPage<IssueRow>, lang: Language) -> String {
    let mut table = Table::new(&match lang {
        Language::Vi => ["Ngày nhận", "Đơn vị", "Mã phiếu", "Nội dung", "Tình trạng", "Hạn", "Đồng bộ", "Mã"],
        Language::En => ["Received", "Unit", "Ticket", "Title", "Status", "Due", "Sync", "Id"],
    });
    for item in &page.items {
        let row = &item.row;
        table.row([
            row.received_on.map(|date| date.to_string()).unwrap_or_default(),
            row.unit.clone(),
            row.ticket.clone().unwrap_or_default(),
            clip(row.title.as_deref().unwrap_or("–"), 40),
            row.status.label(of(lang)).into_owned(),
            row.resolve_due.map(|date| date.to_string()).unwrap_or_default(),
            state(item.state, lang),
            row.id.to_string(),
        ]);
    }
    table.text() + &more(page.next.as_ref())
}

fn more(next: Option<&impl std::fmt::Display>) -> String {
    next.map(|next| format!("… --after {next}\n")).unwrap_or_default()
}

pub(crate) fn review(lines: &[ReviewLine]) -> String {
    let mut text = String::new();
    for line in lines {
        let _ = writeln!(text, "{} {} {} [{}]", line.record, line.id, line.item.field, line.kind);
        for value in &line.item.values {
            let shown = crate::table::plain(&value.value.to_string());
            let mark = if value.value == line.item.effective { "*" } else { " " };
            let _ = writeln!(text, "  {mark} {} {}", value.by, clip(&shown, 100));
        }
    }
    if text.is_empty() { "Không có gì cần xem lại. / Nothing to review.\n".to_owned() } else { text }
}

/// What the server did not take, as somebody who wrote it wants to know it.
pub(crate) fn held(held: &[HeldBack], lang: Language) -> String {
    if held.is_empty() {
        return choose(lang, "Máy chủ đã nhận mọi thứ.\n", "The server has taken everything.\n").to_owned();
    }
    let mut table = Table::new(&match lang {
        Language::Vi => ["Gói", "Tình trạng", "Lý do", "Hồ sơ"],
        Language::En => ["Envelope", "Standing", "Reason", "Records"],
    });
    for one in held {
        let (vi, en) = match one.state {
            EnvelopeState::Discarded => ("không được nhận", "not accepted"),
            EnvelopeState::Gone => ("đã xóa theo yêu cầu", "erased"),
            EnvelopeState::Quarantined => ("chờ người quản lý xem xét", "waits for a manager"),
            _ => ("máy chủ từ chối", "refused by the server"),
        };
        let why = if one.reason.is_empty() { one.code.as_deref().unwrap_or_default() } else { &one.reason };
        let records: Vec<String> = one.records.iter().map(ToString::to_string).collect();
        let cells = [choose(lang, vi, en).to_owned(), clip(&plain(why), 60), clip(&records.join(" "), 60)];
        let [standing, why, records] = cells;
        table.row([one.device_seq.to_string(), standing, why, records]);
    }
    let hint = choose(
        lang,
        "Tất cả vẫn còn trên máy này; `gandan export TỆP` ghi ra tệp.",
        "All of it is still on this device; `gandan export FILE` writes it to a file.",
    );
    format!("{}{hint}\n", table.text())
}

pub(crate) fn drafts(drafts: &[Draft]) -> String {
    let mut table = Table::new(&["Mã / Id", "Loại / Kind", "Nội dung / Title"]);
    for draft in drafts {
        let kind = draft.kind.map_or("?", |kind| kind.as_str());
        table.row([draft.id.to_string(), kind.to_owned(), clip(&draft.title, 60)]);
    }
    table.text()
}

pub(crate) fn units(units: &[Value]) -> String {
    let mut table = Table::new(&["Mã / Code", "Tên / Name"]);
    for unit in units {
        let field = |name: &str| unit.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        table.row([field("code"), field("name")]);
    }
    table.text()
}

pub(crate) fn standing(standing: &Standing, lang: Language) -> String {
    let mut table = Table::new(&[choose(lang, "Thiết bị", "Device"), ""]);
    let (official, server) = standing.device.as_ref().map_or(("–".to_owned(), "–".to_owned()), |device| {
        (format!("{} ({})", device.name, device.official), device.server.clone())
    });
    let counts = &standing.counts;
    let lines = [
        ("Cán bộ", "Official", official),
        ("Máy chủ", "Server", server),
        ("Đơn vị", "Units", clip(&standing.units.join(" "), 60)),
        ("Chuyến đi", "Visits", counts.visits.to_string()),
        ("Vụ việc", "Issues", counts.issues.to_string()),
        ("Bản nháp", "Drafts", counts.drafts.to_string()),
        ("Cần xem lại", "To review", counts.needs_review.to_string()),
        ("Chưa gửi", "Not sent", (counts.saved_changes + counts.waiting_changes).to_string()),
        ("Bị giữ lại", "Quarantined", counts.quarantined_changes.to_string()),
        ("Giờ máy lệch (giây)", "Clock error (s)", standing.skew_s.to_string()),
    ];
    for (vi, en, value) in lines {
        table.row([choose(lang, vi, en).to_owned(), value]);
    }
    table.text()
}

/// A record as lines of `field: value`, then what waits for a decision, then its history.
pub(crate) fn record(view: &Value, lang: Language) -> String {
    let mut text = String::new();
    lines("", view, &mut text);
    let _ = writeln!(text, "\n{}", choose(lang, "Lịch sử", "History"));
    for step in view["history"].as_array().into_iter().flatten() {
        let changes: Vec<&str> =
            step["changes"].as_array().into_iter().flatten().filter_map(|c| c["field"].as_str()).collect();
        let author = step["author"].as_str().unwrap_or_default();
        let line = crate::table::plain(&format!("  {author}: {}", changes.join(", ")));
        let _ = writeln!(text, "{}", clip(&line, 160));
    }
    text
}

fn lines(prefix: &str, value: &Value, text: &mut String) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields.iter().filter(|(name, _)| !prefix.is_empty() || *name != "history") {
                let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                lines(&path, value, text);
            }
        }
        Value::Null => {}
        Value::Array(items) if items.is_empty() => {}
        Value::String(string) => {
            let _ = writeln!(text, "{prefix}: {}", crate::table::plain(string));
        }
        other => {
            let _ = writeln!(text, "{prefix}: {}", crate::table::plain(&other.to_string()));
        }
    }
}
