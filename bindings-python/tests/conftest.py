"""What the tests share: a simulator for each process of pytest, cases, and managers of them."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aks_kms
import pytest
from aks_kms import _native
from azure.identity import ClientSecretCredential
from simulator import SCALE, VARIABLES, Case, SimulatedFleet, Simulator

_native._scale_time(SCALE)

Given = dict[str, Any]
PutCase = Callable[..., Case]
PutFleet = Callable[..., SimulatedFleet]


@pytest.fixture(scope="session")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """A simulator. What leads to it is in the environment, as `env` sets it."""
    with Simulator(tmp_path_factory.mktemp("azure") / "simulator") as simulator:
        found = simulator.environment()
        for name in VARIABLES:
            os.environ[name] = found[name]
        yield simulator


@pytest.fixture
def put_case(simulator: Simulator) -> Iterator[PutCase]:
    """Makes a case from a given, whose operations end within a second."""
    cases: list[Case] = []

    def put(given: Given | None = None) -> Case:
        case = simulator.put(given or {})
        cases.append(case)
        return case

    yield put
    for case in cases:
        case.end()


@pytest.fixture
def case(put_case: PutCase) -> Case:
    """A healthy cluster without KMS, with ten secrets."""
    return put_case()


@pytest.fixture
def put_fleet(simulator: Simulator) -> Iterator[PutFleet]:
    """Makes a fleet from a given."""
    fleets: list[SimulatedFleet] = []

    def put(**given: Any) -> SimulatedFleet:
        fleets.append(simulator.put_fleet(given))
        return fleets[-1]

    yield put
    for fleet in fleets:
        fleet.end()


def credential(case: Case | SimulatedFleet) -> ClientSecretCredential:
    """The case's application, by azure-identity."""
    return ClientSecretCredential(
        case["tenant_id"],
        case["client_id"],
        case["client_secret"],
        authority=case["authority"],
        disable_instance_discovery=True,
    )


def manager(case: Case, **settings: Any) -> aks_kms.KmsManager:
    """A manager of the case's cluster."""
    settings.setdefault("credential", credential(case))
    settings.setdefault("cloud", case["arm"])
    return aks_kms.KmsManager(case.cluster_id, **settings)


@pytest.fixture
def folder() -> Path:
    """The repository."""
    return Path(__file__).resolve().parents[2]
