//! A CONNECT proxy: vault host names do not resolve on loopback, so every client reaches vaults
//! through it.

use std::sync::Arc;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use super::host::{Hosts, MISDIRECTED};
use crate::region::Region;

/// Longest request head that is read.
const HEAD_LIMIT: usize = 16 * 1024;

/// Serves until it is dropped; so do its tunnels.
pub(crate) async fn serve(listener: TcpListener, region: Arc<Region>) {
    let mut tunnels = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                let region = region.clone();
                tunnels.spawn(async move {
                    if let Err(error) = tunnel(stream, &region).await {
                        tracing::debug!(%error, "tunnel ended");
                    }
                });
            },
            Some(_) = tunnels.join_next() => {}
        }
    }
}

async fn tunnel(mut client: TcpStream, region: &Region) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    let head = read_head(&mut client).await?;
    let target = head
        .lines()
        .next()
        .and_then(|line| line.strip_prefix("CONNECT "))
        .and_then(|line| line.split(' ').next())
        .and_then(|authority| authority.rsplit_once(':'))
        .and_then(|(host, port)| Some((host, port.parse().ok()?)));
    // Clients name the target here, or the proxy, or nothing.
    let own = Hosts::loopback(client.local_addr()?.port());
    let means_us = head.lines().filter_map(host_header).all(|named| {
        let name = named.rsplit_once(':').map_or(named, |(name, _)| name);
        own.has(named) || target.is_some_and(|(host, _)| name.eq_ignore_ascii_case(host))
    });
    let destination = match target {
        None => Err(405),
        Some(_) if !means_us => Err(MISDIRECTED),
        Some((host, port)) => region.destination(host, port),
    };
    match destination {
        Ok(port) => {
            let mut server = TcpStream::connect(("127.0.0.1", port)).await?;
            server.set_nodelay(true)?;
            client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
            copy_bidirectional(&mut client, &mut server).await?;
        }
        Err(status) => {
            let refusal = format!(
                "HTTP/1.1 {status} Refused\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            );
            client.write_all(refusal.as_bytes()).await?;
        }
    }
    Ok(())
}

fn host_header(line: &str) -> Option<&str> {
    let (name, value) = line.split_once(':')?;
    name.trim().eq_ignore_ascii_case("host").then(|| value.trim())
}

/// Reads byte by byte up to the empty line: what follows belongs to the tunnel.
async fn read_head(client: &mut TcpStream) -> std::io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < HEAD_LIMIT {
        head.push(client.read_u8().await?);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}
