"""What processes of a pool do. They import it by its name."""

import json
import os
from typing import Any

import aks_kms
from azure.identity import ClientSecretCredential

# What a fork inherits.
MANAGER: aks_kms.KmsManager | None = None


def status(case: dict[str, Any]) -> str:
    assert json.loads(os.environ["CASE_DOCUMENT"]) == case
    kms = MANAGER
    if kms is None:
        credential = ClientSecretCredential(
            case["tenant_id"],
            case["client_id"],
            case["client_secret"],
            authority=case["authority"],
            disable_instance_discovery=True,
        )
        kms = aks_kms.KmsManager(case["cluster_id"], credential=credential, cloud=case["arm"])
    return kms.status().cluster
