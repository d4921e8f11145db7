//! HTTP/1.1 over TLS with as little between the socket and the answer as there can be: what a
//! load generator spends itself, it takes from the server on the same cores.

use std::io;

use bytes::{Buf, BytesMut};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::target::Target;

/// The form that value-free requests ask for.
pub const TABLE: &str = "application/json;as=Table;g=meta.k8s.io;v=v1";

/// Headers of an answer that are made room for.
const HEADERS: usize = 32;

/// A connection to an API server, for one request at a time.
pub struct Wire {
    stream: TlsStream<TcpStream>,
    buffer: BytesMut,
    /// Bytes sent and received, before TLS.
    pub bytes: Bytes,
}

/// Bytes over a connection.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bytes {
    /// From the client.
    pub sent: u64,
    /// From the server.
    pub received: u64,
}

/// How long the body of an answer is.
#[derive(Clone, Copy)]
enum Length {
    Known(usize),
    Chunked,
}

impl Wire {
    /// Connects.
    ///
    /// # Errors
    /// Nobody answers there, or not with the certificate expected.
    pub async fn open(target: &Target, tls: &TlsConnector) -> io::Result<Self> {
        let stream = TcpStream::connect(&target.address).await?;
        stream.set_nodelay(true)?;
        let stream = tls.connect(target.name()?, stream).await?;
        Ok(Self { stream, buffer: BytesMut::with_capacity(32 * 1024), bytes: Bytes::default() })
    }

    /// Sends a request and reads its answer; `body` is shown the parts of its body as they come.
    /// Gives the status.
    ///
    /// # Errors
    /// The connection breaks off, or the answer is not HTTP.
    pub async fn exchange(
        &mut self,
        request: &[u8],
        mut body: impl FnMut(&[u8]),
    ) -> io::Result<u16> {
        self.send(request).await?;
        let (status, length) = self.head().await?;
        match length {
            Length::Known(mut left) => {
                while left > 0 {
                    if self.buffer.is_empty() {
                        self.fill().await?;
                    }
                    let part = left.min(self.buffer.len());
                    body(&self.buffer[..part]);
                    self.buffer.advance(part);
                    left -= part;
                }
            }
            Length::Chunked => while self.chunk(&mut body).await? {},
        }
        Ok(status)
    }

    /// Sends a request whose answer is a stream that may never end; `body` is shown its parts
    /// until it says that it has seen enough. Gives the status. The connection is of no more use.
    ///
    /// # Errors
    /// As [`exchange`](Self::exchange), or the stream ends before enough was seen.
    pub async fn stream(
        mut self,
        request: &[u8],
        mut body: impl FnMut(&[u8]) -> bool,
    ) -> io::Result<(u16, Bytes)> {
        self.send(request).await?;
        let (status, _) = self.head().await?;
        let mut enough = status != 200;
        while !enough {
            if !self.chunk(&mut |part| enough |= body(part)).await? && !enough {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok((status, self.bytes))
    }

    async fn send(&mut self, request: &[u8]) -> io::Result<()> {
        self.stream.write_all(request).await?;
        self.stream.flush().await?;
        self.bytes.sent += request.len() as u64;
        Ok(())
    }

    async fn fill(&mut self) -> io::Result<()> {
        self.buffer.reserve(16 * 1024);
        let read = self.stream.read_buf(&mut self.buffer).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.bytes.received += read as u64;
        Ok(())
    }

    /// Reads the status line and the headers.
    async fn head(&mut self) -> io::Result<(u16, Length)> {
        loop {
            let mut headers = [httparse::EMPTY_HEADER; HEADERS];
            let mut answer = httparse::Response::new(&mut headers);
            let parsed = answer.parse(&self.buffer).map_err(io::Error::other)?;
            if let httparse::Status::Complete(end) = parsed {
                let status = answer.code.unwrap_or_default();
                let length = length(answer.headers)?;
                self.buffer.advance(end);
                return Ok((status, length));
            }
            self.fill().await?;
        }
    }

    /// Reads one chunk; false: it was the last.
    async fn chunk(&mut self, body: &mut impl FnMut(&[u8])) -> io::Result<bool> {
        let mut left = loop {
            match httparse::parse_chunk_size(&self.buffer) {
                Ok(httparse::Status::Complete((end, size))) => {
                    self.buffer.advance(end);
                    break usize::try_from(size).map_err(io::Error::other)?;
                }
                Ok(httparse::Status::Partial) => self.fill().await?,
                Err(_) => return Err(io::Error::other("a chunk has no size")),
            }
        };
        let more = left > 0;
        while left > 0 {
            if self.buffer.is_empty() {
                self.fill().await?;
            }
            let part = left.min(self.buffer.len());
            body(&self.buffer[..part]);
            self.buffer.advance(part);
            left -= part;
        }
        while self.buffer.len() < 2 {
            self.fill().await?;
        }
        self.buffer.advance(2);
        Ok(more)
    }
}

fn length(headers: &[httparse::Header<'_>]) -> io::Result<Length> {
    for header in headers {
        if header.name.eq_ignore_ascii_case("content-length") {
            let text = str::from_utf8(header.value).map_err(io::Error::other)?;
            return text.trim().parse().map(Length::Known).map_err(io::Error::other);
        }
        if header.name.eq_ignore_ascii_case("transfer-encoding") {
            return Ok(Length::Chunked);
        }
    }
    Ok(Length::Known(0))
}

/// A request without a body.
#[must_use]
pub fn get(target: &Target, path: &str) -> Vec<u8> {
    let Target { address, token, .. } = target;
    format!(
        "GET {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\
         accept: {TABLE}\r\nuser-agent: aks-kms-bench-load\r\n\r\n"
    )
    .into_bytes()
}

/// An empty merge patch of a secret.
#[must_use]
pub fn patch(target: &Target, namespace: &str, name: &str) -> Vec<u8> {
    let Target { address, token, .. } = target;
    format!(
        "PATCH /api/v1/namespaces/{namespace}/secrets/{name}?fieldManager=aks-kms&includeObject=None \
         HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\naccept: {TABLE}\r\n\
         user-agent: aks-kms-bench-load\r\ncontent-type: application/merge-patch+json\r\n\
         content-length: 2\r\n\r\n{{}}"
    )
    .into_bytes()
}
