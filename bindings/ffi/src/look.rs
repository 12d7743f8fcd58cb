//! Looking: lists, search, one record in full, what a person must look at, where the device stands.

use crate::client::Client;
use crate::edit::id;
use crate::error::GandanError;
use crate::record::RecordView;
use crate::review::ReviewItem;
use crate::rows::{IssuePage, VisitPage};
use gandan_client::model::codes::{Labels, all_code_lists};
use gandan_client::{
    AssignmentLine, IssueFilter, Page, RecordState as ClientState, Standing as ClientStanding, VisitFilter,
};
use serde_json::Value;

/// Which part of a list is wanted.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Paging {
    /// At most so many items; more than 500 counts as 500.
    #[uniffi(default = 50)]
    pub limit: u32,
    /// The `next` of the page before; null for the first page.
    #[uniffi(default = None)]
    pub after: Option<String>,
}

impl TryFrom<Paging> for Page {
    type Error = GandanError;

    fn try_from(paging: Paging) -> Result<Self, GandanError> {
        let after = paging.after.as_deref().map(str::parse).transpose();
        let bad = |_| GandanError::input("bad_cursor", "`after` takes the `next` of the page before");
        Ok(Self { limit: paging.limit, after: after.map_err(bad)? })
    }
}

/// Where a record stands between this device and the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum RecordState {
    /// A change of it was refused, or does not fit: a person must look.
    Quarantined,
    /// Somebody is editing it here and has not saved.
    Draft,
    /// Saved here; not yet handed over for sending.
    Saved,
    /// Signed for sending; the server has not confirmed it.
    Waiting,
    /// Values stand against each other: a person must look.
    NeedsReview,
    /// The server has all of it, on disk.
    Synced,
}

impl From<ClientState> for RecordState {
    fn from(state: ClientState) -> Self {
        match state {
            ClientState::Quarantined => Self::Quarantined,
            ClientState::Draft => Self::Draft,
            ClientState::Saved => Self::Saved,
            ClientState::Waiting => Self::Waiting,
            ClientState::NeedsReview => Self::NeedsReview,
            ClientState::Synced => Self::Synced,
        }
    }
}

impl From<RecordState> for ClientState {
    fn from(state: RecordState) -> Self {
        match state {
            RecordState::Quarantined => Self::Quarantined,
            RecordState::Draft => Self::Draft,
            RecordState::Saved => Self::Saved,
            RecordState::Waiting => Self::Waiting,
            RecordState::NeedsReview => Self::NeedsReview,
            RecordState::Synced => Self::Synced,
        }
    }
}

/// Which visits are wanted. Everything given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, uniffi::Record)]
pub struct VisitQuery {
    /// Code of the unit.
    #[uniffi(default = None)]
    pub unit: Option<String>,
    /// Status code (`submitted`).
    #[uniffi(default = None)]
    pub status: Option<String>,
    /// Programme code.
    #[uniffi(default = None)]
    pub programme: Option<String>,
    /// Not before this day, as `2026-11-27`.
    #[uniffi(default = None)]
    pub from_day: Option<String>,
    /// Not after this day.
    #[uniffi(default = None)]
    pub to_day: Option<String>,
    /// Words, or beginnings of words, that must all occur. Case, tones and marks do not matter.
    #[uniffi(default = None)]
    pub words: Option<String>,
    /// Where the record stands.
    #[uniffi(default = None)]
    pub state: Option<RecordState>,
    /// Also visits that were deleted.
    #[uniffi(default = false)]
    pub deleted: bool,
}

impl TryFrom<VisitQuery> for VisitFilter {
    type Error = GandanError;

    fn try_from(query: VisitQuery) -> Result<Self, GandanError> {
        Ok(Self {
            unit: query.unit,
            status: query.status,
            programme: query.programme,
            from: day(query.from_day)?,
            to: day(query.to_day)?,
            query: query.words,
            state: query.state.map(ClientState::from),
            deleted: query.deleted,
        })
    }
}

/// Which issues are wanted. Everything given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, uniffi::Record)]
pub struct IssueQuery {
    /// Code of the unit.
    #[uniffi(default = None)]
    pub unit: Option<String>,
    /// Status code (`in_progress`).
    #[uniffi(default = None)]
    pub status: Option<String>,
    /// Kind code (`complaint`).
    #[uniffi(default = None)]
    pub kind: Option<String>,
    /// Code of the field of work (`land`).
    #[uniffi(default = None)]
    pub field: Option<String>,
    /// The responsible agency.
    #[uniffi(default = None)]
    pub agency: Option<String>,
    /// The visit at which it was raised.
    #[uniffi(default = None)]
    pub visit: Option<String>,
    /// Not received before this day, as `2026-11-27`.
    #[uniffi(default = None)]
    pub from_day: Option<String>,
    /// Not received after this day.
    #[uniffi(default = None)]
    pub to_day: Option<String>,
    /// Words, or beginnings of words, that must all occur. Case, tones and marks do not matter.
    #[uniffi(default = None)]
    pub words: Option<String>,
    /// Where the record stands.
    #[uniffi(default = None)]
    pub state: Option<RecordState>,
    /// Also issues that were deleted.
    #[uniffi(default = false)]
    pub deleted: bool,
}

impl TryFrom<IssueQuery> for IssueFilter {
    type Error = GandanError;

    fn try_from(query: IssueQuery) -> Result<Self, GandanError> {
        Ok(Self {
            unit: query.unit,
            status: query.status,
            kind: query.kind,
            field: query.field,
            agency: query.agency,
            visit: query.visit.as_deref().map(id).transpose()?,
            from: day(query.from_day)?,
            to: day(query.to_day)?,
            query: query.words,
            state: query.state.map(ClientState::from),
            deleted: query.deleted,
        })
    }
}

/// A day as the filter wants it.
fn day<T: std::str::FromStr>(text: Option<String>) -> Result<Option<T>, GandanError> {
    let bad = |_| GandanError::input("bad_date", "a day is written as 2026-11-27");
    text.map(|text| text.parse().map_err(bad)).transpose()
}

/// A commune, ward or special zone of this device.
#[derive(Clone, Debug, PartialEq, uniffi::Record)]
pub struct AdminUnit {
    /// Official code, five digits.
    pub code: String,
    /// Full name with type word.
    pub name: String,
    /// Name without type word.
    pub short_name: String,
    /// Latitude of a representative point, degrees WGS 84.
    pub lat: Option<f64>,
    /// Longitude of a representative point.
    pub lon: Option<f64>,
    /// Whether the longer limits of remote places apply.
    pub remote: bool,
}

impl AdminUnit {
    /// As the server describes it; null without a code.
    fn of(unit: &Value) -> Option<Self> {
        let text = |name: &str| unit.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let code = text("code");
        Some(Self {
            name: text("name"),
            short_name: text("short_name"),
            lat: unit.get("lat").and_then(Value::as_f64),
            lon: unit.get("lon").and_then(Value::as_f64),
            remote: unit.get("remote").and_then(Value::as_bool).unwrap_or(false),
            code,
        })
        .filter(|unit| !unit.code.is_empty())
    }
}

/// Who is sent where, until when, by which decision.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Assignment {
    /// The record.
    pub id: String,
    /// The official.
    pub official: Option<String>,
    /// Codes of the units.
    pub units: Vec<String>,
    /// First day, as `2026-11-27`.
    pub from_day: Option<String>,
    /// Last day; null: until further notice.
    pub to_day: Option<String>,
    /// Number of the decision.
    pub decision: Option<String>,
    /// Under which programme, as a code.
    pub programme: Option<String>,
}

impl From<AssignmentLine> for Assignment {
    fn from(line: AssignmentLine) -> Self {
        let assignment = line.assignment;
        Self {
            id: line.id.to_string(),
            official: assignment.official,
            units: assignment.units.into_iter().collect(),
            from_day: assignment.from.map(|day| day.to_string()),
            to_day: assignment.to.map(|day| day.to_string()),
            decision: assignment.decision,
            programme: assignment.programme.map(|programme| programme.as_str().to_owned()),
        }
    }
}

/// A page of assignments.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct AssignmentPage {
    /// The assignments, in the order in which they came.
    pub items: Vec<Assignment>,
    /// Where the next page begins; null if this is the last one.
    pub next: Option<String>,
}

/// What a person must look at.
#[derive(Clone, Debug, PartialEq, uniffi::Record)]
pub struct ReviewLine {
    /// The record.
    pub id: String,
    /// What it is: `visit` or `issue`.
    pub record: String,
    /// Code of its unit.
    pub unit: String,
    /// The field, its values, and what is shown until somebody decides.
    pub item: ReviewItem,
}

/// What waits for a decision, a page of records at a time.
#[derive(Clone, Debug, PartialEq, uniffi::Record)]
pub struct ReviewPage {
    /// The lines; a record may have several.
    pub items: Vec<ReviewLine>,
    /// Where the next page begins; null if this is the last one.
    pub next: Option<String>,
}

impl ReviewPage {
    pub(crate) fn of(lines: Vec<gandan_client::ReviewLine>, next: Option<gandan_client::PageCursor>) -> Self {
        let line = |line: gandan_client::ReviewLine| ReviewLine {
            id: line.id.to_string(),
            record: line.record.to_owned(),
            unit: line.unit,
            item: (&line.item).into(),
        };
        Self { items: lines.into_iter().map(line).collect(), next: next.map(|next| next.to_string()) }
    }
}

/// Where the device stands.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Standing {
    /// Codes of the units whose records are here.
    pub units: Vec<String>,
    /// Visits here, without deleted ones.
    pub visits: u64,
    /// Issues here, without deleted ones.
    pub issues: u64,
    /// Drafts.
    pub drafts: u64,
    /// Records that a person must look at.
    pub needs_review: u64,
    /// Own changes that the server does not have yet.
    pub unsent_changes: u64,
    /// When the oldest of these was saved, in milliseconds since 1970.
    pub oldest_unsent_ms: Option<i64>,
    /// Changes that were refused, here or by the server. They are kept.
    pub quarantined_changes: u64,
    /// The device's clock minus the server's, in seconds.
    pub clock_error_s: i64,
    /// The clock is off by more than five minutes: worth showing.
    pub clock_is_off: bool,
    /// Last contact with the server, in milliseconds since 1970.
    pub last_contact_ms: Option<i64>,
    /// Whether an exchange is under way.
    pub syncing: bool,
}

impl From<ClientStanding> for Standing {
    fn from(standing: ClientStanding) -> Self {
        let counts = standing.counts;
        Self {
            units: standing.units,
            visits: counts.visits,
            issues: counts.issues,
            drafts: counts.drafts,
            needs_review: counts.needs_review,
            unsent_changes: counts.saved_changes + counts.waiting_changes,
            oldest_unsent_ms: counts.oldest_unsent_ms,
            quarantined_changes: counts.quarantined_changes,
            clock_error_s: standing.skew_s,
            clock_is_off: standing.clock_is_off,
            last_contact_ms: standing.last_contact_ms,
            syncing: standing.syncing,
        }
    }
}

#[uniffi::export(async_runtime = "tokio")]
impl Client {
    /// A page of visits, the latest day first.
    pub async fn visits(&self, query: VisitQuery, page: Paging) -> Result<VisitPage, GandanError> {
        let (filter, page) = (query.try_into()?, page.try_into()?);
        Ok(self.door.run(move |client| client.visits(&filter, &page)).await?.into())
    }

    /// A page of issues, the latest reception first.
    pub async fn issues(&self, query: IssueQuery, page: Paging) -> Result<IssuePage, GandanError> {
        let (filter, page) = (query.try_into()?, page.try_into()?);
        Ok(self.door.run(move |client| client.issues(&filter, &page)).await?.into())
    }

    /// One record in full, with the last `steps` of its history: who wrote what, when, and what stood there before.
    ///
    /// Fails with `not_found`.
    pub async fn record(&self, id: String, steps: u32) -> Result<RecordView, GandanError> {
        let id = self::id(&id)?;
        Ok(self.door.run(move |client| client.show(id, steps as usize)).await?.into())
    }

    /// What a person must look at: values that stand against each other, who wrote them and when.
    pub async fn review(&self, page: Paging) -> Result<ReviewPage, GandanError> {
        let page = page.try_into()?;
        let (lines, next) = self.door.run(move |client| client.review(&page)).await?;
        Ok(ReviewPage::of(lines, next))
    }

    /// Where the device stands: what is here, what the server lacks, when they last spoke.
    pub async fn standing(&self) -> Result<Standing, GandanError> {
        Ok(self.door.run(gandan_client::Client::standing).await?.into())
    }

    /// Communes, wards and special zones of this device. Empty before enrolment.
    pub async fn units(&self) -> Result<Vec<AdminUnit>, GandanError> {
        let units = self.door.run(gandan_client::Client::units).await?;
        Ok(units.iter().filter_map(AdminUnit::of).collect())
    }

    /// Who is sent where, a page at a time.
    pub async fn assignments(&self, page: Paging) -> Result<AssignmentPage, GandanError> {
        let page = page.try_into()?;
        let (lines, next) = self.door.run(move |client| client.assignments(&page)).await?;
        let items = lines.into_iter().map(Assignment::from).collect();
        Ok(AssignmentPage { items, next: next.map(|next| next.to_string()) })
    }
}

/// A code of a list with its labels.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct CodeLabel {
    /// The code.
    pub code: String,
    /// In Vietnamese.
    pub vi: String,
    /// In English.
    pub en: String,
}

/// The known codes of a list in its order: `programme`, `visit_status`, `issue_kind`, `satisfaction` … Empty for a list
/// that there is not.
#[uniffi::export]
pub fn code_list(list: String) -> Vec<CodeLabel> {
    let rows = all_code_lists(&Labels::default()).into_iter().filter(|row| row.list == list);
    rows.map(|row| CodeLabel { code: row.code, vi: row.vi, en: row.en }).collect()
}

/// The names of all code lists.
#[uniffi::export]
pub fn code_lists() -> Vec<String> {
    let mut names: Vec<String> = all_code_lists(&Labels::default()).into_iter().map(|row| row.list).collect();
    names.dedup();
    names
}
