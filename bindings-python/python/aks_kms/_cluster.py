"""The id of a cluster."""

from __future__ import annotations

from typing import NamedTuple


class ClusterId(NamedTuple):
    """A managed cluster by its parts. Its text is the resource id.

    Attributes:
        subscription_id: The subscription's id.
        resource_group: The resource group's name.
        name: The cluster's name.
    """

    subscription_id: str
    resource_group: str
    name: str

    def __str__(self) -> str:
        return (
            f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"
            f"/providers/Microsoft.ContainerService/managedClusters/{self.name}"
        )
