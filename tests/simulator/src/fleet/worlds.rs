//! The worlds of a fleet's clusters, each made when somebody first needs it: its Azure for a list or a request
//! about it, its Kubernetes for a request that does more than read in Azure.

use std::{
    ops::Range,
    sync::{Arc, OnceLock},
};

use serde_json::Value;
use tokio::sync::OnceCell;
use uuid::Uuid;

use super::FleetCluster;
use crate::{
    given::{FleetGiven, Given, Secrets},
    http::Request,
    maker::Maker,
    names::{Names, vault_host},
    throttle::Throttles,
    world::World,
};

/// The worlds of a fleet's clusters.
pub(crate) struct FleetWorlds {
    /// The world of the caller, for what is about no cluster. It has none.
    pub(crate) home: Arc<World>,
    subscriptions: Vec<String>,
    members: Vec<Member>,
    /// That of all, then those of `some`.
    givens: Vec<(String, Value)>,
    maker: Maker,
}

struct Member {
    given: usize,
    world: OnceLock<Arc<World>>,
    kubernetes: OnceCell<()>,
}

/// What a request of the fleet's caller is about.
pub(crate) enum Reach {
    /// The cluster with this index, or what lies beside it.
    Member(usize),
    /// All of a subscription: its clusters have these indices.
    Subscription(Range<usize>),
    /// Nothing in a subscription of the fleet.
    Home,
}

impl FleetWorlds {
    /// A fleet of which nothing is made yet.
    pub(crate) fn new(given: &FleetGiven, tenant: &str, maker: Maker) -> Result<Self, String> {
        let assigned = given.assign()?;
        let document =
            |given: &Given| serde_json::to_value(given).map_err(|error| error.to_string());
        let mut givens = vec![(String::new(), document(&given.given)?)];
        for entry in &given.some {
            givens.push((entry.name.clone(), document(&entry.given)?));
        }
        let throttles = Arc::new(Throttles::new(given.given.throttle.clone(), maker.scale));
        let subscriptions: Vec<String> =
            (0..given.subscriptions).map(|_| Uuid::new_v4().to_string()).collect();
        let id = Uuid::new_v4().simple().to_string()[..ID].to_owned();
        let names = Names { subscription: subscriptions[0].clone(), ..Names::of(tenant, &id) };
        let member = |given: Option<usize>| Member {
            given: given.map_or(0, |number| number + 1),
            world: OnceLock::new(),
            kubernetes: OnceCell::new(),
        };
        let fleet = Self {
            home: maker.world(document(&of_home(&given.given))?, names, throttles)?,
            subscriptions,
            members: assigned.into_iter().map(member).collect(),
            givens,
            maker,
        };
        // What makes no sense is found now.
        for given in 0..fleet.givens.len() {
            if let Some(first) = fleet.members.iter().position(|member| member.given == given) {
                let _ = fleet.members[first].world.set(fleet.make(first)?);
            }
        }
        Ok(fleet)
    }

    /// Its id, with which the ids of its cases begin.
    pub(crate) fn id(&self) -> &str {
        &self.home.names.case
    }

    /// Ids of its subscriptions.
    pub(crate) fn subscriptions(&self) -> &[String] {
        &self.subscriptions
    }

    /// Its clusters, in order.
    pub(crate) fn clusters(&self) -> Vec<FleetCluster> {
        let cluster = |(index, member): (usize, &Member)| {
            let (case, subscription_id) =
                (self.case(index), self.subscription_of(index).to_owned());
            FleetCluster {
                cluster_id: format!(
                    "/subscriptions/{subscription_id}/resourceGroups/rg-{case}/providers/\
                     Microsoft.ContainerService/managedClusters/aks-{case}"
                ),
                subscription_id,
                case,
                name: self.givens[member.given].0.clone(),
            }
        };
        self.members.iter().enumerate().map(cluster).collect()
    }

    /// The world of a cluster, which is made if it is not there yet.
    pub(crate) fn member(&self, index: usize) -> Arc<World> {
        let made = || self.make(index).expect("a world was made of this given before");
        self.members[index].world.get_or_init(made).clone()
    }

    /// The worlds of some clusters.
    pub(crate) fn members(&self, indices: Range<usize>) -> impl Iterator<Item = Arc<World>> {
        indices.map(|index| self.member(index))
    }

    /// The worlds of all clusters.
    pub(crate) fn all(&self) -> impl Iterator<Item = Arc<World>> {
        self.members(0..self.members.len())
    }

    /// The worlds that are made.
    pub(crate) fn made(&self) -> impl Iterator<Item = &Arc<World>> {
        self.members.iter().filter_map(|member| member.world.get())
    }

    /// Starts the Kubernetes of a cluster, once.
    pub(crate) async fn start(&self, index: usize) -> Result<(), String> {
        let world = self.member(index);
        self.members[index].kubernetes.get_or_try_init(|| Maker::start(&world)).await.copied()
    }

    /// The cluster of a case.
    pub(crate) fn index_of(&self, case: &str) -> Option<usize> {
        let number = case.strip_prefix(self.id())?;
        let index = usize::from_str_radix(number, 16).ok()?;
        (number.len() == INDEX && index < self.members.len()).then_some(index)
    }

    /// The cluster whose vault has, or was given, this host.
    pub(crate) fn index_of_vault(&self, host: &str) -> Option<usize> {
        let (name, _) = host.split_once('.')?;
        let case = name.strip_prefix("kv-").or_else(|| name.strip_prefix("kw-"))?;
        self.index_of(case).filter(|_| vault_host(name) == host)
    }

    /// Whether a subscription is one of the fleet's.
    pub(crate) fn has_subscription(&self, subscription: &str) -> bool {
        self.number_of(subscription).is_some()
    }

    /// What a request is about.
    pub(crate) fn reach(&self, request: &Request) -> Reach {
        let path = request.lower_segments();
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let ["subscriptions", subscription, rest @ ..] = path.as_slice() else {
            return Reach::Home;
        };
        let Some(number) = self.number_of(subscription) else { return Reach::Home };
        let indices = self.indices_in(number);
        let first = indices.start;
        if let ["resourcegroups", group, ..] = rest {
            let found = self.index_of_group(group).filter(|index| indices.contains(index));
            let found = found.or_else(|| {
                let has_it = |world: &World| world.groups().contains_key(*group);
                self.find(indices, has_it)
            });
            // where no cluster has it, the first knows as well as any
            return Reach::Member(found.unwrap_or(first));
        }
        let holder = match rest {
            [.., "operations" | "operationresults", id] => {
                self.find(indices.clone(), |world| world.operations().contains_key(*id))
            }
            [.., "deletedvaults", vault] | [.., "deletedvaults", vault, _] => {
                let has_it = |world: &World| {
                    world.vaults().keys().any(|name| name.eq_ignore_ascii_case(vault))
                };
                self.find(indices.clone(), has_it)
            }
            _ => None,
        };
        match holder {
            Some(index) => Reach::Member(index),
            None if request.method == http::Method::GET => Reach::Subscription(indices),
            None => Reach::Member(first),
        }
    }

    fn find(&self, mut indices: Range<usize>, has_it: impl Fn(&World) -> bool) -> Option<usize> {
        indices.find(|index| self.members[*index].world.get().is_some_and(|world| has_it(world)))
    }

    /// The cluster that a resource group, or that of its nodes, was made for.
    fn index_of_group(&self, group: &str) -> Option<usize> {
        let case = group.strip_prefix("mc_").unwrap_or(group).strip_prefix("rg-")?;
        self.index_of(case.split('_').next().unwrap_or(case))
    }

    fn number_of(&self, subscription: &str) -> Option<usize> {
        self.subscriptions.iter().position(|own| own.eq_ignore_ascii_case(subscription))
    }

    fn subscription_of(&self, index: usize) -> &str {
        &self.subscriptions[index * self.subscriptions.len() / self.members.len()]
    }

    /// The clusters in a subscription.
    fn indices_in(&self, number: usize) -> Range<usize> {
        let (clusters, subscriptions) = (self.members.len(), self.subscriptions.len());
        let begin = |number: usize| (number * clusters).div_ceil(subscriptions);
        begin(number)..begin(number + 1)
    }

    fn case(&self, index: usize) -> String {
        format!("{}{index:0INDEX$x}", self.id())
    }

    fn make(&self, index: usize) -> Result<Arc<World>, String> {
        let names = self.home.names.of_member(self.subscription_of(index), &self.case(index));
        let given = self.givens[self.members[index].given].1.clone();
        self.maker.world(given, names, self.home.throttles.clone())
    }
}

/// How many digits of a case's id are the fleet's, and how many the cluster's.
const ID: usize = 8;
const INDEX: usize = 4;

/// The caller's world has what goes wrong with Azure, and the caller's rights.
fn of_home(given: &Given) -> Given {
    Given {
        faults: given.faults.clone(),
        access: given.access.clone(),
        throttle: given.throttle.clone(),
        vault: crate::given::Vault { exists: false, ..crate::given::Vault::default() },
        secrets: Secrets { namespaces: 0, each: 0, under: None, special: Vec::new() },
        ..Given::default()
    }
}
