"""The pipelines of `docs/pipelines.md`, as their runners would run them: each job in a folder of its own, each step of a
shell as it stands there, signed in by a token that the runner gives. A step that is an action is one of those below."""

import glob
import http.server
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import plain_yaml
import pytest
from conftest import PutCase
from pages import blocks
from programs import environment, signed_out
from simulator import Case

PAGE = "docs/pipelines.md"
GITHUB, AZURE = (plain_yaml.load(block.text) for block in blocks(PAGE) if block.language == "yaml")
(ENDING,) = (block.text for block in blocks(PAGE) if block.language == "sh")
ON: dict[str, Any] = {"cluster": {"kms": {"key": "{{key.1}}"}}, "vault": {"diagnostics": False}}
BEARER = "bearer given-to-the-job"


@pytest.fixture
def issuer(put_case: PutCase) -> Iterator[tuple[Case, str]]:
    """A case, and where a job of GitHub Actions asks for its token."""
    case = put_case(ON)
    asked: list[str] = []

    class Issuer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            is_right = (
                self.headers["authorization"] == BEARER and "audience=api://AzureADTokenExchange" in self.path
            )
            self.send_response(200 if is_right else 401)
            self.end_headers()
            self.wfile.write(json.dumps({"value": case.assertion()} if is_right else {}).encode())

        def log_message(self, format: str, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Issuer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield case, f"http://127.0.0.1:{server.server_address[1]}/token?api-version=1"
        server.shutdown()
    assert asked, "nobody asked for a token"


class Runner:
    """A machine on which a job runs."""

    def __init__(self, case: Case, folder: Path, more: dict[str, str]) -> None:
        self.folder = folder
        folder.mkdir()
        programs = folder / "bin"
        programs.mkdir()
        # the program of the wheel, which is told where Azure is
        program = programs / "aks-kms"
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m aks_kms "$@" --cloud "$SIMULATED_AZURE"\n')
        program.chmod(0o755)
        wheels = Path(os.environ["AKS_KMS_WHEEL"]).parent
        self.variables = {
            **environment(signed_out()),
            "PATH": os.pathsep.join([str(programs), str(Path(sys.executable).parent), os.environ["PATH"]]),
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(wheels),
            "PIP_TARGET": str(folder / "installed"),
            "SIMULATED_AZURE": case["arm"],
            "AZURE_AUTHORITY_HOST": case["authority"],
            **more,
        }
        self._groups: list[int] = []

    def bash(self, script: str) -> int:
        """The exit code of a step."""
        (self.folder / "step.sh").write_text(script)
        with (self.folder / "output").open("ab") as output:
            step = subprocess.Popen(
                ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(self.folder / "step.sh")],
                cwd=self.folder,
                env=self.variables,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._groups.append(step.pid)
        return step.wait(timeout=180)

    @property
    def output(self) -> str:
        return (self.folder / "output").read_text()

    def end(self) -> None:
        """Ends what steps left running in the background."""
        for group in self._groups:
            try:
                os.killpg(group, signal.SIGKILL)
            except ProcessLookupError:
                continue


def github_job(name: str, case: Case, url: str, folder: Path) -> tuple[Runner, str | None]:
    """Runs a job; gives the name of the step that failed."""
    job = GITHUB["jobs"][name]
    variables = {
        "AZURE_TENANT_ID": case["tenant_id"],
        "AZURE_CLIENT_ID": case["client_id"],
        "CLUSTER_ID": case.cluster_id,
    }

    def filled(text: str) -> str:
        return re.sub(r"\$\{\{ vars\.(\w+) \}\}", lambda found: variables[found[1]], text)

    given = {key: filled(value) for key, value in {**GITHUB["env"], **job["env"]}.items()}
    where = folder / name
    given |= {
        "RUNNER_TEMP": str(where),
        "GITHUB_ENV": str(where / "env"),
        "GITHUB_STEP_SUMMARY": str(where / "summary.md"),
    }
    given |= {"ACTIONS_ID_TOKEN_REQUEST_URL": url, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": BEARER.split()[1]}
    runner = Runner(case, where, given)
    artifacts = folder / "artifacts"
    failed = None
    try:
        for step in job["steps"]:
            if failed is not None and step.get("if") != "always()":
                continue
            match step.get("uses", "").partition("@")[0]:
                case "":
                    failed = None if runner.bash(step["run"]) == 0 else step["name"]
                case "actions/upload-artifact":
                    kept = artifacts / step["with"]["name"] / step["with"]["path"]
                    kept.parent.mkdir(parents=True, exist_ok=True)
                    # where there is no such file, the action only warns
                    if (where / step["with"]["path"]).exists():
                        shutil.copy(where / step["with"]["path"], kept)
                case "actions/download-artifact":
                    shutil.copytree(artifacts / step["with"]["name"], where, dirs_exist_ok=True)
                case other:
                    raise AssertionError(f"no test runs {other}")
            if (where / "env").exists():
                lines = (where / "env").read_text().splitlines()
                runner.variables.update(
                    {name: value for name, _, value in (line.partition("=") for line in lines)}
                )
    finally:
        runner.end()
    return runner, failed


def test_github_actions(issuer: tuple[Case, str], tmp_path: Path) -> None:
    case, url = issuer
    planned, failed = github_job("plan", case, url, tmp_path)
    assert failed is None, planned.output
    assert case.writes() == []
    summary = (tmp_path / "plan" / "summary.md").read_text()
    assert re.search(r"^1\. Record the operation in the cluster\n1\. Make a new version", summary), summary
    assert "- info vault-diagnostics-off" in summary

    rotated, failed = github_job("rotate", case, url, tmp_path)
    assert failed is None, rotated.output
    truth = case.secrets()
    assert truth["plaintext"] == 0
    assert truth["by_key"].keys().isdisjoint(case.key_ids[:1]), truth
    report = json.loads((tmp_path / "artifacts" / "report" / "report.json").read_text())
    assert report["reencryption"][-1]["complete"]
    for job in (planned, rotated):
        assert "Successfully installed aks-kms" in job.output


def test_github_actions_ends_where_the_plan_is_not_the_approved_one(
    issuer: tuple[Case, str], tmp_path: Path
) -> None:
    case, url = issuer
    github_job("plan", case, url, tmp_path)
    plan = tmp_path / "artifacts" / "plan" / "plan.json"
    approved = json.loads(plan.read_text())
    del approved["plan"][-1]
    plan.write_text(json.dumps(approved))
    runner, failed = github_job("rotate", case, url, tmp_path)
    assert failed == "What was approved is what would be done", runner.output
    assert case.writes() == []


def test_github_actions_shows_what_is_refused(issuer: tuple[Case, str], tmp_path: Path) -> None:
    case, url = issuer
    runner = Runner(
        case,
        tmp_path / "other",
        {"IDENTITY_ENDPOINT": case["identity_endpoint"], "IDENTITY_HEADER": case["identity_header"]},
    )
    assert runner.bash(f"aks-kms disable --yes --cluster {case.cluster_id}") == 0, runner.output
    job, failed = github_job("plan", case, url, tmp_path)
    assert failed == "Plan"
    assert "kms-not-enabled" in (tmp_path / "plan" / "summary.md").read_text(), job.output


@pytest.mark.parametrize(
    "linter", sorted(glob.glob(os.path.expanduser("~/.cache/aks-kms/actionlint-*/actionlint")))[-1:]
)
def test_the_workflow_passes_its_linter(linter: str, tmp_path: Path) -> None:
    (text,) = (
        block.text for block in blocks(PAGE) if block.language == "yaml" and "jobs:\n  plan:" in block.text
    )
    workflow = tmp_path / ".github" / "workflows" / "rotate.yml"
    workflow.parent.mkdir(parents=True)
    workflow.write_text(text)
    ran = subprocess.run([linter, str(workflow)], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout


def azure_steps(steps: list[dict[str, Any]], case: Case, folder: Path, name: str) -> Runner:
    """Runs the steps of a job, each of which must succeed."""
    where = folder / name
    given = {
        "CLUSTER_ID": case.cluster_id,
        "PIPELINE_WORKSPACE": str(folder / "workspace"),
        # az is signed in by the task; here the machine is
        "IDENTITY_ENDPOINT": case["identity_endpoint"],
        "IDENTITY_HEADER": case["identity_header"],
    }
    runner = Runner(case, where, given)
    for step in steps:
        if "script" in step:
            script = step["script"]
        elif "task" in step:
            assert step["task"] == "AzureCLI@2"
            script = step["inputs"]["inlineScript"]
        elif "publish" in step:
            script = f"mkdir -p $PIPELINE_WORKSPACE/{step['artifact']}; cp {step['publish']} $PIPELINE_WORKSPACE/{step['artifact']}"
        else:
            # what was published is in the workspace
            assert step["download"] == "current"
            continue
        assert runner.bash(script) == 0, runner.output
    return runner


def test_azure_pipelines(put_case: PutCase, tmp_path: Path) -> None:
    case = put_case(ON)
    plan, rotate = AZURE["stages"]
    planned = azure_steps(plan["jobs"][0]["steps"], case, tmp_path, "plan")
    found = re.search(r"##vso\[task\.uploadsummary\](.*)", planned.output)
    assert found
    assert "1. Record the operation" in Path(found[1]).read_text()
    assert case.writes() == []
    steps = rotate["jobs"][0]["strategy"]["runOnce"]["deploy"]["steps"]
    azure_steps(steps, case, tmp_path, "rotate")
    assert case.secrets()["by_key"].keys().isdisjoint(case.key_ids[:1])
    assert (tmp_path / "workspace" / "report" / "report.json").exists()


@pytest.mark.parametrize(
    ("given", "code", "says"), [(ON, 0, "in use: https://kv-"), ({}, 2, "preflight_failed: ")]
)
def test_a_step_ends_as_the_command_did(
    put_case: PutCase, tmp_path: Path, given: dict[str, Any], code: int, says: str
) -> None:
    case = put_case(given)
    more = {"CLUSTER_ID": case.cluster_id, "IDENTITY_ENDPOINT": case["identity_endpoint"]}
    runner = Runner(case, tmp_path / "job", {**more, "IDENTITY_HEADER": case["identity_header"]})
    assert runner.bash(ENDING) == code, runner.output
    assert says in runner.output
