//! Taking over what another phone of the same official could not send: the other half of [`Client::export_unsent`].
//!
//! The file comes from outside and is treated so: lines have a bound, changes pass the scan of the wire, and what does not
//! fit is told by line and spoils no other. Reading a file again changes nothing.

use crate::client::Client;
use crate::error::ClientError;
use crate::import::BadLine;
use crate::lines::{BadText, Lines};
use gandan_model::ids::{DocId, SpaceId};
use gandan_store::{Access, Adopted, Draft};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::BufRead;

/// The form that is read.
const FORM: &str = "gandan-unsent/1";
/// Longest line: a draft of the greatest size with room for its frame.
const MAX_LINE: usize = 3 << 20;
/// Bytes of changes held at a time: many times what one phone writes in months without a network.
const MAX_BYTES: usize = 64 << 20;
/// Bad lines that are told one by one.
const MAX_TOLD: usize = 100;

/// What was taken over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rescued {
    /// Records whose changes are saved here now and go out with the next exchange.
    pub records: u64,
    /// Drafts that are here now.
    pub drafts: u64,
    /// Records and drafts that were here already.
    pub known: u64,
    /// Records that build on something that is not here: sync, then read the file again.
    pub incomplete: u64,
    /// Records of units that this device may not write.
    pub not_allowed: u64,
    /// Number of lines that cannot be used.
    pub bad_lines: u64,
    /// The first of these, by number.
    pub bad: Vec<BadLine>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Change {
        space: SpaceId,
        doc: DocId,
        raw: String,
    },
    Draft(Draft),
    /// The changes in it have lines of their own.
    Envelope(serde::de::IgnoredAny),
}

#[derive(Deserialize)]
struct Head {
    export: String,
    official: Option<String>,
}

type Changes = BTreeMap<(SpaceId, DocId), Vec<Vec<u8>>>;

impl Client {
    /// Takes over what [`Client::export_unsent`] wrote on another phone of this official. Changes are written again in this
    /// device's name, by the same author and at the same place in each record's history; drafts become drafts. Sync first:
    /// what the server has of these records should be here.
    ///
    /// # Errors
    ///
    /// `not_enrolled`; `bad_export` if it is no such file; `not_yours` if another official wrote it; `too_large`; `file`;
    /// those of the disk. What was taken over before stays.
    pub fn import_unsent(&self, source: impl BufRead) -> Result<Rescued, ClientError> {
        let official = Self::identity(&self.store())?.official;
        let mut lines = Lines::new(source, MAX_LINE);
        let mut next = || lines.next().map_err(|error| ClientError::File(format!("the file cannot be read: {error}")));
        check_head(next()?, &official)?;
        let (mut rescued, mut changes, mut bytes) = (Rescued::default(), Changes::new(), 0);
        while let Some((number, text)) = next()? {
            match read(text) {
                Ok(Line::Change { space, doc, raw }) => match decode(&raw) {
                    Ok(raw) => {
                        bytes += raw.len();
                        if bytes > MAX_BYTES {
                            return Err(ClientError::input(
                                "too_large",
                                "there is more in the file than one phone writes",
                            ));
                        }
                        changes.entry((space, doc)).or_default().push(raw);
                    }
                    Err(error) => rescued.note(number, &error),
                },
                Ok(Line::Draft(draft)) => self.rescue_draft(draft, &mut rescued)?,
                Ok(Line::Envelope(_)) => {}
                Err(error) => rescued.note(number, &error),
            }
        }
        self.rescue_changes(changes, &mut rescued)?;
        self.saved_something();
        Ok(rescued)
    }

    fn rescue_changes(&self, changes: Changes, rescued: &mut Rescued) -> Result<(), ClientError> {
        let mut changed = Vec::new();
        for ((space, doc), raws) in changes {
            let mut store = self.store();
            let granted = store.spaces()?.into_iter().find(|state| state.space == space);
            if !granted.is_some_and(|state| matches!(state.access, Some(Access::Write | Access::Both))) {
                rescued.not_allowed += 1;
                continue;
            }
            let stamp = self.stamp(&Self::identity(&store)?);
            match store.adopt(space, doc, &raws, &stamp, self.now_ms()) {
                Ok(Adopted::Again(_)) => {
                    rescued.records += 1;
                    changed.push(doc);
                }
                Ok(Adopted::Known) => rescued.known += 1,
                Ok(Adopted::Incomplete) => rescued.incomplete += 1,
                Err(error) if error.remedy() == gandan_store::Remedy::Correct => rescued.note(0, &error.into()),
                Err(error) => return Err(error.into()),
            }
        }
        self.inner.board.changed(&changed);
        Ok(())
    }

    fn rescue_draft(&self, draft: Draft, rescued: &mut Rescued) -> Result<(), ClientError> {
        let mut store = self.store();
        if store.draft(draft.id)?.is_some() {
            rescued.known += 1;
            return Ok(());
        }
        // What it was begun upon may not be here; it then counts as begun upon what is.
        let base = store.document(draft.id)?.map(|stored| stored.document.heads()).unwrap_or_default();
        let base = if base.iter().any(|head| draft.base.contains(head)) { draft.base } else { base };
        store.save_draft(&Draft { base, ..draft }, self.now_ms())?;
        rescued.drafts += 1;
        Ok(())
    }
}

impl Rescued {
    fn note(&mut self, line: u64, error: &ClientError) {
        self.bad_lines += 1;
        if self.bad.len() < MAX_TOLD {
            self.bad.push(BadLine { line, code: error.code().to_owned(), message: error.to_string() });
        }
    }
}

fn check_head(line: Option<(u64, Result<String, BadText>)>, official: &str) -> Result<(), ClientError> {
    let head = line.and_then(|(_, text)| serde_json::from_str::<Head>(&text.ok()?).ok());
    match head {
        Some(head) if head.export != FORM => {
            Err(ClientError::input("bad_export", "the file was written by a newer app; update this one"))
        }
        Some(head) if head.official.as_deref() != Some(official) => {
            Err(ClientError::input("not_yours", "another official wrote this; it belongs on that official's phone"))
        }
        Some(_) => Ok(()),
        None => Err(ClientError::input("bad_export", "this is no file of unsent records")),
    }
}

fn read(text: Result<String, BadText>) -> Result<Line, ClientError> {
    let text = text.map_err(|bad| bad.error(MAX_LINE))?;
    serde_json::from_str(&text).map_err(|_| ClientError::input("bad_line", "no change, envelope or draft"))
}

/// The bytes of a change that is safe to decode.
fn decode(hex: &str) -> Result<Vec<u8>, ClientError> {
    let raw = data_encoding::HEXLOWER_PERMISSIVE.decode(hex.as_bytes());
    let raw = raw.map_err(|_| ClientError::input("bad_line", "not hexadecimal digits"))?;
    gandan_sync::scan(&raw).map_err(|error| ClientError::input("bad_change", error.to_string()))?;
    Ok(raw)
}
