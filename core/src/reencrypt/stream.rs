//! Streaming lists: every secret's name and resource version, and nothing else.

use std::collections::VecDeque;

use super::requests::transient;
use crate::{
    error::Result,
    kubernetes::{Accept, Body, KubernetesApi, Request, WatchEvent, WatchParser, secrets_path},
};

/// What a streaming list tells.
#[derive(Debug)]
pub(super) enum Listed {
    Secret { name: String, resource_version: u64 },
    /// Every secret has been told.
    End,
    /// It ended too early: nothing can be said of what was not told.
    BrokeOff,
}

/// A streaming list of one namespace. It must be read at full speed.
pub(super) struct SecretsStream {
    body: Body,
    parser: WatchParser,
    events: VecDeque<Listed>,
}

const QUERY: &str = "watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan\
                     &allowWatchBookmarks=true&includeObject=None";
const DOING: &str = "list secrets as a stream";

impl SecretsStream {
    /// Opens the list. `None`: the server does not serve it, or not to us.
    pub(super) async fn open(api: &KubernetesApi, namespace: &str) -> Result<Option<Self>> {
        let path = format!("{}?{QUERY}", secrets_path(namespace));
        let streaming = match api.stream(&Request::get(path, Accept::Table)).await {
            Ok(streaming) => streaming,
            Err(error) => {
                transient(api, error, DOING)?;
                return Ok(None);
            }
        };
        Ok((streaming.status == 200).then(|| Self {
            body: streaming.body,
            parser: WatchParser::default(),
            events: VecDeque::new(),
        }))
    }

    /// The next thing that it tells.
    pub(super) async fn next(&mut self) -> Result<Listed> {
        loop {
            if let Some(listed) = self.events.pop_front() {
                return Ok(listed);
            }
            let Ok(Some(part)) = self.body.chunk().await else { return Ok(Listed::BrokeOff) };
            let mut events = Vec::new();
            if self.parser.push(&part, &mut events).is_err() {
                return Ok(Listed::BrokeOff);
            }
            self.events.extend(events.into_iter().filter_map(listed));
        }
    }
}

/// What an event says of the list. A secret that is written while the list is read is told again
/// with its new version, and one that is deleted needs no proof.
fn listed(event: WatchEvent) -> Option<Listed> {
    match event {
        WatchEvent::Added { name, resource_version }
        | WatchEvent::Modified { name, resource_version } => {
            Some(Listed::Secret { name, resource_version })
        }
        WatchEvent::Bookmark { initial_events_end: true, .. } => Some(Listed::End),
        WatchEvent::Error(_) => Some(Listed::BrokeOff),
        WatchEvent::Deleted { .. } | WatchEvent::Bookmark { .. } => None,
    }
}
