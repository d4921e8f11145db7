//! A text that is not what an argument takes.

use std::{borrow::Cow, error, fmt};

/// A text that is not what an argument takes. It becomes an [`Error`](crate::Error) of kind
/// [`InvalidInput`](crate::ErrorKind::InvalidInput), with the rule that it violates where there is one.
///
/// ```
/// use aks_kms::{Error, KeyId, RuleId};
///
/// let error = KeyId::parse("https://shop.vault.azure.net/secrets/etcd").unwrap_err();
/// assert_eq!(error.argument(), "key_id");
/// assert_eq!(Error::from(error).findings()[0].rule, RuleId::KeyIdMalformed);
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ParseError {
    argument: &'static str,
    text: String,
    /// What the text has to be; completes "which is not …".
    expected: Cow<'static, str>,
    /// Where to get one.
    hint: Cow<'static, str>,
}

impl ParseError {
    pub(crate) fn new(
        argument: &'static str,
        text: &str,
        expected: impl Into<Cow<'static, str>>,
        hint: impl Into<Cow<'static, str>>,
    ) -> Self {
        let (expected, hint) = (expected.into(), hint.into());
        Self { argument, text: text.to_owned(), expected, hint }
    }

    /// The argument, such as `key_id`.
    #[must_use]
    pub fn argument(&self) -> &'static str {
        self.argument
    }

    /// The text that was passed.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What is wrong, without where to get what is right.
    pub(crate) fn problem(&self) -> String {
        format!("{} is {:?}, which is not {}", self.argument, self.text, self.expected)
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem())?;
        if self.hint.is_empty() { Ok(()) } else { write!(f, "; {}", self.hint) }
    }
}

impl error::Error for ParseError {}
