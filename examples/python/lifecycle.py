"""A cluster's first encryption, from plan to proof.

CLUSTER_ID and KEY_ID name the cluster and the key, AZURE_RESOURCE_MANAGER another cloud than Azure's public one. Against the
simulator: `examples/python/simulated python examples/python/lifecycle.py`.
"""

import os

from aks_kms import KmsManager
from azure.identity import EnvironmentCredential

credential = EnvironmentCredential(disable_instance_discovery=True)
cloud = os.environ.get("AZURE_RESOURCE_MANAGER", "public")
key_id = os.environ["KEY_ID"]

with KmsManager(os.environ["CLUSTER_ID"], credential=credential, cloud=cloud) as manager:
    # What would be done, and what stands against it. Nothing is written.
    plan = manager.enable(key_id, dry_run=True)
    print(plan)

    # Do it, with a bar on standard error.
    report = manager.enable(key_id, progress=True)
    print(report)
    assert report.is_proven

    print(manager.status(secrets=True))
