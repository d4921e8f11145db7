//! Proving that no secret is left under another key.

use std::collections::BTreeSet;

use futures::{TryStreamExt, stream as streams};
use tokio::time::{Instant, sleep_until};

use super::{
    Engine,
    look::{Everywhere, Looked, MAX_UNPROVEN_PER_NAMESPACE},
    pass::Pass,
    patch::{Item, PatchRun},
    requests,
    tally::{NO_NAME, Tally},
};
use crate::{
    error::{Error, ErrorKind, Result},
    progress::Phase,
};

/// Rounds over what a list showed to be left.
const MAX_ROUNDS: usize = 3;
/// Whole passes when API servers changed in the middle.
const MAX_PASSES: usize = 3;
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
            if attempt == MAX_PASSES {
                let message = "API servers kept changing the key that they write with; wait until the cluster \
                 is settled, then run this again";
                return Err(Error::new(ErrorKind::Conflict, message));
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
        self.watermark(pass).await?;
        let doing = "Proving that no secret is under another key";
        self.reporter.phase(Phase::Verify, self.total, doing);
        let requests_before = self.api.requests_sent();
        let watermark = pass.watermark.unwrap_or(u64::MAX);
        let seen_at = self.resource_version().await?;
        self.check_not_restored(seen_at, watermark)?;
        let mut asking = pass.asking();
        let outcome = self.prove(&mut asking, watermark).await;
        pass.tally = asking.into_tally();
        pass.requests += self.api.requests_sent() - requests_before;
        outcome?;
        pass.verified = true;
        // A later watermark is one too. With this one, whoever reads it afterwards knows that what has
        // not been written since is as it was proven.
        pass.watermark = Some(seen_at);
        Ok(())
    }

    /// The watermark: taken when a write under another key can no longer be under way.
    pub(super) async fn watermark(&self, pass: &mut Pass) -> Result<()> {
        if pass.watermark.is_some() {
            return Ok(());
        }
        let Some(convergence) = &pass.convergence else {
            return Err(Error::internal("secrets were to be verified before the key was heard"));
        };
        let safe = convergence.at + self.timing.watermark;
        if safe > Instant::now() {
            self.reporter.message(format!(
                "Waiting {} s until no write under another key can be under way",
                (safe - Instant::now()).as_secs()
            ));
            sleep_until(safe).await;
        }
        let watermark = self.resource_version().await?;
        self.check_not_restored(watermark, pass.converged_at)?;
        pass.watermark = Some(watermark);
        Ok(())
    }

    /// Rounds over what is left: look at everything; where that is not proof, find what is left by
    /// the namespaces, and ask it again.
    async fn prove(&self, asking: &mut PatchRun, watermark: u64) -> Result<()> {
        let whole = self.namespaces.is_none();
        let mut namespaces = self.namespaces_in_scope().await?;
        for round in 0..=MAX_ROUNDS {
            self.canary.delete(&self.api).await;
            let everywhere = if whole {
                self.look_everywhere(asking, watermark).await?
            } else {
                Everywhere::Unidentified
            };
            if matches!(everywhere, Everywhere::Proven) {
                break;
            }
            if whole && round == 0 {
                namespaces.extend(self.ask_forgotten(&namespaces, asking, &everywhere).await?);
            }
            let looked = self.look_into(&namespaces, asking, watermark).await?;
            if round == MAX_ROUNDS {
                asking.fail_what_is_left(&looked, &everywhere);
            }
            asking.tally().refused_at.extend(&looked.refused_at);
            // Each response given after the watermark is proof: of the secret's key, or where secrets are
            // touched, of a write beyond the watermark.
            if !looked.unlisted.is_empty() {
                self.list_and_patch(looked.unlisted.clone(), asking, false).await?;
            }
            if round == MAX_ROUNDS {
                break;
            }
            if matches!(everywhere, Everywhere::Unidentified) {
                if looked.left.is_empty() {
                    break;
                }
                namespaces = looked.left.iter().map(|item| item.namespace.to_string()).collect();
                namespaces.sort_unstable();
                namespaces.dedup();
            }
            self.patch_all(looked.left, asking).await?;
        }
        self.forget_deleted(asking).await
    }

    /// Asks the secrets of namespaces that do not exist any more; gives these namespaces.
    async fn ask_forgotten(
        &self,
        namespaces: &[String],
        asking: &PatchRun,
        everywhere: &Everywhere,
    ) -> Result<Vec<String>> {
        let Some(forgotten) = self.forgotten_namespaces(namespaces).await? else {
            // a list of everything shows by itself what is left
            if matches!(everywhere, Everywhere::Unidentified) {
                let message = "whether there are secrets whose Namespace is gone cannot be told: grant the right to \
                               watch secrets in all namespaces, then run this again";
                asking.tally().fail(NO_NAME, NO_NAME, message.to_owned());
            }
            return Ok(Vec::new());
        };
        self.list_and_patch(forgotten.clone(), asking, true).await?;
        Ok(forgotten)
    }

    async fn patch_all(&self, items: Vec<Item>, asking: &PatchRun) -> Result<()> {
        streams::iter(items.into_iter().map(Ok::<_, Error>))
            .try_for_each_concurrent(self.limiter.most(), |item| async move {
                self.patch(asking, &item).await
            })
            .await
    }

    /// What was blocked or failed, and no list shows any more, was deleted meanwhile.
    async fn forget_deleted(&self, asking: &PatchRun) -> Result<()> {
        let refused = asking.tally().refused(MAX_UNPROVEN_PER_NAMESPACE);
        streams::iter(refused.into_iter().map(Ok::<_, Error>))
            .try_for_each_concurrent(self.limiter.most(), |secret| async move {
                let _permit = self.limiter.permit().await;
                let (namespace, name) = (&secret.namespace, &secret.name);
                let listed = requests::is_listed(&self.api, namespace, name).await?;
                if listed == Some(false) {
                    let mut tally = asking.tally();
                    tally.counts.gone += u64::from(tally.clear(namespace, name));
                }
                Ok(())
            })
            .await
    }
}

impl PatchRun {
    /// The rounds are over.
    fn fail_what_is_left(&self, looked: &Looked, everywhere: &Everywhere) {
        let mut tally = self.tally();
        for item in &looked.left {
            let message = format!("it was still not under the key after {MAX_ROUNDS} rounds");
            tally.fail(&item.namespace, &item.name, message);
        }
        let Everywhere::Left(versions) = everywhere else { return };
        if !looked.unlisted.is_empty() {
            return;
        }
        let left = looked.left.iter().map(|item| item.listed_at);
        let found: BTreeSet<u64> = left.chain(looked.refused_at.iter().copied()).collect();
        for (name, _) in versions.iter().filter(|(_, version)| !found.contains(version)) {
            let message = format!(
                "it is in no Namespace that exists; find it (kubectl get secrets -A --field-selector \
                 metadata.name={name}) and delete it (kubectl delete secret {name} -n NAMESPACE), or make its \
                 Namespace again; then run this again"
            );
            tally.fail(NO_NAME, name, message);
        }
    }
}
