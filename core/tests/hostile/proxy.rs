//! A CONNECT proxy that ends TLS, passes requests on, and answers one kind of them with nonsense.

use std::{
    collections::BTreeSet,
    fmt::{self, Write as _},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use aks_kms_simulator::{Case, tls::Authority};
use futures::StreamExt;
use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::AbortOnDropHandle;

use super::nonsense::Nonsense;

/// A kind of request: its method, and its path with `*` in place of names of its own.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Endpoint {
    method: String,
    service: &'static str,
    path: String,
}

impl Endpoint {
    fn of(method: &str, service: &'static str, path_and_query: &str) -> Self {
        let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
        let mut before = "";
        let segments = path.split('/').map(|segment| {
            let is_numbered = segment.chars().any(|letter| letter.is_ascii_digit());
            let is_name = matches!(before, "namespaces" | "secrets" | "configmaps" | "leases")
                || (is_numbered && segment != "v1");
            before = segment;
            if is_name { "*" } else { segment }
        });
        let path = segments.collect::<Vec<_>>().join("/");
        let mut names: Vec<&str> =
            query.split('&').filter_map(|pair| pair.split('=').next()).collect();
        names.retain(|name| matches!(*name, "watch" | "dryRun"));
        let path = if names.is_empty() { path } else { format!("{path}?{}", names.join("&")) };
        Self { method: method.to_owned(), service, path }
    }

    pub(crate) fn is_get_of(&self, part: &str) -> bool {
        self.method == "GET" && self.path.contains(part)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.service, self.method, self.path)
    }
}

/// Ends when it is dropped.
pub(crate) struct Proxy {
    pub(crate) address: String,
    pub(crate) ca_pem: String,
    shared: Arc<Shared>,
    _serving: AbortOnDropHandle<()>,
}

struct Shared {
    authority: Authority,
    case: Case,
    /// PEM of the authority of the API server.
    kubernetes_ca: String,
    disturbed: Option<(Endpoint, Nonsense)>,
    has_disturbed: AtomicBool,
    seen: Mutex<BTreeSet<Endpoint>>,
}

impl Proxy {
    pub(crate) async fn start(
        case: &Case,
        kubernetes_ca: &str,
        disturbed: Option<(Endpoint, Nonsense)>,
    ) -> Self {
        let authority = Authority::new().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let ca_pem = authority.ca_pem().to_owned();
        let shared = Arc::new(Shared {
            authority,
            case: case.clone(),
            kubernetes_ca: kubernetes_ca.to_owned(),
            disturbed,
            has_disturbed: AtomicBool::new(false),
            seen: Mutex::default(),
        });
        let serving = tokio::spawn(serve(listener, Arc::clone(&shared)));
        Self { address, ca_pem, shared, _serving: AbortOnDropHandle::new(serving) }
    }

    /// The kinds of requests that there were.
    pub(crate) fn seen(&self) -> BTreeSet<Endpoint> {
        self.shared.seen.lock().unwrap().clone()
    }

    pub(crate) fn has_disturbed(&self) -> bool {
        self.shared.has_disturbed.load(Ordering::Relaxed)
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let shared = Arc::clone(&shared);
                // a client that went away is no concern of the proxy's
                connections.spawn(async move { let _ = connection(stream, &shared).await; });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    let Some(connect) = Head::read(&mut stream).await? else { return Ok(()) };
    let host_and_port = connect.target.clone();
    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
    let host = host_and_port.rsplit_once(':').map_or("", |(host, _)| host).to_owned();
    let tls = shared.authority.server_config(&[&host]).map_err(std::io::Error::other)?;
    let mut stream = BufReader::new(TlsAcceptor::from(tls).accept(stream).await?);

    let is_kubernetes = shared.case.kubernetes.ends_with(&host_and_port);
    let service = if is_kubernetes {
        "kubernetes"
    } else if shared.case.arm.trim_end_matches('/').ends_with(&host_and_port) {
        "azure"
    } else {
        "vault"
    };
    let client = client(shared, is_kubernetes);
    while let Some(head) = Head::read(&mut stream).await? {
        let mut body = vec![0; head.content_length()];
        stream.read_exact(&mut body).await?;
        let endpoint = Endpoint::of(&head.method, service, &head.target);
        shared.seen.lock().unwrap().insert(endpoint.clone());
        let nonsense = shared.disturbed.as_ref().filter(|(other, _)| *other == endpoint);
        let url = format!("https://{host_and_port}{}", head.target);
        let answer = async {
            let mut request = client.request(head.method.parse().unwrap(), &url).body(body);
            for (name, value) in head.headers.iter().filter(|(name, _)| !is_hop(name)) {
                request = request.header(name, value);
            }
            request.send().await.map_err(std::io::Error::other)
        };
        match nonsense {
            Some((_, nonsense)) => {
                shared.has_disturbed.store(true, Ordering::Relaxed);
                nonsense.write(&mut stream, answer).await?;
                return stream.shutdown().await;
            }
            None => pass_on(&mut stream, answer.await?).await?,
        }
    }
    Ok(())
}

/// One connection to the service for one of the client's: API servers are told apart by that.
fn client(shared: &Shared, is_kubernetes: bool) -> reqwest::Client {
    let builder = reqwest::Client::builder()
        .pool_max_idle_per_host(1)
        .redirect(reqwest::redirect::Policy::none())
        .http1_only();
    let pem = if is_kubernetes { &shared.kubernetes_ca } else { &shared.case.ca };
    let builder = builder.tls_certs_only([reqwest::Certificate::from_pem(pem.as_bytes()).unwrap()]);
    let builder = if is_kubernetes {
        builder.no_proxy()
    } else {
        builder.proxy(reqwest::Proxy::https(&shared.case.proxy).unwrap())
    };
    builder.build().unwrap()
}

fn is_hop(name: &str) -> bool {
    ["connection", "content-length", "transfer-encoding", "accept-encoding", "host"]
        .iter()
        .any(|hop| name.eq_ignore_ascii_case(hop))
}

async fn pass_on(
    stream: &mut (impl AsyncWriteExt + Unpin),
    answer: reqwest::Response,
) -> std::io::Result<()> {
    let status = answer.status();
    let mut head = format!("HTTP/1.1 {} Any\r\n", status.as_u16());
    for (name, value) in answer.headers() {
        if let (false, Ok(value)) = (is_hop(name.as_str()), value.to_str()) {
            let _ = write!(head, "{name}: {value}\r\n");
        }
    }
    if matches!(status.as_u16(), 204 | 304) {
        head.push_str("\r\n");
        stream.write_all(head.as_bytes()).await?;
        return stream.flush().await;
    }
    head.push_str("transfer-encoding: chunked\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    stream.flush().await?;
    let mut parts = answer.bytes_stream();
    while let Some(part) = parts.next().await {
        let part = part.map_err(std::io::Error::other)?;
        stream.write_all(format!("{:x}\r\n", part.len()).as_bytes()).await?;
        stream.write_all(&part).await?;
        stream.write_all(b"\r\n").await?;
        stream.flush().await?;
    }
    stream.write_all(b"0\r\n\r\n").await?;
    stream.flush().await
}

/// The first line and the headers of a request.
struct Head {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
}

impl Head {
    /// `None`: the client has ended the connection.
    async fn read(stream: &mut (impl AsyncBufRead + Unpin)) -> std::io::Result<Option<Self>> {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        let mut words = line.split_whitespace().map(str::to_owned);
        let (Some(method), Some(target)) = (words.next(), words.next()) else { return Ok(None) };
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).await?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
        Ok(Some(Self { method, target, headers }))
    }

    fn content_length(&self) -> usize {
        let is_length = |(name, _): &&(String, String)| name.eq_ignore_ascii_case("content-length");
        self.headers.iter().find(is_length).map_or(0, |(_, length)| length.parse().unwrap_or(0))
    }
}
