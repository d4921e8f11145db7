"""The one error, of which there is a subclass for each code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from aks_kms._generated.results import Finding, OperationReport


class KmsError(Exception):
    """Why a call failed: its text says what failed, on what, and what to do, for every finding.

    It never has a token, a kubeconfig or a secret's value.

    Attributes:
        code: The stable code, the same in every language.
        retryable: Whether the same call may succeed later with nothing else changed.
        findings: The rules behind an `invalid_input`, `preflight_failed` or `conflict`.
        service_code: The service's own error code, such as `EtagMismatch`.
        report: How far the operation came, if it began.
    """

    code: ClassVar[str] = "unexpected"
    retryable: bool
    findings: tuple[Finding, ...]
    service_code: str | None
    report: OperationReport | None

    def __init__(
        self,
        message: str,
        *,
        retryable: bool = False,
        findings: tuple[Finding, ...] = (),
        service_code: str | None = None,
        report: OperationReport | None = None,
    ) -> None:
        super().__init__(message)
        self.retryable = retryable
        self.findings = findings
        self.service_code = service_code
        self.report = report

    def __reduce__(self) -> tuple[Any, ...]:
        state = {name: getattr(self, name) for name in ("retryable", "findings", "service_code", "report")}
        return type(self), self.args, state


def from_document(document: dict[str, Any]) -> KmsError:
    """The error that a document of the native module tells of."""
    from aks_kms._generated.errors import BY_CODE
    from aks_kms._generated.results import Finding, OperationReport

    report = document["report"]
    return BY_CODE.get(document["code"], KmsError)(
        document["message"],
        retryable=document["retryable"],
        findings=tuple(map(Finding.from_dict, document["findings"])),
        service_code=document["service_code"],
        report=None if report is None else OperationReport.from_dict(report),
    )
