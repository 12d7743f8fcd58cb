//! The small documents: contacts, sealed stubs, assignments, plans.

use std::collections::BTreeSet;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::calendar::Calendar;
use crate::codes::{Consent, Programme};
use crate::document::Document;
use crate::facts::Value;
use crate::merge::Merge;
use crate::moment::Moment;
use crate::review::ReviewItem;

/// A resident's name and address, given with consent, in the `contacts` compartment.
///
/// Everything in it is personal: it is never counted, exported or logged, and it is erased whole.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Contact {
    /// The name.
    pub name: Option<String>,
    /// A telephone number.
    pub phone: Option<String>,
    /// An address.
    pub address: Option<String>,
    /// What for, in the words that were read out.
    pub purpose: Option<String>,
    /// Whether it may be kept: the most protective of all answers.
    pub consent: Option<Consent>,
    /// The version of the text that was shown.
    pub consent_text: Option<String>,
    /// The language in which it was shown or read out.
    pub consent_language: Option<String>,
    /// How consent was given.
    pub consent_method: Option<String>,
    /// When.
    pub consent_at: Option<Moment>,
    /// True if the text was read aloud.
    pub consent_read_aloud: bool,
    /// Which official took the consent.
    pub consent_taken_by: Option<String>,
    /// When it was withdrawn.
    pub withdrawn_at: Option<Moment>,
    /// To be deleted after this day.
    pub delete_after: Option<Date>,
    /// What a person must look at.
    pub review: Vec<ReviewItem>,
}

/// Never shows what is in it.
impl std::fmt::Debug for Contact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Contact(..)")
    }
}

impl Contact {
    /// The contact that a document says: empty unless consent is given and stands.
    pub fn of(document: &Document) -> Self {
        let facts = document.facts();
        let mut merge = Merge::new(&facts);
        let consent = merge.highest("consent", "consent", Consent::protectiveness, None);
        let gone = facts.last("erased").is_some() || crate::visit::deleted(&mut merge);
        let kept = consent == Some(Consent::Given) && !gone;
        let mut personal = |key: &str| merge.text(key, key).filter(|_| kept);
        Self {
            name: personal("name"),
            phone: personal("phone"),
            address: personal("address"),
            purpose: merge.text("purpose", "purpose"),
            consent: if gone && consent == Some(Consent::Given) { Some(Consent::Withdrawn) } else { consent },
            consent_read_aloud: facts.last("consent_read_aloud") == Some(&Value::Bool(true)),
            consent_taken_by: merge.text("consent_taken_by", "consent_taken_by"),
            withdrawn_at: merge.text("withdrawn_at", "withdrawn_at").and_then(|text| text.parse().ok()),
            consent_text: merge.text("consent_text", "consent_text"),
            consent_language: merge.text("consent_language", "consent_language"),
            consent_method: merge.text("consent_method", "consent_method"),
            consent_at: merge.text("consent_at", "consent_at").and_then(|text| text.parse().ok()),
            delete_after: merge.earliest_date("delete_after"),
            review: if kept { merge.review } else { Vec::new() },
        }
    }
}

impl Contact {
    /// True while there is consent and nobody erased it.
    pub fn is_kept(&self) -> bool {
        self.consent == Some(Consent::Given)
    }
}

/// That a denunciation was handed to the inspectorate: unit at province level and month, nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedStub {
    /// The province's unit code.
    pub unit: Option<String>,
    /// The month, as `2026-08`.
    pub month: Option<String>,
}

impl SealedStub {
    /// The stub that a document says.
    pub fn of(document: &Document) -> Self {
        let facts = document.facts();
        let text = |key: &str| facts.text(key).map(str::to_owned);
        Self { unit: text("unit"), month: text("month") }
    }
}

/// Who is sent where, until when, by which decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Assignment {
    /// The official.
    pub official: Option<String>,
    /// Codes of the units.
    pub units: BTreeSet<String>,
    /// First day.
    pub from: Option<Date>,
    /// Last day; `None`: until further notice.
    pub to: Option<Date>,
    /// Number of the decision.
    pub decision: Option<String>,
    /// Under which programme.
    pub programme: Option<Programme>,
    /// True if it was taken back.
    pub deleted: bool,
    /// What a person must look at.
    pub review: Vec<ReviewItem>,
}

impl Assignment {
    /// The assignment that a document says.
    pub fn of(document: &Document) -> Self {
        let facts = document.facts();
        let mut merge = Merge::new(&facts);
        Self {
            official: merge.multi("official", "official"),
            units: merge.set("unit"),
            from: merge.date("from", "from"),
            to: merge.date("to", "to"),
            decision: merge.text("decision", "decision"),
            programme: merge.code("programme", "programme"),
            deleted: crate::visit::deleted(&mut merge),
            review: merge.review,
        }
    }
}

/// A plan or decision that visits carry out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Its number, such as `88/KH-TTr`.
    pub number: Option<String>,
    /// Its date.
    pub date: Option<Date>,
    /// Who issued it.
    pub issuer: Option<String>,
    /// Its title.
    pub title: Option<String>,
    /// True if it was taken back.
    pub deleted: bool,
    /// What a person must look at.
    pub review: Vec<ReviewItem>,
}

impl Plan {
    /// The plan that a document says.
    pub fn of(document: &Document) -> Self {
        let facts = document.facts();
        let mut merge = Merge::new(&facts);
        Self {
            number: merge.text("number", "number"),
            date: merge.date("date", "date"),
            issuer: merge.text("issuer", "issuer"),
            title: merge.text("title", "title"),
            deleted: crate::visit::deleted(&mut merge),
            review: merge.review,
        }
    }
}

/// What a resident asks about personal data, with the clocks of Decree 356/2025/NĐ-CP art. 5.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DataSubjectRequest {
    /// `see`, `correct`, `withdraw`, `limit`, `object` or `erase`.
    pub request: Option<String>,
    /// The contact document that it is about.
    pub contact_ref: Option<String>,
    /// When it came in.
    pub received_on: Option<Date>,
    /// By when it must be answered: 2 working days.
    pub answer_due: Option<Date>,
    /// By when it must be done: 10 days to see or correct, 15 to withdraw, limit or object, 20 to erase.
    pub done_due: Option<Date>,
    /// To when it was put off, with a reason told to the resident.
    pub extended_to: Option<Date>,
    /// When it was done.
    pub done_on: Option<Date>,
    /// What came of it.
    pub result: Option<String>,
    /// What a person must look at.
    pub review: Vec<ReviewItem>,
}

impl DataSubjectRequest {
    /// The request that a document says, with its due dates by the calendar that this version ships.
    pub fn of(document: &Document) -> Self {
        let facts = document.facts();
        let mut merge = Merge::new(&facts);
        let request = merge.text("request", "request");
        let received_on = merge.earliest_date("received_on");
        let calendar = Calendar::builtin();
        let days = match request.as_deref() {
            Some("see" | "correct") => Some(10),
            Some("withdraw" | "limit" | "object") => Some(15),
            Some("erase") => Some(20),
            _ => None,
        };
        let done_due = received_on.zip(days);
        Self {
            answer_due: received_on.and_then(|on| calendar.add_working_days(on, 2).ok()),
            done_due: done_due.and_then(|(on, days)| calendar.add_days_then_next_working_day(on, days).ok()),
            request,
            received_on,
            contact_ref: merge.text("contact_ref", "contact_ref"),
            extended_to: merge.date("extended_to", "extended_to"),
            done_on: merge.date("done_on", "done_on"),
            result: merge.text("result", "result"),
            review: merge.review,
        }
    }
}
