//! Everything unsent in one file: the last resort when a phone cannot reach the server any more.

use std::io::Write;

use gandan_model::ids::{ChangeHash, DocId, SpaceId};
use rusqlite::Connection;
use serde_json::json;

use crate::cursor::Page;
use crate::error::StoreError;
use crate::key::hex;
use crate::state::change;
use crate::{Store, setting};

/// What an export wrote.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Exported {
    /// Changes that the server has not confirmed.
    pub changes: u64,
    /// Envelopes that the server has not confirmed.
    pub envelopes: u64,
    /// Drafts.
    pub drafts: u64,
}

impl Store {
    /// [`Store::write_unsent`] to a new file, which must not exist yet and is on disk when this returns.
    #[cfg(not(target_family = "wasm"))]
    pub fn export_unsent(&self, path: &std::path::Path) -> Result<Exported, StoreError> {
        let mut out = std::io::BufWriter::new(std::fs::File::create_new(path)?);
        let exported = self.write_unsent(&mut out)?;
        let file = out.into_inner().map_err(|error| StoreError::from(error.into_error()))?;
        file.sync_all()?;
        Ok(exported)
    }

    /// Writes everything that the server has not confirmed, one JSON object a line: a line about the device, then
    /// changes and envelopes (bytes as hexadecimal digits) and drafts. What is written is **not encrypted**. Nothing
    /// is removed here.
    pub fn write_unsent(&self, mut out: impl Write) -> Result<Exported, StoreError> {
        self.read(|connection| {
            let identity: Option<crate::Identity> = setting::json(connection, "identity")?;
            let device = identity.as_ref().map(|identity| identity.device.to_string());
            let official = identity.as_ref().map(|identity| identity.official.clone());
            line(&mut out, &json!({ "export": "gandan-unsent/1", "device": device, "official": official }))?;
            let mut exported = Exported {
                changes: changes(connection, &mut out)?,
                envelopes: envelopes(connection, &mut out)?,
                drafts: 0,
            };
            let mut page = Page::first(100);
            loop {
                let (drafts, next) = self.drafts(&page)?;
                for draft in &drafts {
                    line(&mut out, &json!({ "draft": draft }))?;
                    exported.drafts += 1;
                }
                match next {
                    Some(next) => page = Page::after(next, 100),
                    None => break,
                }
            }
            Ok(exported)
        })
    }
}

fn line(out: &mut impl Write, value: &serde_json::Value) -> Result<(), StoreError> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")?;
    Ok(())
}

fn changes(connection: &Connection, out: &mut impl Write) -> Result<u64, StoreError> {
    let mut statement = connection.prepare(
        "SELECT s.id, s.unit, c.doc_id, c.hash, c.raw, c.device_seq, c.at_ms, c.code
         FROM change c JOIN space s ON s.n = c.space WHERE c.state <> 2 AND c.state < ?1 ORDER BY c.n",
    )?;
    let mut rows = statement.query([change::NOT_APPLIED])?;
    let mut count = 0;
    while let Some(row) = rows.next()? {
        line(
            out,
            &json!({ "change": {
                "space": SpaceId(row.get(0)?),
                "unit": row.get::<_, String>(1)?,
                "doc": DocId(row.get(2)?),
                "hash": ChangeHash(row.get(3)?),
                "raw": hex(row.get_ref(4)?.as_blob().map_err(StoreError::internal)?),
                "device_seq": row.get::<_, Option<u64>>(5)?,
                "saved_at_ms": row.get::<_, Option<i64>>(6)?,
                "code": row.get::<_, Option<String>>(7)?,
            }}),
        )?;
        count += 1;
    }
    Ok(count)
}

fn envelopes(connection: &Connection, out: &mut impl Write) -> Result<u64, StoreError> {
    let mut statement = connection
        .prepare("SELECT device_seq, space, hash, code, bytes FROM envelope WHERE state <> 2 ORDER BY device_seq")?;
    let mut rows = statement.query([])?;
    let mut count = 0;
    while let Some(row) = rows.next()? {
        line(
            out,
            &json!({ "envelope": {
                "device_seq": row.get::<_, u64>(0)?,
                "space": SpaceId(row.get(1)?),
                "hash": hex(&row.get::<_, [u8; 32]>(2)?),
                "code": row.get::<_, Option<String>>(3)?,
                "bytes": hex(&row.get::<_, Option<Vec<u8>>>(4)?.unwrap_or_default()),
            }}),
        )?;
        count += 1;
    }
    Ok(count)
}
