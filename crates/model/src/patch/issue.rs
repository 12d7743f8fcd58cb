//! The fields of an issue.

use serde_json::Value as Json;

use super::elements::element;
use super::{Patch, PatchError, Plain, Takes, name, text, unknown, wrong};
use crate::codes::Confidentiality;
use crate::issue::{Issue, LongStanding, Reply, Withdrawal};
use crate::rules::Rules;

/// The longest description, in characters.
const MAX_DESCRIPTION: usize = 4_000;
const MAX_TITLE: usize = 200;

const PLAIN: &[Plain] = &[
    ("visit", "visit", Takes::Id),
    ("kind", "issue_kind", Takes::Code),
    ("field", "field", Takes::Code),
    ("title", "title", Takes::Text(MAX_TITLE)),
    ("place_detail", "place_detail", Takes::Text(500)),
    ("priority", "priority", Takes::Code),
    ("reporter.mode", "reporter/mode", Takes::Code),
    ("reporter.consent", "reporter/consent", Takes::Code),
    ("reporter.contact_ref", "reporter/contact_ref", Takes::Text(100)),
    ("reporter.consent_at", "reporter/consent_at", Takes::Moment),
    ("reporter.consent_method", "reporter/consent_method", Takes::Code),
    ("reporter.withdrawn_at", "reporter/withdrawn_at", Takes::Moment),
    // A reviewer's decision, which may lower the level; `confidentiality` itself only raises it.
    ("confidentiality.decision", "confidentiality", Takes::Code),
    ("received_on", "received_on", Takes::Date),
    ("accepted_on", "accepted_on", Takes::Date),
    ("responsible_agency", "agency", Takes::Text(200)),
    ("complexity", "complexity", Takes::Code),
    ("complaint_instance", "complaint_instance", Takes::Code),
    ("several_places", "several_places", Takes::Flag),
    ("dialogue", "dialogue", Takes::Id),
    ("conclusion_due", "conclusion_due", Takes::Date),
    ("remote", "remote", Takes::Flag),
    ("outcome", "outcome", Takes::Code),
    ("result_text", "result_text", Takes::Text(4_000)),
    ("reply_channel", "reply_channel", Takes::Code),
    ("replied_on", "replied_on", Takes::Date),
    ("resident_confirmation", "confirmation", Takes::Code),
    ("hot_spot", "hot_spot", Takes::Flag),
    ("duplicate_of", "duplicate_of", Takes::Id),
    ("project_ref", "project_ref", Takes::Text(200)),
];

impl Patch<'_, '_> {
    pub(super) fn issue(&mut self, field: &str, value: &Json) -> Result<(), PatchError> {
        match field {
            "confidentiality" | "confidentiality.at_least" => return self.confidentiality(field, value),
            "hot_spot" if value == &Json::Bool(false) && self.facts.all(field).is_empty() => return Ok(()),
            _ => {}
        }
        if self.plain(PLAIN, field, value)? {
            return Ok(());
        }
        match field {
            "description" => self.long_text(field, MAX_DESCRIPTION, value),
            "reporter" => self.members(field, value),
            "documents" | "documents.add" | "documents.remove" => {
                self.set_of("document", field, value, |field, item| text(field, item, 200))
            }
            "long_standing" => self.long_standing(field, value),
            "withdrawal" if value.is_null() => Ok(self.editor.remove("withdrawal")?),
            "withdrawal" => self.put("withdrawal", field, &element::<Withdrawal>(field, value)?),
            "event" => self.event(field, value),
            "status" => self.issue_status(field, value),
            "reply" => self.reply(field, value),
            // Nobody takes an erasure back.
            "erased" => Ok(self.editor.set("erased", super::code(field, value)?)?),
            _ if field.starts_with("reply.") => {
                let key = format!("reply/{}", name(field, &field["reply.".len()..])?);
                // An answer that was given stays as it was given.
                if !self.facts.all(&key).is_empty() {
                    return Err(PatchError::new(field, "immutable", "there is a reply of this name already"));
                }
                self.put(&key, field, &element::<Reply>(field, value)?)
            }
            _ => Err(unknown(field)),
        }
    }

    /// Only a reviewer lowers the level, by `confidentiality.decision`.
    fn confidentiality(&mut self, field: &str, value: &Json) -> Result<(), PatchError> {
        let wanted = Confidentiality::from(super::code(field, value)?);
        let now = self.facts.all("confidentiality").iter().filter_map(|fact| fact.value.as_str());
        let strictest = now.map(|code| Confidentiality::from(code).strictness()).max().unwrap_or(0);
        if wanted.strictness() < strictest {
            if field == "confidentiality.at_least" {
                return Ok(());
            }
            return Err(PatchError::new(field, "not_allowed", "only a reviewer may lower the level"));
        }
        if wanted == Confidentiality::Normal && strictest == 0 {
            return Ok(());
        }
        Ok(self.editor.set("confidentiality", wanted.as_str())?)
    }

    fn long_standing(&mut self, field: &str, value: &Json) -> Result<(), PatchError> {
        if value.is_null() {
            return Ok(self.editor.remove("long_standing")?);
        }
        let standing: LongStanding = element(field, value)?;
        if !(1975..=self.now.date().year()).contains(&standing.since_year) {
            return Err(PatchError::new(field, "out_of_range", "since_year lies between 1975 and now"));
        }
        if !standing.times_raised_before.is_none_or(|times| (1..=10_000).contains(&times)) {
            return Err(PatchError::new(field, "out_of_range", "times_raised_before is 1 or more"));
        }
        self.put("long_standing", field, &standing)
    }

    fn reply(&mut self, field: &str, value: &Json) -> Result<(), PatchError> {
        let Json::Object(map) = value else { return Err(wrong(field, "an object with \"text\"")) };
        let mut map = map.clone();
        let now = self.now.to_string();
        map.entry("at").or_insert_with(|| now.into());
        let reply: Reply = element(field, &Json::Object(map))?;
        self.append("reply", field, &reply)
    }

    /// Moves the issue on; nothing is written if it stands there already.
    fn issue_status(&mut self, field: &str, value: &Json) -> Result<(), PatchError> {
        let event = self.event_record(field, value)?;
        let issue = Issue::of(self.before, &Rules::default(), "");
        if issue.status.as_str() == event.to && !issue.events.is_empty() && event.says_nothing_more() {
            return Ok(());
        }
        self.append("event", field, &event)
    }
}
