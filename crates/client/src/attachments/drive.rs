//! Moving files' bytes over a transport.

use super::{Transfer, TransferProgress, TransferReport};
use crate::cancel::Cancel;
use crate::client::{Client, blocking};
use crate::conditions::Purse;
use crate::error::ClientError;
use crate::transport::Meter;
use gandan_model::ids::FileHash;
use std::sync::Arc;

/// How a transfer is to run.
#[derive(Clone)]
pub struct TransferOptions {
    /// Also sends originals. `false` on a metered network: thumbnails alone go then.
    pub originals: bool,
    /// Files to get from the server, by the hashes in their records.
    pub fetch: Vec<FileHash>,
    /// Gets at most so many thumbnails of records that are here, the latest first.
    pub thumbnails: u32,
    /// Called after every step with how far it has come.
    pub progress: Arc<dyn Fn(&TransferProgress) + Send + Sync>,
    /// Counts bytes while they move, for somebody who wants to look in between.
    pub meter: Meter,
    /// To give up in the middle.
    pub cancel: Cancel,
    /// Does what nobody waits for: ends with [`ClientError::Budget`] when the day's bytes on a metered network are used up,
    /// and keeps originals for later as soon as bytes cost money.
    pub within_budget: bool,
}

impl Default for TransferOptions {
    /// Everything goes; 50 thumbnails come.
    fn default() -> Self {
        Self {
            originals: true,
            fetch: Vec::new(),
            thumbnails: 50,
            progress: Arc::new(|_| {}),
            meter: Meter::default(),
            cancel: Cancel::new(),
            within_budget: false,
        }
    }
}

impl std::fmt::Debug for TransferOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TransferOptions").field("originals", &self.originals).finish_non_exhaustive()
    }
}

/// A transfer that ended before its time, and what it did until then.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct TransferFailure {
    /// What was moved before; it stays.
    pub report: Box<TransferReport>,
    /// Why it ended.
    #[source]
    pub error: ClientError,
}

impl Client {
    /// Sends files that wait and gets what is wanted. Best after [`Client::sync_once`]: the server takes files of records
    /// that it knows. A connection that breaks is made anew as long as something gets through.
    ///
    /// # Errors
    ///
    /// A [`TransferFailure`] with what was done before it. Nothing is lost by any of them; what had arrived need not be
    /// sent again.
    pub async fn transfer(&self, options: TransferOptions) -> Result<TransferReport, TransferFailure> {
        let TransferOptions { originals, ref fetch, thumbnails, .. } = options;
        let mut transfer = Transfer::new(originals, fetch.clone(), thumbnails);
        let result = self.move_files(&mut transfer, &options).await;
        let mut report = std::mem::take(&mut transfer.report);
        report.bytes_up = options.meter.up();
        report.bytes_down = options.meter.down();
        self.refresh();
        match result {
            Ok(()) => Ok(report),
            Err(error) => Err(TransferFailure { report: Box::new(report), error }),
        }
    }

    async fn move_files(&self, transfer: &mut Transfer, options: &TransferOptions) -> Result<(), ClientError> {
        let mut purse = Purse::new(self, &options.meter, options.within_budget);
        let result = self.move_pieces(transfer, options, &mut purse).await;
        result.and(purse.count().await)
    }

    async fn move_pieces(
        &self,
        transfer: &mut Transfer,
        options: &TransferOptions,
        purse: &mut Purse,
    ) -> Result<(), ClientError> {
        let transport = self.environment().transport.clone();
        loop {
            if options.cancel.is_cancelled() {
                return Err(ClientError::Cancelled);
            }
            if options.within_budget && self.is_metered() {
                transfer.keep_originals();
            }
            let Some(message) = self.with_transfer(transfer, Transfer::next).await? else { return Ok(()) };
            purse.afford().await?;
            let errand = message.errand;
            let moving = options.cancel.guard(transport.send(message.request, &options.meter)).await;
            match moving {
                None => return Err(ClientError::Cancelled),
                Some(Ok(answer)) => {
                    self.with_transfer(transfer, move |transfer, client| transfer.take(client, errand, answer)).await?;
                }
                Some(Err(error)) if transfer.cut(&errand) => tracing::debug!(code = error.code(), "a piece was cut"),
                Some(Err(error)) => return Err(error.into()),
            }
            purse.count().await?;
            (options.progress)(&transfer.progress);
        }
    }

    /// Runs a step that touches the disk. The transfer comes back in any case: its report is wanted.
    async fn with_transfer<T: Send + 'static>(
        &self,
        transfer: &mut Transfer,
        step: impl FnOnce(&mut Transfer, &Self) -> Result<T, ClientError> + Send + 'static,
    ) -> Result<T, ClientError> {
        let client = self.clone();
        let mut moved = std::mem::replace(transfer, Transfer::new(false, Vec::new(), 0));
        let (moved, result) = blocking(move || {
            let result = step(&mut moved, &client);
            Ok((moved, result))
        })
        .await?;
        *transfer = moved;
        result
    }
}
