"""The simulator as a process, and its cases."""

import json
import os
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any, Self

SCALE = 0.01
# What leads an Azure client to a case, and must not stay from one simulator to the next.
VARIABLES = ("HTTPS_PROXY", "https_proxy", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")


class Case:
    """One subscription of a simulator, with its cluster, vault and identity."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.id: str = document["id"]
        self.cluster_id: str = document["cluster_id"]
        self.key_ids: list[str] = document["key_ids"]

    def __getitem__(self, name: str) -> Any:
        return self.document[name]

    def ask(self, path: str, method: str = "GET", body: object = None) -> Any:
        """Asks the administration about this case."""
        url = f"{self['admin']}/cases/{self.id}/{path}".rstrip("/")
        return request(url, self["admin_token"], method, body)

    def secrets(self) -> dict[str, Any]:
        """Under what the cluster's secrets are, as read from its store."""
        found: dict[str, Any] = self.ask("secrets")
        return found

    def writes(self) -> list[dict[str, Any]]:
        """The writes that were seen, in order."""
        found: list[dict[str, Any]] = self.ask("writes")
        return found

    def assertion(self) -> str:
        """A token of another issuer, such as a pod's or a pipeline's, that Entra takes for the application's secret."""
        url = f"{self['admin']}/cases/{self.id}/assertion"
        return asked(url, self["admin_token"]).decode()

    def end(self) -> None:
        """Ends it."""
        self.ask("", "DELETE")

    def filled(self, value: Any) -> Any:
        """A value with what its placeholders stand for."""
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, list):
            return [self.filled(entry) for entry in value]
        if isinstance(value, dict):
            return {self._text(name): self.filled(entry) for name, entry in value.items()}
        return value

    def _text(self, text: str) -> str:
        for name, ids in (("key", self.key_ids), ("other_key", self["other_key_ids"])):
            for number, key_id in enumerate(ids, 1):
                text = text.replace(f"{{{{{name}.{number}}}}}", key_id)
            if ids:
                text = text.replace(f"{{{{{name}}}}}", ids[0].rsplit("/", 1)[0])
        for name, field in (
            ("vault", "key_vault_id"),
            ("other_vault", "other_key_vault_id"),
            ("subscription", "subscription_id"),
            ("cluster", "cluster_id"),
            ("identity", "identity_id"),
            ("principal", "principal_id"),
        ):
            text = text.replace(f"{{{{{name}}}}}", self[field])
        return text


def request(url: str, token: str, method: str, body: object) -> Any:
    """Asks the administration, which is on this machine whatever proxy the environment names."""
    text = asked(url, token, method, None if body is None else json.dumps(body).encode())
    return json.loads(text) if text else None


def asked(url: str, token: str, method: str = "GET", data: bytes | None = None) -> bytes:
    """The same, whatever it answers."""
    headers = {"authorization": f"Bearer {token}"}
    if data is not None:
        headers["content-type"] = "application/json"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(urllib.request.Request(url, data, headers, method=method), timeout=120) as answer:
        text: bytes = answer.read()
    return text


class SimulatedFleet:
    """Many clusters of one tenant, of which each is a case."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.ids: list[str] = [one["cluster_id"] for one in document["clusters"]]

    def __getitem__(self, name: str) -> Any:
        return self.document[name]

    def cases(self) -> list[Case]:
        """The case of each cluster."""
        admin, token = self["admin"], self["admin_token"]
        cases = (one["case"] for one in self["clusters"])
        return [Case(request(f"{admin}/cases/{case}", token, "GET", None)) for case in cases]

    def end(self) -> None:
        """Ends it."""
        request(f"{self['admin']}/fleets/{self['id']}", self["admin_token"], "DELETE", None)


class Simulator:
    """A running simulator. It has one case from the beginning, and makes others."""

    def __init__(self, folder: Path, given: dict[str, Any] | None = None, scale: float = SCALE) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / "given.json").write_text(json.dumps(given or {}))
        self.folder = folder
        self._log = (folder / "simulator.log").open("wb")
        command = [os.environ["AKS_KMS_SIMULATOR"], "--port", "0", "--time-scale", str(scale)]
        command += ["--given", str(folder / "given.json"), "--directory", str(folder)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=self._log)
        deadline = time.monotonic() + 60
        while not (folder / "env").exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the simulator did not start: {(folder / 'simulator.log').read_text()}")
            time.sleep(0.02)
        self.case = Case(json.loads((folder / "case.json").read_text()))

    def put(self, given: dict[str, Any]) -> Case:
        """Makes a case of its own."""
        return Case(request(f"{self.case['admin']}/cases", self.case["admin_token"], "PUT", given))

    def put_fleet(self, given: dict[str, Any]) -> SimulatedFleet:
        """Makes a fleet."""
        return SimulatedFleet(request(f"{self.case['admin']}/fleets", self.case["admin_token"], "PUT", given))

    def environment(self) -> dict[str, str]:
        """The variables that lead clients to its first case."""
        lines = (self.folder / "env").read_text().splitlines()
        pairs = (line.removeprefix("export ").split("=", 1) for line in lines)
        return {name: value.strip("'") for name, value in pairs}

    def end(self) -> None:
        self._process.terminate()
        self._process.wait()
        self._log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
