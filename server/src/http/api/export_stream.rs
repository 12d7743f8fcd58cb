//! Answers that are written while they are read: page by page from the database, and no faster than the caller takes
//! what comes. When the caller closes the connection, the reading ends with it.

use std::io::{self, Write};

use axum::body::{Body, Bytes};
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderName};
use axum::response::{IntoResponse, Response};
use rusqlite::Connection;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::db::{Db, DbError};
use crate::reports::list::{Cursor, Page};

/// Pieces that may wait for a slow reader.
const AHEAD: usize = 2;
/// Records read at once: each page costs one search in the index.
pub(crate) const PAGE: usize = 1_000;
/// Size of a piece, in bytes.
const PIECE: usize = 64 << 10;
/// Header that says how many records will come, for those who show progress.
pub(crate) const ROWS: HeaderName = HeaderName::from_static("gandan-rows");

/// How rows become bytes.
pub(crate) trait Encoder<R>: Send + 'static {
    /// What stands before the first row.
    fn head(&mut self) -> Result<Vec<u8>, DbError>;
    /// Some rows.
    fn rows(&mut self, rows: Vec<R>) -> Result<Vec<u8>, DbError>;
    /// What stands behind the last.
    fn tail(&mut self) -> Result<Vec<u8>, DbError>;
}

/// The writing end of a body.
pub(crate) struct Stream {
    sender: mpsc::Sender<Result<Bytes, io::Error>>,
    buffer: Vec<u8>,
}

impl Stream {
    /// A stream and the body that it fills.
    pub(crate) fn new() -> (Self, Body) {
        let (sender, receiver) = mpsc::channel(AHEAD);
        (Self { sender, buffer: Vec::new() }, Body::from_stream(ReceiverStream::new(receiver)))
    }

    /// Whether the caller went away.
    pub(crate) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Writes all pages. An error in the middle cuts the body: a shorter table must not look whole.
    pub(crate) fn pump<R, F>(mut self, db: &Db, read: F, mut encoder: impl Encoder<R>)
    where
        F: Fn(&Connection, Option<&Cursor>, usize) -> Result<Page<R>, DbError>,
    {
        let done = self.all(db, read, &mut encoder);
        self.finish(done);
    }

    fn all<R, F>(&mut self, db: &Db, read: F, encoder: &mut impl Encoder<R>) -> io::Result<()>
    where
        F: Fn(&Connection, Option<&Cursor>, usize) -> Result<Page<R>, DbError>,
    {
        self.write_all(&encoder.head().map_err(io::Error::other)?)?;
        for_each_page(db, read, |rows| {
            let bytes = encoder.rows(rows).map_err(io::Error::other)?;
            self.write_all(&bytes)
        })?;
        self.write_all(&encoder.tail().map_err(io::Error::other)?)
    }

    /// Ends the body: whole after `Ok`, cut after an error.
    pub(crate) fn finish(mut self, done: io::Result<()>) {
        let done = done.and_then(|()| self.flush());
        if let Err(error) = done
            && !self.is_closed()
        {
            tracing::warn!(%error, "an export was cut");
            let _ = self.sender.blocking_send(Err(error));
        }
    }
}

/// Reads page after page.
pub(crate) fn for_each_page<R, F>(db: &Db, read: F, mut each: impl FnMut(Vec<R>) -> io::Result<()>) -> io::Result<()>
where
    F: Fn(&Connection, Option<&Cursor>, usize) -> Result<Page<R>, DbError>,
{
    let mut cursor = None;
    loop {
        let page = db.read(|connection| read(connection, cursor.as_ref(), PAGE)).map_err(io::Error::other)?;
        each(page.items)?;
        match page.next {
            Some(next) => cursor = Some(next),
            None => return Ok(()),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= PIECE {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let piece = Bytes::from(std::mem::take(&mut self.buffer));
        self.sender.blocking_send(Ok(piece)).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

/// The answer around a body: a file of this type and name, with the number of its records.
pub(crate) fn answer(body: Body, kind: &'static str, name: &str, rows: Option<i64>) -> Response {
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        headers.insert(CONTENT_DISPOSITION, value);
    }
    if let Some(rows) = rows {
        headers.insert(ROWS, HeaderValue::from(rows));
    }
    response
}
