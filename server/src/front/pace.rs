//! Progress instead of time-outs: a slow link is not a broken one, but one that hardly moves is let go.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// How little may move before the other side is let go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// How long nothing at all may move.
    pub grace: Duration,
    /// The slowest pace in the long run, in bytes a second.
    pub slowest: u32,
}

impl Default for Pace {
    /// Half a minute, and a tenth of what the slowest mobile network moves.
    fn default() -> Self {
        Self { grace: Duration::from_secs(30), slowest: 256 }
    }
}

/// The patience that is left: waiting uses it up, bytes give it back, up to the grace.
#[derive(Debug)]
pub(crate) struct Patience {
    pace: Pace,
    left: Duration,
}

impl Patience {
    pub(crate) fn new(pace: Pace) -> Self {
        Self { pace, left: pace.grace }
    }

    /// How long may be waited now.
    pub(crate) fn left(&self) -> Duration {
        self.left
    }

    /// So many bytes moved after this wait.
    pub(crate) fn moved(&mut self, bytes: usize, after: Duration) {
        let earned = Duration::from_millis(bytes as u64 * 1_000 / u64::from(self.pace.slowest.max(1)));
        self.left = (self.left.saturating_sub(after) + earned).min(self.pace.grace);
    }
}

/// A stream whose writes fail when the other side hardly reads. Reading is watched where its meaning is known.
pub(crate) struct Paced<S> {
    stream: S,
    patience: Patience,
    /// Since when something waits to be written, and the end of patience.
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl<S> Paced<S> {
    pub(crate) fn new(stream: S, pace: Pace) -> Self {
        Self { stream, patience: Patience::new(pace), waiting: None }
    }

    /// Settles what an attempt to write came to.
    fn settle<T>(
        &mut self,
        context: &mut Context<'_>,
        attempt: Poll<io::Result<T>>,
        bytes: impl FnOnce(&T) -> usize,
    ) -> Poll<io::Result<T>> {
        match attempt {
            Poll::Ready(done) => {
                let waited = self.waiting.take().map_or(Duration::ZERO, |(since, _)| since.elapsed());
                self.patience.moved(done.as_ref().map_or(0, bytes), waited);
                Poll::Ready(done)
            }
            Poll::Pending => {
                let left = self.patience.left();
                let (_, end) = self.waiting.get_or_insert_with(|| {
                    let now = Instant::now();
                    (now, Box::pin(sleep_until(now + left)))
                });
                ready!(end.as_mut().poll(context));
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let attempt = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.settle(cx, attempt, |written| *written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let attempt = Pin::new(&mut self.stream).poll_write_vectored(cx, pieces);
        self.settle(cx, attempt, |written| *written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let attempt = Pin::new(&mut self.stream).poll_flush(cx);
        self.settle(cx, attempt, |()| 0)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let attempt = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.settle(cx, attempt, |()| 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn waiting_uses_patience_up_and_bytes_give_it_back() {
        let mut patience = Patience::new(Pace { grace: 30 * SECOND, slowest: 100 });
        patience.moved(0, 10 * SECOND);
        assert_eq!(patience.left(), 20 * SECOND);
        patience.moved(500, SECOND);
        assert_eq!(patience.left(), 24 * SECOND);
        patience.moved(1_000_000, SECOND);
        assert_eq!(patience.left(), 30 * SECOND);
    }

    #[test]
    fn a_byte_now_and_then_is_not_progress() {
        let mut patience = Patience::new(Pace { grace: 30 * SECOND, slowest: 100 });
        (0..30).for_each(|_| patience.moved(1, SECOND));
        assert!(patience.left() < SECOND, "{patience:?}");
    }
}
