"""What `import aks_kms` gives."""

import re

from errors import error_classes
from results import result_classes

ABOUT = """Manages KMS etcd encryption on Azure Kubernetes Service: enable, rotate, re-encrypt and prove.

`KmsManager` is of one cluster and blocks, `aks_kms.aio.KmsManager` is awaited; both have the same verbs. `Fleet` does one
verb to many clusters, and `list_clusters` lists them; both are in `aks_kms.aio`, too."""

RULES = '''
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
'''


def package(schema: dict) -> tuple[str, str]:
    """Its documentation, and what is in it."""
    results = classes(result_classes(schema))
    errors = classes(error_classes(schema))
    names = sorted(
        [*results, *errors, "ClusterId", "Fleet", "KmsError", "KmsManager", "Steps", "list_clusters", "rules"]
    )
    lines = [
        "from aks_kms import _native",
        "from aks_kms._cluster import ClusterId",
        "from aks_kms._error import KmsError",
        "from aks_kms._fleet import Fleet",
        f"from aks_kms._generated.errors import {', '.join(errors)}",
        f"from aks_kms._generated.results import {', '.join(results)}",
        "from aks_kms._list import list_clusters",
        "from aks_kms._manager import KmsManager",
        "from aks_kms._text import Steps",
        "",
        "__version__ = _native.__version__",
        "",
        f"__all__ = {names!r}",
    ]
    return ABOUT, "\n".join(lines) + "\n" + RULES


def classes(text: str) -> list[str]:
    return sorted(re.findall(r"^class (\w+)", text, re.MULTILINE))
