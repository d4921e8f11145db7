//! The surfaces, and requests to them.

use aks_kms_simulator::Case;
use serde_json::Value;

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
    Graph,
    ManagedIdentity,
}

impl Surface {
    pub(crate) const ALL: [Self; 7] = [
        Self::Arm,
        Self::Entra,
        Self::Vault,
        Self::Kubernetes,
        Self::Administration,
        Self::Graph,
        Self::ManagedIdentity,
    ];

    /// One of them, Resource Manager more often than others: it has the most to offer.
    pub(crate) fn any(random: &mut Random) -> Self {
        if random.one_in(3) { Self::Arm } else { Self::ALL[random.below(Self::ALL.len())] }
    }
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
    pub(crate) graph_token: String,
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
            Surface::Graph => &self.graph_token,
            Surface::Administration => &self.case.admin_token,
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
        if surface == Surface::ManagedIdentity {
            headers.push(("x-identity-header", self.case.identity_header.clone()));
            headers.push(("metadata", "true".to_owned()));
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
        Surface::Graph => "?x=y".to_owned(),
        Surface::ManagedIdentity => {
            let version = versions(random, "2019-08-01");
            format!("?api-version={version}&resource=https://vault.azure.net")
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
