"""`aks-kms fleet`: the command line for many clusters."""

import json
import os
import pty
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from aks_kms import FleetTotals
from aks_kms._cli import main
from aks_kms._cli.fleet import waves, what_is_left
from aks_kms._cli.options import age
from conftest import PutFleet
from programs import environment, signed_out
from simulator import SimulatedFleet

PROGRAM = shutil.which("aks-kms") or "aks-kms"
SECRETS = {"namespaces": 2, "each": 5}
WITH_KMS = {"cluster": {"kms": {"key": "{{key.1}}"}}, "secrets": SECRETS}
WITHOUT_KMS = {"secrets": SECRETS}
FAULT = {"azure": [{"path": "managedClusters", "status": 404, "code": "ResourceNotFound"}]}
BROKEN = {"name": "broken", "clusters": [0], "given": {**WITH_KMS, "faults": FAULT}}
ROTATE = ("rotate", "--older-than", "1d")


def variables(simulated: SimulatedFleet) -> dict[str, str]:
    own = {
        "IDENTITY_ENDPOINT": simulated["identity_endpoint"],
        "IDENTITY_HEADER": simulated["identity_header"],
    }
    return {**environment(signed_out()), **own}


def words(simulated: SimulatedFleet, *arguments: str) -> list[str]:
    return [PROGRAM, "fleet", *arguments, "--cloud", simulated["arm"]]


def run(simulated: SimulatedFleet, *arguments: str, says: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words(simulated, *arguments),
        env=variables(simulated),
        input=says,
        capture_output=True,
        text=True,
        timeout=120,
    )


def names(ran: subprocess.CompletedProcess[str]) -> list[str]:
    """The clusters of a report in JSON."""
    return [row["cluster"] for row in json.loads(ran.stdout)["clusters"]]


def test_old_keys_are_rotated_once(put_fleet: PutFleet, tmp_path: Path) -> None:
    simulated = put_fleet(clusters=3, subscriptions=2, given=WITH_KMS)
    page = tmp_path / "fleet.html"
    planned = run(simulated, *ROTATE, "--dry-run")
    assert (planned.returncode, planned.stdout.split("\n")[-2]) == (0, "3 clusters: 3 planned"), (
        planned.stderr
    )
    assert all(case.writes() == [] for case in simulated.cases())

    rotated = run(simulated, *ROTATE, "--wave", "1,1", "--yes", "--report", str(page))
    assert rotated.returncode == 0, rotated.stdout + rotated.stderr
    assert rotated.stdout.split("\n")[-2] == "3 clusters: 3 done"
    assert "Wave 3 of 3: 1 cluster\n" in rotated.stderr
    assert "[3/3] 3 clusters: 3 done" in rotated.stderr
    text = page.read_text()
    assert all(name.rsplit("/", 1)[1] in text for name in simulated.ids)
    writes = [case.writes() for case in simulated.cases()]

    again = run(
        simulated, *ROTATE, "--wave", "1,1", "--yes", "--json", "--report", str(tmp_path / "fleet.md")
    )
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["totals"]["not_due"] == 3
    assert sorted(names(again)) == sorted(simulated.ids)
    assert [case.writes() for case in simulated.cases()] == writes


def test_a_failing_cluster_stops_the_next_wave(put_fleet: PutFleet) -> None:
    simulated = put_fleet(clusters=2, subscriptions=1, given=WITH_KMS, some=[BROKEN])
    ran = run(simulated, *ROTATE, "--wave", "1", "--yes", "--cluster", *simulated.ids)
    assert ran.returncode == 3, ran.stderr
    assert "wave 2 was not begun" in ran.stdout
    assert ran.stdout.split("\n")[-2] == "2 clusters: 1 failed, 1 not-started"
    broken, other = simulated.cases()
    assert other.writes() == []
    broken.ask("faults", "PUT", {})
    mended = run(simulated, *ROTATE, "--wave", "1", "--yes", "--cluster", *simulated.ids)
    assert mended.returncode == 0, mended.stdout
    assert mended.stdout.split("\n")[-2] == "2 clusters: 2 done"


def test_nothing_but_refused_clusters(put_fleet: PutFleet) -> None:
    simulated = put_fleet(clusters=2, subscriptions=1, given=WITHOUT_KMS)
    ran = run(simulated, *ROTATE, "--wave", "1", "--yes")
    assert ran.returncode == 2, ran.stderr
    assert ran.stdout.split("\n")[-2] == "2 clusters: 1 refused, 1 not-started"


def test_clusters_are_named_or_chosen_by_patterns(put_fleet: PutFleet) -> None:
    simulated = put_fleet(clusters=3, subscriptions=3, given=WITHOUT_KMS)
    first, second, third = simulated.ids
    named = run(simulated, "status", "--json", "--cluster", third, "--cluster", first)
    assert (named.returncode, names(named)) == (0, [third, first]), named.stderr
    _, _, subscription, _, group, *_, name = second.split("/")
    of_name = run(
        simulated, "status", "--json", "--name", f"{name.upper()[:-1]}*", "--subscription", subscription
    )
    assert (of_name.returncode, names(of_name)) == (0, [second]), of_name.stderr
    assert json.loads(of_name.stdout)["clusters"][0]["status"]["enabled"] is False
    of_group = run(simulated, "status", "--json", "-g", group, "--no-resource-graph")
    assert second in names(of_group)
    nowhere = run(simulated, "status", "--location", "nowhere")
    assert (nowhere.returncode, nowhere.stdout.split("\n")[-2]) == (3, "0 clusters"), nowhere.stdout


def test_keys_of_each_cluster(put_fleet: PutFleet, tmp_path: Path) -> None:
    simulated = put_fleet(clusters=2, subscriptions=1, given=WITHOUT_KMS)
    cases = simulated.cases()
    keys = {case.cluster_id: case.key_ids[0] for case in cases}
    (first, key), (second, other) = keys.items()
    lacks = run(simulated, "enable", "--key", f"{first}={key}", "--yes")
    assert lacks.returncode == 2
    assert f"key_ids has nothing for cluster {second}" in lacks.stderr
    assert all(case.writes() == [] for case in cases)

    one = run(simulated, "enable", "--key", f'{first}="{key}"', "--yes", "--cluster", first)
    assert one.returncode == 0, one.stdout
    file = tmp_path / "keys.json"
    file.write_text(json.dumps(keys))
    both = run(simulated, "enable", "--keys", str(file), "--yes", "--json")
    assert both.returncode == 0, both.stdout
    assert [list(case.secrets()["by_key"]) for case in cases] == [[key], [other]]
    no_key = run(simulated, "enable", "--keys", "-", "--yes", says=json.dumps({first: 1}))
    assert no_key.returncode == 2, no_key.stderr
    assert no_key.stderr == f"aks-kms: --keys - has no id of a key for {first}\n"


ONE = "/subscriptions/8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8/resourceGroups/shop/providers/Microsoft.ContainerService/managedClusters/prod"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((*ROTATE, "--wave", "0", "--yes"), "'0' has a wave of no cluster"),
        (("status", "--cluster", "prod"), "prod"),
        (("status", "--cluster", ONE, ONE), "twice"),
        (("status", "--max-clusters", "0"), "max_clusters is 0"),
        (("status", "--report", "status.txt"), "neither HTML nor Markdown"),
        (("enable", "--yes", "--key", f"{ONE}=k", "--key", f"{ONE.upper()}=k"), "twice"),
        (("enable", "--yes", "--keys", "none.json"), "--keys none.json cannot be read"),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...], said: str, capfd: pytest.CaptureFixture[str]) -> None:
    try:
        # where nobody answers
        code: object = main(["fleet", *arguments, "--cloud", "https://127.0.0.1:9"])
    except SystemExit as ended:
        code = ended.code
    out, problem = capfd.readouterr()
    assert (code, out) == (2, ""), problem
    assert said in problem


def test_on_a_terminal_it_shows_what_would_be_done_and_asks(put_fleet: PutFleet) -> None:
    simulated = put_fleet(clusters=1, subscriptions=1, given=WITH_KMS)
    for answer, code in (("n", 1), ("y", 0), ("not asked: nothing is due", 0)):
        ours, theirs = pty.openpty()
        begun = subprocess.Popen(
            words(simulated, *ROTATE, "--json"),
            env=variables(simulated),
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=theirs,
        )
        os.close(theirs)
        os.write(ours, f"{answer}\n".encode())
        out, _ = begun.communicate(timeout=120)
        shown = os.read(ours, 100_000).decode()
        os.close(ours)
        assert begun.returncode == code, shown
        assert ("Go on? [y/N]" in shown) == (len(answer) == 1), shown
        assert ("1 cluster: 1 planned" in shown) == (len(answer) == 1), shown
        assert json.loads(out)["totals"]["done"] == 1 if answer == "y" else not out, out


def test_interrupted_it_says_how_to_go_on(put_fleet: PutFleet) -> None:
    simulated = put_fleet(clusters=1, subscriptions=1, given=WITH_KMS)
    command = words(simulated, *ROTATE, "--yes")
    with subprocess.Popen(command, env=variables(simulated), stderr=subprocess.PIPE, text=True) as begun:
        assert begun.stderr is not None
        for line in begun.stderr:
            if ": begun" in line:
                break
        time.sleep(0.2)
        begun.send_signal(signal.SIGINT)
        rest = begun.stderr.read()
    assert begun.returncode == 130, rest
    assert "interrupted: the same command again goes on with what was begun" in rest
    again = run(simulated, *ROTATE, "--yes")
    assert again.returncode == 0, again.stdout


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({}, 3),
        ({"done": 1, "not_due": 1}, 0),
        ({"planned": 1, "not_due": 1}, 0),
        ({"done": 1, "unread": 1}, 3),
        ({"refused": 2}, 2),
        ({"refused": 1, "not_started": 1}, 2),
        ({"refused": 1, "unread": 1}, 3),
        ({"refused": 1, "done": 1}, 3),
        ({"refused": 1, "failed": 1}, 3),
        ({"failed": 1}, 3),
        ({"not_started": 1}, 3),
        ({"unfinished": 1, "failed": 1}, 4),
    ],
)
def test_the_exit_code_says_what_is_left(given: dict[str, int], code: int) -> None:
    unread = given.get("unread", 0)
    counts = {name: given.get(name, 0) for name in FleetTotals._fields if name != "clusters"}
    totals = FleetTotals(clusters=sum(counts.values()), **counts)
    assert what_is_left(totals, is_all_read=not unread) == code


def test_ages_and_waves() -> None:
    found = [age(text) for text in ("365d", "12h", "90m", "30s", "1.5h", "60s")]
    assert found == [31_536_000, 43_200, 5_400, 30, 5_400, 60]
    assert waves("1,10,100") == [1, 10, 100]
