//! Holding the cluster's Lease: one writer at a time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    runtime::Handle,
    sync::Mutex,
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};
use tokio_util::task::TaskTracker;

use crate::{
    error::{Error, ErrorKind, Result},
    kubernetes::{LeaseHeld, LeaseStore, LeaseWrite},
    options::Timing,
    text::{LONGEST_NAME, one_line},
};

/// How many lives of a Lease taking it may last. While the API server is away none of its time
/// counts, and somebody must be told at last.
const LIVES: u32 = 20;

/// How long giving a Lease back may take: whoever called has waited already, and it dies by itself.
const RELEASE: Duration = Duration::from_secs(5);

/// The Lease, held and renewed until this is dropped. Dropped without a release it is given back in
/// the background, unless a change may be on its way. Where it is not given back, as after a crash, it
/// is dead after [`Timing::lease`].
pub(super) struct HeldLease {
    held: Arc<Held>,
    renewal: JoinHandle<()>,
    releases: TaskTracker,
}

struct Held {
    store: LeaseStore,
    holder: String,
    seconds: u64,
    last: Mutex<LeaseHeld>,
    lost: AtomicBool,
    /// A change was sent, and nobody has heard what came of it.
    sending: AtomicBool,
    /// Giving it back was tried to the end.
    released: AtomicBool,
}

/// Takes the Lease. One that somebody else holds is watched for its whole life first: renewed in
/// that time, it is alive. Only time between two responses counts, by our own clock, so neither a
/// silent API server nor a wrong clock makes a living holder look dead. `releases`: where it is given
/// back when it is dropped.
pub(super) async fn take(
    store: LeaseStore,
    holder: &str,
    timing: &Timing,
    releases: &TaskTracker,
    say: impl Fn(String),
) -> Result<HeldLease> {
    let seconds = timing.lease.as_secs();
    let give_up = Instant::now() + timing.lease.saturating_mul(LIVES);
    loop {
        let found = store.read().await?;
        if let Some(lease) = found.as_ref().filter(|lease| !lease.holder.is_empty()) {
            let holder = one_line(&lease.holder, LONGEST_NAME);
            say(format!("Watching whether {holder} still holds the cluster's Lease"));
            if !dies(&store, lease, timing, give_up).await? {
                return Err(alive(lease));
            }
        }
        match store.write(holder, found.as_ref(), seconds).await? {
            LeaseWrite::Held(lease) => {
                let renewal = timing.lease_renewal;
                return Ok(HeldLease::new(store, holder, seconds, lease, renewal, releases));
            }
            LeaseWrite::Conflict if Instant::now() >= give_up => return Err(contended()),
            // Somebody else was faster: look who, but not as fast as the API server responds.
            LeaseWrite::Conflict => sleep(timing.lease_poll).await,
        }
    }
}

/// Watches a Lease for its whole life.
async fn dies(
    store: &LeaseStore,
    lease: &LeaseHeld,
    timing: &Timing,
    give_up: Instant,
) -> Result<bool> {
    let mut silent = Duration::ZERO;
    let mut answered = Some(Instant::now());
    while silent < timing.lease {
        sleep(timing.lease_poll).await;
        match store.read().await {
            Ok(now) => {
                if now.as_ref() != Some(lease) {
                    // Renewed, taken by another, or given back.
                    return Ok(now.is_none_or(|now| now.holder.is_empty()));
                }
                let at = Instant::now();
                silent += answered.map_or(Duration::ZERO, |before| at - before);
                answered = Some(at);
            }
            Err(error) if error.is_retryable() && Instant::now() < give_up => answered = None,
            Err(error) if error.is_retryable() => return Err(not_told(error, lease)),
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

fn alive(lease: &LeaseHeld) -> Error {
    let message = format!(
        "{} is at work on this cluster and renews its Lease; wait until it has ended, then run this again",
        one_line(&lease.holder, LONGEST_NAME)
    );
    Error::new(ErrorKind::Conflict, message)
}

/// The API server was away so long that nobody knows whether the holder lives.
fn not_told(error: Error, lease: &LeaseHeld) -> Error {
    let holder = one_line(&lease.holder, LONGEST_NAME);
    error.with_context(&format!(
        "whether {holder} still holds the cluster's Lease could not be told"
    ))
}

fn contended() -> Error {
    let message = "somebody keeps changing Lease aks-kms; run this again when nobody does";
    Error::new(ErrorKind::Conflict, message)
}

impl HeldLease {
    fn new(
        store: LeaseStore,
        holder: &str,
        seconds: u64,
        lease: LeaseHeld,
        every: Duration,
        releases: &TaskTracker,
    ) -> Self {
        let held = Arc::new(Held {
            store,
            holder: holder.to_owned(),
            seconds,
            last: Mutex::new(lease),
            lost: AtomicBool::new(false),
            sending: AtomicBool::new(false),
            released: AtomicBool::new(false),
        });
        let renewal = tokio::spawn({
            let held = Arc::clone(&held);
            async move {
                while !held.lost.load(Ordering::Relaxed) {
                    sleep(every).await;
                    held.renew().await;
                }
            }
        });
        Self { held, renewal, releases: releases.clone() }
    }

    /// Whether it is still ours, as the API server says now.
    pub(super) async fn check(&self) -> Result<()> {
        let now = self.held.store.read().await?;
        match now {
            Some(lease) if lease.holder == self.held.holder => Ok(()),
            _ => {
                self.held.lost.store(true, Ordering::Relaxed);
                let by = now.map(|lease| lease.holder).filter(|holder| !holder.is_empty());
                Err(lost(by.as_deref()))
            }
        }
    }

    /// Whether somebody else was seen to hold it.
    pub(super) fn is_lost(&self) -> bool {
        self.held.lost.load(Ordering::Relaxed)
    }

    /// A change is on its way from now on, or no more.
    pub(super) fn is_sending(&self, sending: bool) {
        self.held.sending.store(sending, Ordering::Relaxed);
    }

    /// Gives it back, so that the next need not wait.
    pub(super) async fn release(self) {
        self.renewal.abort();
        self.held.release().await;
    }
}

impl Drop for HeldLease {
    fn drop(&mut self) {
        self.renewal.abort();
        if self.held.released.load(Ordering::Relaxed) {
            return;
        }
        // outside of a runtime nothing can be sent
        let Ok(runtime) = Handle::try_current() else { return };
        let held = Arc::clone(&self.held);
        self.releases.spawn_on(async move { held.release().await }, &runtime);
    }
}

impl Held {
    async fn release(&self) {
        if self.lost.load(Ordering::Relaxed) {
            return;
        }
        if self.sending.load(Ordering::Relaxed) {
            // it may come through until the Lease is dead
            tracing::debug!("a change may be on its way: the Lease is not given back");
            return;
        }
        match timeout(RELEASE, self.give_back()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(%error, "the Lease was not given back; it is dead in a few seconds");
            }
            Err(_) => {
                tracing::warn!("the Lease was not given back in time; it is dead in a few seconds");
            }
        }
        self.released.store(true, Ordering::Relaxed);
    }

    /// Again where the last renewal came in between.
    async fn give_back(&self) -> Result<()> {
        loop {
            let now = self.store.read().await?;
            let ours = now.as_ref().filter(|lease| lease.holder == self.holder);
            if ours.is_none() {
                return Ok(());
            }
            if let LeaseWrite::Held(_) = self.store.write("", ours, self.seconds).await? {
                return Ok(());
            }
        }
    }

    async fn renew(&self) {
        let mut last = self.last.lock().await;
        match self.store.write(&self.holder, Some(&last), self.seconds).await {
            Ok(LeaseWrite::Held(lease)) => *last = lease,
            Ok(LeaseWrite::Conflict) => match self.store.read().await {
                // Only its labels were changed.
                Ok(Some(lease)) if lease.holder == self.holder => *last = lease,
                Ok(_) => self.lost.store(true, Ordering::Relaxed),
                Err(_) => {}
            },
            // Tried again at the next renewal.
            Err(error) => tracing::debug!(%error, "the Lease was not renewed"),
        }
    }
}

/// Somebody else went on while this run slept.
pub(super) fn lost(by: Option<&str>) -> Error {
    let by = by.map_or_else(|| "somebody else".to_owned(), |by| one_line(by, LONGEST_NAME));
    let message = format!(
        "{by} took over this operation, and nothing more was written here; see that run's report"
    );
    Error::new(ErrorKind::Conflict, message)
}
