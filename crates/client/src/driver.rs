//! Moving the bytes: seal, send, take in, again until nothing moves.

use crate::cancel::Cancel;
use crate::client::{Client, blocking};
use crate::conditions::Purse;
use crate::error::ClientError;
use crate::exchange::{Exchange, MAX_ROUNDS, worth_telling};
use crate::report::{Progress, SyncReport};
use crate::seal::SealReport;
use crate::transport::{FRAME_TYPE, Meter, Post, TransportError};
use gandan_sync::Refusal;
use gandan_sync::limits::MAX_RESPONSE;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// How an exchange is to run.
#[derive(Clone)]
pub struct SyncOptions {
    /// Most round trips; what is left follows the next time. At least 1.
    pub max_rounds: u32,
    /// Called after every step with how far it has come.
    pub progress: Arc<dyn Fn(&Progress) + Send + Sync>,
    /// Counts bytes while they move, for somebody who wants to look in between.
    pub meter: Meter,
    /// To give up in the middle.
    pub cancel: Cancel,
    /// Ends with [`ClientError::Budget`] when the day's bytes on a metered network are used up; what a person asks for
    /// by hand does not.
    pub within_budget: bool,
}

impl Default for SyncOptions {
    fn default() -> Self {
        Self {
            max_rounds: MAX_ROUNDS,
            progress: Arc::new(|_| {}),
            meter: Meter::default(),
            cancel: Cancel::new(),
            within_budget: false,
        }
    }
}

impl std::fmt::Debug for SyncOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SyncOptions").field("max_rounds", &self.max_rounds).finish_non_exhaustive()
    }
}

/// An exchange that ended before its time, and what it did until then.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct SyncFailure {
    /// What was exchanged before; it stays.
    pub report: Box<SyncReport>,
    /// Why it ended.
    #[source]
    pub error: ClientError,
}

/// One exchange at a time: the mark goes when this is dropped, also when the future of the exchange is.
struct Turn(Client);

impl Turn {
    fn take(client: &Client) -> Result<Self, ClientError> {
        if client.inner.exchanging.swap(true, Ordering::SeqCst) {
            return Err(ClientError::Syncing);
        }
        Ok(Self(client.clone()))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.inner.exchanging.store(false, Ordering::SeqCst);
        self.0.refresh();
    }
}

impl Client {
    /// Exchanges everything with the server: sends what waits, takes in what is new.
    ///
    /// # Errors
    ///
    /// A [`SyncFailure`] with what was done before it. Nothing is lost by any of them; [`ClientError::remedy`] says what
    /// can be done.
    pub async fn sync_once(&self, options: SyncOptions) -> Result<SyncReport, SyncFailure> {
        let turn = Turn::take(self).map_err(|error| SyncFailure { report: Box::default(), error })?;
        let exchange = Exchange::new(options.max_rounds);
        let mut run = Run { client: self.clone(), options, exchange };
        let result = run.all().await;
        let report = run.report();
        if let Err(error) = &result {
            self.remember_failure(error).await;
        }
        drop(turn);
        match result {
            Ok(()) => Ok(report),
            Err(error) => Err(SyncFailure { report: Box::new(report), error }),
        }
    }
}

impl Client {
    /// Keeps why an exchange failed, if whoever looks after devices should know.
    async fn remember_failure(&self, error: &ClientError) {
        let Some(code) = worth_telling(error) else { return };
        let client = self.clone();
        if let Err(unkept) = blocking(move || client.keep_failure(code)).await {
            // The disk that failed the exchange may fail here too.
            tracing::warn!(code = unkept.code(), "why an exchange failed was not kept");
        }
    }
}

struct Run {
    client: Client,
    options: SyncOptions,
    exchange: Exchange,
}

impl Run {
    async fn all(&mut self) -> Result<(), ClientError> {
        let mut purse = Purse::new(&self.client, &self.options.meter, self.options.within_budget);
        self.exchange.byte_budget = purse.left().await?.map_or(0, |left| u32::try_from(left).unwrap_or(u32::MAX));
        let result = self.exchange_all(&mut purse).await;
        result.and(purse.count().await)
    }

    async fn exchange_all(&mut self, purse: &mut Purse) -> Result<(), ClientError> {
        self.seal().await?;
        self.tell();
        loop {
            self.check()?;
            let Some(message) = self.with_exchange(Exchange::next).await? else { return Ok(()) };
            let errand = message.errand;
            if let Err(error) = purse.afford().await {
                // Records have gone and come: what is only good to know waits for a day with bytes.
                return if errand.may_fail() { Ok(()) } else { Err(error) };
            }
            let sent = self.send(&message.server, message.path, message.body, errand.takes_parts()).await;
            if errand.may_fail() && sent.as_ref().is_err_and(|error| error.code() == Refusal::BAD_FORM.name()) {
                self.with_exchange(move |_, client| errand.not_understood(client)).await?;
                continue;
            }
            let (answer, cut) = sent?;
            self.with_exchange(move |exchange, client| exchange.take(client, errand, &answer)).await?;
            purse.count().await?;
            self.tell();
            if let Some(cut) = cut {
                return Err(cut.into());
            }
        }
    }

    /// Seals what waits, an envelope at a time, so that it can be given up in between.
    async fn seal(&self) -> Result<(), ClientError> {
        let mut skipped = BTreeSet::new();
        loop {
            self.check()?;
            let client = self.client.clone();
            let (again, still_skipped) = blocking(move || {
                let more = client.seal_next(&mut skipped, &mut SealReport::default())?;
                Ok((more, skipped))
            })
            .await?;
            if !again {
                return Ok(());
            }
            skipped = still_skipped;
        }
    }

    /// What came back, and why it is not whole, if parts are of use.
    async fn send(
        &self,
        server: &str,
        path: &str,
        body: Vec<u8>,
        parts: bool,
    ) -> Result<(Vec<u8>, Option<TransportError>), ClientError> {
        let post = Post { url: format!("{server}{path}"), content_type: FRAME_TYPE, body, max_answer: MAX_RESPONSE };
        let transport = self.client.environment().transport.clone();
        let moving = async {
            let answer = transport.post(post, &self.options.meter).await?;
            if parts { answer.judge_part(FRAME_TYPE) } else { answer.judge(FRAME_TYPE).map(|body| (body, None)) }
        };
        match self.options.cancel.guard(moving).await {
            Some(answer) => Ok(answer?),
            None => Err(ClientError::Cancelled),
        }
    }

    /// Runs a step that touches the disk. The exchange comes back in any case: its report is wanted.
    async fn with_exchange<T: Send + 'static>(
        &mut self,
        step: impl FnOnce(&mut Exchange, &Client) -> Result<T, ClientError> + Send + 'static,
    ) -> Result<T, ClientError> {
        let client = self.client.clone();
        let mut exchange = std::mem::replace(&mut self.exchange, Exchange::new(1));
        let (exchange, result) = blocking(move || {
            let result = step(&mut exchange, &client);
            Ok((exchange, result))
        })
        .await?;
        self.exchange = exchange;
        result
    }

    fn check(&self) -> Result<(), ClientError> {
        if self.options.cancel.is_cancelled() { Err(ClientError::Cancelled) } else { Ok(()) }
    }

    fn report(&mut self) -> SyncReport {
        let mut report = std::mem::take(&mut self.exchange.report);
        report.bytes_up = self.options.meter.up();
        report.bytes_down = self.options.meter.down();
        if report.round_trips == 0 {
            report.waiting = self.client.unsent().unwrap_or_default();
        }
        report
    }

    fn tell(&self) {
        let report = &self.exchange.report;
        (self.options.progress)(&Progress {
            round_trips: report.round_trips,
            bytes_up: self.options.meter.up(),
            bytes_down: self.options.meter.down(),
            pushed: report.pushed,
            pulled: report.pulled,
            waiting: report.waiting,
            documents_loaded: report.documents_loaded,
            documents_to_load: report.documents_to_load,
        });
    }
}
