//! Villages and residential groups: thôn, buôn, bon, bản, tổ dân phố, khu phố.

use serde::Deserialize;

use crate::codes::{Lang, PlaceKind};
use crate::text::fold;

/// One row of a table of villages; the fields are its columns.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct VillageRow {
    /// Code of the unit, 5 digits.
    pub unit: String,
    /// Kind: its code (`thon`) or its word (`Thôn`).
    pub kind: String,
    /// Name, with or without the word of its kind.
    pub name: String,
    /// First day, `yyyy-mm-dd`; empty: from the start.
    #[serde(default)]
    pub valid_from: String,
    /// Last day, `yyyy-mm-dd`; empty: open.
    #[serde(default)]
    pub valid_to: String,
}

impl VillageRow {
    /// The kind that the row names; `None` if there is no such kind.
    pub fn place_kind(&self) -> Option<PlaceKind> {
        let (word, code) = (fold(&self.kind), self.kind.trim());
        let mut kinds = PlaceKind::KNOWN.iter().filter(|kind| **kind != PlaceKind::Miscellaneous);
        kinds.find(|kind| kind.as_str() == code || fold(&kind.label(Lang::Vi)) == word).cloned()
    }
}

/// What a village is compared by within its unit: its folded name with the word of its kind in front, whether somebody
/// wrote that word or not. Empty for an empty name.
///
/// ```
/// use gandan_model::codes::PlaceKind;
/// use gandan_model::org::village_key;
///
/// assert_eq!(village_key(Some(&PlaceKind::Bon), "N'Ting"), village_key(Some(&PlaceKind::Bon), "Bon N’Ting"));
/// assert_ne!(village_key(Some(&PlaceKind::Thon), "1"), village_key(Some(&PlaceKind::KhuPho), "1"));
/// ```
pub fn village_key(kind: Option<&PlaceKind>, name: &str) -> String {
    let name = fold(name);
    let word = kind.map(|kind| fold(&kind.label(Lang::Vi))).unwrap_or_default();
    if name.is_empty() || word.is_empty() || name == word || name.starts_with(&format!("{word} ")) {
        return name;
    }
    format!("{word} {name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_known_by_code_and_by_word() {
        let row = |kind: &str| VillageRow { kind: kind.to_owned(), ..VillageRow::default() };
        assert_eq!(row("to_dan_pho").place_kind(), Some(PlaceKind::ToDanPho));
        assert_eq!(row("Tổ dân phố").place_kind(), Some(PlaceKind::ToDanPho));
        assert_eq!(row("BUÔN").place_kind(), Some(PlaceKind::Buon));
        assert_eq!(row("other").place_kind(), None);
        assert_eq!(row("làng").place_kind(), None);
    }

    #[test]
    fn a_name_that_begins_like_its_kind_gets_the_word_all_the_same() {
        assert_eq!(village_key(Some(&PlaceKind::Bon), "Bông Lai"), "bon bong lai");
        assert_eq!(village_key(Some(&PlaceKind::Thon), "Thôn 1"), "thon 1");
        assert_eq!(village_key(Some(&PlaceKind::Thon), " "), "");
    }
}
