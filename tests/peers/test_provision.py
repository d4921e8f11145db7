"""What `provision` and `create_cluster` make, beside what the page's az commands make, field by field."""

import json
import os
import re
import subprocess

import pytest

import page

AZ_GROUP, OWN_GROUP = "MyResourceGroup", "OurResourceGroup"
KEY_VAULT = "2026-05-15"
IDENTITY = "2024-11-30"
AUTHORIZATION = "2022-04-01"
CLUSTER = "2026-08-01"

# What differs, and why.
DIFFERENT = {
    "properties.enablePurgeProtection": "the page makes a vault whose keys can be purged",
    "properties.attributes.recoveryLevel": "the same, of its keys",
    "properties.networkAcls": "az writes down what is the default",
    "properties.accessPolicies": "az gives whoever makes the vault every right in it; the identity's policy is compared by itself",
}


class Places:
    """The same things twice: made by az, and by the library."""

    def __init__(self, world, tmp_path):
        self.world = world
        self.case = world.case
        self.file = tmp_path / "case.json"
        self.file.write_text(json.dumps(world.case.document))
        for group in (AZ_GROUP, OWN_GROUP):
            world.run(f"az group create --name {group} --location eastus")

    def manage(self, *arguments: str) -> dict:
        done = subprocess.run(
            [os.environ["PEERS_MANAGE"], str(self.file), *arguments], capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def get(self, path: str, version: str) -> dict:
        separator = "&" if "?" in path else "?"
        return json.loads(self.world.run(f"az rest --method get --url \"{path}{separator}api-version={version}\""))

    def of(self, vault_id: str, identity_id: str, key: str) -> dict:
        """Everything that was made, without what must differ: names, ids and moments."""
        identity = self.get(identity_id, IDENTITY)
        principal = identity["properties"]["principalId"]
        path = f"{vault_id}/providers/Microsoft.Authorization/roleAssignments?\\$filter=principalId eq '{principal}'"
        roles = self.get(path, AUTHORIZATION)["value"]
        policies = self.get(vault_id, KEY_VAULT)
        mine = [policy for policy in policies["properties"]["accessPolicies"] if policy["objectId"] == principal]
        return {
            "vault": neutral(policies),
            "key": neutral(self.get(f"{vault_id}/keys/{key}", KEY_VAULT)),
            "identity": neutral(identity),
            "role": sorted(map(neutral, roles), key=lambda role: role["properties"]["roleDefinitionId"]),
            "policy": sorted(permission.lower() for policy in mine for permission in policy["permissions"]["keys"]),
        }


def neutral(document):
    """The document with a word in place of each name, id and moment."""
    if isinstance(document, dict):
        return {name: neutral(value) for name, value in document.items() if name not in ("created", "updated", "createdOn", "updatedOn")}
    if isinstance(document, list):
        return [neutral(value) for value in document]
    if not isinstance(document, str):
        return document
    text = re.sub(r"(?i)MyResourceGroup|OurResourceGroup", "GROUP", document)
    text = re.sub(r"(?i)MyKeyVault|OurKeyVault", "VAULT", text)
    text = re.sub(r"(?i)MyKeyName|OurKeyName", "KEY", text)
    text = re.sub(r"(?i)MyIdentity|OurIdentity", "IDENTITY", text)
    # of roles, of what was made, and of versions; the tenant and the subscription are the same ones
    text = re.sub(r"/roleAssignments/[0-9a-f-]{36}", "/roleAssignments/NAME", text)
    return re.sub(r"/keys/KEY/[0-9a-f]{32}", "/keys/KEY/VERSION", text)


def differences(left, right, at: str = "") -> set[str]:
    if isinstance(left, dict) and isinstance(right, dict):
        names = left.keys() | right.keys()
        return set().union(*(differences(left.get(name), right.get(name), f"{at}.{name}") for name in names))
    if isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        pairs = enumerate(zip(left, right))
        return set().union(*(differences(one, other, f"{at}.{index}") for index, (one, other) in pairs))
    return set() if left == right else {at.removeprefix(".")}


# Each made for its own: what Azure alone chooses.
OF_AZURE = ("properties.principalId", "properties.clientId", "name", "0.name", "1.name", "0.properties.principalId", "1.properties.principalId")


def assert_as_az_makes_it(az, ours):
    different = differences(az, ours).difference(OF_AZURE)
    unexpected = {name for name in different if not any(name.startswith(known) for known in DIFFERENT)}
    assert unexpected == set(), (az, ours)


@pytest.mark.parametrize(("authorization", "network_mode"), [("rbac", "private"), ("access-policy", "public")])
def test_vault_key_identity_and_access_are_as_az_makes_them(sandbox, tmp_path, authorization, network_mode):
    places = Places(sandbox({}), tmp_path)
    run = places.world.run
    rbac = authorization == "rbac"
    create = page.CREATE_VAULT_RBAC if rbac else page.CREATE_VAULT
    run(create)
    if rbac:
        run(page.ASSIGN_YOURSELF)
    run("export KEYVAULT_RESOURCE_ID=$(az keyvault show --name MyKeyVault --query id -o tsv)")
    # Nobody but the library makes a key in a vault that is closed already.
    run(page.CREATE_KEY)
    if network_mode == "private":
        run(page.CLOSE_VAULT)
    for command in page.IDENTITY:
        run(command)
    run(page.ASSIGN_CRYPTO_USER if rbac else page.SET_POLICY)
    if network_mode == "private":
        run(page.ASSIGN_CONTRIBUTOR)
    by_az = places.of(run("printf %s $KEYVAULT_RESOURCE_ID"), run("printf %s $IDENTITY_RESOURCE_ID"), "MyKeyName")

    made = places.manage(
        "provision", "--resource-group", OWN_GROUP, "--key-vault", "OurKeyVault", "--key", "OurKeyName",
        "--identity", "OurIdentity", "--authorization", authorization, "--network-mode", network_mode,
    )  # fmt: skip
    ours = places.of(made["key_vault_id"], made["identity_id"], "OurKeyName")
    for kind in ("vault", "key", "identity", "role"):
        assert_as_az_makes_it(by_az[kind], ours[kind])
    assert by_az["policy"] == ours["policy"] == ([] if rbac else ["decrypt", "encrypt"])
    assert len(ours["role"]) == rbac + (network_mode == "private")


def test_the_commands_of_a_dry_run_make_what_it_says(sandbox, tmp_path):
    places = Places(sandbox({}), tmp_path)
    arguments = (
        "provision", "--resource-group", OWN_GROUP, "--key-vault", "OurKeyVault", "--key", "OurKeyName",
        "--identity", "OurIdentity", "--network-mode", "private",
    )  # fmt: skip
    planned = places.manage(*arguments, "--dry-run")
    assert [step["part"] for step in planned["plan"]] == ["identity", "key-vault", "key", "key-role", "private-link-role"]
    for step in planned["plan"]:
        places.world.run(step["command"])
    again = places.manage(*arguments, "--dry-run")
    assert again["plan"] == [], "all is there"
    assert again["key_id"].startswith(planned["key_id"] + "/")


def test_a_cluster_is_made_as_az_makes_it_and_az_goes_on_with_it(sandbox, tmp_path):
    places = Places(sandbox({}), tmp_path)
    run = places.world.run
    made = places.manage("provision", "--resource-group", AZ_GROUP, "--key-vault", "MyKeyVault", "--identity", "MyIdentity")
    run(f"export KEY_ID={made['key_id']} IDENTITY_RESOURCE_ID={made['identity_id']}")
    run(page.CREATE_CLUSTER)
    id = json.loads(run("az aks show --name myAKSCluster --resource-group MyResourceGroup"))["id"]
    by_az = places.get(id, CLUSTER)

    # As somebody begins who has such a cluster: with its document.
    body = tmp_path / "body.json"
    body.write_text(json.dumps(by_az | {"properties": without(by_az["properties"], "nodeResourceGroup", "fqdnSubdomain")}))
    report = places.manage(
        "create-cluster", "--resource-group", AZ_GROUP, "another", made["key_id"], made["identity_id"], str(body)
    )
    assert report["reencryption"][-1]["complete"]
    ours = places.get(id.replace("myAKSCluster", "another"), CLUSTER)
    profile = lambda cluster: cluster["properties"]["securityProfile"]["azureKeyVaultKms"]
    assert profile(ours) == profile(by_az)
    assert {name.lower() for name in ours["identity"]["userAssignedIdentities"]} == {made["identity_id"].lower()}
    shown = json.loads(run("az aks show --name another --resource-group MyResourceGroup"))
    assert shown["securityProfile"]["azureKeyVaultKms"]["keyId"] == made["key_id"]
    own = {"id", "name", "eTag", "properties.fqdn", "properties.azurePortalFQDN", "properties.nodeResourceGroup", "properties.resourceUID"}
    different = {name for name in differences(by_az, ours) if name not in own and "another" not in json.dumps(at(ours, name))}
    different = {name for name in different if not name.endswith((".eTag", "clientId", "objectId"))}
    assert different == set(), different

    run("az aks update --name another --resource-group MyResourceGroup --disable-azure-keyvault-kms")


def without(document: dict, *names: str) -> dict:
    return {name: value for name, value in document.items() if name not in names}


def at(document, path: str):
    for part in path.split("."):
        document = document[int(part)] if isinstance(document, list) else (document or {}).get(part)
    return document
