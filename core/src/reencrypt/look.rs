//! Looking at the versions of secrets by streaming lists: of all that etcd holds, or of namespaces.

use std::sync::atomic::{AtomicU64, Ordering};

use futures::{StreamExt, TryStreamExt, stream as streams};
use tokio::time::sleep;

use super::{
    Engine,
    patch::{Item, NamedBy, PatchRun},
    stream::{Listed, Next, Opened, SecretsStream},
    tally::Tally,
};
use crate::error::{Error, Result};

/// Secrets of one list that are asked one by one because they are not proven; with more, all of
/// them are.
pub(super) const MAX_UNPROVEN_PER_NAMESPACE: usize = 10_000;
/// Tries of one streaming list.
const STREAM_TRIES: u32 = 3;

/// What the list of everything brought.
pub(super) enum Everywhere {
    /// Each secret is proven.
    Proven,
    /// Names and versions of some that are not. Of which namespaces they are, this list does not say.
    Left(Vec<(String, u64)>),
    /// No such list is to be had.
    Unidentified,
}

/// What lists of namespaces brought, or the list of one.
#[derive(Default)]
pub(super) struct Looked {
    /// Not proven.
    pub(super) left: Vec<Item>,
    /// Versions of those that are blocked or failed.
    pub(super) refused_at: Vec<u64>,
    /// Namespaces in which every secret must be asked instead.
    pub(super) unlisted: Vec<String>,
}

impl Engine {
    /// Reads all that etcd holds by one streaming list.
    pub(super) async fn look_everywhere(
        &self,
        asking: &mut PatchRun,
        watermark: u64,
    ) -> Result<Everywhere> {
        let (tally, done, least) = asking.sorted();
        let proof = Proof { tally, watermark };
        let read = self.read(None, least, done, |left: &mut Vec<(String, u64)>, listed| {
            if let Listed::Secret { name, resource_version, .. } = listed
                && left.len() <= MAX_UNPROVEN_PER_NAMESPACE
                && !proof.covers_version(*resource_version)
            {
                left.push((name.clone(), *resource_version));
            }
        });
        Ok(match read.await? {
            Some(left) if left.is_empty() => Everywhere::Proven,
            Some(left) => Everywhere::Left(left),
            None => Everywhere::Unidentified,
        })
    }

    /// Reads namespaces by streaming lists.
    pub(super) async fn look_into(
        &self,
        namespaces: &[String],
        asking: &mut PatchRun,
        watermark: u64,
    ) -> Result<Looked> {
        let (tally, done, least) = asking.sorted();
        let parts: Vec<(String, Option<Looked>)> = streams::iter(namespaces.to_vec())
            .map(|namespace| async move {
                let proof = Proof { tally, watermark };
                let add = |part: &mut Looked, listed: &Listed| part.add(proof, &namespace, listed);
                let part = self.read(Some(&namespace), least, done, add).await?;
                Ok::<_, Error>((namespace, part))
            })
            .buffer_unordered(self.limiter.streams())
            .try_collect()
            .await?;
        let mut looked = Looked::default();
        for (namespace, part) in parts {
            match part {
                Some(part) if part.left.len() <= MAX_UNPROVEN_PER_NAMESPACE => {
                    looked.left.extend(part.left);
                    looked.refused_at.extend(part.refused_at);
                }
                // asking each needs no list that is held in memory
                Some(_) | None => looked.unlisted.push(namespace),
            }
        }
        Ok(looked)
    }

    /// Reads a namespace, or everything, by a streaming list, and gives what `add` made of it; once
    /// more from nothing when the list breaks off. `None`: the server does not give one to its end.
    pub(super) async fn read<T: Default>(
        &self,
        namespace: Option<&str>,
        least_version: u64,
        done: &AtomicU64,
        add: impl Fn(&mut T, &Listed),
    ) -> Result<Option<T>> {
        if self.streams_never_end.load(Ordering::Relaxed) {
            return Ok(None);
        }
        for tries in 1..=STREAM_TRIES {
            let mut pause = self.timing.pause(tries);
            match SecretsStream::open(&self.api, namespace).await? {
                Opened::Unsupported => return Ok(None),
                Opened::Later { after } => {
                    pause = after.map_or(pause, |after| after.min(self.timing.backoff_longest));
                }
                Opened::Stream(mut secrets) => {
                    let mut seen = T::default();
                    let mut told = 0;
                    loop {
                        match secrets.next().await? {
                            Next::Listed(listed) => {
                                told += 1;
                                self.reporter.done(done.fetch_add(1, Ordering::Relaxed) + 1);
                                add(&mut seen, &listed);
                            }
                            Next::End(resource_version) => {
                                self.check_not_restored(resource_version, least_version)?;
                                return Ok(Some(seen));
                            }
                            Next::BrokeOff => break,
                            Next::NeverEnds => {
                                self.streams_never_end.store(true, Ordering::Relaxed);
                                done.fetch_sub(told, Ordering::Relaxed);
                                return Ok(None);
                            }
                        }
                    }
                    done.fetch_sub(told, Ordering::Relaxed);
                }
            }
            sleep(pause).await;
        }
        Ok(None)
    }
}

/// What is known of secrets.
#[derive(Clone, Copy)]
struct Proof<'a> {
    tally: &'a Tally,
    watermark: u64,
}

impl Proof<'_> {
    /// Whether this version needs no further look, whosever it is. One that is blocked needs none
    /// either: it is reported as such.
    fn covers_version(self, resource_version: u64) -> bool {
        resource_version > self.watermark
            || self.tally.answered.contains(resource_version)
            || self.tally.refused_at.contains(&resource_version)
    }
}

impl Looked {
    fn add(&mut self, proof: Proof<'_>, namespace: &str, listed: &Listed) {
        let Listed::Secret { name, resource_version, .. } = listed else { return };
        let resource_version = *resource_version;
        if proof.covers_version(resource_version) {
            return;
        }
        if proof.tally.is_refused(namespace, name) {
            self.refused_at.push(resource_version);
        } else if self.left.len() <= MAX_UNPROVEN_PER_NAMESPACE {
            self.left.push(Item {
                namespace: namespace.into(),
                name: name.clone(),
                listed_at: resource_version,
                first: false,
                named_by: NamedBy::List,
            });
        }
    }
}
