//! A change of the KMS profile: as it is asked of the library, and as az sends it.

use aks_kms::{
    ChangeNetworkModeOptions, DisableOptions, EnableOptions, Error, KmsManager, NetworkMode,
    OperationReport, RotateOptions, RunOptions,
};
use aks_kms_simulator::Case;
use serde_json::{Value, json};

/// How the vault is to be reached.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Mode {
    Public,
    Private,
}

impl From<Mode> for NetworkMode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Public => Self::Public,
            Mode::Private => Self::Private,
        }
    }
}

/// A key id that somebody passes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Key {
    First,
    Second,
    Third,
    Elsewhere,
    NoSuchVersion,
    NoSuchName,
    NoSuchVault,
    WithoutVersion,
    WithTrailingSlash,
    InCapitals,
    OverHttp,
    OfAnotherCloud,
}

impl Key {
    pub(crate) fn id(self, case: &Case) -> String {
        let first = &case.key_ids[0];
        let (without_version, version) = first.rsplit_once('/').unwrap();
        match self {
            Self::First => first.clone(),
            Self::Second => case.key_ids[1].clone(),
            Self::Third => case.key_ids[2].clone(),
            Self::Elsewhere => case.other_key_ids[0].clone(),
            Self::NoSuchVersion => format!("{without_version}/{}", "0".repeat(32)),
            Self::NoSuchName => format!("{without_version}-2/{version}"),
            Self::NoSuchVault => first.replacen("https://kv-", "https://kw-", 1),
            Self::WithoutVersion => without_version.to_owned(),
            Self::WithTrailingSlash => format!("{first}/"),
            Self::InCapitals => {
                let host = first.split('/').nth(2).unwrap();
                first.replacen(host, &host.to_ascii_uppercase(), 1)
            }
            Self::OverHttp => first.replacen("https://", "http://", 1),
            Self::OfAnotherCloud => {
                let host = first.split('/').nth(2).unwrap();
                let (vault, _) = host.split_once('.').unwrap();
                first.replacen(host, &format!("{vault}.vault.azure.cn"), 1)
            }
        }
    }
}

/// A key and how its vault is to be reached.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Asked {
    pub(crate) key: Key,
    pub(crate) mode: Mode,
    /// For private mode: which vault is named.
    pub(crate) vault: Named,
}

/// The vault that is named with a key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Named {
    Its,
    Another,
    None,
    Malformed,
}

impl Asked {
    fn vault(self, case: &Case) -> Option<&str> {
        let is_elsewhere = self.key == Key::Elsewhere;
        match self.vault {
            Named::None => None,
            Named::Malformed => Some("/subscriptions/shop/vaults/shop"),
            Named::Its if is_elsewhere => Some(&case.other_key_vault_id),
            Named::Another if !is_elsewhere => Some(&case.other_key_vault_id),
            Named::Its | Named::Another => Some(&case.key_vault_id),
        }
    }

    /// Without a vault, that of the key in use stays.
    fn rotation(self, case: &Case, now: &Value) -> Value {
        let mut profile = self.profile(case);
        let host =
            |profile: &Value| profile["keyId"].as_str()?.split('/').nth(2).map(str::to_owned);
        if self.vault == Named::None && self.mode == Mode::Private && host(&profile) == host(now) {
            profile["keyVaultResourceId"] = now["keyVaultResourceId"].clone();
        }
        profile
    }

    fn profile(self, case: &Case) -> Value {
        profile(&self.key.id(case), self.mode, self.vault(case).unwrap_or_default())
    }
}

/// The profile as az sends it.
fn profile(key_id: &str, mode: Mode, vault: &str) -> Value {
    let (access, vault) = match mode {
        Mode::Public => ("Public", ""),
        Mode::Private => ("Private", vault),
    };
    json!({
        "enabled": true,
        "keyId": key_id,
        "keyVaultNetworkAccess": access,
        "keyVaultResourceId": vault,
    })
}

/// A change of the KMS profile.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Change {
    Enable(Asked),
    Rotate(Asked),
    Disable,
    NetworkMode(Mode),
}

impl Change {
    /// Asks the library for it.
    pub(crate) async fn ask(
        &self,
        manager: &KmsManager,
        case: &Case,
        run: RunOptions,
    ) -> Result<OperationReport, Error> {
        let private_vault = |asked: &Asked| {
            let vault = asked.vault(case).filter(|_| asked.mode == Mode::Private);
            vault.map(str::to_owned)
        };
        match self {
            Self::Enable(asked) => {
                let options = EnableOptions {
                    network_mode: asked.mode.into(),
                    key_vault_id: private_vault(asked),
                    ..EnableOptions::from(run)
                };
                manager.enable(asked.key.id(case), options).await
            }
            Self::Rotate(asked) => {
                let options = RotateOptions {
                    network_mode: Some(asked.mode.into()),
                    key_vault_id: private_vault(asked),
                    ..RotateOptions::from(run)
                };
                manager.rotate(asked.key.id(case).as_str(), options).await
            }
            Self::Disable => manager.disable(DisableOptions::from(run)).await,
            Self::NetworkMode(mode) => {
                let options = ChangeNetworkModeOptions::from(run);
                manager.change_network_mode(NetworkMode::from(*mode), options).await
            }
        }
    }

    /// The profiles that az sends for it, one after the other, given the one that there is: the page turns KMS off
    /// and on again to change the mode. None where no key is in use whose mode could be changed.
    pub(crate) fn profiles(self, case: &Case, now: &Value) -> Vec<Value> {
        let off = json!({"enabled": false});
        match self {
            Self::Enable(asked) => vec![asked.profile(case)],
            Self::Rotate(asked) => vec![asked.rotation(case, now)],
            Self::Disable => vec![off],
            Self::NetworkMode(mode) => {
                let key_id = now["keyId"].as_str().filter(|_| now["enabled"] == true);
                let Some(key_id) = key_id else { return Vec::new() };
                let vault = if case.other_key_ids.iter().any(|other| other == key_id) {
                    &case.other_key_vault_id
                } else {
                    &case.key_vault_id
                };
                vec![off, profile(key_id, mode, vault)]
            }
        }
    }
}
