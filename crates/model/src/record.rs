//! Any document as the record that it says.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::document::Document;
use crate::facts::Value;
use crate::genesis::DocKind;
use crate::issue::Issue;
use crate::others::{Assignment, Contact, DataSubjectRequest, Plan, SealedStub};
use crate::review::ReviewItem;
use crate::rules::Rules;
use crate::visit::Visit;

/// A record of any kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub enum Record {
    /// A field visit.
    Visit(Box<Visit>),
    /// A matter that a resident raised.
    Issue(Box<Issue>),
    /// A resident's name and address.
    Contact(Contact),
    /// That a denunciation was handed over.
    SealedStub(SealedStub),
    /// Who is sent where.
    Assignment(Assignment),
    /// A plan or decision.
    Plan(Plan),
    /// A resident's request about personal data.
    DataSubjectRequest(DataSubjectRequest),
    /// A kind that this version does not know; its keys as they are.
    Unknown(BTreeMap<String, Json>),
}

impl Record {
    /// The record that a document says; `unit` is the code of the unit in whose space it lies.
    pub fn of(document: &Document, rules: &Rules, unit: &str) -> Self {
        match document.kind() {
            Some(DocKind::Visit) => Self::Visit(Box::new(Visit::of(document))),
            Some(DocKind::Issue) => Self::Issue(Box::new(Issue::of(document, rules, unit))),
            Some(DocKind::Contact) => Self::Contact(Contact::of(document)),
            Some(DocKind::SealedStub) => Self::SealedStub(SealedStub::of(document)),
            Some(DocKind::Assignment) => Self::Assignment(Assignment::of(document)),
            Some(DocKind::Plan) => Self::Plan(Plan::of(document)),
            Some(DocKind::DataSubjectRequest) => Self::DataSubjectRequest(DataSubjectRequest::of(document)),
            None => {
                let facts = document.facts();
                let last = |key: &String| facts.last(key).map_or(Json::Null, Value::to_json);
                Self::Unknown(facts.keys.keys().map(|key| (key.clone(), last(key))).collect())
            }
        }
    }

    /// True if its words may not be shown: erased, withdrawn or sealed.
    pub fn is_wordless(&self) -> bool {
        match self {
            Self::Issue(issue) => issue.erased || issue.is_sealed(),
            Self::Contact(contact) => !contact.is_kept(),
            _ => false,
        }
    }

    /// What a person must look at.
    pub fn review(&self) -> &[ReviewItem] {
        match self {
            Self::Visit(visit) => &visit.review,
            Self::Issue(issue) => &issue.review,
            Self::Contact(contact) => &contact.review,
            Self::Assignment(assignment) => &assignment.review,
            Self::Plan(plan) => &plan.review,
            Self::DataSubjectRequest(request) => &request.review,
            Self::SealedStub(_) | Self::Unknown(_) => &[],
        }
    }
}
