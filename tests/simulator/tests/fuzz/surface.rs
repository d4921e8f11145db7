//! The surfaces, and requests to them.

use aks_kms_simulator::Case;
use serde_json::{Value, json};

use crate::{
    mutate::{self, odd_text},
    random::Random,
    wire::Request,
};

/// A service with a shape of errors of its own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Surface {
    Arm,
    Entra,
    Vault,
    Kubernetes,
    Administration,
}

impl Surface {
    pub(crate) const ALL: [Self; 5] =
        [Self::Arm, Self::Entra, Self::Vault, Self::Kubernetes, Self::Administration];
}

/// A request that is right, but for its token and api-version.
struct Good {
    method: &'static str,
    path: String,
    body: Value,
}

/// What requests are made of.
pub(crate) struct Makings {
    /// Its Azure is attacked.
    pub(crate) case: Case,
    /// Its administration is attacked.
    pub(crate) administered: String,
    pub(crate) cluster: Value,
    pub(crate) vault: Value,
    /// Of every surface, and some of nobody.
    pub(crate) tokens: Vec<String>,
    pub(crate) arm_token: String,
    pub(crate) vault_token: String,
    pub(crate) kubernetes_token: String,
}

impl Makings {
    pub(crate) fn request(&self, surface: Surface, random: &mut Random) -> Request {
        let mut good = self.good(surface);
        let good = good.swap_remove(random.below(good.len()));
        let path = if random.one_in(3) { mutate::path(&good.path, random) } else { good.path };
        let methods = ["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS", "BREW"];
        let method = if random.one_in(6) { random.pick(&methods) } else { good.method };
        let body = if surface == Surface::Entra && good.method == "POST" {
            mutate::form(&self.token_form(), random)
        } else {
            mutate::body(&good.body, random)
        };
        let breaks_off = body.len() > 4 && random.one_in(100);
        Request {
            method: method.to_owned(),
            host: self.host(surface, random),
            target: path.clone() + &query(surface, &path, random),
            headers: self.headers(surface, random),
            body,
            breaks_off,
        }
    }

    fn host(&self, surface: Surface, random: &mut Random) -> String {
        let vault = self.case.key_vault_id.rsplit('/').next().unwrap();
        match surface {
            Surface::Vault if random.one_in(50) => "none.vault.azure.net".to_owned(),
            Surface::Vault if random.one_in(2) => format!("{vault}.vault.azure.net:443"),
            Surface::Vault => format!("{vault}.VAULT.azure.net"),
            _ => "127.0.0.1".to_owned(),
        }
    }

    fn headers(&self, surface: Surface, random: &mut Random) -> Vec<(String, String)> {
        let mut headers = Vec::new();
        let own = match surface {
            Surface::Arm => &self.arm_token,
            Surface::Vault => &self.vault_token,
            _ => &self.kubernetes_token,
        };
        match random.below(14) {
            0 => {}
            1 => {
                let token = &self.tokens[random.below(self.tokens.len())];
                headers.push(("authorization", format!("Bearer {token}")));
            }
            2 => {
                let odd = ["Bearer", "Bearer ", "bearer a.b.c", "Basic YTpi", "x", "Bearer é"];
                headers.push(("authorization", random.pick(&odd).to_owned()));
            }
            _ => headers.push(("authorization", format!("Bearer {own}"))),
        }
        let types = [
            "application/json",
            "application/merge-patch+json",
            "text/plain",
            "",
            "a/b;c=\"",
            "application/x-www-form-urlencoded",
            "application/strategic-merge-patch+json",
            "application/apply-patch+yaml",
            "application/json-patch+json",
        ];
        let usual = if surface == Surface::Entra { types[5] } else { types[0] };
        let kind = if random.one_in(3) { random.pick(&types) } else { usual };
        headers.push(("content-type", kind.to_owned()));
        if surface == Surface::Kubernetes {
            let forms = [
                "application/json",
                "*/*",
                "application/json;as=Table;g=meta.k8s.io;v=v1",
                "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
                "application/yaml",
                "application/vnd.kubernetes.protobuf",
                ";;;",
                "application/json;as=Table",
            ];
            let usual = forms[random.below(3)];
            let form = if random.one_in(4) { random.pick(&forms) } else { usual };
            headers.push(("accept", form.to_owned()));
        }
        if random.one_in(6) {
            let names = ["if-match", "if-none-match", "x-ms-client-request-id", "range", "accept"];
            let values = ["*", "\"", "", "W/\"x\"", "bytes=0-1", "a\tb"];
            headers.push((random.pick(&names), random.pick(&values).to_owned()));
        }
        headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    fn token_form(&self) -> Vec<(String, String)> {
        [
            ("grant_type", "client_credentials"),
            ("client_id", &self.case.client_id),
            ("client_secret", &self.case.client_secret),
            ("scope", "https://vault.azure.net/.default"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    fn good(&self, surface: Surface) -> Vec<Good> {
        match surface {
            Surface::Arm => self.arm(),
            Surface::Entra => self.entra(),
            Surface::Vault => vault(&self.case.key_ids[0]),
            Surface::Kubernetes => kubernetes(),
            Surface::Administration => self.administration(),
        }
    }

    fn arm(&self) -> Vec<Good> {
        let (cluster, vault) = (&self.case.cluster_id, &self.case.key_vault_id);
        let group = cluster.split("/providers").next().unwrap();
        let subscription = cluster.split("/resourceGroups").next().unwrap();
        let version = self.case.key_ids[0].rsplit('/').next().unwrap();
        let name = vault.rsplit('/').next().unwrap();
        let policies = json!({ "properties": { "accessPolicies": [{
            "tenantId": self.case.tenant_id, "objectId": self.case.principal_id,
            "permissions": { "keys": ["get", "encrypt"] },
        }]}});
        let key = json!({ "properties": { "kty": "RSA", "keySize": 2048, "keyOps": ["encrypt"],
            "attributes": { "enabled": true, "exp": 4_102_444_800_u64 } }, "tags": { "a": "b" } });
        let query = json!({ "subscriptions": [subscription], "options": { "$skipToken": "1" },
            "query": "Resources | where type =~ 'microsoft.keyvault/vaults' | project id" });
        let role = json!({ "properties": {
            "roleDefinitionId": format!("{subscription}/providers/Microsoft.Authorization/roleDefinitions/12338af0-0e69-4776-bea7-57ae8d297424"),
            "principalId": self.case.principal_id, "principalType": "ServicePrincipal",
        }});
        let mut patch = self.vault.clone();
        patch["properties"] = json!({ "networkAcls": { "defaultAction": "Deny", "ipRules": [{ "value": "1.2.3.4" }] } });
        let key_vault = format!("{subscription}/providers/Microsoft.KeyVault");
        let aks = format!("{subscription}/providers/Microsoft.ContainerService");
        let get = |path: String| Good { method: "GET", path, body: Value::Null };
        let with = |method, path: String, body: &Value| Good { method, path, body: body.clone() };
        vec![
            get("/subscriptions".to_owned()),
            get(subscription.to_owned()),
            get(format!("{subscription}/resourceGroups")),
            get(group.to_owned()),
            with("PUT", format!("{group}-new"), &json!({ "location": "eastus", "tags": {} })),
            get(format!("{subscription}/resources")),
            get(format!("{subscription}/providers/Microsoft.KeyVault")),
            get(format!("{aks}/managedClusters")),
            get(format!("{group}/providers/Microsoft.ContainerService/managedClusters")),
            get(cluster.clone()),
            with("PUT", cluster.clone(), &self.cluster),
            with("PUT", format!("{cluster}new"), &self.cluster),
            with("PATCH", cluster.clone(), &json!({ "tags": { "a": "b" } })),
            with("POST", format!("{cluster}/listClusterUserCredential"), &Value::Null),
            with("POST", format!("{cluster}/listClusterAdminCredential"), &Value::Null),
            with("POST", format!("{cluster}/abort"), &Value::Null),
            with(
                "POST",
                format!("{cluster}/runCommand"),
                &json!({ "command": "kubectl get pods" }),
            ),
            get(format!("{cluster}/upgradeProfiles/default")),
            get(format!("{cluster}/agentPools")),
            get(format!("{cluster}/agentPools/nodepool1")),
            get(format!("{aks}/locations/eastus/operations/00000000-0000-0000-0000-000000000000")),
            get(format!("{key_vault}/vaults")),
            get(vault.clone()),
            with("PUT", vault.clone(), &self.vault),
            with("PUT", format!("{vault}n"), &self.vault),
            with("PATCH", vault.clone(), &patch),
            get(format!("{vault}/privateEndpointConnections")),
            with("PUT", format!("{vault}/accessPolicies/add"), &policies),
            with("PUT", format!("{vault}/accessPolicies/remove"), &policies),
            get(format!("{vault}/keys")),
            get(format!("{vault}/keys/etcd")),
            with("PUT", format!("{vault}/keys/other"), &key),
            get(format!("{vault}/keys/etcd/versions")),
            get(format!("{vault}/keys/etcd/versions/{version}")),
            get(format!("{key_vault}/deletedVaults")),
            get(format!("{key_vault}/locations/eastus/deletedVaults/{name}")),
            with(
                "POST",
                format!("{key_vault}/locations/eastus/deletedVaults/{name}/purge"),
                &Value::Null,
            ),
            with(
                "POST",
                format!("{key_vault}/checkNameAvailability"),
                &json!({ "name": name, "type": "Microsoft.KeyVault/vaults" }),
            ),
            get(format!("{vault}/providers/Microsoft.Insights/diagnosticSettings")),
            get(self.case.identity_id.clone()),
            get(format!("{vault}/providers/Microsoft.Authorization/roleAssignments")),
            with(
                "PUT",
                format!(
                    "{vault}/providers/Microsoft.Authorization/roleAssignments/00000000-0000-0000-0000-000000000001"
                ),
                &role,
            ),
            get(format!(
                "{subscription}/providers/Microsoft.Authorization/roleDefinitions/12338af0-0e69-4776-bea7-57ae8d297424"
            )),
            with("POST", "/providers/Microsoft.ResourceGraph/resources".to_owned(), &query),
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

fn query(surface: Surface, path: &str, random: &mut Random) -> String {
    let versions = |random: &mut Random, good: &'static str| {
        if random.one_in(8) { mutate::escaped(&odd_text(random)) } else { good.to_owned() }
    };
    let lower = path.to_ascii_lowercase();
    let mut query = match surface {
        Surface::Administration => return String::new(),
        Surface::Kubernetes => {
            let mut query = "?timeoutSeconds=1".to_owned();
            let parameters = [
                "watch=true",
                "sendInitialEvents=true",
                "resourceVersionMatch=NotOlderThan",
                "allowWatchBookmarks=true",
                "includeObject=None",
                "includeObject=x",
                "limit=2",
                "limit=x",
                "limit=18446744073709551616",
                "continue=abc",
                "continue=eyJ2IjoxfQ==",
                "resourceVersion=0",
                "resourceVersion=-1",
                "resourceVersion=99999999999",
                "resourceVersion=x",
                "labelSelector=a%3Db",
                "fieldSelector=x%3Dy",
                "dryRun=All",
                "dryRun=x",
                "fieldManager=%F0%9F%94%91",
                "verbose",
                "exclude=etcd",
                "&&=&",
            ];
            for _ in 0..random.below(4) {
                query += "&";
                query += random.pick(&parameters);
            }
            return query;
        }
        Surface::Entra => format!("?api-version={}", versions(random, "2022-09-01")),
        Surface::Vault => format!("?api-version={}", versions(random, "7.6-preview.2")),
        Surface::Arm => {
            let version = if lower.contains("microsoft.authorization") {
                "2022-04-01"
            } else if lower.contains("microsoft.insights") {
                "2021-05-01-preview"
            } else if lower.contains("microsoft.keyvault/") {
                "2026-05-15"
            } else if lower.contains("microsoft.containerservice/") {
                "2026-08-01"
            } else if lower.contains("microsoft.managedidentity") {
                "2024-11-30"
            } else if lower.contains("resourcegraph") {
                "2024-04-01"
            } else {
                "2022-12-01"
            };
            format!("?api-version={}", versions(random, version))
        }
    };
    let extra = [
        "$filter=atScope()",
        "$filter=assignedTo('",
        "$filter=%00",
        "$skiptoken=x",
        "maxresults=0",
        "maxresults=3",
        "$top=-1",
        "$skiptoken=ZnJvbSA5OTk5OTk5OTk5OTk5OTk5OTk5OQ",
        "s=1&t=2&h=3",
        "api-version=7.4",
        "%ff=%fe",
        "=",
    ];
    if random.one_in(4) {
        query += "&";
        query += random.pick(&extra);
    }
    if random.one_in(30) {
        query.clear();
    }
    query
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
