"""A rotation whose findings are handled: what may be allowed is, what must be repaired is told.

KEY_ID names the key that is in use (it is turned on here where there is none), NEW_KEY_ID the one to change to. Against the
simulator: `examples/python/simulated python examples/python/rotate.py`.
"""

import os
import sys

from aks_kms import KmsManager, PreflightFailedError, RuleId
from azure.identity import EnvironmentCredential

# What this cluster's owner has decided to live with.
ACCEPTED = {RuleId.ETCD_GROWTH, RuleId.PREVIOUS_KEY_STILL_NEEDED}

credential = EnvironmentCredential(disable_instance_discovery=True)
cloud = os.environ.get("AZURE_RESOURCE_MANAGER", "public")
manager = KmsManager(os.environ["CLUSTER_ID"], credential=credential, cloud=cloud)

if not manager.status().enabled:
    manager.enable(os.environ["KEY_ID"])

plan = manager.rotate(os.environ["NEW_KEY_ID"], dry_run=True)
print(plan)
allow = [found.rule for found in plan.findings if found.overridable and found.rule in ACCEPTED]
try:
    report = manager.rotate(os.environ["NEW_KEY_ID"], allow=allow, progress=True)
except PreflightFailedError as error:
    for found in error.findings:
        print(f"{found.resource}: {found.message}. {found.remedy}", file=sys.stderr)
    sys.exit(2)

print(report)
ledger = report.ledger
if ledger is not None and ledger.previous is not None:
    print(f"{ledger.previous.key_id} may be removed: {ledger.previous.removable}. {ledger.previous.reason}")
