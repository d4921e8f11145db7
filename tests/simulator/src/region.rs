//! The region: every case's world, and which of them a request is for.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use crate::{
    arm, entra,
    entra::{AKS_SERVER_APPLICATION, Claims, GRAPH, Rejection, TokenIssuer, VAULT_AUDIENCE},
    fleet::{FleetWorlds, Reach},
    http::{Answer, Request},
    names::{VAULT_SUFFIX, stable_guid, vault_host},
    vault::data_plane,
    world::World,
};

/// Everything that is simulated.
pub(crate) struct Region {
    pub(crate) tenant: String,
    pub(crate) tokens: Arc<TokenIssuer>,
    /// Whether `runCommand` runs commands.
    pub(crate) run_command: bool,
    arm: String,
    port: u16,
    worlds: RwLock<BTreeMap<String, Arc<World>>>,
    /// By id, which is also that of the world of their caller.
    fleets: RwLock<BTreeMap<String, Arc<FleetWorlds>>>,
}

impl Region {
    /// A region that is served on this port of 127.0.0.1.
    pub(crate) fn new(port: u16, run_command: bool) -> Self {
        Self {
            tenant: stable_guid("the simulator's tenant"),
            tokens: Arc::new(TokenIssuer::default()),
            run_command,
            arm: format!("https://127.0.0.1:{port}"),
            port,
            worlds: RwLock::default(),
            fleets: RwLock::default(),
        }
    }

    /// Endpoint of Resource Manager, and of Entra.
    pub(crate) fn arm(&self) -> &str {
        &self.arm
    }

    /// Endpoint of Microsoft Graph.
    pub(crate) fn graph(&self) -> String {
        format!("{}/{GRAPH}", self.arm)
    }

    pub(crate) fn insert(&self, world: Arc<World>) {
        let mut worlds = self.worlds.write().unwrap_or_else(PoisonError::into_inner);
        worlds.insert(world.names.case.clone(), world);
    }

    /// Adds a fleet, and the world of its caller.
    pub(crate) fn insert_fleet(&self, fleet: Arc<FleetWorlds>) {
        self.insert(fleet.home.clone());
        let mut fleets = self.fleets.write().unwrap_or_else(PoisonError::into_inner);
        fleets.insert(fleet.id().to_owned(), fleet);
    }

    /// Ends a case, or a fleet; whether there was one.
    pub(crate) fn remove(&self, case: &str) -> bool {
        self.fleets.write().unwrap_or_else(PoisonError::into_inner).remove(case);
        self.worlds.write().unwrap_or_else(PoisonError::into_inner).remove(case).is_some()
    }

    /// The world of a case, also of one of a fleet's clusters.
    pub(crate) fn world(&self, case: &str) -> Option<Arc<World>> {
        let world = self.worlds.read().unwrap_or_else(PoisonError::into_inner).get(case).cloned();
        world.or_else(|| {
            let (fleet, index) = self.member(|fleet| fleet.index_of(case))?;
            Some(fleet.member(index))
        })
    }

    /// The fleet whose caller's world, or which, has this id.
    pub(crate) fn fleet(&self, id: &str) -> Option<Arc<FleetWorlds>> {
        self.fleets.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// The worlds that the caller of one can see.
    pub(crate) fn worlds_of(&self, world: &Arc<World>) -> Vec<Arc<World>> {
        match self.fleet(&world.names.case) {
            Some(fleet) => fleet.all().collect(),
            None => vec![world.clone()],
        }
    }

    /// The first cluster of a fleet that `find` finds in it.
    pub(crate) fn member(
        &self,
        find: impl Fn(&FleetWorlds) -> Option<usize>,
    ) -> Option<(Arc<FleetWorlds>, usize)> {
        let fleets = self.fleets.read().unwrap_or_else(PoisonError::into_inner);
        fleets.values().find_map(|fleet| Some((fleet.clone(), find(fleet)?)))
    }

    /// The cluster of a fleet that a request is about.
    fn member_at(&self, request: &Request) -> Option<(Arc<FleetWorlds>, usize)> {
        self.member(|fleet| match fleet.reach(request) {
            Reach::Member(index) => Some(index),
            Reach::Subscription(_) | Reach::Home => None,
        })
    }

    /// The world that a request to Resource Manager is about, where it is about a single one.
    fn world_at(&self, request: &Request) -> Option<Arc<World>> {
        if let Some((fleet, index)) = self.member_at(request) {
            return Some(fleet.member(index));
        }
        let subscription = request.segments.get(1)?;
        let worlds = self.worlds.read().unwrap_or_else(PoisonError::into_inner);
        let is_its =
            |world: &&Arc<World>| world.names.subscription.eq_ignore_ascii_case(subscription);
        worlds.values().find(is_its).cloned()
    }

    /// The world that has this application: its caller, or one of its identities.
    pub(crate) fn world_of_client(&self, client: &str) -> Option<Arc<World>> {
        self.find(|world| world.application(client).is_some())
    }

    /// Who a token for `audience` is for, by the clock of its case.
    pub(crate) fn caller(
        &self,
        token: &str,
        audience: &str,
    ) -> Result<(Arc<World>, Claims), Rejection> {
        let claims: Claims = self.tokens.read(token).ok_or(Rejection::Invalid)?;
        let world = self.world_of_holder(&claims).ok_or(Rejection::Invalid)?;
        claims.check(audience, world.faults.now().unix_timestamp())?;
        Ok((world, claims))
    }

    /// Whether tokens are issued for this resource.
    pub(crate) fn has_resource(&self, resource: &str) -> bool {
        let known = [self.arm(), &self.graph(), VAULT_AUDIENCE, AKS_SERVER_APPLICATION];
        known.iter().any(|known| known.eq_ignore_ascii_case(resource.trim_end_matches('/')))
    }

    /// The world that has whom a token is for: an application or a user.
    fn world_of_holder(&self, claims: &Claims) -> Option<Arc<World>> {
        self.find(|world| {
            world.names.user_object == claims.oid || world.application(&claims.appid).is_some()
        })
    }

    /// The world whose user has this name.
    pub(crate) fn world_of_user(&self, name: &str) -> Option<Arc<World>> {
        self.find(|world| world.names.user.eq_ignore_ascii_case(name))
    }

    /// The world that has a vault at this host.
    pub(crate) fn world_of_vault(&self, host: &str) -> Option<Arc<World>> {
        let has_it = |world: &World| {
            let vaults = world.vaults();
            vaults.values().any(|vault| vault.deleted.is_none() && vault_host(&vault.name) == host)
        };
        let member = self.member(|fleet| fleet.index_of_vault(host));
        let member = member.map(|(fleet, index)| fleet.member(index));
        member.filter(|world| has_it(world)).or_else(|| self.find(has_it))
    }

    /// Whether any case has this subscription.
    pub(crate) fn has_subscription(&self, subscription: &str) -> bool {
        self.find(|world| world.names.subscription.eq_ignore_ascii_case(subscription)).is_some()
            || self.member(|fleet| fleet.has_subscription(subscription).then_some(0)).is_some()
    }

    /// Whether somebody else than `world` has a vault of this name.
    pub(crate) fn vault_is_taken(&self, world: &World, name: &str) -> bool {
        let given = &world.given.taken_vault_names;
        if given.iter().any(|taken| taken.eq_ignore_ascii_case(name)) {
            return true;
        }
        let given = self.member(|fleet| fleet.index_of_vault(&vault_host(name)));
        let given = given.map(|(fleet, index)| fleet.member(index));
        if given.is_some_and(|other| {
            other.names.case != world.names.case
                && other.vaults().keys().any(|taken| taken.eq_ignore_ascii_case(name))
        }) {
            return true;
        }
        self.find(|other| {
            other.names.case != world.names.case
                && other.vaults().keys().any(|taken| taken.eq_ignore_ascii_case(name))
        })
        .is_some()
    }

    /// The first world that fits, of those that are made.
    pub(crate) fn find(&self, fits: impl Fn(&World) -> bool) -> Option<Arc<World>> {
        let worlds = self.worlds.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(world) = worlds.values().find(|world| fits(world)) {
            return Some(world.clone());
        }
        let fleets = self.fleets.read().unwrap_or_else(PoisonError::into_inner);
        fleets.values().flat_map(|fleet| fleet.made()).find(|world| fits(world)).cloned()
    }

    /// Answers a request, when it is due.
    pub(crate) async fn serve(&self, request: Request) -> Answer {
        self.answer(request).await.when_due().await
    }

    async fn answer(&self, request: Request) -> Answer {
        if request.host.ends_with(&format!(".{VAULT_SUFFIX}")) {
            return self.vault_answer(&request).await;
        }
        if let Some(answer) = entra::serve(self, &request) {
            return answer;
        }
        if request.segments.first().is_some_and(|first| first == GRAPH) {
            return entra::serve_graph(self, &request).unwrap_or_else(|refusal| refusal);
        }
        if let Err(reason) = self.wake(&request).await {
            tracing::warn!(%reason, path = request.path, "the Kubernetes of a fleet's cluster does not start");
            return Answer::error(500, "InternalServerError", &reason);
        }
        let answer = arm::serve(self, &request).unwrap_or_else(|refusal| refusal);
        if let Some(world) = self.world_at(&request) {
            if request.method == http::Method::PUT {
                settle(&world).await;
            }
            world.check_closed_vaults().await;
        }
        answer
    }

    async fn vault_answer(&self, request: &Request) -> Answer {
        let answer = data_plane::serve(self, request).await.unwrap_or_else(|refusal| refusal);
        let Some(world) = self.world_of_vault(&request.host) else {
            return answer;
        };
        world.recorder.requests.add("vault", request.method.as_str(), &request.path);
        let instead = world.faults.answer_after_effect(request.method.as_str(), &request.path);
        instead.unwrap_or(answer).delayed(world.faults.latency())
    }

    /// Starts the Kubernetes of a fleet's cluster, before a request does more than read what lies beside it.
    async fn wake(&self, request: &Request) -> Result<(), String> {
        if matches!(request.method, http::Method::GET | http::Method::HEAD) {
            return Ok(());
        }
        match self.member_at(request) {
            Some((fleet, index)) => fleet.start(index).await,
            None => Ok(()),
        }
    }

    /// The port on loopback that stands for an address, or the status of the proxy's refusal.
    pub(crate) fn destination(&self, host: &str, port: u16) -> Result<u16, u16> {
        let host = host.to_ascii_lowercase();
        if port == 443 && host.ends_with(&format!(".{VAULT_SUFFIX}")) {
            // The name of a vault that does not exist does not resolve.
            return self.world_of_vault(&host).map(|_| self.port).ok_or(502);
        }
        let loopback = matches!(host.as_str(), "127.0.0.1" | "localhost");
        // MSAL leaves out an authority's port when it asks how a user signs in.
        if loopback && port == 443 {
            return Ok(self.port);
        }
        let own =
            port == self.port || self.find(|world| world.serves_kubernetes_at(port)).is_some();
        if loopback && own { Ok(port) } else { Err(403) }
    }
}

/// Azure takes a moment to answer a PUT: an operation that takes no time has ended by then.
async fn settle(world: &World) {
    const MOMENT: Duration = Duration::from_secs(1);
    const LOOK: Duration = Duration::from_millis(2);
    if world.faults.operation_seconds() != 0.0 {
        return;
    }
    let answered = Instant::now();
    while world.is_busy() && answered.elapsed() < MOMENT {
        tokio::time::sleep(LOOK).await;
    }
}
