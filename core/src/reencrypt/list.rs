//! Naming the secrets to patch: page by page, in flat memory.

use std::{future::Future, sync::Arc};

use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep},
};

use super::{
    Engine,
    continue_token::token_behind,
    pass::Pass,
    patch::{Item, NamedBy, PatchRun},
    requests::{self, PAGE, PageResponse},
};
use crate::{
    error::{Error, ErrorKind, Result},
    limits::PageCount,
};

/// Namespaces that are listed at the same time: most are small.
const NAMESPACES_AT_ONCE: usize = 4;
/// Names that wait for a worker.
const QUEUE: usize = 1000;
/// How many times one list may expire: each time it goes on behind what it gave.
const RESTARTS: u32 = 100;
/// How much smaller a page gets that comes too close to an unreadable secret.
const PAGE_SHRINK_FACTOR: u32 = 8;
/// Unreadable secrets that are stepped over for the cluster's resource version.
const MAX_SKIPPED: u32 = 100;
/// Pages of one list that may name nothing new: an API server gives such a page now and then, one
/// that never comes to an end does not list.
const EMPTY_PAGES: u32 = 100;
/// Tries of one page.
const PAGE_TRIES: u32 = 6;

impl Engine {
    /// The namespaces in scope.
    pub(super) async fn namespaces_in_scope(&self) -> Result<Vec<String>> {
        match &self.namespaces {
            Some(namespaces) => {
                let mut namespaces = namespaces.clone();
                namespaces.sort_unstable();
                namespaces.dedup();
                Ok(namespaces)
            }
            None => self.all_namespaces().await,
        }
    }

    async fn all_namespaces(&self) -> Result<Vec<String>> {
        let mut names = Vec::new();
        let mut next: Option<String> = None;
        let (mut restarts, mut count) = (0, PageCount::default());
        let failed = "the namespaces could not be listed";
        loop {
            let ask = || requests::namespaces_page(&self.api, PAGE, next.as_deref());
            match self.retried(failed, ask).await? {
                PageResponse::Page(page) => {
                    count.one_more().map_err(|why| {
                        Error::new(ErrorKind::Unexpected, format!("{failed}: {why}"))
                    })?;
                    names.extend(page.names);
                    match page.continue_token {
                        Some(token) => next = Some(token),
                        None => return Ok(names),
                    }
                }
                // namespaces are few: from the start again costs little
                PageResponse::Expired(_) if restarts < RESTARTS => {
                    restarts += 1;
                    count = PageCount::default();
                    names.clear();
                    next = None;
                }
                _ => return Err(self.api.unexpected_response("list namespaces")),
            }
        }
    }

    /// The cluster's resource version now: every write before this call has a lower or equal one.
    pub(super) async fn resource_version(&self) -> Result<u64> {
        let failed = "the cluster's resource version could not be read";
        // Each list tells it; this one must be allowed, and nothing in it need be decrypted.
        let Some(namespaces) = &self.namespaces else {
            let ask = || requests::namespaces_page(&self.api, 1, None);
            return match self.retried(failed, ask).await? {
                PageResponse::Page(page) => Ok(page.resource_version),
                _ => Err(self.api.unexpected_response("list namespaces")),
            };
        };
        let mut said = "there is no namespace in scope".to_owned();
        for namespace in namespaces {
            let mut last = String::new();
            let mut next = None;
            for _ in 0..MAX_SKIPPED {
                let ask = || requests::secrets_page(&self.api, namespace, 1, next.as_deref());
                match self.retried(failed, ask).await? {
                    PageResponse::Page(page) => return Ok(page.resource_version),
                    PageResponse::Unreadable(refusal) => {
                        let name = refusal.first_behind(namespace, &last).map(str::to_owned);
                        next = name.as_deref().map(token_behind);
                        last = name.unwrap_or_default();
                        said = refusal.message;
                    }
                    _ => return Err(self.api.unexpected_response("list secrets")),
                }
                if next.is_none() {
                    break;
                }
            }
        }
        Err(Error::new(ErrorKind::Unavailable, format!("{failed}: {said}")))
    }

    /// Asks for a page until the response is not "try again", a few times at most.
    pub(super) async fn retried<F>(
        &self,
        failed: &str,
        ask: impl Fn() -> F + Send + Sync,
    ) -> Result<PageResponse>
    where
        F: Future<Output = Result<PageResponse>> + Send,
    {
        for tries in 1.. {
            match ask().await? {
                PageResponse::Retry { message, .. } if tries >= PAGE_TRIES => {
                    return Err(Error::new(ErrorKind::Unavailable, format!("{failed}: {message}")));
                }
                PageResponse::Retry { after, .. } => {
                    sleep(after.unwrap_or_else(|| self.timing.pause(tries))).await;
                }
                response => return Ok(response),
            }
        }
        Err(self.api.unexpected_response(failed))
    }

    /// Lists and patches every secret in scope.
    pub(super) async fn rewrite_all(&self, pass: &mut Pass) -> Result<()> {
        let began = Instant::now();
        let requests_before = self.api.requests_sent();
        let asking = pass.asking();
        let outcome = match self.namespaces_in_scope().await {
            Ok(namespaces) => self.list_and_patch(namespaces, &asking, true).await,
            Err(error) => Err(error),
        };
        pass.tally = asking.into_tally();
        pass.requests += self.api.requests_sent() - requests_before;
        pass.rewriting_seconds += began.elapsed().as_secs_f64();
        outcome
    }

    /// Lists these namespaces and patches what is named, at the same time: a bounded queue lies
    /// between, so that memory stays flat however many secrets there are. `first`: they have not been
    /// counted before.
    pub(super) async fn list_and_patch(
        &self,
        namespaces: Vec<String>,
        asking: &PatchRun,
        first: bool,
    ) -> Result<()> {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let listing = async move {
            let sender = &sender;
            stream::iter(namespaces)
                .map(|namespace| async move {
                    self.list_namespace(namespace.into(), sender, asking, first).await
                })
                .buffer_unordered(NAMESPACES_AT_ONCE)
                .try_collect::<()>()
                .await
        };
        let items = stream::unfold(receiver, |mut receiver| async move {
            receiver.recv().await.map(|item: Item| (Ok::<_, Error>(item), receiver))
        });
        let patching = items.try_for_each_concurrent(self.limiter.most(), |item| async move {
            self.patch(asking, &item).await
        });
        // Boxed, so that the compiler can tell that what waits for it is `Send`.
        let patching = patching.boxed();
        tokio::try_join!(listing, patching).map(|_| ())
    }

    /// Names the secrets of one namespace. Names come in order, so that a list that has to start
    /// again goes on behind the last name it gave.
    ///
    /// A secret that the API server cannot decrypt spoils its page. Smaller pages come closer to it
    /// until it is the next one; then the list goes on behind it. It is patched like the others:
    /// another server may still be able to read it.
    async fn list_namespace(
        &self,
        namespace: Arc<str>,
        sender: &mpsc::Sender<Item>,
        asking: &PatchRun,
        first: bool,
    ) -> Result<()> {
        let mut next: Option<String> = None;
        let mut last = String::new();
        let mut limit = PAGE;
        let (mut restarts, mut empty_pages) = (0, 0);
        let failed = format!("the secrets of namespace {namespace} could not be listed");
        loop {
            let ask = || async {
                let permit = self.limiter.permit().await;
                let page = requests::secrets_page(&self.api, &namespace, limit, next.as_deref());
                let response = page.await?;
                if let PageResponse::Retry { after, .. } = &response {
                    permit.overloaded(*after);
                }
                Ok(response)
            };
            let mut named_by = NamedBy::List;
            let (names, token, listed_at) = match self.retried(&failed, ask).await? {
                PageResponse::Page(page) => {
                    self.check_not_restored(page.resource_version, asking.least_version)?;
                    limit = (limit * PAGE_SHRINK_FACTOR).min(PAGE);
                    (page.names, page.continue_token, page.resource_version)
                }
                PageResponse::Expired(token) if restarts < RESTARTS => {
                    restarts += 1;
                    next = token;
                    continue;
                }
                PageResponse::Expired(_) => {
                    let message = format!("{failed}: its list expires again and again");
                    return Err(Error::new(ErrorKind::Unavailable, message));
                }
                PageResponse::Unreadable(_) if limit > 1 => {
                    limit = limit.div_ceil(PAGE_SHRINK_FACTOR).min(limit - 1);
                    continue;
                }
                PageResponse::Unreadable(refusal) => {
                    let Some(name) = refusal.first_behind(&namespace, &last).map(str::to_owned)
                    else {
                        // What it is cannot be told, so neither can what lies behind it.
                        let mut tally = asking.tally();
                        tally.counts.total += u64::from(first);
                        tally.block_unnamed(&namespace, refusal.message);
                        return Ok(());
                    };
                    named_by = NamedBy::Error { behind: last.clone(), message: refusal.message };
                    let token = token_behind(&name);
                    // At the watermark or not: where it is listed from does not matter to a secret that
                    // is rewritten only if some server can still read it.
                    (vec![name], Some(token), asking.least_version)
                }
                PageResponse::Retry { message, .. } => {
                    return Err(Error::new(ErrorKind::Unavailable, format!("{failed}: {message}")));
                }
            };
            let before = last.clone();
            for name in names {
                if name <= last {
                    continue;
                }
                last.clone_from(&name);
                // ours of this run, which goes before the last look
                if first && self.canary.is_ours(&namespace, &name) {
                    continue;
                }
                let (namespace, named_by) = (Arc::clone(&namespace), named_by.clone());
                let item = Item { namespace, name, listed_at, first, named_by };
                // nobody receives any more: patching ended with an error, which is told there
                if sender.send(item).await.is_err() {
                    return Ok(());
                }
            }
            empty_pages += u32::from(before == last);
            match token {
                Some(_) if empty_pages > EMPTY_PAGES => {
                    let message = format!("{failed}: its list goes on and on without a new name");
                    return Err(Error::new(ErrorKind::Unavailable, message));
                }
                Some(token) => next = Some(token),
                None => return Ok(()),
            }
        }
    }

    /// Refuses to go on in a cluster that has gone back in time: what was answered there was about
    /// other secrets than those that are there now.
    pub(super) fn check_not_restored(&self, resource_version: u64, least: u64) -> Result<()> {
        if resource_version >= least {
            return Ok(());
        }
        let message = format!(
            "the cluster behind {} has gone back from resource version {least} to {resource_version}, as a \
             restored etcd does, so nothing of what was done is proven; run this again",
            self.api.host()
        );
        Err(Error::new(ErrorKind::Conflict, message))
    }
}
