"""Several clusters at once, some of which may fail: what is wrong is told for each.

CLUSTER_IDS has their resource ids. Against the simulator, where the second one is of somebody else:
`examples/python/simulated --cluster-ids 2 python examples/python/several_clusters.py`.
"""

import asyncio
import os
import sys

from aks_kms import KmsError, KmsStatus
from aks_kms.aio import KmsManager
from azure.identity.aio import EnvironmentCredential


async def status(cluster_id: str, credential: EnvironmentCredential) -> KmsStatus:
    cloud = os.environ.get("AZURE_RESOURCE_MANAGER", "public")
    async with KmsManager(cluster_id, credential=credential, cloud=cloud) as manager:
        return await manager.status(secrets=True)


async def main() -> int:
    cluster_ids = os.environ["CLUSTER_IDS"].split()
    async with EnvironmentCredential(disable_instance_discovery=True) as credential:
        asked = [status(cluster_id, credential) for cluster_id in cluster_ids]
        results = await asyncio.gather(*asked, return_exceptions=True)
    failed = 0
    for cluster_id, result in zip(cluster_ids, results, strict=True):
        if isinstance(result, KmsError):
            failed += 1
            print(f"{cluster_id}: {result.code}: {result}", file=sys.stderr)
        elif isinstance(result, BaseException):
            raise result
        else:
            print(result)
    return 1 if failed else 0


sys.exit(asyncio.run(main()))
