//! Exchanging in the background: when something was saved, when the server has news, and now and then.

use crate::attachments::{TransferFailure, TransferOptions, TransferProgress};
use crate::backoff::{Backoff, below};
use crate::cancel::Cancel;
use crate::client::{Client, blocking};
use crate::conditions::Conditions;
use crate::driver::{SyncFailure, SyncOptions};
use crate::error::{ClientError, Remedy};
use crate::report::{Progress, SyncReport};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Without a wish of the server, this long between exchanges.
const DEFAULT_POLL: Duration = Duration::from_mins(5);
/// The shortest wait that a server can wish for.
const SHORTEST_POLL: Duration = Duration::from_secs(5);
/// After a save, this long is waited for another: people save twice.
const GATHER: Duration = Duration::from_millis(500);
/// What only a person can mend is looked at again after this long, in case it was mended elsewhere.
const RESIGNED_POLL: Duration = Duration::from_hours(1);
/// So much less often nobody's wish is looked after while the battery is to be spared.
const SPARING: u32 = 4;

/// What the background exchange is doing.
#[derive(Clone, Debug, Default)]
pub enum SyncPhase {
    /// Nothing yet.
    #[default]
    Starting,
    /// An exchange is under way.
    Running(Progress),
    /// The records are exchanged, their files are on their way.
    Files(TransferProgress),
    /// There is no network; it goes on when [`Client::set_conditions`] says that there is one.
    Offline,
    /// The last one went well.
    Idle(Arc<SyncReport>),
    /// The last one did not; it is tried again by itself.
    Failed {
        /// What was done before.
        report: Arc<SyncReport>,
        /// Stable code of the error.
        code: String,
        /// The error in words.
        message: String,
        /// What can be done.
        remedy: Remedy,
        /// How long until the next try.
        retry_in: Duration,
    },
}

/// A background exchange. Dropping it ends the exchange at once; what was exchanged stays.
#[must_use = "dropping it ends the exchange"]
pub struct SyncHandle {
    cancel: Cancel,
    phase: watch::Receiver<SyncPhase>,
    task: tokio::task::JoinHandle<()>,
}

impl SyncHandle {
    /// What it is doing, again whenever that changes.
    pub fn phase(&self) -> watch::Receiver<SyncPhase> {
        self.phase.clone()
    }

    /// Ends it and waits until it has ended.
    pub async fn stop(mut self) {
        self.cancel.cancel();
        // An error here says that the task was ended already.
        let _ = (&mut self.task).await;
    }
}

impl Drop for SyncHandle {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

impl std::fmt::Debug for SyncHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SyncHandle").field("phase", &*self.phase.borrow()).finish_non_exhaustive()
    }
}

impl Client {
    /// Exchanges with the server in the background until the handle is dropped: at once, after every save, and as often
    /// as the server wishes. Failures are tried again with growing waits. `live`: also whenever the server says that
    /// there is news, over a connection that is held open; for an app that somebody is looking at. It follows
    /// [`Client::set_conditions`] and the [daily budget](Client::set_daily_budget). Needs a tokio runtime.
    pub fn sync_in_background(&self, live: bool) -> SyncHandle {
        let cancel = Cancel::new();
        let (sender, phase) = watch::channel(SyncPhase::Starting);
        let run =
            Background { client: self.clone(), cancel: cancel.clone(), phase: sender, backoff: Backoff::default() };
        SyncHandle { cancel, phase, task: tokio::spawn(run.run(live)) }
    }
}

struct Background {
    client: Client,
    cancel: Cancel,
    phase: watch::Sender<SyncPhase>,
    backoff: Backoff,
}

impl Background {
    async fn run(mut self, live: bool) {
        let cancel = self.cancel.clone();
        let client = self.client.clone();
        let listening = async {
            if live {
                listen_when_fit(&client).await;
            }
            std::future::pending::<()>().await;
        };
        // `None` only says that somebody has had enough.
        let _ = cancel
            .guard(async {
                tokio::select! {
                    () = self.all() => {}
                    () = listening => {}
                }
            })
            .await;
    }

    async fn all(&mut self) {
        let mut conditions = self.client.watch_conditions();
        loop {
            if !conditions.borrow_and_update().online {
                self.phase.send_replace(SyncPhase::Offline);
                wait_until(&mut conditions, |now| now.online).await;
                self.backoff.reset();
            }
            let phase = self.phase.clone();
            let options = SyncOptions {
                cancel: self.cancel.clone(),
                progress: Arc::new(move |progress| {
                    phase.send_replace(SyncPhase::Running(*progress));
                }),
                within_budget: true,
                ..SyncOptions::default()
            };
            let result = match self.client.sync_once(options).await {
                Ok(report) => self.files(report).await,
                Err(failure) => Err(failure),
            };
            let (wait, may_wake) = match result {
                Ok(report) => (self.after_success(report), true),
                Err(failure) => self.after_failure(failure),
            };
            let board = &self.client.inner.board;
            let save = async {
                board.saved().await;
                tokio::time::sleep(GATHER).await;
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = save, if may_wake => {}
                () = board.news(), if may_wake => {}
                () = turn_for_the_better(&mut conditions) => {}
            }
        }
    }

    /// After the records their files. Only what another try can mend counts as a failure of the exchange.
    async fn files(&self, report: SyncReport) -> Result<SyncReport, SyncFailure> {
        let phase = self.phase.clone();
        let options = TransferOptions {
            originals: !self.client.is_metered(),
            cancel: self.cancel.clone(),
            progress: Arc::new(move |progress| {
                phase.send_replace(SyncPhase::Files(*progress));
            }),
            within_budget: true,
            ..TransferOptions::default()
        };
        match self.client.transfer(options).await {
            Err(TransferFailure { error, .. }) if error.remedy() == Remedy::RetryLater => {
                Err(SyncFailure { report: Box::new(report), error })
            }
            Err(TransferFailure { error, .. }) => {
                tracing::warn!(code = error.code(), %error, "files could not be moved");
                Ok(report)
            }
            Ok(_) => Ok(report),
        }
    }

    fn after_success(&mut self, report: SyncReport) -> Duration {
        self.backoff.reset();
        let wish = Duration::from_secs(u64::from(report.poll_after_s));
        let poll = if wish.is_zero() { DEFAULT_POLL } else { wish.max(SHORTEST_POLL) };
        let poll = if self.client.conditions().battery_saver { poll * SPARING } else { poll };
        let wait = if report.more { Duration::ZERO } else { poll };
        self.phase.send_replace(SyncPhase::Idle(Arc::new(report)));
        // Phones that started together do not call together for ever.
        let spread = u64::try_from(wait.as_millis() / 10).unwrap_or(0) + 1;
        wait + Duration::from_millis(self.client.environment().rng.with(|rng| below(rng, spread)))
    }

    /// How long to wait, and whether a save ends the wait: after a failure of the road it would only cost battery.
    fn after_failure(&mut self, failure: SyncFailure) -> (Duration, bool) {
        let SyncFailure { report, error } = failure;
        let remedy = error.remedy();
        let retry_after = error.retry_after_s();
        let backoff = &mut self.backoff;
        let wait = self.client.environment().rng.with(|rng| backoff.after_failure(retry_after, rng));
        let retry_in = match (&error, remedy) {
            // Somebody else's exchange, which does our work.
            (ClientError::Syncing, _) => SHORTEST_POLL,
            // Another day, or another network, which wakes us.
            (ClientError::Budget, _) => RESIGNED_POLL,
            (_, Remedy::RetryLater | Remedy::FreeSpace) => wait,
            _ => wait.max(RESIGNED_POLL),
        };
        let (code, message) = (error.code().to_owned(), error.to_string());
        tracing::info!(code, retry_in_s = retry_in.as_secs(), "an exchange failed");
        self.phase.send_replace(SyncPhase::Failed { report: report.into(), code, message, remedy, retry_in });
        (retry_in, false)
    }
}

/// Waits until the device stands so.
async fn wait_until(conditions: &mut watch::Receiver<Conditions>, fit: impl FnMut(&Conditions) -> bool) {
    // The sender lives as long as the client, which the caller holds.
    let _ = conditions.wait_for(fit).await;
}

/// Waits until a network is there that was not, or one that costs nothing; ends also when the network goes.
async fn turn_for_the_better(conditions: &mut watch::Receiver<Conditions>) {
    let mut before = *conditions.borrow_and_update();
    while conditions.changed().await.is_ok() {
        let now = *conditions.borrow_and_update();
        if now.online != before.online || (before.metered && !now.metered) {
            return;
        }
        before = now;
    }
}

/// Listens while there is a network and power.
async fn listen_when_fit(client: &Client) {
    let is_fit = |now: &Conditions| now.online && !now.battery_saver;
    let mut conditions = client.watch_conditions();
    loop {
        wait_until(&mut conditions, is_fit).await;
        tokio::select! {
            () = listen(client) => return,
            () = wait_until(&mut conditions, |now| !is_fit(now)) => {}
        }
    }
}

/// Rings the bell whenever the server says that there is news. Ends if this client cannot listen at all.
async fn listen(client: &Client) {
    let mut backoff = Backoff::default();
    loop {
        let reader = client.clone();
        let found = blocking(move || reader.news_address()).await;
        let Ok(Some((url, authorization))) = found else { return };
        let transport = client.environment().transport.clone();
        let error = match transport.listen(&url, &authorization).await {
            None => return,
            Some(Err(error)) => error,
            Some(Ok(mut stream)) => {
                // What came while nobody listened.
                client.inner.board.note_news();
                loop {
                    match stream.next().await {
                        Ok(true) => client.inner.board.note_news(),
                        Ok(false) => backoff.reset(),
                        Err(error) => break error,
                    }
                }
            }
        };
        let retry_after = error.retry_after_s();
        let wait = client.environment().rng.with(|rng| backoff.after_failure(retry_after, rng));
        tracing::debug!(code = error.code(), wait_s = wait.as_secs(), "the stream of news ended");
        tokio::time::sleep(wait).await;
    }
}
