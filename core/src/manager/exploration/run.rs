//! A run of a verb in the small world: planned by the crate's own planner, record and conflicts.

mod steps;

use std::{
    cell::RefCell,
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use super::{
    State,
    cluster::Cluster,
    key::{KEYS, Key, id},
};
use crate::{
    catalogue::RuleId,
    facts::{ConnectionState, Fact, KeyVersion, Lookup, PrivateEndpointConnection},
    ids::ExpectedKey,
    ledger::{ClusterIdentity, ObservedCluster, Operation, Reconciled, Record},
    manager::{
        operation::{before_and_target, with_key_made},
        recorded::operation_to_resume,
    },
    observe::{KeyToObserve, StoredRecord},
    observed::Observed,
    operation::{Context, OperationState},
    options::{Intent, ReencryptOptions},
    report::KmsChange,
    rules::{self, testing},
    verbs,
};

/// What the caller accepts: metrics do not show the keys of KMS v1.
const ALLOW: &[RuleId] =
    &[RuleId::KeyInUseUnproven, RuleId::DataEncryptionIrreversible, RuleId::DataEncryptionRetry];
/// How many times a plan is made again in one run.
const ROUNDS: u8 = 3;

/// A run that goes on.
#[derive(Clone, Debug)]
pub(super) struct Run {
    intent: Intent,
    round: u8,
    /// Of intent, steps and operation.
    plan: u64,
    /// The operation is recorded by this run, which holds the Lease.
    holds: bool,
    /// The record as it is to be written next.
    kept: Stored,
    /// The record as this run read or wrote it last.
    pub(super) stored: Option<Stored>,
    operation: Arc<Operation>,
    pub(super) state: OperationState,
    pass: Option<Pass>,
}

/// What the API servers were found to write with.
#[derive(Clone, Debug, Hash)]
struct Pass {
    keys: Vec<ExpectedKey>,
    /// They were left on different versions of one key.
    weak: bool,
    /// Each of them.
    writes: [Option<Key>; 2],
    /// That is the newest version of the key.
    is_newest: bool,
}

impl Run {
    /// What tells runs apart; most of it is the plan, which was hashed when it was made.
    pub(super) fn hash_into(&self, hasher: &mut impl Hasher) {
        let state = &self.state;
        (self.plan, self.round, self.holds, &self.pass).hash(hasher);
        (state.at, &state.stage, &state.etag, &state.in_use, &state.closed).hash(hasher);
        (state.context.is_proven, state.is_off, &state.before).hash(hasher);
        (self.kept.hash(), self.stored.as_ref().map(Stored::hash)).hash(hasher);
    }
}

/// A record, shared by the states that have it, and known by its hash.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    record: Arc<Record>,
    hash: u64,
}

impl Stored {
    pub(super) fn new(record: Record) -> Self {
        Self { hash: hash_of(&format!("{record:?}")), record: Arc::new(record) }
    }

    pub(super) fn record(&self) -> &Record {
        &self.record
    }

    pub(super) fn hash(&self) -> u64 {
        self.hash
    }

    fn changed(&self, change: impl FnOnce(&mut Record)) -> Self {
        let mut record = Record::clone(&self.record);
        change(&mut record);
        Self::new(record)
    }
}

impl PartialEq for Stored {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash
    }
}

/// A request to the cluster that is under way without anybody waiting for it.
#[derive(Clone, Debug)]
pub(super) struct Put {
    pub(super) target: KmsChange,
    pub(super) etag: Option<String>,
}

thread_local! {
    /// What was found, by what of the cluster is observed and by the record.
    static FOUND: RefCell<HashMap<u64, Arc<Reconciled>>> = RefCell::default();
    /// What was planned, by that and the intent. `None`: it is refused.
    static PLANNED: RefCell<HashMap<u64, Option<Run>>> = RefCell::default();
}

/// What is recorded, in line with the cluster.
pub(super) fn reconciled(state: &State) -> Arc<Reconciled> {
    let seen = observed_hash(state);
    let known = FOUND.with_borrow(|found| found.get(&seen).cloned());
    known.unwrap_or_else(|| {
        let found = Arc::new(reconcile(&state.cluster, state.record()));
        FOUND.with_borrow_mut(|known| known.insert(seen, Arc::clone(&found)));
        found
    })
}

/// Of what is observed, and nothing else.
fn observed_hash(state: &State) -> u64 {
    let Cluster { profile, failed, etag, upgraded, vault_open, newest, made, .. } = &state.cluster;
    let mut hasher = DefaultHasher::new();
    (profile, failed, etag, upgraded, vault_open, newest, made).hash(&mut hasher);
    state.record.as_ref().map(Stored::hash).hash(&mut hasher);
    hasher.finish()
}

fn reconcile(cluster: &Cluster, record: Option<&Record>) -> Reconciled {
    let facts = cluster.facts();
    let seen = ObservedCluster {
        marks: ClusterIdentity {
            uid: "uid".to_owned(),
            resource_uid: facts.resource_uid.clone(),
            etag: facts.etag.clone(),
        },
        key: facts.expected().unwrap(),
        network_mode: facts.kms_on().and_then(|profile| profile.network_mode),
        key_vault_id: None,
        in_force: facts.is_succeeded(),
        resource_version: 1,
        at: testing::NOW,
    };
    Reconciled::new(record.cloned(), &seen)
}

fn observe(cluster: &Cluster, found: &Reconciled, intent: &Intent) -> Observed {
    let mut observed = testing::observed();
    observed.cluster = cluster.facts();
    let group = &observed.cluster.node_resource_group;
    let endpoint_id = format!(
        "/subscriptions/{}/resourceGroups/{group}/providers/Microsoft.Network/privateEndpoints/kms",
        observed.cluster.id.subscription_id()
    );
    if let Some(vault) = observed.found_vault_mut() {
        vault.public_network_access = cluster.vault_open;
        vault.private_endpoint_connections = vec![PrivateEndpointConnection {
            name: "kms".to_owned(),
            endpoint_id,
            state: ConnectionState::Approved,
        }];
    }
    observed.upgrades = Some(Fact::Known(vec!["1.27.3".parse().unwrap()]));
    observed.record = Some(Fact::Known(found.clone()));
    let version = |number| KeyVersion {
        key_id: id(number),
        created: None,
        enabled: true,
        expires: None,
        not_before: None,
        operation: (cluster.made == Some(number)).then(|| "1".to_owned()),
    };
    observed.versions = Some(Fact::Known((0..=cluster.newest).map(version).collect()));
    let planned = with_version_made(&observed, intent);
    let wanted = KeyToObserve::of(&planned, &observed.cluster, Some(found));
    let kid = wanted.map_or_else(|| KEYS[0].to_owned(), |wanted| wanted.key_id.to_string());
    observed.key = Some(Fact::Known(Lookup::Found(testing::key(&kid))));
    observed
}

/// The intent with the version that its unfinished operation has made.
fn with_version_made(observed: &Observed, intent: &Intent) -> Intent {
    let made = observed.unfinished(intent).and_then(|operation| observed.made_for(operation));
    with_key_made(intent, made.as_ref())
}

/// Begins a run, or goes on with one that has to plan again. `None`: it is refused.
pub(super) fn begin(state: &State, intent: &Intent, earlier: Option<&Run>) -> Option<Run> {
    let asked = hash_of(&format!("{}{intent:?}", observed_hash(state)));
    let known = PLANNED.with_borrow(|planned| planned.get(&asked).cloned());
    let run = known.unwrap_or_else(|| {
        let run = plan(state, intent);
        PLANNED.with_borrow_mut(|planned| planned.insert(asked, run.clone()));
        run
    })?;
    Some(Run {
        round: earlier.map_or(0, |earlier| earlier.round + 1),
        holds: earlier.is_some_and(|earlier| earlier.holds),
        ..run
    })
}

fn plan(state: &State, intent: &Intent) -> Option<Run> {
    let found = reconciled(state);
    let observed = observe(&state.cluster, &found, intent);
    let seen = StoredRecord {
        reconciled: Reconciled::clone(&found),
        stored: None,
        seal: None,
        etcd_resource_version: 1,
    };
    let unfinished = operation_to_resume(&seen, intent, &observed.cluster).ok()?;
    let plan = verbs::plan(
        &observed,
        &with_version_made(&observed, intent),
        &ReencryptOptions::default(),
        ALLOW,
    )
    .ok()?;
    if rules::refusal("it", &plan.findings, ALLOW, &[]).is_some() {
        return None;
    }
    let operation = unfinished.unwrap_or_else(|| {
        let ledger = Some(&found.record.ledger);
        let (before, target) = before_and_target(intent, &plan, &observed.cluster, ledger).unwrap();
        Operation { target, ..testing::operation(intent.clone(), before) }
    });
    let plan_hash = hash_of(&format!("{intent:?}{:?}{operation:?}{found:?}", plan.steps));
    let context = Context {
        steps: plan.steps.into(),
        recorded: Some(Arc::clone(&found)),
        is_proven: !state.cluster.failed && found.standing_proof().is_some(),
        off_and_on: intent.turns_off_and_on(),
        accepts_unproven: true,
        accepts_retry: true,
    };
    let etag = Some(state.cluster.etag.to_string());
    let mut begun = OperationState::new(
        context,
        etag,
        Some(operation.before.clone()),
        state.cluster.profile.is_none(),
    );
    begun.closed.clone_from(&operation.closed_vault);
    Some(Run {
        intent: intent.clone(),
        round: 0,
        plan: plan_hash,
        holds: false,
        kept: Stored::new(found.record.clone()),
        stored: state.record.clone(),
        operation: Arc::new(operation),
        state: begun,
        pass: None,
    })
}

fn hash_of(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}
