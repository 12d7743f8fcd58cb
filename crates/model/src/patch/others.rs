//! The fields of the small documents.

use serde_json::Value as Json;

use super::{Patch, PatchError, Plain, Takes, unknown};
use crate::genesis::DocKind;

const CONTACT: &[Plain] = &[
    ("name", "name", Takes::Text(200)),
    ("phone", "phone", Takes::Text(60)),
    ("address", "address", Takes::Text(500)),
    ("purpose", "purpose", Takes::Text(500)),
    ("consent", "consent", Takes::Code),
    ("consent_text", "consent_text", Takes::Text(100)),
    ("consent_language", "consent_language", Takes::Text(60)),
    ("consent_method", "consent_method", Takes::Code),
    ("consent_at", "consent_at", Takes::Moment),
    ("consent_read_aloud", "consent_read_aloud", Takes::Flag),
    ("consent_taken_by", "consent_taken_by", Takes::Text(100)),
    ("withdrawn_at", "withdrawn_at", Takes::Moment),
    ("delete_after", "delete_after", Takes::Date),
];
const REQUEST: &[Plain] = &[
    ("request", "request", Takes::Code),
    ("contact_ref", "contact_ref", Takes::Text(100)),
    ("received_on", "received_on", Takes::Date),
    ("extended_to", "extended_to", Takes::Date),
    ("done_on", "done_on", Takes::Date),
    ("result", "result", Takes::Text(4_000)),
];
const ASSIGNMENT: &[Plain] = &[
    ("official", "official", Takes::Text(100)),
    ("from", "from", Takes::Date),
    ("to", "to", Takes::Date),
    ("decision", "decision", Takes::Text(100)),
    ("programme", "programme", Takes::Code),
];
const PLAN: &[Plain] = &[
    ("number", "number", Takes::Text(100)),
    ("date", "date", Takes::Date),
    ("issuer", "issuer", Takes::Text(200)),
    ("title", "title", Takes::Text(500)),
];

impl Patch<'_, '_> {
    pub(super) fn other(&mut self, kind: DocKind, field: &str, value: &Json) -> Result<(), PatchError> {
        let table = match kind {
            DocKind::Contact => CONTACT,
            DocKind::DataSubjectRequest => REQUEST,
            DocKind::Assignment => ASSIGNMENT,
            DocKind::Plan => PLAN,
            DocKind::Visit | DocKind::Issue | DocKind::SealedStub => &[],
        };
        if self.plain(table, field, value)? {
            return Ok(());
        }
        match (kind, field) {
            (DocKind::Assignment, "units" | "units.add" | "units.remove") => {
                self.set_of("unit", field, value, super::unit)
            }
            (DocKind::Contact, "erased") => Ok(self.editor.set("erased", super::code(field, value)?)?),
            _ => Err(unknown(field)),
        }
    }
}
