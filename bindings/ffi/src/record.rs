//! One record in full.

use crate::look::RecordState;
use crate::review::{HistoryEntry, ReviewItem};
use gandan_client::RecordView as ClientView;
use gandan_client::model::codes::CodeList;
use gandan_client::model::events::Event;
use gandan_client::model::issue::Issue as ModelIssue;
use gandan_client::model::record::Record;
use gandan_client::model::visit::{
    Count as ModelCount, Photo as ModelPhoto, Satisfaction as ModelCards, Visit as ModelVisit,
};
use std::collections::HashMap;

/// A code as text.
pub(crate) fn code<C: CodeList>(code: Option<&C>) -> Option<String> {
    code.map(|code| code.as_code().to_owned())
}

/// Anything that has a text form.
pub(crate) fn text(value: Option<impl ToString>) -> Option<String> {
    value.map(|value| value.to_string())
}

/// One record in full.
#[derive(Clone, Debug, PartialEq, uniffi::Record)]
pub struct RecordView {
    /// The record.
    pub id: String,
    /// Code of the unit in whose space it lies.
    pub unit: String,
    /// Where it stands between this device and the server.
    pub state: RecordState,
    /// What it says.
    pub content: Content,
    /// All that it says as JSON, also what has no member of its own here and what a newer app wrote.
    pub json: String,
    /// What a person must look at.
    pub review: Vec<ReviewItem>,
    /// Who changed what, oldest first.
    pub history: Vec<HistoryEntry>,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, uniffi::Enum)]
pub enum Content {
    /// A field visit.
    Visit { visit: Visit },
    /// A matter that a resident raised.
    Issue { issue: Issue },
    /// Another kind: see the JSON.
    Other,
}

impl From<ClientView> for RecordView {
    fn from(view: ClientView) -> Self {
        let json = serde_json::to_string(&view.record).unwrap_or_default();
        let review = view.record.review().iter().map(ReviewItem::from).collect();
        let content = match view.record {
            Record::Visit(visit) => Content::Visit { visit: Visit::from(*visit) },
            Record::Issue(issue) => Content::Issue { issue: Issue::from(*issue) },
            _ => Content::Other,
        };
        let history = view.history.into_iter().map(HistoryEntry::from).collect();
        Self {
            id: view.id.to_string(),
            unit: view.space_unit,
            state: view.state.into(),
            content,
            json,
            review,
            history,
        }
    }
}

/// How residents judged the meeting: anonymous cards, each counted once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Satisfaction {
    /// Rất hài lòng.
    pub very_satisfied: i64,
    /// Hài lòng.
    pub satisfied: i64,
    /// Bình thường.
    pub neutral: i64,
    /// Không hài lòng.
    pub dissatisfied: i64,
    /// Rất không hài lòng.
    pub very_dissatisfied: i64,
    /// Không trả lời.
    pub no_answer: i64,
}

impl From<ModelCards> for Satisfaction {
    fn from(cards: ModelCards) -> Self {
        let ModelCards { very_satisfied, satisfied, neutral, dissatisfied, very_dissatisfied, no_answer } = cards;
        Self { very_satisfied, satisfied, neutral, dissatisfied, very_dissatisfied, no_answer }
    }
}

/// How many came: attendances, not persons.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Count {
    /// What counts; null: not counted, which differs from 0.
    pub effective: Option<i64>,
    /// Whose figure that is.
    pub by: Option<String>,
    /// Each official's figure for the whole meeting. They counted the same crowd: never summed.
    pub values: HashMap<String, Option<i64>>,
    /// Figures of separate groups: different people, so they add up.
    pub groups: HashMap<String, i64>,
}

impl From<ModelCount> for Count {
    fn from(count: ModelCount) -> Self {
        Self {
            effective: count.effective,
            by: count.from,
            values: count.values.into_iter().collect(),
            groups: count.groups.into_iter().collect(),
        }
    }
}

/// An official's part in a visit.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct TeamMember {
    /// What the official does there, as a code.
    pub role: String,
    /// Display name at the time.
    pub name: Option<String>,
    /// Agency at the time.
    pub agency: Option<String>,
}

/// A position.
#[derive(Clone, Debug, PartialEq, uniffi::Record)]
pub struct Position {
    /// Latitude in degrees (WGS 84).
    pub lat: f64,
    /// Longitude in degrees.
    pub lon: f64,
    /// Accuracy in metres.
    pub accuracy_m: f64,
    /// `device`, `coarsened` (rounded to 0.01 degree), `manual` (a pin set by hand).
    pub source: String,
}

/// A photograph's description.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Photo {
    /// The photograph's id.
    pub id: String,
    /// The caption.
    pub caption: Option<String>,
    /// When it was taken.
    pub taken_at: Option<String>,
    /// Media type.
    pub mime: Option<String>,
    /// Size in bytes.
    pub bytes: Option<u64>,
    /// SHA-256 of the bytes (64 hexadecimal digits).
    pub sha256: Option<String>,
    /// `none`, `crowd` or `identifiable`.
    pub people_visible: Option<String>,
}

impl From<ModelPhoto> for Photo {
    fn from(photo: ModelPhoto) -> Self {
        Self {
            id: photo.photo_id,
            caption: photo.caption,
            taken_at: text(photo.taken_at),
            mime: photo.mime,
            bytes: photo.bytes,
            sha256: photo.sha256,
            people_visible: photo.people_visible,
        }
    }
}

/// What brought a record to its status.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct StatusEvent {
    /// When it happened, as `2026-11-27T08:30:00+07:00`.
    pub at: String,
    /// Who did it.
    pub by: String,
    /// The status before.
    pub before: Option<String>,
    /// The status that it asked for.
    pub after: String,
    /// Why.
    pub reason: Option<String>,
    /// False if the replay passed over it: a cancellation against evidence, a closing against a dispute.
    pub counts: bool,
}

impl From<Event> for StatusEvent {
    fn from(event: Event) -> Self {
        let Event { at, by, from, to, reason, counts, .. } = event;
        Self { at: at.to_string(), by, before: from, after: to, reason, counts }
    }
}

/// A visit as the merge of everything that was written about it.
#[derive(Clone, Debug, PartialEq, uniffi::Record)]
pub struct Visit {
    /// Where it stands, as a code.
    pub status: String,
    /// The unit; null while two values stand against each other.
    pub unit: Option<String>,
    /// The assignment that it carries out.
    pub assignment: Option<String>,
    /// Under which programme, as a code.
    pub programme: Option<String>,
    /// Kind of place, as a code.
    pub place_kind: Option<String>,
    /// Name of the village or group.
    pub place_name: Option<String>,
    /// In what kind of building or open place, as a code.
    pub venue: Option<String>,
    /// Languages for which interpreting was needed.
    pub language_support: Vec<String>,
    /// The planned day, as `2026-11-27`.
    pub planned_on: Option<String>,
    /// Earliest arrival, or the lead's correction.
    pub started_at: Option<String>,
    /// Latest departure, or the lead's correction.
    pub ended_at: Option<String>,
    /// The most precise position, or the lead's pin.
    pub position: Option<Position>,
    /// Why there is no position, as a code.
    pub position_missing: Option<String>,
    /// Who was there for the administration, by official's id.
    pub team: HashMap<String, TeamMember>,
    /// What was done, as codes.
    pub activities: Vec<String>,
    /// Residents present.
    pub residents: Count,
    /// Households.
    pub households: Count,
    /// Businesses.
    pub businesses: Count,
    /// The note; null: not written, empty: deliberately empty.
    pub note: Option<String>,
    /// Photographs that may be shown.
    pub photos: Vec<Photo>,
    /// Hot spot level, as a code.
    pub hot_spot: String,
    /// Satisfaction cards; null: not collected.
    pub satisfaction: Option<Satisfaction>,
    /// The visit whose promises this one follows up.
    pub follow_up_of: Option<String>,
    /// What brought it to its status.
    pub events: Vec<StatusEvent>,
    /// True if something was changed after the verification.
    pub amendment_pending: bool,
    /// Fields that must be filled in before the visit is handed in, and are not.
    pub missing: Vec<String>,
    /// True if somebody deleted it and nobody has edited it since.
    pub deleted: bool,
    /// Who created it.
    pub created_by: String,
    /// When it was created, in milliseconds since 1970.
    pub created_at_ms: i64,
    /// When it was last changed, in milliseconds since 1970.
    pub updated_at_ms: i64,
}

impl From<ModelVisit> for Visit {
    fn from(visit: ModelVisit) -> Self {
        let missing = visit.missing().into_iter().map(str::to_owned).collect();
        let member = |(official, member): (String, gandan_client::model::visit::TeamMember)| {
            let role = member.role.as_str().to_owned();
            (official, TeamMember { role, name: member.name, agency: member.agency })
        };
        let position = visit.gps.map(|gps| Position {
            lat: gps.lat,
            lon: gps.lon,
            accuracy_m: gps.accuracy_m,
            source: gps.source,
        });
        Self {
            status: visit.status.as_str().to_owned(),
            unit: visit.unit,
            assignment: visit.assignment,
            programme: code(visit.programme.as_ref()),
            place_kind: code(visit.place.kind.as_ref()),
            place_name: visit.place.name,
            venue: code(visit.venue.as_ref()),
            language_support: visit.language_support.into_iter().collect(),
            planned_on: text(visit.planned_on),
            started_at: text(visit.started_at),
            ended_at: text(visit.ended_at),
            position,
            position_missing: code(visit.gps_missing_reason.as_ref()),
            team: visit.team.into_iter().map(member).collect(),
            activities: visit.activities.iter().map(|activity| activity.as_str().to_owned()).collect(),
            residents: visit.counts.residents.into(),
            households: visit.counts.households.into(),
            businesses: visit.counts.businesses.into(),
            note: visit.note,
            photos: visit.photos.into_iter().map(Photo::from).collect(),
            hot_spot: visit.hot_spot.as_str().to_owned(),
            satisfaction: visit.satisfaction.map(Satisfaction::from),
            follow_up_of: visit.follow_up_of,
            events: visit.events.into_iter().map(StatusEvent::from).collect(),
            amendment_pending: visit.amendment_pending,
            missing,
            deleted: visit.deleted,
            created_by: visit.created_by,
            created_at_ms: visit.created_at_ms,
            updated_at_ms: visit.updated_at_ms,
        }
    }
}

/// An answer to the resident.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Reply {
    /// When it was given.
    pub at: String,
    /// Who gave it.
    pub by: Option<String>,
    /// By what channel, as a code.
    pub channel: Option<String>,
    /// Its words.
    pub text: Option<String>,
}

/// An issue as the merge of everything that was written about it.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Issue {
    /// Where it stands, as a code.
    pub status: String,
    /// The visit at which it was raised.
    pub visit: Option<String>,
    /// The code that the resident can ask by.
    pub ticket: Option<String>,
    /// The legally strictest of the kinds written beside each other, as a code.
    pub kind: Option<String>,
    /// The field of work, as a code.
    pub field: Option<String>,
    /// In a few words.
    pub title: Option<String>,
    /// The matter; null if never written, sealed or erased.
    pub description: Option<String>,
    /// Where exactly.
    pub place_detail: Option<String>,
    /// The highest of the priorities written beside each other, as a code.
    pub priority: String,
    /// The strictest of the levels written beside each other, as a code.
    pub confidentiality: String,
    /// In what way it was raised, as a code.
    pub reporter_mode: Option<String>,
    /// Whether the reporter's name and address may be kept, as a code.
    pub consent: Option<String>,
    /// Who wrote it down.
    pub recorded_by: Option<String>,
    /// When it was first received: deadlines run from here.
    pub received_on: Option<String>,
    /// Who must answer; null while two stand against each other.
    pub responsible_agency: Option<String>,
    /// True while two agencies stand against each other: nothing is forwarded until one is chosen.
    pub agency_conflict: bool,
    /// Last day for the first notice.
    pub first_notice_due: Option<String>,
    /// Last day for settling it.
    pub resolve_due: Option<String>,
    /// On what ground.
    pub resolve_basis: Option<String>,
    /// What brought it to its status.
    pub events: Vec<StatusEvent>,
    /// All answers given.
    pub replies: Vec<Reply>,
    /// What came of it, as a code.
    pub outcome: Option<String>,
    /// In words.
    pub result_text: Option<String>,
    /// When the resident was told.
    pub replied_on: Option<String>,
    /// What the resident says of the result, as a code.
    pub resident_confirmation: Option<String>,
    /// A place and a matter that need watching.
    pub hot_spot: bool,
    /// The issue that this one repeats.
    pub duplicate_of: Option<String>,
    /// Fields that must be filled in, and are not.
    pub missing: Vec<String>,
    /// True if personal data were erased on request.
    pub erased: bool,
    /// True if somebody deleted it and nobody has edited it since.
    pub deleted: bool,
    /// Who created it.
    pub created_by: String,
    /// When it was created, in milliseconds since 1970.
    pub created_at_ms: i64,
    /// When it was last changed, in milliseconds since 1970.
    pub updated_at_ms: i64,
}

impl From<ModelIssue> for Issue {
    fn from(issue: ModelIssue) -> Self {
        let missing = issue.missing().into_iter().map(str::to_owned).collect();
        let reply = |reply: gandan_client::model::issue::Reply| Reply {
            at: reply.at.to_string(),
            by: reply.by,
            channel: code(reply.channel.as_ref()),
            text: reply.text,
        };
        Self {
            status: issue.status.as_str().to_owned(),
            visit: issue.visit,
            ticket: issue.ticket,
            kind: code(issue.kind.as_ref()),
            field: code(issue.field.as_ref()),
            title: issue.title,
            description: issue.description,
            place_detail: issue.place_detail,
            priority: issue.priority.as_str().to_owned(),
            confidentiality: issue.confidentiality.as_str().to_owned(),
            reporter_mode: code(issue.reporter.mode.as_ref()),
            consent: code(issue.reporter.consent.as_ref()),
            recorded_by: issue.recorded_by,
            received_on: text(issue.received_on),
            responsible_agency: issue.responsible_agency,
            agency_conflict: issue.agency_conflict,
            first_notice_due: text(issue.due.first_notice.as_ref().map(|due| due.on)),
            resolve_due: text(issue.due.resolve.as_ref().map(|due| due.on)),
            resolve_basis: issue.due.resolve.map(|due| due.basis),
            events: issue.events.into_iter().map(StatusEvent::from).collect(),
            replies: issue.replies.into_iter().map(reply).collect(),
            outcome: code(issue.outcome.as_ref()),
            result_text: issue.result_text,
            replied_on: text(issue.replied_on),
            resident_confirmation: code(issue.resident_confirmation.as_ref()),
            hot_spot: issue.hot_spot,
            duplicate_of: issue.duplicate_of,
            missing,
            erased: issue.erased,
            deleted: issue.deleted,
            created_by: issue.created_by,
            created_at_ms: issue.created_at_ms,
            updated_at_ms: issue.updated_at_ms,
        }
    }
}
