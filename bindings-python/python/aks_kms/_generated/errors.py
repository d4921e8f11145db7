"""An error class for each code.

Generated from bindings/schema.json by `bindings-python/generate`: change it there.
"""

from __future__ import annotations

from aks_kms._error import KmsError

__all__ = [
    "BY_CODE",
    "ConflictError",
    "ForbiddenError",
    "InvalidInputError",
    "KmsUnavailableError",
    "NotFoundError",
    "OperationFailedError",
    "PreflightFailedError",
    "ReencryptIncompleteError",
    "ThrottledError",
    "TimeoutError",
    "UnauthenticatedError",
    "UnavailableError",
    "UnexpectedError",
]


class InvalidInputError(KmsError):
    """An argument is malformed. Nothing was sent. The message names the argument."""

    code = "invalid_input"


class PreflightFailedError(KmsError):
    """Rules are violated. Nothing was written. `findings` has all of them."""

    code = "preflight_failed"


class NotFoundError(KmsError):
    """Cluster, vault or key does not exist."""

    code = "not_found"


class UnauthenticatedError(KmsError):
    """No valid token could be obtained."""

    code = "unauthenticated"


class ForbiddenError(KmsError):
    """A permission is missing. The message names it."""

    code = "forbidden"


class ConflictError(KmsError):
    """Another operation or holder is at work, or the cluster keeps changing."""

    code = "conflict"


class OperationFailedError(KmsError):
    """Azure ended the operation as failed. `service_code` has its code."""

    code = "operation_failed"


class ReencryptIncompleteError(KmsError):
    """Some secrets are blocked or failed. `report` names them."""

    code = "reencrypt_incomplete"


class KmsUnavailableError(KmsError):
    """The API server's KMS keeps failing."""

    code = "kms_unavailable"


class ThrottledError(KmsError):
    """The service kept throttling after bounded retries."""

    code = "throttled"


class TimeoutError(KmsError):
    """The time limit was reached."""

    code = "timeout"


class UnavailableError(KmsError):
    """The service could not be reached after bounded retries."""

    code = "unavailable"


class UnexpectedError(KmsError):
    """A response that is not what its sender documents."""

    code = "unexpected"


BY_CODE: dict[str, type[KmsError]] = {
    "invalid_input": InvalidInputError,
    "preflight_failed": PreflightFailedError,
    "not_found": NotFoundError,
    "unauthenticated": UnauthenticatedError,
    "forbidden": ForbiddenError,
    "conflict": ConflictError,
    "operation_failed": OperationFailedError,
    "reencrypt_incomplete": ReencryptIncompleteError,
    "kms_unavailable": KmsUnavailableError,
    "throttled": ThrottledError,
    "timeout": TimeoutError,
    "unavailable": UnavailableError,
    "unexpected": UnexpectedError,
}
