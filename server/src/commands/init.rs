//! `init`: a new data folder.

use std::path::{Path, PathBuf};

use clap::Args;
use gandan_model::org::{Area, AreaMember, OrgTree, UnitRow};
use serde::Deserialize;
use serde_json::json;

use super::{Common, local_time};
use crate::auth::{Role, ScopeLine, new_secret};
use crate::clock::{Clock, SystemClock};
use crate::db::sqlite::people::{Official, Purpose};
use crate::db::sqlite::{CORE, org, people};
use crate::db::{Db, DbError, DbOptions};
use crate::error::ServerError;
use crate::folder::Folder;

/// Id of the first administrator.
const ADMINISTRATOR: &str = "administrator";
/// How long the first login is valid: 7 days.
const LOGIN_MS: i64 = 7 * 24 * 3600 * 1000;

#[derive(Debug, Args)]
pub(super) struct Init {
    #[command(flatten)]
    common: Common,
    /// Units: a CSV file with the columns of lam-dong-units.csv
    #[arg(long, value_name = "FILE")]
    units: PathBuf,
    /// Areas: a CSV file with the columns id, name, unit, and optionally `valid_from`, `valid_to`
    #[arg(long, value_name = "FILE")]
    areas: Option<PathBuf>,
    /// Bring the units and areas of an existing data folder up to date
    #[arg(long)]
    update: bool,
}

#[derive(Deserialize)]
struct AreaRow {
    id: String,
    name: String,
    unit: String,
    #[serde(default)]
    valid_from: Option<jiff::civil::Date>,
    #[serde(default)]
    valid_to: Option<jiff::civil::Date>,
}

impl Init {
    pub(super) fn run(&self) -> Result<(), ServerError> {
        let tree = read_tree(&self.units, self.areas.as_deref())?;
        let path = &self.common.data;
        if path.join(CORE).exists() != self.update {
            let (code, message) = if self.update {
                ("not_initialised", "no database in the data folder; run without --update")
            } else {
                (
                    "already_initialised",
                    "the data folder holds a database already; to bring its units up to date add --update",
                )
            };
            return Err(ServerError::invalid(code, message));
        }
        let now_ms = SystemClock.now_ms();
        let folder = Folder::create(path)?;
        let db = Db::open_core(path, DbOptions::default())?;
        let code = new_secret::<16>().map_err(|error| ServerError::Internal(error.to_string()))?;
        let expires_ms = now_ms + LOGIN_MS;
        let imported = db.write(|transaction| {
            let imported = org::import(transaction, &tree, random_id)?;
            if !self.update {
                let official = Official {
                    id: ADMINISTRATOR.to_owned(),
                    name: ADMINISTRATOR.to_owned(),
                    role: Role::Administrator,
                };
                people::put_official(transaction, &official, &[ScopeLine::Province], now_ms)?;
                people::put_code(transaction, &code, Purpose::Login, &official.id, now_ms, expires_ms)?;
            }
            Ok(imported)
        })?;
        let mut answer = json!({"units": imported.units, "areas": imported.areas, "new_spaces": imported.spaces});
        let mut text = format!("{} units, {} areas, {} new spaces", imported.units, imported.areas, imported.spaces);
        if !self.update {
            folder.server_device()?;
            folder.new_incarnation(now_ms)?;
            let expires_at = local_time(expires_ms);
            answer["login"] = json!({"name": ADMINISTRATOR, "code": code, "expires_at": expires_at});
            text += &format!(
                "\nadministrator's one-time login code: {code}\n\
                 valid until {expires_at}; exchange it for a token with POST /api/v1/login {{\"code\": …}}"
            );
        }
        self.common.say(&answer, &text)
    }
}

fn random_id() -> Result<[u8; 16], DbError> {
    let mut id = [0; 16];
    getrandom::fill(&mut id).map_err(DbError::internal)?;
    Ok(id)
}

fn read_tree(units: &Path, areas: Option<&Path>) -> Result<OrgTree, ServerError> {
    let bad =
        |path: &Path, message: String| ServerError::invalid("bad_units", format!("{}: {message}", path.display()));
    let rows: Vec<UnitRow> = read_rows(units)?;
    if rows.is_empty() {
        return Err(bad(units, "the file has no units".to_owned()));
    }
    let mut tree = OrgTree::from_rows(rows).map_err(|error| bad(units, error.to_string()))?;
    let Some(path) = areas else { return Ok(tree) };
    let mut found: Vec<Area> = Vec::new();
    for row in read_rows::<AreaRow>(path)? {
        let member = AreaMember { unit: row.unit, valid_from: row.valid_from, valid_to: row.valid_to };
        match found.iter_mut().find(|area| area.id == row.id) {
            Some(area) => area.members.push(member),
            None => {
                found.push(Area {
                    id: row.id,
                    name: row.name,
                    members: vec![member],
                    valid_from: None,
                    valid_to: None,
                });
            }
        }
    }
    for area in found {
        tree.add_area(area).map_err(|error| bad(path, error.to_string()))?;
    }
    Ok(tree)
}

fn read_rows<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Vec<T>, ServerError> {
    let file = std::fs::File::open(path).map_err(ServerError::io(format!("read {}", path.display())))?;
    let rows = csv::Reader::from_reader(file).into_deserialize().collect::<Result<Vec<T>, _>>();
    rows.map_err(|error| ServerError::invalid("bad_units", format!("{}: {error}", path.display())))
}
