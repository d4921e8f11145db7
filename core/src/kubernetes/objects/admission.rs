//! What admission says of one object, told from what the API server says itself.
//!
//! A webhook chooses the code, the reason, the details and the words of its refusal: 404, 429 or
//! 401, and "database space exceeded" are all about the one object that it was asked about. What it
//! cannot choose is how its message begins, because the API server puts that there. Its words are
//! repeated nowhere: they may hold what the object holds.

/// Where a refusal comes from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Denial {
    /// `admission webhook "a.example.com"`.
    by: String,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Denies,
    CannotBeAsked,
    /// It could not be asked in a trial, which says nothing of a real change.
    NotInATrial,
}

/// The longest name of a webhook or a policy.
const LONGEST_NAME: usize = 253;

impl Denial {
    /// Reads the message of a `Status`. `None`: it is not by admission.
    pub(in crate::kubernetes) fn read(message: &str) -> Option<Self> {
        let internal = message.strip_prefix("Internal error occurred: ").unwrap_or(message);
        if let Some(rest) = internal.strip_prefix("failed calling webhook ") {
            return Some(Self { by: webhook(rest).0, kind: Kind::CannotBeAsked });
        }
        if let Some(rest) = message.strip_prefix("admission webhook ") {
            let (by, rest) = webhook(rest);
            let trial = rest.starts_with(" does not support dry run");
            return Some(Self { by, kind: if trial { Kind::NotInATrial } else { Kind::Denies } });
        }
        // `secrets "a" is forbidden: ValidatingAdmissionPolicy 'b' with binding 'c' denied …`
        let said = message.split_once(" is forbidden: ").map_or(message, |(_, said)| said);
        ["ValidatingAdmissionPolicy", "MutatingAdmissionPolicy"].iter().find_map(|policy| {
            let name = said.strip_prefix(policy)?.strip_prefix(" '")?.split('\'').next()?;
            let by = match plain(name) {
                Some(name) => format!("{policy} '{name}'"),
                None => format!("a {policy}"),
            };
            Some(Self { by, kind: Kind::Denies })
        })
    }

    /// In words that repeat none of theirs.
    pub(in crate::kubernetes) fn describe(&self, code: u16) -> String {
        let by = &self.by;
        match self.kind {
            Kind::Denies => format!("{by} denied the request with code {code}"),
            Kind::CannotBeAsked => format!("{by} could not be asked (code {code})"),
            Kind::NotInATrial => format!("{by} cannot be asked without a change"),
        }
    }

    /// It denied what it was asked about.
    pub(crate) fn denies(&self) -> bool {
        self.kind == Kind::Denies
    }

    /// It responds no trial, so nothing is known.
    pub(crate) fn not_in_a_trial(&self) -> bool {
        self.kind == Kind::NotInATrial
    }
}

/// The webhook that is named in quotes at the beginning, and what follows.
fn webhook(text: &str) -> (String, &str) {
    let named = text.strip_prefix('"').and_then(|text| text.split_once('"'));
    match named {
        Some((name, rest)) if plain(name).is_some() => {
            (format!("admission webhook \"{name}\""), rest)
        }
        Some((_, rest)) => ("an admission webhook".to_owned(), rest),
        None => ("an admission webhook".to_owned(), ""),
    }
}

/// A name as Kubernetes allows it.
fn plain(name: &str) -> Option<&str> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b':');
    (!name.is_empty() && name.len() <= LONGEST_NAME && name.bytes().all(allowed)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_denies_is_told_and_none_of_their_words() {
        let cases = [
            (
                r#"admission webhook "sec.example.com" denied the request: weak password hunter2"#,
                r#"admission webhook "sec.example.com" denied the request with code 400"#,
            ),
            (
                "admission webhook \"a\u{1b}[2J\" denied the request: hunter2",
                "an admission webhook denied the request with code 400",
            ),
            (
                r#"Internal error occurred: failed calling webhook "a.b": database space exceeded"#,
                r#"admission webhook "a.b" could not be asked (code 400)"#,
            ),
            (
                r#"secrets "x" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: hunter2"#,
                "ValidatingAdmissionPolicy 'p' denied the request with code 400",
            ),
            (
                r#"admission webhook "a.b" does not support dry run"#,
                r#"admission webhook "a.b" cannot be asked without a change"#,
            ),
        ];
        for (message, told) in cases {
            let denial = Denial::read(message).expect(message);
            assert_eq!(denial.describe(400), told);
        }
    }

    #[test]
    fn what_the_api_server_says_itself_is_no_denial() {
        for message in [
            r#"secrets "admission webhook" not found"#,
            r#"secrets "a" is forbidden: User "u" cannot patch resource "secrets""#,
            "etcdserver: mvcc: database space exceeded",
            "Unauthorized",
            "",
        ] {
            assert_eq!(Denial::read(message), None, "{message}");
        }
    }
}
