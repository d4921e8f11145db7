//! A world and a change of it, as data that proptest can make smaller.

use proptest::{prelude::*, sample};
use serde_json::{Value, json};

use crate::{
    change::{Asked, Change, Key, Mode, Named},
    deviations::{self, Deviation},
};

/// Deviations of a world from one in which all is well, at most. Most worlds have one or two: a rule among many
/// violated ones is not put to the test.
const DEVIATIONS: usize = 4;

/// How the cluster is to begin with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Start {
    /// It never had KMS.
    Plain,
    /// On with the first version, over the internet.
    On,
    /// On with the first version, over a private endpoint.
    OnPrivately,
    /// On with the second version, and nothing was rewritten since the first.
    Rotated,
    /// On with the key of the other vault.
    OnElsewhere,
    /// Turned off, as az leaves it, and nothing was rewritten.
    Off,
    /// Turned off, and the profile still names the key.
    OffNamingItsKey,
}

const STARTS: [Start; 7] = [
    Start::Plain,
    Start::On,
    Start::OnPrivately,
    Start::Rotated,
    Start::OnElsewhere,
    Start::Off,
    Start::OffNamingItsKey,
];

/// A world and what is asked for in it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Shape {
    pub(crate) start: Start,
    /// Names of rows of [`deviations::ALL`], in its order.
    pub(crate) deviations: Vec<&'static str>,
    pub(crate) change: Change,
}

impl Shape {
    /// The `given` of the simulator.
    pub(crate) fn given(&self) -> Value {
        let mut given = json!({
            "cluster": {"vnet_integration": true},
            "key": {"versions": 3},
            "other_vault": {},
            "secrets": {"namespaces": 2, "each": 2},
        });
        let kms = match self.start {
            Start::Plain => Value::Null,
            Start::On => json!({"key": "{{key.1}}"}),
            Start::OnPrivately => json!({"key": "{{key.1}}", "network_mode": "private"}),
            Start::Rotated => json!({"key": "{{key.2}}", "previous": "{{key.1}}"}),
            Start::OnElsewhere => json!({"key": "{{other_key.1}}"}),
            Start::Off => json!({"enabled": false, "previous": "{{key.1}}"}),
            Start::OffNamingItsKey => json!({"enabled": false, "key": "{{key.1}}"}),
        };
        given["cluster"]["kms"] = kms;
        if matches!(self.start, Start::Rotated | Start::Off | Start::OffNamingItsKey) {
            given["secrets"]["under"] = json!("{{key.1}}");
        }
        for name in &self.deviations {
            let patch = deviations::named(name).patch;
            merge(&mut given, &serde_json::from_str(patch).unwrap());
        }
        given
    }
}

impl Shape {
    /// Whether the cluster is configured with what is asked for.
    pub(crate) fn is_set(&self) -> bool {
        let (key, mode) = match self.start {
            Start::On => (Key::First, Mode::Public),
            Start::OnPrivately => (Key::First, Mode::Private),
            Start::Rotated => (Key::Second, Mode::Public),
            Start::OnElsewhere => (Key::Elsewhere, Mode::Public),
            Start::Plain | Start::Off | Start::OffNamingItsKey => return false,
        };
        match self.change {
            Change::Enable(asked) | Change::Rotate(asked) => asked.key == key && asked.mode == mode,
            Change::NetworkMode(asked) => asked == mode,
            Change::Disable => false,
        }
    }
}

/// Merges objects; replaces the rest.
fn merge(target: &mut Value, patch: &Value) {
    match (target, patch) {
        (Value::Object(target), Value::Object(patch)) => {
            for (name, value) in patch {
                merge(target.entry(name).or_insert(Value::Null), value);
            }
        }
        (target, patch) => *target = patch.clone(),
    }
}

pub(crate) fn shapes() -> impl Strategy<Value = Shape> {
    let deviations = prop_oneof![
        1 => Just(Vec::new()),
        4 => sample::subsequence(deviations::ALL, 1),
        4 => sample::subsequence(deviations::ALL, 2),
        2 => sample::subsequence(deviations::ALL, 3..=DEVIATIONS),
    ];
    (sample::select(&STARTS[..]), deviations, changes()).prop_map(|(start, rows, change)| {
        let deviations = rows.iter().map(|row: &Deviation| row.name).collect();
        Shape { start, deviations, change }
    })
}

fn changes() -> impl Strategy<Value = Change> {
    prop_oneof![
        3 => asked().prop_map(Change::Enable),
        4 => asked().prop_map(Change::Rotate),
        2 => Just(Change::Disable),
        2 => mode().prop_map(Change::NetworkMode),
    ]
}

fn mode() -> impl Strategy<Value = Mode> {
    prop_oneof![Just(Mode::Public), Just(Mode::Private)]
}

fn asked() -> impl Strategy<Value = Asked> {
    let key = prop_oneof![
        4 => Just(Key::First),
        6 => Just(Key::Second),
        3 => Just(Key::Third),
        3 => Just(Key::Elsewhere),
        1 => sample::select(&[
            Key::NoSuchVersion, Key::NoSuchName, Key::NoSuchVault, Key::WithoutVersion, Key::WithTrailingSlash,
            Key::InCapitals, Key::OverHttp, Key::OfAnotherCloud,
        ][..]),
    ];
    let vault = prop_oneof![
        12 => Just(Named::Its),
        1 => sample::select(&[Named::Another, Named::None, Named::Malformed][..]),
    ];
    (key, prop_oneof![3 => Just(Mode::Public), 1 => Just(Mode::Private)], vault)
        .prop_map(|(key, mode, vault)| Asked { key, mode, vault })
}
