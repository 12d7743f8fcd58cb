//! What the actions of staff share: who may do what, the write, the audit entry, the answer.
//!
//! An action is an edit by the server's own device, with the account as author. It goes through the same log as what
//! phones write, so it reaches phones, history and reports the same way. Every attempt on a record that the account can
//! see leaves a row in the audit trail, also a refused one.

use std::pin::Pin;

use axum::http::StatusCode;
use gandan_model::document::Document;
use gandan_model::ids::DocId;
use gandan_model::patch::FieldEdit;
use serde::Serialize;
use serde_json::Value as Json;
use utoipa::ToSchema;

use super::records_detail::hide_few_cards;
use crate::auth::{Principal, Role};
use crate::http::error::ApiError;
use crate::reports::audit::{self, NewEntry};
use crate::staff_writer::{StaffError, Target, Written};
use crate::state::AppState;

/// What staff can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Assign,
    Event,
    Reply,
    Verify,
    Return,
    Resolve,
    NewAssignment,
    NewPlan,
}

impl Action {
    /// Every action.
    pub(crate) const ALL: [Self; 8] = [
        Self::Assign,
        Self::Event,
        Self::Reply,
        Self::Verify,
        Self::Return,
        Self::Resolve,
        Self::NewAssignment,
        Self::NewPlan,
    ];

    /// The action's name in the audit trail.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Assign => "issue.assign",
            Self::Event => "issue.event",
            Self::Reply => "issue.reply",
            Self::Verify => "visit.verify",
            Self::Return => "visit.return",
            Self::Resolve => "review.resolve",
            Self::NewAssignment => "assignment.create",
            Self::NewPlan => "plan.create",
        }
    }

    /// Whether a role may do it, within its units. Officials in the field write on their phones; the administrator
    /// keeps accounts and the inspector reads: neither touches records.
    pub(crate) const fn open_to(self, role: Role) -> bool {
        match role {
            Role::ProvinceStaff | Role::AreaStaff => true,
            Role::CommuneStaff => !matches!(self, Self::Verify | Self::Return),
            Role::Agency => matches!(self, Self::Event | Self::Reply),
            Role::FieldOfficial | Role::Inspector | Role::Administrator => false,
        }
    }
}

/// What an action led to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Acted {
    /// The record.
    #[schema(value_type = String)]
    pub(crate) id: DocId,
    /// Unit code.
    pub(crate) unit: String,
    /// Place of the change in the log of the unit; null if the record read so already.
    pub(crate) seq: Option<u64>,
    /// The record after the action. Lists and figures follow within moments.
    #[schema(value_type = Object)]
    pub(crate) record: Json,
}

/// An action is refused because of what it asks: 422 with a stable code.
pub(crate) fn refused(field: &str, code: &str, message: impl Into<String>) -> StaffError {
    StaffError::Field { field: field.to_owned(), code: code.to_owned(), message: message.into() }
}

/// Refuses an action that the role is not for. `unit` and `doc` go into the audit trail.
pub(crate) async fn allow(
    state: &AppState,
    principal: &Principal,
    action: Action,
    unit: &str,
    doc: Option<DocId>,
) -> Result<(), ApiError> {
    if action.open_to(principal.role) {
        return Ok(());
    }
    record(state, principal, action, unit, doc, None, "forbidden").await?;
    Err(ApiError::forbidden(format!("{} may not do this ({})", principal.role, action.as_str())))
}

/// Makes the edits that `edits` gives for the record as it is now, and writes the audit entry.
///
/// The future is boxed, because a document travels in it.
pub(crate) fn act<'s, F>(
    state: &'s AppState,
    principal: Principal,
    action: Action,
    target: Target,
    edits: F,
) -> Pin<Box<dyn Future<Output = Result<Acted, ApiError>> + Send + 's>>
where
    F: FnOnce(&Document) -> Result<Vec<FieldEdit>, StaffError> + Send + 'static,
{
    Box::pin(write(state, principal, action, target, edits))
}

async fn write<F>(
    state: &AppState,
    principal: Principal,
    action: Action,
    target: Target,
    edits: F,
) -> Result<Acted, ApiError>
where
    F: FnOnce(&Document) -> Result<Vec<FieldEdit>, StaffError> + Send + 'static,
{
    let (unit, doc) = match &target {
        Target::Existing { unit, doc, .. } => (unit.clone(), Some(*doc)),
        Target::New { unit, .. } => (unit.clone(), None),
    };
    match state.staff().write(principal.clone(), target, edits).await {
        Ok(written) => {
            let result = if written.seq.is_some() { "done" } else { "unchanged" };
            record(state, &principal, action, &unit, Some(written.loaded.doc), written.seq, result).await?;
            answer(state, unit, written).await
        }
        Err(error) => {
            let error = ApiError::from(error);
            // A record that is not there, or not for this account, leaves no trace that it could be.
            if error.status() != StatusCode::NOT_FOUND {
                record(state, &principal, action, &unit, doc, None, error.code()).await?;
            }
            Err(error)
        }
    }
}

async fn answer(state: &AppState, unit: String, written: Written) -> Result<Acted, ApiError> {
    let read = move |connection: &rusqlite::Connection| {
        let record = crate::reports::record(connection, &written.loaded.document, &unit)?;
        let mut json = serde_json::to_value(&record)?;
        hide_few_cards(&record, &mut json)?;
        if let Some(contact) = json.pointer_mut("/reporter/contact_ref") {
            *contact = Json::Null;
        }
        Ok(Acted { id: written.loaded.doc, unit, seq: written.seq, record: json })
    };
    Ok(state.db().read_async(read).await?)
}

async fn record(
    state: &AppState,
    principal: &Principal,
    action: Action,
    unit: &str,
    doc: Option<DocId>,
    seq: Option<u64>,
    result: &str,
) -> Result<(), ApiError> {
    let entry = NewEntry {
        at_ms: state.now_ms(),
        who: principal.name.clone(),
        role: principal.role.as_str(),
        action: action.as_str(),
        unit: unit.to_owned(),
        doc,
        seq: seq.and_then(|seq| i64::try_from(seq).ok()),
        result: result.to_owned(),
        reason: None,
    };
    Ok(state.db().write_async(move |transaction| audit::add(transaction, &entry)).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_do_what() {
        let all = Action::ALL;
        let open = |role| all.into_iter().filter(|action| action.open_to(role)).count();
        assert_eq!(open(Role::ProvinceStaff), all.len());
        assert_eq!(open(Role::AreaStaff), all.len());
        assert_eq!(open(Role::CommuneStaff), all.len() - 2);
        assert_eq!(open(Role::Agency), 2);
        for role in [Role::FieldOfficial, Role::Inspector, Role::Administrator] {
            assert_eq!(open(role), 0, "{role}");
        }
    }
}
