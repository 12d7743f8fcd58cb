//! A local check that warns of personal data in free text, and the notices that stand above it.
//!
//! The check runs on the phone while a person writes. It warns, it never blocks, and what it finds never leaves the
//! phone. It knows identity and phone numbers and a list of words (`data/privacy-words.json`); it cannot know names.
//!
//! Words written with diacritics are compared with them, because `ứng hộ` and `ủng hộ` or `đạo` and `dao` are
//! different words; words of more than one syllable typed without any diacritics are compared without.
//!
//! ```
//! use gandan_model::privacy::{WarningKind, check};
//!
//! let warnings = check("Liên hệ 0912 345 678.");
//! assert_eq!(warnings.len(), 1);
//! assert_eq!(warnings[0].kind, WarningKind::PhoneNumber);
//! assert_eq!(warnings[0].span, 11..23);
//! ```

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::codes::Lang;

mod notice;
mod numbers;
mod words;

pub use notice::Notice;

/// Most warnings given for one text.
pub const MAX_WARNINGS: usize = 100;

/// What a warning is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WarningKind {
    /// Number of an identity card: 9 or 12 digits.
    IdentityNumber,
    /// Telephone number.
    PhoneNumber,
    /// Political opinion or membership.
    PoliticalOpinion,
    /// Religion.
    ReligiousOpinion,
    /// Attitude toward policy.
    Attitude,
    /// Ethnic origin of people.
    Ethnicity,
    /// Health of a person.
    Health,
    /// Assessment of a person or household.
    PersonAssessment,
}

impl WarningKind {
    /// Stable code.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::IdentityNumber => "identity_number",
            Self::PhoneNumber => "phone_number",
            Self::PoliticalOpinion => "political_opinion",
            Self::ReligiousOpinion => "religious_opinion",
            Self::Attitude => "attitude",
            Self::Ethnicity => "ethnicity",
            Self::Health => "health",
            Self::PersonAssessment => "person_assessment",
        }
    }

    /// What to tell the person who writes.
    pub fn message(self, lang: Lang) -> &'static str {
        match (self, lang) {
            (Self::IdentityNumber, Lang::Vi) => "Có thể là số định danh. Không ghi số giấy tờ vào đây.",
            (Self::IdentityNumber, Lang::En) => "This may be an identity number. Do not write document numbers here.",
            (Self::PhoneNumber, Lang::Vi) => "Có thể là số điện thoại. Hãy ghi vào mục liên hệ, khi người dân đồng ý.",
            (Self::PhoneNumber, Lang::En) => {
                "This may be a phone number. Use the contact fields, with the resident's consent."
            }
            (Self::PoliticalOpinion, Lang::Vi) => "Không ghi quan điểm chính trị của cá nhân.",
            (Self::PoliticalOpinion, Lang::En) => "Do not record a person's political opinions.",
            (Self::ReligiousOpinion, Lang::Vi) => "Không ghi tôn giáo, tín ngưỡng của cá nhân.",
            (Self::ReligiousOpinion, Lang::En) => "Do not record a person's religion.",
            (Self::Attitude, Lang::Vi) => "Ghi sự việc, không ghi thái độ của người dân.",
            (Self::Attitude, Lang::En) => "Record the matter, not the attitude of residents.",
            (Self::Ethnicity, Lang::Vi) => "Không ghi dân tộc của cá nhân hoặc hộ gia đình.",
            (Self::Ethnicity, Lang::En) => "Do not record the ethnicity of a person or household.",
            (Self::Health, Lang::Vi) => "Không ghi tình trạng sức khỏe của cá nhân; chỉ ghi sự việc.",
            (Self::Health, Lang::En) => "Do not record a person's health; record the matter only.",
            (Self::PersonAssessment, Lang::Vi) => "Không nhận xét, xếp loại người dân hoặc hộ gia đình.",
            (Self::PersonAssessment, Lang::En) => "Do not assess or rank residents or households.",
        }
    }
}

/// A place in a text that deserves a second look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrivacyWarning {
    /// What it may be.
    pub kind: WarningKind,
    /// Where, in bytes of the text as it was given, on character boundaries.
    pub span: Range<usize>,
}

/// Warnings for a free text, in order of place, at most [`MAX_WARNINGS`]. Takes text in any normal form.
pub fn check(text: &str) -> Vec<PrivacyWarning> {
    run(text, false)
}

/// As [`check`], for a visit to households: there the name of an ethnic group or language alone tells something
/// about the people visited.
pub fn check_household(text: &str) -> Vec<PrivacyWarning> {
    run(text, true)
}

fn run(text: &str, household: bool) -> Vec<PrivacyWarning> {
    let mut warnings = numbers::find(text);
    warnings.extend(words::find(text, household));
    warnings.sort_by_key(|warning| (warning.span.start, warning.span.end, warning.kind));
    warnings.truncate(MAX_WARNINGS);
    warnings
}

#[cfg(test)]
mod tests;
