"""How results print, and what else the library says of them: the same in every language."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from aks_kms import _native

if TYPE_CHECKING:
    from aks_kms._generated.results import (
        ClusterList,
        ClusterSummary,
        Finding,
        FleetReport,
        KeyLedger,
        KmsStatus,
        OperationReport,
        Provisioned,
        ProvisionStep,
        Step,
        UnreadableResource,
    )


def _shown(
    it: ClusterList | Finding | FleetReport | KeyLedger | KmsStatus | OperationReport | Provisioned,
) -> str:
    return _native.shown(type(it).__name__, json.dumps(it.to_dict())).removesuffix("\n")


def findings_text(findings: Iterable[Finding]) -> str:
    """Findings one below the other, aligned."""
    return _native.shown("Findings", json.dumps([finding.to_dict() for finding in findings]))


class Steps(tuple["Step", ...]):
    """The steps of a plan, in order. Prints as a numbered list, one step a line."""

    __slots__ = ()

    def __str__(self) -> str:
        return _native.shown("Steps", json.dumps([step.to_dict() for step in self]))


class FindingText:
    """A finding prints as one line."""

    def __str__(self: Finding) -> str:  # type: ignore[misc]
        return _shown(self)


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

    def to_html(self: OperationReport) -> str:  # type: ignore[misc]
        """The report as one HTML file for an auditor: which key is in use, since when, how that is proven, what is left,
        and which keys may be removed; then plan, steps, proof, keys and rules.

        It loads nothing from elsewhere, and runs no script. It ends with the JSON that it was made from and the SHA-256
        of that, and says how to compute it again. The same in every language.

        Example:
            >>> Path("evidence.html").write_text(report.to_html(), "utf-8")  # doctest: +SKIP
        """
        return _native.to_html(json.dumps(self.to_dict()))

    def to_markdown(self: OperationReport) -> str:  # type: ignore[misc]
        """The same as `to_html`, as Markdown with tables."""
        return _native.to_markdown(json.dumps(self.to_dict()))

    def __str__(self: OperationReport) -> str:  # type: ignore[misc]
        return _shown(self)


class FleetText:
    """What a report of many clusters says of itself, and how it prints."""

    @property
    def is_complete(self: FleetReport) -> bool:  # type: ignore[misc]
        """Whether nothing is left to do: every cluster is done or not due, and everything could be read.

        False for a dry run that has something to do.
        """
        return _native.is_fleet_complete(json.dumps(self.to_dict()))

    def to_html(self: FleetReport) -> str:  # type: ignore[misc]
        """The report as one HTML file for an auditor: which clusters were gone through, how old their keys are, what was
        done and is proven, what is left, and which keys may be removed; then waves, a row a cluster, keys and rules.

        It loads nothing from elsewhere, and runs no script. It ends with the JSON that it was made from and the SHA-256
        of that. The same in every language.

        Example:
            >>> Path("fleet.html").write_text(report.to_html(), "utf-8")  # doctest: +SKIP
        """
        return _native.to_html(json.dumps(self.to_dict()))

    def to_markdown(self: FleetReport) -> str:  # type: ignore[misc]
        """The same as `to_html`, as Markdown with tables."""
        return _native.to_markdown(json.dumps(self.to_dict()))

    def __str__(self: FleetReport) -> str:  # type: ignore[misc]
        return _shown(self)


class ProvisionedText:
    """What is said of what a cluster needs, and how it prints."""

    @property
    def is_refused(self: Provisioned) -> bool:  # type: ignore[misc]
        """Whether this is of a dry run that says that `provision` would be refused."""
        return _native.is_provision_refused(json.dumps(self.to_dict()))

    def __str__(self: Provisioned) -> str:  # type: ignore[misc]
        return _shown(self)


class ClusterListText:
    """What a list of clusters gives one by one, and how it prints."""

    @property
    def is_complete(self: ClusterList) -> bool:  # type: ignore[misc]
        """Whether everything that was asked for could be read."""
        return not self.unreadable

    def __iter__(self: ClusterList) -> Iterator[ClusterSummary]:  # type: ignore[misc]
        return iter(self.clusters)

    def __str__(self: ClusterList) -> str:  # type: ignore[misc]
        return _shown(self)


class UnreadableText:
    """What could not be read prints as one line."""

    def __str__(self: UnreadableResource) -> str:  # type: ignore[misc]
        return f"{self.resource} was not read ({self.code}): {self.message}"


class StatusText:
    """A status prints as aligned lines, with findings and keys below."""

    def __str__(self: KmsStatus) -> str:  # type: ignore[misc]
        return _shown(self)


class LedgerText:
    """A ledger prints as a table with a line for each key."""

    def __str__(self: KeyLedger) -> str:  # type: ignore[misc]
        return _shown(self)
