//! The fields of a visit.

use serde_json::Value as Json;

use super::elements::element;
use super::{Patch, PatchError, Plain, Takes, code, date, moment, name, text, unknown, whole, wrong};
use crate::codes::{PeopleVisible, PhotoConsent, Satisfaction as SatisfactionValue, TeamRole};
use crate::facts::Value;
use crate::visit::{Gps, MAX_COUNT, Photo, Satisfaction, SupervisionFinding, TeamMember, Visit};

/// The longest note, in characters.
const MAX_NOTE: usize = 20_000;
const PLAIN: &[Plain] = &[
    ("unit", "unit", Takes::Unit),
    ("assignment", "assignment", Takes::Text(100)),
    ("programme", "programme", Takes::Code),
    ("place.kind", "place/kind", Takes::Code),
    ("place.name", "place/name", Takes::Text(200)),
    ("venue", "venue", Takes::Code),
    ("planned_on", "planned_on", Takes::Date),
    ("gps_missing_reason", "gps_missing_reason", Takes::Code),
    ("hot_spot", "hot_spot", Takes::Code),
    ("follow_up_of", "follow_up_of", Takes::Id),
    ("same_as", "same_as", Takes::Id),
    ("bright_spot.title", "bright_spot/title", Takes::Text(200)),
    ("bright_spot.field", "bright_spot/field", Takes::Code),
    ("bright_spot.difficulty", "bright_spot/difficulty", Takes::Text(1_000)),
    ("bright_spot.stage", "bright_spot/stage", Takes::Code),
    ("bright_spot.evidence", "bright_spot/evidence", Takes::Text(4_000)),
    ("bright_spot.document", "bright_spot/document", Takes::Text(200)),
];

impl Patch<'_, '_> {
    pub(super) fn visit(&mut self, field: &str, value: &Json) -> Result<(), PatchError> {
        if self.plain(PLAIN, field, value)? {
            return Ok(());
        }
        let (head, rest) = field.split_once('.').unwrap_or((field, ""));
        match (head, rest) {
            ("note", "") => self.long_text(field, MAX_NOTE, value),
            ("started_at", "") => self.own_moment("start", field, value),
            ("ended_at", "") => self.own_moment("end", field, value),
            ("started_at", "correction") => self.own_moment("start_fix", field, value),
            ("ended_at", "correction") => self.own_moment("end_fix", field, value),
            ("activities", "" | "add" | "remove") => self.set_of("activity", field, value, code),
            ("language_support", "" | "add" | "remove") => {
                self.set_of("language", field, value, |field, item| name(field, &text(field, item, 60)?))
            }
            ("bright_spot", "replicated_in") => {
                self.set_of("replicated_in", field, value, |field, item| name(field, &text(field, item, 60)?))
            }
            ("bright_spot" | "place", "") => self.members(field, value),
            ("counts", what) => self.count(field, what, value),
            ("team", official) => self.team(field, official, value),
            ("gps", "") => self.gps(field, value),
            ("photos", what) => self.photo(field, what, value),
            ("satisfaction", what) => self.satisfaction(field, what, value),
            ("supervision", what) => self.finding(field, what, value),
            ("event", "") => self.event(field, value),
            ("status", "") => self.visit_status(field, value),
            _ => Err(unknown(field)),
        }
    }

    /// An object of plain fields: each member is edited by itself.
    pub(super) fn members(&mut self, field: &str, value: &Json) -> Result<(), PatchError> {
        let Json::Object(members) = value else {
            return if value.is_null() { self.remove_all(field) } else { Err(wrong(field, "an object")) };
        };
        let kind = self.before.kind();
        members.iter().try_for_each(|(member, value)| self.apply(kind, &format!("{field}.{member}"), value))
    }

    /// Empties everything under a prefix that the writer has seen.
    fn remove_all(&mut self, prefix: &str) -> Result<(), PatchError> {
        let names: Vec<String> = self.facts.under(prefix).map(|(name, _)| format!("{prefix}/{name}")).collect();
        names.iter().try_for_each(|key| Ok(self.editor.remove(key)?))
    }

    /// Arrival and departure: each official's own; the earliest and the latest count.
    fn own_moment(&mut self, prefix: &str, field: &str, value: &Json) -> Result<(), PatchError> {
        let key = format!("{prefix}/{}", name(field, self.author)?);
        if value.is_null() {
            return Ok(self.editor.remove(&key)?);
        }
        Ok(self.editor.set(&key, moment(field, value)?.to_string())?)
    }

    fn count(&mut self, field: &str, what: &str, value: &Json) -> Result<(), PatchError> {
        let (what, group) = what.split_once(".groups.").map_or((what, None), |(what, group)| (what, Some(group)));
        if !matches!(what, "residents" | "households" | "businesses") {
            return Err(unknown(field));
        }
        let key = match group {
            Some(group) => format!("group/{what}/{}", name(field, group)?),
            None => format!("count/{what}/{}", name(field, self.author)?),
        };
        let value = match value {
            // Absent reads "not counted" as well.
            Json::Null if self.facts.all(&key).is_empty() => return Ok(()),
            Json::Null => Value::Null,
            number => Value::Int(whole(field, number, MAX_COUNT)?),
        };
        Ok(self.editor.set(&key, value)?)
    }

    fn team(&mut self, field: &str, official: &str, value: &Json) -> Result<(), PatchError> {
        let key = format!("team/{}", name(field, official)?);
        let before = self.facts.text(&key).and_then(|text| serde_json::from_str::<TeamMember>(text).ok());
        match value {
            Json::Null => Ok(self.editor.remove(&key)?),
            Json::String(_) => {
                let role = TeamRole::from(code(field, value)?);
                let member = match before {
                    Some(before) => TeamMember { role, ..before },
                    None => TeamMember { role, name: None, agency: None, extra: std::collections::BTreeMap::new() },
                };
                self.put(&key, field, &member)
            }
            _ => self.put(&key, field, &element::<TeamMember>(field, value)?),
        }
    }

    fn gps(&mut self, field: &str, value: &Json) -> Result<(), PatchError> {
        if value.is_null() {
            return self.remove_all("gps");
        }
        let gps: Gps = element(field, value)?;
        let gps = if self.household { gps.coarsened() } else { gps };
        if !gps.is_possible() {
            let message = "latitude -90 to 90, longitude -180 to 180 degrees, accuracy above 0 metres";
            return Err(PatchError::new(field, "out_of_range", message));
        }
        self.append("gps", field, &gps)
    }

    /// `photos.<id>` describes a photograph, `photos.<id>.caption` its caption, `photos.<id>.privacy_remove`
    /// takes it away on privacy grounds, for good.
    fn photo(&mut self, field: &str, what: &str, value: &Json) -> Result<(), PatchError> {
        let (id, part) = what.split_once('.').unwrap_or((what, ""));
        let id = name(field, id)?;
        match part {
            "caption" if value.is_null() => Ok(self.editor.remove(&format!("caption/{id}"))?),
            "caption" => Ok(self.editor.set(&format!("caption/{id}"), text(field, value, 200)?)?),
            "privacy_remove" if value != &Json::Bool(true) => Err(wrong(field, "true; it cannot be taken back")),
            "privacy_remove" => Ok(self.editor.set(&format!("photo_removed/{id}"), "privacy")?),
            "" => {
                let mut photo: Photo = element(field, value)?;
                let visible = PeopleVisible::from(photo.people_visible.as_deref().unwrap_or("none"));
                let consent = PhotoConsent::from(photo.consent.as_deref().unwrap_or("not_needed"));
                let is_hash = |hash: &String| hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
                if ![&photo.sha256, &photo.thumb_sha256].into_iter().flatten().all(is_hash) {
                    return Err(PatchError::new(field, "bad_code", "a SHA-256 has 64 hexadecimal digits"));
                }
                if !consent.allows(&visible) {
                    let message = "a photograph that shows who somebody is needs that person's consent";
                    return Err(PatchError::new(field, "photo_needs_consent", message));
                }
                let caption = photo.caption.take();
                photo.photo_id.clear();
                self.put(&format!("photo/{id}"), field, &photo)?;
                caption.map_or(Ok(()), |caption| self.photo(field, &format!("{id}.caption"), &caption.into()))
            }
            _ => Err(unknown(field)),
        }
    }

    /// `satisfaction.cards.<id>` enters one anonymous card, `satisfaction` the author's tally of paper cards.
    fn satisfaction(&mut self, field: &str, what: &str, value: &Json) -> Result<(), PatchError> {
        if let Some(card) = what.strip_prefix("cards.") {
            let key = format!("card/{}", name(field, card)?);
            return Ok(self.editor.set(&key, code(field, value)?)?);
        }
        if !what.is_empty() {
            return Err(unknown(field));
        }
        let key = format!("tally/{}", name(field, self.author)?);
        if value.is_null() {
            return Ok(self.editor.remove(&key)?);
        }
        let is_known = |name: &String| name == "method" || SatisfactionValue::from(name.as_str()).is_known();
        if value.as_object().is_none_or(|tally| tally.is_empty() || !tally.keys().all(is_known)) {
            return Err(wrong(field, "a number of cards for each value of the list"));
        }
        let tally: Satisfaction = element(field, value)?;
        if !tally.is_possible(MAX_COUNT) {
            return Err(PatchError::new(field, "out_of_range", "numbers of cards are 0 or more"));
        }
        self.put(&key, field, &tally)
    }

    /// `supervision` appends a finding, `supervision.<name>.response` records the answer to one.
    fn finding(&mut self, field: &str, what: &str, value: &Json) -> Result<(), PatchError> {
        if let Some((finding, part)) = what.rsplit_once('.') {
            let finding = name(field, finding)?;
            if self.facts.all(&format!("finding/{finding}")).is_empty() {
                return Err(PatchError::new(field, "not_allowed", "there is no such finding"));
            }
            return match part {
                "response" => Ok(self.editor.set(&format!("finding_response/{finding}"), code(field, value)?)?),
                "response_on" => Ok(self.editor.set(&format!("finding_response_on/{finding}"), date(field, value)?)?),
                _ => Err(unknown(field)),
            };
        }
        match value {
            Json::Array(items) => items.iter().try_for_each(|item| self.finding(field, what, item)),
            Json::Null => Ok(()),
            item => self.append("finding", field, &element::<SupervisionFinding>(field, item)?),
        }
    }

    /// Moves the visit on; nothing is written if it stands there already.
    fn visit_status(&mut self, field: &str, value: &Json) -> Result<(), PatchError> {
        let event = self.event_record(field, value)?;
        let visit = Visit::of(self.before);
        let there = visit.status.as_str() == event.to && !visit.events.is_empty();
        // Verifying again takes in what was amended since; words that come with it are not lost.
        if there && !visit.amendment_pending && event.says_nothing_more() {
            return Ok(());
        }
        self.append("event", field, &event)
    }
}
