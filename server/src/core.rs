//! What serves devices, without threads, sockets and views: for a simulator that is the only one who acts.

use std::sync::Arc;

use crate::attachments::Attachments;
use crate::db::{Db, Storage};
use crate::error::ServerError;
use crate::events::EventHub;
use crate::exchange::{Exchange, Indexes};
use crate::folder::Folder;
use crate::ingest::{Ingest, Listeners};
use crate::metrics::Metrics;
use crate::positions::Positions;
use crate::projector::Signal;
use crate::server::{ServerOptions, prepare};

/// The logs and the way to exchange with them, in the caller's thread. Opened as [`crate::server::Server`] is, decisions
/// that a restore may have undone included.
pub struct Core {
    /// The database, without views until [`Db::open_views`].
    pub db: Db,
    /// Round trips with devices.
    pub exchange: Exchange,
}

impl Core {
    /// Opens the data folder. Nothing locks it: the caller sees to it that it is served once.
    pub fn open(options: &ServerOptions) -> Result<Self, ServerError> {
        let folder = Folder::at(&options.data);
        let db = Db::open_core(folder.path(), options.db.clone())?;
        prepare(&db, &folder, &folder.server_device()?, &options.clock)?;
        let metrics = Metrics::default();
        let listeners =
            Listeners { events: EventHub::default(), projector: Arc::new(Signal::default()), metrics: metrics.clone() };
        let ingest = Ingest::in_callers_thread(&db, Arc::clone(&options.clock), listeners.clone())?;
        let storage: Arc<dyn Storage> = Arc::new(db.clone());
        let exchange = Exchange {
            storage,
            db: db.clone(),
            ingest,
            listeners,
            positions: Positions::default(),
            indexes: Indexes::default(),
            clock: Arc::clone(&options.clock),
            random: Arc::clone(&options.random),
            metrics,
            incarnation: folder.incarnation()?,
            poll_after_s: options.poll_after_s,
            attachments: Attachments::new(db.clone(), Arc::clone(&options.clock), options.attachments),
        };
        Ok(Self { db, exchange })
    }
}
