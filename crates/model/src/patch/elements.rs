//! Elements that are written once: events, fixes, findings, replies. Writing the same element again
//! writes nothing, so that an import can be repeated.

use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::{Patch, PatchError, code, moment, text, wrong};
use crate::events::EventRecord;

/// An element with more bytes of JSON than this is refused.
const MAX_ELEMENT: usize = 24_000;
const MAX_REASON: usize = 4_000;

impl Patch<'_, '_> {
    /// Writes an element under a short name of its own, unless the same one is there.
    pub(super) fn append(&mut self, prefix: &str, field: &str, element: &impl Serialize) -> Result<(), PatchError> {
        let json = to_json(field, element)?;
        Ok(self.editor.append(prefix, &json)?)
    }

    /// Writes an element under its own name.
    pub(super) fn put(&mut self, key: &str, field: &str, element: &impl Serialize) -> Result<(), PatchError> {
        let json = to_json(field, element)?;
        Ok(self.editor.set(key, json)?)
    }

    /// An event: `"submitted"`, or an object with `to` and whatever else an event carries.
    pub(super) fn event(&mut self, field: &str, value: &Json) -> Result<(), PatchError> {
        let event = self.event_record(field, value)?;
        self.append("event", field, &event)
    }

    pub(super) fn event_record(&self, field: &str, value: &Json) -> Result<EventRecord, PatchError> {
        let mut map = match value {
            Json::String(to) => Map::from_iter([("to".to_owned(), Json::from(to.as_str()))]),
            Json::Object(map) => map.clone(),
            _ => return Err(wrong(field, "a status or an object with \"to\"")),
        };
        let mut take = |name: &str, max: usize| match map.remove(name) {
            None | Some(Json::Null) => Ok(None),
            Some(value) => text(field, &value, max).map(Some),
        };
        let to = take("to", 60)?.ok_or_else(|| wrong(field, "an object with \"to\""))?;
        let to = code(field, &Json::from(to))?;
        let at = take("at", 60)?;
        let event = EventRecord {
            to,
            at: match at {
                Some(at) => moment(field, &Json::from(at))?,
                None => self.now,
            },
            by: take("by", 100)?.filter(|by| by != self.author),
            reason: take("reason", MAX_REASON)?,
            document: take("document", 200)?,
            statement: take("statement", 200)?,
            extra: std::collections::BTreeMap::new(),
        };
        let extra = map.into_iter().filter(|(name, value)| name != "from" && !value.is_null()).collect();
        Ok(EventRecord { extra, ..event })
    }
}

fn to_json(field: &str, element: &impl Serialize) -> Result<String, PatchError> {
    let json = serde_json::to_string(element).map_err(|_| wrong(field, "an object of this field's form"))?;
    if json.len() > MAX_ELEMENT {
        return Err(PatchError::new(field, "text_too_long", "the element is too large"));
    }
    Ok(json)
}

/// Reads an element from a field's value, in the words of the field.
pub(super) fn element<T: serde::de::DeserializeOwned>(field: &str, value: &Json) -> Result<T, PatchError> {
    check_texts(field, value)?;
    // The reader's own words would repeat what was typed.
    serde_json::from_value(value.clone()).map_err(|_| wrong(field, "an object of this field's form"))
}

/// Texts inside elements keep the same rules as texts of fields.
fn check_texts(field: &str, value: &Json) -> Result<(), PatchError> {
    match value {
        Json::String(_) => text(field, value, MAX_REASON).map(|_| ()),
        Json::Array(items) => items.iter().try_for_each(|item| check_texts(field, item)),
        Json::Object(map) => map.values().try_for_each(|item| check_texts(field, item)),
        _ => Ok(()),
    }
}
