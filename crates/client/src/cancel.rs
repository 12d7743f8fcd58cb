//! Giving up in the middle, from another thread.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// A switch that says "stop". Clones are the same switch; it cannot be turned back.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    cancelled: AtomicBool,
    wakers: Mutex<Wakers>,
}

/// Who waits, by number: one entry a guard, which goes with it.
#[derive(Debug, Default)]
struct Wakers {
    last: u64,
    waiting: BTreeMap<u64, Waker>,
}

impl Cancel {
    /// A switch that is not turned yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Turns it.
    pub fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::SeqCst);
        let wakers = std::mem::take(&mut self.wakers().waiting);
        wakers.into_values().for_each(Waker::wake);
    }

    /// Whether it was turned.
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::SeqCst)
    }

    /// Runs `work` until it is done or the switch is turned; `None` in that case, and `work` is dropped.
    pub async fn guard<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = std::pin::pin!(work);
        let place = Place { cancel: self, number: self.wakers().number() };
        std::future::poll_fn(|context| place.poll(work.as_mut(), context)).await
    }

    fn wakers(&self) -> MutexGuard<'_, Wakers> {
        self.0.wakers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wakers {
    fn number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }
}

/// A guard's place among those who wait.
struct Place<'a> {
    cancel: &'a Cancel,
    number: u64,
}

impl Place<'_> {
    fn poll<T>(&self, work: Pin<&mut impl Future<Output = T>>, context: &mut Context<'_>) -> Poll<Option<T>> {
        if let Poll::Ready(done) = work.poll(context) {
            return Poll::Ready(Some(done));
        }
        let mut wakers = self.cancel.wakers();
        // Looked at under the lock: whoever turns the switch later finds the waker.
        if self.cancel.is_cancelled() {
            return Poll::Ready(None);
        }
        wakers.waiting.insert(self.number, context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.cancel.wakers().waiting.remove(&self.number);
    }
}

#[cfg(all(test, feature = "native"))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_ends_when_the_switch_is_turned() {
        let cancel = Cancel::new();
        assert_eq!(cancel.guard(async { 7 }).await, Some(7));
        let other = cancel.clone();
        let waiting = tokio::spawn(async move { other.guard(std::future::pending::<()>()).await });
        tokio::task::yield_now().await;
        assert_eq!(cancel.wakers().waiting.len(), 1);
        cancel.cancel();
        assert_eq!(waiting.await.unwrap(), None);
        assert!(cancel.wakers().waiting.is_empty(), "nobody is remembered who has gone");
        assert_eq!(cancel.guard(std::future::pending::<()>()).await, None);
        // What is done at once is done all the same.
        assert_eq!(cancel.guard(async { 8 }).await, Some(8));
    }
}
