//! Which keys API servers get by a change of KMS data encryption, and which they keep.

use super::{
    Cluster,
    data_encryption::{self, Experience},
    kms::{self, Profile},
};
use crate::{
    backend::{EncryptionConfig, KeyRef},
    given::{DataEncryption, OldProvider, ReadableVersions},
    world::World,
};

/// What the document asks for, after what the API servers have.
pub(super) async fn next(world: &World, cluster: &Cluster) -> Result<EncryptionConfig, String> {
    let (rolled_out, document) = {
        let state = cluster.state();
        (state.rolled_out.clone(), state.document.clone())
    };
    let profile = Profile::of(&document);
    let wanted = match Experience::of(&document) {
        Experience::Platform => cluster.state().platform_key(),
        Experience::Customer => {
            data_encryption::customer_key(world, &profile, rolled_out.current.as_ref())?
        }
        // It can't be turned off, whatever became of the document.
        _ if rolled_out.current.as_ref().is_some_and(KeyRef::is_data_encryption) => {
            return Ok(rolled_out);
        }
        _ => {
            let version =
                document["properties"]["currentKubernetesVersion"].as_str().unwrap_or_default();
            return Ok(kms::next_config(&rolled_out, &profile, version));
        }
    };
    to(world, cluster, wanted).await
}

/// With this key as the current one.
pub(super) async fn to(
    world: &World,
    cluster: &Cluster,
    wanted: KeyRef,
) -> Result<EncryptionConfig, String> {
    let rolled_out = cluster.state().rolled_out.clone();
    if rolled_out.current.as_ref() == Some(&wanted) {
        return Ok(rolled_out);
    }
    let in_use = match cluster.backend() {
        Some(backend) => backend.keys_in_use().await?,
        None => Vec::new(),
    };
    let older = |key: &KeyRef| older_versions(world, key);
    Ok(switched(&rolled_out, wanted, older, &world.given.data_encryption, &in_use))
}

/// The versions of a customer's key before this one, the newest first.
fn older_versions(world: &World, key: &KeyRef) -> Vec<KeyRef> {
    if key.is_platform() || !key.is_data_encryption() {
        return Vec::new();
    }
    let versions = data_encryption::versions(world, key.source()).unwrap_or_default();
    versions.into_iter().skip_while(|version| version != key).skip(1).collect()
}

/// The change itself. Of legacy KMS no more than the key in use is kept: its two keys are all that it has, and
/// no document says that a third is read with.
fn switched(
    rolled_out: &EncryptionConfig,
    wanted: KeyRef,
    older: impl Fn(&KeyRef) -> Vec<KeyRef>,
    rules: &DataEncryption,
    in_use: &[KeyRef],
) -> EncryptionConfig {
    let EncryptionConfig { current, previous, retained } = rolled_out;
    let all = rules.readable_versions == ReadableVersions::All;
    let mut kept: Vec<KeyRef> = Vec::new();
    if current.as_ref().is_some_and(KeyRef::is_data_encryption)
        && rules.old_provider == OldProvider::WhileNeeded
    {
        let needed = previous.iter().chain(retained).filter(|key| in_use.contains(key));
        kept.extend(needed.filter(|key| all || key.source() != wanted.source()).cloned());
    }
    let previous = current.as_ref().or(previous.as_ref()).filter(|key| **key != wanted).cloned();
    if all {
        kept.extend([Some(&wanted), previous.as_ref()].into_iter().flatten().flat_map(older));
    }
    let mut retained: Vec<KeyRef> = Vec::new();
    for key in kept {
        if key != wanted && previous.as_ref() != Some(&key) && !retained.contains(&key) {
            retained.push(key);
        }
    }
    EncryptionConfig { current: Some(wanted), previous, retained }
}

/// What is left of a configuration when AKS has rewritten what it could.
pub(super) fn settled(
    rolled_out: &EncryptionConfig,
    rules: &DataEncryption,
    in_use: &[KeyRef],
) -> EncryptionConfig {
    let Some(current) = &rolled_out.current else { return rolled_out.clone() };
    if rules.old_provider == OldProvider::UntilNextChange {
        return rolled_out.clone();
    }
    // Versions of the key in use cost no provider.
    let stays = |key: &&KeyRef| {
        in_use.contains(key) || (key.is_data_encryption() && key.source() == current.source())
    };
    EncryptionConfig {
        current: Some(current.clone()),
        previous: rolled_out.previous.as_ref().filter(stays).cloned(),
        retained: rolled_out.retained.iter().filter(stays).cloned().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::KmsVersion;

    /// `l1`: version 1 of a legacy key; `c2`: version 2 of a customer's; `p1`: the platform's.
    fn key(short: &str) -> KeyRef {
        let (kind, number) = short.split_at(1);
        let kms_version = if kind == "l" { KmsVersion::V2 } else { KmsVersion::V2Plus };
        let key_id = match kind {
            "p" => format!("platform/{number}"),
            kind => format!("https://vault/keys/{kind}/{number}"),
        };
        KeyRef { key_id, kms_version }
    }

    /// The current key, the previous one (`-`: none) and the retained ones, one word each.
    fn config(text: &str) -> EncryptionConfig {
        let mut keys = text.split(' ').map(|word| (word != "-").then(|| key(word)));
        EncryptionConfig {
            current: keys.next().flatten(),
            previous: keys.next().flatten(),
            retained: keys.flatten().collect(),
        }
    }

    fn older(key_of: &KeyRef) -> Vec<KeyRef> {
        let number =
            |key: &KeyRef| key.key_id.rsplit('/').next().unwrap().parse::<usize>().unwrap();
        if key_of.is_platform() || !key_of.is_data_encryption() {
            return Vec::new();
        }
        let source = key_of.source().rsplit('/').next().unwrap();
        (1..number(key_of)).rev().map(|number| key(&format!("{source}{number}"))).collect()
    }

    fn rules(versions: ReadableVersions, old: OldProvider) -> DataEncryption {
        DataEncryption { readable_versions: versions, old_provider: old, ..Default::default() }
    }

    #[test]
    fn a_switch_keeps_what_is_needed_or_only_what_was_in_use() {
        use OldProvider::{UntilNextChange, WhileNeeded};
        use ReadableVersions::{All, CurrentAndPrevious};
        for (before, wanted, in_use, versions, old, after) in [
            ("- -", "p1", "", All, WhileNeeded, "p1 -"),
            ("l2 l1", "p1", "l2 l1", All, WhileNeeded, "p1 l2"),
            ("- l1", "c2", "l1", All, WhileNeeded, "c2 l1 c1"),
            ("p1 l2", "c3", "p1 l2", All, WhileNeeded, "c3 p1 l2 c2 c1"),
            ("p1 l2", "c3", "p1", All, WhileNeeded, "c3 p1 c2 c1"),
            ("p1 l2", "c3", "p1 l2", All, UntilNextChange, "c3 p1 c2 c1"),
            ("c2 c1", "c3", "c1", CurrentAndPrevious, WhileNeeded, "c3 c2"),
            ("c2 c1", "c3", "c2 c1", All, UntilNextChange, "c3 c2 c1"),
            ("c2 c1", "p1", "c2 c1", CurrentAndPrevious, WhileNeeded, "p1 c2 c1"),
            ("c2 c1", "p1", "c2 c1", CurrentAndPrevious, UntilNextChange, "p1 c2"),
            ("c2 p1", "p1", "c2", CurrentAndPrevious, WhileNeeded, "p1 c2"),
        ] {
            let in_use: Vec<KeyRef> =
                in_use.split(' ').filter(|it| !it.is_empty()).map(key).collect();
            let rules = rules(versions, old);
            let got = switched(&config(before), key(wanted), older, &rules, &in_use);
            assert_eq!(got, config(after), "{before} -> {wanted}");
        }
    }

    #[test]
    fn an_old_provider_goes_when_nothing_is_under_it() {
        let all = rules(ReadableVersions::All, OldProvider::WhileNeeded);
        assert_eq!(settled(&config("p1 l2"), &all, &[key("p1")]), config("p1 -"));
        assert_eq!(settled(&config("p1 l2"), &all, &[key("p1"), key("l2")]), config("p1 l2"));
        assert_eq!(settled(&config("c3 c2 l1 c1"), &all, &[key("c3")]), config("c3 c2 c1"));
        let next = rules(ReadableVersions::All, OldProvider::UntilNextChange);
        assert_eq!(settled(&config("p1 l2"), &next, &[]), config("p1 l2"));
    }
}
