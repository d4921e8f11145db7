//! The token that each request to Resource Manager takes.

use super::{Route, Target, subscription};
use crate::{
    entra::Claims,
    http::{Answer, Request},
    throttle::{Kind, refusal, remaining_header},
    world::World,
};

/// What a request's answer says of the tokens that remain.
#[derive(Debug, Default)]
pub(super) struct Taken(Option<(&'static str, u64)>);

impl Taken {
    /// The answer with it.
    pub(super) fn on(self, answer: Answer) -> Answer {
        match self.0 {
            Some((name, remaining)) => answer.with_header(name, remaining.to_string()),
            None => answer,
        }
    }
}

/// Takes a token for a request, or refuses it.
pub(super) fn take(world: &World, claims: &Claims, request: &Request) -> (Taken, Option<Answer>) {
    let is_query = Route::of(request).is_some_and(|route| route.target == Target::ResourceGraph);
    let kind = if is_query { Kind::ResourceGraph } else { Kind::of(request.method.as_str()) };
    let scope = subscription(request).unwrap_or_default();
    match world.throttles.take(scope, &claims.oid, kind, world.faults.latency()) {
        None => (Taken::default(), None),
        Some(Ok(remaining)) => {
            (Taken(remaining_header(kind, scope).map(|name| (name, remaining))), None)
        }
        Some(Err(seconds)) => {
            let tenant = &world.names.tenant;
            (Taken::default(), Some(refusal(kind, scope, &claims.oid, tenant, seconds)))
        }
    }
}
