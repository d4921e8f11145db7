//! HTTP as bytes: requests that no client library would send, and answers as they come.

use std::{sync::Arc, time::Duration};

use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

/// An answer must begin within this time.
const PATIENCE: Duration = Duration::from_secs(20);
/// A stream that has begun may go on for longer than anybody waits.
const STREAM: Duration = Duration::from_millis(300);

/// A request.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) host: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// The connection ends in the middle of the body: there may be no answer.
    pub(crate) breaks_off: bool,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: String,
    pub(crate) body: Vec<u8>,
}

/// Where a surface is, and how to connect to it.
#[derive(Clone)]
pub(crate) struct Endpoint {
    port: u16,
    tls: Option<TlsConnector>,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Connections to one surface, used again while they last.
pub(crate) struct Connections {
    endpoint: Endpoint,
    open: Option<Box<dyn Stream>>,
}

impl Endpoint {
    /// `https://…:port` or `http://…:port`.
    pub(crate) fn new(url: &str, ca_pem: &str) -> Self {
        let port = url.rsplit_once(':').unwrap().1.parse().unwrap();
        let tls = url.starts_with("https").then(|| {
            let mut roots = RootCertStore::empty();
            roots.add(certificate(ca_pem).into()).unwrap();
            let config =
                ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
            TlsConnector::from(Arc::new(config))
        });
        Self { port, tls }
    }

    pub(crate) fn connections(self) -> Connections {
        Connections { endpoint: self, open: None }
    }

    async fn connect(&self) -> std::io::Result<Box<dyn Stream>> {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
        stream.set_nodelay(true)?;
        Ok(match &self.tls {
            None => Box::new(stream),
            Some(tls) => {
                let name = ServerName::try_from("localhost").unwrap();
                Box::new(tls.connect(name, stream).await?)
            }
        })
    }
}

impl Connections {
    /// What a request calls who is at the other end.
    pub(crate) fn authority(&self) -> String {
        format!("127.0.0.1:{}", self.endpoint.port)
    }

    /// Sends a request. Errors are sentences.
    pub(crate) async fn send(&mut self, request: &Request) -> Result<Answer, String> {
        if let Some(stream) = self.open.take() {
            // A server may end a connection between two requests.
            if let Ok(answer) = self.exchange(stream, request).await {
                return Ok(answer);
            }
        }
        let stream = self.endpoint.connect().await.map_err(|error| ended(&error))?;
        self.exchange(stream, request).await
    }

    async fn exchange(
        &mut self,
        mut stream: Box<dyn Stream>,
        request: &Request,
    ) -> Result<Answer, String> {
        stream.write_all(&head(request)).await.map_err(|error| ended(&error))?;
        if request.breaks_off {
            let half = &request.body[..request.body.len() / 2];
            stream.write_all(half).await.map_err(|error| ended(&error))?;
            return Err("broken off".to_owned());
        }
        // A server may answer, and end the connection, before it has read a body.
        let written = stream.write_all(&request.body).await;
        match read(&mut stream, request.method == "HEAD").await {
            Ok((answer, goes_on)) => {
                self.open = (goes_on && written.is_ok()).then_some(stream);
                Ok(answer)
            }
            Err(error) => Err(written.map_or_else(|error| ended(&error), |()| error)),
        }
    }
}

fn ended(error: &std::io::Error) -> String {
    format!("the connection ends: {error}")
}

fn certificate(pem: &str) -> Vec<u8> {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let base64: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    STANDARD.decode(base64).unwrap()
}

fn head(request: &Request) -> Vec<u8> {
    use std::fmt::Write;
    let Request { method, host, target, headers, body, .. } = request;
    let mut head = format!("{method} {target} HTTP/1.1\r\nhost: {host}\r\n");
    for (name, value) in headers {
        write!(head, "{name}: {value}\r\n").unwrap();
    }
    write!(head, "content-length: {}\r\n\r\n", body.len()).unwrap();
    head.into_bytes()
}

/// Reads an answer: whether the connection can be used again.
async fn read(
    stream: &mut (impl AsyncRead + Unpin),
    is_head: bool,
) -> Result<(Answer, bool), String> {
    let mut bytes = Vec::new();
    let mut wait = PATIENCE;
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = timeout(wait, stream.read(&mut buffer)).await;
        if let Ok(Ok(count @ 1..)) = read {
            bytes.extend_from_slice(&buffer[..count]);
        }
        let whole = answer(&bytes, is_head)?;
        match (whole, read) {
            (Some((answer, true)), Ok(Ok(1..))) => {
                let goes_on = !answer.headers.contains("connection: close");
                return Ok((answer, goes_on));
            }
            (Some(_), Ok(Ok(1..))) => wait = STREAM,
            // Ending a connection without the last words of TLS is what many servers do.
            (Some((answer, true)), _) => return Ok((answer, false)),
            // A watch goes on and on.
            (Some((answer, false)), Err(_)) if answer.is_chunked() => return Ok((answer, false)),
            (Some(_), _) => return Err("dropped in the middle of an answer".to_owned()),
            (None, Ok(Ok(1..))) => {}
            (None, Err(_)) => return Err("no answer in time".to_owned()),
            (None, Ok(_)) => return Err("dropped without an answer".to_owned()),
        }
    }
}

impl Answer {
    fn is_chunked(&self) -> bool {
        self.headers.contains("transfer-encoding: chunked")
    }
}

/// The answer in these bytes, as far as it has come, and whether that is all of it.
fn answer(bytes: &[u8], is_head: bool) -> Result<Option<(Answer, bool)>, String> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(None);
    };
    let headers = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
    let status = headers.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| format!("no HTTP: {headers}"))?;
    let body = bytes[end + 4..].to_vec();
    let mut answer = Answer { status, headers, body };
    let whole = if is_head || status == 204 || status == 304 {
        true
    } else if answer.is_chunked() {
        dechunk(&mut answer.body)
    } else {
        let length = answer.headers.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length = length.map_or(Ok(0), |length| length.trim().parse::<usize>());
        answer.body.len() >= length.map_err(|error| format!("content-length: {error}"))?
    };
    Ok(Some((answer, whole)))
}

/// Takes the chunks out of a body: whether the last one has come.
fn dechunk(body: &mut Vec<u8>) -> bool {
    let mut rest = std::mem::take(body);
    loop {
        let Some(end) = rest.windows(2).position(|window| window == b"\r\n") else {
            return false;
        };
        let size = std::str::from_utf8(&rest[..end]).ok();
        let Some(size) = size.and_then(|size| usize::from_str_radix(size, 16).ok()) else {
            return false;
        };
        if size == 0 {
            return true;
        }
        let Some(chunk) = rest.get(end + 2..end + 2 + size) else {
            return false;
        };
        body.extend_from_slice(chunk);
        rest.drain(..(end + 4 + size).min(rest.len()));
    }
}
