"""The manager, the fleet and `list_clusters` whose calls are awaited. Everything else is in `aks_kms`."""

from aks_kms.aio._fleet import Fleet
from aks_kms.aio._list import list_clusters
from aks_kms.aio._manager import KmsManager

# names under which they are known, pickled and documented
Fleet.__module__ = KmsManager.__module__ = list_clusters.__module__ = __name__

__all__ = ["Fleet", "KmsManager", "list_clusters"]
