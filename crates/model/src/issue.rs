//! An issue: one matter that a resident raised, from the first word to the answer.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::codes::{
    Confidentiality, Confirmation, Consent, IssueField, IssueKind, IssueStatus, Outcome, Priority, ReplyChannel,
    ReporterMode,
};
use crate::deadlines::{Complexity, Due};
use crate::document::Document;
use crate::duplicates::Canonical;
use crate::events::Event;
use crate::moment::Moment;
use crate::review::ReviewItem;
use crate::rules::Rules;

mod clock;
mod status;
mod view;

pub use clock::Clock;

/// In what way the matter was raised. Never who: a name lives in a contact document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reporter {
    /// In what way.
    pub mode: Option<ReporterMode>,
    /// Whether name and address may be kept; the most protective of all answers.
    pub consent: Option<Consent>,
    /// The contact document, while there is consent.
    pub contact_ref: Option<String>,
    /// When consent was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent_at: Option<Moment>,
    /// How.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent_method: Option<String>,
    /// When it was withdrawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn_at: Option<Moment>,
}

/// A matter that has been raised before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LongStanding {
    /// Since which year.
    pub since_year: i16,
    /// How often it was raised before.
    #[serde(default)]
    pub times_raised_before: Option<i64>,
}

/// The petitioner's own statement on withdrawing, as it is written under `withdrawal`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Withdrawal {
    /// In what form it was made, such as `voluntary_confirmed_in_writing`.
    pub statement: String,
    /// What newer apps write beside it.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Json>,
}

/// An answer to the resident, as it is written under `reply/<name>`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// When it was given.
    pub at: Moment,
    /// Who gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// By what channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<ReplyChannel>,
    /// Its words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What newer apps write beside it.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Json>,
}

/// An issue as the merge of everything that was written about it.
#[allow(clippy::struct_excessive_bools, reason = "each is a field of the record by itself")]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Issue {
    /// The visit at which it was raised.
    pub visit: Option<String>,
    /// The code that the resident can ask by.
    pub ticket: Option<String>,
    /// The legally strictest of the kinds written beside each other.
    pub kind: Option<IssueKind>,
    /// The field of work.
    pub field: Option<IssueField>,
    /// In a few words.
    pub title: Option<String>,
    /// The matter; `None` if never written, sealed or erased.
    pub description: Option<String>,
    /// Where exactly.
    pub place_detail: Option<String>,
    /// The highest of the priorities written beside each other.
    pub priority: Priority,
    /// In what way it was raised.
    pub reporter: Reporter,
    /// The strictest of the levels written beside each other.
    pub confidentiality: Confidentiality,
    /// Who wrote it down.
    pub recorded_by: Option<String>,
    /// When it was first received: deadlines run from here.
    pub received_on: Option<Date>,
    /// When a complaint was accepted.
    pub accepted_on: Option<Date>,
    /// Who must answer; `None` while two stand against each other.
    pub responsible_agency: Option<String>,
    /// True while two agencies stand against each other: nothing is forwarded until one is chosen.
    pub agency_conflict: bool,
    /// By when; derived, never merged.
    pub due: Due,
    /// What the due dates depend on.
    #[serde(skip)]
    pub clock: Clock,
    /// How complex the case was found to be, in the sense of the law: it decides about limits.
    pub complexity: Complexity,
    /// Where it stands.
    pub status: IssueStatus,
    /// What brought it there.
    pub events: Vec<Event>,
    /// All answers given.
    pub replies: Vec<Reply>,
    /// What came of it.
    pub outcome: Option<Outcome>,
    /// In words.
    pub result_text: Option<String>,
    /// How the resident was told.
    pub reply_channel: Option<ReplyChannel>,
    /// When the resident was told.
    pub replied_on: Option<Date>,
    /// What the resident says of the result.
    pub resident_confirmation: Option<Confirmation>,
    /// Raised before, unsettled for long.
    pub long_standing: Option<LongStanding>,
    /// A place and a matter that need watching.
    pub hot_spot: bool,
    /// The issue that this one repeats.
    pub duplicate_of: Option<String>,
    /// The dialogue whose conclusion it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dialogue: Option<String>,
    /// The day promised for carrying out the conclusion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conclusion_due: Option<Date>,
    /// The project that it concerns.
    pub project_ref: Option<String>,
    /// Numbers of documents.
    pub documents: BTreeSet<String>,
    /// The petitioner's statement, if it was withdrawn.
    pub withdrawal: Option<Withdrawal>,
    /// True if personal data were erased on request; the record is kept for counting.
    pub erased: bool,
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

impl Issue {
    /// The issue that a document of this kind says; `unit` (a code) tells whether the longer limits of
    /// remote places apply.
    pub fn of(document: &Document, rules: &Rules, unit: &str) -> Self {
        view::view(document, rules, unit, None)
    }

    /// Like [`Issue::of`], for an issue that [`canonical`](crate::duplicates::canonical) found to be one of
    /// several records of a matter: the one that stands for it keeps its clock.
    pub fn of_matter(document: &Document, rules: &Rules, unit: &str, matter: &Canonical) -> Self {
        view::view(document, rules, unit, Some(matter))
    }

    /// The day of the first event after the recording: the first notice to the resident.
    pub fn first_notice_on(&self) -> Option<Date> {
        let after = self.counting_events().filter(|event| event.to != IssueStatus::Recorded.as_str());
        after.map(|event| event.at.date()).min()
    }

    /// The day of the first event that settled it, if it is settled now.
    pub fn settled_on(&self) -> Option<Date> {
        if !self.status.is_settled() {
            return None;
        }
        let settling = self.counting_events().filter(|event| IssueStatus::from(event.to.as_str()).is_settled());
        settling.map(|event| event.at.date()).min()
    }

    /// The day on which it was last reopened.
    pub fn reopened_on(&self) -> Option<Date> {
        let reopened = self.counting_events().filter(|event| event.to == IssueStatus::Reopened.as_str());
        reopened.map(|event| event.at.date()).max()
    }

    fn counting_events(&self) -> impl Iterator<Item = &Event> {
        self.events.iter().filter(|event| event.counts)
    }

    /// True if it counts in figures by itself: neither a duplicate nor a denunciation. For issues that are
    /// linked as duplicates [`canonical`](crate::duplicates::canonical) says which one counts.
    pub fn countable(&self) -> bool {
        self.status != IssueStatus::Duplicate && self.duplicate_of.is_none() && !self.is_sealed() && !self.deleted
    }

    /// True for what only the inspectorate may see: no words of it are shown.
    pub fn is_sealed(&self) -> bool {
        self.kind == Some(IssueKind::Denunciation) || self.confidentiality == Confidentiality::DenunciationSealed
    }

    /// The fields that must be filled in, and are not.
    pub fn missing(&self) -> Vec<&'static str> {
        let forwarded = self.status.progress() >= IssueStatus::Forwarded.progress() && !self.status.is_exit();
        let replied = matches!(self.status, IssueStatus::Replied | IssueStatus::Closed);
        let filled = [
            ("kind", self.kind.is_some()),
            ("field", self.field.is_some()),
            ("title", self.title.is_some() || self.erased || self.is_sealed()),
            ("received_on", self.received_on.is_some()),
            ("responsible_agency", self.responsible_agency.is_some() || !forwarded),
            ("outcome", self.outcome.is_some() || !replied),
            ("resident_confirmation", self.resident_confirmation.is_some() || self.status != IssueStatus::Closed),
        ];
        filled.into_iter().filter(|(_, there)| !there).map(|(field, _)| field).collect()
    }
}
