//! Rules about arguments, judged before any request.

use super::remedy;
use crate::{
    catalogue::RuleId,
    error::{Error, ErrorKind},
    ids::{KeyId, NetworkMode, ParseError, VaultId},
    observed::Observed,
    options::CustomerManagedKey,
    report::{Finding, KmsConfiguration},
};

/// Parses the KMS configuration that a caller asks for. `key_vault_suffix` is the chosen cloud's,
/// such as `vault.azure.net`.
///
/// # Errors
/// Everything that is wrong with it, at once.
pub(crate) fn target(
    key_id: &str,
    network_mode: NetworkMode,
    key_vault_id: Option<&str>,
    key_vault_suffix: &str,
) -> Result<KmsConfiguration, Vec<Finding>> {
    let mut findings = Vec::new();
    let key = parsed(KeyId::parse(key_id), &mut findings);
    let vault = match key_vault_id {
        Some(id) => parsed(VaultId::parse(id), &mut findings),
        None => None,
    };
    if key_vault_id.is_none() && network_mode == NetworkMode::Private {
        let message = "network_mode is \"private\" and key_vault_id is missing";
        findings.push(Finding::violated(RuleId::KeyVaultIdRequired, key_id, message));
    }
    findings.extend(key.as_ref().and_then(version_required));
    configuration(key, network_mode, vault, findings, key_vault_suffix)
}

/// Parses the customer-managed key that a caller asks for.
///
/// # Errors
/// Everything that is wrong with it, at once.
pub(crate) fn customer_managed(
    key: &CustomerManagedKey,
    key_vault_suffix: &str,
) -> Result<KmsConfiguration, Vec<Finding>> {
    let mut findings = Vec::new();
    let key_id = parsed(KeyId::parse(&key.key_id), &mut findings);
    let vault = if key.key_vault_id.is_empty() {
        let message = "key_vault_id is missing";
        findings.push(Finding::violated(RuleId::KeyVaultIdRequired, &key.key_id, message));
        None
    } else {
        parsed(VaultId::parse(&key.key_vault_id), &mut findings)
    };
    findings.extend(key_id.as_ref().and_then(version_forbidden));
    configuration(key_id, key.network_mode, vault, findings, key_vault_suffix)
}

/// What was parsed, unless something was or is wrong with it.
fn configuration(
    key: Option<KeyId>,
    network_mode: NetworkMode,
    key_vault_id: Option<VaultId>,
    mut findings: Vec<Finding>,
    key_vault_suffix: &str,
) -> Result<KmsConfiguration, Vec<Finding>> {
    if let Some(key) = &key {
        findings.extend(cloud_mismatch(key, key_vault_suffix));
        findings.extend(key_vault_id.as_ref().and_then(|vault| vault_mismatch(key, vault)));
        let values = remedy::of_key(key);
        findings = findings.into_iter().map(|finding| remedy::fill(finding, &values)).collect();
    }
    findings.sort_by_key(|finding| finding.rule);
    match key {
        Some(key_id) if findings.is_empty() => {
            Ok(KmsConfiguration { key_id, network_mode, key_vault_id })
        }
        _ => Err(findings),
    }
}

/// Parses what `rotate` is asked for. What it leaves open is completed once the cluster was seen.
///
/// # Errors
/// Everything that is wrong with it, at once.
pub(crate) fn rotation(
    key_id: Option<&str>,
    network_mode: Option<NetworkMode>,
    key_vault_id: Option<&str>,
    key_vault_suffix: &str,
) -> Result<(Option<KeyId>, Option<VaultId>), Vec<Finding>> {
    let Some(key_id) = key_id else {
        let mut findings = Vec::new();
        let vault = key_vault_id.and_then(|id| parsed(VaultId::parse(id), &mut findings));
        return if findings.is_empty() { Ok((None, vault)) } else { Err(findings) };
    };
    // Without a mode it may be the vault in use, whose id the cluster tells.
    let mode = network_mode.unwrap_or(NetworkMode::Public);
    let known_later = |finding: &Finding| finding.rule == RuleId::KeyVaultIdRequired;
    match target(key_id, mode, key_vault_id, key_vault_suffix) {
        Ok(target) => Ok((Some(target.key_id), target.key_vault_id)),
        Err(findings) if findings.iter().all(known_later) => Ok((KeyId::parse(key_id).ok(), None)),
        Err(findings) => {
            Err(findings.into_iter().filter(|finding| !known_later(finding)).collect())
        }
    }
}

/// A target that was completed from the cluster.
///
/// # Errors
/// The rules, where a private vault's resource id is missing or is another vault's.
pub(crate) fn completed(target: KmsConfiguration) -> Result<KmsConfiguration, Vec<Finding>> {
    let KmsConfiguration { key_id, network_mode, key_vault_id } = &target;
    let finding = match key_vault_id {
        Some(vault) => vault_mismatch(key_id, vault),
        None => (*network_mode == NetworkMode::Private).then(|| {
            let message = "the vault is to be reached in private mode and key_vault_id is missing";
            Finding::violated(RuleId::KeyVaultIdRequired, key_id, message)
        }),
    };
    match finding {
        Some(finding) => Err(vec![remedy::fill(finding, &remedy::of_key(key_id))]),
        None => Ok(target),
    }
}

/// The value; or `None`, and what is wrong is added to the findings.
fn parsed<T>(parsed: Result<T, ParseError>, findings: &mut Vec<Finding>) -> Option<T> {
    parsed.map_err(|error| findings.extend_from_slice(Error::from(error).findings())).ok()
}

fn version_required(key: &KeyId) -> Option<Finding> {
    key.version().is_none().then(|| {
        let message = format!("key_id is {key}, which has no version");
        Finding::violated(RuleId::KeyIdVersionRequired, key, message)
    })
}

/// A customer-managed key has no version.
pub(crate) fn version_forbidden(key: &KeyId) -> Option<Finding> {
    key.version().map(|version| {
        let message = format!("key_id is {key}, which names version {version}");
        Finding {
            remedy: format!("Pass {}.", key.without_version()),
            ..Finding::violated(RuleId::KeyIdVersionForbidden, key, message)
        }
    })
}

fn cloud_mismatch(key: &KeyId, key_vault_suffix: &str) -> Option<Finding> {
    (!key.vault_suffix().eq_ignore_ascii_case(key_vault_suffix.trim_start_matches('.'))).then(
        || {
            let rule = RuleId::KeyVaultCloudMismatch;
            if key.vault_suffix().to_ascii_lowercase().starts_with("managedhsm.") {
                let message = format!("key_id is in a managed HSM, on host {}", key.host());
                let remedy = "Pass a key of a vault: managed HSMs are not documented for KMS.";
                return Finding {
                    remedy: remedy.to_owned(),
                    ..Finding::violated(rule, key, message)
                };
            }
            let message = format!(
                "key_id is on host {}, and vaults of the chosen cloud are under {key_vault_suffix}",
                key.host()
            );
            Finding::violated(rule, key, message)
        },
    )
}

fn vault_mismatch(key: &KeyId, vault: &VaultId) -> Option<Finding> {
    (!vault.name().eq_ignore_ascii_case(key.vault_name())).then(|| {
        let message = format!(
            "key_vault_id names vault {}, and key_id is in vault {}",
            vault.name(),
            key.vault_name()
        );
        Finding::violated(RuleId::KeyVaultIdMismatch, vault, message)
    })
}

/// `invalid_input` where a namespace that was asked for does not exist: a mistyped name would pass for a
/// rewrite.
pub(crate) fn namespaces_exist(observed: &Observed) -> Result<(), Error> {
    let missing = observed.kubernetes.known().map_or(&[][..], |facts| &facts.missing_namespaces);
    let problems: Vec<String> = missing
        .iter()
        .map(|namespace| {
            format!(
                "namespaces has {namespace:?}, which does not exist in cluster {}; `kubectl get namespaces` lists them",
                observed.cluster.id.name()
            )
        })
        .collect();
    if problems.is_empty() { Ok(()) } else { Err(invalid_input(Vec::new(), problems)) }
}

/// `invalid_input` that names everything that is wrong with a call's arguments: the findings of
/// [`target`], and what [`option_problems`](super::option_problems) has to say.
pub(crate) fn invalid_input(findings: Vec<Finding>, problems: Vec<String>) -> Error {
    let mut all: Vec<String> = findings.iter().map(Finding::told).collect();
    all.extend(problems.into_iter().map(|problem| format!("{problem}.")));
    Error::new(ErrorKind::InvalidInput, all.join(" ")).with_findings(findings)
}
