"""How results print."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from aks_kms import _native

if TYPE_CHECKING:
    from aks_kms._generated.results import (
        ClusterList,
        ClusterSummary,
        Finding,
        KeyLedger,
        KmsStatus,
        OperationReport,
        Provisioned,
        ProvisionStep,
        Step,
        UnreadableResource,
    )


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

    def __str__(self: Step | ProvisionStep) -> str:  # type: ignore[misc]
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


class ProvisionedText:
    """What is said of what a cluster needs, and how it prints."""

    @property
    def is_refused(self: Provisioned) -> bool:  # type: ignore[misc]
        """Whether this is of a dry run that says that `provision` would be refused."""
        return _native.is_provision_refused(json.dumps(self.to_dict()))

    def __str__(self: Provisioned) -> str:  # type: ignore[misc]
        if self.dry_run:
            lines = ["Plan of provision"]
            lines += [f"{number}. {step}" for number, step in enumerate(self.plan, 1)]
        else:
            lines = ["Report of provision", *(f"made: {step.part} {step.resource}" for step in self.created)]
        if not self.plan:
            lines.append("nothing is missing")
        lines += [f"vault {self.key_vault_id}", f"key {self.key_id}", f"identity {self.identity_id}"]
        return "\n".join(lines + _findings(self.findings))


class ClusterListText:
    """What a list of clusters gives one by one, and how it prints."""

    @property
    def is_complete(self: ClusterList) -> bool:  # type: ignore[misc]
        """Whether everything that was asked for could be read."""
        return not self.unreadable

    def __iter__(self: ClusterList) -> Iterator[ClusterSummary]:  # type: ignore[misc]
        return iter(self.clusters)

    def __str__(self: ClusterList) -> str:  # type: ignore[misc]
        return _native.table(json.dumps(self.to_dict())).removesuffix("\n")


class UnreadableText:
    """What could not be read prints as one line."""

    def __str__(self: UnreadableResource) -> str:  # type: ignore[misc]
        return f"{self.resource} was not read ({self.code}): {self.message}"


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
        f"{name} key {entry.key_id or entry.experience}: {'removable' if entry.removable else 'needed'}, {entry.reason}"
        for name, entry in entries
    ]
