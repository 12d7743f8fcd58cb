//! What lists show.
//!
//! Not the rows of the model themselves: their codes, ids, days and moments are Rust types that keep what newer apps wrote, of
//! which uniffi would make twenty custom types in each language; and an app's list shows where a record stands, which the
//! model does not know.

use crate::look::RecordState;
use crate::record::{Satisfaction, code, text};
use gandan_client::model::rows::{IssueRow as ModelIssue, VisitRow as ModelVisit};
use gandan_client::{Listed, ListedPage};

/// An official in a visit's row.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct TeamLine {
    /// Official's id.
    pub official: String,
    /// What the official did there, as a code.
    pub role: String,
    /// Display name.
    pub name: Option<String>,
    /// Agency.
    pub agency: Option<String>,
}

/// A visit in a list.
#[derive(Clone, Debug, PartialEq, uniffi::Record)]
pub struct VisitRow {
    /// The visit.
    pub id: String,
    /// Where the record stands between this device and the server.
    pub state: RecordState,
    /// Code of the unit in whose space it lies.
    pub unit: String,
    /// Where the visit stands, as a code.
    pub status: String,
    /// Under which programme, as a code.
    pub programme: Option<String>,
    /// The day it took place, else the planned day (UTC+7), as `2026-11-27`.
    pub day: Option<String>,
    /// The planned day.
    pub planned_on: Option<String>,
    /// Begin, as `2026-11-27T08:30:00+07:00`.
    pub started_at: Option<String>,
    /// End.
    pub ended_at: Option<String>,
    /// Kind of place, as a code.
    pub place_kind: Option<String>,
    /// Name of the village or group.
    pub place_name: Option<String>,
    /// In what kind of building or open place, as a code.
    pub venue: Option<String>,
    /// The team.
    pub team: Vec<TeamLine>,
    /// Residents present; null: not counted, which differs from 0.
    pub residents: Option<i64>,
    /// Households.
    pub households: Option<i64>,
    /// Businesses.
    pub businesses: Option<i64>,
    /// True if a note was written.
    pub has_note: bool,
    /// Latitude in degrees (WGS 84).
    pub lat: Option<f64>,
    /// Longitude in degrees.
    pub lon: Option<f64>,
    /// Number of photographs.
    pub photos: u32,
    /// Hot spot level, as a code.
    pub hot_spot: String,
    /// Satisfaction cards; null: not collected.
    pub satisfaction: Option<Satisfaction>,
    /// The visit whose promises it follows up.
    pub follow_up_of: Option<String>,
    /// True if something was changed after the verification.
    pub amendment_pending: bool,
    /// Number of review items.
    pub review: u32,
    /// Who created it.
    pub created_by: String,
    /// When, in milliseconds since 1970.
    pub created_at_ms: i64,
    /// Last change, in milliseconds since 1970.
    pub updated_at_ms: i64,
    /// True if deleted.
    pub deleted: bool,
}

impl From<Listed<ModelVisit>> for VisitRow {
    fn from(listed: Listed<ModelVisit>) -> Self {
        let Listed { row, state } = listed;
        let team = row.team.into_iter().map(|member| TeamLine {
            official: member.official,
            role: member.role.as_str().to_owned(),
            name: member.name,
            agency: member.agency,
        });
        Self {
            id: row.id.to_string(),
            state: state.into(),
            unit: row.unit,
            status: row.status.as_str().to_owned(),
            programme: code(row.programme.as_ref()),
            day: text(row.date),
            planned_on: text(row.planned_on),
            started_at: text(row.started_at),
            ended_at: text(row.ended_at),
            place_kind: code(row.place_kind.as_ref()),
            place_name: row.place_name,
            venue: code(row.venue.as_ref()),
            team: team.collect(),
            residents: row.residents,
            households: row.households,
            businesses: row.businesses,
            has_note: row.has_note,
            lat: row.lat,
            lon: row.lon,
            photos: number(row.photos),
            hot_spot: row.hot_spot.as_str().to_owned(),
            satisfaction: row.satisfaction.map(Satisfaction::from),
            follow_up_of: row.follow_up_of,
            amendment_pending: row.amendment_pending,
            review: number(row.review),
            created_by: row.created_by,
            created_at_ms: row.created_at_ms,
            updated_at_ms: row.updated_at_ms,
            deleted: row.deleted,
        }
    }
}

/// An issue in a list.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct IssueRow {
    /// The issue.
    pub id: String,
    /// Where the record stands between this device and the server.
    pub state: RecordState,
    /// Code of the unit in whose space it lies.
    pub unit: String,
    /// The visit at which it was raised.
    pub visit: Option<String>,
    /// The resident's ticket.
    pub ticket: Option<String>,
    /// Kind, as a code.
    pub kind: Option<String>,
    /// Field of work, as a code.
    pub field: Option<String>,
    /// In a few words.
    pub title: Option<String>,
    /// Priority, as a code.
    pub priority: String,
    /// Confidentiality, as a code.
    pub confidentiality: String,
    /// Where it stands, as a code.
    pub status: String,
    /// First reception, as `2026-11-27`.
    pub received_on: Option<String>,
    /// Who must answer.
    pub agency: Option<String>,
    /// True while two agencies stand against each other.
    pub agency_conflict: bool,
    /// Last day for the first notice.
    pub first_notice_due: Option<String>,
    /// Last day for settling it.
    pub resolve_due: Option<String>,
    /// On what ground.
    pub resolve_basis: Option<String>,
    /// Day on which it was settled.
    pub settled_on: Option<String>,
    /// Outcome, as a code.
    pub outcome: Option<String>,
    /// What the resident says, as a code.
    pub confirmation: Option<String>,
    /// When the resident was told.
    pub replied_on: Option<String>,
    /// A place and matter that need watching.
    pub hot_spot: bool,
    /// The issue that it repeats.
    pub duplicate_of: Option<String>,
    /// Number of review items.
    pub review: u32,
    /// Who created it.
    pub created_by: String,
    /// When, in milliseconds since 1970.
    pub created_at_ms: i64,
    /// Last change, in milliseconds since 1970.
    pub updated_at_ms: i64,
    /// True if personal data were erased.
    pub erased: bool,
    /// True if deleted.
    pub deleted: bool,
}

impl From<Listed<ModelIssue>> for IssueRow {
    fn from(listed: Listed<ModelIssue>) -> Self {
        let Listed { row, state } = listed;
        Self {
            id: row.id.to_string(),
            state: state.into(),
            unit: row.unit,
            visit: text(row.visit),
            ticket: row.ticket,
            kind: code(row.kind.as_ref()),
            field: code(row.field.as_ref()),
            title: row.title,
            priority: row.priority.as_str().to_owned(),
            confidentiality: row.confidentiality.as_str().to_owned(),
            status: row.status.as_str().to_owned(),
            received_on: text(row.received_on),
            agency: row.agency,
            agency_conflict: row.agency_conflict,
            first_notice_due: text(row.first_notice_due),
            resolve_due: text(row.resolve_due),
            resolve_basis: row.resolve_basis,
            settled_on: text(row.settled_on),
            outcome: code(row.outcome.as_ref()),
            confirmation: code(row.confirmation.as_ref()),
            replied_on: text(row.replied_on),
            hot_spot: row.hot_spot,
            duplicate_of: row.duplicate_of,
            review: number(row.review),
            created_by: row.created_by,
            created_at_ms: row.created_at_ms,
            updated_at_ms: row.updated_at_ms,
            erased: row.erased,
            deleted: row.deleted,
        }
    }
}

/// A page of visits.
#[derive(Clone, Debug, PartialEq, uniffi::Record)]
pub struct VisitPage {
    /// The visits, the latest day first.
    pub items: Vec<VisitRow>,
    /// Where the next page begins; null if this is the last one.
    pub next: Option<String>,
}

/// A page of issues.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct IssuePage {
    /// The issues, the latest reception first.
    pub items: Vec<IssueRow>,
    /// Where the next page begins; null if this is the last one.
    pub next: Option<String>,
}

impl From<ListedPage<ModelVisit>> for VisitPage {
    fn from(page: ListedPage<ModelVisit>) -> Self {
        Self { items: page.items.into_iter().map(VisitRow::from).collect(), next: text(page.next) }
    }
}

impl From<ListedPage<ModelIssue>> for IssuePage {
    fn from(page: ListedPage<ModelIssue>) -> Self {
        Self { items: page.items.into_iter().map(IssueRow::from).collect(), next: text(page.next) }
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
