//! Proving that no secret is left under another key.

use std::sync::{Mutex, PoisonError};

use futures::{StreamExt, TryStreamExt, stream as streams};
use tokio::time::{Instant, sleep, sleep_until};

use super::{
    Engine,
    pass::{Pass, Tally},
    patch::Item,
    stream::{Listed, Next, SecretsStream},
};
use crate::{
    error::{Error, ErrorKind, Result},
    progress::Phase,
};

/// Namespaces that are read at the same time.
pub(super) const NAMESPACES_AT_ONCE: usize = 4;
/// Rounds over what a list showed to be left.
const ROUNDS: usize = 3;
/// Whole passes when API servers changed in the middle.
const PASSES: usize = 3;
/// Tries of one streaming list.
const STREAM_TRIES: u32 = 3;

/// What a look at a namespace brought.
enum Look {
    /// Secrets that are not proven.
    Left(Vec<Item>),
    /// The server has no streaming lists.
    Unsupported,
}

impl Engine {
    /// Proves the pass; rewrites again what turns out to be left.
    pub(crate) async fn verify(&self, pass: &mut Pass) -> Result<()> {
        for attempt in 1.. {
            self.verify_once(pass).await?;
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
        let fence = self.fence(pass).await?;
        self.reporter.phase(
            Phase::Verify,
            self.total,
            "Proving that no secret is under another key",
        );
        let requests_before = self.api.requests_sent();
        let mut tally = std::mem::take(&mut pass.tally);
        let outcome = self.prove(&mut tally, fence).await;
        pass.tally = tally;
        pass.requests += self.api.requests_sent() - requests_before;
        outcome?;
        pass.verified = true;
        Ok(())
    }

    /// The fence: taken when a write under another key can no longer be under way.
    async fn fence(&self, pass: &mut Pass) -> Result<u64> {
        if let Some(fence) = pass.fence {
            return Ok(fence);
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
        pass.fence = Some(fence);
        Ok(fence)
    }

    async fn prove(&self, tally: &mut Tally, fence: u64) -> Result<()> {
        let mut namespaces = self.namespaces_in_scope().await?;
        for round in 0..=ROUNDS {
            let (left, unsupported) = self.look(&namespaces, tally, fence).await?;
            // Older servers: every secret is asked once more, and each answer given after the fence
            // is proof.
            if !unsupported.is_empty() {
                let shared = Mutex::new(std::mem::take(tally));
                let outcome = self.list_and_patch(unsupported, &shared, false).await;
                *tally = shared.into_inner().unwrap_or_else(PoisonError::into_inner);
                outcome?;
            }
            if left.is_empty() {
                break;
            }
            if round == ROUNDS {
                for item in left {
                    let message = format!("it was still not under the key after {ROUNDS} rounds");
                    tally.fail(&item.namespace, &item.name, message);
                }
                break;
            }
            namespaces = left.iter().map(|item| item.namespace.to_string()).collect();
            namespaces.sort_unstable();
            namespaces.dedup();
            let shared = Mutex::new(std::mem::take(tally));
            let outcome = streams::iter(left.into_iter().map(Ok::<_, Error>))
                .try_for_each_concurrent(self.limiter.most(), |item| {
                    let shared = &shared;
                    async move { self.patch(shared, &item, false).await }
                })
                .await;
            *tally = shared.into_inner().unwrap_or_else(PoisonError::into_inner);
            outcome?;
        }
        Ok(())
    }

    /// Reads namespaces with streaming lists: what is not proven, and the namespaces whose server
    /// has none.
    async fn look(
        &self,
        namespaces: &[String],
        tally: &mut Tally,
        fence: u64,
    ) -> Result<(Vec<Item>, Vec<String>)> {
        tally.answered.sort();
        let tally = &*tally;
        let looks: Vec<(String, Look)> = streams::iter(namespaces.to_vec())
            .map(|namespace| async move {
                let look = self.look_at(&namespace, tally, fence).await?;
                Ok::<_, Error>((namespace, look))
            })
            .buffer_unordered(NAMESPACES_AT_ONCE)
            .try_collect()
            .await?;
        let mut left = Vec::new();
        let mut unsupported = Vec::new();
        for (namespace, look) in looks {
            match look {
                Look::Left(items) => left.extend(items),
                Look::Unsupported => unsupported.push(namespace),
            }
        }
        Ok((left, unsupported))
    }

    async fn look_at(&self, namespace: &str, tally: &Tally, fence: u64) -> Result<Look> {
        let left = self
            .read_namespace(namespace, |left: &mut Vec<Item>, listed| {
                // one that is deleted needs no proof
                let Listed::Secret { name, resource_version, .. } = listed else { return };
                let proven = *resource_version > fence
                    || tally.answered.contains(*resource_version)
                    || tally.is_blocked(namespace, name)
                    || self.is_canary(namespace, name);
                if !proven {
                    left.push(Item {
                        namespace: namespace.into(),
                        name: name.clone(),
                        listed_at: *resource_version,
                    });
                }
            })
            .await?;
        // it breaks off again and again, or is not served: asking each secret needs no stream
        Ok(left.map_or(Look::Unsupported, Look::Left))
    }

    /// Reads a namespace by a streaming list, and gives what `add` made of it; once more from
    /// nothing when the list breaks off. `None`: the server does not give one to its end.
    pub(super) async fn read_namespace<T: Default>(
        &self,
        namespace: &str,
        add: impl Fn(&mut T, &Listed),
    ) -> Result<Option<T>> {
        for tries in 1..=STREAM_TRIES {
            let Some(mut secrets) = SecretsStream::open(&self.api, namespace).await? else {
                return Ok(None);
            };
            let mut seen = T::default();
            loop {
                match secrets.next().await? {
                    Next::Listed(listed) => add(&mut seen, &listed),
                    Next::End(_) => return Ok(Some(seen)),
                    Next::BrokeOff => break,
                }
            }
            sleep(self.backoff(tries)).await;
        }
        Ok(None)
    }
}
