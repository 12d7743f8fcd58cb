//! Which other issues may be the same matter: suggestions, never decisions.

use std::collections::BTreeSet;

use gandan_model::ids::DocId;
use gandan_model::rows::IssueRow;
use gandan_model::text::fold;
use rusqlite::Connection;
use serde::Serialize;
use utoipa::ToSchema;

use super::figures::rows;
use super::scope::{Conditions, Scope};
use crate::db::DbError;

/// Issues received so many days before or after are looked at.
const DAYS: i64 = 180;
/// Most issues that are compared: those received nearest.
const COMPARED: usize = 400;
/// Most suggestions.
const SUGGESTED: usize = 10;
/// What a suggestion must reach, of 1.
const ENOUGH: f64 = 0.35;

/// An issue that may be the same matter.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Suggestion {
    /// The issue.
    #[schema(value_type = String, format = "uuid")]
    pub id: DocId,
    /// Its ticket.
    pub ticket: Option<String>,
    /// Its title.
    pub title: Option<String>,
    /// Its status.
    pub status: String,
    /// Day of its receipt.
    #[schema(value_type = Option<String>, format = Date)]
    pub received_on: Option<jiff::civil::Date>,
    /// How likely, 0 to 1.
    pub score: f64,
    /// How alike the words are, 0 to 1.
    pub words: f64,
    /// Same field of work.
    pub same_field: bool,
    /// Raised at the same visit or in the same village.
    pub same_place: bool,
    /// Days between the receipts.
    pub days_apart: i64,
}

/// Pieces of three letters of folded words; what two texts share of them tells how alike they are, whatever the order of
/// the words and a letter mistyped.
fn pieces(text: &str) -> BTreeSet<[char; 3]> {
    let folded = fold(text);
    let mut pieces = BTreeSet::new();
    for word in folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        let letters: Vec<char> = std::iter::once(' ').chain(word.chars()).chain(std::iter::once(' ')).collect();
        pieces.extend(letters.windows(3).map(|three| [three[0], three[1], three[2]]));
    }
    pieces
}

fn alike(a: &BTreeSet<[char; 3]>, b: &BTreeSet<[char; 3]>) -> f64 {
    let both = a.intersection(b).count();
    let small = a.len().min(b.len());
    let all = a.len() + b.len() - both;
    if small == 0 {
        return 0.0;
    }
    let share = |part: usize, of: usize| {
        f64::from(u32::try_from(part).unwrap_or(0)) / f64::from(u32::try_from(of).unwrap_or(1))
    };
    // A short text inside of a long one is alike, but less sure than two equal ones.
    f64::midpoint(share(both, all), share(both, small))
}

struct Candidate {
    row: IssueRow,
    place: Option<String>,
    day: i64,
}

fn candidates(connection: &Connection, scope: &Scope, unit: &str, id: DocId) -> Result<Vec<Candidate>, DbError> {
    let mut sql = Conditions::default();
    scope.on_issues("i", &mut sql);
    sql.push("i.unit = :unit AND i.deleted = 0 AND i.sealed = 0");
    sql.push(
        "i.received_day BETWEEN (SELECT o.received_day FROM issue_row o WHERE o.id = :id LIMIT 1) - :days \
        AND (SELECT o.received_day FROM issue_row o WHERE o.id = :id LIMIT 1) + :days",
    );
    sql.bind(":unit", unit.to_owned());
    sql.bind(":id", id.0);
    sql.bind(":days", DAYS);
    let text = format!(
        "SELECT t.json, i.received_day, (SELECT json_extract(w.json, '$.place_name') FROM visit_row v \
         JOIN visit_text w ON w.n = v.n WHERE v.id = i.visit LIMIT 1) FROM issue_row i JOIN issue_text t ON t.n = i.n \
         WHERE {} ORDER BY i.id <> :id, \
         abs(i.received_day - (SELECT o.received_day FROM issue_row o WHERE o.id = :id LIMIT 1)), i.id LIMIT {}",
        sql.sql(),
        COMPARED + 1
    );
    let found = rows(connection, &text, &sql, |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?, row.get::<_, Option<String>>(2)?))
    })?;
    found
        .into_iter()
        .map(|(json, day, place)| Ok(Candidate { row: serde_json::from_str(&json)?, place, day }))
        .collect()
}

/// Issues of the unit that may be the same matter as this one, the likeliest first.
pub fn duplicates(connection: &Connection, scope: &Scope, unit: &str, id: DocId) -> Result<Vec<Suggestion>, DbError> {
    let mut found = candidates(connection, scope, unit, id)?;
    if found.first().is_none_or(|first| first.row.id != id) {
        return Ok(Vec::new());
    }
    let own = found.remove(0);
    let own_pieces = pieces(own.row.title.as_deref().unwrap_or(""));
    let mut list: Vec<Suggestion> = found
        .into_iter()
        .filter(|other| other.row.duplicate_of.as_deref() != Some(id.to_string().as_str()))
        .map(|other| {
            let words = alike(&own_pieces, &pieces(other.row.title.as_deref().unwrap_or("")));
            let same_field = own.row.field.is_some() && own.row.field == other.row.field;
            let village = |place: &Option<String>| place.as_deref().map(fold);
            let same_place = (own.row.visit.is_some() && own.row.visit == other.row.visit)
                || (own.place.is_some() && village(&own.place) == village(&other.place));
            let days_apart = (own.day - other.day).abs();
            let near = 1.0 - f64::from(i32::try_from(days_apart.min(DAYS)).unwrap_or(0)) / 180.0;
            let flag = |yes: bool| if yes { 1.0 } else { 0.0 };
            let score = 0.6 * words + 0.15 * flag(same_field) + 0.15 * flag(same_place) + 0.1 * near;
            Suggestion {
                id: other.row.id,
                ticket: other.row.ticket,
                title: other.row.title,
                status: other.row.status.to_string(),
                received_on: other.row.received_on,
                score,
                words,
                same_field,
                same_place,
                days_apart,
            }
        })
        // Words decide: place, field and time alone say nothing of the matter.
        .filter(|suggestion| suggestion.words >= 0.3 && suggestion.score >= ENOUGH)
        .collect();
    list.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.id.cmp(&b.id)));
    list.truncate(SUGGESTED);
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_matter_in_other_words_is_alike_and_another_is_not() {
        let likeness = |a: &str, b: &str| alike(&pieces(a), &pieces(b));
        assert!(likeness("Cống thoát nước bị nghẹt", "cong thoat nuoc bi nghet") > 0.99);
        assert!(likeness("Cống thoát nước bị nghẹt", "Nghẹt cống thoát nước trước chợ") > 0.5);
        assert!(likeness("Cống thoát nước bị nghẹt", "Đường liên thôn hư hỏng") < 0.3);
        assert!(likeness("", "") < 0.1);
    }
}
