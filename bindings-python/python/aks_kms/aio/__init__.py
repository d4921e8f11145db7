"""The manager and `list_clusters` whose calls are awaited. Everything else is in `aks_kms`."""

from aks_kms.aio._list import list_clusters
from aks_kms.aio._manager import KmsManager

# names under which they are known, pickled and documented
KmsManager.__module__ = list_clusters.__module__ = __name__

__all__ = ["KmsManager", "list_clusters"]
