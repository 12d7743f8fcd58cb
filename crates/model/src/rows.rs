//! Flat rows for lists and reports, on the phone and on the server alike.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::codes::{
    Confidentiality, Confirmation, Consent, HotSpot, IssueField, IssueKind, IssueStatus, Outcome, PlaceKind, Priority,
    Programme, ReplyChannel, ReporterMode, TeamRole, Venue, VisitStatus,
};
use crate::deadlines::Due;
use crate::events::Event;
use crate::ids::DocId;
use crate::issue::{Issue, LongStanding};
use crate::moment::Moment;
use crate::text::fold;
use crate::visit::{BrightSpot, Satisfaction, SupervisionFinding, Visit};

/// An official in a visit's row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TeamRow {
    /// Official's id.
    pub official: String,
    /// What the official did there.
    pub role: TeamRole,
    /// Display name.
    pub name: Option<String>,
    /// Agency.
    pub agency: Option<String>,
}

/// A visit in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VisitRow {
    /// The visit.
    pub id: DocId,
    /// Code of the unit in whose space it lies.
    pub unit: String,
    /// Where it stands.
    pub status: VisitStatus,
    /// Under which programme.
    pub programme: Option<Programme>,
    /// The planned day.
    pub planned_on: Option<Date>,
    /// The day it took place, else the planned day (UTC+7).
    pub date: Option<Date>,
    /// Begin.
    pub started_at: Option<Moment>,
    /// End.
    pub ended_at: Option<Moment>,
    /// Kind of place.
    pub place_kind: Option<PlaceKind>,
    /// Name of the village or group.
    pub place_name: Option<String>,
    /// In what kind of building or open place.
    pub venue: Option<Venue>,
    /// The team.
    pub team: Vec<TeamRow>,
    /// Residents present; `None`: not counted.
    pub residents: Option<i64>,
    /// Households; `None`: not counted.
    pub households: Option<i64>,
    /// Businesses; `None`: not counted.
    pub businesses: Option<i64>,
    /// True if a note was written.
    pub has_note: bool,
    /// Latitude in degrees.
    pub lat: Option<f64>,
    /// Longitude in degrees.
    pub lon: Option<f64>,
    /// Number of photographs.
    pub photos: usize,
    /// Hot spot level.
    pub hot_spot: HotSpot,
    /// Satisfaction cards; `None`: not collected.
    pub satisfaction: Option<Satisfaction>,
    /// A bright spot.
    pub bright_spot: Option<BrightSpot>,
    /// Findings.
    pub supervision: Vec<SupervisionFinding>,
    /// The visit that it follows up.
    pub follow_up_of: Option<String>,
    /// The visit that it turned out to be.
    #[serde(default)]
    pub same_as: Option<String>,
    /// True if something was changed after the verification.
    pub amendment_pending: bool,
    /// Number of review items.
    pub review: usize,
    /// Who created it.
    pub created_by: String,
    /// When, in milliseconds since 1970.
    pub created_at_ms: i64,
    /// Last change, in milliseconds since 1970.
    pub updated_at_ms: i64,
    /// True if deleted.
    pub deleted: bool,
    /// Folded text for search.
    pub search: String,
}

impl VisitRow {
    /// The row of a visit that lies in a space of this unit.
    pub fn of(id: DocId, unit: &str, visit: &Visit) -> Self {
        let team: Vec<TeamRow> = visit
            .team
            .iter()
            .map(|(official, member)| TeamRow {
                official: official.clone(),
                role: member.role.clone(),
                name: member.name.clone(),
                agency: member.agency.clone(),
            })
            .collect();
        let names = team.iter().flat_map(|member| [Some(member.official.as_str()), member.name.as_deref()]);
        let texts = [visit.place.name.as_deref(), visit.note.as_deref()];
        let spot = visit.bright_spot.as_ref().and_then(|spot| spot.title.as_deref());
        let search = searchable(texts.into_iter().chain(names).chain([spot]).flatten());
        Self {
            id,
            unit: unit.to_owned(),
            status: visit.status.clone(),
            programme: visit.programme.clone(),
            planned_on: visit.planned_on,
            date: visit.date(),
            started_at: visit.started_at,
            ended_at: visit.ended_at,
            place_kind: visit.place.kind.clone(),
            place_name: visit.place.name.clone(),
            venue: visit.venue.clone(),
            team,
            residents: visit.counts.residents.effective,
            households: visit.counts.households.effective,
            businesses: visit.counts.businesses.effective,
            has_note: visit.note.as_deref().is_some_and(|note| !note.is_empty()),
            lat: visit.gps.as_ref().map(|gps| gps.lat),
            lon: visit.gps.as_ref().map(|gps| gps.lon),
            photos: visit.photos.len(),
            hot_spot: visit.hot_spot.clone(),
            satisfaction: visit.satisfaction.clone(),
            bright_spot: visit.bright_spot.clone(),
            supervision: visit.supervision.clone(),
            follow_up_of: visit.follow_up_of.clone(),
            same_as: visit.same_as.clone(),
            amendment_pending: visit.amendment_pending,
            review: visit.review.len(),
            created_by: visit.created_by.clone(),
            created_at_ms: visit.created_at_ms,
            updated_at_ms: visit.updated_at_ms,
            deleted: visit.deleted,
            search,
        }
    }
}

/// An issue in a list.
#[allow(clippy::struct_excessive_bools, reason = "each is a field of the record by itself")]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IssueRow {
    /// The issue.
    pub id: DocId,
    /// Code of the unit in whose space it lies.
    pub unit: String,
    /// The visit at which it was raised.
    pub visit: Option<DocId>,
    /// The resident's ticket.
    pub ticket: Option<String>,
    /// Kind.
    pub kind: Option<IssueKind>,
    /// Field of work.
    pub field: Option<IssueField>,
    /// Title.
    pub title: Option<String>,
    /// Priority.
    pub priority: Priority,
    /// Confidentiality.
    pub confidentiality: Confidentiality,
    /// Where it stands.
    pub status: IssueStatus,
    /// In what way it was raised.
    pub reporter_mode: Option<ReporterMode>,
    /// Consent.
    pub consent: Option<Consent>,
    /// First reception.
    pub received_on: Option<Date>,
    /// Acceptance.
    pub accepted_on: Option<Date>,
    /// Responsible agency.
    pub agency: Option<String>,
    /// True while two agencies stand against each other.
    pub agency_conflict: bool,
    /// Last day for the first notice.
    pub first_notice_due: Option<Date>,
    /// On what ground.
    pub first_notice_basis: Option<String>,
    /// Last day for settling it.
    pub resolve_due: Option<Date>,
    /// On what ground.
    pub resolve_basis: Option<String>,
    /// The day promised to the residents.
    #[serde(default)]
    pub promised_on: Option<Date>,
    /// Day of the first event after the recording.
    pub first_notice_on: Option<Date>,
    /// Day of the first settling event, if it is settled.
    pub settled_on: Option<Date>,
    /// Day of the last reopening.
    pub reopened_on: Option<Date>,
    /// Outcome.
    pub outcome: Option<Outcome>,
    /// What the resident says.
    pub confirmation: Option<Confirmation>,
    /// How the resident was told.
    pub reply_channel: Option<ReplyChannel>,
    /// When.
    pub replied_on: Option<Date>,
    /// A place and matter that need watching.
    pub hot_spot: bool,
    /// Raised before.
    pub long_standing: Option<LongStanding>,
    /// The issue that it repeats.
    pub duplicate_of: Option<String>,
    /// Events in the order of the replay.
    pub events: Vec<Event>,
    /// Number of review items.
    pub review: usize,
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
    /// Folded text for search.
    pub search: String,
}

impl IssueRow {
    /// The row of an issue that lies in a space of this unit.
    pub fn of(id: DocId, unit: &str, issue: &Issue) -> Self {
        let texts = [&issue.title, &issue.description, &issue.place_detail, &issue.ticket, &issue.responsible_agency];
        let search = searchable(texts.into_iter().filter_map(Option::as_deref));
        let mut row = Self {
            id,
            unit: unit.to_owned(),
            visit: issue.visit.as_deref().and_then(|visit| visit.parse().ok()),
            ticket: issue.ticket.clone(),
            kind: issue.kind.clone(),
            field: issue.field.clone(),
            title: issue.title.clone(),
            priority: issue.priority.clone(),
            confidentiality: issue.confidentiality.clone(),
            status: issue.status.clone(),
            reporter_mode: issue.reporter.mode.clone(),
            consent: issue.reporter.consent.clone(),
            received_on: issue.received_on,
            accepted_on: issue.accepted_on,
            agency: issue.responsible_agency.clone(),
            agency_conflict: issue.agency_conflict,
            first_notice_due: None,
            first_notice_basis: None,
            resolve_due: None,
            resolve_basis: None,
            promised_on: issue.conclusion_due,
            first_notice_on: issue.first_notice_on(),
            settled_on: issue.settled_on(),
            reopened_on: issue.reopened_on(),
            outcome: issue.outcome.clone(),
            confirmation: issue.resident_confirmation.clone(),
            reply_channel: issue.reply_channel.clone(),
            replied_on: issue.replied_on,
            hot_spot: issue.hot_spot,
            long_standing: issue.long_standing.clone(),
            duplicate_of: issue.duplicate_of.clone(),
            events: issue.events.clone(),
            review: issue.review.len(),
            created_by: issue.created_by.clone(),
            created_at_ms: issue.created_at_ms,
            updated_at_ms: issue.updated_at_ms,
            erased: issue.erased,
            deleted: issue.deleted,
            search,
        };
        row.set_due(&issue.due);
        row
    }

    /// Replaces the due dates, after they were derived again.
    pub fn set_due(&mut self, due: &Due) {
        let (notice, resolve) = (due.first_notice.as_ref(), due.resolve.as_ref());
        self.first_notice_due = notice.map(|due| due.on);
        self.first_notice_basis = notice.map(|due| due.basis.clone());
        self.resolve_due = resolve.map(|due| due.on);
        self.resolve_basis = resolve.map(|due| due.basis.clone());
    }
}

fn searchable<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    let mut all = String::new();
    for text in texts {
        if !all.is_empty() {
            all.push(' ');
        }
        all.push_str(&fold(text));
    }
    all
}
