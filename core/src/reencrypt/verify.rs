//! Proving that no secret is left under another key.

use std::sync::atomic::{AtomicU64, Ordering};

use futures::{StreamExt, TryStreamExt, stream as streams};
use tokio::time::{Instant, sleep, sleep_until};

use super::{
    Engine,
    pass::{Pass, Tally},
    patch::{Asking, Item},
    stream::{Listed, Next, Opened, SecretsStream},
};
use crate::{
    error::{Error, ErrorKind, Result},
    progress::Phase,
};

/// Rounds over what a list showed to be left.
const ROUNDS: usize = 3;
/// Whole passes when API servers changed in the middle.
const PASSES: usize = 3;
/// Secrets of one namespace that are asked one by one because they are not proven; with more, all
/// of them are.
const LEFT: usize = 10_000;
/// Tries of one streaming list.
const STREAM_TRIES: u32 = 3;

/// What a look at a namespace brought.
enum Look {
    /// Secrets that are not proven.
    Left(Vec<Item>),
    /// It cannot be told, or it is nearly all of them.
    Everything,
}

impl Engine {
    /// Proves the pass; rewrites again what turns out to be left.
    pub(crate) async fn verify(&self, pass: &mut Pass) -> Result<()> {
        for attempt in 1.. {
            let heard = pass.is_heard();
            self.watched(heard, self.verify_once(pass)).await?;
            if self.still_converged(pass).await? {
                return Ok(());
            }
            pass.verified = false;
            if attempt == PASSES {
                return Err(Error::new(
                    ErrorKind::Conflict,
                    "API servers kept changing the key that they write with; wait until the cluster \
                     is settled, then run this again",
                ));
            }
            // An API server that began in the middle wrote with another key: what it answered for
            // proves nothing.
            tracing::warn!("an API server wrote with another key meanwhile: once more");
            pass.tally = Tally::default();
            self.converge_again(pass).await?;
            self.rewrite(pass).await?;
        }
        Ok(())
    }

    async fn verify_once(&self, pass: &mut Pass) -> Result<()> {
        self.fence(pass).await?;
        self.reporter.phase(
            Phase::Verify,
            self.total,
            "Proving that no secret is under another key",
        );
        let requests_before = self.api.requests_sent();
        let fence = pass.fence.unwrap_or(u64::MAX);
        let seen_at = self.resource_version().await?;
        self.went_back(seen_at, fence)?;
        let mut asking = pass.asking(false);
        let outcome = self.prove(&mut asking, fence).await;
        pass.tally = asking.into_tally();
        pass.requests += self.api.requests_sent() - requests_before;
        outcome?;
        pass.verified = true;
        // A later fence is one too. With this one, whoever reads it afterwards knows that what has
        // not been written since is as it was proven.
        pass.fence = Some(seen_at);
        Ok(())
    }

    /// The fence: taken when a write under another key can no longer be under way.
    pub(super) async fn fence(&self, pass: &mut Pass) -> Result<()> {
        if pass.fence.is_some() {
            return Ok(());
        }
        let Some(convergence) = &pass.convergence else {
            return Err(Error::new(ErrorKind::Unexpected, "verifying before convergence"));
        };
        let safe = convergence.at + self.timing.fence;
        if safe > Instant::now() {
            self.reporter.message(format!(
                "Waiting {} s until no write under another key can be under way",
                (safe - Instant::now()).as_secs()
            ));
            sleep_until(safe).await;
        }
        let fence = self.resource_version().await?;
        self.went_back(fence, pass.converged_at)?;
        pass.fence = Some(fence);
        Ok(())
    }

    async fn prove(&self, asking: &mut Asking, fence: u64) -> Result<()> {
        let mut namespaces = self.namespaces_in_scope().await?;
        for round in 0..=ROUNDS {
            let (left, unlisted) = self.look(&namespaces, asking, fence).await?;
            // Each answer given after the fence is proof: of the secret's key, or where secrets are
            // touched, of a write beyond the fence.
            if !unlisted.is_empty() {
                self.list_and_patch(unlisted, asking).await?;
            }
            if left.is_empty() {
                break;
            }
            if round == ROUNDS {
                let mut tally = asking.tally();
                for item in left {
                    let message = format!("it was still not under the key after {ROUNDS} rounds");
                    tally.fail(&item.namespace, &item.name, message);
                }
                break;
            }
            namespaces = left.iter().map(|item| item.namespace.to_string()).collect();
            namespaces.sort_unstable();
            namespaces.dedup();
            let asking = &*asking;
            streams::iter(left.into_iter().map(Ok::<_, Error>))
                .try_for_each_concurrent(self.limiter.most(), |item| async move {
                    self.patch(asking, &item).await
                })
                .await?;
        }
        Ok(())
    }

    /// Reads namespaces with streaming lists: what is not proven, and the namespaces in which every
    /// secret must be asked instead.
    async fn look(
        &self,
        namespaces: &[String],
        asking: &mut Asking,
        fence: u64,
    ) -> Result<(Vec<Item>, Vec<String>)> {
        let (tally, done, least) = asking.sorted();
        let looks: Vec<(String, Look)> = streams::iter(namespaces.to_vec())
            .map(|namespace| async move {
                let proof = Proof { tally, fence };
                let left = self
                    .read_namespace(&namespace, least, done, |left: &mut Vec<Item>, listed| {
                        if left.len() <= LEFT && !proof.covers(&namespace, listed) {
                            left.extend(listed.item(&namespace));
                        }
                    })
                    .await?;
                let look = match left {
                    Some(left) if left.len() <= LEFT => Look::Left(left),
                    // asking each needs no list that is held in memory
                    Some(_) | None => Look::Everything,
                };
                Ok::<_, Error>((namespace, look))
            })
            .buffer_unordered(self.limiter.streams())
            .try_collect()
            .await?;
        let mut left = Vec::new();
        let mut everything = Vec::new();
        for (namespace, look) in looks {
            match look {
                Look::Left(items) => left.extend(items),
                Look::Everything => everything.push(namespace),
            }
        }
        Ok((left, everything))
    }

    /// Reads a namespace by a streaming list, and gives what `add` made of it; once more from
    /// nothing when the list breaks off. The canary is left out. `None`: the server does not give one to its end.
    pub(super) async fn read_namespace<T: Default>(
        &self,
        namespace: &str,
        least_version: u64,
        done: &AtomicU64,
        add: impl Fn(&mut T, &Listed),
    ) -> Result<Option<T>> {
        for tries in 1..=STREAM_TRIES {
            let mut pause = self.backoff(tries);
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
                            Next::Listed(listed) if self.is_canary(namespace, listed.name()) => {}
                            Next::Listed(listed) => {
                                told += 1;
                                self.reporter.done(done.fetch_add(1, Ordering::Relaxed) + 1);
                                add(&mut seen, &listed);
                            }
                            Next::End(resource_version) => {
                                self.went_back(resource_version, least_version)?;
                                return Ok(Some(seen));
                            }
                            Next::BrokeOff => break,
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
    fence: u64,
}

impl Proof<'_> {
    /// Whether a secret needs no further look.
    fn covers(self, namespace: &str, listed: &Listed) -> bool {
        match listed {
            Listed::Secret { name, resource_version, .. } => {
                *resource_version > self.fence
                    || self.tally.answered.contains(*resource_version)
                    || self.tally.is_blocked(namespace, name)
            }
            Listed::Gone { .. } => true,
        }
    }
}

impl Listed {
    fn item(&self, namespace: &str) -> Option<Item> {
        match self {
            Self::Secret { name, resource_version, .. } => Some(Item {
                namespace: namespace.into(),
                name: name.clone(),
                listed_at: *resource_version,
            }),
            Self::Gone { .. } => None,
        }
    }
}
