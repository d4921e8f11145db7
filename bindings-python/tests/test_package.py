"""The package as it is installed."""

import os
import statistics
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest
from programs import environment, signed_out
from simulator import Case

WHEEL = Path(os.environ["AKS_KMS_WHEEL"])
SDIST = Path(os.environ["AKS_KMS_SDIST"])


def test_the_wheel_is_for_every_later_python_and_has_what_it_needs() -> None:
    assert "-cp311-abi3-" in WHEEL.name
    with zipfile.ZipFile(WHEEL) as wheel:
        names = set(wheel.namelist())
    (information,) = {name.split("/", 1)[0] for name in names if ".dist-info/" in name}
    for needed in (
        f"{information}/licenses/LICENSE",
        f"{information}/licenses/THIRD-PARTY-LICENSES",
        "aks_kms/_native.abi3.so",
        "aks_kms/py.typed",
        "aks_kms/_native.pyi",
        "aks_kms/__main__.py",
    ):
        assert needed in names
    assert not any("test" in name for name in names)


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Python of a virtual environment with the wheel alone."""
    folder = tmp_path_factory.mktemp("clean") / "environment"
    venv.create(folder)
    python = str(folder / "bin" / "python")
    install = ["-m", "pip", "--python", python, "install", "--quiet", "--no-index", "--no-deps", str(WHEEL)]
    # which would say that it is there
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run([sys.executable, *install], env=variables, check=True)
    return Path(python)


def alone() -> dict[str, str]:
    kept = environment(signed_out())
    # nothing but what is installed there
    kept["PYTHONPATH"] = str(Path(__file__).parent / "simulated")
    return kept


def test_it_works_in_a_clean_environment(clean: Path, case: Case) -> None:
    signed_in = {"IDENTITY_ENDPOINT": case["identity_endpoint"], "IDENTITY_HEADER": case["identity_header"]}
    program = clean.with_name("aks-kms")
    command = [
        program,
        "enable",
        case.key_ids[0],
        "--yes",
        "--cluster",
        case.cluster_id,
        "--cloud",
        case["arm"],
    ]
    ran = subprocess.run(command, env={**alone(), **signed_in}, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    assert case.secrets()["by_key"] == {case.key_ids[0]: 11}


IMPORT = """
import resource, time
before, at = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
import aks_kms
print(time.process_time() - at, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_importing_it_takes_little_time_and_memory(clean: Path) -> None:
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    found = []
    for _ in range(7):
        ran = subprocess.run([clean, "-c", IMPORT], env=variables, capture_output=True, text=True, check=True)
        took, kilobytes = ran.stdout.split()
        found.append((float(took), int(kilobytes) / 1024))
    # of the processor: how busy the machine is does not count
    assert min(seconds for seconds, _ in found) < 0.040, found
    assert statistics.median(memory for _, memory in found) < 25, found


def test_the_source_has_what_it_is_built_from() -> None:
    with tarfile.open(SDIST) as source:
        names = {name.split("/", 1)[1] for name in source.getnames() if "/" in name}
    for needed in (
        "pyproject.toml",
        "LICENSE",
        "THIRD-PARTY-LICENSES",
        "Cargo.lock",
        "core/src/lib.rs",
        "bindings/src/lib.rs",
        "python/aks_kms/__init__.py",
    ):
        assert needed in names, sorted(names)
    assert not any(name.startswith("bindings-python/tests") for name in names)


def test_the_source_was_installed(case: Case) -> None:
    """By tests/run of the package, which builds it."""
    program = "import sys, aks_kms; print(aks_kms.__file__); aks_kms.KmsManager(sys.argv[1])"
    folder = os.environ["AKS_KMS_FROM_SDIST"]
    ran = subprocess.run(
        [sys.executable, "-c", program, case.cluster_id],
        env={**os.environ, "PYTHONPATH": folder},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.startswith(folder)
