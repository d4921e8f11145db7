//! Naming the secrets to patch: page by page, in flat memory.

use std::{
    future::Future,
    sync::{Arc, Mutex, PoisonError},
};

use futures::{StreamExt, TryStreamExt, stream};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep},
};

use super::{
    Engine,
    pass::{Pass, Tally},
    patch::Item,
    requests::{self, PAGE, PageAnswer},
};
use crate::{
    error::{Error, ErrorKind, Result},
    kubernetes::CANARY,
    model::BlockedReason,
};

/// Namespaces that are listed at the same time: most are small.
const NAMESPACES_AT_ONCE: usize = 4;
/// Names that wait for a worker.
const QUEUE: usize = 1000;
/// How often one list may expire: each time it goes on behind what it gave.
const RESTARTS: u32 = 100;
/// Tries of one page.
const PAGE_TRIES: u32 = 6;

impl Engine {
    /// The namespaces in scope.
    pub(super) async fn namespaces_in_scope(&self) -> Result<Vec<String>> {
        match &self.namespaces {
            Some(namespaces) => Ok(namespaces.clone()),
            None => self.all_namespaces().await,
        }
    }

    async fn all_namespaces(&self) -> Result<Vec<String>> {
        let mut names = Vec::new();
        let mut next: Option<String> = None;
        let mut restarts = 0;
        loop {
            let ask = || requests::namespaces_page(&self.api, PAGE, next.as_deref());
            match self.retried("the namespaces could not be listed", ask).await? {
                PageAnswer::Page(page) => {
                    names.extend(page.names);
                    match page.next {
                        Some(token) => next = Some(token),
                        None => return Ok(names),
                    }
                }
                // namespaces are few: from the start again costs little
                PageAnswer::Expired(_) if restarts < RESTARTS => {
                    restarts += 1;
                    names.clear();
                    next = None;
                }
                _ => return Err(self.api.nonsense("list namespaces")),
            }
        }
    }

    /// The cluster's resource version now: every write before this call has a lower or equal one.
    pub(super) async fn resource_version(&self) -> Result<u64> {
        let failed = "the cluster's resource version could not be read";
        let ask = || requests::secrets_page(&self.api, self.canary.namespace(), 1, None);
        match self.retried(failed, ask).await? {
            PageAnswer::Page(page) => Ok(page.resource_version),
            PageAnswer::Unreadable(message) => {
                Err(Error::new(ErrorKind::Unavailable, format!("{failed}: {message}")))
            }
            _ => Err(self.api.nonsense("list secrets")),
        }
    }

    /// Asks for a page until the answer is not "try again", a few times at most.
    async fn retried<F>(
        &self,
        failed: &str,
        ask: impl Fn() -> F + Send + Sync,
    ) -> Result<PageAnswer>
    where
        F: Future<Output = Result<PageAnswer>> + Send,
    {
        for tries in 1.. {
            match ask().await? {
                PageAnswer::Retry { message, .. } if tries >= PAGE_TRIES => {
                    return Err(Error::new(ErrorKind::Unavailable, format!("{failed}: {message}")));
                }
                PageAnswer::Retry { after, .. } => {
                    sleep(after.unwrap_or_else(|| self.backoff(tries))).await;
                }
                answer => return Ok(answer),
            }
        }
        Err(self.api.nonsense(failed))
    }

    /// Lists and patches every secret in scope.
    pub(super) async fn rewrite_all(&self, pass: &mut Pass) -> Result<()> {
        let began = Instant::now();
        let requests_before = self.api.requests_sent();
        let tally = Mutex::new(std::mem::take(&mut pass.tally));
        let namespaces = self.namespaces_in_scope().await?;
        let outcome = self.list_and_patch(namespaces, &tally, true).await;
        pass.tally = tally.into_inner().unwrap_or_else(PoisonError::into_inner);
        pass.requests += self.api.requests_sent() - requests_before;
        pass.rewriting_seconds += began.elapsed().as_secs_f64();
        outcome
    }

    /// Lists these namespaces and patches what is named, at the same time: a bounded queue lies
    /// between, so that memory stays flat however many secrets there are.
    pub(super) async fn list_and_patch(
        &self,
        namespaces: Vec<String>,
        tally: &Mutex<Tally>,
        first: bool,
    ) -> Result<()> {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let listing = async move {
            let sender = &sender;
            stream::iter(namespaces)
                .map(|namespace| async move {
                    self.list_namespace(namespace.into(), sender, tally, first).await
                })
                .buffer_unordered(NAMESPACES_AT_ONCE)
                .try_collect::<()>()
                .await
        };
        let items = stream::unfold(receiver, |mut receiver| async move {
            receiver.recv().await.map(|item: Item| (Ok::<_, Error>(item), receiver))
        });
        let patching = items.try_for_each_concurrent(self.limiter.most(), |item| async move {
            self.patch(tally, &item, first).await
        });
        tokio::try_join!(listing, patching).map(|_| ())
    }

    /// Names the secrets of one namespace. Names come in order, so that a list that has to start
    /// again goes on behind the last name it gave.
    async fn list_namespace(
        &self,
        namespace: Arc<str>,
        sender: &mpsc::Sender<Item>,
        tally: &Mutex<Tally>,
        first: bool,
    ) -> Result<()> {
        let mut next: Option<String> = None;
        let mut last = String::new();
        let mut limit = PAGE;
        let mut restarts = 0;
        let failed = format!("the secrets of namespace {namespace} could not be listed");
        loop {
            let ask = || requests::secrets_page(&self.api, &namespace, limit, next.as_deref());
            match self.retried(&failed, ask).await? {
                PageAnswer::Page(page) => {
                    for name in page.names {
                        if name <= last || self.is_canary(&namespace, &name) {
                            continue;
                        }
                        last.clone_from(&name);
                        let item = Item {
                            namespace: Arc::clone(&namespace),
                            name,
                            listed_at: page.resource_version,
                        };
                        // nobody receives any more: patching ended with an error, which is told there
                        if sender.send(item).await.is_err() {
                            return Ok(());
                        }
                    }
                    match page.next {
                        Some(token) => next = Some(token),
                        None => return Ok(()),
                    }
                }
                PageAnswer::Expired(token) if restarts < RESTARTS => {
                    restarts += 1;
                    next = token;
                }
                PageAnswer::Expired(_) => {
                    return Err(Error::new(
                        ErrorKind::Unavailable,
                        format!("{failed}: its list expires again and again"),
                    ));
                }
                // One secret spoils its page: smaller pages come closer to it. What lies behind it
                // cannot be named, so the namespace stays unproven.
                PageAnswer::Unreadable(_) if limit > 1 => limit = limit.div_ceil(8).min(limit - 1),
                PageAnswer::Unreadable(message) => {
                    let name = unreadable_name(&message, &namespace);
                    let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
                    tally.counts.total += u64::from(first);
                    tally.block(&namespace, &name, BlockedReason::Unreadable, message);
                    tally.unlisted.insert(namespace.to_string());
                    return Ok(());
                }
                PageAnswer::Retry { message, .. } => {
                    return Err(Error::new(ErrorKind::Unavailable, format!("{failed}: {message}")));
                }
            }
        }
    }

    /// Whether this is the canary, which is not counted.
    pub(super) fn is_canary(&self, namespace: &str, name: &str) -> bool {
        name == CANARY && namespace == self.canary.namespace()
    }
}

/// The name of the secret that the server could not decrypt, from its own words
/// `unable to transform key "/registry/secrets/<namespace>/<name>": …`; else `?`.
fn unreadable_name(message: &str, namespace: &str) -> String {
    let marker = format!("/secrets/{namespace}/");
    message
        .split_once(&marker)
        .and_then(|(_, rest)| rest.split(['"', ':', ' ']).next())
        .filter(|name| !name.is_empty())
        .unwrap_or("?")
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unreadable_secret_is_named_by_the_server() {
        let message = r#"Internal error occurred: unable to transform key "/registry/secrets/team-1/bad": no matching prefix found"#;
        assert_eq!(unreadable_name(message, "team-1"), "bad");
        assert_eq!(unreadable_name("unable to transform key", "team-1"), "?");
    }
}
