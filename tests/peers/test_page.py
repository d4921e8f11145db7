"""The page from beginning to end: az and kubectl, as it tells, and after each step what etcd holds."""

import re
from pathlib import Path

import pytest

import page
from azure_cli import count_under

GET_CREDENTIALS = "az aks get-credentials --name myAKSCluster --resource-group MyResourceGroup --admin"
EXISTING_CLUSTER = "az aks create --name myAKSCluster --resource-group MyResourceGroup --assign-identity $IDENTITY_RESOURCE_ID "
VAULT_ID = "export KEYVAULT_RESOURCE_ID=$(az keyvault show --name MyKeyVault --query id -o tsv)"
SECRETS = 6


class Person:
    """Someone who works through the page."""

    def __init__(self, world):
        self.world = world
        self.run("az group create --name MyResourceGroup --location eastus")

    def run(self, *commands: str) -> str:
        """What the last of some commands printed."""
        printed = ""
        for command in commands:
            printed = self.world.run(command)
        return printed

    def make_secrets(self):
        self.run(GET_CREDENTIALS)
        self.world.make_secrets(["password", "token", "certificate"])

    def truth(self) -> dict:
        truth = self.world.case.secrets("myAKSCluster")
        assert truth["total"] == SECRETS
        return truth

    def all_under(self, variable: str):
        """Every secret is under the key whose id a variable holds, and readable."""
        truth = self.truth()
        assert count_under(truth, self.world.variable(variable)) == SECRETS, truth
        assert truth["unreadable"] == 0, truth

    def all_plaintext(self):
        truth = self.truth()
        assert truth["plaintext"] == SECRETS, truth

    def reads_every_secret(self):
        printed = self.run("kubectl get secrets --all-namespaces -o jsonpath='{.items[*].data.password}'")
        assert len(printed.split()) == SECRETS

    def new_version(self, variable: str, key: str = "MyKeyName"):
        self.run(f"export {variable}=$(az keyvault key rotate --name {key} --vault-name MyKeyVault --query key.kid -o tsv)")

    def new_key(self, variable: str, key: str):
        self.run(f"export {variable}=$(az keyvault key create --name {key} --vault-name MyKeyVault --query key.kid -o tsv)")

    def is_refused(self, command: str, code: str):
        errors = self.world.refused(command)
        assert code in errors, errors


@pytest.fixture
def person(sandbox):
    # The case's own cluster is not used: the page makes one.
    backend = {"backend": "real", "api_servers": 1}
    return Person(sandbox({"cluster": backend, "secrets": {"namespaces": 0, "each": 0}}))


def test_a_public_vault_with_rbac_creating_a_cluster_and_rotating_twice(person):
    person.run(page.CREATE_VAULT_RBAC, page.ASSIGN_YOURSELF, page.CREATE_KEY, page.EXPORT_KEY_ID)
    person.run(*page.IDENTITY)
    person.is_refused(page.CREATE_CLUSTER, "AzureKeyVaultKmsValidateIdentityPermissionCustomerError")
    person.run(page.DELETE_CLUSTER, page.ASSIGN_CRYPTO_USER, page.CREATE_CLUSTER)
    person.make_secrets()
    person.all_under("KEY_ID")

    person.new_key("NEW_KEY_ID", "MyKeyName2")
    person.run(page.ROTATE)
    person.all_under("KEY_ID")
    person.run(page.UPDATE_SECRETS)
    person.all_under("NEW_KEY_ID")

    # "If you want to delete the old key (key1) immediately, you need to rotate the key twice. Then
    # key2 and key3 are cached, and key1 can be deleted without impacting existing cluster."
    person.new_key("NEW_KEY_ID", "MyKeyName3")
    person.run(page.ROTATE, page.UPDATE_SECRETS)
    person.all_under("NEW_KEY_ID")
    person.run("az keyvault key delete --name MyKeyName --vault-name MyKeyVault")
    person.run(page.UPDATE_SECRETS)
    person.reads_every_secret()


def test_a_public_vault_with_access_policies_enabling_and_disabling(person):
    person.run(page.CREATE_VAULT, page.CREATE_KEY, page.EXPORT_KEY_ID)
    person.run(*page.IDENTITY, page.SET_POLICY)
    person.run(EXISTING_CLUSTER)
    person.make_secrets()
    person.all_plaintext()
    assert "KmsEnabled" not in person.run(page.LIST)
    person.run(page.CLUSTER_ID)
    assert person.world.variable("CLUSTER_ID").lower().endswith("/managedclusters/myakscluster")

    person.run(page.ENABLE)
    person.all_plaintext()
    person.run(page.UPDATE_SECRETS)
    person.all_under("KEY_ID")
    person.new_version("NEW_KEY_ID")
    person.run(page.ROTATE)
    person.all_under("KEY_ID")
    person.run(page.UPDATE_SECRETS)
    person.all_under("NEW_KEY_ID")

    title, _, *rows = person.run(page.LIST).splitlines()
    assert title.split() == ["Name", "KmsEnabled", "KeyId"]
    key_id = person.world.variable("NEW_KEY_ID")
    assert ["myAKSCluster", "True", key_id] in [row.split() for row in rows]

    person.run(page.DISABLE)
    person.all_under("NEW_KEY_ID")
    person.run(page.UPDATE_SECRETS)
    person.all_plaintext()
    person.reads_every_secret()
    assert ["myAKSCluster", "False", key_id] in [row.split() for row in person.run(page.LIST).splitlines()]


def close_vault_to_the_internet(person, create_vault: str):
    """A private vault with a key: made in the open, since nobody here has a private endpoint."""
    person.run(create_vault, VAULT_ID)
    person.is_refused(page.CREATE_KEY, "ForbiddenByConnection")
    person.run(page.OPEN_VAULT, page.CREATE_KEY, page.EXPORT_KEY_ID)
    person.new_version("NewKEY_ID")
    person.run(page.CLOSE_VAULT)


def test_a_private_vault_with_rbac_creating_a_cluster_and_rotating(person):
    close_vault_to_the_internet(person, page.CREATE_PRIVATE_VAULT)
    person.run(*page.IDENTITY, page.ASSIGN_CRYPTO_USER, page.ASSIGN_CONTRIBUTOR)
    person.run(page.CREATE_CLUSTER_PRIVATE + page.VNET_INTEGRATION)
    person.make_secrets()
    person.all_under("KEY_ID")
    assert "Approved" in person.run(CONNECTIONS), "AKS made a private endpoint"

    person.run(page.ROTATE_PRIVATE)
    person.all_under("KEY_ID")
    person.run(page.UPDATE_SECRETS)
    person.all_under("NewKEY_ID")


CONNECTIONS = "az keyvault show --name MyKeyVault --query properties.privateEndpointConnections"


def test_a_private_vault_with_access_policies_enabling_and_rotating(person):
    close_vault_to_the_internet(person, page.CREATE_PRIVATE_VAULT + " --enable-rbac-authorization false")
    person.run(*page.IDENTITY, page.SET_POLICY)
    person.run(EXISTING_CLUSTER + page.VNET_INTEGRATION)
    person.make_secrets()
    person.is_refused(page.ENABLE_PRIVATE, "AzureKeyVaultKmsValidateIdentityPermissionCustomerError")
    person.run(page.ASSIGN_CONTRIBUTOR, page.ENABLE_PRIVATE)
    person.all_plaintext()
    person.run(page.UPDATE_SECRETS)
    person.all_under("KEY_ID")
    person.run(page.ROTATE_PRIVATE)
    person.all_under("KEY_ID")
    person.run(page.UPDATE_SECRETS)
    person.all_under("NewKEY_ID")


def test_the_mode_of_a_vault_is_changed_by_way_of_disabling(person):
    person.run(page.CREATE_VAULT_RBAC, page.ASSIGN_YOURSELF, page.CREATE_KEY, page.EXPORT_KEY_ID)
    person.run(*page.IDENTITY, page.ASSIGN_CRYPTO_USER, page.ASSIGN_CONTRIBUTOR)
    person.run(page.CREATE_CLUSTER + page.VNET_INTEGRATION)
    person.make_secrets()
    person.new_version("NewKEY_ID")
    person.is_refused(page.ROTATE_PRIVATE, "BadRequest")

    person.run(page.DISABLE)
    person.all_under("KEY_ID")
    person.run(page.CLOSE_VAULT, page.ROTATE_PRIVATE)
    person.all_under("KEY_ID")
    person.run(page.UPDATE_SECRETS)
    person.all_under("NewKEY_ID")
    person.reads_every_secret()
    assert '"keyVaultNetworkAccess": "Private"' in person.run(page.SHOW)

    person.run(page.DISABLE, page.OPEN_VAULT, page.ENABLE)
    person.all_under("NewKEY_ID")
    person.run(page.UPDATE_SECRETS)
    person.all_under("KEY_ID")
    person.reads_every_secret()
    assert '"keyVaultNetworkAccess": "Public"' in person.run(page.SHOW)


def test_a_cluster_with_kms_v1_is_upgraded_by_way_of_disabling(person):
    person.run(page.CREATE_VAULT_RBAC, page.ASSIGN_YOURSELF, page.CREATE_KEY, page.EXPORT_KEY_ID)
    person.run(*page.IDENTITY, page.ASSIGN_CRYPTO_USER)
    person.run(page.CREATE_CLUSTER + " --kubernetes-version 1.26.7")
    person.make_secrets()
    person.all_under("KEY_ID")
    person.is_refused(page.UPGRADE, "KMS v1")

    person.run(page.DISABLE)
    person.all_under("KEY_ID")
    person.run(page.UPDATE_SECRETS)
    person.all_plaintext()
    person.run(page.UPGRADE)
    person.all_plaintext()
    person.run(page.ENABLE)
    person.all_plaintext()
    person.run(page.UPDATE_SECRETS)
    person.all_under("KEY_ID")
    person.reads_every_secret()


def test_each_command_of_the_page_is_run_by_some_test():
    sources = "".join(path.read_text() for path in Path(__file__).parent.glob("*.py") if path.name != "page.py")
    parts = re.findall(r"^(\w+) = \[(.*)\]$", (Path(__file__).parent / "page.py").read_text(), re.MULTILINE)
    # a list of commands is run as a whole
    used = {name for whole, names in parts if f"page.{whole}" in sources for name in names.split(", ")}
    commands = {name for name in vars(page) if name.isupper()}
    assert [name for name in sorted(commands - used) if not re.search(rf"\bpage\.{name}\b", sources)] == []
