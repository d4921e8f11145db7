"""The clusters of many subscriptions, by a call that is awaited.

Generated from _list.py by `bindings-python/generate`: change it there.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING

from aks_kms._settings import clusters, start_list
from aks_kms.aio._caller import ended

if TYPE_CHECKING:
    from aks_kms._credential import Credential
    from aks_kms._generated.results import ClusterList


async def list_clusters(
    subscriptions: Iterable[str] | None = None,
    *,
    credential: Credential | None = None,
    cloud: str = "public",
    ca_bundle: str | os.PathLike[str] | None = None,
    api_version: str | None = None,
    resource_graph: bool = True,
    timeout: float | timedelta = 300.0,
) -> ClusterList:
    """Lists the clusters of some subscriptions, or of all that the credential sees, with the state of their KMS.

    It needs no manager, and writes nothing. What could not be read is named in `unreadable`; where nothing could be read it
    is an error. Resource Graph is asked first; each subscription that it shows no cluster of is asked itself.

    Example:
        >>> print(await list_clusters())  # doctest: +SKIP

    Args:
        subscriptions: Ids of the subscriptions. Default: all that the credential sees.
        credential: Any credential of azure-identity, sync or async, or anything with `get_token`. Default: the workload
            identity of the pod, else the managed identity of the machine (`AZURE_CLIENT_ID` chooses one), else that of
            `az login`; the first that gives a token.
        cloud: `public`, `us-government`, `china`, or the https address of a Resource Manager. Default: public.
        ca_bundle: A file of certificate authorities in PEM, trusted for Azure on top of the platform's.
        api_version: The api-version of managed clusters. Default: the newest stable one that this version knows.
        resource_graph: Ask Resource Graph first, which can be minutes behind; else every subscription is asked itself.
            Default: True.
        timeout: Time limit of the whole call. Default: 5 minutes. A number of seconds, or a timedelta.

    Returns:
        The clusters, by resource id; and what could not be read. It prints as a table.

    Raises:
        KmsError: A subclass for each code; its text says what failed, on what, and what to do. The codes are listed at
            https://github.com/aks-kms/aks-kms/blob/main/docs/errors.md.
        TypeError: An argument is of the wrong type.
    """
    arguments = {
        "subscriptions": subscriptions,
        "cloud": cloud,
        "ca_bundle": ca_bundle,
        "api_version": api_version,
        "resource_graph": resource_graph,
        "timeout": timeout,
    }
    source = None
    if credential is not None:
        from aks_kms._credential import TokenSource

        loop = asyncio.get_running_loop()
        source = TokenSource(credential, lambda: loop)
    return clusters(await ended(start_list(arguments, source), source))
