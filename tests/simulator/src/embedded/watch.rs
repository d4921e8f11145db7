//! Watches of secrets, and the streaming lists that they can begin with.

use std::{convert::Infallible, sync::Arc};

use bytes::{BufMut, Bytes, BytesMut};
use futures::stream;
use http::{HeaderValue, Response, header};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{
    body::Body,
    call::Call,
    cluster::Cluster,
    forms::{BookmarkRow, Form, Include, ListMeta, SECRET_COLUMNS, SecretRow, Table},
    process::Process,
    status::ApiError,
    undecryptable::Undecryptable,
    versions::Version,
    watchers::{Event, Happened},
};

/// Streaming lists are served from this minor version on.
const STREAMING_MINOR: u32 = 34;
/// It serves them, too, but not as tables.
const STREAMING_WITHOUT_TABLES_MINOR: u32 = 32;

/// Secrets that are read from the store at once.
const BATCH: usize = 500;

/// A watch ends after this long at the latest.
const LONGEST_SECONDS: u64 = 3600;

/// Says that the stream has ended: the client went away, or something broke off.
struct Ended;

/// Answers a watch.
pub(super) fn watch(
    cluster: &Arc<Cluster>,
    process: &Arc<Process>,
    namespace: Option<&str>,
    call: &Call,
    synced: bool,
) -> Result<Response<Body>, ApiError> {
    let streaming = streaming_list(cluster, call)?;
    if !synced {
        return Err(ApiError::too_many_requests("storage is (re)initializing", 30));
    }
    let since = call.query.number("resourceVersion")?.filter(|revision| *revision > 0);
    let seconds = call.query.number("timeoutSeconds")?.unwrap_or(LONGEST_SECONDS);
    let (sender, receiver) = mpsc::channel(4);
    let breaks_after = if streaming {
        cluster.script.stream_breaks_after(namespace.unwrap_or_default())
    } else {
        None
    };
    let writer = Writer {
        form: call.form,
        // the columns are described with the first event only
        described: false,
        buffer: BytesMut::new(),
        body: sender,
        breaks_after,
    };
    let watch = Watch {
        cluster: Arc::clone(cluster),
        process: Arc::clone(process),
        namespace: namespace.map(str::to_owned),
        bookmark: streaming && call.query.on("allowWatchBookmarks"),
        since: if streaming { None } else { since },
        not_older_than: since.unwrap_or_default(),
    };
    let limit = std::time::Duration::from_secs(seconds.min(LONGEST_SECONDS));
    tokio::spawn(async move {
        let stop = watch.process.stop.clone();
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(limit) => {}
            _ = watch.run(writer) => {}
        }
    });
    let frames = stream::unfold(receiver, |mut receiver: mpsc::Receiver<Bytes>| async move {
        let bytes = receiver.recv().await?;
        Some((Ok::<_, Infallible>(Frame::data(bytes)), receiver))
    });
    let mut response = Response::new(StreamBody::new(frames).boxed_unsync());
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json;stream=watch"));
    Ok(response)
}

/// Whether a streaming list is asked for; refuses it where there are none.
fn streaming_list(cluster: &Cluster, call: &Call) -> Result<bool, ApiError> {
    let query = &call.query;
    let refused = |cause: &str| Err(ApiError::invalid("ListOptions.meta.k8s.io", "", cause));
    let not_older = query.get("resourceVersionMatch") == Some("NotOlderThan");
    let minor = cluster.minor();
    let without_tables = minor == STREAMING_WITHOUT_TABLES_MINOR;
    let served = minor >= STREAMING_MINOR || without_tables;
    if query.get("sendInitialEvents").is_none() {
        if query.get("resourceVersionMatch").is_some() {
            return refused(
                "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch \
                 unless sendInitialEvents is provided",
            );
        }
        return Ok(false);
    }
    if !not_older {
        return refused(
            "resourceVersionMatch: Forbidden: sendInitialEvents requires setting \
             resourceVersionMatch to NotOlderThan",
        );
    }
    if !served || cluster.script.faults().no_streaming_list {
        return refused(
            "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for watch unless the \
             WatchList feature gate is enabled",
        );
    }
    let streaming = query.on("sendInitialEvents");
    if streaming && without_tables && matches!(call.form, Form::Table(_)) {
        return Err(ApiError::no_streaming_table());
    }
    Ok(streaming)
}

/// A watch that is being told.
struct Watch {
    cluster: Arc<Cluster>,
    process: Arc<Process>,
    namespace: Option<String>,
    /// Whether the end of what there was is marked.
    bookmark: bool,
    /// Only what is newer.
    since: Option<u64>,
    /// The least revision that the store must have reached.
    not_older_than: u64,
}

impl Watch {
    async fn run(self, mut writer: Writer) -> Result<(), Ended> {
        let scope = self.namespace.as_deref();
        let (revision, mut events) = self.cluster.store.watch(scope);
        if self.not_older_than > revision {
            let error = ApiError::too_large_resource_version(self.not_older_than, revision);
            return writer.error(&error).await;
        }
        self.tell_what_there_is(&mut writer, revision).await?;
        if self.bookmark {
            let marked = !self.cluster.script.faults().streaming_end_unmarked;
            writer.bookmark(revision, marked).await?;
        }
        writer.flush().await?;
        while let Some(event) = events.recv().await {
            self.readable(&mut writer, &event.namespace, &event.name, &event.version).await?;
            writer.event(&event).await?;
            if events.is_empty() {
                writer.flush().await?;
            }
        }
        Ok(())
    }

    async fn tell_what_there_is(&self, writer: &mut Writer, revision: u64) -> Result<(), Ended> {
        let scope = self.namespace.as_deref();
        let mut after: Option<(Arc<str>, Box<str>)> = None;
        loop {
            let position = after.as_ref().map(|(namespace, name)| (&**namespace, &**name));
            let Some(page) = self.cluster.store.page(scope, position, revision, BATCH) else {
                return writer.error(&ApiError::expired_continue(None)).await;
            };
            after = page.items.last().map(|last| (Arc::clone(&last.namespace), last.name.clone()));
            for found in page.items {
                if self.since.is_some_and(|since| found.version.revision <= since) {
                    continue;
                }
                self.readable(writer, &found.namespace, &found.name, &found.version).await?;
                let event = Event {
                    happened: Happened::Added,
                    namespace: found.namespace,
                    name: found.name,
                    version: found.version,
                };
                writer.event(&event).await?;
            }
            if !page.more {
                return Ok(());
            }
        }
    }

    /// Ends the stream at a secret that the process cannot read.
    async fn readable(
        &self,
        writer: &mut Writer,
        namespace: &str,
        name: &str,
        version: &Version,
    ) -> Result<(), Ended> {
        // read from the watch cache, where it lies in plaintext: this does not count
        let Err(why) = self.process.transformers.read(&version.seal).await else {
            return Ok(());
        };
        let error = Undecryptable { namespace, name, why }.in_a_watch(&self.cluster);
        writer.error(&error).await
    }
}

/// One line of a watch.
#[derive(Serialize)]
struct Line<T> {
    r#type: &'static str,
    object: T,
}

/// Writes events to a client.
struct Writer {
    form: Form,
    described: bool,
    buffer: BytesMut,
    body: mpsc::Sender<Bytes>,
    breaks_after: Option<usize>,
}

impl Writer {
    async fn event(&mut self, event: &Event) -> Result<(), Ended> {
        if let Some(left) = &mut self.breaks_after {
            if *left == 0 {
                self.flush().await?;
                return Err(Ended);
            }
            *left -= 1;
        }
        let kind = match event.happened {
            Happened::Added => "ADDED",
            Happened::Modified => "MODIFIED",
            Happened::Deleted => "DELETED",
        };
        let Event { namespace, name, version: Version { revision, secret, .. }, .. } = event;
        match self.form {
            Form::Objects => self.line(kind, secret.object(namespace, name, *revision)).await,
            Form::Partial => self.line(kind, secret.partial(namespace, name, *revision)).await,
            Form::Table(include) => {
                let row = SecretRow::new(secret, namespace, name, *revision, include);
                let table = self.table(*revision, row);
                self.line(kind, table).await
            }
        }
    }

    /// Tells the revision; `marked`: and that it is the end of what there was.
    async fn bookmark(&mut self, revision: u64, marked: bool) -> Result<(), Ended> {
        let mut metadata = json!({"resourceVersion": revision.to_string()});
        if marked {
            metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        let partial = json!({
            "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
        });
        let object = json!({"kind": "Secret", "apiVersion": "v1", "metadata": metadata});
        match self.form {
            Form::Objects => self.line("BOOKMARK", object).await,
            Form::Partial => self.line("BOOKMARK", partial).await,
            Form::Table(include) => {
                // this row alone has its metadata even where none are asked for
                let object = match include {
                    Include::Object => object,
                    Include::None if !marked => Value::Null,
                    Include::None | Include::Metadata => partial,
                };
                let table = self.table(revision, BookmarkRow::new(object));
                self.line("BOOKMARK", table).await
            }
        }
    }

    /// Says what went wrong, and ends.
    async fn error(&mut self, error: &ApiError) -> Result<(), Ended> {
        self.line("ERROR", error.status()).await?;
        self.flush().await?;
        Err(Ended)
    }

    fn table<R>(&mut self, revision: u64, row: R) -> Table<R> {
        let metadata = ListMeta { resource_version: revision.to_string(), ..ListMeta::default() };
        let columns = (!std::mem::replace(&mut self.described, true)).then_some(&SECRET_COLUMNS);
        Table::new(metadata, columns.map(|columns| &columns[..]), vec![row])
    }

    async fn line(&mut self, kind: &'static str, object: impl Serialize) -> Result<(), Ended> {
        let line = Line { r#type: kind, object };
        // string keys only: cannot fail
        let _ = serde_json::to_writer((&mut self.buffer).writer(), &line);
        self.buffer.put_u8(b'\n');
        if self.buffer.len() >= 16 * 1024 { self.flush().await } else { Ok(()) }
    }

    async fn flush(&mut self) -> Result<(), Ended> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        self.body.send(self.buffer.split().freeze()).await.map_err(|_| Ended)
    }
}
