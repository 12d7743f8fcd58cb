//! Photographs and other files: their bytes, and where each stands between this phone and the server.

use gandan_model::ids::{FileHash, SpaceId};
use gandan_model::visit::FileUse;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::commit::Commit;
use crate::draft::{Draft, DraftId};
use crate::error::StoreError;
use crate::{Store, Writing};

/// Bytes of a piece: what is read, sent and received at a time. The last piece of a file may be shorter.
pub const PIECE_BYTES: usize = 256 << 10;

/// Where a file stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AttachmentState {
    /// Made here; the server does not have it.
    Waiting,
    /// Made here; the server does not take it, for the reason in [`Attachment::code`].
    Refused,
    /// Here and on the server's disk.
    Held,
    /// On its way from the server.
    Arriving,
    /// Belongs to a draft: it waits until that is saved.
    Drafted,
}

impl AttachmentState {
    const ALL: [Self; 5] = [Self::Waiting, Self::Refused, Self::Held, Self::Arriving, Self::Drafted];

    fn number(self) -> usize {
        self as usize
    }
}

/// What is known of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attachment {
    /// Its name: the SHA-256 of its bytes.
    pub hash: FileHash,
    /// The space of the record that names it.
    pub space: SpaceId,
    /// Its length in bytes.
    pub length: u64,
    /// Its media type.
    pub mime: String,
    /// Whether it is the thumbnail of another one.
    pub thumbnail: bool,
    /// Where it stands.
    pub state: AttachmentState,
    /// Why the server does not take it.
    pub code: Option<String>,
}

/// A file that comes with a save.
#[derive(Debug, Clone, Copy)]
pub struct NewAttachment<'a> {
    /// SHA-256 of the bytes.
    pub hash: FileHash,
    /// The bytes.
    pub bytes: &'a [u8],
    /// Their media type.
    pub mime: &'a str,
    /// Whether it is the thumbnail of another one.
    pub thumbnail: bool,
}

/// How much waits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct AttachmentCounts {
    /// Originals that the server does not have.
    pub originals: u64,
    /// Their bytes.
    pub original_bytes: u64,
    /// Thumbnails that the server does not have.
    pub thumbnails: u64,
    /// Their bytes.
    pub thumbnail_bytes: u64,
    /// Files that the server does not take.
    pub refused: u64,
}

const COLUMNS: &str = "hash, space, length, mime, thumbnail, state, code";

fn attachment(row: &Row<'_>) -> rusqlite::Result<Attachment> {
    let state = AttachmentState::ALL.get(row.get::<_, usize>(5)?).copied();
    Ok(Attachment {
        hash: FileHash(row.get(0)?),
        space: SpaceId(row.get(1)?),
        length: row.get(2)?,
        mime: row.get(3)?,
        thumbnail: row.get(4)?,
        state: state.unwrap_or(AttachmentState::Refused),
        code: row.get(6)?,
    })
}

impl Store {
    /// Saves a change together with the files that it names: all of it is on disk when this returns, or nothing. A file
    /// that is here already is not kept twice.
    ///
    /// # Errors
    ///
    /// Those of [`Store::commit`].
    pub fn commit_with_files(
        &mut self,
        commit: &Commit<'_>,
        files: &[NewAttachment<'_>],
        now_ms: i64,
    ) -> Result<(), StoreError> {
        self.write(|writing| {
            let waiting = AttachmentState::Waiting;
            files.iter().try_for_each(|file| put(writing, commit.space, file, waiting))?;
            crate::commit::save(writing, commit, now_ms)
        })
    }

    /// Keeps a draft together with the files that it names. They are sent once the draft is saved.
    ///
    /// # Errors
    ///
    /// Those of [`Store::save_draft`].
    pub fn save_draft_with_files(
        &mut self,
        draft: &Draft,
        files: &[NewAttachment<'_>],
        now_ms: i64,
    ) -> Result<(), StoreError> {
        self.write(|writing| {
            let drafted = AttachmentState::Drafted;
            files.iter().try_for_each(|file| put(writing, draft.space, file, drafted))?;
            crate::draft::save(writing, draft, now_ms)
        })
    }

    /// Throws a draft away, at the user's wish, and of these files those that nothing but a draft has named. False if
    /// there was no draft.
    pub fn discard_draft_with_files(&mut self, id: DraftId, files: &[FileHash]) -> Result<bool, StoreError> {
        self.write(|writing| {
            files.iter().try_for_each(|file| forget_drafted(writing, *file))?;
            crate::draft::discard(writing, id)
        })
    }

    /// Removes a file that nothing but a draft has named, while that draft is kept without it.
    pub fn save_draft_without_files(
        &mut self,
        draft: &Draft,
        files: &[FileHash],
        now_ms: i64,
    ) -> Result<(), StoreError> {
        self.write(|writing| {
            files.iter().try_for_each(|file| forget_drafted(writing, *file))?;
            crate::draft::save(writing, draft, now_ms)
        })
    }

    /// What is known of a file; `None` if nothing of it is here.
    pub fn attachment(&self, hash: FileHash) -> Result<Option<Attachment>, StoreError> {
        self.read(|connection| find(connection, hash))
    }

    /// A file's bytes; `None` if they are not all here.
    pub fn attachment_bytes(&self, hash: FileHash) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|connection| {
            let Some(file) = find(connection, hash)? else { return Ok(None) };
            let bytes = all_bytes(connection, hash)?;
            Ok((bytes.len() as u64 == file.length).then_some(bytes))
        })
    }

    /// The bytes from `offset` on up to the end of the piece that they are in; empty at the end of the file.
    pub fn attachment_piece(&self, hash: FileHash, offset: u64) -> Result<Vec<u8>, StoreError> {
        let (place, skip) = (offset / PIECE_BYTES as u64, offset % PIECE_BYTES as u64);
        self.read(|connection| {
            let piece = connection
                .prepare_cached("SELECT substr(bytes, ?3) FROM attachment_piece WHERE hash = ?1 AND place = ?2")?
                .query_row(params![hash.0, place, skip + 1], |row| row.get(0))
                .optional()?;
            Ok(piece.unwrap_or_default())
        })
    }

    /// Files that the server does not have: thumbnails first, then in the order in which they were made. `originals`:
    /// also others than thumbnails.
    pub fn waiting_attachments(&self, originals: bool, limit: u32) -> Result<Vec<Attachment>, StoreError> {
        self.read(|connection| {
            let sql = format!(
                "SELECT {COLUMNS} FROM attachment WHERE state = 0 AND (thumbnail OR ?1) ORDER BY thumbnail DESC, n LIMIT ?2"
            );
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map(params![originals, limit], attachment)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// How much waits.
    pub fn attachment_counts(&self) -> Result<AttachmentCounts, StoreError> {
        self.read(|connection| {
            let sql = "SELECT count(*) FILTER (WHERE state = 0 AND NOT thumbnail),
                 ifnull(sum(length) FILTER (WHERE state = 0 AND NOT thumbnail), 0),
                 count(*) FILTER (WHERE state = 0 AND thumbnail),
                 ifnull(sum(length) FILTER (WHERE state = 0 AND thumbnail), 0),
                 count(*) FILTER (WHERE state = 1) FROM attachment WHERE state IN (0, 1)";
            Ok(connection.prepare_cached(sql)?.query_row([], |row| {
                Ok(AttachmentCounts {
                    originals: row.get(0)?,
                    original_bytes: row.get(1)?,
                    thumbnails: row.get(2)?,
                    thumbnail_bytes: row.get(3)?,
                    refused: row.get(4)?,
                })
            })?)
        })
    }

    /// The server has the file on its disk. If no record names it here any more, it leaves the phone.
    pub fn attachment_held(&mut self, hash: FileHash) -> Result<(), StoreError> {
        self.write(|writing| {
            set_state(writing, hash, AttachmentState::Held, None)?;
            forget_unused(writing, hash, false)
        })
    }

    /// The server does not take the file. It stays.
    pub fn attachment_refused(&mut self, hash: FileHash, code: &str) -> Result<(), StoreError> {
        self.write(|writing| set_state(writing, hash, AttachmentState::Refused, Some(code)))
    }

    /// The server was restored and may have lost files: whatever is here is offered again. Refused ones too: the reason
    /// may be gone.
    pub fn offer_attachments_again(&mut self) -> Result<(), StoreError> {
        self.write(|writing| {
            writing.execute("UPDATE attachment SET state = 0, code = NULL WHERE state IN (1, 2)", [])?;
            Ok(())
        })
    }

    /// Thumbnails that records name and that are not here, the latest records first: with the space of the record.
    pub fn missing_thumbnails(&self, limit: u32) -> Result<Vec<(FileHash, SpaceId)>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT u.hash, s.id FROM attachment_use u JOIN document d ON d.n = u.doc JOIN space s ON s.n = d.space
                 WHERE u.thumbnail AND NOT EXISTS (SELECT 1 FROM attachment a WHERE a.hash = u.hash AND a.state <> 3)
                 ORDER BY u.doc DESC LIMIT ?1",
            )?;
            let rows = statement.query_map([limit], |row| Ok((FileHash(row.get(0)?), SpaceId(row.get(1)?))))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// The space of a record that names the file, and whether as a thumbnail; `None` if none does.
    pub fn attachment_use(&self, hash: FileHash) -> Result<Option<(SpaceId, bool)>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT s.id, u.thumbnail FROM attachment_use u JOIN document d ON d.n = u.doc
                 JOIN space s ON s.n = d.space WHERE u.hash = ?1 LIMIT 1",
            )?;
            Ok(statement.query_row([hash.0], |row| Ok((SpaceId(row.get(0)?), row.get(1)?))).optional()?)
        })
    }

    /// How many bytes of a file that is on its way are here: where to go on.
    pub fn arrived_bytes(&self, hash: FileHash) -> Result<u64, StoreError> {
        self.read(|connection| {
            let sql = "SELECT ifnull(sum(length(bytes)), 0) FROM attachment_piece WHERE hash = ?1";
            Ok(connection.prepare_cached(sql)?.query_row([hash.0], |row| row.get(0))?)
        })
    }

    /// Takes in the next piece of a file from the server. With the last one the hash is computed: `Some(true)` if the
    /// file is whole, `Some(false)` if it was another one, and then nothing of it stays.
    ///
    /// # Errors
    ///
    /// [`TooLarge`](StoreError::TooLarge) if the piece is longer than [`PIECE_BYTES`].
    pub fn piece_arrived(&mut self, file: &Attachment, piece: &[u8]) -> Result<Option<bool>, StoreError> {
        if piece.len() > PIECE_BYTES {
            return Err(StoreError::TooLarge { what: "a piece of a file", limit: PIECE_BYTES });
        }
        self.write(|writing| {
            insert(writing, file)?;
            let sql = "SELECT count(*), ifnull(sum(length(bytes)), 0) FROM attachment_piece WHERE hash = ?1";
            let (place, before): (i64, u64) =
                writing.prepare_cached(sql)?.query_row([file.hash.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
            put_piece(writing, file.hash, place, piece)?;
            if before + (piece.len() as u64) < file.length {
                return Ok(None);
            }
            let whole = FileHash(Sha256::digest(all_bytes(writing, file.hash)?).into()) == file.hash;
            if whole {
                set_state(writing, file.hash, AttachmentState::Held, None)?;
            } else {
                delete(writing, file.hash)?;
            }
            Ok(Some(whole))
        })
    }

    /// Removes originals that the server has, the oldest first, until those that stay have at most so many bytes
    /// together. What the server does not have stays in any case. Gives the bytes that went.
    pub fn trim_attachments(&mut self, keep_bytes: u64) -> Result<u64, StoreError> {
        self.write(|writing| {
            let held = "SELECT hash, length FROM attachment WHERE state = 2 AND NOT thumbnail ORDER BY n";
            let mut statement = writing.prepare_cached(held)?;
            let rows = statement.query_map([], |row| Ok((FileHash(row.get(0)?), row.get::<_, u64>(1)?)))?;
            let files = rows.collect::<Result<Vec<_>, _>>()?;
            let mut excess = files.iter().map(|(_, length)| length).sum::<u64>().saturating_sub(keep_bytes);
            let mut removed = 0;
            for (hash, length) in files {
                if excess == 0 {
                    break;
                }
                delete(writing, hash)?;
                removed += length;
                excess = excess.saturating_sub(length);
            }
            Ok(removed)
        })
    }
}

fn find(connection: &Connection, hash: FileHash) -> Result<Option<Attachment>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM attachment WHERE hash = ?1");
    Ok(connection.prepare_cached(&sql)?.query_row([hash.0], attachment).optional()?)
}

fn insert(connection: &Connection, file: &Attachment) -> Result<bool, StoreError> {
    let sql = "INSERT INTO attachment (hash, space, length, mime, thumbnail, state) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (hash) DO NOTHING";
    let state = file.state.number();
    let added = connection.prepare_cached(sql)?.execute(params![
        file.hash.0,
        file.space.0,
        file.length,
        file.mime,
        file.thumbnail,
        state
    ])?;
    Ok(added > 0)
}

fn put(
    writing: &Connection,
    space: SpaceId,
    file: &NewAttachment<'_>,
    state: AttachmentState,
) -> Result<(), StoreError> {
    match find(writing, file.hash)?.map(|known| known.state) {
        Some(AttachmentState::Waiting | AttachmentState::Held) => return Ok(()),
        Some(AttachmentState::Refused | AttachmentState::Arriving | AttachmentState::Drafted) => {
            delete(writing, file.hash)?;
        }
        None => {}
    }
    let row = Attachment {
        hash: file.hash,
        space,
        length: file.bytes.len() as u64,
        mime: file.mime.to_owned(),
        thumbnail: file.thumbnail,
        state,
        code: None,
    };
    insert(writing, &row)?;
    (0_i64..)
        .zip(file.bytes.chunks(PIECE_BYTES))
        .try_for_each(|(place, piece)| put_piece(writing, file.hash, place, piece))
}

fn put_piece(connection: &Connection, hash: FileHash, place: i64, piece: &[u8]) -> Result<(), StoreError> {
    connection
        .prepare_cached("INSERT INTO attachment_piece (hash, place, bytes) VALUES (?1, ?2, ?3)")?
        .execute(params![hash.0, place, piece])?;
    Ok(())
}

fn all_bytes(connection: &Connection, hash: FileHash) -> Result<Vec<u8>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT bytes FROM attachment_piece WHERE hash = ?1 ORDER BY place")?;
    let mut rows = statement.query([hash.0])?;
    let mut bytes = Vec::new();
    while let Some(row) = rows.next()? {
        bytes.extend_from_slice(row.get_ref(0)?.as_blob().map_err(StoreError::internal)?);
    }
    Ok(bytes)
}

fn set_state(
    connection: &Connection,
    hash: FileHash,
    state: AttachmentState,
    code: Option<&str>,
) -> Result<(), StoreError> {
    let sql = "UPDATE attachment SET state = ?2, code = ?3 WHERE hash = ?1";
    connection.prepare_cached(sql)?.execute(params![hash.0, state.number(), code])?;
    Ok(())
}

fn delete(connection: &Connection, hash: FileHash) -> Result<(), StoreError> {
    for table in ["attachment_piece", "attachment"] {
        connection.prepare_cached(&format!("DELETE FROM {table} WHERE hash = ?1"))?.execute([hash.0])?;
    }
    Ok(())
}

fn forget_drafted(writing: &Writing<'_>, hash: FileHash) -> Result<(), StoreError> {
    if find(writing, hash)?.is_some_and(|file| file.state == AttachmentState::Drafted) {
        writing.wiped.set(true);
        delete(writing, hash)?;
    }
    Ok(())
}

/// Removes a file that no record names any more. One that the server does not have goes only by `force`: the law wants
/// it.
fn forget_unused(writing: &Writing<'_>, hash: FileHash, force: bool) -> Result<(), StoreError> {
    let used = writing.prepare_cached("SELECT 1 FROM attachment_use WHERE hash = ?1")?.exists([hash.0])?;
    let state = find(writing, hash)?.map(|file| file.state);
    let unsent = !matches!(state, Some(AttachmentState::Held | AttachmentState::Arriving));
    if used || state.is_none() || unsent && !force {
        return Ok(());
    }
    writing.wiped.set(true);
    delete(writing, hash)
}

/// Writes down which files a document names now. Those of photographs that were taken away go, sent or not.
pub(crate) fn project(
    writing: &Writing<'_>,
    doc: i64,
    files: &[FileUse],
    removed: &[FileHash],
) -> Result<(), StoreError> {
    let before = uses_of(writing, doc)?;
    if before == files && removed.is_empty() {
        return Ok(());
    }
    writing.prepare_cached("DELETE FROM attachment_use WHERE doc = ?1")?.execute([doc])?;
    for file in files {
        writing
            .prepare_cached("INSERT OR IGNORE INTO attachment_use (doc, hash, thumbnail) VALUES (?1, ?2, ?3)")?
            .execute(params![doc, file.hash.0, file.thumbnail])?;
        // What a draft named waits to be sent from now on.
        writing
            .prepare_cached("UPDATE attachment SET state = 0 WHERE hash = ?1 AND state = 4")?
            .execute([file.hash.0])?;
    }
    before.iter().try_for_each(|file| forget_unused(writing, file.hash, false))?;
    removed.iter().try_for_each(|hash| forget_unused(writing, *hash, true))
}

/// The document goes: so do its files, those that the server does not have only by `force`.
pub(crate) fn forget(writing: &Writing<'_>, doc: i64, force: bool) -> Result<(), StoreError> {
    let files = uses_of(writing, doc)?;
    writing.prepare_cached("DELETE FROM attachment_use WHERE doc = ?1")?.execute([doc])?;
    files.iter().try_for_each(|file| forget_unused(writing, file.hash, force))
}

fn uses_of(connection: &Connection, doc: i64) -> Result<Vec<FileUse>, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT hash, thumbnail FROM attachment_use WHERE doc = ?1 ORDER BY hash, thumbnail")?;
    let rows = statement.query_map([doc], |row| Ok(FileUse { hash: FileHash(row.get(0)?), thumbnail: row.get(1)? }))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Makes sense of what a salvage has found: files without all their pieces are not sent, and pieces whose file was lost
/// become one again.
pub(crate) fn mend(connection: &Connection) -> Result<(), StoreError> {
    const HAVE: &str =
        "(SELECT ifnull(sum(length(p.bytes)), 0) FROM attachment_piece p WHERE p.hash = attachment.hash)";
    connection.execute_batch(&format!(
        "INSERT OR IGNORE INTO attachment (hash, space, length, mime, thumbnail, state)
             SELECT hash, zeroblob(16), sum(length(bytes)), 'application/octet-stream', 0, 0
             FROM attachment_piece GROUP BY hash;
         UPDATE attachment SET state = 1, code = 'damaged' WHERE state = 0 AND length <> {HAVE};
         DELETE FROM attachment WHERE state IN (2, 3) AND length <> {HAVE};
         DELETE FROM attachment_piece WHERE hash NOT IN (SELECT hash FROM attachment);"
    ))?;
    Ok(())
}
