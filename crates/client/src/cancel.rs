//! Giving up in the middle, from another thread.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

/// A switch that says "stop". Clones are the same switch; it cannot be turned back.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    cancelled: AtomicBool,
    wakers: Mutex<Vec<Waker>>,
}

impl Cancel {
    /// A switch that is not turned yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Turns it.
    pub fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::SeqCst);
        let wakers = std::mem::take(&mut *self.0.wakers.lock().unwrap_or_else(PoisonError::into_inner));
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Whether it was turned.
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::SeqCst)
    }

    /// Runs `work` until it is done or the switch is turned; `None` in that case, and `work` is dropped.
    pub async fn guard<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = std::pin::pin!(work);
        std::future::poll_fn(|context| self.poll(work.as_mut(), context)).await
    }

    fn poll<T>(&self, work: Pin<&mut impl Future<Output = T>>, context: &mut Context<'_>) -> Poll<Option<T>> {
        if let Poll::Ready(done) = work.poll(context) {
            return Poll::Ready(Some(done));
        }
        let mut wakers = self.0.wakers.lock().unwrap_or_else(PoisonError::into_inner);
        // Looked at under the lock: whoever turns the switch later finds the waker.
        if self.is_cancelled() {
            return Poll::Ready(None);
        }
        if !wakers.iter().any(|waker| waker.will_wake(context.waker())) {
            wakers.push(context.waker().clone());
        }
        Poll::Pending
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
        cancel.cancel();
        assert_eq!(waiting.await.unwrap(), None);
        assert_eq!(cancel.guard(std::future::pending::<()>()).await, None);
        // What is done at once is done all the same.
        assert_eq!(cancel.guard(async { 8 }).await, Some(8));
    }
}
