"""What the Python package costs beside others, on one simulator: `make bench`, or `bindings-python/tests/run --bench`.

- The wheel's size; the time and the memory that an import of it takes in a new process.
- `status()` in a new process, beside `az aks show` (AKS_KMS_AZ names az) and a GET by azure-mgmt-containerservice: wall time and
  peak memory, medians of runs in turns.
- `reencrypt_secrets` beside the same from Rust, on the same cluster in turns: secrets a second.

A line for each number of which something is asked; the exit code is 1 if one is missed.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any, NamedTuple

import aks_kms
from aks_kms import _native
from azure.identity import ClientSecretCredential
from programs import environment
from simulator import VARIABLES, Case, Simulator

RUNS = int(os.environ.get("AKS_KMS_BENCH_RUNS", "7"))
SECRETS = int(os.environ.get("AKS_KMS_BENCH_SECRETS", "10000"))
STATUS = """
import os
from aks_kms import KmsManager
manager = KmsManager(os.environ["CLUSTER_ID"], cloud=os.environ["AZURE_RESOURCE_MANAGER"])
print(manager.status().provisioning_state)
"""
GET = """
import os
from azure.identity import ManagedIdentityCredential
from azure.mgmt.containerservice import ContainerServiceClient
arm = os.environ["AZURE_RESOURCE_MANAGER"]
client = ContainerServiceClient(
    ManagedIdentityCredential(), os.environ["AZURE_SUBSCRIPTION_ID"], base_url=arm, credential_scopes=[arm + "/.default"]
)
print(client.managed_clusters.get(os.environ["RESOURCE_GROUP"], os.environ["CLUSTER"]).provisioning_state)
"""


IMPORT = """
import resource, time
before, at = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
import aks_kms
print(time.perf_counter() - at, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


class Cost(NamedTuple):
    seconds: float
    mebibytes: float


# A process begins with the memory of who starts it as its peak, so a small one starts it.
LAUNCHER = """
import json, os, sys, time
at = time.perf_counter()
child = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(child, 0)
seconds = time.perf_counter() - at
print(json.dumps([os.waitstatus_to_exitcode(status), seconds, usage.ru_maxrss / 1024]))
"""


def launched(command: list[str]) -> list[str]:
    """Started by a small process, which prints a line of its own at last."""
    return [sys.executable, "-I", "-S", "-c", LAUNCHER, *command]


def cost(command: list[str], variables: dict[str, str]) -> Cost:
    """Of a process and its children."""
    ran = subprocess.run(launched(command), env=variables, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    *output, measured = ran.stdout.splitlines()
    code, seconds, mebibytes = json.loads(measured)
    assert code == 0, f"{command}: {ran.stderr}"
    assert "Succeeded" in "".join(output), output
    return Cost(seconds, mebibytes)


def measure_import() -> list[tuple[str, bool]]:
    costs = []
    for run in range(2 * RUNS + 1):
        # without what tests put into every process
        variables = {**os.environ, "PYTHONPATH": os.environ["PYTHONPATH"].split(os.pathsep)[0]}
        command = launched([sys.executable, "-c", IMPORT])
        ran = subprocess.run(command, env=variables, capture_output=True, text=True, check=True)
        took, kibibytes = ran.stdout.splitlines()[0].split()
        if run:
            costs.append(Cost(float(took), int(kibibytes) / 1024))
    seconds = statistics.median(one.seconds for one in costs)
    mebibytes = statistics.median(one.mebibytes for one in costs)
    print(f"{'import aks_kms':<34} {seconds:7.3f} s {mebibytes:7.1f} MiB")
    return [
        ("an import takes less than 40 ms", seconds < 0.040),
        ("an import takes less than 25 MiB", mebibytes < 25),
    ]


def sign_in(az: str, variables: dict[str, str]) -> None:
    for command in (
        f"cloud register --name simulated --endpoint-resource-manager {variables['AZURE_RESOURCE_MANAGER']}",
        "cloud set --name simulated",
        "config set core.instance_discovery=false",
        "login --identity",
    ):
        subprocess.run([az, *command.split()], env=variables, check=True, capture_output=True)


def measure_status(simulator: Simulator) -> list[tuple[str, bool]]:
    found = simulator.environment()
    # every client signs in as the machine's managed identity
    for name in ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET"):
        del found[name]
    variables = environment(found)
    clients = {
        "aks_kms status()": [sys.executable, "-c", STATUS],
        "azure-mgmt-containerservice GET": [sys.executable, "-c", GET],
    }
    az = os.environ.get("AKS_KMS_AZ")
    if az:
        sign_in(az, variables)
        group, cluster = found["RESOURCE_GROUP"], found["CLUSTER"]
        clients["az aks show"] = [az, "aks", "show", "--resource-group", group, "--name", cluster]
    else:
        print("left out: az aks show: AKS_KMS_AZ names no az")
    costs: dict[str, list[Cost]] = {name: [] for name in clients}
    for run in range(RUNS + 1):
        for name, command in clients.items():
            one = cost(command, variables)
            # the first finds files that are not in memory
            if run:
                costs[name].append(one)
    medians = {
        name: Cost(
            statistics.median(one.seconds for one in ones), statistics.median(one.mebibytes for one in ones)
        )
        for name, ones in costs.items()
    }
    own = medians["aks_kms status()"]
    for name, one in medians.items():
        ratio = f"{one.seconds / own.seconds:5.1f} times the time, {one.mebibytes / own.mebibytes:4.1f} times the memory"
        print(f"{name:<34} {one.seconds:7.3f} s {one.mebibytes:7.1f} MiB   {ratio}")
    sdk = medians["azure-mgmt-containerservice GET"]
    asked = [("status() takes less time than a GET by the SDK", own.seconds < sdk.seconds)]
    if az:
        other = medians["az aks show"]
        asked += [
            ("status() takes less than a fifth of the time of az aks show", own.seconds < other.seconds / 5),
            ("status() takes less than half the memory of az aks show", own.mebibytes < other.mebibytes / 2),
        ]
    return asked


def kubeconfig(case: Case, credential: ClientSecretCredential, folder: Path) -> Path:
    """A kubeconfig of the cluster, which is all that the Rust program takes."""
    import base64
    import ssl

    token = credential.get_token(f"{case['arm']}/.default").token
    path = (
        f"{case['arm']}{urllib.parse.quote(case.cluster_id)}/listClusterUserCredential?api-version=2024-09-01"
    )
    asked = urllib.request.Request(path, method="POST", headers={"authorization": f"Bearer {token}"})
    trust = urllib.request.HTTPSHandler(context=ssl.create_default_context(cadata=case["ca"]))
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), trust)
    document = json.load(opener.open(asked))
    file = folder / "kubeconfig"
    file.write_bytes(base64.b64decode(document["kubeconfigs"][0]["value"]))
    return file


def measure_reencryption(folder: Path) -> list[tuple[str, bool]]:
    program = os.environ["AKS_KMS_BENCH_REENCRYPT"]
    runs = max(3, RUNS // 2)
    given: dict[str, Any] = {
        "key": {"versions": 2 * runs + 2},
        "secrets": {"namespaces": 20, "each": SECRETS // 20},
        "cluster": {"kms": {"key": "{{key.1}}"}},
    }
    rates: dict[str, list[float]] = {"Python": [], "Rust": []}
    with Simulator(folder / "large", given) as simulator:
        for name in VARIABLES:
            os.environ[name] = simulator.environment()[name]
        case = simulator.case
        credential = ClientSecretCredential(
            case["tenant_id"],
            case["client_id"],
            case["client_secret"],
            authority=case["authority"],
            disable_instance_discovery=True,
        )
        manager = aks_kms.KmsManager(case.cluster_id, credential=credential, cloud=case["arm"])
        file = kubeconfig(case, credential, folder)
        order = {
            "case": case.document,
            "kubeconfig": str(file),
            "pace": "fast",
            "max_requests_per_second": None,
        }
        keys = iter(case.key_ids[1:])
        for _ in range(runs):
            manager.rotate(next(keys), reencrypt=False)
            last = manager.reencrypt_secrets(pace="fast").reencryption[-1]
            assert last.counts.rewritten >= SECRETS, last
            rates["Python"].append(last.secrets_per_second)
            manager.rotate(next(keys), reencrypt=False)
            ran = subprocess.run(
                [program], input=json.dumps(order), capture_output=True, text=True, check=True
            )
            done = json.loads(ran.stdout)
            assert done["rewritten"] >= SECRETS, done
            rates["Rust"].append(done["total"] / done["rewriting_seconds"])
    for name, ones in rates.items():
        print(
            f"reencrypt_secrets from {name:<11} {', '.join(f'{one:.0f}' for one in sorted(ones))} secrets a second"
        )
    # what runs of one program differ by
    spread = max(max(ones) - min(ones) for ones in rates.values())
    own, other = (statistics.median(rates[name]) for name in ("Python", "Rust"))
    return [("re-encryption from Python is as fast as from Rust, within the spread", own >= other - spread)]


def main() -> int:
    _native._scale_time(0.01)
    asked = measure_import()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        with Simulator(folder / "azure", {"cluster": {"kms": {"key": "{{key.1}}"}}}) as simulator:
            asked += measure_status(simulator)
        asked += measure_reencryption(folder)
    size = Path(os.environ["AKS_KMS_WHEEL"]).stat().st_size / 1024 / 1024
    print(f"the wheel {size:34.1f} MiB")
    asked.append(("the wheel has less than 12 MiB", size < 12))
    for what, holds in asked:
        print(f"{'ok' if holds else 'MISSED'}: {what}")
    return 0 if all(holds for _, holds in asked) else 1


if __name__ == "__main__":
    sys.exit(main())
