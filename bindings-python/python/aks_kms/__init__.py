"""Manages KMS etcd encryption on Azure Kubernetes Service: enable, rotate, re-encrypt and prove.

`KmsManager` blocks, `aks_kms.aio.KmsManager` is awaited; both have the same verbs.
"""

from aks_kms import _native
from aks_kms._cluster import ClusterId
from aks_kms._error import KmsError
from aks_kms._generated.errors import *  # noqa: F403
from aks_kms._generated.errors import __all__ as _error_names
from aks_kms._generated.results import *  # noqa: F403
from aks_kms._generated.results import Rule
from aks_kms._generated.results import __all__ as _result_names
from aks_kms._manager import KmsManager
from aks_kms._text import Steps

__version__ = _native.__version__

__all__ = ["ClusterId", "KmsError", "KmsManager", "Steps", "rules"]
__all__ += _result_names
__all__ += [name for name in _error_names if name != "BY_CODE"]


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
