//! Projecting the sample and reading it back, without HTTP.

use std::collections::BTreeSet;

use gandan_model::document::{Document, Stamp};
use gandan_model::genesis::DocKind;
use gandan_model::ids::{Compartment, DeviceId, DocId, SpaceId};
use gandan_model::patch::FieldEdit;
use gandan_model::sample::read_line;
use rusqlite::Connection;
use serde_json::{Value as Json, json};

use super::day::Day;
use super::facts::Facts;
use super::scope::{Question, Scope};
use super::summary::{Area, query};
use crate::projector::ProjectedDocument;

pub(super) const LINES: &str = include_str!("../../../tests/fixtures/visits-sample.jsonl");
const EXPECTED: &str = include_str!("../../../tests/fixtures/visits-sample.expected.json");
/// 2026-11-21 in UTC+7.
pub(super) const AS_OF: Day = Day(20_778);
/// Noon of 2026-11-22 in UTC+7.
pub(super) const NOW_MS: i64 = 1_795_323_600_000;

/// An empty database with the units of the sample.
pub(super) fn database() -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    for schema in crate::db::sqlite::whole_schema() {
        connection.execute_batch(schema).unwrap();
    }
    let units = include_str!("../../../crates/model/data/lam-dong-units.csv");
    for row in csv::Reader::from_reader(units.as_bytes()).deserialize::<std::collections::BTreeMap<String, String>>() {
        let row = row.unwrap();
        connection
            .execute(
                "INSERT INTO unit (code, name, short_name, kind, row) VALUES (?1, ?2, ?3, ?4, ?5)",
                (&row["code"], &row["name"], &row["short_name"], &row["type_en"], json!(row).to_string()),
            )
            .unwrap();
    }
    connection
}

/// Projects one document that these edits make.
pub(super) fn project(connection: &Connection, unit: &str, kind: DocKind, id: DocId, edits: &[FieldEdit]) -> Document {
    let compartment = if kind == DocKind::SealedStub { Compartment::Sealed } else { Compartment::Field };
    let stamp = Stamp { device: DeviceId([1; 8]), author: "CB-001".into(), now_ms: NOW_MS };
    let mut document = Document::new(kind);
    document.patch(&stamp, edits).unwrap();
    let projected = ProjectedDocument {
        space: SpaceId([0; 16]),
        unit,
        compartment,
        doc: id,
        kind: Some(kind),
        document: &document,
        arrived_ms: NOW_MS,
    };
    super::project(connection, &projected).unwrap();
    document
}

/// The sample, projected.
pub(super) fn sample() -> Connection {
    let connection = database();
    let transaction = connection.unchecked_transaction().unwrap();
    for line in LINES.lines() {
        let visit = read_line(line).unwrap();
        for document in &visit.documents {
            project(&connection, &visit.unit, document.kind, document.id, &document.edits);
        }
    }
    transaction.commit().unwrap();
    connection
}

fn question(scope: Scope, as_of: Day) -> Question {
    Question { from: Day::FIRST, to: Day::LAST, as_of, scope }
}

fn summary(connection: &Connection, question: &Question) -> Json {
    let area = Area { id: "province".into(), name: "Lâm Đồng".into(), units: None };
    serde_json::to_value(query(connection, &Facts::default(), question, area, NOW_MS).unwrap()).unwrap()
}

pub(super) fn inspector() -> Scope {
    Scope { sealed: true, ..Scope::province() }
}

/// Every value of `expected` stands at the same place in `found`.
fn assert_contains(path: &str, expected: &Json, found: &Json) {
    match expected {
        Json::Object(members) => {
            for (name, value) in members {
                assert_contains(&format!("{path}.{name}"), value, &found[name]);
            }
        }
        Json::Number(number) => assert_eq!(number.as_f64(), found.as_f64(), "{path}"),
        _ => assert_eq!(expected, found, "{path}"),
    }
}

#[test]
fn the_sample_gives_the_expected_figures() {
    let found = summary(&sample(), &question(inspector(), AS_OF));
    let expected: Json = serde_json::from_str(EXPECTED).unwrap();
    assert_contains("", &expected, &found);
    for group in ["by_status", "by_kind", "by_field", "by_priority"] {
        assert_eq!(expected["issues"][group], found["issues"][group], "{group}: nothing beside what is expected");
    }
}

#[test]
fn the_sealed_row_is_in_no_figure_of_others() {
    let connection = sample();
    let open = summary(&connection, &question(Scope::province(), AS_OF));
    assert_eq!(open["issues"]["lines"], 108);
    assert_eq!((&open["issues"]["sealed"], &open["denunciations"]), (&Json::Null, &Json::Null));
    // Below the level of the province not even the inspectorate is told a number.
    let units: BTreeSet<String> = LINES
        .lines()
        .map(|line| serde_json::from_str::<Json>(line).unwrap()["unit_code"].as_str().unwrap().to_owned())
        .collect();
    let below = summary(&connection, &question(inspector().within(&units), AS_OF));
    assert_eq!((&below["issues"]["sealed"], &below["denunciations"]), (&Json::Null, &Json::Null));
    assert_eq!(below["issues"]["lines"], 108);
    assert!(!open.to_string().contains("denunciation\""));
}

/// An issue of a unit, received on a day of October.
pub(super) fn issue(connection: &Connection, id: u8, day: u8, duplicate_of: Option<u8>) {
    let mut edits = vec![
        FieldEdit::new("kind", "feedback"),
        FieldEdit::new("received_on", format!("2026-10-{day:02}")),
        FieldEdit::new("ticket", format!("T-{id}")),
    ];
    if let Some(of) = duplicate_of {
        edits.push(FieldEdit::new("duplicate_of", DocId([of; 16]).to_string()));
    }
    project(connection, "24781", DocKind::Issue, DocId([id; 16]), &edits);
}

fn countable(connection: &Connection) -> Vec<String> {
    let mut statement = connection.prepare("SELECT ticket FROM issue_row WHERE countable = 1 ORDER BY ticket").unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

#[test]
fn a_matter_counts_once_however_it_is_marked() {
    let connection = database();
    issue(&connection, 1, 9, None);
    issue(&connection, 2, 5, Some(1));
    assert_eq!(countable(&connection), ["T-1"], "the one that others repeat");
    issue(&connection, 1, 9, Some(2));
    assert_eq!(countable(&connection), ["T-2"], "a circle: the oldest");
    issue(&connection, 3, 1, Some(1));
    assert_eq!(countable(&connection), ["T-2"], "beside the circle");
    issue(&connection, 1, 9, None);
    assert_eq!(countable(&connection), ["T-1"], "the circle is open again");
    issue(&connection, 4, 1, Some(4));
    assert_eq!(countable(&connection), ["T-1", "T-4"], "an issue that repeats itself");
}

#[test]
fn projecting_again_changes_nothing_and_clearing_leaves_an_empty_working_schema() {
    let connection = sample();
    let dump = |connection: &Connection| {
        let question = question(inspector(), AS_OF);
        (summary(connection, &question), schema(connection))
    };
    let before = dump(&connection);
    for line in LINES.lines() {
        let visit = read_line(line).unwrap();
        for document in &visit.documents {
            project(&connection, &visit.unit, document.kind, document.id, &document.edits);
        }
    }
    assert_eq!(dump(&connection), before);
    super::clear(&connection).unwrap();
    assert_eq!(schema(&connection), before.1);
    for table in
        ["visit_row", "visit_text", "visit_official", "issue_row", "issue_text", "issue_event_row", "review_item_row"]
    {
        let rows: i64 = connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap();
        assert_eq!(rows, 0, "{table}");
    }
    // The search index is whole after it was filled again.
    issue(&connection, 1, 9, None);
    connection.execute_batch("INSERT INTO issue_fts (issue_fts) VALUES ('integrity-check')").unwrap();
    connection.execute_batch("INSERT INTO visit_fts (visit_fts) VALUES ('integrity-check')").unwrap();
}

fn schema(connection: &Connection) -> Vec<String> {
    let mut statement =
        connection.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name").unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

#[test]
fn erased_words_leave_the_search_index() {
    let connection = database();
    let id = DocId([1; 16]);
    let words = |connection: &Connection| -> i64 {
        let sql = "SELECT count(*) FROM issue_fts WHERE issue_fts MATCH ?1";
        connection.query_row(sql, [super::list::match_words("Xyzzy")], |row| row.get(0)).unwrap()
    };
    project(&connection, "24781", DocKind::Issue, id, &[FieldEdit::new("title", "Xyzzy")]);
    assert_eq!(words(&connection), 1);
    project(
        &connection,
        "24781",
        DocKind::Issue,
        id,
        &[FieldEdit::new("title", "Xyzzy"), FieldEdit::new("erased", "yes")],
    );
    assert_eq!(words(&connection), 0);
    let kept: i64 = connection
        .query_row("SELECT count(*) FROM issue_text WHERE search LIKE '%zz%' OR json LIKE '%zz%'", [], |row| row.get(0))
        .unwrap();
    assert_eq!(kept, 0);
}
