//! What the library writes into a log: handed to the app, which knows where it belongs. Never personal data: records are
//! named by their ids, units by their codes.

use crate::callbacks::CallbackError;
use std::fmt::Write as _;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry;

/// How much weight a line has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, uniffi::Enum)]
pub enum LogLevel {
    /// Something is broken.
    Error,
    /// Something is not as it should be.
    Warn,
    /// What happened.
    Info,
    /// How it happened.
    Debug,
}

/// A line.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct LogLine {
    /// Its weight.
    pub level: LogLevel,
    /// Which part of the library says it.
    pub target: String,
    /// What it says, with its values as `name=value`.
    pub message: String,
}

/// Where lines go.
#[uniffi::export(with_foreign)]
pub trait LogSink: Send + Sync {
    /// Takes a line. What it throws is dropped: there is nowhere to tell of it.
    fn log(&self, line: LogLine) -> Result<(), CallbackError>;
}

type Sink = Option<(LogLevel, Arc<dyn LogSink>)>;

static SINK: RwLock<Sink> = RwLock::new(None);
/// Whether the process's log is ours.
static OURS: OnceLock<bool> = OnceLock::new();

/// Sends what the library logs from now on to `sink`, for the whole process, down to `level`; nothing is logged before.
/// Null ends it. If the program has set up logging by itself (`tracing`), that stays and this does nothing: `false`.
#[uniffi::export]
pub fn set_log(level: LogLevel, sink: Option<Arc<dyn LogSink>>) -> bool {
    *SINK.write().unwrap_or_else(PoisonError::into_inner) = sink.map(|sink| (level, sink));
    *OURS.get_or_init(|| tracing::subscriber::set_global_default(registry().with(Forward)).is_ok())
}

/// Hands lines of our own crates to the sink.
struct Forward;

impl<S: Subscriber> Layer<S> for Forward {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        metadata.is_event() && metadata.target().starts_with("gandan_") && *metadata.level() <= Level::DEBUG
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let level = match *event.metadata().level() {
            Level::ERROR => LogLevel::Error,
            Level::WARN => LogLevel::Warn,
            Level::INFO => LogLevel::Info,
            _ => LogLevel::Debug,
        };
        // Taken out of the lock before it is called: a sink may set another.
        let sink = SINK.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, sink)) = sink.filter(|(down_to, _)| level <= *down_to) {
            let mut words = Words::default();
            event.record(&mut words);
            let line = LogLine { level, target: event.metadata().target().to_owned(), message: words.0 };
            // There is nowhere to tell of it.
            let _ = sink.log(line);
        }
    }
}

/// An event as one line.
#[derive(Default)]
struct Words(String);

impl Visit for Words {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        // Writing to a string cannot fail.
        let _ = match (field.name(), self.0.is_empty()) {
            ("message", true) => write!(self.0, "{value:?}"),
            ("message", false) => {
                let values = std::mem::take(&mut self.0);
                write!(self.0, "{value:?} {values}")
            }
            (name, true) => write!(self.0, "{name}={value:?}"),
            (name, false) => write!(self.0, " {name}={value:?}"),
        };
    }
}
