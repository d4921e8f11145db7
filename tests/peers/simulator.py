"""The simulator as a process, and its administration."""

import json
import subprocess
import time
import urllib.request
from pathlib import Path


class Case:
    """One subscription of a simulator, with its cluster, vault and identity."""

    def __init__(self, document: dict):
        self.document = document
        self.id = document["id"]
        _, _, self.subscription, _, self.group, *_, self.cluster = document["cluster_id"].split("/")
        self.vault = document["key_vault_id"].rsplit("/", 1)[1]
        self.key_ids = document["key_ids"]

    def __getitem__(self, name: str):
        return self.document[name]

    def ask(self, path: str, method: str = "GET", body=None):
        """Asks the administration about this case."""
        return self._request(f"cases/{self.id}/{path}", method, body)

    def another(self, given: dict) -> "Case":
        """A case of its own on the same simulator."""
        return Case(self._request("cases", "PUT", given))

    def _request(self, path: str, method: str, body):
        return request(f"{self['admin']}/{path}", self["admin_token"], method, body)

    def secrets(self, cluster: str | None = None) -> dict:
        """Under what a cluster's secrets are, as read from its store."""
        return self.ask("secrets" if cluster is None else f"secrets?cluster={cluster}")

    def writes(self, target: str = "arm") -> list[dict]:
        """The writes that the service saw, in order."""
        return [write for write in self.ask("writes") if write.get("target") == target]

    def forget_writes(self):
        self.ask("writes", "DELETE")


def request(url: str, token: str, method: str, body):
    data = None if body is None else json.dumps(body).encode()
    headers = {"authorization": f"Bearer {token}"}
    if body is not None:
        headers["content-type"] = "application/json"
    # The administration is on this machine, whatever proxy the environment names.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(urllib.request.Request(url, data, headers, method=method), timeout=120) as answer:
        text = answer.read()
    return json.loads(text) if text else None


class Simulator:
    """A running simulator with one case."""

    def __init__(self, program: str, folder: Path, given: dict, options: tuple[str, ...] = ()):
        # which the simulator insists on
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / "given.json").write_text(json.dumps(given))
        self.folder = folder
        self._log = open(folder / "simulator.log", "wb")
        command = [program, "--port", "0", "--time-scale", "0.01"]
        command += ["--given", str(folder / "given.json"), "--directory", str(folder), *options]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=self._log)
        self._wait()
        self.case = Case(json.loads((folder / "case.json").read_text()))

    def _wait(self):
        deadline = time.monotonic() + 120
        while not (self.folder / "env").exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                log = (self.folder / "simulator.log").read_text()
                raise RuntimeError(f"the simulator did not start: {log}")
            time.sleep(0.05)

    def end(self):
        self._process.terminate()
        self._process.wait()
        self._log.close()
