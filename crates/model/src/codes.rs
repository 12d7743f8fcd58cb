//! The code lists of the field: short stable codes with Vietnamese and English labels.
//!
//! A code travels and is stored as its text (`"land"`), never as a number. A newer app may send codes that this
//! version has not heard of; they come in as `Other(text)`, survive every merge and go out again unchanged, with the
//! code itself as label. Merge rules that need an order use the `rank` functions, never the position in the list.
//!
//! ```
//! use gandan_model::codes::{IssueField, Lang};
//!
//! let field = IssueField::from("land");
//! assert_eq!(field, IssueField::Land);
//! assert_eq!(field.label(Lang::Vi), "Đất đai");
//! let newer = IssueField::from("space_travel");
//! assert!(!newer.is_known());
//! assert_eq!(newer.as_str(), "space_travel");
//! ```

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Language of a label or notice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lang {
    /// Vietnamese.
    #[default]
    Vi,
    /// English.
    En,
}

/// What every code list can do, for code that works on any of them. The same functions exist on each type itself.
pub trait CodeList: Sized + 'static {
    /// Name of the list, such as `issue_kind`.
    const LIST: &'static str;

    /// The known codes in the order of the list.
    fn known() -> &'static [Self];

    /// The code as it is stored and sent.
    fn as_code(&self) -> &str;

    /// Built-in label; for an unknown code the code itself.
    fn label_in(&self, lang: Lang) -> Cow<'_, str>;
}

/// Makes one code list: the enum, its text forms, labels and serde. `Other` must stay the last variant, because the
/// derived order is the order of declaration and unknown codes sort last.
macro_rules! code_list {
    (
        $(#[$meta:meta])*
        $name:ident, $list:literal {
            $( $variant:ident = $code:literal, $vi:literal, $en:literal; )+
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $(
                #[doc = concat!("`", $code, "`: ", $en, " (", $vi, ").")]
                $variant,
            )+
            /// A code this version does not know, kept as it came. Comes from `From<&str>`, which never puts a known
            /// code here.
            Other(String),
        }

        impl $name {
            /// Name of the list.
            pub const LIST: &'static str = $list;

            /// The known codes in the order of the list.
            pub const KNOWN: &'static [Self] = &[$(Self::$variant),+];

            /// The code as it is stored and sent.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $code,)+
                    Self::Other(code) => code,
                }
            }

            /// Built-in label in a language; for an unknown code the code itself.
            pub fn label(&self, lang: $crate::codes::Lang) -> std::borrow::Cow<'_, str> {
                use $crate::codes::Lang;
                match (self, lang) {
                    $(
                        (Self::$variant, Lang::Vi) => std::borrow::Cow::Borrowed($vi),
                        (Self::$variant, Lang::En) => std::borrow::Cow::Borrowed($en),
                    )+
                    (Self::Other(code), _) => std::borrow::Cow::Borrowed(code.as_str()),
                }
            }

            /// Whether this version knows the code.
            pub fn is_known(&self) -> bool {
                !matches!(self, Self::Other(_))
            }

            fn known_code(code: &str) -> Option<Self> {
                match code {
                    $($code => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }

        impl From<&str> for $name {
            fn from(code: &str) -> Self {
                Self::known_code(code).unwrap_or_else(|| Self::Other(code.to_owned()))
            }
        }

        impl From<String> for $name {
            fn from(code: String) -> Self {
                Self::known_code(&code).unwrap_or(Self::Other(code))
            }
        }

        impl std::str::FromStr for $name {
            type Err = std::convert::Infallible;

            fn from_str(code: &str) -> Result<Self, Self::Err> {
                Ok(Self::from(code))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                <String as serde::Deserialize>::deserialize(deserializer).map(Self::from)
            }
        }

        impl $crate::codes::CodeList for $name {
            const LIST: &'static str = $list;

            fn known() -> &'static [Self] {
                Self::KNOWN
            }

            fn as_code(&self) -> &str {
                self.as_str()
            }

            fn label_in(&self, lang: $crate::codes::Lang) -> std::borrow::Cow<'_, str> {
                self.label(lang)
            }
        }
    };
}

mod issue;
mod rank;
mod reporter;
mod visit;

pub use issue::{Confirmation, IssueField, IssueKind, IssueStatus, Outcome, Priority, ReplyChannel};
pub use reporter::{Confidentiality, Consent, ConsentMethod, ReporterMode};
pub use visit::{
    Activity, BrightSpotStage, FindingKind, FindingResponse, GpsMissingReason, GpsSource, HotSpot, PeopleVisible,
    PhotoConsent, PlaceKind, Programme, Satisfaction, TeamRole, UnitType, Venue, VisitStatus,
};

/// Longest code accepted from outside, in bytes.
pub const MAX_CODE_BYTES: usize = 64;

/// Whether a text has the form of a code: 1 to [`MAX_CODE_BYTES`] of `a`–`z`, `0`–`9` and `_`.
/// Use it on input before a code list takes it; the lists themselves accept any text.
pub fn is_code_form(code: &str) -> bool {
    (1..=MAX_CODE_BYTES).contains(&code.len())
        && code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// Labels that an office has set in place of the built-in ones, by list, code and language.
///
/// The Vietnamese name of the programme `sunday_with_people` is not settled, so an office must be able to set its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Labels(BTreeMap<String, BTreeMap<String, LabelPair>>);

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct LabelPair {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    vi: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    en: Option<String>,
}

impl Labels {
    /// No overrides.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the label of one code in one language. The code may be unknown to this version.
    pub fn set(&mut self, list: &str, code: &str, lang: Lang, label: impl Into<String>) {
        let pair = self.0.entry(list.to_owned()).or_default().entry(code.to_owned()).or_default();
        let slot = match lang {
            Lang::Vi => &mut pair.vi,
            Lang::En => &mut pair.en,
        };
        *slot = Some(label.into());
    }

    /// The override for one code, if there is one.
    pub fn get(&self, list: &str, code: &str, lang: Lang) -> Option<&str> {
        let pair = self.0.get(list)?.get(code)?;
        match lang {
            Lang::Vi => pair.vi.as_deref(),
            Lang::En => pair.en.as_deref(),
        }
    }

    /// The label to show for a code: the override, else the built-in label, else the code.
    pub fn label<'a, C: CodeList>(&'a self, code: &'a C, lang: Lang) -> Cow<'a, str> {
        self.get(C::LIST, code.as_code(), lang).map_or_else(|| code.label_in(lang), Cow::Borrowed)
    }
}

/// One row of the table of all code lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeRow {
    /// Name of the list.
    pub list: String,
    /// The code.
    pub code: String,
    /// Vietnamese label.
    pub vi: String,
    /// English label.
    pub en: String,
}

/// Every known code of every list, lists and codes in their order, with `labels` applied.
pub fn all_code_lists(labels: &Labels) -> Vec<CodeRow> {
    let mut rows = Vec::new();
    add::<Programme>(&mut rows, labels);
    add::<VisitStatus>(&mut rows, labels);
    add::<PlaceKind>(&mut rows, labels);
    add::<Venue>(&mut rows, labels);
    add::<TeamRole>(&mut rows, labels);
    add::<Activity>(&mut rows, labels);
    add::<IssueKind>(&mut rows, labels);
    add::<IssueField>(&mut rows, labels);
    add::<Priority>(&mut rows, labels);
    add::<IssueStatus>(&mut rows, labels);
    add::<Outcome>(&mut rows, labels);
    add::<Confirmation>(&mut rows, labels);
    add::<ReplyChannel>(&mut rows, labels);
    add::<ReporterMode>(&mut rows, labels);
    add::<Consent>(&mut rows, labels);
    add::<ConsentMethod>(&mut rows, labels);
    add::<Confidentiality>(&mut rows, labels);
    add::<HotSpot>(&mut rows, labels);
    add::<BrightSpotStage>(&mut rows, labels);
    add::<FindingKind>(&mut rows, labels);
    add::<FindingResponse>(&mut rows, labels);
    add::<Satisfaction>(&mut rows, labels);
    add::<GpsMissingReason>(&mut rows, labels);
    add::<GpsSource>(&mut rows, labels);
    add::<PeopleVisible>(&mut rows, labels);
    add::<PhotoConsent>(&mut rows, labels);
    add::<UnitType>(&mut rows, labels);
    rows
}

fn add<C: CodeList>(rows: &mut Vec<CodeRow>, labels: &Labels) {
    rows.extend(C::known().iter().map(|code| CodeRow {
        list: C::LIST.to_owned(),
        code: code.as_code().to_owned(),
        vi: labels.label(code, Lang::Vi).into_owned(),
        en: labels.label(code, Lang::En).into_owned(),
    }));
}

#[cfg(test)]
mod tests;
