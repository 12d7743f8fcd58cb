//! Tables of units, officials and villages: read, compared with what is there, and taken in as a whole or not at all.

use std::io::Cursor;

use calamine::{Data, Reader};
use csv::StringRecord;
use gandan_model::moment::{TimeError, parse_date};
use gandan_model::org::{OrgTree, UnitRow, VillageRow, village_key};
use gandan_model::text::check_text;
use rusqlite::{Connection, OptionalExtension, Transaction};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::admin::{ScopeItem, scope_lines};
use crate::auth::{Role, ScopeLine};
use crate::db::DbError;
use crate::db::sqlite::org;
use crate::db::sqlite::people::{self, Official};
use crate::db::sqlite::villages::{self, Village};
use crate::folder::{Decision, Folder, OfficialLine};
use crate::ledger::{decide, regrant};

/// Most lines of a table.
const MAX_LINES: usize = 5_000;

/// What a table holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Units,
    Officials,
    Villages,
}

impl Kind {
    pub(super) fn read(text: &str) -> Option<Self> {
        [Self::Units, Self::Officials, Self::Villages].into_iter().find(|kind| kind.as_str() == text)
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Units => "units",
            Self::Officials => "officials",
            Self::Villages => "villages",
        }
    }
}

/// A table with named columns.
pub(super) struct Table {
    head: StringRecord,
    lines: Vec<StringRecord>,
}

impl Table {
    /// Reads a CSV or XLSX file. Of a workbook the first sheet counts; formulas are not run, their last value is read.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        let mut lines = if bytes.starts_with(b"PK") { Self::sheet(bytes)? } else { Self::text(bytes)? };
        if lines.len() < 2 {
            return Err("the table has no lines below its head".to_owned());
        }
        if lines.len() > MAX_LINES {
            return Err("the table has more than 5,000 lines".to_owned());
        }
        let head = lines.remove(0).iter().map(|name| name.trim().to_lowercase()).collect();
        Ok(Self { head, lines })
    }

    fn text(bytes: &[u8]) -> Result<Vec<StringRecord>, String> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let reader =
            csv::ReaderBuilder::new().has_headers(false).flexible(true).trim(csv::Trim::All).from_reader(bytes);
        let lines = reader.into_records().take(MAX_LINES + 2).collect::<Result<Vec<_>, _>>();
        lines.map_err(|error| error.to_string())
    }

    fn sheet(bytes: &[u8]) -> Result<Vec<StringRecord>, String> {
        let mut book =
            calamine::Xlsx::new(Cursor::new(bytes)).map_err(|error: calamine::XlsxError| error.to_string())?;
        let range = book.worksheet_range_at(0).ok_or("the workbook has no sheet")?;
        let range = range.map_err(|error| error.to_string())?;
        let cell = |cell: &Data| match cell {
            // Codes that a spreadsheet took for numbers.
            Data::Float(number) if number.fract() == 0.0 => format!("{number:.0}"),
            Data::DateTime(moment) => {
                let (year, month, day, ..) = moment.to_ymd_hms_milli();
                format!("{year:04}-{month:02}-{day:02}")
            }
            Data::Empty => String::new(),
            other => other.to_string().trim().to_owned(),
        };
        Ok(range.rows().take(MAX_LINES + 2).map(|row| row.iter().map(cell).collect()).collect())
    }

    fn rows<'t, T: Deserialize<'t>>(&'t self) -> impl Iterator<Item = (usize, Result<T, String>)> + 't {
        (2..)
            .zip(&self.lines)
            .filter(|(_, line)| line.iter().any(|cell| !cell.is_empty()))
            .map(|(number, line)| (number, line.deserialize(Some(&self.head)).map_err(|error| error.to_string())))
    }
}

/// One line that says something new.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ImportChange {
    /// Code of the unit or id of the official.
    id: String,
    /// Its name.
    name: String,
    /// True if there was none of this id.
    new: bool,
    /// Column.
    field: String,
    /// What stood there.
    old: String,
    /// What will.
    value: String,
}

/// A line that cannot be taken in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ImportFault {
    /// Line of the table; the head is 1.
    line: usize,
    /// What is wrong.
    message: String,
}

/// What a table changes.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct Import {
    /// Lines read.
    lines: usize,
    /// Lines that say what is there already.
    same: usize,
    /// What is new, column by column.
    changes: Vec<ImportChange>,
    /// What is wrong; with one fault nothing is taken in.
    faults: Vec<ImportFault>,
    /// Whether it was done.
    pub(crate) applied: bool,
}

#[derive(Deserialize)]
struct OfficialRow {
    id: String,
    name: String,
    role: String,
    #[serde(default)]
    units: String,
    #[serde(default)]
    areas: String,
}

impl Import {
    fn fault(&mut self, line: usize, message: impl Into<String>) {
        self.faults.push(ImportFault { line, message: message.into() });
    }

    /// Notes what differs between the old values (none: a new line) and the new ones.
    fn compare(&mut self, id: &str, name: &str, old: Option<&[(&str, String)]>, new: &[(&str, String)]) {
        let before = self.changes.len();
        for (place, (field, value)) in new.iter().enumerate() {
            let was = old.and_then(|old| old.get(place)).map(|(_, value)| value.clone()).unwrap_or_default();
            if was != *value {
                self.changes.push(ImportChange {
                    id: id.to_owned(),
                    name: name.to_owned(),
                    new: old.is_none(),
                    field: (*field).to_owned(),
                    old: was,
                    value: value.clone(),
                });
            }
        }
        self.same += usize::from(self.changes.len() == before);
    }

    /// Units: the tree must hold together as a whole.
    pub(super) fn units(transaction: &Transaction<'_>, table: &Table, apply: bool) -> Result<Self, DbError> {
        let mut import = Self::default();
        let mut good = Vec::new();
        for (line, row) in table.rows::<UnitRow>() {
            import.lines += 1;
            match row {
                Ok(row) if row.code.is_empty() || row.name.is_empty() => import.fault(line, "code and name are needed"),
                Ok(row) => {
                    let (old, new) = (unit_now(transaction, &row.code)?, unit_values(&row));
                    import.compare(&row.code, &row.name, old.as_deref(), &new);
                    good.push(row);
                }
                Err(message) => import.fault(line, message),
            }
        }
        if import.faults.is_empty() {
            match OrgTree::from_rows(good) {
                Ok(tree) if apply => {
                    org::import(transaction, &tree, || {
                        let mut id = [0; 16];
                        getrandom::fill(&mut id).map_err(DbError::internal)?;
                        Ok(id)
                    })?;
                    import.applied = true;
                }
                Ok(_) => {}
                Err(error) => import.fault(0, error.to_string()),
            }
        }
        Ok(import)
    }

    /// Villages. A line is about the one of the same name in the same unit: that which begins on the same day, or without
    /// a day the latest; if there is none it is new.
    pub(super) fn villages(transaction: &Transaction<'_>, table: &Table, apply: bool) -> Result<Self, DbError> {
        let mut import = Self::default();
        let mut good: Vec<Village> = Vec::new();
        for (line, row) in table.rows::<VillageRow>() {
            import.lines += 1;
            let village = match row {
                Ok(row) => village_of(transaction, &row)?,
                Err(message) => Err(message),
            };
            match village {
                Ok(mut village) => {
                    let from = village.valid_from.as_deref();
                    let old = villages::find(transaction, &village.unit, &village.key, from)?;
                    if let Some(old) = &old {
                        village.id = old.id;
                        village.valid_from = village.valid_from.or_else(|| old.valid_from.clone());
                    }
                    let place =
                        |village: &Village| (village.unit.clone(), village.key.clone(), village.valid_from.clone());
                    if good.iter().any(|other| place(other) == place(&village)) {
                        import.fault(line, format!("{} stands twice in the table", village.name));
                        continue;
                    }
                    let (id, new) = (format!("{} {}", village.unit, village.key), village_values(&village));
                    import.compare(&id, &village.name, old.as_ref().map(village_values).as_deref(), &new);
                    good.push(village);
                }
                Err(message) => import.fault(line, message),
            }
        }
        if import.faults.is_empty() && apply {
            good.iter().try_for_each(|village| villages::put(transaction, village))?;
            import.applied = true;
        }
        Ok(import)
    }

    /// Officials: `folder` if they are to be taken in.
    pub(super) fn officials(
        transaction: &Transaction<'_>,
        table: &Table,
        folder: Option<&Folder>,
        now_ms: i64,
    ) -> Result<Self, DbError> {
        let mut import = Self::default();
        let mut good: Vec<(Official, Vec<ScopeLine>)> = Vec::new();
        for (line, row) in table.rows::<OfficialRow>() {
            import.lines += 1;
            match row.and_then(|row| official_of(&row)) {
                Ok((official, items)) => match scope_lines(transaction, &items)? {
                    Some(_) if good.iter().any(|(other, _)| other.id == official.id) => {
                        import.fault(line, format!("{} stands twice in the table", official.id));
                    }
                    Some(lines) => {
                        let old = official_now(transaction, &official.id)?;
                        let new = official_values(&official, &lines);
                        import.compare(&official.id, &official.name, old.as_deref(), &new);
                        good.push((official, lines));
                    }
                    None => import.fault(line, "units or areas that are not there, or none"),
                },
                Err(message) => import.fault(line, message),
            }
        }
        let (true, Some(folder)) = (import.faults.is_empty(), folder) else { return Ok(import) };
        for (official, lines) in good {
            people::put_official(transaction, &official, &lines, now_ms)?;
            let scope = people::scope(transaction, &lines, now_ms)?;
            regrant(transaction, &official.id, official.role, &scope)?;
            let line = OfficialLine { id: official.id, name: official.name, role: official.role, scope: lines };
            decide(transaction, folder, &Decision::OfficialMoved { official: line, at_ms: now_ms })?;
        }
        import.applied = true;
        Ok(import)
    }
}

/// A village that a row says: number 0 until it is known to be there.
fn village_of(connection: &Connection, row: &VillageRow) -> Result<Result<Village, String>, DbError> {
    let name = match check_text("name", row.name.trim(), 200) {
        Ok(name) if !name.is_empty() => name,
        Ok(_) => return Ok(Err("name is needed".to_owned())),
        Err(error) => return Ok(Err(error.to_string())),
    };
    let Some(kind) = row.place_kind() else {
        return Ok(Err("kind is thon, buon, bon, ban, to_dan_pho or khu_pho".to_owned()));
    };
    if !org::has_unit(connection, &row.unit)? {
        return Ok(Err(format!("no unit {}", row.unit)));
    }
    let (Ok(valid_from), Ok(valid_to)) = (date_of(&row.valid_from), date_of(&row.valid_to)) else {
        return Ok(Err("dates are written dd/mm/yyyy or yyyy-mm-dd".to_owned()));
    };
    if valid_from.as_ref().zip(valid_to.as_ref()).is_some_and(|(from, to)| from > to) {
        return Ok(Err("valid_from lies after valid_to".to_owned()));
    }
    let key = village_key(Some(&kind), &name);
    let kind = kind.as_str().to_owned();
    Ok(Ok(Village { id: 0, unit: row.unit.clone(), kind, name, key, valid_from, valid_to }))
}

/// A date as people write it, `31/12/2026` or `2026-12-31`, as `2026-12-31`; of an empty cell `None`.
fn date_of(text: &str) -> Result<Option<String>, TimeError> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let parts: Vec<&str> = text.split('/').collect();
    let turned = match parts.as_slice() {
        [day, month, year] => format!("{year}-{month:0>2}-{day:0>2}"),
        _ => text.to_owned(),
    };
    parse_date(&turned).map(|date| Some(date.to_string()))
}

fn village_values(village: &Village) -> Vec<(&'static str, String)> {
    vec![
        ("kind", village.kind.clone()),
        ("name", village.name.clone()),
        ("valid_from", village.valid_from.clone().unwrap_or_default()),
        ("valid_to", village.valid_to.clone().unwrap_or_default()),
    ]
}

fn unit_values(row: &UnitRow) -> Vec<(&'static str, String)> {
    let degrees = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
    vec![
        ("name", row.name.clone()),
        ("short_name", row.short_name.clone()),
        ("type_en", row.type_en.clone()),
        ("lat", degrees(row.lat)),
        ("lon", degrees(row.lon)),
    ]
}

fn unit_now(connection: &Connection, code: &str) -> Result<Option<Vec<(&'static str, String)>>, DbError> {
    let sql = "SELECT name, short_name, kind, lat, lon FROM unit WHERE code = ?1";
    let found = connection.prepare_cached(sql)?.query_row([code], |row| {
        Ok(UnitRow {
            name: row.get(0)?,
            short_name: row.get(1)?,
            type_en: row.get(2)?,
            lat: row.get(3)?,
            lon: row.get(4)?,
            ..UnitRow::default()
        })
    });
    Ok(found.optional()?.as_ref().map(unit_values))
}

fn official_of(row: &OfficialRow) -> Result<(Official, Vec<ScopeItem>), String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if !(1..=64).contains(&row.id.len()) || !row.id.bytes().all(plain) {
        return Err("id: 1 to 64 of A-Z, a-z, 0-9, '.', '_', '-'".to_owned());
    }
    let name = check_text("name", row.name.trim(), 200).map_err(|error| error.to_string())?;
    if name.is_empty() {
        return Err("name is needed".to_owned());
    }
    let role: Role = row.role.trim().parse()?;
    let lines = |kind: &'static str, text: &str| {
        let items = text.split([';', ',']).map(str::trim).filter(|item| !item.is_empty());
        items.map(|value| ScopeItem::new(kind, value)).collect::<Vec<_>>()
    };
    let mut items = lines("unit", &row.units);
    items.extend(lines("area", &row.areas));
    Ok((Official { id: row.id.clone(), name, role }, items))
}

fn official_values(official: &Official, lines: &[ScopeLine]) -> Vec<(&'static str, String)> {
    let joined = |wanted: &str| {
        let mut values: Vec<&str> =
            lines.iter().map(ScopeLine::columns).filter(|(kind, _)| *kind == wanted).map(|(_, value)| value).collect();
        values.sort_unstable();
        values.join("; ")
    };
    vec![
        ("name", official.name.clone()),
        ("role", official.role.to_string()),
        ("units", joined("unit")),
        ("areas", joined("area")),
    ]
}

fn official_now(connection: &Connection, id: &str) -> Result<Option<Vec<(&'static str, String)>>, DbError> {
    let Some(official) = people::official(connection, id)? else { return Ok(None) };
    Ok(Some(official_values(&official, &people::official_scope(connection, id)?)))
}
