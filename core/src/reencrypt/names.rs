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
    learned: Vec<(KeyId, String)>,
    /// What all API servers showed in this run while nothing but the key's being expected spoke
    /// for it.
    guessed: Vec<(KeyId, String)>,
    /// In this run, API servers were seen to count a key under a hash that can be computed.
    computable: bool,
}

impl KeyNames {
    pub(super) fn new(known: Vec<KeyId>, learned: Vec<(KeyId, String)>) -> Self {
        Self { known, learned, ..Self::default() }
    }

    /// One more key is known.
    pub(super) fn know(&mut self, key: &ExpectedKey) {
        let Some(key_id) = key.key_id() else { return };
        if !self.known.iter().any(|known| known.as_str() == key_id.as_str()) {
            self.known.push(key_id.clone());
        }
    }

    /// API servers were seen to write with this.
    pub(super) fn see(&mut self, writes_with: &WritesWith) {
        if let WritesWith::Key(hash) = writes_with {
            self.computable |= self.computed(hash).is_some();
        }
    }

    /// Whether every key's hash can be computed here, as one's was.
    pub(super) fn are_computable(&self) -> bool {
        self.computable
    }

    /// All API servers show this hash where this key is expected.
    pub(super) fn guess(&mut self, key: &ExpectedKey, hash: &str) {
        if let Some(key_id) = key.key_id() {
            self.guessed.push((key_id.clone(), hash.to_owned()));
        }
    }

    /// Whether it was guessed in this run that the hash is this key's.
    pub(super) fn was_guessed(&self, key: &KeyId, hash: &str) -> bool {
        self.guessed.iter().any(|(guessed, of)| guessed == key && of == hash)
    }

    /// Whether this is the hash that can be computed for the key, in a spelling that is known.
    pub(super) fn is_computed(&self, key: &KeyId, hash: &str) -> bool {
        key.metrics_hash() == hash
            || self.known.iter().any(|known| known == key && known.metrics_hash() == hash)
    }

    /// The known key whose hash this is by computation.
    pub(super) fn computed(&self, hash: &str) -> Option<&KeyId> {
        self.known.iter().find(|known| known.metrics_hash() == hash)
    }

    /// Whether the API servers were seen to count the key under this hash. What was remembered
    /// is not believed of a hash that is another key's by computation, nor of one that two keys
    /// are said to have.
    pub(super) fn is_learned(&self, key: &KeyId, hash: &str) -> bool {
        let mut owners = self.learned.iter().filter(|(_, learned)| learned == hash).peekable();
        owners.peek().is_some()
            && owners.all(|(owner, _)| owner == key)
            && self.computed(hash).is_none_or(|other| other == key)
    }

    /// The key that is counted under this hash, as far as known.
    pub(super) fn owner(&self, hash: &str) -> Option<&KeyId> {
        self.computed(hash).or_else(|| {
            let learned = self.learned.iter().find(|(_, learned)| learned == hash);
            learned.map(|(owner, _)| owner).filter(|owner| self.is_learned(owner, hash))
        })
    }

    /// Every hash that the key is known to be counted under.
    pub(super) fn hashes(&self, key: &KeyId) -> Vec<String> {
        let spellings = self.known.iter().filter(|known| *known == key).map(KeyId::metrics_hash);
        let learned = self.learned.iter().filter(|(_, hash)| self.is_learned(key, hash));
        std::iter::once(key.metrics_hash())
            .chain(spellings)
            .chain(learned.map(|(_, hash)| hash.clone()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(host: &str, version: u8) -> KeyId {
        KeyId::parse(&format!("https://{host}.vault.azure.net/keys/etcd/{version:032x}")).unwrap()
    }

    #[test]
    fn each_spelling_of_a_key_has_its_own_hash() {
        let names = KeyNames::new(vec![key("SHOP", 1)], Vec::new());
        assert!(names.is_computed(&key("shop", 1), &key("shop", 1).metrics_hash()));
        assert!(names.is_computed(&key("shop", 1), &key("SHOP", 1).metrics_hash()));
        assert!(!names.is_computed(&key("shop", 1), &key("Shop", 1).metrics_hash()));
        assert!(!names.is_computed(&key("shop", 2), &key("SHOP", 1).metrics_hash()));
        let hashes = names.hashes(&key("shop", 1));
        assert_eq!(hashes, [key("shop", 1).metrics_hash(), key("SHOP", 1).metrics_hash()]);
    }

    #[test]
    fn what_was_learned_is_believed_unless_something_speaks_against_it() {
        let (one, two) = (key("shop", 1), key("shop", 2));
        let hash = two.metrics_hash();
        let cases = [
            ("nobody else's", vec![], vec![(one.clone(), "x".to_owned())], "x", true),
            ("not learned", vec![], vec![(two.clone(), "x".to_owned())], "x", false),
            (
                "computed for another key",
                vec![two.clone()],
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
        let (one, two) = (key("shop", 1), key("shop", 2));
        let names = KeyNames::new(
            vec![two.clone()],
            vec![(one.clone(), "x".to_owned()), (one.clone(), two.metrics_hash())],
        );
        assert_eq!(names.owner("x"), Some(&one));
        assert_eq!(names.owner(&two.metrics_hash()), Some(&two));
        assert_eq!(names.owner("y"), None);
    }
}
