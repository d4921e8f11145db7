//! Whose hash is it that the API servers count? Pure.

use super::servers::WritesWith;
use crate::ids::{ExpectedKey, KeyId};

/// The keys that are known here, by the hashes that API servers count them under.
///
/// A hash is computed from the key id as it was configured, character by character: of one key
/// each spelling has its own. A hash that cannot be computed is known only if it was learned.
#[derive(Clone, Debug, Default)]
pub(super) struct KeyNames {
    /// Every key that is known, in every spelling.
    known: Vec<KeyId>,
    learned: Vec<(ExpectedKey, String)>,
    /// What all API servers showed in this run while nothing but the key's being expected spoke
    /// for it.
    guessed: Vec<(ExpectedKey, String)>,
    /// The newest versions of keys that AKS moves on by itself.
    newest: Vec<KeyId>,
    /// Of such a key, only the newest version will do.
    is_strict: bool,
    /// Keys that were set by their versions before such a key came.
    replaced: Vec<KeyId>,
    /// In this run, API servers were seen to count a key under a hash that can be computed.
    computable: bool,
}

impl KeyNames {
    pub(super) fn new(known: Vec<KeyId>, learned: Vec<(ExpectedKey, String)>) -> Self {
        Self { known, learned, ..Self::default() }
    }

    /// One more key is known.
    pub(super) fn know(&mut self, key: &ExpectedKey) {
        let Some(key_id) = key.key_id() else { return };
        if !self.known.iter().any(|known| known.as_str() == key_id.as_str()) {
            self.known.push(key_id.clone());
        }
    }

    /// This is the newest version of its key.
    pub(super) fn know_newest(&mut self, version: KeyId) {
        self.newest.retain(|known| known.without_version() != version.without_version());
        self.newest.push(version);
    }

    /// Of a key that AKS moves on by itself, only the newest version will do: with an older one, the API servers
    /// are about to move on.
    pub(super) fn strict(self) -> Self {
        Self { is_strict: true, ..self }
    }

    /// Whether this is the hash of the newest version of the key.
    pub(super) fn is_newest(&self, key: &ExpectedKey, hash: &str) -> bool {
        let Some(key_id) = key.key_id().map(KeyId::without_version) else { return false };
        let of_key = self.newest.iter().find(|version| version.without_version() == key_id);
        of_key.is_some_and(|version| {
            let key = ExpectedKey::Key(version.clone());
            self.named(&key, hash).is_some()
        })
    }

    /// These keys were set by their versions before data encryption, and nothing is proven of that yet.
    pub(super) fn replaces(&mut self, keys: Vec<KeyId>) {
        self.replaced = keys;
    }

    /// Whether a version may be written with as it was before data encryption, too.
    pub(super) fn is_replaced(&self, version: &KeyId) -> bool {
        self.replaced.contains(version)
    }

    /// Whether AKS is about to move on from this version.
    fn is_outdated(&self, version: &KeyId) -> bool {
        let mut newest = self.newest.iter();
        newest.any(|it| it.without_version() == version.without_version() && it != version)
    }

    /// API servers were seen to write with this.
    pub(super) fn see(&mut self, writes_with: &WritesWith) {
        if let WritesWith::Key { hash, .. } = writes_with {
            self.computable |= self.computed(hash).is_some();
        }
    }

    /// Whether every key's hash can be computed here, as one's was.
    pub(super) fn are_computable(&self) -> bool {
        self.computable
    }

    /// All API servers show this hash where this key is expected.
    pub(super) fn guess(&mut self, key: &ExpectedKey, hash: &str) {
        if key.is_encryption() {
            self.guessed.push((key.clone(), hash.to_owned()));
        }
    }

    /// Whether it was guessed in this run that the hash is this key's.
    pub(super) fn was_guessed(&self, key: &ExpectedKey, hash: &str) -> bool {
        self.guessed.iter().any(|(guessed, of)| guessed == key && of == hash)
    }

    /// The key that this hash is of by computation, in a spelling and a version that is known, if it is the
    /// one that is looked for.
    pub(super) fn named(&self, key: &ExpectedKey, hash: &str) -> Option<&KeyId> {
        let of_key = self.known.iter().filter(|known| key.covers(known));
        let is_strict = self.is_strict && matches!(key, ExpectedKey::AnyVersion(_));
        of_key
            .filter(|known| !(is_strict && self.is_outdated(known)))
            .find(|known| known.metrics_hash() == hash)
    }

    /// Whether this is the hash that can be computed for the key, in a spelling that is known.
    pub(super) fn is_computed(&self, key: &ExpectedKey, hash: &str) -> bool {
        key.key_id().is_some_and(|key_id| key_id.metrics_hash() == hash)
            || self.named(key, hash).is_some()
    }

    /// The known key whose hash this is by computation.
    pub(super) fn computed(&self, hash: &str) -> Option<&KeyId> {
        self.known.iter().find(|known| known.metrics_hash() == hash)
    }

    /// Whether the API servers were seen to count the key under this hash. What was remembered
    /// is not believed of a hash that is another key's by computation, nor of one that two keys
    /// are said to have.
    pub(super) fn is_learned(&self, key: &ExpectedKey, hash: &str) -> bool {
        let mut owners = self.learned.iter().filter(|(_, learned)| learned == hash).peekable();
        owners.peek().is_some()
            && owners.all(|(owner, _)| owner == key)
            && self.computed(hash).is_none_or(|other| key.covers(other))
    }

    /// The key that is counted under this hash, as far as known.
    pub(super) fn owner(&self, hash: &str) -> Option<ExpectedKey> {
        let computed = self.computed(hash).map(|key_id| match key_id.version() {
            Some(_) => ExpectedKey::Key(key_id.clone()),
            None => ExpectedKey::AnyVersion(key_id.clone()),
        });
        computed.or_else(|| {
            let learned = self.learned.iter().find(|(_, learned)| learned == hash);
            learned.map(|(owner, _)| owner).filter(|owner| self.is_learned(owner, hash)).cloned()
        })
    }

    /// Every hash that the key is known to be counted under.
    pub(super) fn hashes(&self, key: &ExpectedKey) -> Vec<String> {
        let spellings =
            self.known.iter().filter(|known| key.covers(known)).map(KeyId::metrics_hash);
        let learned = self.learned.iter().filter(|(_, hash)| self.is_learned(key, hash));
        let itself = key.key_id().map(KeyId::metrics_hash);
        itself.into_iter().chain(spellings).chain(learned.map(|(_, hash)| hash.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(host: &str, version: u8) -> KeyId {
        KeyId::parse(&format!("https://{host}.vault.azure.net/keys/etcd/{version:032x}")).unwrap()
    }

    fn named(host: &str, version: u8) -> ExpectedKey {
        ExpectedKey::Key(key(host, version))
    }

    #[test]
    fn each_spelling_of_a_key_has_its_own_hash() {
        let names = KeyNames::new(vec![key("SHOP", 1)], Vec::new());
        assert!(names.is_computed(&named("shop", 1), &key("shop", 1).metrics_hash()));
        assert!(names.is_computed(&named("shop", 1), &key("SHOP", 1).metrics_hash()));
        assert!(!names.is_computed(&named("shop", 1), &key("Shop", 1).metrics_hash()));
        assert!(!names.is_computed(&named("shop", 2), &key("SHOP", 1).metrics_hash()));
        let hashes = names.hashes(&named("shop", 1));
        assert_eq!(hashes, [key("shop", 1).metrics_hash(), key("SHOP", 1).metrics_hash()]);
    }

    #[test]
    fn what_was_learned_is_believed_unless_something_speaks_against_it() {
        let (one, two) = (named("shop", 1), named("shop", 2));
        let hash = key("shop", 2).metrics_hash();
        let cases = [
            ("nobody else's", vec![], vec![(one.clone(), "x".to_owned())], "x", true),
            ("not learned", vec![], vec![(two.clone(), "x".to_owned())], "x", false),
            (
                "computed for another key",
                vec![key("shop", 2)],
                vec![(one.clone(), hash.clone())],
                &hash,
                false,
            ),
            (
                "two keys have it",
                vec![],
                vec![(one.clone(), "x".to_owned()), (two.clone(), "x".to_owned())],
                "x",
                false,
            ),
        ];
        for (name, known, learned, hash, believed) in cases {
            let names = KeyNames::new(known, learned);
            assert_eq!(names.is_learned(&one, hash), believed, "{name}");
            assert_eq!(names.hashes(&one).len(), 1 + usize::from(believed), "{name}");
        }
    }

    #[test]
    fn the_owner_of_a_hash_is_found_by_computation_first() {
        let (one, two) = (named("shop", 1), key("shop", 2));
        let names = KeyNames::new(
            vec![two.clone()],
            vec![(one.clone(), "x".to_owned()), (one.clone(), two.metrics_hash())],
        );
        assert_eq!(names.owner("x"), Some(one));
        assert_eq!(names.owner(&two.metrics_hash()), Some(named("shop", 2)));
        assert_eq!(names.owner("y"), None);
    }
}
