//! Text as people write it: normal form, limits, search form and sort key.
//!
//! Text is stored in NFC and never restricted to the Vietnamese alphabet, because place names of minorities use more
//! letters. Two derived forms exist and are never shown: [`fold`] for search and [`viet_key`] for sorting.

use thiserror::Error;
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

mod viet_key;

pub use viet_key::viet_key;

/// Largest visit note, in characters.
pub const MAX_NOTE_CHARS: usize = 20_000;
/// Largest description of an issue, in characters.
pub const MAX_DESCRIPTION_CHARS: usize = 4_000;
/// Largest text of a result or reply, in characters.
pub const MAX_RESULT_CHARS: usize = 4_000;
/// Largest title, in characters.
pub const MAX_TITLE_CHARS: usize = 200;
/// Largest name of a place, person of the staff, agency or document, in characters.
pub const MAX_NAME_CHARS: usize = 200;

/// Why a text cannot be taken as it is. Carries the field's name and sizes, never the text.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TextError {
    /// A control character other than line feed and tab.
    #[error("{field}: control character at character {at}")]
    ControlCharacter {
        /// The field.
        field: String,
        /// Position in characters of the NFC text, from 0.
        at: usize,
    },
    /// More characters than the field holds.
    #[error("{field}: {found} characters, at most {max}")]
    TooLong {
        /// The field.
        field: String,
        /// The limit, in characters.
        max: usize,
        /// What came, in characters.
        found: usize,
    },
}

impl TextError {
    /// Stable code of the error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::ControlCharacter { .. } => "text_control_character",
            Self::TooLong { .. } => "text_too_long",
        }
    }

    /// The field the error is about.
    pub fn field(&self) -> &str {
        match self {
            Self::ControlCharacter { field, .. } | Self::TooLong { field, .. } => field,
        }
    }
}

/// The text in Unicode normal form C. Refuses nothing.
pub fn nfc(text: &str) -> String {
    text.nfc().collect()
}

/// The text as it is stored: NFC, and line ends of every origin (CR LF, CR) as LF. Refuses nothing.
pub fn clean(text: &str) -> String {
    let text = nfc(text);
    if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n") } else { text }
}

/// Cleans a text for storing and checks it.
///
/// Takes the field's name (for the error), the text and the limit in characters (Unicode scalar values after NFC).
/// Gives the [`clean`] text. Errors: [`TextError::TooLong`], [`TextError::ControlCharacter`] for NUL and every other
/// control character (C0, DEL, C1) except line feed and tab.
pub fn check_text(field: &str, text: &str, max_chars: usize) -> Result<String, TextError> {
    let text = clean(text);
    let found = text.chars().count();
    if found > max_chars {
        return Err(TextError::TooLong { field: field.to_owned(), max: max_chars, found });
    }
    match text.chars().position(|c| c.is_control() && c != '\n' && c != '\t') {
        Some(at) => Err(TextError::ControlCharacter { field: field.to_owned(), at }),
        None => Ok(text),
    }
}

/// Whether a character is used as an apostrophe in names such as B'Lao, D’Ran or M'Nông.
pub(crate) fn is_apostrophe(c: char) -> bool {
    matches!(
        c,
        '\'' | '\u{2019}'
            | '\u{2018}'
            | '\u{201B}'
            | '\u{02BC}'
            | '\u{02BB}'
            | '`'
            | '\u{00B4}'
            | '\u{2032}'
            | '\u{FF07}'
    )
}

/// The search form of a text: what a person types to find a name, without the marks they may leave out.
///
/// - lower case; all diacritics and tones dropped (so `Thủy` = `Thuỷ` = `thuy`, `Đăk` = `Đắk` = `dak`); `đ` is `d`;
/// - apostrophes of every kind dropped (`B'Lao` = `B’Lao` = `blao`);
/// - hyphens, dashes and all other signs are one space; no space at the ends;
/// - `y` directly after a consonant or after `qu` is `i` (`Quý` = `Quí`, `Lý` = `Lí`, `Mỹ` = `Mĩ`). After a vowel and
///   at the start of a word it stays (`Thúy` is not `Thúi`, `Tây` is not `Tai`). The rule looks only to the left, so
///   the form of a beginning stays a beginning of the form, which search while typing needs.
///
/// Folding twice changes nothing.
pub fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut gap = false;
    let chars = text.chars().filter(|c| !is_apostrophe(*c)).nfkd();
    let chars = chars.flat_map(char::to_lowercase).nfkd();
    for c in chars.filter(|c| !is_combining_mark(*c) && !is_apostrophe(*c)) {
        if c.is_alphanumeric() {
            if gap && !out.is_empty() {
                out.push(' ');
            }
            gap = false;
            push_folded(&mut out, c);
        } else {
            gap = true;
        }
    }
    out
}

/// The words of [`fold`], in order.
pub fn fold_tokens(text: &str) -> Vec<String> {
    fold(text).split(' ').filter(|token| !token.is_empty()).map(str::to_owned).collect()
}

fn push_folded(out: &mut String, c: char) {
    let c = match c {
        // Crossed and hooked letters have no decomposition. The eth and the African d stand in for đ in old files.
        'đ' | 'ð' | 'ɖ' | 'ɗ' => 'd',
        'ƀ' | 'ɓ' => 'b',
        'ł' => 'l',
        'ø' => 'o',
        'ı' => 'i',
        'y' if y_is_i(out) => 'i',
        other => other,
    };
    out.push(c);
}

/// Whether a `y` that follows `before` is written `i` as well.
fn y_is_i(before: &str) -> bool {
    let mut back = before.chars().rev();
    match back.next() {
        Some('u') => back.next() == Some('q'),
        Some(c) => c.is_ascii_alphabetic() && !matches!(c, 'a' | 'e' | 'i' | 'o' | 'y'),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use proptest::prelude::*;

    use super::*;

    fn same(a: &str, b: &str) {
        assert_eq!(fold(a), fold(b), "{a} / {b}");
    }

    #[test]
    fn fold_finds_all_spellings() {
        assert_eq!(fold("Phường Xuân Hương - Đà Lạt"), "phuong xuan huong da lat");
        for other in ["B’Lao", "BʼLao", "B`Lao", "blao", "B´Lao"] {
            same("B'Lao", other);
        }
        same("D'Ran", "dran");
        same("Phú Thủy", "Phú Thuỷ");
        same("Đăk Glong", "Đắk Glong");
        same("Phú Quí", "phu quy");
        same("Lý", "Lí");
        same("Mỹ Đức", "Mĩ Đức");
        same("Bu N'Đơr", "bu nđơr");
        assert_eq!(fold("Akŏ Dhŏng"), "ako dhong");
        same("Ðà Lạt", "Đà Lạt");
        assert_eq!(fold("  88/KH-TTr  "), "88 kh ttr");
        assert_eq!(fold("- '"), "");
        assert_eq!(fold("Ky Ƀrê"), "ki bre");
    }

    #[test]
    fn fold_keeps_different_syllables_apart() {
        assert_ne!(fold("Thúy"), fold("Thúi"));
        assert_ne!(fold("Tây"), fold("Tai"));
        assert_eq!(fold("Y tế"), "y te");
        assert_eq!(fold("yên"), "yen");
        assert_eq!(fold("2y"), "2y");
    }

    #[test]
    fn fold_does_not_care_about_the_normal_form() {
        let nfd: String = "Thủy, Đắk R'Lấp, Đường".nfd().collect();
        same(&nfd, "Thủy, Đắk R'Lấp, Đường");
        assert_eq!(fold_tokens("Xã  Đam Rông 4"), ["xa", "dam", "rong", "4"]);
        assert!(fold_tokens(" - ").is_empty());
    }

    #[test]
    fn check_text_counts_characters_after_nfc() {
        let nfd: String = "ế".repeat(10).nfd().collect();
        assert_eq!(nfd.chars().count(), 30);
        assert_eq!(check_text("title", &nfd, 10).unwrap(), "ế".repeat(10));
        let err = check_text("title", &"ế".repeat(11), 10).unwrap_err();
        assert_eq!(err.code(), "text_too_long");
        assert_eq!(err, TextError::TooLong { field: "title".into(), max: 10, found: 11 });
        assert_eq!(check_text("note", "👨‍👩‍👧", 5).unwrap().chars().count(), 5);
    }

    #[test]
    fn check_text_refuses_control_characters() {
        for bad in ["a\0", "a\u{1b}[0m", "a\u{7f}", "a\u{85}"] {
            let err = check_text("note", bad, 10).unwrap_err();
            assert_eq!(err, TextError::ControlCharacter { field: "note".into(), at: 1 });
            assert_eq!((err.code(), err.field()), ("text_control_character", "note"));
        }
        assert_eq!(check_text("note", "=1\t\"<&\r\nb\rc", 20).unwrap(), "=1\t\"<&\nb\nc");
        assert_eq!(check_text("note", "", 0).unwrap(), "");
    }

    proptest! {
        #[test]
        fn fold_is_idempotent(text in any::<String>()) {
            let once = fold(&text);
            prop_assert_eq!(fold(&once), once);
        }

        #[test]
        fn fold_of_a_beginning_is_a_beginning(text in "[a-zA-ZđĐýỳủắểộơưă' -]{0,24}", cut in 0usize..24) {
            let start: String = text.chars().take(cut).collect();
            prop_assert!(fold(&text).starts_with(&fold(&start)));
        }

        #[test]
        fn clean_text_passes_again_unchanged(text in any::<String>()) {
            if let Ok(clean_text) = check_text("f", &text, 10_000) {
                prop_assert_eq!(check_text("f", &clean_text, 10_000).unwrap(), clean_text);
            }
        }
    }
}
