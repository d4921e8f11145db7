"""Many clusters, by calls that are awaited.

Generated from _fleet.py by `bindings-python/generate`: change it there.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Literal

from aks_kms._cluster import ClusterId
from aks_kms._fleet_caller import Chosen
from aks_kms._generated.aio_fleet import FleetVerbs
from aks_kms._settings import made_fleet

if TYPE_CHECKING:
    from aks_kms._credential import Credential
    from aks_kms._generated.results import ClusterSummary


class Fleet(FleetVerbs):
    """Does one verb to many clusters, wave by wave, from one call that may be made every night: it does what is due, leaves
    the rest alone, and goes on where an earlier one was stopped. Nothing has to be stored for that: what was done to a
    cluster is recorded in the cluster.

    Cheap to make; sends nothing until a verb is called. What becomes of one cluster is a row of the report, and no error of
    the call.

    Cancelling the task ends a call at once. What it had begun is recorded in each cluster: the same call again goes on with
    it, from any machine. Sync credentials are asked on a thread, async ones on the event loop.

    Example:
        >>> from datetime import timedelta
        >>> from azure.identity.aio import AzureCliCredential
        >>> fleet = Fleet(filter=lambda cluster: cluster.enabled, credential=AzureCliCredential())
        >>> print(await fleet.rotate(when_older_than=timedelta(days=365), waves=[1, 10, 100]))  # doctest: +SKIP

    Args:
        clusters: The clusters, by resource id or parts, the first of them in the first wave. Default: they are found.
        subscriptions: Ids of the subscriptions that clusters are found in when a verb is called; these are begun by resource
            id. Default: all that the credential sees.
        filter: Only clusters that are found and for which this gives True. What it raises is raised by the call, before
            anything is done. Default: all.
        credential: Any credential of azure-identity, sync or async, or anything with `get_token`. Default: the workload
            identity of the pod, else the managed identity of the machine (`AZURE_CLIENT_ID` chooses one), else that of
            `az login`; the first that gives a token.
        cloud: `public`, `us-government`, `china`, or the https address of a Resource Manager. Default: public.
        kubernetes: Which credential for its Kubernetes API Azure gives of each cluster: `cluster-user` or `cluster-admin`.
            Default: cluster-user.
        state_namespace: The namespace of each cluster's record of operations and keys. Default: kube-system.
        ca_bundle: A file of certificate authorities in PEM, trusted for Azure on top of the platform's.
        api_version: The api-version of managed clusters. Default: the newest stable one that this version knows.
        resource_graph: Ask Resource Graph first for the clusters of subscriptions, which can be minutes behind; else every
            subscription is asked itself. Default: True.

    Raises:
        InvalidInputError: An argument is malformed, `clusters` and `subscriptions` are both given, a cluster is named twice,
            or there is a `filter` of clusters that are named.
        TypeError: An argument is of the wrong type.
    """

    def __init__(
        self,
        clusters: Iterable[str | ClusterId] | None = None,
        subscriptions: Iterable[str] | None = None,
        *,
        filter: Callable[[ClusterSummary], bool] | None = None,
        credential: Credential | None = None,
        cloud: str = "public",
        kubernetes: Literal["cluster-user", "cluster-admin"] | None = None,
        state_namespace: str | None = None,
        ca_bundle: str | os.PathLike[str] | None = None,
        api_version: str | None = None,
        resource_graph: bool = True,
    ) -> None:
        settings = {
            "clusters": clusters,
            "subscriptions": subscriptions,
            "cloud": cloud,
            "kubernetes": kubernetes,
            "state_namespace": state_namespace,
            "ca_bundle": ca_bundle,
            "api_version": api_version,
            "resource_graph": resource_graph,
        }
        self._source = None
        self._loop = None
        if credential is not None:
            from aks_kms._credential import TokenSource

            self._source = TokenSource(credential, self._current_loop)
        self._native = made_fleet(settings, self._source)
        self._chosen = Chosen(settings, filter)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._chosen})"
