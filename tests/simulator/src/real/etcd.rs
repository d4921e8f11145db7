//! etcd: the process and what tests read and edit in its store. It takes connections only of who has a
//! certificate, which is in the cluster's folder: everybody on the machine can connect to its port.

use std::{fmt, path::Path, time::Duration};

use tokio::time::{Instant, sleep};

use super::{
    binaries::Binaries,
    etcd_identity::Identity,
    process::{ATTEMPTS, Launch, Process, free_ports, port_was_taken},
    proto::etcd::{
        CompactionRequest, DeleteRangeRequest, PutRequest, RangeRequest, kv_client::KvClient,
    },
};
use crate::tls::Authority;

const START: Duration = Duration::from_secs(30);
/// Large secrets have a megabyte each.
const PAGE: i64 = 200;

/// A value in the store.
#[derive(Clone, Eq, PartialEq)]
pub struct Stored {
    /// Its key: `/registry/…`.
    pub key: String,
    /// The revision of its last write: the resource version of the object.
    pub mod_revision: u64,
    /// The bytes.
    pub value: Vec<u8>,
}

/// Without the bytes, which may be a secret.
impl fmt::Debug for Stored {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, mod_revision, value } = self;
        formatter
            .debug_struct("Stored")
            .field("key", key)
            .field("mod_revision", mod_revision)
            .field("bytes", &value.len())
            .finish()
    }
}

/// etcd with its store.
#[derive(Debug)]
pub struct Etcd {
    _process: Process,
    url: String,
    client: KvClient<tonic::transport::Channel>,
}

impl Etcd {
    /// Starts it with an empty store in `folder`.
    pub(super) async fn start(
        binaries: &Binaries,
        authority: &Authority,
        folder: &Path,
    ) -> Result<Self, String> {
        let identity = Identity::issue(authority, folder)?;
        let mut attempt = 1;
        loop {
            let data = folder.join(format!("etcd-{attempt}"));
            match Self::start_once(binaries, &identity, folder, &data).await {
                Err(error) if attempt < ATTEMPTS && port_was_taken(&error) => attempt += 1,
                outcome => return outcome,
            }
        }
    }

    async fn start_once(
        binaries: &Binaries,
        identity: &Identity,
        folder: &Path,
        data: &Path,
    ) -> Result<Self, String> {
        let [port, peer] = free_ports()?;
        let [url, peer] = [port, peer].map(|port| format!("https://127.0.0.1:{port}"));
        let mut arguments = vec![
            format!("--data-dir={}", data.display()),
            format!("--listen-client-urls={url}"),
            format!("--advertise-client-urls={url}"),
            format!("--listen-peer-urls={peer}"),
            format!("--initial-advertise-peer-urls={peer}"),
            format!("--initial-cluster=default={peer}"),
            "--quota-backend-bytes=8589934592".to_owned(),
            "--unsafe-no-fsync".to_owned(),
        ];
        arguments.extend(identity.arguments());
        let log = folder.join("etcd.log");
        let mut process =
            Launch { program: &binaries.etcd, arguments, log, host_name: None }.spawn()?;
        let channel = identity.channel(port)?;
        let client = KvClient::new(channel)
            .max_decoding_message_size(usize::MAX)
            .max_encoding_message_size(usize::MAX);
        let started = Instant::now();
        while let Err(error) = client.clone().range(RangeRequest::default().at("/")).await {
            process.check()?;
            if started.elapsed() > START {
                return Err(format!("etcd is not ready: {error}: {}", process.last_lines()));
            }
            sleep(Duration::from_millis(20)).await;
        }
        Ok(Self { _process: process, url, client })
    }

    /// Where the API servers reach it.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Everything whose key starts with `prefix`, as of one revision.
    pub async fn list(&self, prefix: &str) -> Result<Vec<Stored>, String> {
        let mut stored = Vec::new();
        self.visit(prefix, |one| stored.push(one)).await?;
        Ok(stored)
    }

    /// Shows `visitor` everything whose key starts with `prefix`, as of one revision, page by page.
    pub(super) async fn visit(
        &self,
        prefix: &str,
        mut visitor: impl FnMut(Stored),
    ) -> Result<(), String> {
        let mut request = RangeRequest::default().at(prefix);
        request.range_end = after(prefix.as_bytes());
        request.limit = PAGE;
        loop {
            let page = self
                .client
                .clone()
                .range(request.clone())
                .await
                .map_err(|error| format!("etcd: {error}"))?
                .into_inner();
            if request.revision == 0 {
                request.revision = page.header.map_or(0, |header| header.revision);
            }
            if let Some(last) = page.kvs.last() {
                // The key right after the last one of this page.
                request.key.clone_from(&last.key);
                request.key.push(0);
            }
            for one in page.kvs {
                visitor(Stored {
                    key: String::from_utf8_lossy(&one.key).into_owned(),
                    mod_revision: one.mod_revision.unsigned_abs(),
                    value: one.value,
                });
            }
            if !page.more {
                return Ok(());
            }
        }
    }

    /// The value under a key.
    pub async fn get(&self, key: &str) -> Result<Option<Stored>, String> {
        let answer = self
            .client
            .clone()
            .range(RangeRequest::default().at(key))
            .await
            .map_err(|error| format!("etcd: {error}"))?;
        Ok(answer.into_inner().kvs.pop().map(|one| Stored {
            key: key.to_owned(),
            mod_revision: one.mod_revision.unsigned_abs(),
            value: one.value,
        }))
    }

    /// Writes a value behind the API servers' back.
    pub async fn put(&self, key: &str, value: Vec<u8>) -> Result<(), String> {
        let request = PutRequest { key: key.as_bytes().to_vec(), value };
        self.client.clone().put(request).await.map_err(|error| format!("etcd: {error}"))?;
        Ok(())
    }

    /// Deletes a value behind the API servers' back.
    pub async fn delete(&self, key: &str) -> Result<(), String> {
        let request = DeleteRangeRequest { key: key.as_bytes().to_vec() };
        self.client
            .clone()
            .delete_range(request)
            .await
            .map_err(|error| format!("etcd: {error}"))?;
        Ok(())
    }

    /// Forgets all revisions before the present one, as etcd does every few minutes on behalf of
    /// an API server: continue tokens of lists expire.
    pub async fn compact(&self) -> Result<(), String> {
        let mut client = self.client.clone();
        let answer = client
            .range(RangeRequest::default().at("/"))
            .await
            .map_err(|error| format!("etcd: {error}"))?;
        let revision = answer.into_inner().header.map_or(0, |header| header.revision);
        client
            .compact(CompactionRequest { revision, physical: true })
            .await
            .map_err(|error| format!("etcd: {error}"))?;
        Ok(())
    }
}

impl RangeRequest {
    fn at(mut self, key: &str) -> Self {
        self.key = key.as_bytes().to_vec();
        self
    }
}

/// The first key after all that start with `prefix`.
fn after(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return end;
        }
    }
    vec![0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_ends_right_after_its_prefix() {
        assert_eq!(after(b"/registry/secrets/"), b"/registry/secrets0");
        assert_eq!(after(&[1, 255]), [2]);
        assert_eq!(after(&[255]), [0]);
    }
}
