"""A person's place of work: a simulated Azure, a shell with az signed in, and kubectl."""

import base64
import json
from pathlib import Path

from shell import Shell
from simulator import Simulator

def public_key() -> str:
    """What `az aks create` installs on the nodes and a person has: an SSH key, of nobody here."""
    parts = (b"ssh-rsa", b"\x01\x00\x01", b"\x00" + b"\xff" * 256)
    blob = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return f"ssh-rsa {base64.b64encode(blob).decode()} person@example.com\n"


class Sandbox:
    def __init__(self, simulator: Simulator, folder: Path):
        self.case = simulator.case
        self.shell = Shell(folder, simulator.folder / "env")
        self.run = self.shell.run
        self.refused = self.shell.refused
        ssh = self.shell.home / ".ssh"
        ssh.mkdir()
        (ssh / "id_rsa.pub").write_text(public_key())

    def sign_in(self):
        """Signs in as a user, who may do everything in the subscription."""
        self.run("az cloud register --name simulated --endpoint-resource-manager $AZURE_RESOURCE_MANAGER")
        self.run("az cloud set --name simulated")
        self.run("az config set core.instance_discovery=false")
        self.run("az login --username $AZURE_USERNAME --password $AZURE_PASSWORD --tenant $AZURE_TENANT_ID")

    def variable(self, name: str) -> str:
        """The value of a variable of the shell."""
        return self.run(f'printf %s "${name}"')

    def make_secrets(self, names: list[str]):
        """Makes secrets in two namespaces of the cluster that kubectl talks to."""
        namespaces = ["team-1", "team-2"]
        items = [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
            for namespace in namespaces
        ] + [
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": name, "namespace": namespace},
                "stringData": {"password": f"{namespace}-{name}"},
            }
            for namespace in namespaces
            for name in names
        ]
        manifest = self.shell.home / "secrets.json"
        manifest.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
        self.run("kubectl create -f secrets.json")


def count_under(truth: dict, key_id: str) -> int:
    """How many secrets of a ground truth are under a key."""
    return truth["by_key"].get(key_id, 0)
