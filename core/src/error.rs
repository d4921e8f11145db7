//! The one error type of the crate.

use std::{error::Error as StdError, fmt};

use crate::{
    catalogue::RuleId,
    ids::{ClusterId, ParseError, Verb},
    report::{Finding, OperationReport},
    text::{LONGEST_NAME, one_line, shown},
};

/// Shorthand for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The longest message, in characters: one that names every violation may be long.
const LONGEST_ERROR: usize = 40_000;

/// What kind of error this is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "bindings", derive(schemars::JsonSchema), schemars(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum ErrorKind {
    /// An argument is malformed. Nothing was sent. The message names the argument.
    InvalidInput,
    /// Rules are violated. Nothing was written. [`Error::findings`] has all of them.
    PreflightFailed,
    /// Cluster, vault or key does not exist.
    NotFound,
    /// No valid token could be obtained.
    Unauthenticated,
    /// A permission is missing. The message names it.
    Forbidden,
    /// Another operation or holder is at work, or the cluster keeps changing.
    Conflict,
    /// Azure ended the operation as failed. [`Error::service_code`] has its code.
    OperationFailed,
    /// Some secrets are blocked or failed. [`Error::report`] names them.
    ReencryptIncomplete,
    /// The API server's KMS keeps failing.
    KmsUnavailable,
    /// The service kept throttling after bounded retries.
    Throttled,
    /// The time limit was reached.
    Timeout,
    /// The service could not be reached after bounded retries.
    Unavailable,
    /// A response that is not what its sender documents.
    Unexpected,
}

impl ErrorKind {
    /// The stable code, such as `preflight_failed`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::InvalidInput => "invalid_input",
            Self::PreflightFailed => "preflight_failed",
            Self::NotFound => "not_found",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::Conflict => "conflict",
            Self::OperationFailed => "operation_failed",
            Self::ReencryptIncomplete => "reencrypt_incomplete",
            Self::KmsUnavailable => "kms_unavailable",
            Self::Throttled => "throttled",
            Self::Timeout => "timeout",
            Self::Unavailable => "unavailable",
            Self::Unexpected => "unexpected",
        }
    }

    /// Whether the same call may succeed later with nothing else changed.
    pub(crate) const fn is_retryable(self) -> bool {
        matches!(
            self,
            Self::Conflict
                | Self::KmsUnavailable
                | Self::Throttled
                | Self::Timeout
                | Self::Unavailable
        )
    }
}

/// Why a call failed: one sentence that says what failed, on what, and what to do.
///
/// It never holds a token, a kubeconfig or a secret's value, in `Display`, `Debug` or its source.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    service_code: Option<String>,
    /// Whether the same call may succeed later, where that is not what the kind says.
    retryable: Option<bool>,
    findings: Vec<Finding>,
    report: Option<OperationReport>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: one_line(&message.into(), LONGEST_ERROR),
            service_code: None,
            retryable: None,
            findings: Vec::new(),
            report: None,
            source: None,
        }))
    }

    /// An argument that another language's binding could not read: `problem` names it.
    #[cfg(feature = "bindings")]
    #[doc(hidden)]
    #[must_use]
    pub fn invalid_input(problem: &str) -> Self {
        Self::new(ErrorKind::InvalidInput, shown(problem))
    }

    /// Something is as no code here leaves it.
    pub(crate) fn internal(what: &str) -> Self {
        let message = format!("{what}: this is a fault of aks-kms, please report it");
        Self::new(ErrorKind::Unexpected, message)
    }

    /// Says which call it was, and on what, where the message does not name the cluster.
    pub(crate) fn of(mut self, verb: Verb, cluster: &ClusterId) -> Self {
        if !self.0.message.contains(cluster.name()) {
            self.0.message = format!("{verb} of cluster {}: {}", cluster.name(), self.0.message);
        }
        self
    }

    pub(crate) fn with_service_code(mut self, code: impl Into<String>) -> Self {
        self.0.service_code = Some(one_line(&code.into(), LONGEST_NAME));
        self
    }

    /// The same call does not succeed before somebody acts as the message says.
    pub(crate) fn until_somebody_acts(mut self) -> Self {
        self.0.retryable = Some(false);
        self
    }

    /// The same call may succeed later with nothing else changed.
    pub(crate) fn passing(mut self) -> Self {
        self.0.retryable = Some(true);
        self
    }

    pub(crate) fn with_findings(mut self, findings: Vec<Finding>) -> Self {
        self.0.findings = findings;
        self
    }

    pub(crate) fn with_report(mut self, report: OperationReport) -> Self {
        self.0.report = Some(report);
        self
    }

    pub(crate) fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.0.source = Some(Box::new(source));
        self
    }

    /// Adds to the message what the caller should know besides.
    pub(crate) fn with_context(mut self, context: &str) -> Self {
        let message = self.0.message.trim_end_matches('.');
        self.0.message = format!("{message}; {}", shown(context));
        self
    }

    /// What kind of error this is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The stable code of the kind, the same in every language.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.0.kind.code()
    }

    /// Whether the same call may succeed later with nothing else changed. A `conflict` with an
    /// operation that is unfinished, or with a key that somebody else set, is none that passes: the
    /// message says what to call. An `unauthenticated` is one where the service that signs in was not
    /// reached, or failed.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.0.retryable.unwrap_or_else(|| self.0.kind.is_retryable())
    }

    /// The rules behind an `invalid_input`, `preflight_failed` or `conflict`.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.0.findings
    }

    /// The service's own error code, such as `EtagMismatch`.
    #[must_use]
    pub fn service_code(&self) -> Option<&str> {
        self.0.service_code.as_deref()
    }

    /// How far the operation came, if it began.
    #[must_use]
    pub fn report(&self) -> Option<&OperationReport> {
        self.0.report.as_ref()
    }
}

/// The API server is where this process does not get to.
pub(crate) fn api_server_unreachable(cluster: &ClusterId) -> Error {
    let message = format!(
        "the API server of {cluster} cannot be reached from here; run this where it can be"
    );
    Error::new(ErrorKind::Unavailable, message)
}

/// What was asked for; `None`: there is no such thing.
pub(crate) fn optional<T>(found: Result<T>) -> Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

impl From<ParseError> for Error {
    fn from(error: ParseError) -> Self {
        let rule = match error.argument() {
            "key_id" => Some(RuleId::KeyIdMalformed),
            "key_vault_id" => Some(RuleId::KeyVaultIdMalformed),
            _ => None,
        };
        let finding = rule.map(|rule| Finding::violated(rule, error.text(), error.problem()));
        Self::new(ErrorKind::InvalidInput, error.to_string())
            .with_findings(finding.into_iter().collect())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        if let Some(code) = &self.0.service_code {
            write!(f, " [{code}]")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("code", &self.code())
            .field("message", &self.0.message)
            .field("service_code", &self.0.service_code)
            .field("findings", &self.0.findings)
            .field("source", &self.0.source.as_ref().map(ToString::to_string))
            .finish_non_exhaustive()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_for_somebody_is_not_worth_another_try() {
        let conflict = || Error::new(ErrorKind::Conflict, "it is unfinished");
        assert!(conflict().is_retryable());
        assert!(!conflict().until_somebody_acts().is_retryable());
    }
}
