//! Rules about the Kubernetes API and what is done to secrets.

use super::{
    check_fact,
    question::RuleContext,
    remedy::{fill, of_key},
};
use crate::{
    catalogue::{Level, RuleId},
    facts::{
        Doubt, ETCD_GROWTH, ETCD_RETENTION, Fact, KubernetesFacts, Obstacle, Permission,
        SECRET_BYTES, Unreadable,
    },
    ids::{ClusterId, ExpectedKey, Verb},
    ledger::Entry,
    options::Pace,
    report::Finding,
};

pub(super) fn check(question: &RuleContext<'_>) -> Vec<Finding> {
    let mut findings: Vec<Finding> =
        [unencrypted_meanwhile(question), unproven(question), record_unreadable(question)]
            .into_iter()
            .flatten()
            .collect();
    match &question.observed.kubernetes {
        Fact::Known(kubernetes) => {
            let judged = Judged { question, kubernetes };
            findings.extend(judged.cluster_mismatch());
            findings.extend(judged.unreadable());
            if question.verb == Verb::Status {
                findings.extend(judged.less_to_be_seen());
            }
            if question.touches_secrets() {
                findings.extend(judged.permission_missing());
                findings.extend(judged.updates_denied());
                findings.extend(judged.canary_denied());
                findings.extend(judged.key_in_use());
                findings.extend(judged.etcd_growth());
            }
        }
        // Everything else that the API server would tell is unknown for this one reason.
        Fact::Unknown(why) => findings.extend(unreachable(question, why)),
    }
    findings
}

fn unreachable(question: &RuleContext<'_>, why: &str) -> Option<Finding> {
    let cluster = &question.observed.cluster;
    // A stopped cluster has no API server, which its own rule says.
    if cluster.is_stopped() {
        return None;
    }
    let level = if question.touches_secrets() { Level::Block } else { Level::Warn };
    let mut message = format!("the API server cannot be reached from here: {why}");
    if let Some(closed) = super::closed_vault_in_use(question.observed) {
        message = format!("{message}; {closed}");
    }
    let finding = Finding::violated(RuleId::KubernetesUnreachable, &cluster.id, message);
    let remedy = way_out(question.observed.obstacle).map_or(finding.remedy, str::to_owned);
    Some(Finding { remedy, ..finding }.at(level, false))
}

/// What to do where it is not the network that is in the way.
fn way_out(obstacle: Option<Obstacle>) -> Option<&'static str> {
    match obstacle? {
        Obstacle::Configuration => {
            Some("Mend the Kubernetes configuration that is named, or pass another one.")
        }
        Obstacle::Credential => Some(
            "Renew the credential that was refused, or pass another one (for a cluster whose local accounts are off: \
             the user credential, not the admin's).",
        ),
        Obstacle::Permission => Some(
            "Grant the permission that is named, or pass a Kubernetes configuration, for which nothing is asked of Azure.",
        ),
        Obstacle::Certificate => Some(
            "Name the authority that signed its certificate: as `certificate-authority` in the Kubernetes \
             configuration, which `az aks get-credentials` writes anew; behind a proxy that ends TLS, the \
             proxy's.",
        ),
        Obstacle::Network => None,
    }
}

/// A profile that is turned off: secrets may still be under its key, or in plaintext.
fn unencrypted_meanwhile(question: &RuleContext<'_>) -> Option<Finding> {
    let cluster = &question.observed.cluster;
    let off = cluster.kms.as_ref().is_some_and(|profile| !profile.enabled);
    let message = match question.verb {
        Verb::ChangeNetworkMode | Verb::MigrateToV2 => {
            "from turning KMS off to turning it on again, secrets are not encrypted with your key"
        }
        _ => {
            "KMS was on before and is off: secrets written since are not encrypted with your key \
             until this is done"
        }
    };
    (off && question.sets().is_some())
        .then(|| Finding::violated(RuleId::SecretsNotKmsEncryptedMeanwhile, &cluster.id, message))
}

/// No pass has come to its end since the key came into use, or the record does not know of one.
fn unproven(question: &RuleContext<'_>) -> Option<Finding> {
    let cluster = &question.observed.cluster;
    let found = question.observed.recorded()?;
    let ledger = &found.record.ledger;
    // A cluster that never had KMS has nothing to prove.
    let current = ledger.current.as_ref();
    let had_a_key = cluster.kms.is_some()
        || current.is_some_and(|entry| entry.key().is_data_encryption() && entry.since.is_some())
        || ledger.previous.as_ref().is_some_and(|entry| entry.key_id.is_some())
        || !ledger.retired.is_empty();
    // After a change that did not succeed, the proof is of another key than the configured one.
    let configured = cluster.expected().ok();
    let is_configured = |entry: &&Entry| configured.as_ref().is_some_and(|key| entry.is(key));
    let is_proven = current.filter(is_configured).is_some_and(|entry| entry.proven_at.is_some());
    if !had_a_key || is_proven {
        return None;
    }
    let what = match &configured {
        Some(ExpectedKey::Plaintext) => "plaintext, as KMS is off".to_owned(),
        Some(key) if key.is_data_encryption() => format!("under {key}"),
        _ => match question.in_use().and_then(|profile| profile.key.as_ref()) {
            Some(key) => format!("under key {}", key.as_str()),
            None => "plaintext, as KMS is off".to_owned(),
        },
    };
    let violated = |message| Finding::violated(RuleId::SecretsUnproven, &cluster.id, message);
    let Some(operation) = &found.record.operation else {
        return Some(violated(format!("no proof is recorded that every secret is {what}")));
    };
    let verb = operation.intent.verb();
    let message = format!("it is not proven that every secret is {what}: {verb} is unfinished");
    // Another verb would be refused meanwhile.
    let remedy = "Call `resume`, which goes on with it; or, if it is not wanted any more, `abandon` and \
                  then `reencrypt_secrets`.";
    Some(Finding { remedy: remedy.to_owned(), ..violated(message) })
}

/// Where the API server cannot be reached at all, its own rule says so.
fn record_unreadable(question: &RuleContext<'_>) -> Option<Finding> {
    let Some(Fact::Unknown(why)) = &question.observed.record else { return None };
    question.observed.kubernetes.known()?;
    let message = format!("the record of keys and proofs cannot be read: {why}");
    Some(Finding::violated(RuleId::RecordUnreadable, &question.observed.cluster.id, message))
}

/// On KMS v1 the key in use is never proven, so access to metrics is no remedy.
pub(crate) fn unproven_on_kms_v1(cluster: &ClusterId) -> Finding {
    let message = "the metrics of KMS v1 name no keys, so nothing proves which key the API servers write with";
    Finding {
        remedy: "Rewrite every secret with `reencrypt_secrets` while the cluster is set to the key in \
                 use, then name key-in-use-unproven in allow. `migrate_to_v2` needs that too, for the \
                 last time: the metrics of KMS v2 name the keys."
            .to_owned(),
        ..Finding::violated(RuleId::KeyInUseUnproven, cluster, message)
    }
}

/// A pass could not see whether the API servers write with this key.
pub(crate) fn key_in_use_not_seen(
    cluster: &ClusterId,
    expected: &ExpectedKey,
    doubt: Option<Doubt>,
) -> Finding {
    let why = doubt.map_or_else(|| "nothing could be seen".to_owned(), |doubt| doubt.to_string());
    let message =
        format!("which key the API servers write with is not proven, so nothing is: {why}");
    let finding = Finding::violated(RuleId::KeyInUseUnproven, cluster, message);
    let remedy = match (doubt, expected) {
        (Some(Doubt::Metrics) | None, _) => GRANT_METRICS,
        (Some(Doubt::LeasesForbidden), _) => GRANT_LEASES,
        (Some(Doubt::NoIdentityLeases), _) => {
            "Upgrade the cluster to Kubernetes 1.26 or later, where each API server has an identity \
             Lease; until then nothing but time tells, which naming key-in-use-unproven in allow \
             accepts."
        }
        (Some(Doubt::VersionsDiffer), _) => {
            "Call this again once AKS has moved all API servers to the newest version, which it looks for every six \
             hours; where it does not, let an update of the cluster succeed: `az aks update --resource-group <group> \
             --name <cluster>`."
        }
        (Some(Doubt::KeyUnidentified), ExpectedKey::Platform) => {
            "Call `reencrypt_secrets` with key-in-use-unproven in allow: the record then has the hash that all API \
             servers show as the platform's key, and the next call proves by it."
        }
        (Some(Doubt::KeyUnidentified), ExpectedKey::AnyVersion(_)) => {
            "See to it that the versions of the key can be listed from here, whose hashes are looked for: `az keyvault \
             key list-versions --vault-name <vault> --name <key>`. Where they can, call `reencrypt_secrets` with \
             key-in-use-unproven in allow: the record then has the hash that all API servers show as this key's, and \
             the next call proves by it."
        }
        (Some(Doubt::KeyUnidentified), _) => {
            "Where you know that it is this key, name key-in-use-unproven in allow when the key is changed next: the \
             record then has the hash that all API servers show as this key's."
        }
    };
    let mut values = vec![
        ("<group>", cluster.resource_group().to_owned()),
        ("<cluster>", cluster.name().to_owned()),
    ];
    values.extend(expected.key_id().into_iter().flat_map(of_key));
    fill(Finding { remedy: remedy.to_owned(), ..finding }, &values)
}

/// What gives the right to see what the API servers write with.
const GRANT_METRICS: &str = "Grant it: `kubectl create clusterrole aks-kms-metrics --verb=get \
     --non-resource-url=/metrics` and `kubectl create clusterrolebinding aks-kms-metrics \
     --clusterrole=aks-kms-metrics --user=<user>`.";

/// What gives the right to see which API servers there are.
const GRANT_LEASES: &str = "Grant it: `kubectl create role aks-kms-leases --namespace kube-system --verb=list \
     --resource=leases.coordination.k8s.io` and `kubectl create rolebinding aks-kms-leases \
     --namespace kube-system --role=aks-kms-leases --user=<user>`.";

/// The right to see which API servers there are.
fn is_identity_leases(permission: &Permission) -> bool {
    permission.verb == "list" && permission.resource == "leases"
}

struct Judged<'a> {
    question: &'a RuleContext<'a>,
    kubernetes: &'a KubernetesFacts,
}

impl Judged<'_> {
    fn cluster_mismatch(&self) -> Option<Finding> {
        let cluster = &self.question.observed.cluster;
        let host = self.kubernetes.host.trim_end_matches('.');
        if cluster.hosts.iter().any(|own| own.eq_ignore_ascii_case(host)) {
            return None;
        }
        // Resource group names can hold letters beyond ASCII.
        let own_group = format!(
            "/subscriptions/{}/resourceGroups/{}",
            cluster.id.subscription_id(),
            cluster.node_resource_group
        )
        .to_lowercase();
        let (rule, groups) =
            (RuleId::KubernetesClusterMismatch, &self.kubernetes.node_resource_groups);
        check_fact(rule, &cluster.id, groups, |groups| {
            (!groups.iter().any(|group| group.to_lowercase() == own_group)).then(|| {
                format!(
                    "the API server {host} is not one of cluster {}, and none of its nodes \
                     lies in {}",
                    cluster.id.name(),
                    cluster.node_resource_group
                )
            })
        })
    }

    fn unreadable(&self) -> Option<Finding> {
        let rule = RuleId::SecretsUnreadable;
        let cluster = &self.question.observed.cluster.id;
        Some(match self.kubernetes.unreadable.as_ref()? {
            Unreadable::Secret(said) => Finding::violated(
                rule,
                cluster,
                format!("the API server cannot decrypt a secret: {said}"),
            ),
            Unreadable::NotReady => Finding::undetermined(
                rule,
                cluster,
                "an API server does not get ready (informer-sync in /readyz), as one does that meets such a secret at its start",
            ),
        })
    }

    fn permission_missing(&self) -> Option<Finding> {
        let cluster = &self.question.observed.cluster.id;
        let (rule, missing) =
            (RuleId::KubernetesPermissionMissing, &self.kubernetes.missing_permissions);
        check_fact(rule, cluster, missing, |missing| {
            // Without `watch`, secrets are verified as on servers that stream no lists.
            let needed = |it: &&Permission| it.verb != "watch" && !is_identity_leases(it);
            let missing: Vec<String> =
                missing.iter().filter(needed).map(Permission::to_string).collect();
            (!missing.is_empty()).then(|| format!("missing in Kubernetes: {}", missing.join(", ")))
        })
    }

    /// What may not be read is not among the rest, and nothing else says why.
    fn less_to_be_seen(&self) -> Option<Finding> {
        let missing = self.kubernetes.missing_permissions.known()?.iter();
        let to_read = missing.filter(|it| matches!(it.verb.as_str(), "get" | "list"));
        let missing: Vec<String> = to_read.map(Permission::to_string).collect();
        let cluster = &self.question.observed.cluster.id;
        let message =
            format!("not everything can be seen: missing in Kubernetes: {}", missing.join(", "));
        let finding = Finding::violated(RuleId::KubernetesPermissionMissing, cluster, message);
        (!missing.is_empty()).then(|| finding.at(Level::Warn, false))
    }

    fn updates_denied(&self) -> Vec<Finding> {
        let rule = RuleId::SecretUpdatesDenied;
        // AKS rewrites secrets itself then, and says nothing of those that it cannot.
        let refuses = self.question.changes_data_encryption();
        let findings: Vec<Finding> = match &self.kubernetes.denied_patches {
            Fact::Known(denied) => denied
                .iter()
                .map(|denied| {
                    let message =
                        format!("a change of {} is denied: {}", denied.secret, denied.message);
                    Finding::violated(rule, &denied.secret, message)
                })
                .collect(),
            Fact::Unknown(why) => {
                vec![Finding::undetermined(rule, &self.question.observed.cluster.id, why)]
            }
        };
        let weighed = |finding: Finding| {
            if refuses { finding } else { finding.at(Level::Warn, false) }
        };
        findings.into_iter().map(weighed).collect()
    }

    /// Without our own secret no API server can be made to show the key that it writes with.
    fn canary_denied(&self) -> Option<Finding> {
        let Fact::Known(Some(denied)) = &self.kubernetes.denied_canary else { return None };
        if self.kubernetes.metrics == Fact::Known(false) {
            return None;
        }
        let secret = &denied.secret;
        let message = format!("making {secret} is denied: {}", denied.message);
        Some(
            Finding {
                remedy: format!(
                    "Let the policy or webhook allow {secret}, of type aks-kms/canary and without a value: it makes an \
                     API server show the key that it writes with. Or keep the state in another namespace."
                ),
                ..Finding::violated(RuleId::SecretUpdatesDenied, secret, message)
            }
            .at(Level::Block, false),
        )
    }

    fn key_in_use(&self) -> Option<Finding> {
        let rule = RuleId::KeyInUseUnproven;
        let cluster = &self.question.observed.cluster.id;
        // The API servers go on writing under the provider that they have.
        let finding = if self.question.kms_v1_in_use() {
            unproven_on_kms_v1(cluster)
        } else {
            let metrics = check_fact(rule, cluster, &self.kubernetes.metrics, |readable| {
                (!readable).then(|| "`/metrics` of the API server cannot be read".to_owned())
            });
            let granted = |finding| Finding { remedy: GRANT_METRICS.to_owned(), ..finding };
            metrics.map(granted).or_else(|| self.servers_unknown())?
        };
        let (level, overridable) =
            if self.question.gate { (Level::Block, true) } else { (Level::Warn, false) };
        Some(finding.at(level, overridable))
    }

    /// Which API servers there are is in their identity Leases: without them, one that was not
    /// heard is not missed.
    fn servers_unknown(&self) -> Option<Finding> {
        let missing = self.kubernetes.missing_permissions.known()?;
        let permission = missing.iter().find(|permission| is_identity_leases(permission))?;
        let cluster = &self.question.observed.cluster.id;
        let message = format!(
            "which API servers there are cannot be seen: missing in Kubernetes: {permission}"
        );
        let finding = Finding::violated(RuleId::KeyInUseUnproven, cluster, message);
        Some(Finding { remedy: GRANT_LEASES.to_owned(), ..finding })
    }

    fn etcd_growth(&self) -> Option<Finding> {
        let options = self.question.reencrypt;
        if options.pace == Pace::Gentle {
            // It keeps etcd's growth below the limit by itself.
            return None;
        }
        let size = self.kubernetes.mean_secret_bytes.unwrap_or(SECRET_BYTES);
        let within_retention = options
            .max_requests_per_second
            .map_or(u64::MAX, |rate| u64::from(rate) * ETCD_RETENTION.as_secs());
        let limit = ETCD_GROWTH / size.max(1);
        if within_retention <= limit {
            return None;
        }
        let cluster = &self.question.observed.cluster.id;
        check_fact(RuleId::EtcdGrowth, cluster, &self.kubernetes.secrets, |secrets| {
            let rewritten = within_retention.min(*secrets);
            (rewritten > limit).then(|| {
                format!(
                    "rewriting {rewritten} secrets of about {size} bytes within ten minutes \
                     adds {} MiB to etcd",
                    rewritten.saturating_mul(size) >> 20
                )
            })
        })
    }
}
