//! Taking in visits from lines of JSON, many at a time.
//!
//! A line names its visit; taking it in makes the records read as the line says. The same line again changes nothing:
//! neither at once nor after others have edited the visit, because a line that was taken in before is known and left
//! alone. Bad lines are told by number and spoil no other.

use crate::client::Client;
use crate::error::ClientError;
use crate::lines::{BadText, Lines};
use crate::records::{Target, Warning, warnings};
use gandan_model::document::{Document, NewChange, Stamp};
use gandan_model::genesis::DocKind;
use gandan_model::ids::{DocId, SpaceId};
use gandan_model::patch::FieldEdit;
use gandan_model::sample::{MAX_LINE, SampleDocument, SampleVisit, read_line};
use gandan_store::{Commit, Store};
use serde::Serialize;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::io::BufRead;

/// Lines that are saved in one transaction.
const BATCH: usize = 32;
/// Bad lines that are told one by one; beyond that only their number is.
const MAX_TOLD: usize = 1_000;
/// Under this name, with a running number, the store keeps which lines were taken in: one value a batch, so that a batch
/// costs two writes and not one a line.
const SEEN: &str = "import/";
/// Bytes of one line in such a value: the visit's id and the line's fingerprint.
const SEEN_BYTES: usize = 24;

/// What an import did.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ImportReport {
    /// Lines that hold something.
    pub lines: u64,
    /// Lines that are kept now, also those that were before.
    pub saved: u64,
    /// Lines of these that changed nothing.
    pub unchanged: u64,
    /// Documents that were created or changed.
    pub documents: u64,
    /// Number of lines that were not taken.
    pub bad_lines: u64,
    /// The first of these, by number.
    pub bad: Vec<BadLine>,
    /// Parts of good lines that this device may not write, and texts that look like personal data.
    pub warnings: Vec<LineWarning>,
}

/// A line that was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BadLine {
    /// Its number, from 1.
    pub line: u64,
    /// Why, as a stable code.
    pub code: String,
    /// Why, in words.
    pub message: String,
}

/// Something about a good line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LineWarning {
    /// Its number, from 1.
    pub line: u64,
    /// What it is about.
    #[serde(flatten)]
    pub warning: Warning,
}

/// A document that a batch changes.
struct Pending {
    space: SpaceId,
    id: DocId,
    document: Document,
    change: NewChange,
}

#[derive(Default)]
struct Batch {
    lines: usize,
    pending: Vec<Pending>,
    /// Where each document of the batch stands, for a second line about it.
    latest: BTreeMap<DocId, (SpaceId, Document)>,
    seen: Vec<(DocId, u64)>,
}

impl Client {
    /// Takes in lines of the form `visit-sample/1`. `told` is called after every batch with what was done so far.
    ///
    /// # Errors
    ///
    /// `not_enrolled`, those of the disk, and `file` if the source cannot be read. What was taken in before stays.
    pub fn import(
        &self,
        source: impl BufRead,
        mut told: impl FnMut(&ImportReport),
    ) -> Result<ImportReport, ClientError> {
        let identity = Self::identity(&self.store())?;
        let mut lines = Lines::new(source, MAX_LINE);
        let mut seen = Seen::read(&self.store())?;
        let (mut report, mut batch) = (ImportReport::default(), Batch::default());
        let unreadable = |error: std::io::Error| ClientError::File(format!("the lines cannot be read: {error}"));
        let result = loop {
            match lines.next().map_err(unreadable) {
                Ok(Some((number, text))) => {
                    report.lines += 1;
                    let stamp = self.stamp(&identity);
                    match self.take_line(&stamp, (number, text), &seen, &mut batch, &mut report) {
                        Ok(()) => report.saved += 1,
                        Err(ClientError::Store(error)) => break Err(error.into()),
                        Err(error) => report.note(number, &error),
                    }
                }
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
            if batch.lines >= BATCH {
                self.flush(&mut batch, &mut seen, &mut report)?;
                told(&report);
            }
        };
        self.flush(&mut batch, &mut seen, &mut report)?;
        self.saved_something();
        result.map(|()| report)
    }

    fn take_line(
        &self,
        stamp: &Stamp,
        (number, text): (u64, Result<String, BadText>),
        seen: &Seen,
        batch: &mut Batch,
        report: &mut ImportReport,
    ) -> Result<(), ClientError> {
        let text = text.map_err(|bad| bad.error(MAX_LINE))?;
        let visit = read_line(&text).map_err(|error| ClientError::input(error.code, error.message))?;
        let hash = fingerprint(&text);
        let before = batch.seen.iter().rev().find(|(id, _)| *id == visit.id).map(|(_, hash)| hash);
        if before.or(seen.lines.get(&visit.id)) == Some(&hash) {
            report.unchanged += 1;
            return Ok(());
        }
        let store = self.store();
        let mut changed = Vec::new();
        let mut noted = Vec::new();
        for part in &visit.documents {
            let target = match Self::import_target(&store, &visit, part, batch) {
                Ok(target) => target,
                // The visit itself must have its place; a stub for others' eyes may not have one on this device.
                Err(error) if part.kind == DocKind::SealedStub && error.code() == "no_grant" => {
                    noted.push(not_taken(part));
                    continue;
                }
                Err(error) => return Err(error),
            };
            let Target { id, space, mut document, .. } = target;
            if let Some(change) = document.patch(stamp, &edits_for(part, &document))? {
                changed.push(Pending { space, id, document, change });
            }
            noted.extend(warnings(&part.edits, is_household(&visit)));
        }
        report.unchanged += u64::from(changed.is_empty());
        report.warnings.extend(noted.into_iter().map(|warning| LineWarning { line: number, warning }));
        report.warnings.truncate(MAX_TOLD);
        for pending in changed {
            batch.latest.insert(pending.id, (pending.space, pending.document.clone()));
            batch.pending.push(pending);
        }
        batch.seen.push((visit.id, hash));
        batch.lines += 1;
        Ok(())
    }

    fn import_target(
        store: &Store,
        visit: &SampleVisit,
        part: &SampleDocument,
        batch: &Batch,
    ) -> Result<Target, ClientError> {
        let id = part.id;
        if let Some((space, document)) = batch.latest.get(&id) {
            let (space, unit, document) = (*space, visit.unit.clone(), document.clone());
            return Ok(Target { id, space, unit, document, is_new: false });
        }
        if let Some(stored) = store.document(id)? {
            let (space, unit, document) = (stored.space, stored.unit, stored.document);
            return Ok(Target { id, space, unit, document, is_new: false });
        }
        let compartment = part.kind.compartment();
        let in_unit = Self::space_for(store, Some(&visit.unit), compartment);
        // A stub does not tell the commune: any place for stubs that this device has will do.
        let (space, unit) = match in_unit {
            Err(_) if part.kind == DocKind::SealedStub => Self::space_for(store, None, compartment)
                .map_err(|_| ClientError::input("no_grant", "no place for sealed stubs on this device"))?,
            other => other?,
        };
        Ok(Target { id, space, unit, document: Document::new(part.kind), is_new: true })
    }

    fn flush(&self, batch: &mut Batch, seen: &mut Seen, report: &mut ImportReport) -> Result<(), ClientError> {
        let batch = std::mem::take(batch);
        if batch.lines == 0 {
            return Ok(());
        }
        let commits: Vec<Commit<'_>> = batch
            .pending
            .iter()
            .map(|pending| Commit {
                space: pending.space,
                id: pending.id,
                document: &pending.document,
                change: &pending.change,
                draft: None,
            })
            .collect();
        let mut store = self.store();
        store.commit_many(&commits, self.now_ms())?;
        seen.add(&mut store, &batch.seen)?;
        report.documents += u64::try_from(commits.len()).unwrap_or(u64::MAX);
        drop(store);
        let changed: Vec<DocId> = batch.pending.iter().map(|pending| pending.id).collect();
        self.inner.board.changed(&changed);
        Ok(())
    }
}

/// What to write. An issue of which a later line says that it is a denunciation is sealed where it lies.
fn edits_for<'p>(part: &'p SampleDocument, document: &Document) -> Cow<'p, [FieldEdit]> {
    if part.kind == DocKind::SealedStub && document.kind() == Some(DocKind::Issue) {
        return Cow::Owned(vec![FieldEdit::new("confidentiality", "denunciation_sealed")]);
    }
    Cow::Borrowed(&part.edits)
}

impl ImportReport {
    fn note(&mut self, line: u64, error: &ClientError) {
        self.bad_lines += 1;
        if self.bad.len() < MAX_TOLD {
            self.bad.push(BadLine { line, code: error.code().to_owned(), message: error.to_string() });
        }
    }
}

/// The lines that were taken in before, by their visits.
struct Seen {
    lines: HashMap<DocId, u64>,
    values: u64,
}

impl Seen {
    fn read(store: &Store) -> Result<Self, ClientError> {
        let mut seen = Self { lines: HashMap::new(), values: 0 };
        while let Some(bytes) = store.value(&format!("{SEEN}{}", seen.values))? {
            for entry in bytes.chunks_exact(SEEN_BYTES) {
                let (id, hash) = entry.split_at(16);
                if let (Some(id), Ok(hash)) = (DocId::from_slice(id), hash.try_into()) {
                    seen.lines.insert(id, u64::from_le_bytes(hash));
                }
            }
            seen.values += 1;
        }
        Ok(seen)
    }

    fn add(&mut self, store: &mut Store, lines: &[(DocId, u64)]) -> Result<(), ClientError> {
        let bytes: Vec<u8> = lines.iter().flat_map(|(id, hash)| id.0.into_iter().chain(hash.to_le_bytes())).collect();
        store.set_value(&format!("{SEEN}{}", self.values), Some(&bytes))?;
        self.values += 1;
        self.lines.extend(lines.iter().copied());
        Ok(())
    }
}

/// Tells lines of one visit apart on this device (FNV-1a). Somebody who makes two lines collide fools nobody but himself.
fn fingerprint(line: &str) -> u64 {
    let start = 0xcbf2_9ce4_8422_2325_u64;
    line.trim().bytes().fold(start, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn is_household(visit: &SampleVisit) -> bool {
    let edits = visit.documents.first().map_or(&[][..], |document| &document.edits);
    edits.iter().any(|edit| edit.field == "programme" && edit.value == "household_visit")
}

fn not_taken(part: &SampleDocument) -> Warning {
    Warning {
        field: "issues".to_owned(),
        kind: "sealed_not_kept",
        text: part.id.to_string(),
        vi: "Tố cáo không được ghi trên thiết bị này; hãy hướng dẫn người dân đến kênh bảo mật của Thanh tra.",
        en: "A denunciation is not recorded on this device; show the resident the inspectorate's sealed channel.",
    }
}
