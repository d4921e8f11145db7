"""The manager whose calls are awaited. Everything else is in `aks_kms`."""

from aks_kms.aio._manager import KmsManager

KmsManager.__module__ = __name__

__all__ = ["KmsManager"]
