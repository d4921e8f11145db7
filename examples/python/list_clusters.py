"""The clusters of some subscriptions and the state of their KMS; what could not be read is named.

SUBSCRIPTION_IDS names them; without it, all are listed that the credential sees. Against the simulator, with two of them:
`examples/python/simulated --given examples/python/subscriptions.json python examples/python/list_clusters.py`.
"""

import os
import sys

from aks_kms import list_clusters
from azure.identity import EnvironmentCredential

credential = EnvironmentCredential(disable_instance_discovery=True)
cloud = os.environ.get("AZURE_RESOURCE_MANAGER", "public")
subscriptions = os.environ.get("SUBSCRIPTION_IDS", "").split() or None

clusters = list_clusters(subscriptions, credential=credential, cloud=cloud)
print(clusters)
for cluster in clusters:
    if not cluster.enabled:
        print(f"without KMS: {cluster.id}")
sys.exit(0 if clusters.is_complete else 1)
