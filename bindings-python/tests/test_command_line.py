"""The command line. What is in `sessions` reads as a shell session does: commands behind `$`, and a part of each line that
each prints, in order; `exit code N` where it is not 0."""

import json
import os
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from programs import environment
from simulator import Case, Simulator

SESSIONS = sorted((Path(__file__).parent / "sessions").glob("*.txt"))
PROGRAM = Path(shutil.which("aks-kms") or "aks-kms")


@pytest.mark.parametrize("path", SESSIONS, ids=lambda path: path.stem)
def test_session(path: Path, tmp_path: Path) -> None:
    text = path.read_text()
    given = re.match(r"# given (.*)\n", text)
    with Simulator(tmp_path / "azure", json.loads(given[1]) if given else {}) as simulator:
        variables = variables_of(simulator)
        for block in text.split("$ ")[1:]:
            command, *expected = block.splitlines()
            code = 0
            lines = []
            for line in expected:
                if line.startswith("exit code "):
                    code = int(line.removeprefix("exit code "))
                elif line and not line.startswith("#"):
                    lines.append(re.sub(r"\$([A-Z_]+)", lambda found: variables[found[1]], line))
            output = printed(command, code, variables, simulator.case, tmp_path)
            at = 0
            for line in lines:
                found = output.find(line, at)
                assert found >= 0, f"$ {command}\nhas no {line!r} in\n{output}"
                at = found + len(line)


def variables_of(simulator: Simulator) -> dict[str, str]:
    found = simulator.environment()
    # signed in as the machine's managed identity
    del found["AZURE_CLIENT_ID"], found["AZURE_TENANT_ID"], found["AZURE_CLIENT_SECRET"]
    path = f"{PROGRAM.parent}{os.pathsep}{os.environ['PATH']}"
    return {**environment(found), "CLOUD": f"--cloud {found['AZURE_RESOURCE_MANAGER']}", "PATH": path}


def printed(command: str, code: int, variables: dict[str, str], case: Case, folder: Path) -> str:
    """What a command prints, on standard output and then on standard error."""
    if command == "secrets":
        truth = case.secrets()
        counts = {"plaintext": truth["plaintext"], **truth["by_key"]}
        return "\n".join(f"{name}: {count}" for name, count in counts.items())
    ran = subprocess.run(
        ["bash", "-c", command],
        env=variables,
        cwd=folder,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert ran.returncode == code, f"$ {command}\nexit code {ran.returncode}\n{ran.stdout}{ran.stderr}"
    if "--json" in command:
        json.loads(ran.stdout)
    return ran.stdout + ran.stderr


@pytest.mark.parametrize(("answer", "is_enabled"), [("y", True), ("", False)])
def test_on_a_terminal_it_shows_the_plan_and_asks(tmp_path: Path, answer: str, is_enabled: bool) -> None:
    with Simulator(tmp_path / "azure") as simulator:
        variables = variables_of(simulator)
        ours, theirs = pty.openpty()
        cluster = ["--cluster", simulator.case.cluster_id, *variables["CLOUD"].split()]
        command = [str(PROGRAM), "enable", simulator.case.key_ids[0], *cluster]
        begun = subprocess.Popen(command, env=variables, stdin=theirs, stdout=subprocess.PIPE, stderr=theirs)
        os.close(theirs)
        shown = ""
        while "Go on? [y/N]" not in shown:
            shown += os.read(ours, 4096).decode()
        assert "1. Record the operation in the cluster" in shown
        os.write(ours, f"{answer}\n".encode())
        # its bar is drawn there
        while read_some(ours):
            pass
        code = begun.wait(timeout=60)
        assert code == (0 if is_enabled else 1)
        assert simulator.case.secrets()["plaintext"] == (0 if is_enabled else 10)
        os.close(ours)


def read_some(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:
        # Linux: nobody has the other end open any more
        return b""


@pytest.mark.parametrize(
    ("variables", "is_coloured"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)],
    ids=["colours", "no_color", "dumb"],
)
def test_only_a_terminal_has_colours_and_lines_that_fit(
    tmp_path: Path, variables: dict[str, str], is_coloured: bool
) -> None:
    given = {"vault": {"public_access": False}}
    with Simulator(tmp_path / "azure", given) as simulator:
        known = variables_of(simulator)
        environment = {**known, "TERM": "xterm", "COLUMNS": "120", **variables}
        cluster = ["--cluster", simulator.case.cluster_id, *known["CLOUD"].split()]
        command = [str(PROGRAM), "plan", "enable", simulator.case.key_ids[0], *cluster]
        piped = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert piped.returncode == 2
        assert "\x1b[" not in piped.stdout
        assert any(len(line) > 100 for line in piped.stdout.splitlines())
        ours, theirs = pty.openpty()
        begun = subprocess.Popen(command, env=environment, stdout=theirs, stderr=subprocess.PIPE)
        os.close(theirs)
        shown = b""
        while part := read_some(ours):
            shown += part
        assert begun.wait(timeout=60) == 2
        os.close(ours)
        text = shown.decode()
        assert ("\x1b[31mblock\x1b[0m  " in text) == is_coloured, text
        assert ("\x1b[" in text) == is_coloured
        wide = [line for line in re.sub(r"\x1b\[\d+m", "", text).splitlines() if len(line) > 120]
        # what has no place to be broken, such as a resource's id
        assert all(
            " " not in line.strip() or "/subscriptions/" in line or "https://" in line for line in wide
        ), wide


def test_the_module_is_the_same_program() -> None:
    for command in ([str(PROGRAM)], [sys.executable, "-m", "aks_kms"]):
        ran = subprocess.run([*command, "rules", "--json"], capture_output=True, text=True, check=True)
        assert len(json.loads(ran.stdout)) > 60
