//! Follows the log and keeps everything that is derived from it.
//!
//! One thread reads what the log of each space holds after the place it has reached, builds the documents concerned, and
//! writes snapshots, report rows and the new place in one transaction of `views.db`. It can be stopped anywhere and goes
//! on from there; thrown away, it builds everything anew. A change that does not apply is set aside and the rest goes on.
//!
//! Views may lag a moment, acknowledgements may not: while devices push, the projector waits until the writer has been
//! quiet for [`QUIET`], but no longer than [`PATIENCE`].

mod pass;
mod signal;

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use gandan_model::document::Document;
use gandan_model::genesis::DocKind;
use gandan_model::ids::{Compartment, DocId, SpaceId};

use crate::attachments::Attachments;
use crate::compactor::CompactorThread;
use crate::db::{Db, DbError};
use crate::error::ServerError;
use crate::metrics::Metrics;
use crate::reports::facts::Facts;
pub use pass::Pass;
pub use signal::Signal;

/// How long the writer must be quiet before views are built.
pub const QUIET: Duration = Duration::from_millis(150);
/// How long views may wait for that.
pub const PATIENCE: Duration = Duration::from_secs(2);
/// After a failure, how long until the next attempt.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// A document as the projector hands it to [`crate::reports::project`]: after all changes up to now.
pub struct ProjectedDocument<'a> {
    /// The space it lives in.
    pub space: SpaceId,
    /// The unit of the space, by its code.
    pub unit: &'a str,
    /// The compartment of the space. Only documents of the right compartment are projected: what `kind` says and what
    /// the space is for agree.
    pub compartment: Compartment,
    /// The document.
    pub doc: DocId,
    /// Its kind; `None` for one of a newer app.
    pub kind: Option<DocKind>,
    /// What it says.
    pub document: &'a Document,
    /// When the server first held a change of it, Unix milliseconds.
    pub arrived_ms: i64,
}

/// The way to the projector; clones share it.
#[derive(Clone)]
pub struct Projector {
    signal: Arc<Signal>,
}

impl Projector {
    /// Starts the thread; it ends after [`Projector::stop`].
    ///
    /// When everything is built, others begin where this one's work ends: see [`AfterPass`].
    pub fn start(
        db: &Db,
        signal: Arc<Signal>,
        metrics: Metrics,
        after: AfterPass,
    ) -> Result<(Self, JoinHandle<()>), ServerError> {
        let pass = Pass::new(db.clone(), metrics)?;
        // Whoever asks right after the start must not hear that nothing is to be done.
        pass.announce()?;
        let projector = Self { signal: Arc::clone(&signal) };
        let db = db.clone();
        let thread = std::thread::Builder::new()
            .name("projector".to_owned())
            .spawn(move || run(&db, pass, &signal, &after))
            .map_err(ServerError::io("start the projector thread"))?;
        Ok((projector, thread))
    }

    /// A log has news that the writer's thread does not know of.
    pub fn news(&self) {
        self.signal.committed();
    }

    /// Asks the thread to end at the next document.
    pub fn stop(&self) {
        self.signal.stop();
    }

    /// Waits until everything that was acknowledged before this call is in the views; false if the server stops first.
    pub async fn caught_up(&self) -> bool {
        let signal = Arc::clone(&self.signal);
        tokio::task::spawn_blocking(move || signal.wait_until_done()).await.unwrap_or(false)
    }
}

/// Who has work when the views are up to date.
#[derive(Clone)]
pub struct AfterPass {
    /// Packs documents.
    pub compactor: Option<CompactorThread>,
    /// Lets bytes go that no record may have any more, before anybody is told that the views are up to date.
    pub attachments: Attachments,
    /// Follow the views, so that nobody who asks for figures has to wait for it.
    pub facts: Arc<Facts>,
}

fn run(db: &Db, mut pass: Pass, signal: &Signal, after: &AfterPass) {
    while let Some(commits) = signal.wait_for_work(QUIET, PATIENCE) {
        let done = pass.run(&|| signal.is_stopped()).map_err(ServerError::from);
        match done.and_then(|()| after.attachments.sweep()) {
            Ok(()) => {
                signal.done(commits);
                if let Err(error) = db.read(|connection| after.facts.keep_up(connection)) {
                    // Whoever asks next reads what is missing.
                    tracing::warn!(code = error.code(), "facts do not follow the views");
                }
                if let Some(compactor) = &after.compactor {
                    compactor.news();
                }
            }
            Err(error) => {
                tracing::error!(code = error.code(), %error, "building views failed; trying again");
                signal.pause(AFTER_FAILURE);
            }
        }
    }
}

/// Builds, here and now, what is new since the views were last built. Another process may be at it too.
pub fn catch_up(db: &Db, metrics: Metrics) -> Result<(), DbError> {
    Pass::new(db.clone(), metrics)?.run(&|| false)
}

/// Throws every view away and builds all anew, here and now. `progress` hears how many log entries are left.
pub fn reproject(db: &Db, metrics: Metrics, progress: &dyn Fn(u64)) -> Result<(), DbError> {
    let mut pass = Pass::new(db.clone(), metrics)?;
    pass.clear()?;
    pass.run_with_progress(&|| false, progress)
}
