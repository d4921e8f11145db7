"""What az sends and what the library sends for the same action: the same, but for what is listed."""

import json
import os
import re
import subprocess

import pytest

from simulator import Case

UPDATE = "az aks update --name $CLUSTER --resource-group $RESOURCE_GROUP "
WITH_KEY = '--enable-azure-keyvault-kms --azure-keyvault-kms-key-vault-network-access "Public" --azure-keyvault-kms-key-id '
PLAIN = {"secrets": {"namespaces": 1, "each": 2}}
ENCRYPTED = {**PLAIN, "cluster": {"kms": {"key": "{{key.1}}"}}}

# Action: what the cluster begins with, az's command, the library's verb.
ACTIONS = {
    "enable": (PLAIN, UPDATE + WITH_KEY + "$KEY_ID", ["enable", "{{key.1}}"]),
    "rotate": (ENCRYPTED, UPDATE + WITH_KEY + "$NEW_KEY_ID", ["rotate", "{{key.2}}"]),
    "disable": (ENCRYPTED, UPDATE + "--disable-azure-keyvault-kms", ["disable"]),
}

# Where requests differ, and why they may. `*` stands for any agent pool.
DIFFERENCES = {
    "api_version": "each sends the newest that it was written for",
    "if_match": "the library changes only the cluster that it read; az overwrites what others did in between",
    "body.properties.agentPoolProfiles.*.nodeImageVersion": "read-only: az sends it back, the library does not",
    "body.properties.networkProfile.loadBalancerProfile.effectiveOutboundIPs.0.id": "read-only for az's model; the library keeps what it was not told to drop",
    "body.properties.storageProfile": "az leaves out what is not to change, and so do its drivers",
    "body.properties.storageProfile.diskCSIDriver.enabled": "see storageProfile",
    "body.properties.storageProfile.fileCSIDriver.enabled": "see storageProfile",
    "body.properties.storageProfile.snapshotController.enabled": "see storageProfile",
}
# … and only in this action.
KMS = "body.properties.securityProfile.azureKeyVaultKms."
DIFFERENCES_OF = {
    "disable": {
        KMS + "keyId": "off is off: the library sends `{enabled: false}`; az leaves the key that was in use",
        KMS + "keyVaultNetworkAccess": "see keyId",
        KMS + "keyVaultResourceId": "see keyId",
    }
}


@pytest.mark.parametrize("action", ACTIONS)
def test_the_library_sends_what_az_sends(sandbox, tmp_path, action):
    given, command, verb = ACTIONS[action]
    world = sandbox(given)
    ours = world.case.another(given)

    world.run(command)
    manage(tmp_path, ours, verb)

    of_az, of_library = (puts(case) for case in (world.case, ours))
    assert len(of_az) == len(of_library) == 1
    az, library = flat(of_az[0]), flat(of_library[0])
    different = {name for name in az.keys() | library.keys() if az.get(name) != library.get(name)}
    allowed = DIFFERENCES | DIFFERENCES_OF.get(action, {})
    different = {re.sub(r"(agentPoolProfiles)\.\d+", r"\1.*", name) for name in different}
    assert different == set(allowed), f"az: {az}\nlibrary: {library}"

    assert "if_match" not in az
    assert library["if_match"]
    assert az["method"] == library["method"] == "PUT"
    assert az["path"] == library["path"]


def manage(folder, case: Case, verb: list[str]):
    """Runs a verb of the library on a case."""
    document = folder / "case.json"
    document.write_text(json.dumps(case.document))
    keys = {f"{{{{key.{number}}}}}": key for number, key in enumerate(case.key_ids, 1)}
    command = [os.environ["PEERS_MANAGE"], str(document)] + [keys.get(word, word) for word in verb]
    subprocess.run(command, check=True, timeout=300, stdout=subprocess.DEVNULL)


def puts(case: Case) -> list[dict]:
    """The requests that changed the cluster, with the case's own names taken out."""
    text = json.dumps([write for write in case.writes() if write["method"] == "PUT"])
    for number, key in enumerate(case.key_ids, 1):
        text = text.replace(key, f"key {number}")
    text = text.replace(case.subscription, "subscription").replace(case.id, "case")
    guid = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    return json.loads(re.sub(guid, "guid", text))


def flat(value, name: str = "") -> dict:
    """A document's leaves by path."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    if not children:
        return {name: value}
    leaves = {}
    for child, inner in children:
        leaves.update(flat(inner, f"{name}.{child}" if name else str(child)))
    return leaves
