//! Who watches the store, and what they are told.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::versions::Version;

/// Events that a watcher may lag behind before it is cut off, as a slow one is.
const BUFFER: usize = 1000;

/// What happened to a secret.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Happened {
    Added,
    Modified,
    Deleted,
}

/// Told to watchers.
#[derive(Clone)]
pub(super) struct Event {
    pub(super) happened: Happened,
    pub(super) namespace: Arc<str>,
    pub(super) name: Box<str>,
    pub(super) version: Version,
}

/// Who is told.
struct Watcher {
    namespace: Option<Arc<str>>,
    events: mpsc::Sender<Event>,
}

/// Those who are told.
#[derive(Default)]
pub(super) struct Watchers(Vec<Watcher>);

impl Watchers {
    /// Whether nobody is told.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Tells one more of what happens in `namespace`; absent: everywhere.
    pub(super) fn add(&mut self, namespace: Option<&str>) -> mpsc::Receiver<Event> {
        let (events, receiver) = mpsc::channel(BUFFER);
        self.0.retain(|watcher| !watcher.events.is_closed());
        self.0.push(Watcher { namespace: namespace.map(Arc::from), events });
        receiver
    }

    /// Tells all whom it concerns. Who lags too far behind is told no more.
    pub(super) fn tell(&mut self, event: &Event) {
        self.0.retain(|watcher| {
            let concerned = watcher.namespace.as_ref().is_none_or(|it| *it == event.namespace);
            !concerned || watcher.events.try_send(event.clone()).is_ok()
        });
    }

    /// Ends all watches.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
