"""No key older than a year, in all clusters that the application sees: a program for a scheduler.

`--days` says how old a key may become (365), `--dry-run` what would be done, and writes nothing. Run again, also after it
was killed, it goes on where it stopped. It ends with 0 when every key is young, and every secret of what it rotated is proven
to be under the new one. AZURE_RESOURCE_MANAGER names another cloud than Azure's public one. Against the simulator:
`examples/python/simulated --fleet python examples/python/fleet.py --days 1`.
"""

import argparse
import os
import signal
import sys
from datetime import timedelta

from aks_kms import Fleet, FleetProgress
from azure.identity import EnvironmentCredential

asked = argparse.ArgumentParser()
asked.add_argument("--days", type=float, default=365)
asked.add_argument("--dry-run", action="store_true")
arguments = asked.parse_args()


def tell(now: FleetProgress) -> None:
    """What each cluster does meanwhile is left out."""
    if now.progress is None:
        print(now.message, file=sys.stderr)


# a scheduler that stops its job ends it as Ctrl-C does
signal.signal(signal.SIGTERM, signal.default_int_handler)

fleet = Fleet(
    filter=lambda cluster: cluster.enabled,
    credential=EnvironmentCredential(disable_instance_discovery=True),
    cloud=os.environ.get("AZURE_RESOURCE_MANAGER", "public"),
)
try:
    report = fleet.rotate(
        when_older_than=timedelta(days=arguments.days),
        waves=[1, 10, 100],
        dry_run=arguments.dry_run,
        on_progress=tell,
    )
except KeyboardInterrupt:
    print("stopped; run it again to go on", file=sys.stderr)
    sys.exit(130)
print(report)
for key_id in report.removable_keys:
    print(f"no cluster of these needs {key_id} any more")
sys.exit(0 if report.is_complete else 1)
