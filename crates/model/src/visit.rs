//! A visit: what several officials wrote about one meeting, as one record.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::codes::{
    Activity, BrightSpotStage, FindingKind, FindingResponse, GpsMissingReason, HotSpot, IssueField, PlaceKind,
    Programme, Satisfaction as SatisfactionValue, TeamRole, Venue, VisitStatus,
};
use crate::document::Document;
use crate::events::Event;
use crate::ids::FileHash;
use crate::moment::Moment;
use crate::review::ReviewItem;

mod status;
mod view;

pub(crate) use view::{MAX_COUNT, created_at_ms, deleted, earliest, is_household, unknown, written_text};

/// Where in the unit a visit took place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// Village, hamlet, residential group …
    pub kind: Option<PlaceKind>,
    /// Its name.
    pub name: Option<String>,
}

/// An official's part in a visit, as it is written under `team/<official>`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TeamMember {
    /// What the official does there.
    pub role: TeamRole,
    /// Display name at the time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Agency at the time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agency: Option<String>,
    /// What newer apps write beside it.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Json>,
}

/// How many came: attendances, not persons.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Count {
    /// What counts: the sum over groups if the team split up, else the lead's figure, else the first.
    /// `None`: not counted, which differs from 0.
    pub effective: Option<i64>,
    /// Whose figure that is.
    pub from: Option<String>,
    /// Each official's figure for the whole meeting. They counted the same crowd: never summed.
    pub values: BTreeMap<String, Option<i64>>,
    /// Figures of separate groups: different people, so they add up.
    pub groups: BTreeMap<String, i64>,
}

/// The three counts of a visit.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Counts {
    /// Residents present.
    pub residents: Count,
    /// Households.
    pub households: Count,
    /// Businesses.
    pub businesses: Count,
}

/// A position fix, as it is written under `gps/<name>`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gps {
    /// Latitude in degrees (WGS 84).
    pub lat: f64,
    /// Longitude in degrees.
    pub lon: f64,
    /// Accuracy in metres.
    pub accuracy_m: f64,
    /// `device`, `coarsened` (rounded to 0.01 degree), `manual` (a pin set by hand).
    pub source: String,
    /// What newer apps write beside it.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Json>,
}

impl Gps {
    /// True for degrees and metres that can be.
    pub fn is_possible(&self) -> bool {
        (-90.0..=90.0).contains(&self.lat) && (-180.0..=180.0).contains(&self.lon) && self.accuracy_m > 0.0
    }

    /// The position rounded to 0.01 degree (about 1.1 km): for visits at home, where no doorstep may show.
    #[must_use]
    pub fn coarsened(self) -> Self {
        let round = |degrees: f64| (degrees * 100.0).round() / 100.0;
        let source = if self.source == "coarsened" { self.source } else { "coarsened".to_owned() };
        Self { lat: round(self.lat), lon: round(self.lon), accuracy_m: self.accuracy_m.max(1_100.0), source, ..self }
    }
}

/// A photograph's description, as it is written under `photo/<id>`; the bytes travel apart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Photo {
    /// The photograph's id, made on the device.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub photo_id: String,
    /// The caption, edited under a key of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caption: Option<String>,
    /// When it was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_at: Option<Moment>,
    /// Media type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mime: Option<String>,
    /// Size in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// SHA-256 of the bytes (64 hexadecimal digits).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// SHA-256 of the bytes of its thumbnail, a file of its own that goes ahead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thumb_sha256: Option<String>,
    /// True if place and camera data were removed.
    #[serde(default)]
    pub exif_stripped: bool,
    /// `none`, `crowd` or `identifiable`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub people_visible: Option<String>,
    /// Code of the ground on which people are shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<String>,
    /// What newer apps write beside it.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Json>,
}

impl Photo {
    /// Its files: the original and the thumbnail, as far as their bytes are known by name.
    pub fn files(&self) -> impl Iterator<Item = FileUse> + '_ {
        let names = [(&self.sha256, false), (&self.thumb_sha256, true)];
        names
            .into_iter()
            .filter_map(|(name, thumbnail)| Some(FileUse { hash: name.as_ref()?.parse().ok()?, thumbnail }))
    }
}

/// A file that a record names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileUse {
    /// The file.
    pub hash: FileHash,
    /// Whether it is a thumbnail: small, and worth having before the others.
    pub thumbnail: bool,
}

/// How residents judged the meeting: anonymous cards, each counted once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Satisfaction {
    /// Rất hài lòng.
    #[serde(default)]
    pub very_satisfied: i64,
    /// Hài lòng.
    #[serde(default)]
    pub satisfied: i64,
    /// Bình thường.
    #[serde(default)]
    pub neutral: i64,
    /// Không hài lòng.
    #[serde(default)]
    pub dissatisfied: i64,
    /// Rất không hài lòng.
    #[serde(default)]
    pub very_dissatisfied: i64,
    /// Không trả lời.
    #[serde(default)]
    pub no_answer: i64,
}

impl Satisfaction {
    /// The count for one value; `None` for a value that this version does not know.
    pub fn of_mut(&mut self, value: &SatisfactionValue) -> Option<&mut i64> {
        Some(match value {
            SatisfactionValue::VerySatisfied => &mut self.very_satisfied,
            SatisfactionValue::Satisfied => &mut self.satisfied,
            SatisfactionValue::Neutral => &mut self.neutral,
            SatisfactionValue::Dissatisfied => &mut self.dissatisfied,
            SatisfactionValue::VeryDissatisfied => &mut self.very_dissatisfied,
            SatisfactionValue::NoAnswer => &mut self.no_answer,
            SatisfactionValue::Other(_) => return None,
        })
    }

    fn all(&self) -> [i64; 6] {
        let Self { very_satisfied, satisfied, neutral, dissatisfied, very_dissatisfied, no_answer } = *self;
        [very_satisfied, satisfied, neutral, dissatisfied, very_dissatisfied, no_answer]
    }

    /// True if every number lies between 0 and `max`.
    pub fn is_possible(&self, max: i64) -> bool {
        self.all().iter().all(|n| (0..=max).contains(n))
    }

    /// All cards with an answer.
    pub fn answered(&self) -> i64 {
        self.all()[..5].iter().fold(0, |sum, n| sum.saturating_add(*n))
    }
}

/// Something that worked and others could copy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BrightSpot {
    /// What it is called.
    pub title: Option<String>,
    /// The field of work.
    pub field: Option<IssueField>,
    /// The difficulty that it addresses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difficulty: Option<String>,
    /// How far it has come.
    pub stage: Option<BrightSpotStage>,
    /// What shows that it works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    /// Number of the document that recognises it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<String>,
    /// Units that copied it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub replicated_in: BTreeSet<String>,
}

/// A finding of supervision or social criticism, as it is written under `finding/<name>`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SupervisionFinding {
    /// Its name in this visit, by which a later response is recorded.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Supervision or social criticism.
    pub kind: FindingKind,
    /// What was looked at.
    pub subject: String,
    /// Who led.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lead_body: Option<String>,
    /// What was recommended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recommendation: Option<String>,
    /// To whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub addressed_to: Option<String>,
    /// What they answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<FindingResponse>,
    /// When they answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_on: Option<Date>,
    /// What newer apps write beside it.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Json>,
}

/// A change made to a verified visit after its verification: shown beside it, not in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Amendment {
    /// The key that differs.
    pub field: String,
    /// What was verified.
    pub verified: Json,
    /// What was written since.
    pub proposed: Json,
}

/// A visit as the merge of everything that was written about it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Visit {
    /// The unit, five digits; `None` while two values stand against each other.
    pub unit: Option<String>,
    /// The assignment that it carries out.
    pub assignment: Option<String>,
    /// Under which programme.
    pub programme: Option<Programme>,
    /// Where in the unit.
    pub place: Place,
    /// In what kind of building or open place.
    pub venue: Option<Venue>,
    /// Languages for which interpreting was needed: of the meeting, never of a person.
    pub language_support: BTreeSet<String>,
    /// The planned day.
    pub planned_on: Option<Date>,
    /// Earliest arrival of the team, or the lead's correction.
    pub started_at: Option<Moment>,
    /// Latest departure, or the lead's correction.
    pub ended_at: Option<Moment>,
    /// The most precise position, or the lead's pin.
    pub gps: Option<Gps>,
    /// Why there is no position.
    pub gps_missing_reason: Option<GpsMissingReason>,
    /// Who was there for the administration, by official's id.
    pub team: BTreeMap<String, TeamMember>,
    /// What was done.
    pub activities: BTreeSet<Activity>,
    /// How many came.
    pub counts: Counts,
    /// The note; `None`: not written, empty: deliberately empty.
    pub note: Option<String>,
    /// Photographs that may be shown.
    pub photos: Vec<Photo>,
    /// Every file that the visit names, also in what was written after its verification. Not part of its JSON.
    #[serde(skip)]
    pub files: Vec<FileUse>,
    /// Files that it named until their photographs were taken away on privacy grounds: the bytes go too. Not part of its
    /// JSON.
    #[serde(skip)]
    pub removed_files: Vec<FileHash>,
    /// A place and a matter that need watching; never a person.
    pub hot_spot: HotSpot,
    /// Satisfaction cards; `None`: not collected.
    pub satisfaction: Option<Satisfaction>,
    /// A bright spot.
    pub bright_spot: Option<BrightSpot>,
    /// Findings.
    pub supervision: Vec<SupervisionFinding>,
    /// The visit whose promises this one follows up.
    pub follow_up_of: Option<String>,
    /// The visit that this one turned out to be, recorded twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same_as: Option<String>,
    /// Where it stands.
    pub status: VisitStatus,
    /// What brought it there.
    pub events: Vec<Event>,
    /// True if something was changed after the verification.
    pub amendment_pending: bool,
    /// What was changed after the verification.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amendments: Vec<Amendment>,
    /// True if somebody deleted it and nobody has edited it since.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
    /// Who created it.
    pub created_by: String,
    /// When it was created, in milliseconds since 1970.
    pub created_at_ms: i64,
    /// When it was last changed.
    pub updated_at_ms: i64,
    /// Keys that this version does not know, from newer apps.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: BTreeMap<String, Json>,
    /// What a person must look at.
    pub review: Vec<ReviewItem>,
}

impl Visit {
    /// The visit that a document of this kind says.
    pub fn of(document: &Document) -> Self {
        view::view(document)
    }

    /// The day of the visit: when it began, else the planned day.
    pub fn date(&self) -> Option<Date> {
        self.started_at.map(Moment::date).or(self.planned_on)
    }

    /// The officials who lead.
    pub fn leads(&self) -> impl Iterator<Item = &str> {
        let leads = self.team.iter().filter(|(_, member)| member.role == TeamRole::Lead);
        leads.map(|(official, _)| official.as_str())
    }

    /// The fields that must be filled in before the visit is handed in, and are not.
    pub fn missing(&self) -> Vec<&'static str> {
        let filled = [
            ("unit", self.unit.is_some()),
            ("planned_on", self.planned_on.is_some()),
            ("started_at", self.started_at.is_some()),
            ("ended_at", self.ended_at.is_some()),
            ("counts.residents", self.counts.residents.effective.is_some()),
        ];
        filled.into_iter().filter(|(_, there)| !there).map(|(field, _)| field).collect()
    }

    /// True for a visit that took place: submitted, returned or verified.
    pub fn held(&self) -> bool {
        self.status.is_held()
    }
}
