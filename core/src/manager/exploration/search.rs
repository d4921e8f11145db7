//! The search through every reachable state, and where it starts.

use std::{
    collections::{HashSet, VecDeque},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::{
    State,
    cluster::{Before, Cluster, NEWEST, Profile, Wiring},
    data_encryption, intents,
    key::{CUSTOMER, PLATFORM},
    problem, resumes,
};
use crate::{
    ids::NetworkMode,
    options::{Disable, Intent, Rotate, SetDataEncryption},
};

fn explore(start: State, intents: &[Intent]) -> usize {
    let mut seen = HashSet::from([start.fingerprint()]);
    // the way to each state, to tell how it came to be
    let mut ways: Vec<(usize, String)> = vec![(0, "starts".to_owned())];
    let mut queue = VecDeque::from([(0, start)]);
    while let Some((number, state)) = queue.pop_front() {
        let fail = |ways: &[(usize, String)], what: &str, why: &str, end: &State| {
            let mut story = vec![what.to_owned()];
            let mut at = number;
            while at != 0 {
                story.push(ways[at].1.clone());
                at = ways[at].0;
            }
            story.reverse();
            panic!("{why}, after:\n  {}\n{end:#?}", story.join("\n  "));
        };
        if state.run.is_none()
            && state.record.is_some()
            && let Err(why) = resumes(&state)
        {
            fail(&ways, "calls resume", &why, &state);
        }
        for (who, what, next) in state.next(intents) {
            if let Some(why) = problem(&state, who, &next) {
                fail(&ways, &what, &why, &next);
            }
            if seen.insert(next.fingerprint()) {
                ways.push((number, what));
                queue.push_back((ways.len() - 1, next));
            }
        }
    }
    seen.len()
}

#[test]
fn nothing_is_lost_in_any_reachable_state() {
    let on = |mode| Some(Profile { key: 0, mode });
    let (public, private) = (on(NetworkMode::Public), on(NetworkMode::Private));
    let mut starts = Vec::new();
    for wiring in [Wiring::TwoProviders, Wiring::OneProvider] {
        for before in [Before::RolledOut, Before::Configured] {
            for (profile, upgraded) in
                [(None, true), (public, true), (private, true), (public, false)]
            {
                for (failures, foreign) in [(0, 1), (1, 0)] {
                    let cluster = Cluster::new(wiring, before, profile, upgraded, NEWEST);
                    starts.push(State::new(cluster, failures, foreign));
                }
            }
            let cluster = Cluster::with_a_public_key_from_before(wiring, before);
            starts.push(State::new(cluster, 0, 0));
        }
    }
    explore_all(starts, &intents());
}

#[test]
fn nothing_is_lost_on_the_way_to_data_encryption() {
    let on = |key| Some(Profile { key, mode: NetworkMode::Public });
    let mut starts = Vec::new();
    for wiring in [Wiring::TwoProviders, Wiring::OneProvider] {
        for before in [Before::RolledOut, Before::Configured] {
            for profile in [None, on(0), on(1), on(PLATFORM), on(CUSTOMER)] {
                for (failures, foreign) in [(0, 1), (1, 0)] {
                    let cluster = Cluster::new(wiring, before, profile, true, 1);
                    let start = State::new(cluster, failures, foreign);
                    starts.push(State { with_data_encryption: true, ..start });
                }
            }
        }
    }
    let mut intents: Vec<Intent> = data_encryption()
        .into_iter()
        .map(|target| Intent::SetDataEncryption(SetDataEncryption { target, reencrypt: true }))
        .collect();
    for reencrypt in [true, false] {
        let (key_id, network_mode, key_vault_id) = (None, None, None);
        let asked = Rotate { key_id, network_mode, key_vault_id, reencrypt, made: false };
        intents.push(Intent::Rotate(asked));
    }
    intents.push(Intent::Disable(Disable { reencrypt: true }));
    explore_all(starts, &intents);
}

#[expect(clippy::print_stderr, reason = "how many states there are is a result")]
fn explore_all(starts: Vec<State>, intents: &[Intent]) {
    let starts = Mutex::new(starts);
    let total = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let Some(start) = starts.lock().unwrap().pop() else { break };
                    total.fetch_add(explore(start, intents), Ordering::Relaxed);
                }
            });
        }
    });
    eprintln!("{} states", total.into_inner());
}
