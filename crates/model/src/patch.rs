//! Edits: a field's name and a new value, checked and written as facts.
//!
//! One form of edit serves the forms of an app, the terminal, the import and the staff's screens. Field
//! names are those of the record as it is shown (`note`, `counts.residents`, `team.CB-001`). `null`
//! empties a field. All edits of one [`Document::patch`] become one change, or, if one of them is
//! refused, none.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::codes::is_code_form;
use crate::document::{Document, DocumentError, Editor, NewChange, Stamp};
use crate::facts::{Facts, Value};
use crate::genesis::DocKind;
use crate::moment::{Moment, TimeError, parse_date};
use crate::record::Record;
use crate::review::{Decision, ReviewItem};
use crate::rules::Rules;
use crate::text::{TextError, check_text};
use crate::visit::is_household;

mod elements;
mod issue;
mod others;
mod visit;

/// A field and its new value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FieldEdit {
    /// The field's name.
    pub field: String,
    /// Its new value; null empties it.
    pub value: Json,
}

impl FieldEdit {
    /// An edit of one field.
    pub fn new(field: impl Into<String>, value: impl Into<Json>) -> Self {
        Self { field: field.into(), value: value.into() }
    }
}

/// Why an edit is refused. Nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// The value does not fit the field.
    #[error("{field}: {message}")]
    Field {
        /// The field.
        field: String,
        /// A stable code: `unknown_field`, `wrong_type`, `text_too_long`, `text_control_character`,
        /// `bad_date`, `bad_code`, `out_of_range`, `immutable`, `photo_needs_consent`, `not_allowed`, `stale`.
        code: &'static str,
        /// What is wrong and what would be right.
        message: String,
    },
    /// The document itself could not be written.
    #[error(transparent)]
    Document(#[from] DocumentError),
}

impl PatchError {
    /// A stable code for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Field { code, .. } => code,
            Self::Document(error) => error.code(),
        }
    }

    fn new(field: &str, code: &'static str, message: impl Into<String>) -> Self {
        let field = field.chars().take(80).collect();
        Self::Field { field, code, message: message.into() }
    }
}

/// At most so many fields in one edit.
pub const MAX_EDITS: usize = 2_000;

impl Document {
    /// Applies edits as one change; `None` if everything already read so.
    ///
    /// ```
    /// use gandan_model::document::{Document, Stamp};
    /// use gandan_model::genesis::DocKind;
    /// use gandan_model::ids::DeviceId;
    /// use gandan_model::patch::FieldEdit;
    ///
    /// let stamp = Stamp { device: DeviceId([1; 8]), author: "CB-001".into(), now_ms: 1_790_000_000_000 };
    /// let mut document = Document::new(DocKind::Visit);
    /// let edits = [FieldEdit::new("place.name", "Thôn 1"), FieldEdit::new("counts.residents", 46)];
    /// assert!(document.patch(&stamp, &edits)?.is_some());
    /// assert!(document.patch(&stamp, &edits)?.is_none());
    /// # Ok::<(), gandan_model::patch::PatchError>(())
    /// ```
    pub fn patch(&mut self, stamp: &Stamp, edits: &[FieldEdit]) -> Result<Option<NewChange>, PatchError> {
        if edits.len() > MAX_EDITS {
            return Err(PatchError::new("", "out_of_range", format!("at most {MAX_EDITS} fields at once")));
        }
        let kind = self.kind();
        let facts = self.facts();
        let before = self.clone();
        let household = is_household(&facts) || edits.iter().any(says_household);
        self.edit(stamp, |editor| {
            let (author, now) = (stamp.author.as_str(), possible_now(stamp.now_ms));
            let mut patch = Patch { editor, facts: &facts, before: &before, author, now, household };
            for edit in edits {
                patch.apply(kind, &edit.field, &edit.value)?;
            }
            Ok(())
        })
    }
}

/// One edit under way.
struct Patch<'p, 'e> {
    editor: &'p mut Editor<'e>,
    /// What the document said before.
    facts: &'p Facts,
    before: &'p Document,
    author: &'p str,
    /// The time of writing, whole seconds.
    now: Moment,
    /// True for a meeting at somebody's home.
    household: bool,
}

/// The writer's clock as a time that a record can carry, whatever a dead battery made of it.
fn possible_now(now_ms: i64) -> Moment {
    const FIRST_MS: i64 = 946_684_800_000; // 2000-01-01
    const LAST_MS: i64 = 4_102_444_800_000; // 2100-01-01
    Moment::from_ms(now_ms.clamp(FIRST_MS, LAST_MS) / 1000 * 1000)
}

fn says_household(edit: &FieldEdit) -> bool {
    let value = edit.value.as_str();
    matches!((edit.field.as_str(), value), ("programme", Some("household_visit")) | ("venue", Some("household")))
}

/// What a plain field takes.
#[derive(Clone, Copy)]
enum Takes {
    /// Text of at most so many characters.
    Text(usize),
    /// A code of a code list; codes of newer apps are welcome.
    Code,
    /// A civil date.
    Date,
    /// An instant.
    Moment,
    /// Yes or no.
    Flag,
    /// A document's id.
    Id,
    /// A unit's code: five digits.
    Unit,
}

/// What views assume where nothing is written.
const DEFAULTS: &[(&str, &str)] = &[("priority", "normal"), ("confidentiality", "normal"), ("hot_spot", "none")];

/// A plain field: name, key, what it takes.
type Plain = (&'static str, &'static str, Takes);

impl Patch<'_, '_> {
    fn apply(&mut self, kind: Option<DocKind>, field: &str, value: &Json) -> Result<(), PatchError> {
        if let Some(name) = field.strip_prefix("review.") {
            return self.decide(field, name, value);
        }
        match (kind, field) {
            (Some(DocKind::SealedStub), "unit" | "month") => self.stub(field, value),
            (Some(DocKind::SealedStub), _) => Err(unknown(field)),
            (_, "created_by" | "created_at_ms")
            | (Some(DocKind::Issue), "recorded_by" | "ticket" | "ticket.settled") => self.once(field, value),
            (_, "deleted") => self.delete(field, value),
            (Some(DocKind::Visit), _) => self.visit(field, value),
            (Some(DocKind::Issue), _) => self.issue(field, value),
            (Some(kind), _) => self.other(kind, field, value),
            (None, _) => Err(unknown(field)),
        }
    }

    /// A stub tells the province and the month, and has no room for anything else.
    fn stub(&mut self, field: &str, value: &Json) -> Result<(), PatchError> {
        let text = text(field, value, 7)?;
        let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        if shape != if field == "unit" { "00" } else { "0000-00" } {
            return Err(wrong(field, "the province's two digits, or a month such as 2026-08"));
        }
        Ok(self.editor.set(field, text)?)
    }

    /// A field that is written once and never changed.
    fn once(&mut self, field: &str, value: &Json) -> Result<(), PatchError> {
        let (key, new) = match field {
            "created_at_ms" => {
                let ms = value.as_i64().ok_or_else(|| wrong(field, "a number of milliseconds"))?;
                ("created_at", Value::Int(ms))
            }
            "ticket.settled" => ("ticket_settled", Value::Str(text(field, value, 100)?)),
            _ => (field, Value::Str(text(field, value, 100)?)),
        };
        match self.facts.last(key) {
            None => Ok(self.editor.set(key, new)?),
            Some(old) if *old == new => Ok(()),
            Some(_) => Err(PatchError::new(field, "immutable", "is written once and cannot be changed")),
        }
    }

    /// A deletion is written anew each time, so that one which an edit had overruled can be repeated.
    fn delete(&mut self, field: &str, value: &Json) -> Result<(), PatchError> {
        match value.as_bool() {
            Some(true) => Ok(self.editor.set("deleted", self.editor.time())?),
            Some(false) if self.facts.all("deleted").is_empty() => Ok(()),
            Some(false) => Ok(self.editor.set("deleted", false)?),
            None => Err(wrong(field, "true or false")),
        }
    }

    /// Decides on a review item. Null accepts what is shown; a value is what counts from now on. As an
    /// object `{"basis": .., "value": ..}` the decision is refused (`stale`) if the values that stand
    /// against each other are no longer those that the reviewer saw.
    fn decide(&mut self, field: &str, name: &str, value: &Json) -> Result<(), PatchError> {
        let record = Record::of(self.before, &Rules::default(), "");
        let items: Vec<&ReviewItem> = record.review().iter().filter(|item| item.field == name).collect();
        if items.is_empty() {
            return Err(PatchError::new(field, "not_allowed", "nothing of this field waits for review"));
        }
        let basis = value.get("basis").and_then(Json::as_str);
        if basis.is_some_and(|basis| items.iter().all(|item| item.basis != basis)) {
            return Err(PatchError::new(field, "stale", "other values have arrived meanwhile; look again"));
        }
        let value = match basis {
            Some(_) => value.get("value").unwrap_or(&Json::Null),
            None => value,
        };
        for item in items.iter().filter(|item| basis.is_none_or(|basis| basis == item.basis)) {
            // A register is settled by writing it; what is computed from several people's facts keeps
            // them all, and the decision stands beside them.
            let computed = matches!(item.rule.as_str(), "per_official_register" | "evidence_wins" | "event_log_union");
            let by_writing = !value.is_null() && (!computed || name == "deleted");
            if by_writing {
                self.apply(self.before.kind(), name, value)?;
            }
            let decided = Some(value.clone()).filter(|value| !value.is_null() && !by_writing);
            let decision = Decision { basis: item.basis.clone(), value: decided };
            self.put(&item.key(), field, &decision)?;
        }
        Ok(())
    }

    fn plain(&mut self, table: &[Plain], field: &str, value: &Json) -> Result<bool, PatchError> {
        let Some((_, key, takes)) = table.iter().find(|(name, ..)| *name == field) else { return Ok(false) };
        if value.is_null() {
            self.editor.remove(key)?;
            return Ok(true);
        }
        let value = match takes {
            Takes::Text(max) => Value::Str(text(field, value, *max)?),
            Takes::Code => Value::Str(code(field, value)?),
            Takes::Date => Value::Str(date(field, value)?),
            Takes::Moment => Value::Str(moment(field, value)?.to_string()),
            Takes::Flag => Value::Bool(value.as_bool().ok_or_else(|| wrong(field, "true or false"))?),
            Takes::Id => Value::Str(id(field, value)?),
            Takes::Unit => Value::Str(unit(field, value)?),
        };
        // What a view assumes anyway need not be written.
        if self.facts.all(key).is_empty()
            && DEFAULTS.iter().any(|(name, code)| name == key && value.as_str() == Some(code))
        {
            return Ok(true);
        }
        self.editor.set(key, value)?;
        Ok(true)
    }

    /// The long text; null forgets it, "" says that it is empty on purpose.
    fn long_text(&mut self, field: &str, max: usize, value: &Json) -> Result<(), PatchError> {
        let written = format!("{field}_written");
        if value.is_null() {
            self.editor.set_text("")?;
            return Ok(self.editor.remove(&written)?);
        }
        let text = text(field, value, max)?;
        if text.is_empty() {
            self.editor.set(&written, true)?;
        }
        Ok(self.editor.set_text(&text)?)
    }

    /// A set of names: an array replaces it, `<field>.add` and `<field>.remove` change it. What somebody
    /// else adds meanwhile stays.
    fn set_of(
        &mut self,
        prefix: &str,
        field: &str,
        value: &Json,
        check: fn(&str, &Json) -> Result<String, PatchError>,
    ) -> Result<(), PatchError> {
        let names: Vec<String> = match value {
            Json::Null => Vec::new(),
            Json::Array(items) => items.iter().map(|item| check(field, item)).collect::<Result<_, _>>()?,
            item => vec![check(field, item)?],
        };
        if field.rsplit('.').next() == Some("remove") {
            return names.iter().try_for_each(|name| Ok(self.editor.remove(&format!("{prefix}/{name}"))?));
        }
        if field.rsplit('.').next() != Some("add") {
            let gone: Vec<_> = self.facts.under(prefix).map(|(name, _)| name.to_owned()).collect();
            for name in gone.iter().filter(|name| !names.contains(name)) {
                self.editor.remove(&format!("{prefix}/{name}"))?;
            }
        }
        let adds = field.rsplit('.').next() == Some("add");
        names.iter().try_for_each(|name| {
            let key = format!("{prefix}/{name}");
            // Adding by name is an act of its own, which wins over a removal beside it.
            let written = if adds { self.editor.set_again(&key, true) } else { self.editor.set(&key, true) };
            Ok(written?)
        })
    }
}

fn unknown(field: &str) -> PatchError {
    PatchError::new(field, "unknown_field", "there is no such field")
}

fn wrong(field: &str, expected: &str) -> PatchError {
    PatchError::new(field, "wrong_type", format!("must be {expected}"))
}

fn text(field: &str, value: &Json, max: usize) -> Result<String, PatchError> {
    let text = value.as_str().ok_or_else(|| wrong(field, "text"))?;
    check_text(field, text, max).map_err(|error: TextError| PatchError::new(field, error.code(), error.to_string()))
}

fn code(field: &str, value: &Json) -> Result<String, PatchError> {
    let text = value.as_str().ok_or_else(|| wrong(field, "a code"))?;
    if is_code_form(text) {
        return Ok(text.to_owned());
    }
    Err(PatchError::new(field, "bad_code", "a code has lower case letters, digits and _ only"))
}

fn time_error(field: &str, error: &TimeError) -> PatchError {
    let code = match error {
        TimeError::Unreadable(_) => "bad_date",
        TimeError::OutOfRange(_) => "out_of_range",
    };
    PatchError::new(field, code, error.to_string())
}

fn date(field: &str, value: &Json) -> Result<String, PatchError> {
    let text = value.as_str().ok_or_else(|| wrong(field, "a date"))?;
    parse_date(text).map(|date| date.to_string()).map_err(|error| time_error(field, &error))
}

fn moment(field: &str, value: &Json) -> Result<Moment, PatchError> {
    let text = value.as_str().ok_or_else(|| wrong(field, "a time"))?;
    text.parse().map_err(|error| time_error(field, &error))
}

fn id(field: &str, value: &Json) -> Result<String, PatchError> {
    let text = value.as_str().ok_or_else(|| wrong(field, "an id"))?;
    let id: crate::ids::DocId = text.parse().map_err(|_| wrong(field, "a UUID"))?;
    Ok(id.to_string())
}

fn unit(field: &str, value: &Json) -> Result<String, PatchError> {
    let text = text(field, value, 5)?;
    if text.len() == 5 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(text);
    }
    Err(PatchError::new(field, "bad_code", "a unit's code has five digits"))
}

/// A name that becomes part of a key: an official's id, a group, a photograph's id.
fn name(field: &str, name: &str) -> Result<String, PatchError> {
    let name = check_text(field, name, 100).map_err(|error| PatchError::new(field, error.code(), error.to_string()))?;
    if name.is_empty() || name.contains('/') {
        return Err(PatchError::new(field, "bad_code", "a name here is not empty and has no /"));
    }
    Ok(name)
}

fn whole(field: &str, value: &Json, max: i64) -> Result<i64, PatchError> {
    let number = value.as_i64().ok_or_else(|| wrong(field, "a whole number"))?;
    if (0..=max).contains(&number) {
        return Ok(number);
    }
    Err(PatchError::new(field, "out_of_range", format!("must lie between 0 and {max}")))
}
