//! Random sequences of what we, others and crashes do to a cluster.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// Where our change of the key ends early.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum End {
    /// The intent is recorded, the request was never sent.
    BeforeRequest,
    /// The request is under way: it may come to be as long as nobody changes the cluster.
    RequestUnderWay,
    /// The request came to be, and nobody wrote that down.
    AfterRequest,
    /// It is recorded that the cluster is set.
    Settled,
    /// And every secret is proven to be under the new key.
    Proven,
}

#[derive(Clone, Copy, Debug)]
enum Event {
    /// We change the key, or turn KMS off; `back`: to the key before, where that needs no gate.
    Set {
        number: u8,
        end: End,
    },
    GoBack {
        end: End,
    },
    /// We rewrite and prove every secret.
    Reencrypt,
    Abandon,
    /// A request of ours arrives late.
    Arrives,
    /// Somebody else sets a key.
    Foreign {
        number: u8,
    },
    /// Somebody else sets a key, and then the one that was there.
    ThereAndBack {
        number: u8,
    },
    /// Somebody else changes something about the cluster.
    Touch,
    /// The record is lost.
    Lost,
}

/// A cluster as AKS has it.
#[derive(Debug)]
struct Aks {
    current: u8,
    previous: u8,
    etag: u32,
    /// The keys that secrets are under.
    secrets: BTreeSet<u8>,
    record: Option<Record>,
    /// A request of ours that is under way, with its `if-match`.
    under_way: Option<(u8, u32)>,
    /// Somebody else took keys away that secrets are under.
    broken_by_others: bool,
}

impl Aks {
    fn new() -> Self {
        Self {
            current: 0,
            previous: 0,
            etag: 1,
            secrets: BTreeSet::from([0]),
            record: None,
            under_way: None,
            broken_by_others: false,
        }
    }

    fn etag(&self) -> String {
        self.etag.to_string()
    }

    fn found(&self) -> Reconciled {
        Reconciled::new(self.record.clone(), &seen(self.current, &self.etag()))
    }

    /// The cluster comes to have another key; new secrets are written under it.
    fn becomes(&mut self, number: u8) {
        self.etag += 1;
        if number != self.current {
            self.previous = std::mem::replace(&mut self.current, number);
        }
        self.secrets.insert(number);
    }

    fn becomes_by_others(&mut self, number: u8) {
        self.becomes(number);
        self.broken_by_others |= self.is_lost();
    }

    fn is_lost(&self) -> bool {
        // Plaintext can always be read.
        self.secrets
            .iter()
            .any(|secret| *secret != 0 && *secret != self.current && *secret != self.previous)
    }

    /// Everything is rewritten, with the key as it is configured.
    fn rewrite(&mut self, record: &mut Record) {
        self.secrets = BTreeSet::from([self.current]);
        record.prove(&key(self.current), proof(), Some(&self.etag()));
    }

    fn set(&mut self, number: u8, end: End, gated: bool) {
        let found = self.found();
        let stands = found.standing_proof().is_some();
        let mut record = found.record;
        record.begin(operation());
        if gated && !stands {
            self.rewrite(&mut record);
        }
        record.intend(&key(number), Some(&self.etag()));
        self.record = Some(record.clone());
        match end {
            End::BeforeRequest => return,
            End::RequestUnderWay => {
                self.under_way = Some((number, self.etag));
                return;
            }
            _ => {}
        }
        self.becomes(number);
        assert!(
            self.broken_by_others || !self.is_lost(),
            "a change of ours lost secrets: {self:?}"
        );
        if end == End::AfterRequest {
            return;
        }
        record.settled(&key(number), Some(&self.etag()), NOW, Certainty::Seen);
        if end == End::Proven {
            self.rewrite(&mut record);
            record.finish();
        }
        self.record = Some(record);
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Set { number, end } => self.set(number, end, true),
            Event::GoBack { end } => {
                let back = (0..KEYS).find(|number| self.found().is_rollback_to(&key(*number)));
                if let Some(number) = back {
                    self.set(number, end, false);
                }
            }
            Event::Reencrypt => {
                let mut record = self.found().record;
                self.rewrite(&mut record);
                self.record = Some(record);
            }
            Event::Abandon => {
                let mut record = self.found().record;
                record.abandon();
                self.record = Some(record);
            }
            Event::Arrives => {
                if let Some((number, etag)) = self.under_way.take()
                    && etag == self.etag
                {
                    self.becomes(number);
                }
            }
            Event::Foreign { number } => self.becomes_by_others(number),
            Event::ThereAndBack { number } => {
                let now = self.current;
                self.becomes_by_others(number);
                self.becomes_by_others(now);
            }
            Event::Touch => self.etag += 1,
            Event::Lost => self.record = None,
        }
    }

    fn check(&self) {
        let found = self.found();
        if found.standing_proof().is_some() {
            assert_eq!(self.secrets, BTreeSet::from([self.current]), "{self:?}");
        }
        let needs = KeyNeeds { reconciled: &found };
        let in_use = |number: u8| {
            [self.current, self.previous].contains(&number) || self.secrets.contains(&number)
        };
        for number in 1..KEYS {
            let entry = needs.keys().find(|(key_id, ..)| **key_id == super::key_id(number));
            let need = entry.map_or_else(|| needs.of_others(), |(_, _, need)| need);
            let removable = matches!(need, Need::NotNeeded { .. });
            assert!(!(removable && in_use(number)), "key {number} is in use: {self:?}");
        }
    }
}

const KEYS: u8 = 4;

fn ends() -> impl Strategy<Value = End> {
    prop_oneof![
        1 => Just(End::BeforeRequest),
        1 => Just(End::RequestUnderWay),
        1 => Just(End::AfterRequest),
        1 => Just(End::Settled),
        3 => Just(End::Proven),
    ]
}

fn events() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => (0..KEYS, ends()).prop_map(|(number, end)| Event::Set { number, end }),
        1 => ends().prop_map(|end| Event::GoBack { end }),
        3 => Just(Event::Reencrypt),
        1 => Just(Event::Abandon),
        2 => Just(Event::Arrives),
        2 => (0..KEYS).prop_map(|number| Event::Foreign { number }),
        2 => (0..KEYS).prop_map(|number| Event::ThereAndBack { number }),
        1 => Just(Event::Touch),
        1 => Just(Event::Lost),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn no_key_that_aks_reads_with_or_a_secret_is_under_is_ever_removable(
        events in proptest::collection::vec(events(), 1..24),
    ) {
        let mut aks = Aks::new();
        aks.check();
        for event in events {
            aks.happens(event);
            aks.check();
        }
    }
}

/// The property above would hold of a ledger that never lets go of a key.
#[test]
fn two_proven_rotations_make_the_first_key_removable() {
    let mut aks = Aks::new();
    for number in [1, 2, 3] {
        aks.happens(Event::Set { number, end: End::Proven });
    }
    let found = aks.found();
    let retired = judge(&found).retired;
    assert_eq!(retired.len(), 1);
    assert!(retired[0].removable && retired[0].key_id == Some(key_id(1)));
}
