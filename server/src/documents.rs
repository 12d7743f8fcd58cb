//! Documents out of the log.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::rc::Rc;

use gandan_model::document::Document;
use gandan_model::ids::{ChangeHash, DocId, SpaceId};
use gandan_sync::{Change, RelayedEnvelope, compact};

use crate::db::DbError;
use crate::db::storage::{Content, DbResult, LineQuery, LineRow, ReadLog, SpaceRow};
use crate::ingest::LogResolver;

/// A change as it stands in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedChange {
    /// Its hash.
    pub hash: ChangeHash,
    /// The raw change chunk.
    pub raw: Vec<u8>,
    /// Its place in the log.
    pub seq: u64,
    /// When it arrived, Unix milliseconds.
    pub received_ms: i64,
}

/// A document and what could not become part of it.
pub struct Assembled {
    /// The document.
    pub document: Document,
    /// The same, saved: reading this gives the same document.
    pub snapshot: Vec<u8>,
    /// Changes that do not apply, with a stable code each.
    pub unapplied: Vec<(ChangeHash, &'static str)>,
}

/// The changes of one line of a log. A line without content has none; neither has one that cannot be opened, which is a
/// bug or damage and is told to the log of the program.
pub fn open_line(log: &dyn ReadLog, space: SpaceId, line: &LineRow) -> Vec<Change> {
    let opened = match &line.content {
        Content::Envelope(body) => {
            // What the sender meant by a short reference stood before this line.
            let resolver = LogResolver::up_to(log, line.seq);
            let relayed = RelayedEnvelope::from_bytes(body).map_err(Into::into);
            relayed.and_then(|relayed| relayed.open(space, None, &resolver)).map(|envelope| envelope.changes)
        }
        Content::Redacted(chunk) => compact::decode(&space, chunk).map(|chunk| chunk.changes),
        Content::Gone | Content::Compacted | Content::Erased(_) => return Vec::new(),
    };
    opened.unwrap_or_else(|error| {
        tracing::error!(%space, seq = line.seq, code = error.code(), "a line of the log cannot be opened");
        Vec::new()
    })
}

/// How many opened lines and chunks are kept at hand: documents that were written together stand together.
const AT_HAND: usize = 8;

/// A line that was read.
struct OpenLine {
    received_ms: i64,
    changes: Vec<Change>,
}

/// Reads documents of one space, wherever their changes stand: in lines of the log, and below the horizon in chunks.
pub struct Reader<'a> {
    log: &'a dyn ReadLog,
    space: &'a SpaceRow,
    lines: VecDeque<(u64, Rc<OpenLine>)>,
    chunks: VecDeque<([u8; 32], Rc<Vec<Change>>)>,
}

impl<'a> Reader<'a> {
    /// Reads from `log`. `space` must be of the same view.
    pub fn new(log: &'a dyn ReadLog, space: &'a SpaceRow) -> Self {
        Self { log, space, lines: VecDeque::new(), chunks: VecDeque::new() }
    }

    /// Every change of a document, in the order of the log.
    pub fn changes(&mut self, doc: &DocId) -> DbResult<Vec<LoggedChange>> {
        let rows = self.log.changes(self.space.no, doc)?;
        let seqs: HashMap<ChangeHash, u64> = rows.iter().map(|row| (row.hash, row.seq)).collect();
        let horizon = self.space.horizon;
        let mut found: Vec<LoggedChange> = Vec::with_capacity(rows.len());
        if rows.iter().any(|row| row.seq < horizon) {
            for name in self.log.chunks_with(self.space.no, doc)? {
                let chunk = self.chunk(name)?;
                for change in chunk.iter().filter(|change| change.doc == *doc) {
                    let hash = change.header.hash;
                    let Some(seq) = seqs.get(&hash).copied().filter(|seq| *seq < horizon) else { continue };
                    let received_ms = self.line(seq)?.map_or(0, |line| line.received_ms);
                    found.push(LoggedChange { hash, raw: change.raw.clone(), seq, received_ms });
                }
            }
        }
        let places: BTreeSet<u64> = rows.iter().map(|row| row.seq).filter(|seq| *seq >= horizon).collect();
        for seq in places {
            let Some(line) = self.line(seq)? else { continue };
            for change in line.changes.iter().filter(|change| change.doc == *doc) {
                let hash = change.header.hash;
                if found.iter().all(|known| known.hash != hash) {
                    let (raw, received_ms) = (change.raw.clone(), line.received_ms);
                    found.push(LoggedChange { hash, raw, seq, received_ms });
                }
            }
        }
        if found.len() < rows.len() {
            let missing = rows.len() - found.len();
            tracing::error!(space = %self.space.id, %doc, missing, "changes of a document are missing");
        }
        Ok(found)
    }

    fn line(&mut self, seq: u64) -> DbResult<Option<Rc<OpenLine>>> {
        if let Some((_, line)) = self.lines.iter().find(|(at, _)| *at == seq) {
            return Ok(Some(Rc::clone(line)));
        }
        let query = LineQuery {
            space: self.space.no,
            after: seq - 1,
            max_lines: 1,
            max_bytes: usize::MAX,
            without_bodies_of: None,
        };
        let Some(line) = self.log.lines(&query)?.pop().filter(|line| line.seq == seq) else { return Ok(None) };
        let changes = open_line(self.log, self.space.id, &line);
        let line = Rc::new(OpenLine { received_ms: line.received_ms, changes });
        self.lines.truncate(AT_HAND - 1);
        self.lines.push_front((seq, Rc::clone(&line)));
        Ok(Some(line))
    }

    fn chunk(&mut self, name: [u8; 32]) -> DbResult<Rc<Vec<Change>>> {
        if let Some((_, chunk)) = self.chunks.iter().find(|(at, _)| *at == name) {
            return Ok(Rc::clone(chunk));
        }
        let damaged = || DbError::Damaged("a chunk of whole documents".to_owned());
        let bytes = self.log.chunk(self.space.no, &name)?.ok_or_else(damaged)?;
        let chunk = Rc::new(compact::decode(&self.space.id, &bytes).map_err(|_| damaged())?.changes);
        self.chunks.truncate(AT_HAND - 1);
        self.chunks.push_front((name, Rc::clone(&chunk)));
        Ok(chunk)
    }
}

/// Every change of a document, in the order of the log.
pub fn changes(log: &dyn ReadLog, space: &SpaceRow, doc: &DocId) -> DbResult<Vec<LoggedChange>> {
    Reader::new(log, space).changes(doc)
}

/// A document from its changes in the order of the log; none if not even one of them makes a document.
///
/// What devices send is not trusted: the result is proved to be readable again, and a change that does not apply is left
/// out, with those that build on it.
pub fn assemble(base: Option<Document>, changes: &[LoggedChange]) -> Option<Assembled> {
    let raws = || changes.iter().map(|change| change.raw.as_slice());
    let together = match &base {
        Some(base) => {
            let mut document = base.clone();
            document.apply(raws()).map(|()| document)
        }
        None => Document::from_changes(raws()),
    };
    if let Some((document, snapshot)) = together.ok().and_then(proved) {
        return Some(Assembled { document, snapshot, unapplied: Vec::new() });
    }
    one_by_one(base, changes)
}

fn one_by_one(base: Option<Document>, changes: &[LoggedChange]) -> Option<Assembled> {
    let mut best = base.and_then(proved);
    let mut unapplied = Vec::new();
    for change in changes {
        let next = match &best {
            Some((document, _)) => {
                let mut document = document.clone();
                document.apply([change.raw.as_slice()]).map(|()| document)
            }
            None => Document::from_changes([change.raw.as_slice()]),
        };
        match next {
            Ok(document) => match proved(document) {
                Some(proved) => best = Some(proved),
                None => unapplied.push((change.hash, "not_readable_again")),
            },
            Err(error) => unapplied.push((change.hash, error.code())),
        }
    }
    best.map(|(document, snapshot)| Assembled { document, snapshot, unapplied })
}

/// The document with its saved form, if reading that gives the same document.
fn proved(document: Document) -> Option<(Document, Vec<u8>)> {
    let snapshot = document.save();
    let again = Document::load(&snapshot).ok()?;
    (again.heads() == document.heads()).then_some((document, snapshot))
}
