//! What the library traces, for Python's `logging`: loggers `aks_kms` and below.
//!
//! Whether anybody wants an event is decided by a cached level, without the interpreter.

use std::{
    fmt::{self, Write},
    sync::atomic::{AtomicU8, Ordering},
};

use tracing::{
    Level, Metadata, Subscriber,
    field::{Field, Visit},
    subscriber::{Interest, set_global_default},
};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt},
    registry::Registry,
};

use crate::{process, relay::Message};

/// Something to log.
pub(crate) struct Event {
    pub(crate) logger: String,
    pub(crate) level: u8,
    pub(crate) text: String,
}

/// Nothing below this level of `logging` is wanted.
static LEVEL: AtomicU8 = AtomicU8::new(u8::MAX);

/// The level of the logger `aks_kms`, as each call finds it.
pub(crate) fn set_level(level: u8) {
    LEVEL.store(level, Ordering::Relaxed);
}

/// Begins to listen, once in a process.
pub(crate) fn install() {
    // this copy of the library is traced by nobody else
    let _ = set_global_default(Registry::default().with(ToPython));
}

struct ToPython;

/// Where events come from that concern users.
fn is_ours(metadata: &Metadata<'_>) -> bool {
    metadata.is_event() && metadata.target().starts_with("aks_kms")
}

fn level(metadata: &Metadata<'_>) -> u8 {
    match *metadata.level() {
        Level::ERROR => 40,
        Level::WARN => 30,
        Level::INFO => 20,
        Level::DEBUG => 10,
        Level::TRACE => 5,
    }
}

impl<S: Subscriber> Layer<S> for ToPython {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if is_ours(metadata) { Interest::sometimes() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        is_ours(metadata) && level(metadata) >= LEVEL.load(Ordering::Relaxed)
    }

    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let Some(relay) = process::relay() else { return };
        let mut text = Text::default();
        event.record(&mut text);
        let metadata = event.metadata();
        let _ = relay.send(Message::Log(Event {
            logger: metadata.target().replace("::", "."),
            level: level(metadata),
            text: format!("{}{}", text.message, text.fields),
        }));
    }
}

/// The message, then each field as ` name=value`.
#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = if field.name() == "message" {
            write!(self.message, "{value:?}")
        } else {
            write!(self.fields, " {}={value:?}", field.name())
        };
    }
}
