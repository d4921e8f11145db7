//! Which resource a path names.

use http::Method;

/// A resource of the API.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Resource {
    Secrets,
    ConfigMaps,
    Leases,
    Namespaces,
    Nodes,
    Pods,
    AccessReviews,
    RulesReviews,
}

impl Resource {
    /// Those that have objects.
    pub(super) const ALL: [Self; 6] =
        [Self::Secrets, Self::ConfigMaps, Self::Leases, Self::Namespaces, Self::Nodes, Self::Pods];

    fn parse(group: &str, plural: &str) -> Option<Self> {
        Some(match (group, plural) {
            ("", "secrets") => Self::Secrets,
            ("", "configmaps") => Self::ConfigMaps,
            ("", "namespaces") => Self::Namespaces,
            ("", "nodes") => Self::Nodes,
            ("", "pods") => Self::Pods,
            ("coordination.k8s.io", "leases") => Self::Leases,
            ("authorization.k8s.io", "selfsubjectaccessreviews") => Self::AccessReviews,
            ("authorization.k8s.io", "selfsubjectrulesreviews") => Self::RulesReviews,
            _ => return None,
        })
    }

    /// As in a path.
    pub(super) fn plural(self) -> &'static str {
        match self {
            Self::Secrets => "secrets",
            Self::ConfigMaps => "configmaps",
            Self::Leases => "leases",
            Self::Namespaces => "namespaces",
            Self::Nodes => "nodes",
            Self::Pods => "pods",
            Self::AccessReviews => "selfsubjectaccessreviews",
            Self::RulesReviews => "selfsubjectrulesreviews",
        }
    }

    /// As in `kind`.
    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::Secrets => "Secret",
            Self::ConfigMaps => "ConfigMap",
            Self::Leases => "Lease",
            Self::Namespaces => "Namespace",
            Self::Nodes => "Node",
            Self::Pods => "Pod",
            Self::AccessReviews => "SelfSubjectAccessReview",
            Self::RulesReviews => "SelfSubjectRulesReview",
        }
    }

    /// The API group, empty for the core.
    pub(super) fn group(self) -> &'static str {
        match self {
            Self::Leases => "coordination.k8s.io",
            Self::AccessReviews | Self::RulesReviews => "authorization.k8s.io",
            _ => "",
        }
    }

    /// `apiVersion`.
    pub(super) fn api_version(self) -> String {
        match self.group() {
            "" => "v1".to_owned(),
            group => format!("{group}/v1"),
        }
    }

    /// `leases.coordination.k8s.io`.
    pub(super) fn qualified(self) -> String {
        match self.group() {
            "" => self.plural().to_owned(),
            group => format!("{}.{group}", self.plural()),
        }
    }

    /// Whether its objects are in namespaces.
    pub(super) fn namespaced(self) -> bool {
        matches!(self, Self::Secrets | Self::ConfigMaps | Self::Leases | Self::Pods)
    }
}

/// What a path names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Route {
    /// Something that is not a resource, such as `/metrics`.
    Path,
    /// `finalize` of a namespace, by its name.
    Finalize(String),
    /// A collection, or one object of it.
    Resource { resource: Resource, namespace: Option<String>, name: Option<String> },
}

impl Route {
    /// Reads a path. `None`: there is no such resource.
    pub(super) fn parse(path: &str) -> Option<Self> {
        let mut segments = path.trim_matches('/').split('/');
        let group = match (segments.next(), segments.next()) {
            (Some("api"), Some("v1")) => "",
            (Some("apis"), Some(group)) if segments.next() == Some("v1") => group,
            _ => return Some(Self::Path),
        };
        let rest: Vec<&str> = segments.collect();
        if let ("", ["namespaces", name, "finalize"]) = (group, rest.as_slice()) {
            return Some(Self::Finalize((*name).to_owned()));
        }
        let (namespace, rest) = match rest.as_slice() {
            ["namespaces", namespace, rest @ ..] if !group.is_empty() || !rest.is_empty() => {
                (Some((*namespace).to_owned()), rest)
            }
            _ => (None, rest.as_slice()),
        };
        let (plural, name) = match rest {
            [plural] => (*plural, None),
            [plural, name] => (*plural, Some((*name).to_owned())),
            _ => return None,
        };
        let resource = Resource::parse(group, plural)?;
        let placed = resource.namespaced() || namespace.is_none();
        let named = !resource.namespaced() || namespace.is_some() || name.is_none();
        (placed && named).then_some(Self::Resource { resource, namespace, name })
    }
}

/// The verb of a request, as authorization knows it.
pub(super) fn verb(method: &Method, named: bool, watch: bool) -> Option<&'static str> {
    Some(match *method {
        Method::GET if named => "get",
        Method::GET if watch => "watch",
        Method::GET => "list",
        Method::POST if !named => "create",
        Method::PUT if named => "update",
        Method::PATCH if named => "patch",
        Method::DELETE if named => "delete",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(resource: Resource, namespace: Option<&str>, name: Option<&str>) -> Route {
        let [namespace, name] = [namespace, name].map(|it| it.map(str::to_owned));
        Route::Resource { resource, namespace, name }
    }

    #[test]
    fn paths_name_resources() {
        let leases = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases";
        let expected = [
            ("/api/v1/secrets", named(Resource::Secrets, None, None)),
            ("/api/v1/namespaces/a/secrets", named(Resource::Secrets, Some("a"), None)),
            ("/api/v1/namespaces/a/secrets/b", named(Resource::Secrets, Some("a"), Some("b"))),
            ("/api/v1/namespaces/a", named(Resource::Namespaces, None, Some("a"))),
            (leases, named(Resource::Leases, Some("kube-system"), None)),
            ("/api/v1/namespaces/a/finalize", Route::Finalize("a".to_owned())),
            ("/readyz/kms-providers", Route::Path),
        ];
        for (path, route) in expected {
            assert_eq!(Route::parse(path), Some(route), "{path}");
        }
        for path in ["/api/v1/namespaces/a/widgets", "/api/v1/secrets/b", "/api/v1"] {
            assert_eq!(Route::parse(path), None, "{path}");
        }
    }
}
