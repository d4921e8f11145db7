//! How an API server says that it cannot decrypt what is stored: up to Kubernetes 1.36 in words
//! alone, since 1.37 in other words, with a reason and the objects' keys in etcd.

use super::{response::Response, status::Status};

/// In a list, up to Kubernetes 1.36.
const UNABLE_TO_TRANSFORM: &str = "unable to transform key";
/// In every response, since Kubernetes 1.37.
const NOT_TRANSFORMABLE: &str = "not transformable";
/// The reason of a list, since Kubernetes 1.37.
const STORAGE_READ_ERROR: &str = "StorageReadError";
/// What comes before a secret's namespace in its key in etcd.
const SECRETS: &str = "/secrets/";

/// Whether a server says that what is stored does not decrypt.
pub(crate) fn is_not_transformed(message: &str) -> bool {
    message.contains(UNABLE_TO_TRANSFORM) || message.contains(NOT_TRANSFORMABLE)
}

/// A list that an API server did not give because it cannot decrypt secrets in it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct UndecryptableList {
    /// The server's words.
    pub(crate) message: String,
    /// `<namespace>/<name>` of secrets that it says it cannot decrypt, in the order of etcd. An
    /// error names them, not a list: they may be wrong.
    secrets: Vec<String>,
}

impl UndecryptableList {
    /// `None`: this is another response.
    pub(crate) fn read(response: &Response) -> Option<Self> {
        let status = Status::parse(&response.body).filter(|_| response.status == 500)?;
        let says_so = status.reason == STORAGE_READ_ERROR || is_not_transformed(&status.message);
        if status.denial.is_some() || !says_so {
            return None;
        }
        let mut secrets: Vec<String> = status.details.fields().filter_map(secret_of).collect();
        if secrets.is_empty() {
            secrets.extend(secret_of(&status.message));
        }
        secrets.sort_unstable();
        Some(Self { message: status.message, secrets })
    }

    /// The name of the first secret of a namespace behind another name.
    pub(crate) fn first_behind(&self, namespace: &str, name: &str) -> Option<&str> {
        let secrets = self.secrets.iter().filter_map(|secret| secret.split_once('/'));
        let mut names = secrets.filter(|(place, _)| *place == namespace).map(|(_, name)| name);
        names.find(|behind| *behind > name)
    }

    /// The namespace of the first secret of all at a place, `<namespace>/<name>`, or behind it.
    pub(crate) fn first_namespace_at(&self, place: &str) -> Option<&str> {
        let first = self.secrets.iter().find(|secret| secret.as_str() >= place)?;
        first.split_once('/').map(|(namespace, _)| namespace)
    }
}

/// `<namespace>/<name>` of the first key of a secret in a text. It ends where a name must: no
/// separator is part of it, whatever the server puts there.
fn secret_of(text: &str) -> Option<String> {
    let (_, rest) = text.split_once(SECRETS)?;
    let (namespace, rest) = rest.split_once('/')?;
    let is_namespace = namespace.bytes().all(|byte| byte != b'.' && is_of_a_name(byte));
    let name = &rest[..rest.bytes().position(|byte| !is_of_a_name(byte)).unwrap_or(rest.len())];
    let name = name.trim_end_matches(['.', '-']);
    let is_named = is_namespace && !namespace.is_empty() && !name.is_empty();
    is_named.then(|| format!("{namespace}/{name}"))
}

/// Whether names of secrets have this character.
fn is_of_a_name(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.')
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn list(message: &str, reason: &str, details: &Value) -> Option<UndecryptableList> {
        let body = json!({
            "kind": "Status", "message": message, "reason": reason, "details": details, "code": 500,
        });
        let body = body.to_string().into();
        UndecryptableList::read(&Response { status: 500, retry_after: None, body })
    }

    /// As kube-apiserver 1.36 gives it.
    const OLD: &str = "Internal error occurred: unable to transform key \"/registry/secrets/team-1/bad\": \
                       no matching prefix found";
    /// As kube-apiserver 1.37 gives it.
    const NEW: &str = "failed to read one or more secrets from the storage: StorageError: corrupt object, Code: 7, \
                       Key: /registry/secrets/team-1/bad, ResourceVersion: 0, AdditionalErrorMsg: data from the \
                       storage is not transformable revision=0: no matching prefix found (and 2 more)";

    fn causes(keys: &[&str]) -> Value {
        let causes: Vec<Value> = keys.iter().map(|key| json!({"field": key})).collect();
        json!({"kind": "secrets", "causes": causes})
    }

    #[test]
    fn both_forms_are_understood_and_name_the_secret() {
        for (message, reason) in [(OLD, "InternalError"), (NEW, "StorageReadError"), (NEW, "")] {
            let found = list(message, reason, &json!({})).unwrap();
            assert_eq!(found.first_behind("team-1", ""), Some("bad"), "{message}");
            assert_eq!(found.first_behind("team-1", "bad"), None, "{message}");
            assert_eq!(found.first_behind("team-2", ""), None, "{message}");
            assert_eq!(found.first_namespace_at(""), Some("team-1"), "{message}");
            assert_eq!(found.first_namespace_at("team-1/c"), None, "{message}");
        }
    }

    #[test]
    fn names_are_taken_from_the_causes_where_there_are_any() {
        let keys =
            ["/registry/secrets/team-1/d", "/registry/secrets/team-1/c", "/registry/secrets/a/z"];
        let found = list(NEW, "StorageReadError", &causes(&keys)).unwrap();
        assert_eq!(
            found.first_behind("team-1", ""),
            Some("c"),
            "the first one, not the words' bad"
        );
        assert_eq!(found.first_behind("team-1", "c"), Some("d"));
        assert_eq!(found.first_namespace_at(""), Some("a"));
        assert_eq!(found.first_namespace_at("a/~"), Some("team-1"));

        let other = json!({"causes": [{"message": OLD}]});
        let found = list(OLD, "InternalError", &other).unwrap();
        assert_eq!(found.first_behind("team-1", ""), Some("bad"), "no cause has a key");
    }

    #[test]
    fn a_name_ends_where_a_name_must() {
        for (text, expected) in [
            ("/registry/secrets/team-1/bad, ResourceVersion", Some("team-1/bad")),
            ("/registry/secrets/team-1/bad\": no", Some("team-1/bad")),
            ("/registry/secrets/team-1/bad: no", Some("team-1/bad")),
            ("/registry/secrets/team-1/bad;", Some("team-1/bad")),
            ("/registry/secrets/team-1/bad. No", Some("team-1/bad")),
            ("/registry/secrets/team-1/bad}", Some("team-1/bad")),
            ("/secrets/team-1/a.b-c.9", Some("team-1/a.b-c.9")),
            ("/registry/secrets/team-1", None),
            ("/registry/secrets/team-1/", None),
            ("/registry/secrets/team 1/bad", None),
            ("/registry/secrets//bad", None),
            ("/registry/pods/team-1/bad", None),
        ] {
            assert_eq!(secret_of(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn other_errors_are_not_taken_for_it() {
        for (message, reason) in [
            ("Internal error occurred: etcdserver: request timed out", "InternalError"),
            ("admission webhook \"w\" denied the request: not transformable", "StorageReadError"),
        ] {
            assert_eq!(list(message, reason, &json!({})), None, "{message}");
        }
        let busy = Response {
            status: 503,
            retry_after: None,
            body: json!({"kind": "Status", "message": OLD}).to_string().into(),
        };
        assert_eq!(UndecryptableList::read(&busy), None);
    }
}
