"""Ctrl-C in the middle, and going on: this program goes on with what an earlier run of it, or another machine, left unfinished.

Press Ctrl-C while it works and start it again. With `--interrupt` it interrupts itself. Against the simulator:
`examples/python/simulated python examples/python/resume.py --interrupt`.
"""

import os
import signal
import sys

from aks_kms import KmsManager, Progress
from azure.identity import EnvironmentCredential

credential = EnvironmentCredential(disable_instance_discovery=True)
cloud = os.environ.get("AZURE_RESOURCE_MANAGER", "public")
manager = KmsManager(os.environ["CLUSTER_ID"], credential=credential, cloud=cloud)


def interrupt(now: Progress) -> None:
    """What a hand at the keyboard would do."""
    if now.phase == "reencrypt" and now.step > 2 and now.done > 5:
        os.kill(os.getpid(), signal.SIGINT)


unfinished = manager.status().operation_in_progress
if unfinished is not None:
    print(f"{unfinished.operation} is unfinished, by {unfinished.by} since {unfinished.since}")
try:
    if unfinished is not None:
        report = manager.resume(progress=True)
    elif "--interrupt" in sys.argv:
        # slowly, so that there is a middle
        slowly = {"max_requests_per_second": 20}
        report = manager.enable(os.environ["KEY_ID"], reencrypt=slowly, on_progress=interrupt)
    else:
        report = manager.enable(os.environ["KEY_ID"], progress=True)
except KeyboardInterrupt:
    print("interrupted; going on")
    report = manager.resume(progress=True)

print(report)
assert report.is_proven
