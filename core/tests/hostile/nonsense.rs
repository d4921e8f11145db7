//! What no client expects of a server.

use std::{
    io::{self, Write},
    sync::LazyLock,
    time::Duration,
};

use flate2::{Compression, write::GzEncoder};
use serde_json::{Map, Value, json};
use tokio::{
    io::{AsyncWrite, AsyncWriteExt},
    time::sleep,
};

const MIB: usize = 1024 * 1024;

macro_rules! nonsense {
    ($($name:ident,)*) => {
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub(crate) enum Nonsense { $($name),* }

        impl Nonsense {
            pub(crate) const ALL: [Self; [$(Self::$name),*].len()] = [$(Self::$name),*];
        }
    };
}

nonsense! {
    Null,
    Number,
    Text,
    Array,
    Object,
    NullMembers,
    WrongTypes,
    HugeNumbers,
    NegativeNumbers,
    LongTexts,
    HostileTexts,
    EmptyTexts,
    DeepArray,
    NoUtf8,
    Truncated,
    WebPage,
    Empty,
    NoContent,
    ServerErrorPage,
    Redirect,
    EndlessBody,
    GzipBomb,
    GzipGarbage,
    ByteBySecond,
    Silence,
    ManyHeaders,
    LongHeader,
    TooLongLength,
    NegativeLength,
    HugeChunk,
    NoHttp,
    OddStatus,
    EndlessContinue,
    EndlessPages,
    RetryForEver,
    ConnectionReset,
}

/// What costs most where it is kept.
pub(crate) const HEAVY: [Nonsense; 6] = [
    Nonsense::EndlessBody,
    Nonsense::GzipBomb,
    Nonsense::LongTexts,
    Nonsense::DeepArray,
    Nonsense::ManyHeaders,
    Nonsense::EndlessPages,
];

impl Nonsense {
    /// Writes a response; `answer` is the one that should have been.
    pub(crate) async fn write(
        self,
        stream: &mut (impl AsyncWrite + Unpin),
        answer: impl Future<Output = io::Result<reqwest::Response>>,
    ) -> io::Result<()> {
        match self {
            Self::Null => json_body(stream, "null").await,
            Self::Number => json_body(stream, "1e400").await,
            Self::Text => json_body(stream, "\"text\"").await,
            Self::Array => json_body(stream, "[[]]").await,
            Self::Object => json_body(stream, "{}").await,
            Self::NullMembers
            | Self::WrongTypes
            | Self::HugeNumbers
            | Self::NegativeNumbers
            | Self::LongTexts
            | Self::HostileTexts
            | Self::EmptyTexts
            | Self::EndlessPages => self.twisted(stream, answer.await?).await,
            Self::Truncated => {
                let whole = answer.await?.bytes().await.map_err(io::Error::other)?;
                let half = String::from_utf8_lossy(&whole[..whole.len() / 2]).into_owned();
                json_body(stream, &half).await
            }
            Self::DeepArray => json_body(stream, &"[".repeat(4 * MIB)).await,
            Self::NoUtf8 => {
                response(stream, 200, "application/json", b"\xff\xfe{\"\xc3\x28\"").await
            }
            Self::WebPage => response(stream, 200, "text/html", b"<html>Sign in</html>").await,
            Self::Empty => response(stream, 200, "application/json", b"").await,
            Self::NoContent => stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await,
            Self::ServerErrorPage => response(stream, 500, "text/html", b"<h1>Oops</h1>").await,
            Self::Redirect => {
                let head = "HTTP/1.1 307 Temporary Redirect\r\nlocation: https://example.org/\r\n\
                            content-length: 0\r\n\r\n";
                stream.write_all(head.as_bytes()).await
            }
            Self::ConnectionReset => Ok(()),
            Self::OddStatus => response(stream, 999, "application/json", b"{}").await,
            Self::RetryForEver => {
                let head = "HTTP/1.1 429 Too Many\r\nretry-after: 9223372036854775807\r\n\
                            content-length: 0\r\n\r\n";
                stream.write_all(head.as_bytes()).await
            }
            _ => self.malformed(stream).await,
        }?;
        stream.flush().await
    }

    /// What breaks the protocol, or never ends.
    async fn malformed(self, stream: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
        let chunked = format!("{head}transfer-encoding: chunked\r\n\r\n");
        match self {
            Self::EndlessBody => {
                stream.write_all(chunked.as_bytes()).await?;
                let part = " ".repeat(64 * 1024);
                loop {
                    stream.write_all(format!("{:x}\r\n{part}\r\n", part.len()).as_bytes()).await?;
                }
            }
            Self::GzipBomb => {
                let bomb = &*BOMB;
                let head = format!(
                    "{head}content-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
                    bomb.len()
                );
                stream.write_all(head.as_bytes()).await?;
                stream.write_all(bomb).await
            }
            Self::GzipGarbage => {
                let head = format!("{head}content-encoding: gzip\r\ncontent-length: 7\r\n\r\n");
                stream.write_all(head.as_bytes()).await?;
                stream.write_all(b"garbage").await
            }
            Self::ByteBySecond => {
                stream.write_all(chunked.as_bytes()).await?;
                loop {
                    stream.write_all(b"1\r\n \r\n").await?;
                    stream.flush().await?;
                    sleep(Duration::from_secs(1)).await;
                }
            }
            Self::Silence => {
                sleep(Duration::from_secs(3600)).await;
                Ok(())
            }
            Self::ManyHeaders => {
                stream.write_all(head.as_bytes()).await?;
                for number in 0..1_000_000 {
                    stream.write_all(format!("x-{number}: y\r\n").as_bytes()).await?;
                }
                stream.write_all(b"content-length: 2\r\n\r\n{}").await
            }
            Self::LongHeader => {
                let head = format!("{head}x: {}\r\n", "y".repeat(8 * MIB));
                stream.write_all(head.as_bytes()).await?;
                stream.write_all(b"content-length: 2\r\n\r\n{}").await
            }
            Self::TooLongLength => {
                let head = format!("{head}content-length: 18446744073709551615\r\n\r\n{{}}");
                stream.write_all(head.as_bytes()).await
            }
            Self::NegativeLength => {
                stream.write_all(format!("{head}content-length: -1\r\n\r\n{{}}").as_bytes()).await
            }
            Self::HugeChunk => {
                let head = format!("{chunked}fffffffffffffff\r\n{{}}");
                stream.write_all(head.as_bytes()).await
            }
            Self::EndlessContinue => loop {
                stream.write_all(b"HTTP/1.1 103 Early Hints\r\nx: y\r\n\r\n").await?;
                stream.flush().await?;
                tokio::task::yield_now().await;
            },
            _ => stream.write_all(b"\x16\x03\x01\x02 this is no HTTP\r\n\r\n").await,
        }
    }

    /// The response that should have been, with other values.
    async fn twisted(
        self,
        stream: &mut (impl AsyncWrite + Unpin),
        answer: reqwest::Response,
    ) -> io::Result<()> {
        let status = answer.status().as_u16();
        let text = answer.text().await.map_err(io::Error::other)?;
        // a stream of events is one value a line
        let lines = text.lines().map(|line| match serde_json::from_str(line) {
            Ok(value) => self.twist(value).to_string(),
            Err(_) => self.twist(Value::String(line.to_owned())).to_string(),
        });
        let body = lines.collect::<Vec<_>>().join("\n");
        response(stream, status, "application/json", body.as_bytes()).await
    }

    fn twist(self, value: Value) -> Value {
        match value {
            Value::Object(members) => {
                let twisted = members.into_iter().map(|(name, value)| (name, self.twist(value)));
                let mut twisted: Map<String, Value> = twisted.collect();
                if self == Self::EndlessPages && twisted.contains_key("value") {
                    twisted.insert("nextLink".to_owned(), json!("https://127.0.0.1:1/next"));
                }
                if self == Self::EndlessPages && twisted.contains_key("metadata") {
                    twisted["metadata"]["continue"] = json!("again");
                    twisted["metadata"]["remainingItemCount"] = json!(1);
                }
                Value::Object(twisted)
            }
            Value::Array(values) => {
                Value::Array(values.into_iter().map(|value| self.twist(value)).collect())
            }
            value => self.scalar(value),
        }
    }

    fn scalar(self, value: Value) -> Value {
        match (self, value) {
            (Self::NullMembers, _) => Value::Null,
            (Self::WrongTypes, Value::String(_)) => json!(7),
            (Self::WrongTypes, Value::Number(_)) => json!({"a": []}),
            (Self::WrongTypes, Value::Bool(_)) => json!("true"),
            (Self::WrongTypes, Value::Null) => json!([null]),
            (Self::HugeNumbers, Value::Number(_)) => json!(u64::MAX),
            (Self::HugeNumbers, Value::String(text)) if text.parse::<u64>().is_ok() => {
                json!("99999999999999999999999999")
            }
            (Self::NegativeNumbers, Value::Number(_)) => json!(i64::MIN),
            (Self::NegativeNumbers, Value::String(text)) if text.parse::<u64>().is_ok() => {
                json!("-9223372036854775808")
            }
            (Self::LongTexts, Value::String(text)) => json!(text + &"x".repeat(MIB / 8)),
            (Self::HostileTexts, Value::String(text)) => {
                json!(format!("{text}\u{202e}\u{200b}\u{1b}[31m\r\n\0  '; DROP\t"))
            }
            (Self::EmptyTexts, Value::String(_)) => json!(""),
            (_, value) => value,
        }
    }
}

async fn json_body(stream: &mut (impl AsyncWrite + Unpin), body: &str) -> io::Result<()> {
    response(stream, 200, "application/json", body.as_bytes()).await
}

async fn response(
    stream: &mut (impl AsyncWrite + Unpin),
    status: u16,
    content_type: &str,
    body: &[u8],
) -> io::Result<()> {
    let head = format!(
        "HTTP/1.1 {status} Any\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body).await
}

/// Makes what is long in the making.
pub(crate) fn prepare() {
    LazyLock::force(&BOMB);
}

/// 2 GiB of spaces, packed.
static BOMB: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    let spaces = vec![b' '; MIB];
    for _ in 0..2048 {
        packed.write_all(&spaces).unwrap();
    }
    packed.finish().unwrap()
});
