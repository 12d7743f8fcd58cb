//! Answers that stay true: a query that is asked again whenever its answer may have changed.

use crate::attachments::PhotoStanding;
use crate::client::{Client, Inner, blocking};
use crate::error::ClientError;
use gandan_model::ids::DocId;
use std::sync::{Arc, Weak};
use tokio::sync::watch;

type Query<T> = Arc<dyn Fn(&Client) -> Result<T, ClientError> + Send + Sync>;

/// A live query. It holds nothing but the last answer and does not keep the client open; dropping it ends it.
pub struct Live<T> {
    client: Weak<Inner>,
    query: Query<T>,
    revision: watch::Receiver<u64>,
    last: Option<T>,
    /// Something changed since `last` was asked for.
    stale: bool,
}

impl<T> std::fmt::Debug for Live<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live").field("stale", &self.stale).finish_non_exhaustive()
    }
}

impl Client {
    /// Asks `query` now and again after everything that is saved, received or confirmed. The query runs on a thread for
    /// disk work and must not change anything.
    ///
    /// ```no_run
    /// # use gandan_client::{Client, ClientError, Page, VisitFilter};
    /// # async fn example(client: Client) -> Result<(), ClientError> {
    /// let mut visits = client.live(|client| client.visits(&VisitFilter::default(), &Page::first(50)));
    /// while let Some(page) = visits.next().await? {
    ///     println!("{} visits on the first page", page.items.len());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn live<T>(&self, query: impl Fn(&Self) -> Result<T, ClientError> + Send + Sync + 'static) -> Live<T> {
        self.live_on(self.inner.board.revision.subscribe(), query)
    }

    /// [`Client::photos`], now and again after every piece of a file that has moved.
    pub fn live_photos(&self, visit: DocId) -> Live<Vec<PhotoStanding>> {
        self.live_on(self.inner.board.pieces.subscribe(), move |client| client.photos(visit))
    }

    fn live_on<T>(
        &self,
        revision: watch::Receiver<u64>,
        query: impl Fn(&Self) -> Result<T, ClientError> + Send + Sync + 'static,
    ) -> Live<T> {
        Live { client: Arc::downgrade(&self.inner), query: Arc::new(query), revision, last: None, stale: true }
    }
}

impl<T: Clone + PartialEq + Send + 'static> Live<T> {
    /// The answer: at once the first time, then whenever it differs from the one before. What changes while nobody waits
    /// is told as one. `None`: the client was closed. May be dropped at any moment; the next call misses nothing.
    ///
    /// # Errors
    ///
    /// Those of the query; the next call asks again.
    pub async fn next(&mut self) -> Result<Option<T>, ClientError> {
        loop {
            // The sender lives in the client.
            if !self.stale && self.revision.changed().await.is_err() {
                return Ok(None);
            }
            self.stale = true;
            let Some(inner) = self.client.upgrade() else { return Ok(None) };
            // Marked before asking: what changes meanwhile makes the answer stale once more.
            self.revision.mark_unchanged();
            let (client, query) = (Client { inner }, self.query.clone());
            let answer = blocking(move || query(&client)).await?;
            self.stale = false;
            if self.last.as_ref() != Some(&answer) {
                self.last = Some(answer.clone());
                return Ok(Some(answer));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Environment;
    use std::sync::Mutex;
    use std::task::Poll;

    #[tokio::test]
    async fn an_answer_is_told_when_it_differs_and_none_is_missed() {
        let folder = tempfile::tempdir().unwrap();
        let client = Client::open(folder.path(), [1; 32], Environment::native()).unwrap();
        let value = Arc::new(Mutex::new(1));
        let shown = value.clone();
        let mut live = client.live(move |_| Ok(*shown.lock().unwrap()));
        assert_eq!(live.next().await.unwrap(), Some(1));

        // Nothing that shows: the query is asked and nothing is told.
        client.refresh();
        let mut waiting = Box::pin(live.next());
        let polled = std::future::poll_fn(|context| Poll::Ready(waiting.as_mut().poll(context))).await;
        assert!(polled.is_pending());
        *value.lock().unwrap() = 2;
        client.refresh();
        // Given up between the bell and the answer.
        drop(waiting);
        assert_eq!(live.next().await.unwrap(), Some(2));
        client.close_when_idle().await.unwrap();
        assert_eq!(live.next().await.unwrap(), None);
    }
}
