//! The server's log as this phone has read it: going back in it, and giving back what a restored server lost.

use gandan_model::ids::{ChangeHash, DeviceId, DocId, SpaceId};
use rusqlite::{Connection, OptionalExtension, params};

use crate::document::{self, Entry};
use crate::error::StoreError;
use crate::outbox::HAS_CONTENT;
use crate::space::{Cursor, Digest};
use crate::state::{change, refresh};
use crate::{Store, Writing, raw, space};
use gandan_model::genesis::kind_of_genesis;

/// A line of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its place and the hash chain there.
    pub cursor: Cursor,
    /// The envelope's hash.
    pub hash: [u8; 32],
    /// What is needed to write the envelope again; `None` for one of this device and for what is no envelope.
    pub signed: Option<SignedLine>,
}

/// What a signature covers, and the signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedLine {
    /// The device that signed.
    pub device: DeviceId,
    /// The envelope's number among that device's.
    pub device_seq: u64,
    /// The hash of that device's envelope before.
    pub prev: [u8; 32],
    /// The ed25519 signature.
    pub signature: [u8; 64],
    /// The changes, in their order.
    pub content: Vec<(DocId, ChangeHash)>,
}

/// An envelope that a server may have lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returnable {
    /// The envelope's hash.
    pub hash: [u8; 32],
    /// The rest of it.
    pub signed: SignedLine,
}

/// A document whose heads in the log are others than before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewound {
    /// Which.
    pub doc: DocId,
    /// Its heads before.
    pub before: Vec<ChangeHash>,
    /// Its heads now; empty if the log does not have it.
    pub now: Vec<ChangeHash>,
}

/// Keeps lines, whose envelopes are known not to be lost.
pub(crate) fn keep(writing: &Writing<'_>, space: i64, lines: &[Line]) -> Result<(), StoreError> {
    for line in lines {
        let signed = line.signed.as_ref();
        writing
            .prepare_cached(
                "INSERT OR REPLACE INTO line (space, seq, chain, hash, device, device_seq, prev, signature, content)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?
            .execute(params![
                space,
                line.cursor.seq,
                line.cursor.chain,
                line.hash,
                signed.map(|signed| signed.device.0),
                signed.map(|signed| signed.device_seq),
                signed.map(|signed| signed.prev),
                signed.map(|signed| signed.signature),
                signed.map(|signed| join(&signed.content)),
            ])?;
        writing
            .prepare_cached("DELETE FROM offer WHERE space = ?1 AND hash = ?2")?
            .execute(params![space, line.hash])?;
    }
    Ok(())
}

fn join(content: &[(DocId, ChangeHash)]) -> Vec<u8> {
    content.iter().flat_map(|(doc, hash)| doc.0.into_iter().chain(hash.0)).collect()
}

fn split(bytes: &[u8]) -> Vec<(DocId, ChangeHash)> {
    let pair = |chunk: &[u8]| {
        let (doc, hash) = chunk.split_first_chunk::<16>()?;
        Some((DocId(*doc), ChangeHash::from_slice(hash)?))
    };
    bytes.chunks_exact(48).filter_map(pair).collect()
}

impl Store {
    /// The last line that this phone remembers at or before a place of a log.
    pub fn line_at_or_before(&self, space: SpaceId, seq: u64) -> Result<Option<Cursor>, StoreError> {
        self.read(|connection| {
            let Some(space) = space::number(connection, space)? else { return Ok(None) };
            let mut statement = connection.prepare_cached(
                "SELECT seq, chain FROM line WHERE space = ?1 AND seq <= ?2 ORDER BY seq DESC LIMIT 1",
            )?;
            let cursor = |row: &rusqlite::Row<'_>| Ok(Cursor { seq: row.get(0)?, chain: row.get(1)? });
            Ok(statement.query_row(params![space, seq], cursor).optional()?)
        })
    }

    /// Forgets the lines up to a place: the server promises to keep what they held as whole documents.
    pub fn forget_lines(&mut self, space: SpaceId, up_to: u64) -> Result<(), StoreError> {
        let there = self.read(|connection| {
            let Some(space) = space::number(connection, space)? else { return Ok(false) };
            let mut statement = connection.prepare_cached("SELECT 1 FROM line WHERE space = ?1 AND seq < ?2")?;
            Ok(statement.exists(params![space, up_to])?)
        })?;
        if !there {
            return Ok(());
        }
        self.write(|writing| {
            let Some(space) = space::number(writing, space)? else { return Ok(()) };
            // The last one stays: to go back to.
            writing.execute("DELETE FROM line WHERE space = ?1 AND seq < ?2", params![space, up_to])?;
            Ok(())
        })
    }

    /// Goes back to an earlier place of a log, because from there on the server's log is another one. No document
    /// changes and nothing leaves: envelopes of this device behind that place have to be sent again, those of others
    /// can be [given back](Store::returnable), and changes that came without an envelope are
    /// [kept apart](Store::unvouched) until a log has them again.
    ///
    /// `digest` computes the digest at that place from the documents whose heads in the log go back.
    pub fn rewind(
        &mut self,
        space: SpaceId,
        to: Cursor,
        digest: impl FnOnce(&[Rewound]) -> Digest,
    ) -> Result<(), StoreError> {
        self.write(|writing| {
            let Some(n) = space::number(writing, space)? else { return Err(StoreError::UnknownSpace(space)) };
            take_lines_back(writing, n, to.seq)?;
            let documents = take_changes_back(writing, n, space, to.seq)?;
            let mut rewound = Vec::with_capacity(documents.len());
            for (doc, id) in documents {
                let (before, now) = take_heads_back(writing, doc)?;
                rewound.push(Rewound { doc: id, before, now });
                refresh(writing, doc, id)?;
            }
            let digest = digest(&rewound);
            writing.execute(
                "UPDATE space SET cursor_seq = ?2, cursor_chain = ?3, digest_count = ?4, digest_sum = ?5 WHERE n = ?1",
                params![n, to.seq, to.chain, digest.count, digest.sum],
            )?;
            Ok(())
        })
    }

    /// The log never had, or no longer has, these documents: their changes are treated as after a
    /// [rewind](Store::rewind) to before them.
    pub fn unlog(&mut self, space: SpaceId, documents: &[DocId]) -> Result<(), StoreError> {
        self.write(|writing| {
            let Some(n) = space::number(writing, space)? else { return Err(StoreError::UnknownSpace(space)) };
            for id in documents {
                let Some(Entry { n: doc, .. }) = document::find(writing, *id)?.filter(|entry| entry.space == n) else {
                    continue;
                };
                writing
                    .prepare_cached("UPDATE change SET state = ?2, seq = NULL WHERE doc = ?1 AND state = ?3")?
                    .execute([doc, change::RETURNING, change::LOGGED])?;
                writing.prepare_cached("UPDATE document SET log_heads = x'' WHERE n = ?1")?.execute([doc])?;
                refresh(writing, doc, *id)?;
            }
            Ok(())
        })
    }

    /// Envelopes of other devices that were in the log before it was [rewound](Store::rewind), after `after`, in the
    /// order of their hashes, at most so many.
    pub fn returnable(
        &self,
        space: SpaceId,
        after: Option<[u8; 32]>,
        limit: u32,
    ) -> Result<Vec<Returnable>, StoreError> {
        self.read(|connection| {
            let Some(space) = space::number(connection, space)? else { return Ok(Vec::new()) };
            let mut statement = connection.prepare_cached(
                "SELECT hash, device, device_seq, prev, signature, content FROM offer
                 WHERE space = ?1 AND (?2 IS NULL OR hash > ?2) ORDER BY hash LIMIT ?3",
            )?;
            let rows = statement.query_map(params![space, after, limit], |row| {
                Ok(Returnable {
                    hash: row.get(0)?,
                    signed: SignedLine {
                        device: DeviceId(row.get(1)?),
                        device_seq: row.get(2)?,
                        prev: row.get(3)?,
                        signature: row.get(4)?,
                        content: split(row.get_ref(5)?.as_blob()?),
                    },
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// Changes of other devices that are in no log that this phone knows of and in no envelope that it could give back,
    /// in the order in which they came, at most so many.
    pub fn unvouched(&self, space: SpaceId, limit: u32) -> Result<Vec<(DocId, ChangeHash)>, StoreError> {
        let mut vouched = std::collections::HashSet::new();
        let mut after = None;
        loop {
            let page = self.returnable(space, after, 500)?;
            let Some(last) = page.last() else { break };
            after = Some(last.hash);
            vouched.extend(page.into_iter().flat_map(|line| line.signed.content).map(|(_, hash)| hash));
        }
        self.read(|connection| {
            let Some(space) = space::number(connection, space)? else { return Ok(Vec::new()) };
            let mut statement = connection.prepare_cached(
                "SELECT doc_id, hash FROM change WHERE space = ?1 AND state <> 2 AND state = ?2 ORDER BY n",
            )?;
            let mut rows = statement.query([space, change::RETURNING])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                let hash = ChangeHash(row.get(1)?);
                if !vouched.contains(&hash) && found.len() < limit as usize {
                    found.push((DocId(row.get(0)?), hash));
                }
            }
            Ok(found)
        })
    }

    /// Forgets what could be given back: the server has been asked, and has or refused it.
    pub fn returned(&mut self, space: SpaceId) -> Result<(), StoreError> {
        self.write(|writing| {
            let Some(space) = space::number(writing, space)? else { return Ok(()) };
            writing.execute("DELETE FROM offer WHERE space = ?1", [space])?;
            Ok(())
        })
    }

    /// The heads of every document of a space as its log has them, without those that the log does not have.
    pub fn all_log_heads(&self, space: SpaceId) -> Result<Vec<(DocId, Vec<ChangeHash>)>, StoreError> {
        self.read(|connection| {
            let Some(space) = space::number(connection, space)? else { return Ok(Vec::new()) };
            let mut statement = connection
                .prepare_cached("SELECT id, log_heads FROM document WHERE space = ?1 AND log_heads <> x''")?;
            let rows =
                statement.query_map([space], |row| Ok((DocId(row.get(0)?), raw::split(row.get_ref(1)?.as_blob()?))))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }
}

fn take_lines_back(writing: &Writing<'_>, space: i64, to: u64) -> Result<(), StoreError> {
    writing.execute(
        "INSERT OR IGNORE INTO offer (space, hash, device, device_seq, prev, signature, content)
         SELECT space, hash, device, device_seq, prev, signature, content FROM line
         WHERE space = ?1 AND seq > ?2 AND signature IS NOT NULL",
        params![space, to],
    )?;
    writing.execute("DELETE FROM line WHERE space = ?1 AND seq > ?2", params![space, to])?;
    Ok(())
}

/// Changes behind the place are in no log any more; gives their documents.
fn take_changes_back(writing: &Writing<'_>, n: i64, space: SpaceId, to: u64) -> Result<Vec<(i64, DocId)>, StoreError> {
    let documents = {
        let mut statement = writing.prepare(
            "SELECT DISTINCT doc, doc_id FROM change WHERE space = ?1 AND (state = ?2 AND seq > ?3 OR state = ?4)",
        )?;
        let rows = statement.query_map(params![n, change::LOGGED, to, change::OWN_QUARANTINED], |row| {
            Ok((row.get(0)?, DocId(row.get(1)?)))
        })?;
        rows.collect::<Result<Vec<_>, _>>()?
    };
    // What this device signed itself it sends again, however the server answered before.
    writing.execute(
        "UPDATE change SET state = ?4, seq = NULL WHERE space = ?1 AND state = ?2 AND seq > ?3
         AND device_seq IN (SELECT device_seq FROM envelope)",
        params![n, change::LOGGED, to, change::SEALED],
    )?;
    // Where a grant was taken, most of them have left with their documents.
    writing.execute(
        &format!(
            "UPDATE envelope SET state = 0, seq = NULL WHERE space = ?1 AND state = 2 AND seq > ?2 AND {HAS_CONTENT}"
        ),
        params![space.0, to],
    )?;
    // A server whose log is another one may have another quarantine, too. What it still has there it has once.
    writing.execute(
        "UPDATE change SET state = ?3, code = NULL WHERE space = ?1 AND state = ?2
         AND device_seq IN (SELECT device_seq FROM envelope WHERE state = 3)",
        params![n, change::OWN_QUARANTINED, change::SEALED],
    )?;
    writing.execute(
        &format!("UPDATE envelope SET state = 0, code = NULL WHERE space = ?1 AND state = 3 AND {HAS_CONTENT}"),
        params![space.0],
    )?;
    writing.execute(
        "UPDATE change SET state = ?4, seq = NULL WHERE space = ?1 AND state = ?2 AND seq > ?3",
        params![n, change::LOGGED, to, change::RETURNING],
    )?;
    Ok(documents)
}

/// A document's heads in the log, before and now.
fn take_heads_back(connection: &Connection, doc: i64) -> Result<(Vec<ChangeHash>, Vec<ChangeHash>), StoreError> {
    let before = connection
        .prepare_cached("SELECT log_heads FROM document WHERE n = ?1")?
        .query_row([doc], |row| Ok(raw::split(row.get_ref(0)?.as_blob()?)))?;
    let mut statement = connection.prepare_cached("SELECT raw FROM change WHERE doc = ?1 AND state = ?2")?;
    let mut rows = statement.query([doc, change::LOGGED])?;
    let (mut now, mut built_on) = (Vec::new(), std::collections::HashSet::new());
    while let Some(row) = rows.next()? {
        if let Some(head) = raw::head(row.get_ref(0)?.as_blob().map_err(StoreError::internal)?) {
            built_on.extend(head.deps);
            now.push(head.hash);
        }
    }
    now.retain(|hash| !built_on.contains(hash) && kind_of_genesis(hash).is_none());
    now.sort_unstable();
    connection
        .prepare_cached("UPDATE document SET log_heads = ?2 WHERE n = ?1")?
        .execute(params![doc, raw::join(&now)])?;
    Ok((before, now))
}
