//! Lines of the form `visit-sample/1`: one visit with its issues as a JSON object, for import and tests.
//!
//! A line becomes one document for the visit and one for each issue. What is derived (names of units, due
//! dates) is left out and derived again. A denunciation is not taken in: of it only a sealed stub is
//! made, with the province and the month.

use serde_json::{Map, Value as Json, json};

use crate::genesis::DocKind;
use crate::ids::DocId;
use crate::patch::FieldEdit;

/// A longer line is refused before it is read, in bytes.
pub const MAX_LINE: usize = 1 << 20;
const SCHEMA: &str = "visit-sample/1";
/// A visit with more issues than this is a mistake.
const MAX_ISSUES: usize = 200;

/// Why a line is refused as a whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct LineError {
    /// A stable code: `bad_json`, `wrong_schema`, `missing_field`, `bad_id`, `wrong_type`, `out_of_range`.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
}

fn refuse<T>(code: &'static str, message: impl Into<String>) -> Result<T, LineError> {
    Err(LineError { code, message: message.into() })
}

/// A line that reads as a visit.
#[derive(Debug, Clone)]
pub struct SampleVisit {
    /// The visit.
    pub id: DocId,
    /// Code of its unit.
    pub unit: String,
    /// Its documents, the visit first.
    pub documents: Vec<SampleDocument>,
}

/// One document that a line asks for.
#[derive(Debug, Clone)]
pub struct SampleDocument {
    /// The document.
    pub id: DocId,
    /// Its kind.
    pub kind: DocKind,
    /// What to write into it; writing it again changes nothing.
    pub edits: Vec<FieldEdit>,
}

/// Reads a line. Whether its values fit their fields is checked when they are written.
pub fn read_line(line: &str) -> Result<SampleVisit, LineError> {
    if line.len() > MAX_LINE {
        return refuse("out_of_range", format!("a line has at most {MAX_LINE} bytes"));
    }
    let json: Json = match serde_json::from_str(line) {
        Ok(json) => json,
        Err(error) => return refuse("bad_json", format!("not a JSON object: {error}")),
    };
    let Json::Object(visit) = json else { return refuse("bad_json", "not a JSON object") };
    if visit.get("schema").and_then(Json::as_str) != Some(SCHEMA) {
        return refuse("wrong_schema", format!("\"schema\" must be {SCHEMA:?}"));
    }
    let id = id_of(&visit, "visit_id")?;
    let unit = text_of(&visit, "unit_code")?;
    let province = visit.get("province_code").and_then(Json::as_str).unwrap_or("68");
    let mut documents = vec![SampleDocument { id, kind: DocKind::Visit, edits: visit_edits(&visit)? }];
    for issue in list(&visit, "issues")? {
        let Json::Object(issue) = issue else { return refuse("wrong_type", "an issue is an object") };
        documents.push(issue_document(id, issue, province)?);
    }
    if documents.len() > MAX_ISSUES + 1 {
        return refuse("out_of_range", format!("at most {MAX_ISSUES} issues in a visit"));
    }
    Ok(SampleVisit { id, unit, documents })
}

fn text_of(map: &Map<String, Json>, name: &str) -> Result<String, LineError> {
    match map.get(name).and_then(Json::as_str) {
        Some(text) => Ok(text.to_owned()),
        None => refuse("missing_field", format!("{name:?} is missing")),
    }
}

fn id_of(map: &Map<String, Json>, name: &str) -> Result<DocId, LineError> {
    let text = text_of(map, name)?;
    text.parse().or_else(|_| refuse("bad_id", format!("{name:?} is not a UUID")))
}

fn list<'a>(map: &'a Map<String, Json>, name: &str) -> Result<&'a [Json], LineError> {
    match map.get(name) {
        None | Some(Json::Null) => Ok(&[]),
        Some(Json::Array(items)) => Ok(items),
        Some(_) => refuse("wrong_type", format!("{name:?} is a list")),
    }
}

/// Copies members under the names that edits use. Absent members are left alone.
fn copy(map: &Map<String, Json>, names: &[(&str, &str)], edits: &mut Vec<FieldEdit>) {
    for (name, field) in names {
        if let Some(value) = map.get(*name) {
            edits.push(FieldEdit::new(*field, value.clone()));
        }
    }
}

fn visit_edits(visit: &Map<String, Json>) -> Result<Vec<FieldEdit>, LineError> {
    let mut edits = Vec::new();
    let moment = |name: &str| visit.get(name).and_then(Json::as_str);
    if let Some(created) = moment("created_at").and_then(|text| text.parse::<crate::moment::Moment>().ok()) {
        edits.push(FieldEdit::new("created_at_ms", created.ms()));
    }
    let plain = [
        "programme",
        "place",
        "venue",
        "language_support",
        "planned_on",
        "started_at",
        "ended_at",
        "gps",
        "gps_missing_reason",
        "activities",
        "note",
        "hot_spot",
        "satisfaction",
        "bright_spot",
        "supervision",
        "follow_up_of",
    ];
    copy(visit, &[("unit_code", "unit")], &mut edits);
    copy(visit, &plain.map(|name| (name, name)), &mut edits);
    if let Some(Json::Object(counts)) = visit.get("counts") {
        let names = [
            ("residents", "counts.residents"),
            ("households", "counts.households"),
            ("businesses", "counts.businesses"),
        ];
        copy(counts, &names, &mut edits);
    }
    for official in list(visit, "officials")? {
        let Json::Object(official) = official else { return refuse("wrong_type", "an official is an object") };
        let id = text_of(official, "official_id")?;
        let member = json!({
            "role": official.get("role"), "name": official.get("display_name"), "agency": official.get("agency")
        });
        edits.push(FieldEdit::new(format!("team.{id}"), member));
    }
    for photo in list(visit, "photos")? {
        let Json::Object(photo) = photo else { return refuse("wrong_type", "a photo is an object") };
        let id = text_of(photo, "photo_id")?;
        edits.push(FieldEdit::new(format!("photos.{id}"), Json::Object(photo.clone())));
    }
    if let Some(status) = visit.get("status").and_then(Json::as_str) {
        let at = moment("updated_at").or(moment("created_at"));
        edits.push(FieldEdit::new("status", json!({ "to": status, "at": at })));
    }
    Ok(edits)
}

fn issue_document(visit: DocId, issue: &Map<String, Json>, province: &str) -> Result<SampleDocument, LineError> {
    let id = id_of(issue, "issue_id")?;
    let is = |name: &str, code: &str| issue.get(name).and_then(Json::as_str) == Some(code);
    if is("kind", "denunciation") || is("confidentiality", "denunciation_sealed") {
        let month: String = text_of(issue, "received_on")?.chars().take(7).collect();
        let edits = vec![FieldEdit::new("unit", province), FieldEdit::new("month", month)];
        return Ok(SampleDocument { id, kind: DocKind::SealedStub, edits });
    }
    let mut edits = vec![FieldEdit::new("visit", visit.to_string())];
    let plain = [
        "ticket",
        "kind",
        "field",
        "title",
        "description",
        "place_detail",
        "priority",
        "recorded_by",
        "received_on",
        "responsible_agency",
        "outcome",
        "result_text",
        "reply_channel",
        "replied_on",
        "resident_confirmation",
        "hot_spot",
        "long_standing",
        "duplicate_of",
        "withdrawal",
        "project_ref",
    ];
    copy(issue, &plain.map(|name| (name, name)), &mut edits);
    // A line taken in again does not lower what a reviewer raised.
    copy(issue, &[("confidentiality", "confidentiality.at_least")], &mut edits);
    if let Some(Json::Object(reporter)) = issue.get("reporter") {
        let names = ["mode", "consent", "contact_ref", "consent_at", "consent_method", "withdrawn_at"];
        let fields = names.map(|name| (name, format!("reporter.{name}")));
        let fields: Vec<_> = fields.iter().map(|(name, field)| (*name, field.as_str())).collect();
        copy(reporter, &fields, &mut edits);
        if reporter.get("erased_at").is_some_and(Json::is_string) {
            edits.push(FieldEdit::new("erased", "request"));
        }
    }
    if let Some(Json::Object(due)) = issue.get("due") {
        copy(due, &[("accepted_on", "accepted_on")], &mut edits);
        // Due dates are derived; that a case had the longer limit tells that it was found complex.
        if due.get("resolve_basis").and_then(Json::as_str).is_some_and(|basis| basis.contains("_45_")) {
            edits.push(FieldEdit::new("complexity", "complex"));
        }
    }
    edits.extend(list(issue, "events")?.iter().map(|event| FieldEdit::new("event", event.clone())));
    // Defaults and nulls of a new document are not written; `recorded_by` and `ticket` may not be null.
    edits.retain(|edit| !(edit.value.is_null() && matches!(edit.field.as_str(), "recorded_by" | "ticket")));
    Ok(SampleDocument { id, kind: DocKind::Issue, edits })
}
