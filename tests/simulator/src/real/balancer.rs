//! The one address of several API servers: a load balancer for connections, as AKS has one.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{AbortHandle, JoinSet},
    time::timeout,
};

/// A client waits this long for an API server while all of them restart.
const PATIENCE: Duration = Duration::from_secs(30);

/// The API servers, and whether connections are taken at all.
#[derive(Debug)]
struct Targets {
    open: bool,
    ready: Vec<Option<SocketAddr>>,
}

/// A port on loopback whose connections go to the API servers that are ready, in turn.
#[derive(Debug)]
pub(super) struct Balancer {
    address: SocketAddr,
    targets: watch::Sender<Targets>,
    task: AbortHandle,
}

impl Balancer {
    /// Listens, for this many API servers, of which none is ready.
    pub(super) async fn start(servers: usize) -> Result<Self, String> {
        let error = |error: std::io::Error| format!("load balancer: {error}");
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(error)?;
        let address = listener.local_addr().map_err(error)?;
        let (targets, ready) = watch::channel(Targets { open: true, ready: vec![None; servers] });
        let task = tokio::spawn(accept(listener, ready)).abort_handle();
        Ok(Self { address, targets, task })
    }

    /// Where clients connect.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// An API server, counted from 0, is ready at this address, or not ready.
    pub(super) fn set(&self, server: usize, address: Option<SocketAddr>) {
        self.targets.send_modify(|targets| targets.ready[server] = address);
    }

    /// Whether connections are taken. While they are not, each is closed at once.
    pub(super) fn set_open(&self, open: bool) {
        self.targets.send_modify(|targets| targets.open = open);
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, targets: watch::Receiver<Targets>) {
    let turn = Arc::new(AtomicUsize::new(0));
    let mut connections = JoinSet::new();
    while let Ok((connection, _)) = listener.accept().await {
        connections.spawn(forward(connection, targets.clone(), Arc::clone(&turn)));
        while connections.try_join_next().is_some() {}
    }
}

async fn forward(
    mut client: TcpStream,
    mut targets: watch::Receiver<Targets>,
    turn: Arc<AtomicUsize>,
) {
    let decided = |now: &Targets| !now.open || now.ready.iter().any(Option::is_some);
    let ready: Vec<SocketAddr> = match timeout(PATIENCE, targets.wait_for(decided)).await {
        Ok(Ok(now)) if now.open => now.ready.iter().copied().flatten().collect(),
        Ok(_) | Err(_) => return,
    };
    let target = ready[turn.fetch_add(1, Ordering::Relaxed) % ready.len()];
    if let Ok(mut server) = TcpStream::connect(target).await {
        for connection in [&client, &server] {
            // Small requests and answers would wait for each other's acknowledgement.
            let _ = connection.set_nodelay(true);
        }
        // Either side may end a connection in any way.
        let _ = copy_bidirectional(&mut client, &mut server).await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// Answers every connection with one byte.
    async fn server(answer: u8) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut connection, _)) = listener.accept().await {
                connection.write_u8(answer).await.unwrap();
            }
        });
        address
    }

    async fn ask(balancer: &Balancer) -> u8 {
        TcpStream::connect(balancer.address()).await.unwrap().read_u8().await.unwrap()
    }

    #[tokio::test]
    async fn connections_go_to_ready_servers_in_turn() {
        let balancer = Balancer::start(2).await.unwrap();
        balancer.set(0, Some(server(1).await));
        assert_eq!([ask(&balancer).await, ask(&balancer).await], [1, 1]);
        balancer.set(1, Some(server(2).await));
        let mut answers = [ask(&balancer).await, ask(&balancer).await];
        answers.sort_unstable();
        assert_eq!(answers, [1, 2]);
        balancer.set(0, None);
        assert_eq!([ask(&balancer).await, ask(&balancer).await], [2, 2]);
    }

    #[tokio::test]
    async fn a_closed_one_takes_no_connection() {
        let balancer = Balancer::start(1).await.unwrap();
        balancer.set_open(false);
        let mut connection = TcpStream::connect(balancer.address()).await.unwrap();
        assert!(connection.read_u8().await.is_err());
        balancer.set(0, Some(server(3).await));
        let mut connection = TcpStream::connect(balancer.address()).await.unwrap();
        assert!(connection.read_u8().await.is_err());
        balancer.set_open(true);
        assert_eq!(ask(&balancer).await, 3);
    }

    #[tokio::test]
    async fn a_connection_waits_for_a_server() {
        let balancer = Balancer::start(1).await.unwrap();
        let (answer, ()) = tokio::join!(ask(&balancer), async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            balancer.set(0, Some(server(7).await));
        });
        assert_eq!(answer, 7);
    }
}
