//! The seal of the record: who may write a `ConfigMap` is not whom the record may be believed from.

use std::fmt;

use aws_lc_rs::{hmac, rand};
use base64::{Engine, engine::general_purpose::STANDARD};

/// How many random bytes a key has.
const BYTES: usize = 32;
/// What is sealed begins with this, so that no tag of something else is one of a record.
const PURPOSE: &str = "aks-kms record 1";

/// The key of the seal. It is never shown, and lies nowhere but in its Secret.
#[derive(Clone)]
pub(crate) struct SealKey(hmac::Key);

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealKey(…)")
    }
}

impl SealKey {
    /// A new key, and the text that its Secret holds. `None`: the system gives no random bytes.
    pub(crate) fn generate() -> Option<(Self, String)> {
        let mut bytes = [0; BYTES];
        rand::fill(&mut bytes).ok()?;
        Some((Self::new(&bytes), STANDARD.encode(bytes)))
    }

    /// The key that a Secret holds. `None`: it holds none of ours.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text).ok()?;
        (bytes.len() == BYTES).then(|| Self::new(&bytes))
    }

    fn new(bytes: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// The seal of a text in the cluster whose `kube-system` has this uid: it is none in another.
    pub(crate) fn seal(&self, cluster_uid: &str, text: &str) -> String {
        STANDARD.encode(hmac::sign(&self.0, &sealed(cluster_uid, text)))
    }

    /// Whether the seal is this key's, of exactly this text in this cluster. Compared in constant
    /// time.
    pub(crate) fn fits(&self, cluster_uid: &str, text: &str, seal: &str) -> bool {
        let Ok(tag) = STANDARD.decode(seal) else { return false };
        hmac::verify(&self.0, &sealed(cluster_uid, text), &tag).is_ok()
    }
}

/// Neither the purpose nor a uid has a line break in it: no two pairs give the same bytes.
fn sealed(cluster_uid: &str, text: &str) -> Vec<u8> {
    format!("{PURPOSE}\n{}\n{text}", cluster_uid.replace('\n', " ")).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Seen, Target};

    #[test]
    fn a_seal_fits_its_key_its_text_and_its_cluster_only() {
        let (key, text) = SealKey::generate().unwrap();
        let (other, _) = SealKey::generate().unwrap();
        let seal = key.seal("uid", "record");
        assert!(key.fits("uid", "record", &seal));
        assert!(SealKey::parse(&text).unwrap().fits("uid", "record", &seal));
        assert!(!other.fits("uid", "record", &seal), "another key");
        assert!(!key.fits("uid", "record ", &seal), "another text");
        assert!(!key.fits("uie", "record", &seal), "another cluster");
        assert!(!key.fits("uid\nrecord", "", &key.seal("uid", "record\n")), "another split");
        for wrong in ["", "AAAA", "not base64!", &seal[..40], &format!("{seal}{seal}")] {
            assert!(!key.fits("uid", "record", wrong), "{wrong:?}");
        }
    }

    /// Other versions must find the same seal.
    #[test]
    fn the_seal_is_this_one() {
        let key = SealKey::parse(&STANDARD.encode([7; BYTES])).unwrap();
        assert_eq!(key.seal("uid", "{}"), "2BMOdbMtrkyqhBnzfA2F4EIuVVe1lb5j4iAX/ZW+9PE=");
    }

    #[test]
    fn what_is_no_key_of_ours_is_none() {
        let short = STANDARD.encode([1; 31]);
        let long = STANDARD.encode([1; 33]);
        for text in ["", "no base64!", &short, &long] {
            assert!(SealKey::parse(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn fuzz_seal_keys_and_seals() {
        let needle = STANDARD.encode([7; BYTES]);
        let key = SealKey::parse(&needle).unwrap();
        let documents = vec![needle.clone().into_bytes(), STANDARD.encode([0; BYTES]).into()];
        let target = Target { name: "seals", documents, read: 5, hidden: &[&needle] };
        let seal = key.seal("uid", "record");
        target.run(|input| {
            let text = String::from_utf8_lossy(input);
            assert_eq!(key.fits("uid", "record", &text), *text == *seal);
            let parsed = SealKey::parse(&text);
            if let Some(parsed) = &parsed {
                assert!(parsed.fits(&text, &text, &parsed.seal(&text, &text)));
                assert_eq!(parsed.fits("uid", "record", &seal), *text == *needle);
            }
            Seen::found(parsed)
        });
    }

    #[test]
    fn a_key_is_not_shown() {
        let (key, text) = SealKey::generate().unwrap();
        assert_eq!(format!("{key:?}"), "SealKey(…)");
        assert_ne!(SealKey::generate().unwrap().1, text);
    }
}
