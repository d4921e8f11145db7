//! Requests of a fleet's caller: for the world that they are about, or for several.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::Value;

use super::{outcome, paging, serve_in, serve_with, whole};
use crate::{
    entra::Claims,
    fleet::{FleetWorlds, Reach},
    http::{Answer, Outcome, Request},
    region::Region,
    world::World,
};

/// Answers a request.
pub(super) fn serve(
    region: &Region,
    fleet: &FleetWorlds,
    claims: &Claims,
    request: &Request,
) -> Answer {
    let home = &fleet.home;
    match fleet.reach(request) {
        Reach::Member(index) => serve_in(region, &fleet.member(index), claims, request),
        Reach::Home => serve_with(home, claims, request, || outcome(region, home, claims, request)),
        Reach::Subscription(indices) => serve_with(home, claims, request, || {
            let answer = joined(region, fleet.members(indices), claims, request)?;
            Ok(paging::cut(region, request, home.faults.page_size(), answer))
        }),
    }
}

/// What the worlds of a subscription say together: their lists one after the other, each entry once; otherwise what
/// the first says that has no reason to refuse.
fn joined(
    region: &Region,
    worlds: impl Iterator<Item = Arc<World>>,
    claims: &Claims,
    request: &Request,
) -> Outcome {
    let mut list: Option<Vec<Value>> = None;
    let mut seen = BTreeSet::new();
    let mut refusal = None;
    for world in worlds {
        match whole(region, &world, claims, request) {
            Ok(Answer::Reply { status: 200, mut body, .. }) if body["value"].is_array() => {
                let values = body["value"].as_array_mut().map(std::mem::take).unwrap_or_default();
                let is_new = |value: &Value| {
                    value["id"].as_str().is_none_or(|id| seen.insert(id.to_owned()))
                };
                list.get_or_insert_default().extend(values.into_iter().filter(is_new));
            }
            Ok(answer) => return Ok(answer),
            Err(answer) => {
                refusal.get_or_insert(answer);
            }
        }
    }
    match (list, refusal) {
        (Some(list), _) => Ok(Answer::list(list)),
        (None, Some(refusal)) => Err(refusal),
        (None, None) => Ok(Answer::list([])),
    }
}
