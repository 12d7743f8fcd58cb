//! The client behind its door: work comes in while it is open, and closing waits for what is inside.

use crate::error::GandanError;
use crate::exchange::BackgroundSync;
use gandan_client::{Cancel, Client, ClientError};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::sync::{OwnedRwLockReadGuard, RwLock};

/// What a client of the other side is inside.
pub(crate) struct Door {
    client: Arc<RwLock<Option<Client>>>,
    /// Turned when the client is closed: exchanges under way end.
    closing: Cancel,
    background: Mutex<Vec<Weak<BackgroundSync>>>,
}

/// Somebody inside. Holds the door open.
pub(crate) type Inside = OwnedRwLockReadGuard<Option<Client>, Client>;

impl Door {
    pub(crate) fn new(client: Client) -> Self {
        Self { client: Arc::new(RwLock::new(Some(client))), closing: Cancel::new(), background: Mutex::default() }
    }

    /// Goes in.
    pub(crate) async fn enter(&self) -> Result<Inside, GandanError> {
        let guard = self.client.clone().read_owned().await;
        OwnedRwLockReadGuard::try_map(guard, Option::as_ref).map_err(|_| GandanError::closed())
    }

    /// Goes in without waiting; fails while the client closes.
    pub(crate) fn peek(&self) -> Result<Inside, GandanError> {
        let guard = self.client.clone().try_read_owned().map_err(|_| GandanError::closed())?;
        OwnedRwLockReadGuard::try_map(guard, Option::as_ref).map_err(|_| GandanError::closed())
    }

    /// Runs work that touches the disk on a thread for that purpose. Once begun it is done to its end, whether the caller
    /// waits or not.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Client) -> Result<T, ClientError> + Send + 'static,
    ) -> Result<T, GandanError> {
        let inside = self.enter().await?;
        let done = tokio::task::spawn_blocking(move || work(&inside)).await;
        Ok(done.map_err(|error| GandanError::lost(&error))??)
    }

    /// Remembers a background exchange, to end it when the client is closed.
    pub(crate) fn keep(&self, sync: &Arc<BackgroundSync>) {
        let mut kept = self.background.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|sync| sync.strong_count() > 0);
        kept.push(Arc::downgrade(sync));
    }

    /// Runs an exchange with the server as a task of its own: given up at the switch, when the client is closed, or when
    /// the caller lets go; and then only between two steps, never with the database half in use.
    pub(crate) async fn exchange<T, F>(&self, cancel: Cancel, work: impl FnOnce(Client) -> F) -> Result<T, GandanError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, ClientError>> + Send + 'static,
    {
        let inside = self.enter().await?;
        let given_up = CancelOnDrop(cancel);
        let work = work(inside.clone());
        let mut task = tokio::spawn(async move {
            let _inside = inside;
            work.await
        });
        let done = if let Some(done) = self.closing.guard(&mut task).await {
            done
        } else {
            given_up.0.cancel();
            task.await
        };
        Ok(done.map_err(|error| GandanError::lost(&error))??)
    }

    /// Ends what is under way, waits for it, and closes the database. `false` if it was closed before.
    pub(crate) async fn close(&self) -> Result<bool, GandanError> {
        self.closing.cancel();
        let background = std::mem::take(&mut *self.background.lock().unwrap_or_else(PoisonError::into_inner));
        for sync in background.iter().filter_map(Weak::upgrade) {
            sync.end().await;
        }
        let Some(client) = self.client.write().await.take() else { return Ok(false) };
        client.close_when_idle().await?;
        Ok(true)
    }
}

/// Turns the switch when it goes out of scope.
struct CancelOnDrop(Cancel);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}
