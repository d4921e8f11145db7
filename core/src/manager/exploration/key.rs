//! The keys of the small world: three versions of one key, each set by itself or taken up by AKS as the
//! newest version of a customer-managed key; and the platform's.

use crate::{
    ids::{ExpectedKey, KeyId},
    rules::testing::{KEY_0, KEY_1, KEY_2},
};

/// Number of what secrets are under: a version of the key, the platform's key, or [`CUSTOMER`] and the version
/// that is taken up.
pub(super) type Key = usize;

/// The versions of the key.
pub(super) const KEYS: [&str; 3] = [KEY_0, KEY_1, KEY_2];
/// The platform's key.
pub(super) const PLATFORM: Key = 3;
/// Customer-managed: as what is configured, whichever version; and the first of what is written with.
pub(super) const CUSTOMER: Key = 4;
/// How many there are.
pub(super) const NUMBERS: usize = CUSTOMER + KEYS.len();

/// The key's id, with its version.
pub(super) fn id(key: Key) -> KeyId {
    KeyId::parse(KEYS[version(key)]).unwrap()
}

/// The key's id without a version.
pub(super) fn versionless() -> KeyId {
    id(0).without_version()
}

/// The version that is written with. The platform's has none.
pub(super) fn version(key: Key) -> usize {
    if key >= CUSTOMER { key - CUSTOMER } else { key }
}

/// The version that an id names.
pub(super) fn number(key_id: &KeyId) -> Key {
    KEYS.iter().position(|known| *known == key_id.as_str()).unwrap()
}

/// Whether this is a version of the key, however it is set.
pub(super) fn is_version(key: Key, wanted: usize) -> bool {
    key != PLATFORM && version(key) == wanted
}

/// Whether what is written is taken for the expected key. API servers count a version under one hash, whether it
/// was set or taken up.
pub(super) fn is(expected: &ExpectedKey, written: Option<Key>) -> bool {
    match (expected, written) {
        (ExpectedKey::Plaintext, None) => true,
        (ExpectedKey::Platform, Some(key)) => key == PLATFORM,
        (ExpectedKey::AnyVersion(_), Some(key)) => key != PLATFORM,
        (ExpectedKey::Key(key_id), Some(key)) => is_version(key, number(key_id)),
        _ => false,
    }
}
