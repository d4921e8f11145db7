//! The right requests of every surface, from which the wrong ones are made.

use aks_kms_simulator::Case;
use serde_json::{Value, json};

use crate::surface::{Makings, Surface};

/// Key Vault Crypto User.
const ROLE: &str = "12338af0-0e69-4776-bea7-57ae8d297424";
const ROLE_ASSIGNMENT: &str = "providers/Microsoft.Authorization/roleAssignments/\
                               00000000-0000-0000-0000-000000000001";

/// A request that is right, but for its token and api-version.
pub(crate) struct Good {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) body: Value,
}

fn with(method: &'static str, path: impl AsRef<str>, body: &Value) -> Good {
    Good { method, path: path.as_ref().to_owned(), body: body.clone() }
}

fn get(path: impl AsRef<str>) -> Good {
    with("GET", path, &Value::Null)
}

fn post(path: impl AsRef<str>) -> Good {
    with("POST", path, &Value::Null)
}

fn delete(path: impl AsRef<str>) -> Good {
    with("DELETE", path, &Value::Null)
}

impl Makings {
    /// The right requests of a surface.
    pub(crate) fn good(&self, surface: Surface) -> Vec<Good> {
        match surface {
            Surface::Arm => self.arm(),
            Surface::Entra => self.entra(),
            Surface::Vault => vault(&self.case.key_ids[0]),
            Surface::Kubernetes => kubernetes(),
            Surface::Administration => self.administration(),
            Surface::Graph => graph(&self.case),
            Surface::ManagedIdentity => managed_identity(&self.case),
        }
    }

    fn arm(&self) -> Vec<Good> {
        [self.places(), self.clusters(), self.vaults(), self.access()]
            .into_iter()
            .flatten()
            .collect()
    }

    fn subscription(&self) -> &str {
        self.case.cluster_id.split("/resourceGroups").next().unwrap()
    }

    fn group(&self) -> &str {
        self.case.cluster_id.split("/providers").next().unwrap()
    }

    fn places(&self) -> Vec<Good> {
        let (subscription, group) = (self.subscription(), self.group());
        let place = json!({ "location": "eastus", "tags": { "a": "b" } });
        let query = json!({ "subscriptions": [subscription], "options": { "$skipToken": "1" },
            "query": "Resources | where type =~ 'microsoft.keyvault/vaults' | project id" });
        vec![
            get("/tenants"),
            get("/subscriptions"),
            get(subscription),
            get(format!("{subscription}/locations")),
            get(format!("{subscription}/providers")),
            get(format!("{subscription}/providers/Microsoft.KeyVault")),
            post(format!("{subscription}/providers/Microsoft.KeyVault/register")),
            get(format!("{subscription}/resources")),
            get(format!("{subscription}/resourceGroups")),
            get(group),
            with("PUT", format!("{group}-new"), &place),
            get(format!("{group}/resources")),
            with("POST", "/providers/Microsoft.ResourceGraph/resources", &query),
        ]
    }

    fn clusters(&self) -> Vec<Good> {
        let cluster = &self.case.cluster_id;
        let aks = "providers/Microsoft.ContainerService";
        let of_subscription = format!("{}/{aks}", self.subscription());
        let pool = json!({ "properties": self.cluster["properties"]["agentPoolProfiles"][0] });
        let operation = "00000000-0000-0000-0000-000000000000";
        vec![
            get(format!("{of_subscription}/managedClusters")),
            get(format!("{}/{aks}/managedClusters", self.group())),
            get(format!("{of_subscription}/locations/eastus/kubernetesVersions")),
            get(format!("{of_subscription}/locations/eastus/operations/{operation}")),
            get(format!("{of_subscription}/locations/eastus/operationresults/{operation}")),
            get(cluster),
            // More often than others: nothing else has so much in its body.
            with("PUT", cluster, &self.cluster),
            with("PUT", cluster, &self.cluster),
            with("PUT", cluster, &self.cluster),
            with("PUT", format!("{cluster}new"), &self.cluster),
            with("PATCH", cluster, &json!({ "tags": { "a": "b" } })),
            delete(cluster),
            post(format!("{cluster}/stop")),
            post(format!("{cluster}/start")),
            post(format!("{cluster}/abort")),
            post(format!("{cluster}/listClusterUserCredential")),
            post(format!("{cluster}/listClusterAdminCredential")),
            with(
                "POST",
                format!("{cluster}/runCommand"),
                &json!({ "command": "kubectl get pods" }),
            ),
            get(format!("{cluster}/commandResults/none")),
            get(format!("{cluster}/upgradeProfiles/default")),
            get(format!("{cluster}/availableAgentPoolVersions")),
            get(format!("{cluster}/agentPools")),
            get(format!("{cluster}/agentPools/nodepool1")),
            get(format!("{cluster}/agentPools/nodepool1/upgradeProfiles/default")),
            with("PUT", format!("{cluster}/agentPools/nodepool1"), &pool),
            with("PUT", format!("{cluster}/agentPools/another"), &pool),
            delete(format!("{cluster}/agentPools/another")),
        ]
    }

    fn vaults(&self) -> Vec<Good> {
        let vault = &self.case.key_vault_id;
        let name = vault.rsplit('/').next().unwrap();
        let version = self.case.key_ids[0].rsplit('/').next().unwrap();
        let provider = format!("{}/providers/Microsoft.KeyVault", self.subscription());
        let deleted = format!("{provider}/locations/eastus/deletedVaults/{name}");
        let policies = json!({ "properties": { "accessPolicies": [{
            "tenantId": self.case.tenant_id, "objectId": self.case.principal_id,
            "permissions": { "keys": ["get", "encrypt"] },
        }]}});
        let key = json!({ "tags": { "a": "b" }, "properties": {
            "kty": "RSA", "keySize": 2048, "keyOps": ["encrypt"],
            "attributes": { "enabled": true, "exp": 4_102_444_800_u64 },
        }});
        let rules = json!({ "tags": {}, "properties": { "networkAcls": {
            "defaultAction": "Deny", "bypass": "None", "ipRules": [{ "value": "1.2.3.4" }],
        }}});
        let wanted = json!({ "name": name, "type": "Microsoft.KeyVault/vaults" });
        vec![
            get(format!("{provider}/vaults")),
            get(vault),
            with("PUT", vault, &self.vault),
            with("PUT", format!("{vault}n"), &self.vault),
            with("PATCH", vault, &rules),
            delete(format!("{vault}n")),
            get(format!("{vault}/privateEndpointConnections")),
            get(format!("{vault}/providers/Microsoft.Insights/diagnosticSettings")),
            with("PUT", format!("{vault}/accessPolicies/add"), &policies),
            with("PUT", format!("{vault}/accessPolicies/replace"), &policies),
            with("PUT", format!("{vault}/accessPolicies/remove"), &policies),
            get(format!("{vault}/keys")),
            get(format!("{vault}/keys/etcd")),
            with("PUT", format!("{vault}/keys/other"), &key),
            get(format!("{vault}/keys/etcd/versions")),
            get(format!("{vault}/keys/etcd/versions/{version}")),
            get(format!("{provider}/deletedVaults")),
            get(&deleted),
            post(format!("{deleted}/purge")),
            with("POST", format!("{provider}/checkNameAvailability"), &wanted),
        ]
    }

    fn access(&self) -> Vec<Good> {
        let identity = &self.case.identity_id;
        let vault = &self.case.key_vault_id;
        let definitions = "providers/Microsoft.Authorization/roleDefinitions";
        let role = format!("{}/{definitions}/{ROLE}", self.subscription());
        let assignment = json!({ "properties": {
            "roleDefinitionId": role,
            "principalId": self.case.principal_id,
            "principalType": "ServicePrincipal",
        }});
        let place = json!({ "location": "eastus", "tags": { "a": "b" } });
        let federated = json!({ "properties": { "issuer": "https://issuer.test", "subject": "s",
            "audiences": ["api://AzureADTokenExchange"] } });
        let (identities, _) = identity.rsplit_once('/').unwrap();
        vec![
            get(identities),
            get(identity),
            with("PUT", format!("{identity}x"), &place),
            with("PATCH", identity, &place),
            delete(format!("{identity}x")),
            get(format!("{identity}/federatedIdentityCredentials")),
            with("PUT", format!("{identity}/federatedIdentityCredentials/f"), &federated),
            delete(format!("{identity}/federatedIdentityCredentials/f")),
            get(format!("{vault}/providers/Microsoft.Authorization/roleAssignments")),
            get(format!("{vault}/{ROLE_ASSIGNMENT}")),
            with("PUT", format!("{vault}/{ROLE_ASSIGNMENT}"), &assignment),
            delete(format!("{vault}/{ROLE_ASSIGNMENT}")),
            get(format!("{vault}/{definitions}")),
            get(role),
        ]
    }

    fn entra(&self) -> Vec<Good> {
        let tenant = &self.case.tenant_id;
        let get = |path: String| Good { method: "GET", path, body: Value::Null };
        vec![
            get("/metadata/endpoints".to_owned()),
            get(format!("/{tenant}/v2.0/.well-known/openid-configuration")),
            get(format!("/{tenant}/discovery/v2.0/keys")),
            Good {
                method: "POST",
                path: format!("/{tenant}/oauth2/v2.0/token"),
                body: Value::Null,
            },
        ]
    }

    fn administration(&self) -> Vec<Good> {
        let case = format!("/cases/{}", self.administered);
        let faults =
            json!({ "azure": [{ "path": "nothing-of-anybody", "status": 503, "times": 1 }] });
        vec![
            Good { method: "GET", path: format!("{case}/writes"), body: Value::Null },
            Good { method: "DELETE", path: format!("{case}/writes"), body: Value::Null },
            Good { method: "GET", path: format!("{case}/secrets"), body: Value::Null },
            Good { method: "PUT", path: format!("{case}/faults"), body: faults },
        ]
    }
}

fn vault(key_id: &str) -> Vec<Good> {
    let path = key_id.split_once(".net").unwrap().1;
    let (name, _) = path.rsplit_once('/').unwrap();
    let value = json!({ "alg": "RSA-OAEP-256", "value": "c2VjcmV0" });
    let create = json!({ "kty": "EC", "crv": "P-256", "key_ops": ["sign"], "tags": { "a": "b" },
        "attributes": { "enabled": true, "exp": 4_102_444_800_u64, "nbf": 1 } });
    let update = json!({ "attributes": { "enabled": true, "exp": null }, "key_ops": ["encrypt", "decrypt"] });
    let good = |method, path: String, body: &Value| Good { method, path, body: body.clone() };
    let none = Value::Null;
    vec![
        good("GET", "/keys".to_owned(), &none),
        good("GET", name.to_owned(), &none),
        good("GET", path.to_owned(), &none),
        good("GET", format!("{name}/versions"), &none),
        good("GET", format!("{name}/rotationpolicy"), &none),
        good(
            "PUT",
            format!("{name}/rotationpolicy"),
            &json!({ "attributes": { "expiryTime": "P90D" } }),
        ),
        good("POST", "/keys/curve/create".to_owned(), &create),
        good("POST", "/keys/curve/rotate".to_owned(), &none),
        good("PATCH", path.to_owned(), &update),
        good("DELETE", "/keys/curve".to_owned(), &none),
        good("GET", "/deletedkeys".to_owned(), &none),
        good("GET", "/deletedkeys/curve".to_owned(), &none),
        good("POST", "/deletedkeys/curve/recover".to_owned(), &none),
        good("DELETE", "/deletedkeys/curve".to_owned(), &none),
        good("POST", format!("{path}/encrypt"), &value),
        good("POST", format!("{path}/decrypt"), &value),
        good("POST", format!("{path}/wrapkey"), &value),
        good("POST", format!("{path}/unwrapkey"), &value),
    ]
}

fn kubernetes() -> Vec<Good> {
    let secret = |name: &str| {
        json!({ "apiVersion": "v1", "kind": "Secret", "type": "Opaque", "immutable": false,
            "metadata": { "name": name, "namespace": "team-1", "labels": { "a": "b" },
                "annotations": { "c": "d" }, "finalizers": [], "resourceVersion": "" },
            "data": { "password": "c2VjcmV0" }, "stringData": { "text": "text" } })
    };
    let lease = json!({ "metadata": { "name": "fuzz" }, "spec": { "holderIdentity": "me",
        "leaseDurationSeconds": 15, "renewTime": "2026-01-01T00:00:00.000000Z" } });
    let map = json!({ "metadata": { "name": "fuzz" }, "data": { "a": "b" } });
    let review = json!({ "spec": { "resourceAttributes": {
        "verb": "list", "resource": "secrets", "namespace": "team-1" } } });
    let patch = json!({ "metadata": { "annotations": { "aks-kms/epoch": "1" } } });
    let good = |method, path: &str, body: &Value| Good {
        method,
        path: path.to_owned(),
        body: body.clone(),
    };
    let none = Value::Null;
    let leases = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases";
    let reviews = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    vec![
        good("GET", "/version", &none),
        good("GET", "/metrics", &none),
        good("GET", "/readyz", &none),
        good("GET", "/readyz/kms-providers", &none),
        good("GET", "/api", &none),
        good("GET", "/apis", &none),
        good("GET", "/api/v1/namespaces", &none),
        good("GET", "/api/v1/namespaces/kube-system", &none),
        good("GET", "/api/v1/nodes", &none),
        good("GET", "/api/v1/namespaces/kube-system/pods", &none),
        good("GET", "/api/v1/secrets", &none),
        good("GET", "/api/v1/namespaces/team-1/secrets", &none),
        good("GET", "/api/v1/namespaces/team-1/secrets/secret-1", &none),
        good("POST", "/api/v1/namespaces/team-1/secrets", &secret("fuzz")),
        good("PUT", "/api/v1/namespaces/team-1/secrets/secret-2", &secret("secret-2")),
        good("PATCH", "/api/v1/namespaces/team-1/secrets/secret-1", &patch),
        good("DELETE", "/api/v1/namespaces/team-1/secrets/fuzz", &none),
        good("GET", leases, &none),
        good("POST", leases, &lease),
        good("PUT", "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/fuzz", &lease),
        good("POST", "/api/v1/namespaces/kube-system/configmaps", &map),
        good("PATCH", "/api/v1/namespaces/kube-system/configmaps/fuzz", &map),
        good("POST", reviews, &review),
        good(
            "POST",
            "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
            &json!({ "spec": { "namespace": "team-1" } }),
        ),
    ]
}

fn graph(case: &Case) -> Vec<Good> {
    let path = "/graph";
    let get =
        |rest: &str| Good { method: "GET", path: format!("{path}/{rest}"), body: Value::Null };
    let ids = json!({ "ids": [case.principal_id], "types": ["servicePrincipal"] });
    vec![
        get("v1.0/servicePrincipals"),
        get(&format!("v1.0/servicePrincipals/{}", case.principal_id)),
        get("v1.0/me"),
        get("v1.0/users"),
        Good { method: "POST", path: format!("{path}/v1.0/directoryObjects/getByIds"), body: ids },
    ]
}

fn managed_identity(case: &Case) -> Vec<Good> {
    let metadata = format!("/{}/metadata/identity/oauth2/token", case.identity_header);
    ["/msi/token".to_owned(), metadata]
        .map(|path| Good { method: "GET", path, body: Value::Null })
        .into()
}
