"""Manages KMS etcd encryption on Azure Kubernetes Service: enable, rotate, re-encrypt and prove.

`KmsManager` is of one cluster and blocks, `aks_kms.aio.KmsManager` is awaited; both have the same verbs. `Fleet` does one
verb to many clusters, and `list_clusters` lists them; both are in `aks_kms.aio`, too.

Generated from bindings/schema.json by `bindings-python/generate`: change it there.
"""

from aks_kms import _native
from aks_kms._cluster import ClusterId
from aks_kms._error import KmsError
from aks_kms._fleet import Fleet
from aks_kms._generated.errors import (
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    KmsUnavailableError,
    NotFoundError,
    OperationFailedError,
    PreflightFailedError,
    ReencryptIncompleteError,
    ThrottledError,
    TimeoutError,
    UnauthenticatedError,
    UnavailableError,
    UnexpectedError,
)
from aks_kms._generated.results import (
    Action,
    ActionKind,
    ApiServer,
    BlockedReason,
    BlockedSecret,
    ClusterList,
    ClusterSummary,
    Counts,
    CustomerManagedKey,
    Evidence,
    ExpectedKey,
    Experience,
    Finding,
    FindingState,
    FleetProgress,
    FleetReport,
    FleetRow,
    FleetTotals,
    KeyLedger,
    KmsChange,
    KmsConfiguration,
    KmsStatus,
    KmsVersion,
    LedgerEntry,
    Level,
    NetworkMode,
    NodePools,
    OperationInProgress,
    OperationOutcome,
    OperationReport,
    Pace,
    Phase,
    Progress,
    Provisioned,
    ProvisionPart,
    ProvisionStep,
    Purpose,
    ReencryptOptions,
    ReencryptReport,
    ReencryptSample,
    Rule,
    RuleId,
    Scope,
    SecretTotal,
    Step,
    StepKind,
    StepOutcome,
    StepReport,
    UnreadableResource,
    VaultAccess,
    VaultAuthorization,
    Verb,
    Versions,
)
from aks_kms._list import list_clusters
from aks_kms._manager import KmsManager
from aks_kms._text import Steps

__version__ = _native.__version__

__all__ = [
    "Action",
    "ActionKind",
    "ApiServer",
    "BlockedReason",
    "BlockedSecret",
    "ClusterId",
    "ClusterList",
    "ClusterSummary",
    "ConflictError",
    "Counts",
    "CustomerManagedKey",
    "Evidence",
    "ExpectedKey",
    "Experience",
    "Finding",
    "FindingState",
    "Fleet",
    "FleetProgress",
    "FleetReport",
    "FleetRow",
    "FleetTotals",
    "ForbiddenError",
    "InvalidInputError",
    "KeyLedger",
    "KmsChange",
    "KmsConfiguration",
    "KmsError",
    "KmsManager",
    "KmsStatus",
    "KmsUnavailableError",
    "KmsVersion",
    "LedgerEntry",
    "Level",
    "NetworkMode",
    "NodePools",
    "NotFoundError",
    "OperationFailedError",
    "OperationInProgress",
    "OperationOutcome",
    "OperationReport",
    "Pace",
    "Phase",
    "PreflightFailedError",
    "Progress",
    "ProvisionPart",
    "ProvisionStep",
    "Provisioned",
    "Purpose",
    "ReencryptIncompleteError",
    "ReencryptOptions",
    "ReencryptReport",
    "ReencryptSample",
    "Rule",
    "RuleId",
    "Scope",
    "SecretTotal",
    "Step",
    "StepKind",
    "StepOutcome",
    "StepReport",
    "Steps",
    "ThrottledError",
    "TimeoutError",
    "UnauthenticatedError",
    "UnavailableError",
    "UnexpectedError",
    "UnreadableResource",
    "VaultAccess",
    "VaultAuthorization",
    "Verb",
    "Versions",
    "list_clusters",
    "rules",
]


def rules() -> tuple[Rule, ...]:
    """The catalogue of documented limitations that verbs check before they write.

    Returns:
        A rule each, with its level, what to do about a violation, and where it is documented.
    """
    import json

    return tuple(map(Rule.from_dict, json.loads(_native.rules())))


# names under which they are known, pickled and documented
for _name in __all__:
    globals()[_name].__module__ = __name__
