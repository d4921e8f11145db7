"""The command as the pods of `examples/kubernetes` run it: their arguments and variables, the files of a pod, a root file
system that cannot be written, no capabilities, and in the cluster just the rights of `rbac.yaml`.

That an API server accepts the manifests is what `core/tests/operations/manifests.rs` looks at."""

import json
import re
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import plain_yaml
import pytest
from conftest import PutCase, PutFleet
from pages import ROOT, blocks
from programs import environment, signed_out
from simulator import Case

FOLDER = ROOT / "examples" / "kubernetes"
RBAC = plain_yaml.documents((FOLDER / "rbac.yaml").read_text())
# The application of which the tokens for clusters are.
CLUSTERS = "6dae42f8-4368-4678-94ff-3960e28e3630"
# What a pod sees: a root that is read-only, its tokens, and no capabilities.
POD = """
mount --make-rprivate /
mount -t tmpfs none /run
mkdir -p /run/secrets/kubernetes.io/serviceaccount /run/secrets/azure/tokens
cp "$POD_FILES"/account/* /run/secrets/kubernetes.io/serviceaccount
cp "$POD_FILES"/azure/* /run/secrets/azure/tokens
mount -o remount,bind,ro /run
mount -o remount,bind,ro /
if touch /written /run/written 2> /dev/null; then
    echo "the root can be written" >&2
    exit 99
fi
exec setpriv --bounding-set=-all --inh-caps=-all --no-new-privs -- "$@"
"""


def documents(name: str) -> list[Any]:
    return plain_yaml.documents((FOLDER / name).read_text())


def template(name: str) -> Any:
    """The pod that a manifest makes."""
    (document,) = documents(name)
    spec = document["spec"]
    return (spec["jobTemplate"]["spec"] if "jobTemplate" in spec else spec)["template"]["spec"]


def rights() -> list[dict[str, str]]:
    """What the roles grant, as the simulator has it."""
    found = []
    for role in RBAC:
        if role["kind"] not in ("Role", "ClusterRole"):
            continue
        for rule in role["rules"]:
            for resource in rule.get("resources", rule.get("nonResourceURLs")):
                for verb in rule["verbs"]:
                    for name in rule.get("resourceNames", [None]):
                        right = {
                            "verb": verb,
                            "resource": resource,
                            "namespace": role["metadata"].get("namespace"),
                            "name": name,
                        }
                        found.append({key: value for key, value in right.items() if value is not None})
    return found


def test_the_roles_are_those_of_the_page() -> None:
    (block,) = (block for block in blocks("docs/permissions.md") if block.language == "yaml")
    roles = [document for document in RBAC if document["kind"] in ("Role", "ClusterRole")]
    assert roles == plain_yaml.documents(block.text)


def test_the_manifests_make_the_same_pod_but_for_what_it_does() -> None:
    job, cron, fleet = map(template, ("job.yaml", "cronjob.yaml", "fleet-cronjob.yaml"))
    done = [pod["containers"][0].pop("args") for pod in (job, cron, fleet)]
    assert done[0] != done[1] != done[2]
    assert job == cron
    # of which it needs no token
    assert fleet.pop("automountServiceAccountToken") is False
    for pod, name in ((job, "CLUSTER_ID"), (fleet, "SUBSCRIPTION_ID")):
        assert pod["containers"][0]["env"].pop(0)["name"] == name
    assert job == fleet


def test_the_image_runs_the_command_as_the_pod_does() -> None:
    lines = (FOLDER / "Dockerfile").read_text().splitlines()
    pod = template("job.yaml")
    user = pod["securityContext"]
    assert f"USER {user['runAsUser']}:{user['runAsGroup']}" in lines
    assert 'ENTRYPOINT ["aks-kms"]' in lines
    assert "command" not in pod["containers"][0]


def can_be_a_pod() -> bool:
    """Whether a process may have a file system and capabilities of its own here."""
    asked = ["unshare", "--user", "--map-root-user", "--mount", "setpriv", "--version"]
    try:
        return subprocess.run(asked, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


def service_account(case: Case) -> dict[str, str]:
    """The files of a service account, whose token is that of a user with the rights of `rbac.yaml`."""
    url = f"{case['identity_endpoint']}?api-version=2019-08-01&resource={CLUSTERS}"
    asked = urllib.request.Request(url, headers={"X-IDENTITY-HEADER": case["identity_header"]})
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(asked) as answer:
        token = json.load(answer)["access_token"]
    return {"token": token, "ca.crt": case["ca"], "namespace": "aks-kms"}


def run_as_pod(
    name: str, case: Case, folder: Path, older_than: str | None = None
) -> subprocess.CompletedProcess[str]:
    """The command of a manifest, which rotates a key that is older than its year, or than what is given."""
    pod = template(name)
    (container,) = pod["containers"]
    own = {
        "CLUSTER_ID": case.cluster_id,
        "SUBSCRIPTION_ID": case["subscription_id"],
        "AZURE_TENANT_ID": case["tenant_id"],
        "AZURE_CLIENT_ID": case["client_id"],
    }
    variables = {entry["name"]: own.get(entry["name"], entry["value"]) for entry in container["env"]}
    which = "SUBSCRIPTION_ID" if "SUBSCRIPTION_ID" in variables else "CLUSTER_ID"
    assert variables.keys() == {which, "AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE"}
    words = [re.sub(r"\$\((\w+)\)", lambda found: variables[found[1]], word) for word in container["args"]]
    if older_than is not None:
        assert words[words.index("--older-than") + 1] == "365d"
        words[words.index("--older-than") + 1] = older_than
    (mount,) = container["volumeMounts"]
    (volume,) = pod["volumes"]
    (source,) = volume["projected"]["sources"]
    path = source["serviceAccountToken"]["path"]
    assert variables["AZURE_FEDERATED_TOKEN_FILE"] == f"{mount['mountPath']}/{path}"
    files = {"account": service_account(case), "azure": {path: case.assertion()}}
    if not pod.get("automountServiceAccountToken", True):
        files["account"] = {"none": ""}
    for part, texts in files.items():
        (folder / part).mkdir(parents=True)
        for file, text in texts.items():
            (folder / part / file).write_text(text)
    address = case["kubernetes"].removeprefix("https://").split(":")
    variables |= {"KUBERNETES_SERVICE_HOST": address[0], "KUBERNETES_SERVICE_PORT": address[1]}
    # which is not Azure's public one
    variables |= {"AZURE_AUTHORITY_HOST": case["authority"]}
    command = [sys.executable, "-m", "aks_kms", *words, "--cloud", case["arm"]]
    return subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "bash", "-ec", POD, "pod", *command],
        env={**environment(signed_out()), **variables, "POD_FILES": str(folder)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=180,
    )


@pytest.fixture
def case(put_case: PutCase) -> Case:
    on: dict[str, Any] = {"cluster": {"kms": {"key": "{{key.1}}"}}}
    return put_case({**on, "access": {"kubernetes_role": rights()}})


@pytest.mark.skipif(
    not can_be_a_pod(), reason="needs unshare and setpriv, and that a user may have namespaces"
)
def test_the_pods_do_what_they_are_for(case: Case, tmp_path: Path) -> None:
    planned = run_as_pod("job.yaml", case, tmp_path / "plan")
    assert planned.returncode == 0, planned.stderr
    assert not json.loads(planned.stdout)["steps"]
    young = run_as_pod("cronjob.yaml", case, tmp_path / "young")
    assert (young.returncode, json.loads(young.stdout)["outcome"]) == (0, "not-due"), young.stderr
    assert case.writes() == []

    rotated = run_as_pod("cronjob.yaml", case, tmp_path / "rotate", older_than="1d")
    assert rotated.returncode == 0, rotated.stderr
    assert json.loads(rotated.stdout)["reencryption"][-1]["complete"]
    assert case.secrets()["by_key"].keys().isdisjoint(case.key_ids[:1])
    writes = case.writes()
    again = run_as_pod("cronjob.yaml", case, tmp_path / "again", older_than="1d")
    assert (again.returncode, json.loads(again.stdout)["outcome"]) == (0, "not-due"), again.stderr
    assert case.writes() == writes


@pytest.mark.skipif(
    not can_be_a_pod(), reason="needs unshare and setpriv, and that a user may have namespaces"
)
def test_the_pod_of_many_clusters_does_what_it_is_for(put_fleet: PutFleet, tmp_path: Path) -> None:
    given = {"cluster": {"kms": {"key": "{{key.1}}"}}, "secrets": {"namespaces": 1, "each": 5}}
    cases = put_fleet(clusters=2, subscriptions=1, given=given).cases()
    rotated = run_as_pod("fleet-cronjob.yaml", cases[0], tmp_path / "rotate", older_than="1d")
    assert rotated.returncode == 0, rotated.stderr
    report = json.loads(rotated.stdout)
    assert [(row["wave"], row["outcome"]) for row in report["clusters"]] == [(1, "done"), (2, "done")]
    for case in cases:
        assert case.secrets()["by_key"].keys().isdisjoint(case.key_ids[:1])
    again = run_as_pod("fleet-cronjob.yaml", cases[0], tmp_path / "again")
    assert (again.returncode, json.loads(again.stdout)["totals"]["not_due"]) == (0, 2), again.stderr


@pytest.mark.skipif(
    not can_be_a_pod(), reason="needs unshare and setpriv, and that a user may have namespaces"
)
def test_a_pod_without_a_right_says_which(put_case: PutCase, tmp_path: Path) -> None:
    granted = [right for right in rights() if (right["verb"], right["resource"]) != ("patch", "secrets")]
    case = put_case({"cluster": {"kms": {"key": "{{key.1}}"}}, "access": {"kubernetes_role": granted}})
    ran = run_as_pod("cronjob.yaml", case, tmp_path / "rotate", older_than="1d")
    assert ran.returncode == 2, ran.stderr
    (finding,) = (found for found in json.loads(ran.stdout)["error"]["findings"] if found["level"] == "block")
    assert finding["rule"] == "kubernetes-permission-missing"
    assert "patch" in finding["message"]
