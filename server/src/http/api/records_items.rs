//! Visits and issues as lists show them.

use gandan_model::rows::{IssueRow, VisitRow};
use gandan_model::visit::Satisfaction;
use jiff::civil::Date;
use serde::Serialize;
use serde_json::Value as Json;
use utoipa::ToSchema;

use crate::db::DbError;
use crate::reports::figures::SmallCount;
use crate::reports::figures::satisfaction::SatisfactionFigures;

/// An official in a team.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TeamItem {
    /// Official's id.
    official: String,
    /// `lead`, `recorder`, `member` or `interpreter`.
    role: String,
    /// Display name.
    name: Option<String>,
    /// Agency.
    agency: Option<String>,
}

/// Satisfaction cards of one visit, with small counts hidden.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CardsItem {
    very_satisfied: Option<SmallCount>,
    satisfied: Option<SmallCount>,
    neutral: Option<SmallCount>,
    dissatisfied: Option<SmallCount>,
    very_dissatisfied: Option<SmallCount>,
    no_answer: i64,
    answered: SmallCount,
}

impl From<&Satisfaction> for CardsItem {
    fn from(cards: &Satisfaction) -> Self {
        let answers =
            [cards.very_satisfied, cards.satisfied, cards.neutral, cards.dissatisfied, cards.very_dissatisfied];
        let figures = SatisfactionFigures::of(1, answers, cards.no_answer);
        Self {
            very_satisfied: figures.very_satisfied,
            satisfied: figures.satisfied,
            neutral: figures.neutral,
            dissatisfied: figures.dissatisfied,
            very_dissatisfied: figures.very_dissatisfied,
            no_answer: figures.no_answer,
            answered: figures.answered,
        }
    }
}

/// A visit in a list. Codes are those of the code lists; dates are civil dates in UTC+7.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VisitItem {
    /// The visit.
    pub(crate) id: String,
    /// Unit code.
    pub(crate) unit: String,
    /// Status.
    pub(crate) status: String,
    /// Programme.
    programme: Option<String>,
    /// Planned day.
    #[schema(value_type = Option<String>, format = Date)]
    planned_on: Option<Date>,
    /// Day it took place, else the planned day.
    #[schema(value_type = Option<String>, format = Date)]
    date: Option<Date>,
    /// Begin, RFC 3339.
    started_at: Option<String>,
    /// End, RFC 3339.
    ended_at: Option<String>,
    /// Kind of place.
    place_kind: Option<String>,
    /// Name of the village or group.
    place_name: Option<String>,
    /// Kind of venue.
    venue: Option<String>,
    /// The team.
    team: Vec<TeamItem>,
    /// Attendances of residents; null: not counted.
    residents: Option<i64>,
    /// Households; null: not counted.
    households: Option<i64>,
    /// Businesses; null: not counted.
    businesses: Option<i64>,
    /// True if the note holds something.
    has_note: bool,
    /// Latitude in degrees (WGS 84).
    lat: Option<f64>,
    /// Longitude in degrees.
    lon: Option<f64>,
    /// Number of photographs.
    photos: usize,
    /// Hot spot level of the place.
    hot_spot: String,
    /// Satisfaction cards; null: not collected.
    satisfaction: Option<CardsItem>,
    /// Bright spot.
    #[schema(value_type = Option<Object>)]
    bright_spot: Json,
    /// Findings of supervision.
    #[schema(value_type = Vec<Object>)]
    supervision: Json,
    /// The visit that it follows up.
    follow_up_of: Option<String>,
    /// The visit that it turned out to be, recorded twice.
    same_as: Option<String>,
    /// True if something was changed after the verification.
    amendment_pending: bool,
    /// Number of differences that a person must look at.
    review: usize,
    /// Who created it.
    created_by: String,
    /// When, Unix milliseconds.
    created_at_ms: i64,
    /// Last change, Unix milliseconds.
    updated_at_ms: i64,
    /// True if deleted.
    deleted: bool,
}

impl TryFrom<VisitRow> for VisitItem {
    type Error = DbError;

    fn try_from(row: VisitRow) -> Result<Self, DbError> {
        let team = row.team.into_iter().map(|member| TeamItem {
            official: member.official,
            role: member.role.to_string(),
            name: member.name,
            agency: member.agency,
        });
        Ok(Self {
            id: row.id.to_string(),
            unit: row.unit,
            status: row.status.to_string(),
            programme: row.programme.map(|code| code.to_string()),
            planned_on: row.planned_on,
            date: row.date,
            started_at: row.started_at.map(|at| at.to_string()),
            ended_at: row.ended_at.map(|at| at.to_string()),
            place_kind: row.place_kind.map(|code| code.to_string()),
            place_name: row.place_name,
            venue: row.venue.map(|code| code.to_string()),
            team: team.collect(),
            residents: row.residents,
            households: row.households,
            businesses: row.businesses,
            has_note: row.has_note,
            lat: row.lat,
            lon: row.lon,
            photos: row.photos,
            hot_spot: row.hot_spot.to_string(),
            satisfaction: row.satisfaction.as_ref().map(CardsItem::from),
            bright_spot: serde_json::to_value(row.bright_spot)?,
            supervision: serde_json::to_value(row.supervision)?,
            follow_up_of: row.follow_up_of,
            same_as: row.same_as,
            amendment_pending: row.amendment_pending,
            review: row.review,
            created_by: row.created_by,
            created_at_ms: row.created_at_ms,
            updated_at_ms: row.updated_at_ms,
            deleted: row.deleted,
        })
    }
}

/// An issue in a list. Codes are those of the code lists; dates are civil dates in UTC+7.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, as in the row")]
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct IssueItem {
    /// The issue.
    pub(crate) id: String,
    /// Unit code.
    pub(crate) unit: String,
    /// The visit at which it was raised.
    visit: Option<String>,
    /// The resident's ticket.
    pub(crate) ticket: Option<String>,
    /// Kind.
    kind: Option<String>,
    /// Field of work.
    field: Option<String>,
    /// Title.
    pub(crate) title: Option<String>,
    /// Priority.
    priority: String,
    /// Confidentiality.
    confidentiality: String,
    /// Status.
    pub(crate) status: String,
    /// In what way it was raised.
    reporter_mode: Option<String>,
    /// First reception.
    #[schema(value_type = Option<String>, format = Date)]
    received_on: Option<Date>,
    /// Acceptance of a complaint.
    #[schema(value_type = Option<String>, format = Date)]
    accepted_on: Option<Date>,
    /// Responsible agency.
    pub(crate) agency: Option<String>,
    /// True while two agencies stand against each other.
    agency_conflict: bool,
    /// Last day for the first notice.
    #[schema(value_type = Option<String>, format = Date)]
    first_notice_due: Option<Date>,
    /// On what ground.
    first_notice_basis: Option<String>,
    /// Last day for settling it.
    #[schema(value_type = Option<String>, format = Date)]
    resolve_due: Option<Date>,
    /// On what ground.
    resolve_basis: Option<String>,
    /// Day of the first event after the recording.
    #[schema(value_type = Option<String>, format = Date)]
    first_notice_on: Option<Date>,
    /// Day on which it was settled, if it is.
    #[schema(value_type = Option<String>, format = Date)]
    settled_on: Option<Date>,
    /// Day of the last reopening.
    #[schema(value_type = Option<String>, format = Date)]
    reopened_on: Option<Date>,
    /// Outcome.
    outcome: Option<String>,
    /// What the resident says.
    confirmation: Option<String>,
    /// How the resident was told.
    reply_channel: Option<String>,
    /// When.
    #[schema(value_type = Option<String>, format = Date)]
    replied_on: Option<Date>,
    /// A place and a matter that need watching.
    hot_spot: bool,
    /// Raised before: since which year, how often.
    #[schema(value_type = Option<Object>)]
    long_standing: Json,
    /// The issue that it repeats.
    duplicate_of: Option<String>,
    /// Number of differences that a person must look at.
    review: usize,
    /// Who created it.
    created_by: String,
    /// When, Unix milliseconds.
    created_at_ms: i64,
    /// Last change, Unix milliseconds.
    updated_at_ms: i64,
    /// True if personal data were erased on request.
    erased: bool,
    /// True if deleted.
    deleted: bool,
}

impl TryFrom<IssueRow> for IssueItem {
    type Error = DbError;

    fn try_from(row: IssueRow) -> Result<Self, DbError> {
        Ok(Self {
            id: row.id.to_string(),
            unit: row.unit,
            visit: row.visit.map(|visit| visit.to_string()),
            ticket: row.ticket,
            kind: row.kind.map(|code| code.to_string()),
            field: row.field.map(|code| code.to_string()),
            title: row.title,
            priority: row.priority.to_string(),
            confidentiality: row.confidentiality.to_string(),
            status: row.status.to_string(),
            reporter_mode: row.reporter_mode.map(|code| code.to_string()),
            received_on: row.received_on,
            accepted_on: row.accepted_on,
            agency: row.agency,
            agency_conflict: row.agency_conflict,
            first_notice_due: row.first_notice_due,
            first_notice_basis: row.first_notice_basis,
            resolve_due: row.resolve_due,
            resolve_basis: row.resolve_basis,
            first_notice_on: row.first_notice_on,
            settled_on: row.settled_on,
            reopened_on: row.reopened_on,
            outcome: row.outcome.map(|code| code.to_string()),
            confirmation: row.confirmation.map(|code| code.to_string()),
            reply_channel: row.reply_channel.map(|code| code.to_string()),
            replied_on: row.replied_on,
            hot_spot: row.hot_spot,
            long_standing: serde_json::to_value(row.long_standing)?,
            duplicate_of: row.duplicate_of,
            review: row.review,
            created_by: row.created_by,
            created_at_ms: row.created_at_ms,
            updated_at_ms: row.updated_at_ms,
            erased: row.erased,
            deleted: row.deleted,
        })
    }
}
