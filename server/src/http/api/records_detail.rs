//! `GET /api/v1/visits/{id}` and `/api/v1/issues/{id}`: a whole record with its history.

use std::collections::HashMap;

use axum::Json;
use axum::extract::{Path, State};
use gandan_model::codes::Lang;
use gandan_model::deadlines::Explanation;
use gandan_model::history::{HistoryEntry, history};
use gandan_model::ids::{Compartment, DocId};
use gandan_model::record::Record;
use gandan_model::review::ReviewItem;
use rusqlite::Connection;
use serde::Serialize;
use serde_json::Value as Json_;
use utoipa::ToSchema;

use super::records::{doc_id, no_record};
use super::records_items::{CardsItem, IssueItem, VisitItem};
use super::staff::Action;
use crate::auth::Principal;
use crate::db::DbError;
use crate::db::sqlite::rules;
use crate::http::error::{ApiError, ErrorBody};
use crate::reports::duplicates;
use crate::reports::list::{issues, visits};
use crate::reports::scope::Scope;
use crate::staff_writer::Loaded;
use crate::state::AppState;

/// Most changes of a history that are given: the last ones.
const MAX_HISTORY: usize = 500;

/// One key that a change wrote.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FieldStep {
    /// The key.
    field: String,
    /// What its writer saw there; null if nothing.
    #[schema(value_type = Value)]
    old: Json_,
    /// What was written; null if it was removed, or may not be shown.
    #[schema(value_type = Value)]
    new: Json_,
}

/// One change of a record.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HistoryStep {
    /// The change's hash.
    hash: String,
    /// When it was made by the writer's clock, Unix milliseconds.
    at_ms: i64,
    /// When it arrived at the server, Unix milliseconds.
    arrived_ms: Option<i64>,
    /// Who: official's id or account.
    author: String,
    /// On which device.
    device: String,
    /// What changed: key, old value, new value.
    changes: Vec<FieldStep>,
}

/// A visit, whole.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VisitDetail {
    /// The visit as lists show it.
    visit: VisitItem,
    /// Everything that is recorded.
    #[schema(value_type = Object)]
    record: Json_,
    /// Issues raised at it that the caller may see.
    #[schema(value_type = Vec<String>)]
    issues: Vec<DocId>,
    /// What a person must look at.
    #[schema(value_type = Vec<Object>)]
    review: Vec<ReviewItem>,
    /// The last 500 changes, oldest first.
    history: Vec<HistoryStep>,
}

/// How a time limit of an issue comes about.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DueStep {
    /// Rule, dates and days that did not count.
    #[serde(flatten)]
    explanation: Explanation,
    /// The same in a sentence, Vietnamese.
    sentence_vi: String,
    /// The same in a sentence, English.
    sentence_en: String,
}

impl From<Explanation> for DueStep {
    fn from(explanation: Explanation) -> Self {
        let (sentence_vi, sentence_en) = (explanation.sentence(Lang::Vi), explanation.sentence(Lang::En));
        Self { explanation, sentence_vi, sentence_en }
    }
}

/// An issue, whole.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct IssueDetail {
    /// The issue as lists show it.
    issue: IssueItem,
    /// Everything that is recorded.
    #[schema(value_type = Object)]
    record: Json_,
    /// What a person must look at.
    #[schema(value_type = Vec<Object>)]
    review: Vec<ReviewItem>,
    /// How its due dates come about by the rules in force, limit by limit; empty while no clock runs.
    due: Vec<DueStep>,
    /// The last 500 changes, oldest first.
    history: Vec<HistoryStep>,
}

/// A visit with everything recorded of it, what must be looked at, and its history.
#[utoipa::path(
    get, path = "/api/v1/visits/{id}", tag = "staff", security(("bearer" = []), ("session" = [])),
    params(("id" = String, Path, description = "The visit's id (a UUID)")),
    responses(
        (status = 200, description = "The visit", body = VisitDetail),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 404, description = "`not_found`: not there, or not for this account", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
    )
)]
pub(crate) async fn visit_detail(
    State(state): State<AppState>,
    principal: Principal,
    Path(id): Path<String>,
) -> Result<Json<VisitDetail>, ApiError> {
    let id = doc_id(&id)?;
    let scope = Scope::of(&principal);
    let detail = tokio::task::spawn_blocking(move || {
        let found = state.db().read(|connection| {
            let Some(found) = visits::one(connection, &scope, id)? else { return Ok(None) };
            Ok(Some((found, issues::of_visit(connection, &scope, id)?)))
        })?;
        let (found, issues) = found.ok_or_else(no_record)?;
        let whole = Whole::load(&state, &principal, &found.unit, found.compartment, id)?;
        let visit = VisitItem::try_from(found.row)?;
        Ok::<_, ApiError>(VisitDetail {
            visit,
            record: whole.record,
            issues,
            review: whole.review,
            history: whole.history,
        })
    });
    detail.await.map_err(|error| ApiError::from(DbError::internal(error)))?.map(Json)
}

/// An issue with everything recorded of it, what must be looked at, and its history. A denunciation is found by the
/// inspectorate alone: for everybody else it is not there.
#[utoipa::path(
    get, path = "/api/v1/issues/{id}", tag = "staff", security(("bearer" = []), ("session" = [])),
    params(("id" = String, Path, description = "The issue's id (a UUID)")),
    responses(
        (status = 200, description = "The issue", body = IssueDetail),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 404, description = "`not_found`: not there, or not for this account", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
    )
)]
pub(crate) async fn issue_detail(
    State(state): State<AppState>,
    principal: Principal,
    Path(id): Path<String>,
) -> Result<Json<IssueDetail>, ApiError> {
    let id = doc_id(&id)?;
    let scope = Scope::of(&principal);
    let detail = tokio::task::spawn_blocking(move || {
        let found = state.db().read(|connection| issues::one(connection, &scope, id))?.ok_or_else(no_record)?;
        let whole = Whole::load(&state, &principal, &found.unit, found.compartment, id)?;
        let issue = IssueItem::try_from(found.row)?;
        let Whole { record, review, due, history } = whole;
        Ok::<_, ApiError>(IssueDetail { issue, record, review, due, history })
    });
    detail.await.map_err(|error| ApiError::from(DbError::internal(error)))?.map(Json)
}

/// What a document says, with what the caller may not see taken out.
struct Whole {
    record: Json_,
    review: Vec<ReviewItem>,
    due: Vec<DueStep>,
    history: Vec<HistoryStep>,
}

impl Whole {
    fn load(
        state: &AppState,
        principal: &Principal,
        unit: &str,
        compartment: Compartment,
        id: DocId,
    ) -> Result<Self, ApiError> {
        let loaded = state.staff().load(principal, unit, compartment, id)?;
        let steps = history(&loaded.document, MAX_HISTORY);
        let (record, due, arrived) = state.db().read(|connection| {
            let mut record = crate::reports::record(connection, &loaded.document, unit)?;
            let due = due(connection, unit, id, &mut record)?;
            Ok((record, due, arrivals(connection, &loaded)?))
        })?;
        let erased = matches!(&record, Record::Issue(issue) if issue.erased);
        let veil = Veil::new(principal, erased);
        Ok(Self {
            review: record.review().iter().cloned().map(|item| veil.review(item)).collect(),
            record: veil.record(&record)?,
            due,
            history: steps.into_iter().map(|step| veil.step(step, &arrived)).collect(),
        })
    }
}

/// How the due dates of an issue come about. Of one that stands for a circle of duplicates they are set in the record, too:
/// the document alone does not know.
fn due(connection: &Connection, unit: &str, id: DocId, record: &mut Record) -> Result<Vec<DueStep>, DbError> {
    let Record::Issue(issue) = record else { return Ok(Vec::new()) };
    let rules = rules::in_force(connection)?;
    let matter = duplicates::circle(connection, id)?;
    issue.due = issue.clock.due(&rules, unit, matter.as_ref());
    Ok(issue.clock.explain(&rules, unit, matter.as_ref()).into_iter().map(DueStep::from).collect())
}

/// When each change of a document arrived, by hash.
fn arrivals(connection: &Connection, loaded: &Loaded) -> Result<HashMap<String, i64>, DbError> {
    let mut statement = connection.prepare_cached(
        "SELECT c.hash, l.received_ms FROM space s JOIN change c ON c.space = s.no AND c.document = ?2 \
         JOIN log l ON l.space = s.no AND l.seq = c.seq WHERE s.id = ?1",
    )?;
    let found = statement.query_map((loaded.space.0, loaded.doc.0), |row| {
        Ok((gandan_model::ids::ChangeHash(row.get(0)?).to_string(), row.get(1)?))
    })?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

/// Replaces the cards of a visit by what lists show of them: one to four point at people in a small meeting.
pub(super) fn hide_few_cards(record: &Record, json: &mut Json_) -> Result<(), DbError> {
    if let Record::Visit(visit) = record {
        json["satisfaction"] = serde_json::to_value(visit.satisfaction.as_ref().map(CardsItem::from))?;
    }
    Ok(())
}

/// What has to stay hidden from a caller within a record that it may see.
#[expect(clippy::struct_excessive_bools, reason = "each is asked for by itself")]
pub(super) struct Veil {
    /// Personal data were erased: what stood there is not shown again by the history.
    erased: bool,
    /// May know which contact belongs to a record.
    contacts: bool,
    /// May know that something was once taken for a denunciation.
    sealed: bool,
    /// May settle differences, and has to see what differs.
    settles: bool,
}

/// Keys under which single cards, tallies of cards and decisions about tallies stand in a visit.
const CARDS: [&str; 3] = ["card/", "tally/", "review/satisfaction"];

impl Veil {
    /// What has to stay hidden from this caller.
    pub(super) fn new(principal: &Principal, erased: bool) -> Self {
        Self {
            erased,
            contacts: principal.role.reads_contacts(),
            sealed: principal.role.reads_sealed(),
            settles: Action::Resolve.open_to(principal.role),
        }
    }

    pub(super) fn record(&self, record: &Record) -> Result<Json_, DbError> {
        let mut json = serde_json::to_value(record)?;
        if let Some(members) = json.as_object_mut() {
            // Given beside the record.
            members.remove("review");
        }
        hide_few_cards(record, &mut json)?;
        if let (false, Some(contact)) = (self.contacts, json.pointer_mut("/reporter/contact_ref")) {
            *contact = Json_::Null;
        }
        Ok(json)
    }

    /// Two tallies of the same cards are shown to those who have to choose between them, to nobody else.
    pub(super) fn review(&self, mut item: ReviewItem) -> ReviewItem {
        if item.field == "satisfaction" && !self.settles {
            item.values.iter_mut().for_each(|value| value.value = Json_::Null);
            item.effective = Json_::Null;
        }
        item
    }

    fn step(&self, step: HistoryEntry, arrived: &HashMap<String, i64>) -> HistoryStep {
        let changes = step.changes.into_iter().map(|change| {
            let shown = |value: Json_| if self.hides(&change.field, &value) { Json_::Null } else { value };
            FieldStep { old: shown(change.old), new: shown(change.new), field: change.field.clone() }
        });
        HistoryStep {
            changes: changes.collect(),
            arrived_ms: arrived.get(&step.hash).copied(),
            hash: step.hash,
            at_ms: step.at_ms,
            author: step.author,
            device: step.device,
        }
    }

    fn hides(&self, field: &str, value: &Json_) -> bool {
        let code = value.as_str().unwrap_or("");
        CARDS.iter().any(|key| field.starts_with(key))
            || (self.erased && !matches!(field, "erased" | "status"))
            || (!self.contacts && field == "reporter/contact_ref")
            || (!self.sealed && matches!(code, "denunciation" | "denunciation_sealed"))
    }
}
