//! Tables for spreadsheets.

use gandan_model::genesis::DocKind;
use gandan_model::ids::DocId;
use serde_json::json;

use crate::sample::{lines, office};
use crate::support::http;

fn rows(body: &[u8]) -> Vec<Vec<String>> {
    let reader = csv::ReaderBuilder::new().has_headers(false).from_reader(body);
    let records = reader.into_records().map(|record| record.unwrap().iter().map(str::to_owned).collect());
    records.collect()
}

#[test]
fn a_table_has_every_row_and_vietnamese_names() {
    let office = office();
    let answer = office.get("/api/v1/issues?format=csv", &office.province);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("text/csv; charset=utf-8"));
    assert!(answer.header("content-disposition").unwrap().contains("issues.csv"));
    let table = rows(&answer.body);
    assert_eq!(table.len(), 1 + 108);
    assert!(table[0].contains(&"Mã phiếu".to_owned()) && table[0].contains(&"Hạn giải quyết".to_owned()));
    let listed = office.all("/api/v1/issues", &office.province);
    let ids: Vec<&str> = listed.iter().map(|issue| issue["id"].as_str().unwrap()).collect();
    let given: Vec<&str> = table[1..].iter().map(|row| row[0].as_str()).collect();
    assert_eq!(given, ids, "the order of the list");
    assert!(table[1..].iter().any(|row| row.contains(&"Đang giải quyết".to_owned())));

    let bearer = format!("Bearer {}", office.province);
    let headers = [("authorization", bearer.as_str()), ("accept", "text/csv")];
    let visits = http::request(office.app.address, "GET", "/api/v1/visits?bom=true&status=verified", &headers, b"");
    assert!(visits.body.starts_with(b"\xef\xbb\xbf"));
    assert_eq!(rows(&visits.body[3..]).len(), 1 + 52);
}

#[test]
fn nothing_in_a_table_is_a_formula() {
    let mut office = office();
    let unit = lines()[0]["unit_code"].as_str().unwrap().to_owned();
    let space = office.device.space(&unit, "field");
    let nasty = ["=1+1", "+1", "-1", "@SUM(A1)", "=HYPERLINK(\"http://x\",\"y\")", "bình thường, \"có dấu\""];
    for (place, title) in nasty.iter().enumerate() {
        let id = DocId([u8::try_from(place).unwrap() + 1; 16]);
        let edits = [("kind", json!("feedback")), ("title", json!(title)), ("received_on", json!("2026-10-01"))];
        let raw = office.device.edit(space, id, DocKind::Issue, &edits);
        office.device.seal(space, &[(id, raw)]);
    }
    office.device.sync(&office.app);
    office.app.project();
    let table = rows(&office.get("/api/v1/issues?format=csv", &office.province).body);
    for row in &table {
        for cell in row {
            assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell:?}");
        }
    }
    let cells: Vec<&String> = table.iter().flatten().collect();
    for title in &nasty[..5] {
        assert!(cells.contains(&&format!("'{title}")), "{title}");
    }
    assert!(cells.contains(&&nasty[5].to_owned()));
    // In JSON the text is as it was written.
    assert_eq!(office.all("/api/v1/issues?q=hyperlink", &office.province)[0]["title"], nasty[4]);
}
