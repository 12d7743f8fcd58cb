//! The road of files' bytes, without the road: what to send next, and what is done with an answer.
//!
//! Thumbnails go first, then originals if the network is not metered, then what is wanted from the server. Everything is
//! sent in pieces, and after a cut the server is asked how much has arrived: a cut costs at most the piece that it hits.

use super::sending::Claim;
use crate::client::Client;
use crate::error::ClientError;
use crate::exchange::{problem, query_frame};
use crate::transport::{Answer, FRAME_TYPE, Method, Request, TransportError};
use ed25519_dalek::SigningKey;
use gandan_model::ids::FileHash;
use gandan_store::{Attachment, AttachmentState, Identity, PIECE_BYTES};
use gandan_sync::attachment::{Doing, FILES, Holding, Metadata, Offered, PIECE_TYPE, Pass, TUS_VERSION};
use gandan_sync::error::SessionError;
use gandan_sync::limits::MAX_RESPONSE;
use gandan_sync::query::{Ask, Reply};
use gandan_sync::{Class, Refusal};
use serde::Serialize;
use std::collections::{BTreeSet, VecDeque};

/// Files offered at a time.
const OFFERED: u32 = 64;
/// Longest answer to a request about an upload.
const MAX_ANSWER: usize = 64 << 10;
/// Beginning of the codes with which the server says that it will never take a file as it is.
const UNFIT: &str = "attachment_";

/// What a transfer did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TransferReport {
    /// Files that the server confirmed to have on disk, thumbnails included.
    pub sent: u64,
    /// Files received.
    pub fetched: u64,
    /// Files that the server will not take; they stay on the device, see [`Client::photo_files`].
    pub refused: u64,
    /// Files that the server does not have yet and that this transfer was meant to send.
    pub waiting: u64,
    /// Bytes of HTTP bodies sent.
    pub bytes_up: u64,
    /// Bytes of HTTP bodies received.
    pub bytes_down: u64,
}

/// How far a transfer has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TransferProgress {
    /// Files sent so far.
    pub files_sent: u64,
    /// Files to be sent, those that were sent included.
    pub files_to_send: u64,
    /// Bytes of them that the server has.
    pub bytes_sent: u64,
    /// Bytes of them altogether.
    pub bytes_to_send: u64,
    /// Files that the server will not take.
    pub files_refused: u64,
    /// Files fetched so far.
    pub files_fetched: u64,
    /// Bytes fetched so far, also of files that are not whole yet.
    pub bytes_fetched: u64,
}

/// A request to carry to the server.
#[derive(Debug)]
pub struct TransferMessage {
    /// The request, with its complete address.
    pub request: Request,
    /// What it is about; [`Transfer::take`] wants it back with the answer.
    pub errand: TransferErrand,
}

/// What a request is about.
#[derive(Debug)]
pub struct TransferErrand(Work);

#[derive(Debug)]
enum Work {
    Offer(Vec<Attachment>),
    Begin,
    Append,
    Look,
    Fetch(Attachment),
}

/// One transfer of files in both directions, without the road: gives a request and takes in its answer.
///
/// [`Client::transfer`] is this and a transport. Somebody who moves the bytes in another way (a browser's `fetch`) asks
/// for the [`next`](Transfer::next) request, carries it, brings the answer back into [`take`](Transfer::take), or says
/// that there is none ([`cut`](Transfer::cut)), and does so again until nothing is next. It may end anywhere.
#[derive(Debug)]
pub struct Transfer {
    /// What it did so far.
    pub report: TransferReport,
    /// How far it has come.
    pub progress: TransferProgress,
    originals: bool,
    uploads: VecDeque<Upload>,
    /// Files that were dealt with: not offered again by this transfer.
    seen: BTreeSet<FileHash>,
    downloads: VecDeque<FileHash>,
    /// Most thumbnails of others that are still fetched.
    thumbnails: u32,
    /// The server asks to come back later.
    later: Option<Refusal>,
    counted: bool,
}

/// A file that the server lacks.
#[derive(Debug)]
struct Upload {
    file: Attachment,
    /// Nobody else sends it meanwhile.
    claim: Claim,
    /// How much has arrived; `None` after a cut.
    offset: Option<u64>,
    /// How much of it the progress counts: also what arrived though its answer did not, and nothing twice.
    counted: u64,
    /// Where it was cut last: twice at one place, and the road is of no use at the moment.
    cut_at: Option<u64>,
    /// It was sent whole, and the server had other bytes: a disk that lost its way. Once more, then no more.
    again: bool,
}

impl Transfer {
    /// A transfer. `originals`: also sends what is no thumbnail; not on a metered network. `fetch`: files to get from the
    /// server. `thumbnails`: fetches at most so many thumbnails of records that are here, the latest first.
    pub fn new(originals: bool, fetch: Vec<FileHash>, thumbnails: u32) -> Self {
        Self {
            report: TransferReport::default(),
            progress: TransferProgress::default(),
            originals,
            uploads: VecDeque::new(),
            seen: BTreeSet::new(),
            downloads: fetch.into(),
            thumbnails,
            later: None,
            counted: false,
        }
    }

    /// What to send next; `None` when the transfer is over.
    ///
    /// # Errors
    ///
    /// `not_enrolled`, those of the disk; when it is over, the server's wish to be asked again later.
    pub fn next(&mut self, client: &Client) -> Result<Option<TransferMessage>, ClientError> {
        let identity = Client::identity(&client.store())?;
        let signer = Signer::new(client, identity);
        self.count(client)?;
        if self.uploads.is_empty()
            && let Some(message) = self.offer(client)?
        {
            return Ok(Some(message));
        }
        while let Some(upload) = self.uploads.front() {
            if let Some(message) = upload.message(client, &signer)? {
                return Ok(Some(message));
            }
            // It was taken away meanwhile.
            self.uploads.pop_front();
        }
        if let Some(message) = self.fetch(client, &signer)? {
            return Ok(Some(message));
        }
        match self.later {
            Some(refusal) => Err(SessionError::Problem { refusal, retry_after_s: 0 }.into()),
            None => Ok(None),
        }
    }

    /// From now on only thumbnails are sent: bytes have begun to cost money. What arrived of an original stays.
    pub fn keep_originals(&mut self) {
        self.originals = false;
        self.uploads.retain(|upload| upload.file.thumbnail);
    }

    /// Takes in an answer.
    ///
    /// # Errors
    ///
    /// What is wrong with the answer, or with this device in the eyes of the server. What was done before stays.
    pub fn take(&mut self, client: &Client, errand: TransferErrand, answer: Answer) -> Result<(), ClientError> {
        match errand.0 {
            Work::Offer(files) => self.take_holdings(client, files, answer),
            Work::Begin | Work::Append | Work::Look => self.take_offset(client, &errand.0, answer),
            Work::Fetch(file) => self.take_piece(client, &file, answer),
        }
    }

    /// There is no answer: the connection broke. `true` if going on at once makes sense, as something had got through since
    /// it broke last.
    pub fn cut(&mut self, errand: &TransferErrand) -> bool {
        let Some(upload) = self.uploads.front_mut() else { return false };
        match errand.0 {
            // Whether it arrived, and how much of it, only the server knows.
            Work::Begin | Work::Append => {
                let at = upload.offset.take();
                let before = std::mem::replace(&mut upload.cut_at, at);
                at.is_some() && at != before
            }
            _ => false,
        }
    }

    /// What there is to do, for the progress. Once, at the beginning.
    fn count(&mut self, client: &Client) -> Result<(), ClientError> {
        if !std::mem::replace(&mut self.counted, true) {
            let counts = client.store().attachment_counts()?;
            self.progress.files_to_send = counts.thumbnails + if self.originals { counts.originals } else { 0 };
            self.progress.bytes_to_send =
                counts.thumbnail_bytes + if self.originals { counts.original_bytes } else { 0 };
        }
        self.report.waiting = self.progress.files_to_send.saturating_sub(self.report.sent + self.report.refused);
        Ok(())
    }

    /// Asks what the server has of the files that wait.
    fn offer(&mut self, client: &Client) -> Result<Option<TransferMessage>, ClientError> {
        let store = client.store();
        let look = OFFERED.saturating_add(u32::try_from(self.seen.len()).unwrap_or(u32::MAX));
        let mut files = store.waiting_attachments(self.originals, look)?;
        files.retain(|file| self.seen.insert(file.hash));
        if files.is_empty() {
            return Ok(None);
        }
        let offered =
            files.iter().map(|file| Offered { space: file.space, hash: file.hash, length: file.length }).collect();
        let (server, body) = query_frame(client, &store, Ask::Files { offered })?;
        let request = Request {
            method: Method::Post,
            url: format!("{server}/v1/query"),
            headers: vec![("content-type", FRAME_TYPE.to_owned())],
            body,
            max_answer: MAX_RESPONSE,
        };
        Ok(Some(TransferMessage { request, errand: TransferErrand(Work::Offer(files)) }))
    }

    fn take_holdings(&mut self, client: &Client, files: Vec<Attachment>, answer: Answer) -> Result<(), ClientError> {
        let frame = answer.judge(FRAME_TYPE)?;
        problem(&frame)?;
        let Reply::Files(holdings) = Reply::decode(&frame).map_err(SessionError::Frame)? else {
            return Err(crate::exchange::unexpected());
        };
        if holdings.len() != files.len() {
            return Err(crate::exchange::unexpected());
        }
        for (file, holding) in files.into_iter().zip(holdings) {
            match holding {
                Holding::Held => {
                    self.progress.bytes_sent += file.length;
                    self.sent(client, &file)?;
                }
                Holding::Lacking { offset } if offset < file.length => {
                    // Else another transfer is sending it.
                    if let Some(claim) = Claim::take(client, file.hash) {
                        self.progress.bytes_sent += offset;
                        self.uploads.push_back(Upload {
                            file,
                            claim,
                            offset: Some(offset),
                            counted: offset,
                            cut_at: None,
                            again: false,
                        });
                    }
                }
                Holding::Lacking { .. } => return Err(crate::exchange::unexpected()),
                Holding::Gone => self.refused(client, &file, "gone")?,
                Holding::Refused(refusal) if refusal == Refusal::TOO_LARGE => {
                    self.refused(client, &file, refusal.name())?;
                }
                // No right at this moment, no room: it may be otherwise the next time.
                Holding::Refused(refusal) if refusal.class() == Class::Retry => self.later = Some(refusal),
                Holding::Refused(_) => {}
            }
        }
        Ok(())
    }

    fn take_offset(&mut self, client: &Client, work: &Work, answer: Answer) -> Result<(), ClientError> {
        let Some(upload) = self.uploads.front_mut() else { return Ok(()) };
        if let Some(code) = answer.error_code.clone() {
            match code.as_str() {
                // It was begun so long ago that the server forgot it, or never arrived.
                "not_found" if matches!(work, Work::Look | Work::Append) => upload.offset = Some(0),
                "wrong_hash" if !std::mem::replace(&mut upload.again, true) => upload.offset = Some(0),
                "wrong_hash" => self.give_up(client, "wrong_hash")?,
                "wrong_offset" => upload.offset = None,
                "gone" => self.give_up(client, "gone")?,
                code if code.starts_with(UNFIT) => self.give_up(client, code)?,
                _ => {
                    answer.judge(FRAME_TYPE)?;
                }
            }
            return Ok(());
        }
        let offset = answer.upload_offset.filter(|offset| *offset <= upload.file.length);
        let (Some(offset), 200..=204) = (offset, answer.status) else {
            let (status, retry_after_s) = (answer.status, answer.retry_after_s);
            return Err(answer.cut.unwrap_or(TransportError::NotOurServer { status, retry_after_s }).into());
        };
        upload.offset = Some(offset);
        self.progress.bytes_sent += offset.saturating_sub(upload.counted);
        upload.counted = upload.counted.max(offset);
        if offset == upload.file.length {
            let file = upload.file.clone();
            self.sent(client, &file)?;
            self.uploads.pop_front();
        }
        Ok(())
    }

    fn sent(&mut self, client: &Client, file: &Attachment) -> Result<(), ClientError> {
        client.store().attachment_held(file.hash)?;
        client.inner.board.note_piece();
        self.report.sent += 1;
        self.progress.files_sent += 1;
        Ok(())
    }

    fn refused(&mut self, client: &Client, file: &Attachment, code: &str) -> Result<(), ClientError> {
        tracing::warn!(code, "the server does not take a file");
        client.store().attachment_refused(file.hash, code)?;
        client.inner.board.note_piece();
        self.report.refused += 1;
        self.progress.files_refused += 1;
        Ok(())
    }

    /// The server will never take the file that is being sent.
    fn give_up(&mut self, client: &Client, code: &str) -> Result<(), ClientError> {
        let Some(file) = self.uploads.front().map(|upload| upload.file.clone()) else { return Ok(()) };
        self.refused(client, &file, code)?;
        self.uploads.pop_front();
        Ok(())
    }

    /// Asks for the next piece of what is wanted.
    fn fetch(&mut self, client: &Client, signer: &Signer) -> Result<Option<TransferMessage>, ClientError> {
        if self.downloads.is_empty() && self.thumbnails > 0 {
            let missing = client.store().missing_thumbnails(std::mem::take(&mut self.thumbnails))?;
            self.downloads.extend(missing.into_iter().map(|(hash, _)| hash));
        }
        while let Some(hash) = self.downloads.front().copied() {
            let store = client.store();
            let known = store.attachment(hash)?;
            let arriving = known.as_ref().is_none_or(|file| file.state == AttachmentState::Arriving);
            let (true, Some((space, thumbnail))) = (arriving, store.attachment_use(hash)?) else {
                // It is here, or nothing here names it.
                self.downloads.pop_front();
                continue;
            };
            let offset = store.arrived_bytes(hash)?;
            drop(store);
            // Its length and kind come with the first piece.
            let file = known.unwrap_or(Attachment {
                hash,
                space,
                length: 0,
                mime: String::new(),
                thumbnail,
                state: AttachmentState::Arriving,
                code: None,
            });
            let last = offset + PIECE_BYTES as u64 - 1;
            let mut request = signer.request(Method::Get, hash, Vec::new(), None, None);
            request.headers.push(("range", format!("bytes={offset}-{last}")));
            request.max_answer = PIECE_BYTES;
            return Ok(Some(TransferMessage { request, errand: TransferErrand(Work::Fetch(file)) }));
        }
        Ok(None)
    }

    fn take_piece(&mut self, client: &Client, file: &Attachment, answer: Answer) -> Result<(), ClientError> {
        if answer.error_code.as_deref() == Some("not_found") {
            // The server does not have it yet, or not for us.
            self.downloads.pop_front();
            return Ok(());
        }
        let is_ours = answer.etag.as_deref() == Some(file.hash.to_string().as_str());
        let (206, Some(length), true, None) = (answer.status, answer.total, is_ours, &answer.cut) else {
            let mime = answer.content_type.clone();
            answer.judge(&mime)?;
            return Err(TransportError::NotOurServer { status: 200, retry_after_s: None }.into());
        };
        let known = Attachment { length, mime: answer.content_type, ..file.clone() };
        if file.length != 0 && file.length != length || length > gandan_model::attachment::MAX_BYTES as u64 {
            return Err(crate::exchange::unexpected());
        }
        let arrived = client.store().piece_arrived(&known, &answer.body)?;
        self.progress.bytes_fetched += answer.body.len() as u64;
        client.inner.board.note_piece();
        match arrived {
            None => {}
            Some(whole) => {
                self.downloads.pop_front();
                self.report.fetched += u64::from(whole);
                self.progress.files_fetched += u64::from(whole);
                if !whole {
                    tracing::warn!(file = %file.hash, "the server gave other bytes than the file's name says");
                }
            }
        }
        Ok(())
    }
}

impl Upload {
    /// What to send next of it; `None` if it is not here any more.
    fn message(&self, client: &Client, signer: &Signer) -> Result<Option<TransferMessage>, ClientError> {
        let hash = self.file.hash;
        let Some(offset) = self.offset else {
            let request = signer.request(Method::Head, hash, Vec::new(), None, None);
            return Ok(Some(TransferMessage { request, errand: TransferErrand(Work::Look) }));
        };
        let piece = client.store().attachment_piece(hash, offset)?;
        if piece.is_empty() {
            return Ok(None);
        }
        self.claim.reached(offset);
        let (request, work) = if offset == 0 {
            let metadata = Metadata { hash, space: self.file.space }.header();
            let mut request = signer.request(Method::Post, hash, piece, None, Some(metadata));
            request.headers.push(("upload-length", self.file.length.to_string()));
            (request, Work::Begin)
        } else {
            (signer.request(Method::Patch, hash, piece, Some(offset), None), Work::Append)
        };
        Ok(Some(TransferMessage { request, errand: TransferErrand(work) }))
    }
}

/// Makes requests in the device's name.
struct Signer {
    identity: Identity,
    key: SigningKey,
    time_ms: u64,
}

impl Signer {
    fn new(client: &Client, identity: Identity) -> Self {
        let key = client.signing_key(&identity);
        Self { identity, key, time_ms: u64::try_from(client.now_ms()).unwrap_or(0) }
    }

    fn request(
        &self,
        method: Method,
        hash: FileHash,
        body: Vec<u8>,
        offset: Option<u64>,
        metadata: Option<String>,
    ) -> Request {
        let path = if method == Method::Post { FILES.to_owned() } else { format!("{FILES}/{hash}") };
        let offset = offset.map(|offset| offset.to_string());
        let doing = Doing {
            method: method.as_str(),
            path: &path,
            offset: offset.as_deref().unwrap_or_default(),
            metadata: metadata.as_deref().unwrap_or_default(),
        };
        let pass = Pass::sign(&self.key, self.identity.device, self.time_ms, doing);
        let mut headers = vec![("authorization", pass.header()), ("tus-resumable", TUS_VERSION.to_owned())];
        headers.extend(offset.map(|offset| ("upload-offset", offset)));
        headers.extend(metadata.map(|metadata| ("upload-metadata", metadata)));
        if matches!(method, Method::Post | Method::Patch) {
            headers.push(("content-type", PIECE_TYPE.to_owned()));
        }
        Request { method, url: format!("{}{path}", self.identity.server_url), headers, body, max_answer: MAX_ANSWER }
    }
}
