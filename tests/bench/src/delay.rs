//! A longer way to the server: a proxy on loopback that holds back what it forwards, as distance
//! does. What comes in meanwhile is held back beside it, so only time is added: no bandwidth is
//! taken away and nothing waits for anything else.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};

/// Bytes that are read at once.
const PART: usize = 64 * 1024;

/// A proxy that adds to the round trip. Dropping it ends it and its connections.
#[derive(Debug)]
pub struct Delay {
    address: SocketAddr,
    traffic: Arc<Traffic>,
    _accepting: JoinSet<()>,
}

/// Bytes over all connections of a proxy, TLS included.
#[derive(Debug, Default)]
struct Traffic {
    to_server: AtomicU64,
    to_client: AtomicU64,
}

impl Delay {
    /// Leads to `server` (`host:port`), `round_trip` farther away than it is.
    ///
    /// # Errors
    /// No loopback port.
    pub async fn start(server: String, round_trip: Duration) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let traffic = Arc::new(Traffic::default());
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, server, round_trip, Arc::clone(&traffic)));
        Ok(Self { address, traffic, _accepting: accepting })
    }

    /// Where clients connect.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Bytes so far, to the server and to the clients.
    #[must_use]
    pub fn bytes(&self) -> (u64, u64) {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (count(&self.traffic.to_server), count(&self.traffic.to_client))
    }
}

async fn accept(
    listener: TcpListener,
    server: String,
    round_trip: Duration,
    traffic: Arc<Traffic>,
) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let (server, traffic) = (server.clone(), Arc::clone(&traffic));
        connections.spawn(async move {
            // either side may end a connection in any way
            let _ = forward(client, &server, round_trip, &traffic).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn forward(
    client: TcpStream,
    server: &str,
    round_trip: Duration,
    traffic: &Traffic,
) -> io::Result<()> {
    // making a connection takes a round trip too
    sleep(round_trip).await;
    let server = TcpStream::connect(server).await?;
    for connection in [&client, &server] {
        connection.set_nodelay(true)?;
    }
    let ((from_client, to_client), (from_server, to_server)) =
        (client.into_split(), server.into_split());
    let way = round_trip / 2;
    tokio::try_join!(
        carry(from_client, to_server, way, &traffic.to_server),
        carry(from_server, to_client, way, &traffic.to_client),
    )?;
    Ok(())
}

/// Carries bytes one way.
async fn carry(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    way: Duration,
    count: &AtomicU64,
) -> io::Result<()> {
    // what is on its way is bounded by what comes in while it is
    let (sender, mut receiver) = mpsc::unbounded_channel::<(Instant, Bytes)>();
    let read = async move {
        let mut buffer = BytesMut::new();
        loop {
            buffer.reserve(PART);
            let length = from.read_buf(&mut buffer).await?;
            count.fetch_add(length as u64, Ordering::Relaxed);
            let part = buffer.split().freeze();
            // the other half is gone only with its connection
            if sender.send((Instant::now() + way, part)).is_err() || length == 0 {
                return Ok::<_, io::Error>(());
            }
        }
    };
    let write = async move {
        while let Some((due, part)) = receiver.recv().await {
            sleep_until(due).await;
            if part.is_empty() {
                return to.shutdown().await;
            }
            to.write_all(&part).await?;
        }
        Ok(())
    };
    tokio::try_join!(read, write)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends back what it gets.
    async fn echo() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            while let Ok((mut connection, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = connection.split();
                    let _ = tokio::io::copy(&mut from, &mut to).await;
                });
            }
        });
        address
    }

    #[tokio::test]
    async fn a_round_trip_takes_longer_and_what_follows_does_not_wait_for_it() {
        const ROUND_TRIP: Duration = Duration::from_millis(100);
        const PARTS: usize = 50;
        let delay = Delay::start(echo().await, ROUND_TRIP).await.unwrap();
        let connection = TcpStream::connect(delay.address()).await.unwrap();
        let (mut from, mut to) = connection.into_split();
        // it is there for sure
        to.write_all(b"a").await.unwrap();
        from.read_u8().await.unwrap();

        let began = Instant::now();
        let write = async {
            for _ in 0..PARTS {
                to.write_all(&[7; 1000]).await.unwrap();
                sleep(Duration::from_millis(1)).await;
            }
        };
        let read = async {
            from.read_u8().await.unwrap();
            let first = began.elapsed();
            from.read_exact(&mut vec![0; 1000 * PARTS - 1]).await.unwrap();
            (first, began.elapsed())
        };
        let ((), (first, last)) = tokio::join!(write, read);
        assert!(first >= ROUND_TRIP, "{first:?}");
        assert!(last < ROUND_TRIP * 10, "{last:?}: one after the other takes 5 s");
        assert_eq!(delay.bytes(), (50_001, 50_001));
    }

    #[tokio::test]
    async fn an_end_comes_through() {
        let delay = Delay::start(echo().await, Duration::from_millis(10)).await.unwrap();
        let mut connection = TcpStream::connect(delay.address()).await.unwrap();
        connection.write_all(b"all of it").await.unwrap();
        connection.shutdown().await.unwrap();
        let mut back = Vec::new();
        connection.read_to_end(&mut back).await.unwrap();
        assert_eq!(back, b"all of it");
    }
}
