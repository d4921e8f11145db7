"""The manager of one cluster, whose calls are awaited.

Generated from _manager.py by `bindings-python/generate`: change it there.
"""

from __future__ import annotations

import os
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

from aks_kms._cluster import ClusterId
from aks_kms._generated.aio_verbs import Verbs
from aks_kms._settings import made

if TYPE_CHECKING:
    from aks_kms._credential import Credential


class KmsManager(Verbs):
    """Manages the KMS etcd encryption of one cluster.

    Cheap to make; sends nothing until a verb is called. One manager may be used by several tasks at once.

    Cancelling the task ends a call at once. What it had begun is recorded in the cluster: `resume`, or the same call again,
    goes on with it from any machine. Sync credentials are asked on a thread, async ones on the event loop.

    Example:
        >>> from azure.identity.aio import AzureCliCredential
        >>> cluster = ClusterId("8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8", "shop", "production")
        >>> manager = KmsManager(cluster, credential=AzureCliCredential())
        >>> print(await manager.status())  # doctest: +SKIP

    Args:
        cluster_id: The cluster's resource id, or its parts.
        credential: Any credential of azure-identity, sync or async, or anything with `get_token`. Default: the workload
            identity of the pod, else the managed identity of the machine (`AZURE_CLIENT_ID` chooses one), else that of
            `az login`; the first that gives a token.
        cloud: `public`, `us-government`, `china`, or the https address of a Resource Manager. Default: public.
        kubernetes: How the Kubernetes API is reached: `cluster-user` or `cluster-admin`, the credential that Azure gives;
            or `in-cluster`, the pod's service account. Default: cluster-user.
        kubeconfig: A kubeconfig file instead, with its credential plugins.
        context: The context of the kubeconfig. Default: its current one.
        journal: Where operations and keys are recorded: `cluster`, or None, nowhere. Default: cluster.
        state_namespace: The namespace of that record. Default: kube-system.
        ca_bundle: A file of certificate authorities in PEM, trusted for Azure on top of the platform's.
        api_version: The api-version of managed clusters. Default: the newest stable one that this version knows.

    Raises:
        InvalidInputError: An argument is malformed.
        TypeError: An argument is of the wrong type.
    """

    def __init__(
        self,
        cluster_id: str | ClusterId,
        *,
        credential: Credential | None = None,
        cloud: str = "public",
        kubernetes: Literal["cluster-user", "cluster-admin", "in-cluster"] | None = None,
        kubeconfig: str | os.PathLike[str] | None = None,
        context: str | None = None,
        journal: Literal["cluster"] | None = "cluster",
        state_namespace: str | None = None,
        ca_bundle: str | os.PathLike[str] | None = None,
        api_version: str | None = None,
    ) -> None:
        settings = {
            "cluster": cluster_id,
            "cloud": cloud,
            "kubernetes": kubernetes,
            "kubeconfig": kubeconfig,
            "context": context,
            "journal": journal,
            "state_namespace": state_namespace,
            "ca_bundle": ca_bundle,
            "api_version": api_version,
        }
        self._source = None
        self._loop = None
        if credential is not None:
            from aks_kms._credential import TokenSource

            self._source = TokenSource(credential, self._current_loop)
        self._native = made(settings, self._source)

    @property
    def cluster_id(self) -> str:
        """The cluster's resource id."""
        return self._native.cluster_id

    async def close(self) -> None:
        """Does nothing: connections end by themselves. It is there for those who close what they made."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.cluster_id!r})"
