//! Saving: records, drafts, decisions. One call is one change, on disk when it returns.

use crate::client::Client;
use crate::edit::{Edit, FieldValue, RecordKind, edits, id};
use crate::error::GandanError;
use crate::look::Paging;
use gandan_client::model::codes::Lang;
use gandan_client::model::ids::DocId;
use gandan_client::model::privacy;
use gandan_client::{Draft as ClientDraft, Saved as ClientSaved, Warning as ClientWarning};
use serde_json::{Value, json};

/// What a save did.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Saved {
    /// The record.
    pub id: String,
    /// Code of its unit.
    pub unit: String,
    /// False: everything already read so, and nothing was written.
    pub changed: bool,
    /// What in the texts might be somebody's personal data. Never a reason not to save.
    pub warnings: Vec<Warning>,
}

/// Something in a text that looks like personal data.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Warning {
    /// The field; empty for a text that was only checked.
    pub field: String,
    /// What it looks like, as a code.
    pub kind: String,
    /// The piece of text.
    pub text: String,
    /// What to do, in Vietnamese.
    pub vi: String,
    /// What to do, in English.
    pub en: String,
}

impl From<ClientWarning> for Warning {
    fn from(warning: ClientWarning) -> Self {
        let ClientWarning { field, kind, text, vi, en } = warning;
        Self { field, kind: kind.to_owned(), text, vi: vi.to_owned(), en: en.to_owned() }
    }
}

impl From<ClientSaved> for Saved {
    fn from(saved: ClientSaved) -> Self {
        let warnings = saved.warnings.into_iter().map(Warning::from).collect();
        Self { id: saved.id.to_string(), unit: saved.unit, changed: saved.changed, warnings }
    }
}

/// An unfinished edit.
#[derive(Clone, Debug, PartialEq, uniffi::Record)]
pub struct Draft {
    /// The record that it edits, or will become.
    pub id: String,
    /// What it will become; null for a kind of a newer app.
    pub kind: Option<String>,
    /// A line to know it by in a list.
    pub title: String,
    /// What was written so far.
    pub edits: Vec<Edit>,
    /// When it was first saved, in milliseconds since 1970.
    pub created_ms: i64,
    /// When it was last saved, in milliseconds since 1970.
    pub updated_ms: i64,
}

impl From<ClientDraft> for Draft {
    fn from(draft: ClientDraft) -> Self {
        let edit = |edit: &Value| {
            let field = edit.get("field")?.as_str()?.to_owned();
            Some(Edit { field, value: FieldValue::of(edit.get("value").unwrap_or(&Value::Null)) })
        };
        Self {
            id: draft.id.to_string(),
            kind: draft.kind.map(|kind| kind.as_str().to_owned()),
            title: draft.title,
            edits: draft.edits.as_array().into_iter().flatten().filter_map(edit).collect(),
            created_ms: draft.created_ms,
            updated_ms: draft.updated_ms,
        }
    }
}

/// A page of drafts.
#[derive(Clone, Debug, PartialEq, uniffi::Record)]
pub struct DraftPage {
    /// The drafts, the oldest first.
    pub items: Vec<Draft>,
    /// Where the next page begins; null if this is the last one.
    pub next: Option<String>,
}

#[uniffi::export(async_runtime = "tokio")]
impl Client {
    /// Creates a record. `id` is given when it was made elsewhere (a plan, a colleague's phone that shows it as a QR code);
    /// if that record is here already, this is `edit`. The field `unit` says where it belongs; an issue with a `visit`
    /// belongs where the visit is; a device with one unit need not say.
    ///
    /// Fails with `not_enrolled`, `no_grant`, `unit_missing`, the codes of edits (`unknown_field`, `wrong_type`,
    /// `bad_code`, `out_of_range` …, with the field), and those of the disk. Nothing was written then.
    pub async fn create(&self, kind: RecordKind, id: Option<String>, edits: Vec<Edit>) -> Result<Saved, GandanError> {
        let (id, edits) = (optional_id(id)?, self::edits(edits)?);
        Ok(self.door.run(move |client| client.create(kind.into(), id, &edits)).await?.into())
    }

    /// Changes fields of a record. All edits together are one change; if one of them is not right, none is written.
    ///
    /// Fails with `not_found`, and as `create` does.
    pub async fn edit(&self, id: String, edits: Vec<Edit>) -> Result<Saved, GandanError> {
        let (id, edits) = (self::id(&id)?, self::edits(edits)?);
        Ok(self.door.run(move |client| client.patch(id, &edits)).await?.into())
    }

    /// Hands a visit in.
    pub async fn submit(&self, id: String) -> Result<Saved, GandanError> {
        let id = self::id(&id)?;
        Ok(self.door.run(move |client| client.submit(id)).await?.into())
    }

    /// Enters one satisfaction card that a resident handed in at the visit: `very_satisfied`, `satisfied`, `neutral`,
    /// `dissatisfied`, `very_dissatisfied` or `no_answer`. Cards are anonymous, and each counts once.
    pub async fn add_card(&self, visit: String, answer: String) -> Result<Saved, GandanError> {
        let visit = self::id(&visit)?;
        Ok(self.door.run(move |client| client.add_card(visit, &answer)).await?.into())
    }

    /// Decides a review item: `field` as the item names it gets `value`; `Empty` accepts what is shown. `basis` is the
    /// item's: if other values have arrived since it was shown, this fails with `stale` and nothing is decided.
    pub async fn resolve(
        &self,
        id: String,
        field: String,
        basis: String,
        value: FieldValue,
    ) -> Result<Saved, GandanError> {
        let (id, value) = (self::id(&id)?, value.into_json()?);
        let decision = json!({ "basis": basis, "value": value });
        Ok(self.door.run(move |client| client.resolve(id, &field, decision)).await?.into())
    }

    /// Begins a draft or goes on with it, and gives its id, which is the record's. `id` is the record that it edits; null
    /// for a record that does not exist yet, and then `kind` says what it will become. Edits of fields that the draft has
    /// already replace those. On disk when it returns; leaves no history until it is handed in.
    pub async fn save_draft(
        &self,
        kind: RecordKind,
        id: Option<String>,
        edits: Vec<Edit>,
    ) -> Result<String, GandanError> {
        let (id, edits) = (optional_id(id)?, self::edits(edits)?);
        Ok(self.door.run(move |client| client.save_draft(kind.into(), id, &edits)).await?.to_string())
    }

    /// A page of drafts, the oldest first.
    pub async fn drafts(&self, page: Paging) -> Result<DraftPage, GandanError> {
        let page = page.try_into()?;
        let (items, next) = self.door.run(move |client| client.drafts(&page)).await?;
        Ok(DraftPage { items: items.into_iter().map(Draft::from).collect(), next: next.map(|next| next.to_string()) })
    }

    /// Hands a draft in: its edits become one change, written on what the record said when the draft was begun, so that
    /// what others changed meanwhile is merged and not overwritten. If it fails, the draft stays.
    pub async fn submit_draft(&self, id: String) -> Result<Saved, GandanError> {
        let id = self::id(&id)?;
        Ok(self.door.run(move |client| client.submit_draft(id)).await?.into())
    }

    /// Throws a draft away. `false` if there was none.
    pub async fn discard_draft(&self, id: String) -> Result<bool, GandanError> {
        let id = self::id(&id)?;
        self.door.run(move |client| client.discard_draft(id)).await
    }
}

fn optional_id(text: Option<String>) -> Result<Option<DocId>, GandanError> {
    text.as_deref().map(id).transpose()
}

/// What in a text looks like personal data, while it is being typed: the same check as at a save, without one.
/// `household`: the visit is at somebody's home, where more counts as personal.
#[uniffi::export]
pub fn check_text(text: String, household: bool) -> Vec<Warning> {
    let found = if household { privacy::check_household(&text) } else { privacy::check(&text) };
    let warning = |warning: privacy::PrivacyWarning| Warning {
        field: String::new(),
        kind: warning.kind.as_str().to_owned(),
        text: text.get(warning.span).unwrap_or_default().to_owned(),
        vi: warning.kind.message(Lang::Vi).to_owned(),
        en: warning.kind.message(Lang::En).to_owned(),
    };
    found.into_iter().map(warning).collect()
}
