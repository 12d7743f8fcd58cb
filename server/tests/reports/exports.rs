//! Whole lists as files, read back as a spreadsheet and a program would.

use std::io::{Read, Write};

use calamine::{Data, Reader};
use gandan_model::genesis::DocKind;
use gandan_model::ids::DocId;
use serde_json::{Value as Json, json};

use crate::sample::{Office, lines, office};
use crate::support::http::Answer;

fn file(office: &Office, name: &str) -> Answer {
    let answer = office.get(&format!("/api/v1/export/{name}"), &office.province);
    assert_eq!(answer.status, 200, "{name}: {}", answer.text());
    answer
}

fn csv_rows(body: &[u8]) -> Vec<Vec<String>> {
    let reader = csv::ReaderBuilder::new().has_headers(false).from_reader(body);
    reader.into_records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect()
}

fn sheet(body: Vec<u8>) -> Vec<Vec<Data>> {
    let mut book: calamine::Xlsx<_> = calamine::Xlsx::new(std::io::Cursor::new(body)).unwrap();
    let name = book.sheet_names()[0].clone();
    book.worksheet_range(&name).unwrap().rows().map(<[Data]>::to_vec).collect()
}

/// A cell of the spreadsheet as the text table shows it.
fn as_text(cell: &Data, code: &str) -> String {
    match cell {
        Data::Empty => String::new(),
        Data::String(text) => text.clone(),
        Data::Float(number) => format!("{number}"),
        Data::DateTime(at) if code.ends_with("_at") => {
            let (year, month, day, hour, minute, second, _) = at.to_ymd_hms_milli();
            format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}+07:00")
        }
        Data::DateTime(at) => {
            let (year, month, day, ..) = at.to_ymd_hms_milli();
            format!("{day:02}/{month:02}/{year:04}")
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_spreadsheet_holds_what_the_text_table_holds_cell_by_cell_and_typed() {
    let office = office();
    for (what, records) in [("issues", 108), ("visits", 60)] {
        let text = csv_rows(&file(&office, &format!("{what}.csv")).body);
        let answer = file(&office, &format!("{what}.xlsx"));
        assert_eq!(answer.header("gandan-rows"), Some(records.to_string().as_str()));
        let table = sheet(answer.body);
        assert_eq!((text.len(), table.len()), (2 + records, 2 + records), "{what}");
        let codes = text[1].clone();
        let column = |code: &str| codes.iter().position(|found| found == code).unwrap();
        for (a, b) in text.iter().zip(&table) {
            let read: Vec<String> = b.iter().zip(&codes).map(|(cell, code)| as_text(cell, code)).collect();
            assert_eq!(a, &read, "{what}");
        }
        let typed = |code: &str, is: fn(&Data) -> bool| {
            let column = column(code);
            assert!(table[2..].iter().all(|row| is(&row[column]) || row[column] == Data::Empty), "{code}");
            assert!(table[2..].iter().any(|row| is(&row[column])), "{code}");
        };
        if what == "issues" {
            typed("received_on", |cell| matches!(cell, Data::DateTime(_)));
            assert!(text[0].contains(&"Hạn giải quyết".to_owned()));
        } else {
            typed("started_at", |cell| matches!(cell, Data::DateTime(_)));
            typed("residents", |cell| matches!(cell, Data::Float(_)));
            let cards = ["very_satisfied", "satisfied", "neutral", "dissatisfied", "very_dissatisfied"].map(column);
            let few: Vec<&String> = text[2..].iter().flat_map(|row| cards.map(|place| &row[place])).collect();
            assert!(few.contains(&&"<5".to_owned()));
            assert!(few.iter().all(|cell| !matches!(cell.as_str(), "1" | "2" | "3" | "4")), "{few:?}");
        }
    }
}

#[test]
fn a_spreadsheet_freezes_its_head() {
    let office = office();
    let body = file(&office, "issues.xlsx").body;
    let mut archive = zip_part(&body, "xl/worksheets/sheet1.xml");
    archive.truncate(2_000);
    assert!(archive.contains("ySplit=\"2\"") && archive.contains("state=\"frozen\""), "{archive}");
}

/// One part of an archive, unpacked by the reader of spreadsheets' own library.
fn zip_part(body: &[u8], name: &str) -> String {
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(body)).unwrap();
    let mut text = String::new();
    archive.by_name(name).unwrap().read_to_string(&mut text).unwrap();
    text
}

#[test]
fn programs_read_lines_and_points() {
    let office = office();
    let listed = office.all("/api/v1/issues", &office.province);
    let text = file(&office, "issues.jsonl").text();
    let read: Vec<Json> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(read, listed);
    let some = file(&office, "issues.jsonl?status=in_progress&sort=due_asc").text();
    let wanted = office.all("/api/v1/issues?status=in_progress&sort=due_asc", &office.province);
    assert_eq!(some.lines().count(), wanted.len());

    let points = file(&office, "visits.geojson").json();
    let features = points["features"].as_array().unwrap();
    assert_eq!((features.len(), &points["type"]), (60, &json!("FeatureCollection")));
    for feature in features {
        let place = &feature["geometry"]["coordinates"];
        assert!((107.0..110.0).contains(&place[0].as_f64().unwrap()), "longitude first: {feature}");
        assert!((10.0..13.0).contains(&place[1].as_f64().unwrap()), "{feature}");
    }
    let by = |word: &str| features.iter().filter(|feature| feature["properties"]["placed_by"] == word).count();
    assert!(by("record") > 0 && by("record") + by("unit") == 60);
}

#[test]
fn nothing_in_a_file_is_run_and_what_is_refused_says_why() {
    let mut office = office();
    let unit = lines()[0]["unit_code"].as_str().unwrap().to_owned();
    let space = office.device.space(&unit, "field");
    let edits = [("kind", json!("feedback")), ("title", json!("=1+1")), ("received_on", json!("2026-10-01"))];
    let raw = office.device.edit(space, DocId([7; 16]), DocKind::Issue, &edits);
    office.device.seal(space, &[(DocId([7; 16]), raw)]);
    office.device.sync(&office.app);
    office.app.project();
    let text = csv_rows(&file(&office, "issues.csv?bom=true").body[3..]);
    assert!(text.iter().flatten().any(|cell| cell == "'=1+1"));
    // Stored as text: the formula is the text, and no formula cell is there.
    let body = file(&office, "issues.xlsx").body;
    assert!(sheet(body.clone()).iter().flatten().any(|cell| *cell == Data::String("=1+1".into())));
    assert!(!zip_part(&body, "xl/worksheets/sheet1.xml").contains("<f>"));

    for (name, status, code) in [
        ("issues.pdf", 404, "not_found"),
        ("plans.csv", 404, "not_found"),
        ("issues.csv?official=CB-1", 400, "bad_query"),
        ("visits.csv?from=2026-13-01", 400, "bad_date"),
        ("visits.csv?area=khong-co", 404, "unknown_area"),
    ] {
        let answer = office.get(&format!("/api/v1/export/{name}"), &office.province);
        assert_eq!((answer.status, answer.code()), (status, code), "{name}");
    }
    let trail = office.all("/api/v1/audit", &office.inspector);
    assert!(
        trail.iter().any(|row| row["action"] == "export.issues" && row["result"] == "issues.xlsx 109"),
        "{trail:?}"
    );
}

#[test]
fn closing_the_connection_ends_an_export() {
    let office = office();
    // More exports begun and left than may run at once: each must give its room back.
    for _ in 0..12 {
        let mut stream = std::net::TcpStream::connect(office.app.address).unwrap();
        let head = format!(
            "GET /api/v1/export/issues.xlsx HTTP/1.1\r\nhost: test\r\nauthorization: Bearer {}\r\n\r\n",
            office.province
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut first = [0; 12];
        // The room may still be taken by one that has not noticed yet; it is told so, and nothing else.
        stream.read_exact(&mut first).unwrap();
        assert!(matches!(&first[9..], b"200" | b"503"), "{}", String::from_utf8_lossy(&first));
    }
    let state = office.app.server().state().clone();
    let free = office.app.block_on(async move {
        tokio::time::timeout(std::time::Duration::from_secs(30), state.all_exports_ended()).await
    });
    assert!(free.is_ok(), "an export goes on without a reader");
}
