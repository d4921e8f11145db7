//! Streaming lists: every secret's name and resource version, and nothing else.

use std::{collections::VecDeque, time::Duration};

use super::requests::transient;
use crate::{
    error::Result,
    kubernetes::{
        Accept, Body, KubernetesApi, Request, SendError, WatchEvent, WatchParser, all_secrets_path,
        secrets_path,
    },
};

/// What a streaming list says of a secret.
#[derive(Debug)]
pub(super) enum Listed {
    Secret {
        name: String,
        resource_version: u64,
        /// It was told before and has been written meanwhile.
        again: bool,
    },
    /// It was told before and has been deleted meanwhile.
    Gone { name: String },
}

/// The next thing in a streaming list.
#[derive(Debug)]
pub(super) enum Next {
    Listed(Listed),
    /// Every secret has been told, as of this resource version.
    End(u64),
    /// It ended too early: nothing can be said of what was not told.
    BrokeOff,
    /// The server tells no more, and does not say that this was all.
    NeverEnds,
}

/// What became of opening a streaming list.
pub(super) enum Opened {
    Stream(Box<SecretsStream>),
    /// Worth trying again.
    Later {
        after: Option<Duration>,
    },
    /// The server does not serve it, or not to us.
    Unsupported,
}

/// A streaming list of one namespace or of all. It must be read at full speed.
pub(super) struct SecretsStream {
    body: Body,
    parser: WatchParser,
    events: VecDeque<Next>,
    /// A bookmark came that does not mark the end.
    bookmarked: bool,
}

const QUERY: &str = "watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan\
                     &allowWatchBookmarks=true&includeObject=None";
const DOING: &str = "list secrets as a stream";

impl SecretsStream {
    /// Opens the list; `None`: of everything that etcd holds.
    pub(super) async fn open(api: &KubernetesApi, namespace: Option<&str>) -> Result<Opened> {
        let path = namespace.map_or_else(all_secrets_path, secrets_path);
        let path = format!("{path}?{QUERY}");
        let streaming = match api.stream(&Request::get(path, Accept::Table)).await {
            Ok(streaming) => streaming,
            Err(error) => {
                transient(api, error, DOING)?;
                return Ok(Opened::Later { after: None });
            }
        };
        Ok(match streaming.status {
            200 => Opened::Stream(Box::new(Self {
                body: streaming.body,
                parser: WatchParser::default(),
                events: VecDeque::new(),
                bookmarked: false,
            })),
            408 | 429 | 500..=599 => Opened::Later { after: streaming.retry_after },
            _ => Opened::Unsupported,
        })
    }

    /// The next thing that it tells.
    pub(super) async fn next(&mut self) -> Result<Next> {
        loop {
            if let Some(next) = self.events.pop_front() {
                return Ok(next);
            }
            let part = match self.body.chunk().await {
                Ok(Some(part)) => part,
                Err(SendError::Timeout) if self.bookmarked => return Ok(Next::NeverEnds),
                Ok(None) | Err(_) => return Ok(Next::BrokeOff),
            };
            let mut events = Vec::new();
            if self.parser.push(&part, &mut events).is_err() {
                return Ok(Next::BrokeOff);
            }
            self.bookmarked |= events.iter().any(is_bookmark);
            self.events.extend(events.into_iter().filter_map(next));
        }
    }
}

fn is_bookmark(event: &WatchEvent) -> bool {
    matches!(event, WatchEvent::Bookmark { initial_events_end: false, .. })
}

/// What an event says of the list.
fn next(event: WatchEvent) -> Option<Next> {
    match event {
        WatchEvent::Added { name, resource_version } => {
            Some(Next::Listed(Listed::Secret { name, resource_version, again: false }))
        }
        WatchEvent::Modified { name, resource_version } => {
            Some(Next::Listed(Listed::Secret { name, resource_version, again: true }))
        }
        WatchEvent::Deleted { name, .. } => Some(Next::Listed(Listed::Gone { name })),
        WatchEvent::Bookmark { initial_events_end: true, resource_version } => {
            Some(Next::End(resource_version))
        }
        WatchEvent::Error(_) => Some(Next::BrokeOff),
        WatchEvent::Bookmark { .. } => None,
    }
}
