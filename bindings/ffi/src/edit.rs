//! What a caller writes: fields and their values.

use crate::error::GandanError;
use gandan_client::model::genesis::DocKind;
use gandan_client::model::ids::DocId;
use gandan_client::model::patch::FieldEdit;
use serde_json::Value;

/// Kinds of records that are written on a phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum RecordKind {
    /// A field visit.
    Visit,
    /// A matter that a resident raised.
    Issue,
    /// A resident's name and address, kept with consent, in a compartment of its own.
    Contact,
}

impl From<RecordKind> for DocKind {
    fn from(kind: RecordKind) -> Self {
        match kind {
            RecordKind::Visit => Self::Visit,
            RecordKind::Issue => Self::Issue,
            RecordKind::Contact => Self::Contact,
        }
    }
}

/// A value of a field.
#[derive(Clone, Debug, PartialEq, uniffi::Enum)]
pub enum FieldValue {
    /// Nothing: empties the field.
    Empty,
    /// True or false.
    Flag { value: bool },
    /// A whole number.
    Number { value: i64 },
    /// A number with a fraction.
    Decimal { value: f64 },
    /// Text, a code, a date as `2026-11-27`, a time as `2026-11-27T08:30:00+07:00`.
    Text { value: String },
    /// Several codes or names.
    Words { values: Vec<String> },
    /// Anything else, as JSON: a position, a photograph's description, a tally.
    Json { json: String },
}

/// A field and its new value.
///
/// Names are those of the records, with dots: `note`, `place.name`, `counts.residents`, `team.CB-001`, `activities.add`.
/// The guide lists them.
#[derive(Clone, Debug, PartialEq, uniffi::Record)]
pub struct Edit {
    /// The field.
    pub field: String,
    /// Its value.
    pub value: FieldValue,
}

impl FieldValue {
    /// The value as the client takes it.
    pub(crate) fn into_json(self) -> Result<Value, GandanError> {
        Ok(match self {
            Self::Empty => Value::Null,
            Self::Flag { value } => value.into(),
            Self::Number { value } => value.into(),
            Self::Decimal { value } => value.into(),
            Self::Text { value } => value.into(),
            Self::Words { values } => values.into(),
            Self::Json { json } => serde_json::from_str(&json)
                .map_err(|error| GandanError::input("bad_json", format!("the value is no JSON: {error}")))?,
        })
    }

    /// A value of a record. Lists of words and plain values have forms of their own.
    pub(crate) fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Empty,
            Value::Bool(value) => Self::Flag { value: *value },
            Value::String(value) => Self::Text { value: value.clone() },
            Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(value), _) => Self::Number { value },
                (None, Some(value)) => Self::Decimal { value },
                (None, None) => Self::Json { json: value.to_string() },
            },
            Value::Array(items) => match items.iter().map(|item| item.as_str().map(str::to_owned)).collect() {
                Some(values) => Self::Words { values },
                None => Self::Json { json: value.to_string() },
            },
            Value::Object(_) => Self::Json { json: value.to_string() },
        }
    }
}

/// Edits as the client takes them.
pub(crate) fn edits(edits: Vec<Edit>) -> Result<Vec<FieldEdit>, GandanError> {
    edits.into_iter().map(|edit| Ok(FieldEdit { field: edit.field, value: edit.value.into_json()? })).collect()
}

/// The id of a record.
pub(crate) fn id(text: &str) -> Result<DocId, GandanError> {
    text.parse().map_err(|_| GandanError::input("bad_id", "this is not a record's id (a UUID)"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_survive_the_border_both_ways() {
        for value in [
            json!(null),
            json!(true),
            json!(46),
            json!(-1.5),
            json!("Thôn 1"),
            json!(["listen", "help"]),
            json!([]),
            json!([1, 2]),
            json!({"lat": 11.9, "lon": 108.4}),
        ] {
            assert_eq!(FieldValue::of(&value).into_json().unwrap(), value);
        }
        let bad = FieldValue::Json { json: "{".to_owned() }.into_json().unwrap_err();
        assert!(matches!(bad, GandanError::FixInput { code, .. } if code == "bad_json"));
    }
}
