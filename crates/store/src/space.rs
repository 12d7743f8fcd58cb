//! The spaces that this phone may see, and how far it has read them.

use gandan_model::ids::{Compartment, DocId, SpaceId};
use gandan_model::mutant;
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::project::forget;
use crate::state::change;
use crate::{Store, Writing, attachment, decision, setting};

/// What a grant allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// To see what is there.
    Read,
    /// To add, without seeing what others wrote.
    Write,
    /// Both.
    Both,
}

impl Access {
    const fn number(self) -> i64 {
        match self {
            Self::Read => 1,
            Self::Write => 2,
            Self::Both => 3,
        }
    }

    fn from_number(number: i64) -> Option<Self> {
        [Self::Read, Self::Write, Self::Both].into_iter().find(|access| access.number() == number)
    }
}

/// A grant, as the server gives it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceGrant {
    /// The space.
    pub space: SpaceId,
    /// Code of its unit.
    pub unit: String,
    /// Its compartment.
    pub compartment: Compartment,
    /// What is allowed there.
    pub access: Access,
}

/// A place in a space's log: number and hash chain up to there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// The last envelope's number; 0 for the beginning.
    pub seq: u64,
    /// The hash chain there.
    pub chain: [u8; 32],
}

/// A sum over the documents of a space: their number and the sum of the hashes of their heads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Digest {
    /// How many documents.
    pub count: u64,
    /// The sum.
    pub sum: [u8; 32],
}

/// A space and how far this phone has read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpaceState {
    /// The space.
    pub space: SpaceId,
    /// Code of its unit.
    pub unit: String,
    /// Its compartment.
    pub compartment: Compartment,
    /// What is allowed there; `None` once the grant was taken and unsent work keeps the space here.
    pub access: Option<Access>,
    /// How far this phone has read the log.
    pub cursor: Cursor,
    /// The digest there.
    pub digest: Digest,
}

/// What taking a grant removed, and what it did not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TakenGrant {
    /// How many documents left the phone.
    pub removed: usize,
    /// Documents that stay because something in them was never confirmed by the server.
    pub kept: Vec<DocId>,
}

impl Store {
    /// Adds a space, or changes what is allowed in it.
    pub fn grant(&mut self, grant: &SpaceGrant) -> Result<(), StoreError> {
        self.write(|writing| {
            writing
                .prepare_cached(
                    "INSERT INTO space (id, unit, compartment, access, cursor_seq, cursor_chain, digest_count, digest_sum)
                     VALUES (?1, ?2, ?3, ?4, 0, zeroblob(32), 0, zeroblob(32))
                     ON CONFLICT (id) DO UPDATE SET unit = ?2, compartment = ?3, access = ?4",
                )?
                .execute(params![
                    grant.space.0,
                    grant.unit,
                    grant.compartment.number(),
                    grant.access.number()
                ])?;
            copy_spaces(writing)
        })
    }

    /// Takes a space away: everything that the server has of it, in its log or in quarantine, leaves the phone.
    /// Documents with changes that the server never confirmed stay until they are sent or somebody decides; drafts stay
    /// too. Can be called again when more was confirmed.
    pub fn take_grant(&mut self, space: SpaceId) -> Result<TakenGrant, StoreError> {
        self.write(|writing| {
            let Some((n, _)) = find(writing, space)? else { return Ok(TakenGrant::default()) };
            let documents = documents_of(writing, n)?;
            let mut taken = TakenGrant::default();
            for (doc, id, unsent) in documents {
                if unsent && !mutant::on("drops_unsent") {
                    taken.kept.push(id);
                } else {
                    remove(writing, doc, false)?;
                    taken.removed += 1;
                }
            }
            if taken.kept.is_empty() {
                writing.execute("DELETE FROM space WHERE n = ?1", [n])?;
            } else {
                writing.execute(
                    "UPDATE space SET access = 0, cursor_seq = 0, cursor_chain = zeroblob(32), digest_count = 0,
                     digest_sum = zeroblob(32) WHERE n = ?1",
                    [n],
                )?;
                // Should the grant come back, the log is read again from its beginning, and counted again.
                writing.execute("UPDATE document SET log_heads = x'' WHERE space = ?1", [n])?;
            }
            writing
                .execute("UPDATE envelope SET bytes = NULL WHERE space = ?1 AND state IN (2, 3, 5, 6)", [space.0])?;
            decision::forget(writing, Some(space))?;
            for table in ["line", "offer"] {
                writing.execute(&format!("DELETE FROM {table} WHERE space = ?1"), [n])?;
            }
            // Words of removed documents must not stay behind in the index.
            writing.execute("INSERT INTO search (search) VALUES ('optimize')", [])?;
            copy_spaces(writing)?;
            Ok(taken)
        })
        .and_then(|taken| self.empty_log().map(|()| taken))
    }

    /// The grant of a space is over, but what is in it stays until [`Store::take_grant`]: the server has to be given
    /// something back first.
    pub fn close_space(&mut self, space: SpaceId) -> Result<(), StoreError> {
        self.write(|writing| {
            writing.execute("UPDATE space SET access = 0 WHERE id = ?1", [space.0])?;
            copy_spaces(writing)
        })
    }

    /// Removes everything from the phone: records, drafts, keys, what was set aside by repairs. The file that remains
    /// is as one that was just made.
    pub fn wipe(&mut self) -> Result<(), StoreError> {
        self.write(|writing| {
            for table in [
                "attachment_use",
                "visit_list",
                "issue_list",
                "list_row",
                "search",
                "change",
                "document",
                "envelope",
                "draft",
            ] {
                writing.execute(&format!("DELETE FROM {table}"), [])?;
            }
            for table in
                ["erased", "salvage_note", "line", "offer", "space", "setting", "attachment", "attachment_piece"]
            {
                writing.execute(&format!("DELETE FROM {table}"), [])?;
            }
            writing.execute("INSERT INTO search (search) VALUES ('optimize')", [])?;
            Ok(())
        })?;
        match self.read(|connection| Ok(connection.execute_batch("VACUUM")?)) {
            // Every page is overwritten already; where there is no room for a second file this one keeps its size.
            Err(StoreError::DiskFull) => {}
            done => done?,
        }
        self.empty_log()?;
        self.files.remove_set_aside()
    }

    /// All spaces, in the order in which they were granted.
    pub fn spaces(&self) -> Result<Vec<SpaceState>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM space ORDER BY n"))?;
            let rows = statement.query_map([], read)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// One space, if this device was ever granted it.
    pub fn space(&self, space: SpaceId) -> Result<Option<SpaceState>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM space WHERE id = ?1"))?;
            Ok(statement.query_row([space.0], read).optional()?)
        })
    }

    /// Erases a document, as the law demands: its changes, rows and draft, sent or not, are overwritten on
    /// disk, and it never comes back. On a full disk pages of before stay in the write-ahead log until the next opening with
    /// room. False if it had been erased before.
    pub fn erase(&mut self, id: DocId) -> Result<bool, StoreError> {
        let erased = self.write(|writing| erase(writing, id))?;
        if erased {
            self.empty_log()?;
        }
        Ok(erased)
    }

    /// Empties the write-ahead log, which may still hold pages as they were before an erasure.
    pub(crate) fn empty_log(&self) -> Result<(), StoreError> {
        self.read(empty_log)
    }
}

/// Syncs the write-ahead log, moves what it holds into the file, and cuts it off; nothing is done if there is none. On a
/// full disk it stays, synced, until there is room: it is emptied whenever the store is opened.
pub(crate) fn empty_log(connection: &Connection) -> Result<(), StoreError> {
    match connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).map_err(StoreError::from) {
        Err(StoreError::DiskFull) => Ok(()),
        done => done,
    }
}

const COLUMNS: &str = "id, unit, compartment, access, cursor_seq, cursor_chain, digest_count, digest_sum";

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<SpaceState> {
    Ok(SpaceState {
        space: SpaceId(row.get(0)?),
        unit: row.get(1)?,
        compartment: Compartment::from_number(row.get(2)?).unwrap_or(Compartment::Sealed),
        access: Access::from_number(row.get(3)?),
        cursor: Cursor { seq: row.get(4)?, chain: row.get(5)? },
        digest: Digest { count: row.get(6)?, sum: row.get(7)? },
    })
}

pub(crate) fn erase(writing: &Writing<'_>, id: DocId) -> Result<bool, StoreError> {
    let new =
        writing.execute("INSERT INTO erased (reason, id) VALUES ('erased', ?1) ON CONFLICT DO NOTHING", [id.0])?;
    writing.execute("DELETE FROM draft WHERE id = ?1", [id.0])?;
    if let Some(entry) = crate::document::find(writing, id)? {
        remove(writing, entry.n, true)?;
        writing.execute("INSERT INTO search (search) VALUES ('optimize')", [])?;
    }
    Ok(new > 0)
}

/// Removes a document with all that belongs to it. Files that the server does not have stay unless `force`d.
fn remove(writing: &Writing<'_>, doc: i64, force: bool) -> Result<(), StoreError> {
    forget(writing, doc)?;
    attachment::forget(writing, doc, force)?;
    writing.prepare_cached("DELETE FROM change WHERE doc = ?1")?.execute([doc])?;
    writing.prepare_cached("DELETE FROM document WHERE n = ?1")?.execute([doc])?;
    Ok(())
}

/// The documents of a space: number, id, and whether the server lacks something of it. A draft alone
/// needs no document to live on.
fn documents_of(connection: &Connection, space: i64) -> Result<Vec<(i64, DocId, bool)>, StoreError> {
    let mut statement = connection.prepare(
        "SELECT n, id, EXISTS (
             SELECT 1 FROM change c WHERE c.doc = d.n AND c.state IN (?2, ?3, ?4)
         ) FROM document d WHERE space = ?1",
    )?;
    let rows = statement.query_map([space, change::SAVED, change::SEALED, change::OWN_REFUSED], |row| {
        Ok((row.get(0)?, DocId(row.get(1)?), row.get(2)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A space's number and unit.
pub(crate) fn find(connection: &Connection, space: SpaceId) -> Result<Option<(i64, String)>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT n, unit FROM space WHERE id = ?1")?;
    Ok(statement.query_row([space.0], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
}

pub(crate) fn number(connection: &Connection, space: SpaceId) -> Result<Option<i64>, StoreError> {
    Ok(find(connection, space)?.map(|(n, _)| n))
}

/// A space as it is kept a second time, on another page of the file: without it the changes of a salvaged
/// file could not be sent to anybody.
#[derive(Serialize, Deserialize)]
pub(crate) struct SpaceCopy {
    pub(crate) n: i64,
    pub(crate) id: SpaceId,
    pub(crate) unit: String,
    pub(crate) compartment: u8,
    pub(crate) access: i64,
}

pub(crate) const SPACES: &str = "spaces";

fn copy_spaces(connection: &Connection) -> Result<(), StoreError> {
    let mut statement = connection.prepare("SELECT n, id, unit, compartment, access FROM space ORDER BY n")?;
    let rows = statement.query_map([], |row| {
        Ok(SpaceCopy {
            n: row.get(0)?,
            id: SpaceId(row.get(1)?),
            unit: row.get(2)?,
            compartment: row.get(3)?,
            access: row.get(4)?,
        })
    })?;
    setting::set_json(connection, SPACES, &rows.collect::<Result<Vec<_>, _>>()?)
}
