"""Each example, as its first lines tell to run it; and the README's."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import PutCase
from programs import environment, signed_out
from simulator import Simulator

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples" / "python"
# What each prints, and its exit code where it is not 0.
SAYS = {
    "lifecycle.py": (["Plan of enable", "Report of enable", "KMS v2 is on with"], 0),
    "rotate.py": (["Plan of rotate", "Report of rotate", "may be removed: False"], 0),
    "resume.py": (["interrupted; going on", "Report of enable", "complete"], 0),
    "several_clusters.py": (["KMS is off", "60 secrets", "forbidden"], 1),
    "provision_and_enable.py": (["1. ", "az keyvault create", "Report of provision", "complete", "True"], 0),
    "list_clusters.py": (["KmsEnabled", "elsewhere", "staging", "without KMS: /subscriptions/"], 0),
    "fleet.py": (["4 clusters in 2 waves", "Wave 2 of 2", "4 clusters: 4 done"], 0),
    "pipeline.sh": (["Plan of enable", "in use: https://kv-"], 0),
}


def test_each_example_is_run() -> None:
    found = {path.name for path in EXAMPLES.iterdir() if path.suffix in (".py", ".sh")}
    assert found == set(SAYS)


@pytest.mark.parametrize("name", SAYS)
def test_example(name: str, tmp_path: Path) -> None:
    text = (EXAMPLES / name).read_text()
    found = re.search(r"`examples/python/simulated (.*?)`", text)
    assert found, "it does not say how to run it"
    words = [str(ROOT / word) if word.startswith("examples/") else word for word in found[1].split()]
    ran = subprocess.run(
        [sys.executable, str(EXAMPLES / "simulated"), *words],
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    says, code = SAYS[name]
    output = ran.stdout + ran.stderr
    assert ran.returncode == code, output
    for line in says:
        assert line in output


@pytest.mark.parametrize("page", ["README.md", "bindings-python/README.md", "docs/data-encryption.md"])
def test_the_example_of_a_page(page: str, simulator: Simulator, put_case: PutCase) -> None:
    case = put_case()
    names_key = page != "docs/data-encryption.md"
    (block,) = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    _, _, subscription, _, group, *_, name = case.cluster_id.split("/")
    for shown, own in (
        (
            '"8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8", "shop", "production"',
            f'"{subscription}", "{group}", "{name}"',
        ),
        *[("https://shop.vault.azure.net/keys/etcd/0123456789abcdef0123456789abcdef", case.key_ids[0])]
        * names_key,
        # which is not Azure's public cloud
        ("KmsManager(cluster)", f"KmsManager(cluster, cloud={case['arm']!r})"),
    ):
        assert block.count(shown) == 1, shown
        block = block.replace(shown, own)
    signed_in = {"IDENTITY_ENDPOINT": case["identity_endpoint"], "IDENTITY_HEADER": case["identity_header"]}
    ran = subprocess.run(
        [sys.executable, "-c", block],
        env={**environment(signed_out()), **signed_in},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    truth = case.secrets()
    assert truth["plaintext"] == 0
    assert (truth["by_key"].keys() == {case.key_ids[0]}) == names_key


def test_the_examples_of_the_page_on_fleets(simulator: Simulator, put_case: PutCase) -> None:
    case = put_case({"secrets": {"namespaces": 2, "each": 5}})
    name = case.cluster_id.rsplit("/", 1)[1]
    page = (ROOT / "docs/fleet.md").read_text()
    nightly, which, enable = re.findall(r"^```python\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    cloud = case["arm"]
    made = f"from aks_kms import Fleet\nfleet = Fleet([{case.cluster_id!r}], cloud={cloud!r})\n"
    own = re.sub('https:[^"]*', case.key_ids[0], enable.replace('"prod"', f'"{name}"'))
    signed_in = {"IDENTITY_ENDPOINT": case["identity_endpoint"], "IDENTITY_HEADER": case["identity_header"]}
    for text, says in (
        (f"{made}{own}print(report.is_complete)", r"True\n"),
        (f"{which}print(named, found)", r"Fleet\(clusters=.*\) Fleet\(subscriptions=.*\)\n"),
        # which is not Azure's public cloud
        (nightly.replace("Fleet(filter", f"Fleet(cloud={cloud!r}, filter"), r".*\n1 cluster: 1 not-due\n"),
    ):
        ran = subprocess.run(
            [sys.executable, "-c", text],
            env={**environment(signed_out()), **signed_in},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert ran.returncode == 0, ran.stderr + ran.stdout
        assert re.fullmatch(says, ran.stdout, re.DOTALL), ran.stdout
    assert list(case.secrets()["by_key"]) == [case.key_ids[0]]
