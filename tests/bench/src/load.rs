//! The bare requests: what a server can do, by the leanest client that there can be.

use std::{
    cell::{Cell, RefCell},
    io,
    time::{Duration, Instant},
};

use bytes::{Buf, BytesMut};
use futures::future::try_join_all;
use memchr::memmem;
use serde::{Deserialize, Serialize};
use tokio_rustls::TlsConnector;

use crate::{
    statistics::Latency,
    target::Target,
    wire::{Bytes, Wire, get, patch},
};

/// The secrets `secret-1`, `secret-2`, … of the namespaces `team-1`, `team-2`, ….
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Secrets {
    /// Number of namespaces.
    pub namespaces: usize,
    /// Secrets in each.
    pub each: usize,
}

impl Secrets {
    /// How many there are.
    #[must_use]
    pub const fn total(self) -> usize {
        self.namespaces * self.each
    }

    /// Namespace and name of one of them, counted from 0.
    fn name(self, index: usize) -> (String, String) {
        let (namespace, number) = (index / self.each, index % self.each);
        (format!("team-{}", namespace + 1), format!("secret-{}", number + 1))
    }
}

/// What to ask.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Work {
    /// Page by page, in Table form, one namespace after the other on each connection.
    Lists {
        /// Of what.
        secrets: Secrets,
        /// Secrets in a page.
        page: usize,
        /// Connections.
        concurrency: usize,
    },
    /// Streaming lists in Table form.
    Streams {
        /// Of what.
        secrets: Secrets,
        /// Connections.
        concurrency: usize,
    },
    /// Empty merge patches.
    Patches {
        /// Of what.
        secrets: Secrets,
        /// The first of them, from 0, namespace by namespace.
        from: usize,
        /// How many of them.
        count: usize,
        /// Connections.
        concurrency: usize,
    },
}

/// What to ask, and whom.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Order {
    /// Whom.
    pub target: Target,
    /// What.
    pub work: Work,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub struct Done {
    /// Objects named, or patches answered 200.
    pub objects: usize,
    /// Requests.
    pub requests: usize,
    /// Requests that were answered otherwise than 200.
    pub refused: usize,
    /// From the first connection to the last answer.
    pub seconds: f64,
    /// Bytes sent, before TLS.
    pub sent: u64,
    /// Bytes received, before TLS.
    pub received: u64,
    /// Of a request.
    pub latency: Latency,
}

/// What all connections of a run share.
struct Run<'a> {
    target: &'a Target,
    tls: TlsConnector,
    next: Cell<usize>,
    done: RefCell<Done>,
    latencies: RefCell<Vec<Duration>>,
}

impl Work {
    /// Does it, on the thread that calls.
    ///
    /// # Errors
    /// A connection cannot be made or breaks off.
    pub async fn run(self, target: &Target) -> io::Result<Done> {
        let run = Run {
            target,
            tls: TlsConnector::from(target.tls()?),
            next: Cell::default(),
            done: RefCell::default(),
            latencies: RefCell::default(),
        };
        let concurrency = match self {
            Self::Lists { concurrency, .. }
            | Self::Streams { concurrency, .. }
            | Self::Patches { concurrency, .. } => concurrency,
        };
        let began = Instant::now();
        try_join_all((0..concurrency).map(|_| run.work(self))).await?;
        let mut done = run.done.into_inner();
        done.seconds = began.elapsed().as_secs_f64();
        done.latency = Latency::of(run.latencies.into_inner());
        Ok(done)
    }
}

impl Run<'_> {
    /// Takes one thing after the other until there is nothing left.
    async fn work(&self, work: Work) -> io::Result<()> {
        match work {
            Work::Lists { secrets, page, .. } => self.lists(secrets, page).await,
            Work::Streams { secrets, .. } => self.streams(secrets).await,
            Work::Patches { secrets, from, count, .. } => self.patches(secrets, from, count).await,
        }
    }

    fn open(&self) -> impl Future<Output = io::Result<Wire>> {
        Wire::open(self.target, &self.tls)
    }

    /// The next thing to do, below `end`.
    fn take(&self, end: usize) -> Option<usize> {
        let next = self.next.get();
        self.next.set(next + 1);
        (next < end).then_some(next)
    }

    fn answered(&self, began: Instant, status: u16, objects: usize) {
        self.latencies.borrow_mut().push(began.elapsed());
        let mut done = self.done.borrow_mut();
        done.requests += 1;
        if status == 200 {
            done.objects += objects;
        } else {
            done.refused += 1;
        }
    }

    fn closed(&self, bytes: Bytes) {
        let mut done = self.done.borrow_mut();
        done.sent += bytes.sent;
        done.received += bytes.received;
    }

    async fn patches(&self, secrets: Secrets, from: usize, count: usize) -> io::Result<()> {
        let mut wire = self.open().await?;
        while let Some(index) = self.take(count) {
            let (namespace, name) = secrets.name(from + index);
            let request = patch(self.target, &namespace, &name);
            let began = Instant::now();
            let status = wire.exchange(&request, |_| ()).await?;
            self.answered(began, status, 1);
        }
        self.closed(wire.bytes);
        Ok(())
    }

    async fn lists(&self, secrets: Secrets, page: usize) -> io::Result<()> {
        let row = memmem::Finder::new(b"\"cells\":");
        let mut wire = self.open().await?;
        let mut body = Vec::new();
        while let Some(index) = self.take(secrets.namespaces) {
            let path = format!(
                "/api/v1/namespaces/team-{}/secrets?limit={page}&includeObject=None",
                index + 1
            );
            let mut next = String::new();
            loop {
                body.clear();
                let request = get(self.target, &format!("{path}{next}"));
                let began = Instant::now();
                let status = wire.exchange(&request, |part| body.extend_from_slice(part)).await?;
                self.answered(began, status, row.find_iter(&body).count());
                match continue_token(&body) {
                    Some(token) => next = format!("&continue={token}"),
                    None => break,
                }
            }
        }
        self.closed(wire.bytes);
        Ok(())
    }

    async fn streams(&self, secrets: Secrets) -> io::Result<()> {
        let end = memmem::Finder::new(b"k8s.io/initial-events-end");
        while let Some(index) = self.take(secrets.namespaces) {
            let path = format!(
                "/api/v1/namespaces/team-{}/secrets?watch=true&sendInitialEvents=true\
                 &resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&includeObject=None",
                index + 1
            );
            let wire = self.open().await?;
            let mut rest = BytesMut::new();
            let mut objects = 0;
            let began = Instant::now();
            let read = |part: &[u8]| {
                rest.extend_from_slice(part);
                while let Some(length) = memchr::memchr(b'\n', &rest) {
                    if rest.starts_with(b"{\"type\":\"ADDED\"") {
                        objects += 1;
                    } else if end.find(&rest[..length]).is_some() {
                        return true;
                    }
                    rest.advance(length + 1);
                }
                false
            };
            let (status, bytes) = wire.stream(&get(self.target, &path), read).await?;
            self.answered(began, status, objects);
            self.closed(bytes);
        }
        Ok(())
    }
}

/// `metadata.continue` of a table: it comes before the columns and the rows.
fn continue_token(body: &[u8]) -> Option<&str> {
    let metadata = &body[..memmem::find(body, b"\"columnDefinitions\"")?];
    let token = &metadata[memmem::find(metadata, CONTINUE)? + CONTINUE.len()..];
    str::from_utf8(&token[..memchr::memchr(b'"', token)?]).ok()
}

const CONTINUE: &[u8] = b"\"continue\":\"";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_where_it_goes_on() {
        let table = |metadata: &str| {
            format!(
                r#"{{"kind":"Table","metadata":{{{metadata}}},"columnDefinitions":[],"rows":[{{"cells":["\"continue\":\"no\""]}}]}}"#
            )
        };
        let more = table(r#""resourceVersion":"7","continue":"abc","remainingItemCount":3"#);
        assert_eq!(continue_token(more.as_bytes()), Some("abc"));
        assert_eq!(continue_token(table(r#""resourceVersion":"7""#).as_bytes()), None);
    }

    #[test]
    fn secrets_are_named_through_all_namespaces() {
        let secrets = Secrets { namespaces: 2, each: 3 };
        let name = |index| secrets.name(index);
        assert_eq!(name(0), ("team-1".to_owned(), "secret-1".to_owned()));
        assert_eq!(name(5), ("team-2".to_owned(), "secret-3".to_owned()));
    }
}
