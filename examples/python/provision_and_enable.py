"""From nothing to encrypted clusters: what is missing is made, KMS turned on, and a second cluster made with it on.

CLUSTER_ID names the cluster, AZURE_RESOURCE_MANAGER another cloud than Azure's public one. Against the simulator:
`examples/python/simulated python examples/python/provision_and_enable.py`.
"""

import os

from aks_kms import KmsManager
from azure.identity import EnvironmentCredential

credential = EnvironmentCredential(disable_instance_discovery=True)
cloud = os.environ.get("AZURE_RESOURCE_MANAGER", "public")
cluster_id = os.environ["CLUSTER_ID"]

with KmsManager(cluster_id, credential=credential, cloud=cloud) as manager:
    # What is missing, with the az commands that do the same. Nothing is written.
    planned = manager.provision(dry_run=True)
    for number, step in enumerate(planned.plan, 1):
        print(f"{number}. {step}\n   {step.command}")

    # Make it, and turn KMS on with the key.
    made = manager.provision(progress=True)
    print(made)
    enabled = manager.enable(made.key_id, progress=True)
    print(enabled)

# The cluster as the Azure REST API takes it. Identity and KMS are put into it.
body = {
    "location": enabled.after.location,
    "properties": {
        "dnsPrefix": "second",
        "agentPoolProfiles": [{"name": "system", "mode": "System", "count": 1, "vmSize": "Standard_D4s_v5"}],
    },
}
second = f"{cluster_id.rsplit('/', 1)[0]}/second"
with KmsManager(second, credential=credential, cloud=cloud) as manager:
    created = manager.create_cluster(body, made.key_id, identity_id=made.identity_id, progress=True)
    print(created)
    print(manager.status().enabled)
