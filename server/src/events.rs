//! Who wants to know when a space has news.

use gandan_model::ids::SpaceId;
use tokio::sync::broadcast;

/// A space has news: its log now ends at `head`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpaceEvent {
    /// The space.
    pub space: SpaceId,
    /// The last place in its log.
    pub head: u64,
}

/// Hands events to everybody who listens. Nobody waits for a slow listener: it is told that it missed some, and asks
/// for data as after a reconnect.
#[derive(Clone)]
pub struct EventHub(broadcast::Sender<SpaceEvent>);

impl Default for EventHub {
    fn default() -> Self {
        Self(broadcast::channel(1024).0)
    }
}

impl EventHub {
    /// Tells everybody.
    pub fn publish(&self, event: SpaceEvent) {
        // An error means that nobody listens.
        let _ = self.0.send(event);
    }

    /// Starts to listen.
    pub fn subscribe(&self) -> broadcast::Receiver<SpaceEvent> {
        self.0.subscribe()
    }
}
