//! Which step an issue may take next, by the states of the procedure.
//!
//! `recorded` → `received` → (`awaiting_info` ↔ `received`) → `forwarded` → `in_progress` → `resolved` → `replied` →
//! `closed`; steps may be left out. From any live state an issue can turn out a duplicate, be withdrawn by the resident's own statement, lie out
//! of competence, or, for a complaint, not be accepted. What was resolved, replied or closed can be reopened. A phone
//! may record what happened in whatever order it happened; staff at a desk follow the procedure.

use gandan_model::codes::{Confirmation, IssueKind, IssueStatus};
use gandan_model::issue::Issue;
use gandan_model::moment::Moment;

use super::staff::refused;
use crate::auth::Role;
use crate::staff_writer::StaffError;

/// Days without dispute after which an issue can be closed although the resident has not confirmed.
const QUIET_DAYS: i64 = 15;
/// A clock may be this much ahead.
const TOLERANCE_MS: i64 = 5 * 60_000;

/// A step that somebody wants an issue to take.
pub(super) struct Step<'a> {
    pub(super) to: IssueStatus,
    pub(super) reason: Option<&'a str>,
    pub(super) statement: Option<&'a str>,
    pub(super) duplicate: bool,
    pub(super) confirmation: Option<Confirmation>,
    pub(super) at: Option<Moment>,
}

/// How far along the line a state is; `None` beside the line.
fn place(status: &IssueStatus) -> Option<u8> {
    Some(match status {
        IssueStatus::Recorded => 0,
        IssueStatus::Received | IssueStatus::AwaitingInfo | IssueStatus::Reopened => 1,
        IssueStatus::Forwarded => 2,
        IssueStatus::InProgress => 3,
        IssueStatus::Resolved => 4,
        IssueStatus::Replied => 5,
        IssueStatus::Closed => 6,
        _ => return None,
    })
}

/// Refuses a step that the procedure does not have.
pub(super) fn check(issue: &Issue, step: &Step<'_>, role: Role, now_ms: i64) -> Result<(), StaffError> {
    use IssueStatus as S;
    if !step.to.is_known() || step.to == S::Recorded {
        return Err(refused("to", "bad_status", "not a status that an issue can be brought to"));
    }
    if role == Role::Agency && !matches!(step.to, S::InProgress | S::Resolved | S::OutOfCompetence) {
        return Err(StaffError::Forbidden);
    }
    if step.at.is_some_and(|at| at.ms() > now_ms + TOLERANCE_MS) {
        return Err(refused("at", "in_future", "an event lies in the past"));
    }
    let bad = || {
        let message = format!("an issue that is {} cannot become {}", issue.status, step.to);
        refused("to", "bad_transition", message)
    };
    let now = place(&issue.status).ok_or_else(bad)?;
    match step.to {
        S::Reopened if (4..=6).contains(&now) => Ok(()),
        S::Reopened => Err(bad()),
        S::Duplicate | S::Withdrawn | S::OutOfCompetence | S::NotAccepted if now == 6 => Err(bad()),
        S::Duplicate if !step.duplicate => {
            Err(refused("duplicate_of", "duplicate_of_needed", "name the issue that this one repeats"))
        }
        S::Withdrawn if step.statement.is_none() && issue.withdrawal.is_none() => {
            let message = "a withdrawal needs the resident's own statement";
            Err(refused("statement", "statement_needed", message))
        }
        S::OutOfCompetence | S::NotAccepted if step.reason.is_none_or(str::is_empty) => {
            Err(refused("reason", "reason_needed", "say why, and where the resident can go"))
        }
        S::NotAccepted if issue.kind != Some(IssueKind::Complaint) => {
            Err(refused("to", "only_complaints", "only a complaint can be refused"))
        }
        S::Replied => Err(refused("to", "use_reply", "give the reply itself, with its channel and outcome")),
        S::Forwarded if issue.responsible_agency.is_none() => {
            Err(refused("to", "agency_needed", "assign an agency first"))
        }
        S::Closed => closing(issue, step, now_ms),
        S::AwaitingInfo if now > 1 => Err(bad()),
        _ => match place(&step.to) {
            Some(next) if next < now => Err(bad()),
            _ => Ok(()),
        },
    }
}

/// Closing needs a reply, and the resident's word or 15 days without dispute.
fn closing(issue: &Issue, step: &Step<'_>, now_ms: i64) -> Result<(), StaffError> {
    let replied = issue.events.iter().filter(|event| event.to == IssueStatus::Replied.as_str());
    let Some(replied) = replied.map(|event| event.at).max() else {
        return Err(refused("to", "reply_needed", "the resident has not been given a reply"));
    };
    let said = step.confirmation.as_ref().or(issue.resident_confirmation.as_ref());
    match said {
        Some(Confirmation::Disputed) => Err(refused("to", "disputed", "the resident disputes the result: reopen it")),
        Some(Confirmation::Confirmed) => Ok(()),
        _ if now_ms - replied.ms() >= QUIET_DAYS * 86_400_000 => Ok(()),
        _ => {
            let message = "needs the resident's confirmation, or 15 days without dispute after the reply";
            Err(refused("confirmation", "confirmation_needed", message))
        }
    }
}

#[cfg(test)]
mod tests {
    use gandan_model::document::{Document, Stamp};
    use gandan_model::genesis::DocKind;
    use gandan_model::ids::DeviceId;
    use gandan_model::patch::FieldEdit;
    use gandan_model::rules::Rules;
    use serde_json::json;

    use super::*;

    const NOW_MS: i64 = 1_795_323_600_000;
    const DAY_MS: i64 = 86_400_000;

    fn issue(status: &str, edits: &[FieldEdit]) -> Issue {
        let stamp = Stamp { device: DeviceId([1; 8]), author: "CB-001".into(), now_ms: NOW_MS - 20 * DAY_MS };
        let mut document = Document::new(DocKind::Issue);
        let mut all = vec![FieldEdit::new("kind", "feedback"), FieldEdit::new("received_on", "2026-10-01")];
        all.extend_from_slice(edits);
        document.patch(&stamp, &all).unwrap();
        document.patch(&stamp, &[FieldEdit::new("event", json!({"to": status, "statement": "own"}))]).unwrap();
        Issue::of(&document, &Rules::default(), "24781")
    }

    fn step(to: &str) -> Step<'static> {
        let to = IssueStatus::from(to);
        Step { to, reason: None, statement: None, duplicate: false, confirmation: None, at: None }
    }

    fn code(issue: &Issue, step: &Step<'_>) -> String {
        match check(issue, step, Role::CommuneStaff, NOW_MS) {
            Ok(()) => "ok".to_owned(),
            Err(StaffError::Field { code, .. }) => code,
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn issues_go_forward_and_not_back() {
        for (from, to, wanted) in [
            ("recorded", "received", "ok"),
            ("received", "awaiting_info", "ok"),
            ("awaiting_info", "received", "ok"),
            ("received", "resolved", "ok"),
            ("in_progress", "received", "bad_transition"),
            ("in_progress", "awaiting_info", "bad_transition"),
            ("received", "reopened", "bad_transition"),
            ("closed", "reopened", "ok"),
            ("closed", "withdrawn", "bad_transition"),
            ("withdrawn", "received", "bad_transition"),
            ("received", "recorded", "bad_status"),
            ("received", "on_the_moon", "bad_status"),
            ("received", "replied", "use_reply"),
            ("received", "forwarded", "agency_needed"),
        ] {
            assert_eq!(code(&issue(from, &[]), &step(to)), wanted, "{from} -> {to}");
        }
    }

    #[test]
    fn ways_out_need_their_ground() {
        let live = issue("received", &[]);
        assert_eq!(code(&live, &step("withdrawn")), "statement_needed");
        assert_eq!(code(&live, &Step { statement: Some("own"), ..step("withdrawn") }), "ok");
        assert_eq!(code(&live, &step("out_of_competence")), "reason_needed");
        assert_eq!(code(&live, &Step { reason: Some("hỏi Tòa án"), ..step("out_of_competence") }), "ok");
        assert_eq!(code(&live, &Step { reason: Some("x"), ..step("not_accepted") }), "only_complaints");
        assert_eq!(code(&live, &step("duplicate")), "duplicate_of_needed");
        assert_eq!(code(&live, &Step { duplicate: true, ..step("duplicate") }), "ok");
    }

    #[test]
    fn closing_needs_a_reply_and_the_residents_word_or_time() {
        assert_eq!(code(&issue("resolved", &[]), &step("closed")), "reply_needed");
        let quiet = issue("replied", &[]);
        assert_eq!(code(&quiet, &step("closed")), "ok", "twenty days without dispute");
        let fresh = Step { confirmation: None, ..step("closed") };
        assert!(matches!(
            check(&quiet, &fresh, Role::CommuneStaff, NOW_MS - 10 * DAY_MS),
            Err(StaffError::Field { code, .. }) if code == "confirmation_needed"
        ));
        let said = |what: &str| Step { confirmation: Some(Confirmation::from(what)), ..step("closed") };
        assert!(check(&quiet, &said("confirmed"), Role::CommuneStaff, NOW_MS - 19 * DAY_MS).is_ok());
        assert_eq!(code(&quiet, &said("disputed")), "disputed");
    }

    #[test]
    fn an_agency_works_and_does_not_close() {
        let live = issue("forwarded", &[]);
        assert!(check(&live, &step("in_progress"), Role::Agency, NOW_MS).is_ok());
        for to in ["closed", "withdrawn", "duplicate", "received", "reopened"] {
            assert!(matches!(check(&live, &step(to), Role::Agency, NOW_MS), Err(StaffError::Forbidden)), "{to}");
        }
    }

    #[test]
    fn events_do_not_lie_in_the_future() {
        let live = issue("received", &[]);
        let tomorrow = Step { at: Some(Moment::from_ms(NOW_MS + DAY_MS)), ..step("in_progress") };
        assert_eq!(code(&live, &tomorrow), "in_future");
    }
}
