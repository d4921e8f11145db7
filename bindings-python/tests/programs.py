"""Processes that the tests start."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from simulator import VARIABLES, Case, SimulatedFleet

HERE = Path(__file__).parent
PRELUDE = """
import json, os, signal, sys, threading, time
import aks_kms
from azure.identity import ClientSecretCredential
case = json.loads(os.environ["CASE_DOCUMENT"])
def credential():
    return ClientSecretCredential(
        case["tenant_id"], case["client_id"], case["client_secret"],
        authority=case["authority"], disable_instance_discovery=True,
    )
def manager(kind=aks_kms.KmsManager):
    return kind(case["cluster_id"], credential=credential(), cloud=case["arm"])
"""


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's, with waits as short as the simulator's."""
    paths = [str(HERE / "simulated"), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), **(more or {})}


def signed_out() -> dict[str, str]:
    """Without what signs in."""
    kept = {"AZURE_AUTHORITY_HOST", *VARIABLES}
    prefixes = ("AZURE_", "IDENTITY_", "MSI_")
    return {name: "" for name in os.environ if name.startswith(prefixes) and name not in kept}


def begin(case: Case | SimulatedFleet, program: str, **more: Any) -> subprocess.Popen[str]:
    """Starts a Python program that has `case`, `credential()` and, of one cluster, `manager()`."""
    import json

    document = {"CASE_DOCUMENT": json.dumps(case.document)}
    return subprocess.Popen(
        [sys.executable, "-c", PRELUDE + textwrap.dedent(program)],
        env=environment(document),
        text=True,
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more},
    )


def run(case: Case, program: str, seconds: float = 60) -> tuple[int, str, str]:
    """Runs such a program to its end: exit code, output, errors."""
    begun = begin(case, program)
    try:
        output, errors = begun.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        begun.kill()
        output, errors = begun.communicate()
        raise AssertionError(f"it hangs: {output}{errors}") from None
    return begun.returncode, output, errors


def interrupted(begun: subprocess.Popen[str]) -> None:
    """Interrupts such a program as soon as it says "now": it ends within a second, as Python programs do."""
    assert begun.stdout is not None
    assert begun.stdout.readline() == "now\n"
    at = time.monotonic()
    begun.send_signal(signal.SIGINT)
    _, errors = begun.communicate(timeout=30)
    took = time.monotonic() - at
    assert took < 1, f"{took} s"
    assert errors.rstrip().endswith("KeyboardInterrupt"), errors
    # the shell's way to say that a program died of this signal
    assert begun.returncode == -signal.SIGINT
