//! The organisation tree: province, communes, areas, and how people find them by old and new names.
//!
//! Since 1 July 2025 government has two levels, province and commune. Areas (a land registry branch, an agricultural
//! station, a cluster of a team) are a free grouping beside them: they overlap, have dates of effect and no legal
//! level. Old districts and provinces are ready-made areas, because people still search and group by them.
//!
//! The tree is built from rows that the caller has read ([`UnitRow`] has the column names of
//! `data/lam-dong-units.csv`); nothing here reads files.

use std::collections::BTreeMap;

use jiff::civil::{Date, date};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::codes::UnitType;
use crate::text::{TextError, check_text, fold};

mod find;
mod village;

pub use find::{Found, FoundBy};
pub use village::{VillageRow, village_key};

/// The units file compiled into the program, as CSV with a header row.
pub const UNITS_CSV: &str = include_str!("../data/lam-dong-units.csv");

/// Most rows a tree is built from.
pub const MAX_UNITS: usize = 20_000;

/// Largest text of one column, in characters.
const MAX_COLUMN_CHARS: usize = 2_000;

/// Day on which the communes of the units file came into being.
const TWO_LEVELS_SINCE: Date = date(2025, 7, 1);

/// What is wrong with the rows or an area.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OrgError {
    /// A unit code is not 5 digits, or a province code not 2.
    #[error("row {row}: unit code must be 5 digits and province code 2")]
    Code {
        /// Row, from 1, without the header.
        row: usize,
    },
    /// A code stands twice.
    #[error("unit {0} stands twice")]
    Duplicate(String),
    /// Latitude or longitude is out of range, or only one of them is given.
    #[error("unit {0}: latitude is -90 to 90 and longitude -180 to 180 degrees, both or none")]
    Coordinates(String),
    /// The type is not a commune-level one.
    #[error("unit {0}: unknown type")]
    Type(String),
    /// A text is too long or has control characters, or a name is empty.
    #[error("unit {unit}: {error}")]
    Text {
        /// Code of the unit.
        unit: String,
        /// What is wrong.
        error: TextError,
    },
    /// The name is empty.
    #[error("unit {0} has no name")]
    NoName(String),
    /// More rows than a tree holds.
    #[error("too many units")]
    TooMany,
    /// No unit has this code.
    #[error("no unit {0}")]
    UnknownUnit(String),
    /// An area of this id exists already.
    #[error("area {0} exists already")]
    AreaExists(String),
    /// The id or name of an area, or its dates, are not as they should be.
    #[error("area {0}: id and name must not be empty and dates must be in order")]
    Area(String),
}

impl OrgError {
    /// Stable code of the error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Code { .. } => "org_code",
            Self::Duplicate(_) => "org_duplicate",
            Self::Coordinates(_) => "org_coordinates",
            Self::Type(_) => "org_type",
            Self::Text { .. } => "org_text",
            Self::NoName(_) => "org_no_name",
            Self::TooMany => "org_too_many",
            Self::UnknownUnit(_) => "org_unknown_unit",
            Self::AreaExists(_) => "org_area_exists",
            Self::Area(_) => "org_area",
        }
    }
}

/// One row of the units file; the fields are its columns.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct UnitRow {
    /// Official code, 5 digits.
    pub code: String,
    /// Full name with type word.
    pub name: String,
    /// Name without type word.
    pub short_name: String,
    /// Type in Vietnamese: xã, phường, đặc khu.
    pub r#type: String,
    /// Type as code: commune, ward, `special_zone`.
    pub type_en: String,
    /// Code of the province, 2 digits.
    pub province_code: String,
    /// Name of the province.
    pub province: String,
    /// Province before 1 July 2025.
    pub former_province: String,
    /// District that held most of the former units.
    pub former_district_main: String,
    /// All former districts, `; ` between.
    pub former_districts: String,
    /// All former units, `; ` between; `(một phần)` marks a part of one.
    pub former_units: String,
    /// Latitude of a representative point, degrees WGS 84.
    pub lat: Option<f64>,
    /// Longitude of a representative point, degrees WGS 84.
    pub lon: Option<f64>,
    /// Area in square kilometres. Does not add up to the official total.
    pub area_km2: Option<f64>,
    /// Lower case without diacritics; not used, search has its own form.
    pub name_ascii: String,
    /// Other spelling of the name.
    pub alias: String,
}

/// A unit of the tree.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Unit {
    /// Official code: 5 digits for a commune, 2 for a province.
    pub code: String,
    /// Full name with type word, as at the start of a list entry: Xã Đức Trọng.
    pub name: String,
    /// Name without type word.
    pub short_name: String,
    /// Legal type of the unit.
    pub r#type: UnitType,
    /// Name of the province.
    pub province: String,
    /// Province before 1 July 2025; empty for a province.
    pub former_province: String,
    /// District that held most of the former units, for grouping only.
    pub former_district_main: String,
    /// All former districts.
    pub former_districts: Vec<String>,
    /// All former units.
    pub former_units: Vec<String>,
    /// Other spellings.
    pub aliases: Vec<String>,
    /// Latitude of a representative point, degrees WGS 84.
    pub lat: Option<f64>,
    /// Longitude of a representative point, degrees WGS 84.
    pub lon: Option<f64>,
    /// Whether the unit counts as remote and hard to reach for time limits. No list was verified: false until set.
    pub remote: bool,
    /// First day of the unit.
    pub valid_from: Option<Date>,
    /// Last day of the unit.
    pub valid_to: Option<Date>,
    /// Codes of the units above it.
    pub parents: Vec<String>,
}

/// One unit in an area, with the dates of its belonging.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AreaMember {
    /// Code of the unit.
    pub unit: String,
    /// First day; none if from the start.
    pub valid_from: Option<Date>,
    /// Last day; none if open.
    pub valid_to: Option<Date>,
}

/// A grouping of units. Areas overlap freely and are no legal level.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Area {
    /// Id, unique among areas.
    pub id: String,
    /// Name for display.
    pub name: String,
    /// Units with their dates.
    pub members: Vec<AreaMember>,
    /// First day of the area; none if from the start.
    pub valid_from: Option<Date>,
    /// Last day of the area; none if open.
    pub valid_to: Option<Date>,
}

/// Provinces, communes and areas.
#[derive(Clone, Debug, Default)]
pub struct OrgTree {
    units: BTreeMap<String, Unit>,
    areas: BTreeMap<String, Area>,
    index: find::Index,
}

impl OrgTree {
    /// Builds the tree: one unit per row, one per province named, and the former provinces
    /// (`former-lam-dong`, `former-binh-thuan`, `former-dak-nong`) and districts (`former-district-…`) as areas.
    ///
    /// All texts are cleaned to NFC. Errors name the first row that is wrong; nothing is taken then.
    pub fn from_rows(rows: impl IntoIterator<Item = UnitRow>) -> Result<Self, OrgError> {
        let mut tree = Self::default();
        for (number, row) in rows.into_iter().enumerate() {
            if number >= MAX_UNITS {
                return Err(OrgError::TooMany);
            }
            let province_code = row.province_code.clone();
            let unit = unit_from_row(number + 1, row)?;
            tree.units.entry(province_code.clone()).or_insert_with(|| province(&unit, &province_code));
            if tree.units.contains_key(&unit.code) {
                return Err(OrgError::Duplicate(unit.code));
            }
            tree.units.insert(unit.code.clone(), unit);
        }
        tree.add_former_areas();
        tree.index = find::Index::new(tree.units.values());
        Ok(tree)
    }

    fn add_former_areas(&mut self) {
        let communes: Vec<_> = self.communes().cloned().collect();
        for unit in communes {
            self.join_former("former-", &unit.former_province, &unit.code);
            self.join_former("former-district-", &unit.former_district_main, &unit.code);
        }
    }

    fn join_former(&mut self, prefix: &str, name: &str, unit: &str) {
        if name.is_empty() {
            return;
        }
        let id = format!("{prefix}{}", fold(name).replace(' ', "-"));
        let area = self.areas.entry(id.clone()).or_insert_with(|| Area {
            id,
            name: format!("{name} (cũ)"),
            members: Vec::new(),
            valid_from: None,
            valid_to: None,
        });
        let member = AreaMember { unit: unit.to_owned(), valid_from: None, valid_to: None };
        area.members.push(member);
    }

    /// The unit with a code.
    pub fn unit(&self, code: &str) -> Option<&Unit> {
        self.units.get(code)
    }

    /// All units in order of code, provinces among them.
    pub fn units(&self) -> impl Iterator<Item = &Unit> {
        self.units.values()
    }

    /// The units of the commune level in order of code.
    pub fn communes(&self) -> impl Iterator<Item = &Unit> {
        self.units.values().filter(|unit| unit.r#type.is_commune_level())
    }

    /// Marks a unit as remote and hard to reach, or not. Error: [`OrgError::UnknownUnit`].
    pub fn set_remote(&mut self, code: &str, remote: bool) -> Result<(), OrgError> {
        match self.units.get_mut(code) {
            Some(unit) => {
                unit.remote = remote;
                Ok(())
            }
            None => Err(OrgError::UnknownUnit(code.to_owned())),
        }
    }

    /// Adds an area. Errors: [`OrgError::AreaExists`], [`OrgError::Area`], [`OrgError::UnknownUnit`].
    pub fn add_area(&mut self, area: Area) -> Result<(), OrgError> {
        let in_order = |from: Option<Date>, to: Option<Date>| from.zip(to).is_none_or(|(from, to)| from <= to);
        let members_in_order = area.members.iter().all(|m| in_order(m.valid_from, m.valid_to));
        if area.id.is_empty() || area.name.is_empty() || !in_order(area.valid_from, area.valid_to) || !members_in_order
        {
            return Err(OrgError::Area(area.id));
        }
        if let Some(member) = area.members.iter().find(|m| !self.units.contains_key(&m.unit)) {
            return Err(OrgError::UnknownUnit(member.unit.clone()));
        }
        if self.areas.contains_key(&area.id) {
            return Err(OrgError::AreaExists(area.id));
        }
        self.areas.insert(area.id.clone(), area);
        Ok(())
    }

    /// The area with an id.
    pub fn area(&self, id: &str) -> Option<&Area> {
        self.areas.get(id)
    }

    /// All areas in order of id.
    pub fn areas(&self) -> impl Iterator<Item = &Area> {
        self.areas.values()
    }

    /// The units of an area on a day, in order of code, each once. Of a province code all its communes.
    /// Empty for an unknown area or a day outside its dates.
    pub fn members(&self, area: &str, on: Date) -> Vec<&Unit> {
        let mut members: Vec<&Unit> = match self.areas.get(area) {
            Some(area) if is_valid(area.valid_from, area.valid_to, on) => area
                .members
                .iter()
                .filter(|member| is_valid(member.valid_from, member.valid_to, on))
                .filter_map(|member| self.units.get(&member.unit))
                .collect(),
            Some(_) => Vec::new(),
            None => self
                .communes()
                .filter(|unit| unit.parents.iter().any(|parent| parent == area))
                .filter(|unit| is_valid(unit.valid_from, unit.valid_to, on))
                .collect(),
        };
        members.sort_by(|a, b| a.code.cmp(&b.code));
        members.dedup_by(|a, b| a.code == b.code);
        members
    }

    /// The areas a unit belongs to on a day, in order of id.
    pub fn areas_of(&self, unit: &str, on: Date) -> Vec<&Area> {
        let holds = |area: &&Area| {
            is_valid(area.valid_from, area.valid_to, on)
                && area.members.iter().any(|m| m.unit == unit && is_valid(m.valid_from, m.valid_to, on))
        };
        self.areas.values().filter(holds).collect()
    }

    /// Units whose code, name, other spelling, former unit, former district or former province begins with the
    /// words of the query, best first, at most `limit`. Marks, apostrophes and case do not matter; see
    /// [`crate::text::fold`]. An empty query finds nothing.
    pub fn find(&self, query: &str, limit: usize) -> Vec<Found<'_>> {
        self.index.find(&self.units, query, limit)
    }
}

fn is_valid(from: Option<Date>, to: Option<Date>, on: Date) -> bool {
    from.is_none_or(|from| from <= on) && to.is_none_or(|to| on <= to)
}

fn province(unit: &Unit, code: &str) -> Unit {
    Unit {
        code: code.to_owned(),
        name: format!("Tỉnh {}", unit.province),
        short_name: unit.province.clone(),
        r#type: UnitType::Province,
        province: unit.province.clone(),
        former_province: String::new(),
        former_district_main: String::new(),
        former_districts: Vec::new(),
        former_units: Vec::new(),
        aliases: Vec::new(),
        lat: None,
        lon: None,
        remote: false,
        valid_from: None,
        valid_to: None,
        parents: Vec::new(),
    }
}

fn unit_from_row(row_number: usize, row: UnitRow) -> Result<Unit, OrgError> {
    let digits = |code: &str, len| code.len() == len && code.bytes().all(|b| b.is_ascii_digit());
    if !digits(&row.code, 5) || !digits(&row.province_code, 2) {
        return Err(OrgError::Code { row: row_number });
    }
    let code = row.code;
    let in_range = match (row.lat, row.lon) {
        (Some(lat), Some(lon)) => (-90.0..=90.0).contains(&lat) && (-180.0..=180.0).contains(&lon),
        (None, None) => true,
        _ => false,
    };
    if !in_range {
        return Err(OrgError::Coordinates(code));
    }
    let r#type = UnitType::from(row.type_en.as_str());
    if !r#type.is_commune_level() {
        return Err(OrgError::Type(code));
    }
    let text = |field: &str, text: &str| {
        check_text(field, text.trim(), MAX_COLUMN_CHARS).map_err(|error| OrgError::Text { unit: code.clone(), error })
    };
    let list = |field: &str, column: &str| {
        let column = text(field, column)?;
        let parts = column.split(';').map(str::trim).filter(|part| !part.is_empty());
        Ok::<Vec<String>, OrgError>(parts.map(str::to_owned).collect())
    };
    let unit = Unit {
        name: text("name", &row.name)?,
        short_name: text("short_name", &row.short_name)?,
        r#type,
        province: text("province", &row.province)?,
        former_province: text("former_province", &row.former_province)?,
        former_district_main: text("former_district_main", &row.former_district_main)?,
        former_districts: list("former_districts", &row.former_districts)?,
        former_units: list("former_units", &row.former_units)?,
        aliases: list("alias", &row.alias)?,
        lat: row.lat,
        lon: row.lon,
        remote: false,
        valid_from: Some(TWO_LEVELS_SINCE),
        valid_to: None,
        parents: vec![row.province_code],
        code,
    };
    if unit.name.is_empty() || unit.short_name.is_empty() {
        return Err(OrgError::NoName(unit.code));
    }
    Ok(unit)
}

#[cfg(test)]
mod tests;
