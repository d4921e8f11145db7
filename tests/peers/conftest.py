"""What the tests share: a simulator, a shell, and a cluster's secrets."""

import os
from pathlib import Path

import pytest

from azure_cli import Sandbox
from simulator import Simulator

# A simulated operation ends within seconds: az and the Python SDK would look again after 30.
SOON = {"operation_retry_after": 1}


@pytest.fixture
def sandbox(tmp_path: Path):
    """Makes a simulated Azure with a shell in which az is signed in, from a given."""
    running = []

    def start(given: dict | None = None, sign_in: bool = True, options: tuple[str, ...] = ()) -> Sandbox:
        given = given or {}
        given.setdefault("faults", {}).update(SOON)
        simulator = Simulator(os.environ["PEERS_SIMULATOR"], tmp_path / "azure", given, options)
        running.append(simulator)
        sandbox = Sandbox(simulator, tmp_path / "shell")
        if sign_in:
            sandbox.sign_in()
        return sandbox

    yield start
    for simulator in running:
        simulator.end()
