//! How fast the store is on a device with many visits. Needs an optimised build to mean anything:
//!
//! ```text
//! cargo run --release -p gandan-store --example measure -- fill FOLDER [VISITS]
//! cargo run --release -p gandan-store --example measure -- use FOLDER
//! ```
//!
//! Filling and using are separate runs, so that the second tells the memory of an app that only uses it.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::cast_precision_loss)]

use std::path::Path;
use std::time::{Duration, Instant};

use gandan_model::document::{Document, NewChange, Stamp};
use gandan_model::genesis::DocKind;
use gandan_model::ids::{Compartment, DeviceId, DocId, SpaceId};
use gandan_model::patch::FieldEdit;
use gandan_store::{
    Access, Cursor, DatabaseKey, Digest, Draft, IssueFilter, Page, RemoteBatch, RemoteChange, SpaceGrant, Store,
    VisitFilter,
};
use serde_json::json;

const NOW: i64 = 1_790_000_000_000;
const SPACE: SpaceId = SpaceId([1; 16]);
const WORDS: &str = "đường liên thôn xuống cấp mùa mưa nước ngập bà con đề nghị xã sớm sửa chữa kênh mương thủy lợi \
    sạt lở trường học điểm trường thiếu phòng trạm y tế thuốc bảo hiểm giấy chứng nhận quyền sử dụng đất chậm cấp \
    bồi thường giải phóng mặt bằng dự án hồ chứa cà phê hồ tiêu sầu riêng giá thấp vay vốn chính sách hộ nghèo điện \
    lưới ba pha yếu chập chờn sóng điện thoại vùng lõm rác thải thu gom nghĩa trang quy hoạch nhà văn hóa ghế loa";

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let argument = |place: usize| arguments.get(place).map_or("", String::as_str);
    let folder = Path::new(argument(2));
    match argument(1) {
        "fill" => fill(folder, argument(3).parse().unwrap_or(10_000)),
        "use" => measure(folder),
        _ => println!("measure fill FOLDER [VISITS] | measure use FOLDER"),
    }
}

fn open(folder: &Path) -> Store {
    Store::open(folder, &DatabaseKey::new([7; 32]), NOW).unwrap()
}

fn id(kind: u8, number: usize) -> DocId {
    let mut id = [kind; 16];
    id[..8].copy_from_slice(&(number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    DocId(id)
}

/// So many words of the list, from some place on.
fn prose(seed: usize, count: usize) -> String {
    let words: Vec<&str> = WORDS.split_whitespace().collect();
    (0..count).map(|n| words[(seed * 31 + n * (7 + seed % 5)) % words.len()]).collect::<Vec<_>>().join(" ")
}

fn patch(kind: DocKind, edits: &[(&str, serde_json::Value)]) -> (Document, NewChange) {
    let mut document = Document::new(kind);
    let stamp = Stamp { device: DeviceId([9; 8]), author: "CB-009".into(), now_ms: NOW };
    let edits: Vec<_> = edits.iter().map(|(field, value)| FieldEdit::new(*field, value.clone())).collect();
    let change = document.patch(&stamp, &edits).unwrap().unwrap();
    (document, change)
}

fn visit(seed: usize) -> (Document, NewChange) {
    let day = format!("2026-{:02}-{:02}", 1 + seed % 12, 1 + seed % 28);
    patch(
        DocKind::Visit,
        &[
            ("unit", json!("24847")),
            ("status", json!("submitted")),
            ("programme", json!(["sunday_with_people", "household_visit", "people_dialogue"][seed % 3])),
            ("place.kind", json!("thon")),
            ("place.name", json!(format!("Thôn {} {}", prose(seed, 1), seed % 90))),
            ("venue", json!("community_house")),
            ("planned_on", json!(day)),
            ("started_at", json!(format!("{day}T07:30:00+07:00"))),
            ("ended_at", json!(format!("{day}T10:45:00+07:00"))),
            ("team.CB-001", json!({ "role": "lead", "name": format!("Cán bộ {}", seed % 40), "agency": "Sở Nội vụ" })),
            ("team.CB-002", json!({ "role": "recorder", "name": "Cán bộ hai", "agency": "Sở Tư pháp" })),
            ("counts.residents", json!(20 + seed % 60)),
            ("activities", json!(["listen", "explain_policy"])),
            ("note", json!(prose(seed, 110))),
        ],
    )
}

fn issue(seed: usize) -> (Document, NewChange) {
    patch(
        DocKind::Issue,
        &[
            ("kind", json!("recommendation")),
            ("field", json!("transport")),
            ("title", json!(prose(seed, 9))),
            ("description", json!(prose(seed + 1, 50))),
            ("priority", json!("normal")),
            ("received_on", json!(format!("2026-{:02}-{:02}", 1 + seed % 12, 1 + seed % 28))),
            ("visit", json!(id(1, seed).to_string())),
        ],
    )
}

fn fill(folder: &Path, visits: usize) {
    let mut store = open(folder);
    let grant =
        SpaceGrant { space: SPACE, unit: "24847".into(), compartment: Compartment::Field, access: Access::Both };
    store.grant(&grant).unwrap();
    let templates: Vec<_> = (0..500).map(|seed| (visit(seed).1, issue(seed).1)).collect();
    println!("raw change: visit {} bytes, issue {} bytes", templates[3].0.raw.len(), templates[3].1.raw.len());
    let (mut changes, mut seq) = (Vec::new(), 0);
    let (started, cpu) = (Instant::now(), cpu_ms());
    for number in 0..visits {
        let (visit, issue) = &templates[number % templates.len()];
        changes.push(remote(id(1, number), visit, seq));
        changes.push(remote(id(2, 2 * number), issue, seq));
        if number % 5 != 0 {
            changes.push(remote(id(2, 2 * number + 1), issue, seq));
        }
        if changes.len() >= 250 || number + 1 == visits {
            seq += 1;
            let batch = RemoteBatch {
                space: SPACE,
                changes: std::mem::take(&mut changes),
                erased: Vec::new(),
                log_heads: Vec::new(),
                cursor: Cursor { seq, chain: [0; 32] },
                digest: Digest { count: seq, sum: [0; 32] },
                lines: Vec::new(),
                values: Vec::new(),
            };
            assert!(store.apply_remote(&batch).unwrap().rejected.is_empty());
        }
    }
    let per_visit = (cpu_ms() - cpu) / visits as f64;
    println!("pull of a visit with 1.8 issues: {per_visit:.2} ms CPU; all in {:.1} s", started.elapsed().as_secs_f64());
    store.close().unwrap();
    let size = std::fs::metadata(folder.join("gandan.db")).unwrap().len();
    println!("file: {:.1} MB, {} bytes a visit", size as f64 / 1e6, size / visits as u64);
}

fn remote(doc: DocId, change: &NewChange, seq: u64) -> RemoteChange {
    RemoteChange { doc, hash: change.hash, raw: change.raw.clone(), seq }
}

fn measure(folder: &Path) {
    let mut opens = Vec::new();
    for _ in 0..5 {
        let start = Instant::now();
        let store = open(folder);
        opens.push(start.elapsed());
        store.close().unwrap();
    }
    show("open", &mut opens);
    let mut store = open(folder);
    lists(&store);
    searches(&store);
    saves(&mut store);
    let start = Instant::now();
    store.check().unwrap();
    println!("thorough check                     {:8.2} ms", ms(start.elapsed()));
    println!("memory: {} now, {} at most", status("VmRSS"), status("VmHWM"));
}

fn lists(store: &Store) {
    let page = Page::first(50);
    let filters = [
        ("first page of visits", VisitFilter::default()),
        ("… of a programme", VisitFilter { programme: Some("household_visit".into()), ..VisitFilter::default() }),
        ("… of a status that none has", VisitFilter { status: Some("verified".into()), ..VisitFilter::default() }),
        ("… of one month", VisitFilter { to: Some(jiff::civil::date(2026, 3, 31)), ..VisitFilter::default() }),
    ];
    for (name, filter) in filters {
        repeat(name, 20, || store.visits(&filter, &page).unwrap().items.len());
    }
    repeat("first page of issues", 20, || store.issues(&IssueFilter::default(), &page).unwrap().items.len());
    let of_visit = IssueFilter { visit: Some(id(1, 7)), ..IssueFilter::default() };
    repeat("issues of one visit", 20, || store.issues(&of_visit, &page).unwrap().items.len());
    repeat("a document", 20, || usize::from(store.document(id(1, 77)).unwrap().is_some()));
    repeat("counts", 20, || usize::try_from(store.counts().unwrap().visits).unwrap());
}

fn searches(store: &Store) {
    for query in ["duong", "thon", "kenh muong thuy loi", "t", "thon 4", "khong co"] {
        let filter = VisitFilter { query: Some(query.to_owned()), ..VisitFilter::default() };
        let name = format!("search visits: {query}");
        repeat(&name, 10, || store.visits(&filter, &Page::first(50)).unwrap().items.len());
    }
    let filter = IssueFilter { query: Some("duong".to_owned()), ..IssueFilter::default() };
    repeat("search issues: duong", 10, || store.issues(&filter, &Page::first(50)).unwrap().items.len());
}

fn saves(store: &mut Store) {
    const COUNT: usize = 300;
    let made: Vec<_> = (0..COUNT).map(|seed| visit(1000 + seed)).collect();
    let run = store.counts().unwrap().visits;
    let (mut saves, mut drafts, mut bare) = (Vec::new(), Vec::new(), Vec::new());
    let folder = tempfile::tempdir_in(".").unwrap();
    let plain = rusqlite::Connection::open(folder.path().join("bare.db")).unwrap();
    plain
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE t (n INTEGER PRIMARY KEY, b BLOB)",
        )
        .unwrap();
    for (number, (document, change)) in made.iter().enumerate() {
        let id = id(3, usize::try_from(run).unwrap() + number);
        let draft = Draft {
            id,
            space: SPACE,
            kind: Some(DocKind::Visit),
            title: "Thôn".into(),
            base: Vec::new(),
            edits: json!({ "note": prose(number, 110) }),
            created_ms: 0,
            updated_ms: 0,
        };
        let start = Instant::now();
        store.save_draft(&draft, NOW).unwrap();
        drafts.push(start.elapsed());
        let start = Instant::now();
        store.commit(SPACE, id, document, change, Some(id), NOW).unwrap();
        saves.push(start.elapsed());
        let start = Instant::now();
        plain.execute("INSERT INTO t (b) VALUES (?1)", [&change.raw]).unwrap();
        bare.push(start.elapsed());
    }
    show("bare SQLite commit, FULL, same bytes", &mut bare);
    show("save", &mut saves);
    show("autosave of a draft", &mut drafts);
}

fn repeat(name: &str, times: usize, mut work: impl FnMut() -> usize) {
    let mut all = Vec::new();
    let mut items = 0;
    for _ in 0..times {
        let start = Instant::now();
        items = work();
        all.push(start.elapsed());
    }
    let first = all[0];
    all.sort();
    println!("{name:<34} {:8.2} ms ({:.2} the first time; {items})", ms(all[all.len() / 2]), ms(first));
}

fn show(name: &str, all: &mut [Duration]) {
    let mean = ms(all.iter().sum::<Duration>()) / all.len() as f64;
    all.sort();
    let at = |share: usize| ms(all[(all.len() * share / 100).min(all.len() - 1)]);
    println!("{name:<34} {:8.2} ms (mean {mean:.2}, 95 %: {:.2})", at(50), at(95));
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// A line of what Linux tells about this process.
fn status(name: &str) -> String {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.map_or_else(|| "unknown".to_owned(), |rest| rest.trim_start_matches(':').trim().to_owned())
}

/// CPU time of this process so far, where Linux tells it.
fn cpu_ms() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after = text.rsplit(')').next().unwrap_or_default().to_owned();
    let ticks: f64 = after.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
    ticks * 10.0
}
