//! HTTP/1.1 connections, one request at a time on each.
//!
//! A connection belongs to whoever uses it: dropping a request closes its connection, so nothing
//! goes on behind a dropped future. hyper's own pool keeps connecting in the background, and gives
//! no way to send two requests over the same connection for certain.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::{body::Incoming, client::conn::http1};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Duration, Instant},
};
use tokio_util::task::AbortOnDropHandle;

use super::{
    error::{SendError, connection_error, error_chain},
    session::Session,
};

/// A connection unused for this long may have been dropped by something in between, silently.
const IDLE_LIMIT: Duration = Duration::from_secs(60);

/// Bytes that are read at once: as much as TLS has in one record. A buffer that adapts would grow on
/// each connection that once had a long response, and stay so.
const READ_BUFFER: usize = 16 * 1024;

/// Header lines of a response, where more came than the 100 that are read at no cost. Each warning of an
/// admission webhook is one; of the 4096 characters that an API server gives them, as many are read as
/// fit into the buffer.
const MANY_HEADERS: usize = 2560;

/// Connections to one API server address.
pub(super) struct Pool {
    idle: Mutex<Idle>,
    permits: Arc<Semaphore>,
    /// Never open a second connection in place of the first.
    pinned: bool,
    /// An API server has responded with many headers. From then on connections make room for them, which
    /// costs a tenth of the time of a short request.
    many_headers: Arc<AtomicBool>,
}

#[derive(Default)]
struct Idle {
    connections: Vec<Connection>,
    opened: bool,
}

struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    generation: u64,
    idle_since: Instant,
    many_headers: bool,
    /// Moves the bytes; ends with the connection.
    _driver: AbortOnDropHandle<()>,
}

impl Pool {
    /// At most `connections` at a time.
    pub(super) fn new(connections: usize, many_headers: &Arc<AtomicBool>) -> Arc<Self> {
        Arc::new(Self::of(connections, false, many_headers))
    }

    /// One connection; when it is gone, requests fail.
    pub(super) fn pinned(many_headers: &Arc<AtomicBool>) -> Arc<Self> {
        Arc::new(Self::of(1, true, many_headers))
    }

    fn of(connections: usize, pinned: bool, many_headers: &Arc<AtomicBool>) -> Self {
        let permits = Semaphore::new(connections.clamp(1, Semaphore::MAX_PERMITS));
        Self {
            idle: Mutex::default(),
            permits: Arc::new(permits),
            pinned,
            many_headers: Arc::clone(many_headers),
        }
    }

    /// Waits for the right to use a connection.
    pub(super) async fn checkout(self: &Arc<Self>) -> Result<Checkout, SendError> {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let permit = permit.map_err(|_| SendError::Connection("the pool is closed".to_owned()))?;
        Ok(Checkout { pool: Arc::clone(self), connection: None, _permit: permit })
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why there is no response. Whoever asks again over a new connection gets one with many headers.
    fn failed(&self, error: &hyper::Error) -> SendError {
        if error.is_parse_too_large() {
            self.many_headers.store(true, Ordering::Relaxed);
        }
        connection_error(error)
    }

    /// An idle connection that is as good as new.
    fn reuse(&self, generation: u64) -> Option<Connection> {
        let mut idle = self.idle();
        while let Some(connection) = idle.connections.pop() {
            let too_narrow = self.many_headers.load(Ordering::Relaxed) && !connection.many_headers;
            let is_old = connection.idle_since.elapsed() > IDLE_LIMIT;
            let stale = !self.pinned && (is_old || too_narrow);
            if !stale && !connection.sender.is_closed() && connection.generation == generation {
                return Some(connection);
            }
        }
        None
    }

    async fn open(&self, session: &Session) -> Result<Connection, SendError> {
        if self.pinned && self.idle().opened {
            let gone = "the one connection to this API server was closed";
            return Err(SendError::Connection(gone.to_owned()));
        }
        let stream = session.connector.connect().await.map_err(SendError::Connection)?;
        let mut builder = http1::Builder::new();
        builder.read_buf_exact_size(Some(READ_BUFFER));
        let many_headers = self.many_headers.load(Ordering::Relaxed);
        if many_headers {
            builder.max_headers(MANY_HEADERS);
        }
        let (sender, driver) =
            builder.handshake(stream).await.map_err(|error| connection_error(&error))?;
        self.idle().opened = true;
        let driver = tokio::spawn(async move {
            if let Err(error) = driver.await {
                tracing::trace!(
                    error = error_chain(&error),
                    "a connection to the API server ended"
                );
            }
        });
        Ok(Connection {
            sender,
            generation: session.generation,
            idle_since: Instant::now(),
            many_headers,
            _driver: AbortOnDropHandle::new(driver),
        })
    }
}

/// The right to use one connection, and the connection once there is one. Dropped before
/// [`finish`](Self::finish), it closes the connection.
pub(super) struct Checkout {
    pool: Arc<Pool>,
    connection: Option<Connection>,
    _permit: OwnedSemaphorePermit,
}

impl Checkout {
    /// Sends over an idle connection, or over a new one.
    pub(super) async fn send(
        &mut self,
        session: &Session,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, SendError> {
        loop {
            let reused = self.pool.reuse(session.generation);
            let is_reused = reused.is_some();
            let mut connection = match reused {
                Some(connection) => connection,
                None => self.pool.open(session).await?,
            };
            // Right after a response the connection's own task may not have come round yet, and then
            // takes no request. An error here means that it is closed: the send says so.
            let _ = connection.sender.ready().await;
            match connection.sender.try_send_request(request).await {
                Ok(response) => {
                    self.connection = Some(connection);
                    return Ok(response);
                }
                // The API server closed the idle connection and nothing of the request was sent.
                Err(mut error) if is_reused && error.message().is_some() => {
                    match error.take_message() {
                        Some(unsent) => request = unsent,
                        None => return Err(self.pool.failed(error.error())),
                    }
                }
                Err(error) => return Err(self.pool.failed(error.error())),
            }
        }
    }

    /// The response was read to its end: the connection can serve again.
    pub(super) fn finish(mut self) {
        if let Some(mut connection) = self.connection.take() {
            connection.idle_since = Instant::now();
            self.pool.idle().connections.push(connection);
        }
    }
}
