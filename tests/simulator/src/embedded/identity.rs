//! The identity Leases of API server processes.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use time::{OffsetDateTime, macros::format_description};
use tokio::time::Instant;
use uuid::Uuid;

use super::transform::sha256_label;
use crate::clock::TimeScale;

/// An identity Lease is renewed this often.
const RENEW_SECONDS: f64 = 10.0;

/// The Lease of a process that ended is collected after this long.
const LINGER_SECONDS: f64 = 3600.0;

/// Who a process is.
pub(super) struct Identity {
    /// Name of the Lease.
    pub(super) name: String,
    /// `apiserver_id_hash`.
    pub(super) id_hash: String,
    host: String,
    holder: String,
    uid: Uuid,
    acquired: OffsetDateTime,
    since: Instant,
    /// The revision at which the Lease was made.
    revision: u64,
    ended: Mutex<Option<Instant>>,
    tampered: Mutex<Option<Tampered>>,
}

/// What somebody else made of a Lease. Its process puts it right when it renews it.
#[derive(Clone)]
struct Tampered {
    /// `None`: the process has ended.
    until: Option<Instant>,
    /// `None`: it was deleted.
    lease: Option<Value>,
}

impl Identity {
    /// The identity of a new process.
    pub(super) fn new(revision: u64, host: String) -> Arc<Self> {
        let name = lease_name(&host);
        Arc::new(Self {
            id_hash: sha256_label(&name),
            holder: format!("{name}_{}", Uuid::new_v4()),
            name,
            host,
            uid: Uuid::new_v4(),
            acquired: OffsetDateTime::now_utc(),
            since: Instant::now(),
            revision,
            ended: Mutex::new(None),
            tampered: Mutex::default(),
        })
    }

    /// Somebody else changes the Lease, or deletes it (`None`).
    fn tamper(&self, lease: Option<Value>, scale: TimeScale) {
        let until = self.ended().is_none().then(|| {
            let period = renewal_period(scale);
            Instant::now() + period - remainder(self.since.elapsed(), period)
        });
        *self.tampered.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Tampered { until, lease });
    }

    /// What somebody else made of the Lease, as long as that lasts.
    fn tampered(&self) -> Option<Tampered> {
        let mut tampered = self.tampered.lock().unwrap_or_else(PoisonError::into_inner);
        let until = tampered.as_ref().and_then(|tampered| tampered.until);
        if until.is_some_and(|until| until <= Instant::now()) {
            *tampered = None;
        }
        tampered.clone()
    }

    /// The process has ended: its Lease is not renewed any more.
    pub(super) fn end(&self) {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    fn ended(&self) -> Option<Instant> {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The Lease as it is now; `None` when it was collected. `newest`: the store's revision.
    fn lease(&self, scale: TimeScale, newest: u64) -> Option<Value> {
        let ended = self.ended();
        if ended.is_some_and(|ended| ended.elapsed() > scale.seconds(LINGER_SECONDS)) {
            return None;
        }
        if let Some(tampered) = self.tampered() {
            return tampered.lease;
        }
        let until = ended.unwrap_or_else(Instant::now);
        let period = renewal_period(scale);
        let renewals = (until - self.since).as_nanos() / period.as_nanos();
        let renewed = self.acquired + period * u32::try_from(renewals).unwrap_or(u32::MAX);
        // each renewal is a write; which revision it had is not kept
        let revision = if renewals == 0 { self.revision } else { newest };
        Some(json!({
            "kind": "Lease",
            "apiVersion": "coordination.k8s.io/v1",
            "metadata": {
                "name": self.name,
                "namespace": "kube-system",
                "uid": self.uid.to_string(),
                "resourceVersion": revision.to_string(),
                "creationTimestamp": super::secret::timestamp(self.acquired.unix_timestamp()),
                "labels": {
                    "apiserver.kubernetes.io/identity": "kube-apiserver",
                    "kubernetes.io/hostname": self.host,
                },
            },
            "spec": {
                "holderIdentity": self.holder,
                "leaseDurationSeconds": 3600,
                "renewTime": micro_time(renewed),
            },
        }))
    }
}

/// The identities of a cluster's processes, those that ended included.
pub(super) struct Identities {
    scale: TimeScale,
    all: Mutex<Vec<Arc<Identity>>>,
}

impl Identities {
    pub(super) fn new(scale: TimeScale) -> Self {
        Self { scale, all: Mutex::default() }
    }

    pub(super) fn add(&self, identity: &Arc<Identity>) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        // a process takes over the Lease that its predecessor on the same host had
        all.retain(|earlier| earlier.name != identity.name);
        all.push(Arc::clone(identity));
    }

    /// Somebody else changes a Lease, or deletes it (`None`): whether there is one of that name.
    pub(super) fn tamper(&self, name: &str, lease: Option<Value>) -> bool {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let found = all.iter().find(|identity| identity.name == name);
        if let Some(identity) = found {
            identity.tamper(lease, self.scale);
        }
        found.is_some()
    }

    /// Their Leases, by name. `newest`: the store's revision.
    pub(super) fn leases(&self, newest: u64) -> Vec<Value> {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let mut leases: Vec<Value> =
            all.iter().filter_map(|identity| identity.lease(self.scale, newest)).collect();
        leases.sort_by(|one, two| {
            one["metadata"]["name"].as_str().cmp(&two["metadata"]["name"].as_str())
        });
        leases
    }
}

fn renewal_period(scale: TimeScale) -> Duration {
    scale.seconds(RENEW_SECONDS).max(Duration::from_millis(1))
}

/// How far into a period a time is.
fn remainder(time: Duration, period: Duration) -> Duration {
    let nanos = time.as_nanos() % period.as_nanos();
    Duration::from_nanos(u64::try_from(nanos).unwrap_or_default())
}

/// The name of a host that no other API server runs on.
pub(super) fn new_host() -> String {
    format!("kube-apiserver-{}", &Uuid::new_v4().simple().to_string()[..10])
}

/// `apiserver-` and 26 letters and digits that stand for the host name.
fn lease_name(host: &str) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let digest = Sha256::digest(host.as_bytes());
    let mut name = "apiserver-".to_owned();
    let mut bits: u32 = 0;
    let mut held = 0;
    for byte in &digest[..16] {
        bits = (bits << 8) | u32::from(*byte);
        held += 8;
        while held >= 5 {
            held -= 5;
            name.push(char::from(ALPHABET[(bits >> held) as usize & 31]));
        }
    }
    name.push(char::from(ALPHABET[(bits << (5 - held)) as usize & 31]));
    name
}

/// RFC 3339 with microseconds.
fn micro_time(time: OffsetDateTime) -> String {
    let format =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");
    // a time after 1970 always has this form
    time.format(format).unwrap_or_default()
}
