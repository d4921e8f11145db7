"""How results print."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aks_kms import _native

if TYPE_CHECKING:
    from aks_kms._generated.results import Finding, KeyLedger, KmsStatus, OperationReport, Step


class Steps(tuple["Step", ...]):
    """The steps of a plan, in order. Prints as a numbered list, one step a line."""

    __slots__ = ()

    def __str__(self) -> str:
        return _native.shown(json.dumps([step.to_dict() for step in self]))


class FindingText:
    """A finding prints as one line."""

    def __str__(self: Finding) -> str:  # type: ignore[misc]
        return _native.shown(json.dumps(self.to_dict()))


class StepText:
    """A step prints as one line."""

    def __str__(self: Step) -> str:  # type: ignore[misc]
        return self.summary


class ReportText:
    """What a report says of itself, and how it prints."""

    @property
    def is_proven(self: OperationReport) -> bool:  # type: ignore[misc]
        """Whether every secret of the whole cluster is proven to be under the expected key.

        False for a dry run, for a part of the cluster, and where nothing was asked of the secrets after the last
        change of the key.
        """
        return _native.is_proven(json.dumps(self.to_dict()))

    @property
    def is_refused(self: OperationReport) -> bool:  # type: ignore[misc]
        """Whether this is of a dry run that says that the verb would be refused."""
        return _native.is_refused(json.dumps(self.to_dict()))

    def __str__(self: OperationReport) -> str:  # type: ignore[misc]
        kind = "Plan" if self.dry_run else "Report"
        lines = [f"{kind} of {self.operation} for {self.cluster}"]
        if self.dry_run:
            lines += str(self.plan).splitlines()
        else:
            lines += [f"{step.outcome}: {step.step} ({step.seconds:.1f} s)" for step in self.steps]
        for part in self.reencryption:
            counts = part.counts
            proof = "complete" if part.complete else "not complete"
            lines.append(
                f"{part.purpose}: {counts.total} secrets, {counts.rewritten} rewritten, {counts.current} current, "
                f"{counts.blocked} blocked, {counts.failed} failed; evidence {part.evidence}; {proof}"
            )
        lines += _findings(self.findings)
        if not self.dry_run:
            lines += _ledger(self.ledger)
        return "\n".join(lines)


class StatusText:
    """How a status prints."""

    def __str__(self: KmsStatus) -> str:  # type: ignore[misc]
        lines = [f"Cluster {self.cluster} (Kubernetes {self.kubernetes_version}, {self.provisioning_state})"]
        if self.key_id is None:
            lines.append(
                "KMS is off" if self.experience is None else f"Secrets are encrypted: {self.experience}"
            )
        else:
            lines.append(f"KMS {self.kms_version} is on with {self.key_id} ({self.network_mode} access)")
        if self.secrets is not None:
            lines.append(f"{self.secrets.total} secrets")
        if self.operation_in_progress is not None:
            now = self.operation_in_progress
            lines.append(f"Unfinished: {now.operation}, by {now.by} since {now.since:%Y-%m-%d %H:%M:%S} UTC")
        return "\n".join(lines + _findings(self.findings) + _ledger(self.ledger))


def _findings(findings: tuple[Finding, ...]) -> list[str]:
    return [str(finding) for finding in findings]


def _ledger(ledger: KeyLedger | None) -> list[str]:
    if ledger is None:
        return []
    named = [("current", ledger.current), ("pending", ledger.pending), ("previous", ledger.previous)]
    entries = [(name, entry) for name, entry in named if entry is not None]
    entries += [("retired", entry) for entry in ledger.retired]
    return [
        f"{name} key {entry.key_id}: {'removable' if entry.removable else 'needed'}, {entry.reason}"
        for name, entry in entries
    ]
