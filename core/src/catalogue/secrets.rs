//! Rules about the Kubernetes API, and about what becomes of secrets.

use super::{
    Rule, RuleId,
    groups::{
        BLOCK, BLOCK_UNLESS_ALLOWED, BLOCK_UNLESS_HOLDS, CHANGES_KMS, INFO, USES_KUBERNETES, WARN,
        WRITES_SECRETS, WRITES_SECRETS_OR_STATUS,
    },
    pages,
};
use crate::ids::Verb;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: RuleId::KubernetesClusterMismatch,
        summary: "The Kubernetes API that is used must be this cluster's own.",
        remedy: "Use this cluster's credentials: `az aks get-credentials --resource-group <group> --name <cluster>`, or leave out the kubeconfig and the library fetches them.",
        url: pages::ROTATE,
        verbs: USES_KUBERNETES,
        violated_when: "the API server is another cluster's",
        ..BLOCK_UNLESS_HOLDS
    },
    Rule {
        id: RuleId::KubernetesUnreachable,
        summary: "Secrets can be rewritten and proven only where the cluster's API server can be reached.",
        remedy: "Run where it can be: in a pod of the cluster (in-cluster access), in its virtual network or over a VPN, or from an authorized IP range; `az aks command invoke --resource-group <group> --name <cluster> --command \"kubectl get namespaces\"` shows that the cluster itself is well.",
        url: pages::PRIVATE_ACCESS,
        verbs: USES_KUBERNETES,
        violated_when: "the API server is out of reach",
        ..BLOCK
    },
    Rule {
        id: RuleId::KubernetesPermissionMissing,
        summary: "Rewriting secrets needs list and patch on them, list on namespaces, and in the state namespace the canary Secret and, unless there is no journal, ConfigMap and Lease aks-kms and Secret aks-kms-seal; `status` tells less where a right to read is missing, which is a warning.",
        remedy: "Grant what is missing with a ClusterRole and a binding, then check with `kubectl auth can-i <verb> <resource> --all-namespaces`.",
        url: pages::KUBERNETES_RBAC,
        verbs: WRITES_SECRETS_OR_STATUS,
        violated_when: "a right in Kubernetes is missing",
        ..BLOCK
    },
    Rule {
        id: RuleId::RecordUnsealed,
        summary: "A record without a valid seal is not believed: somebody else may have written it, so nothing is known of earlier keys, proofs and operations.",
        remedy: "Nothing needs to be done: the next operation asks every secret first and writes a record with a new seal, and `abandon` drops an operation that the text names; look who may write ConfigMap aks-kms and who deleted or may write Secret aks-kms-seal in the state namespace, with `kubectl get configmap aks-kms --namespace kube-system --output yaml --show-managed-fields`.",
        url: pages::KUBERNETES_RBAC_NAMES,
        verbs: USES_KUBERNETES,
        violated_when: "the record has no valid seal",
        ..WARN
    },
    Rule {
        id: RuleId::SecretUpdatesDenied,
        summary: "An admission webhook or policy denies updates of a secret, even those that change nothing: it could not be rewritten, also not by AKS itself after a change of data encryption, before which this refuses.",
        remedy: "Find it, `kubectl get validatingadmissionpolicies,validatingwebhookconfigurations,mutatingwebhookconfigurations`, and let it exempt updates that leave a secret's data as it is, or name the secret in give_up_secrets, which can make it unreadable.",
        url: pages::KUBERNETES_ADMISSION,
        verbs: WRITES_SECRETS,
        violated_when: "admission denies updates of a secret",
        ..BLOCK_UNLESS_ALLOWED
    },
    Rule {
        id: RuleId::SecretsUnreadable,
        summary: "A secret that no key of the API servers decrypts is unreadable, and keeps an API server that restarts from getting ready.",
        remedy: "Bring back the key that the message names, or the one before the current one: one that was deleted comes back with `az keyvault key recover`; then `rotate` to it, and away from it only after every secret is proven. What is lost for good has to be deleted, `kubectl delete secret <name> --namespace <namespace>`, and made again.",
        url: pages::UNREADABLE,
        verbs: &[Verb::Status],
        violated_when: "an API server cannot decrypt secrets",
        ..BLOCK
    },
    Rule {
        id: RuleId::SecretsUnproven,
        summary: "Until every secret is proven to be under the key in use, keys from before may be needed, and a change of the key by other means than this library can make secrets unreadable.",
        remedy: "Call `reencrypt_secrets`: it rewrites what is under another key, and proves the rest without writing.",
        url: pages::ROTATE,
        verbs: &[Verb::Status],
        violated_when: "a secret is under another key than the one in use",
        ..WARN
    },
    Rule {
        id: RuleId::RecordUnreadable,
        summary: "What was proven, and which keys are still needed, is in the record in the cluster; while it cannot be read, nothing is known to be proven and no key may be removed.",
        remedy: "Do what the message says; with a missing right, grant `get` on ConfigMap aks-kms in the state namespace, see that `kubectl auth can-i get configmaps/aks-kms --namespace kube-system` says yes, and run again.",
        url: pages::KUBERNETES_RBAC_NAMES,
        verbs: &[Verb::Status],
        violated_when: "the record cannot be read",
        ..WARN
    },
    Rule {
        id: RuleId::PreviousKeyStillNeeded,
        summary: "Before the key changes, every secret must be proven to be under the current one: what is left under an older key becomes unreadable for good.",
        remedy: "Mend what blocks the secrets that are named and run again, or name every one of them in give_up_secrets, which can make them unreadable.",
        url: pages::ROTATE,
        verbs: CHANGES_KMS,
        violated_when: "a secret is still under the previous key",
        ..BLOCK_UNLESS_HOLDS
    },
    Rule {
        id: RuleId::KeyInUseUnproven,
        overridable: true,
        summary: "Which key the API servers write with can be seen only in their metrics, where KMS v1 names no keys; without that, no gate proves anything.",
        remedy: "Grant `get` on `/metrics`: `kubectl create clusterrole aks-kms-metrics --verb=get --non-resource-url=/metrics` and `kubectl create clusterrolebinding aks-kms-metrics --clusterrole=aks-kms-metrics --user=<user>`; on KMS v1, where that proves nothing, rewrite every secret with `reencrypt_secrets`, then name this rule in allow, or move to KMS v2 with `migrate_to_v2`, which needs that too.",
        url: pages::KUBERNETES_METRICS,
        verbs: WRITES_SECRETS,
        violated_when: "the API servers write with another key than expected",
        ..BLOCK_UNLESS_HOLDS
    },
    Rule {
        id: RuleId::RollbackUnproven,
        overridable: true,
        summary: "Without the API server no secret can be asked and the record of the keys cannot be read, so only a rollback to the key before the current one is safe, if it is that.",
        remedy: "Bring the API server back or run where it can be reached; only where the last change is what took it down, and the activity log of the cluster, `az monitor activity-log list --resource-group <group>`, shows that it had exactly this key (or none, for disable) before that change, name this rule in allow.",
        url: pages::ROTATE,
        verbs: &[Verb::Rotate, Verb::Disable],
        violated_when: "this is another key than the one before the current one",
        ..BLOCK_UNLESS_HOLDS
    },
    Rule {
        id: RuleId::EtcdGrowth,
        summary: "Each rewrite adds a revision to etcd that lives up to ten minutes; more than 1 GiB of them can fill it.",
        remedy: "Use pace = \"gentle\", which stays below that, or set max_requests_per_second.",
        url: pages::ETCD_SPACE,
        verbs: WRITES_SECRETS,
        violated_when: "the rewrite would add more than 1 GiB to etcd within ten minutes",
        ..WARN
    },
    Rule {
        id: RuleId::KeyReused,
        summary: "The new key is one that this cluster used before, so that its age and exposure go on counting.",
        remedy: "Make a new version: `az keyvault key rotate --vault-name <vault> --name <key>`.",
        url: pages::ROTATE,
        verbs: &[Verb::Enable, Verb::Rotate],
        violated_when: "this cluster used the key before",
        ..WARN
    },
    Rule {
        id: RuleId::SecretsNotKmsEncryptedMeanwhile,
        summary: "While KMS is off between disable and enable, secrets in etcd are not encrypted with your key.",
        remedy: "Nothing to do: at the end every secret is rewritten under the key; backups of etcd from the time between hold them without it.",
        url: pages::NETWORK_MODE,
        verbs: &[Verb::Enable, Verb::ChangeNetworkMode, Verb::MigrateToV2],
        violated_when: "secrets are without KMS encryption for a while",
        ..INFO
    },
];
