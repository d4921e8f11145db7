"""The page's life cycle by azure-mgmt-containerservice and azure-keyvault-keys."""

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceModifiedError
from azure.identity import ClientSecretCredential
from azure.keyvault.keys import KeyClient
from azure.mgmt.containerservice import ContainerServiceClient
from azure.mgmt.containerservice.models import (
    AzureKeyVaultKms,
    ManagedClusterSecurityProfile,
)

from azure_cli import count_under
from page import UPDATE_SECRETS


@pytest.fixture
def world(sandbox, monkeypatch):
    given = {"cluster": {"backend": "real", "api_servers": 1}, "secrets": {"namespaces": 2, "each": 3}}
    world = sandbox(given, sign_in=False)
    # Where requests looks for an authority and a proxy.
    for name in ("REQUESTS_CA_BUNDLE", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, world.variable(name))
    return world


@pytest.fixture
def credential(world):
    case = world.case
    return ClientSecretCredential(
        case["tenant_id"],
        case["client_id"],
        case["client_secret"],
        authority=case["authority"],
        disable_instance_discovery=True,
    )


@pytest.fixture
def clusters(world, credential):
    case = world.case
    scopes = [case["arm"] + "/.default"]
    client = ContainerServiceClient(credential, case.subscription, base_url=case["arm"], credential_scopes=scopes)
    return client.managed_clusters


def test_the_life_cycle(world, credential, clusters):
    case = world.case
    group, name = case.group, case.cluster
    keys = KeyClient(f"https://{case.vault}.vault.azure.net", credential)
    (world.shell.home / "admin.kubeconfig").write_bytes(
        clusters.list_cluster_admin_credentials(group, name).kubeconfigs[0].value
    )
    world.run("KUBECONFIG=$HOME/admin.kubeconfig")

    def set_kms(kms: AzureKeyVaultKms):
        cluster = clusters.get(group, name)
        cluster.security_profile = cluster.security_profile or ManagedClusterSecurityProfile()
        cluster.security_profile.azure_key_vault_kms = kms
        # Only if nobody changed it since.
        updating = clusters.begin_create_or_update(
            group, name, cluster, etag=cluster.e_tag, match_condition=MatchConditions.IfNotModified
        )
        return updating.result()

    def use(key_id: str):
        return set_kms(AzureKeyVaultKms(enabled=True, key_id=key_id, key_vault_network_access="Public"))

    # Enable.
    first = keys.create_rsa_key("lifecycle").id
    updated = use(first)
    assert updated.provisioning_state == "Succeeded"
    assert updated.security_profile.azure_key_vault_kms.key_id == first
    assert case.secrets()["plaintext"] == 6, "secrets that nobody wrote since stay as they are"
    world.run(UPDATE_SECRETS)
    assert count_under(case.secrets(), first) == 6

    # Rotate.
    second = keys.rotate_key("lifecycle").id
    assert [version.id for version in keys.list_properties_of_key_versions("lifecycle")] == [first, second]
    use(second)
    assert count_under(case.secrets(), first) == 6
    world.run(UPDATE_SECRETS)
    assert count_under(case.secrets(), second) == 6

    # Disable.
    set_kms(AzureKeyVaultKms(enabled=False))
    assert count_under(case.secrets(), second) == 6
    world.run(UPDATE_SECRETS)
    truth = case.secrets()
    assert (truth["total"], truth["plaintext"], truth["unreadable"]) == (6, 6, 0)
    assert [cluster.name for cluster in clusters.list()] == [name]


def test_refusals_have_the_codes_that_the_sdk_reads(world, credential, clusters):
    case = world.case
    cluster = clusters.get(case.group, case.cluster)
    cluster.security_profile = ManagedClusterSecurityProfile(
        azure_key_vault_kms=AzureKeyVaultKms(enabled=True, key_id="https://nowhere.example/keys/a/b")
    )
    with pytest.raises(HttpResponseError) as refused:
        clusters.begin_create_or_update(case.group, case.cluster, cluster)
    assert (refused.value.status_code, refused.value.error.code) == (400, "BadRequest")

    stale = clusters.get(case.group, case.cluster)
    with pytest.raises(ResourceModifiedError):
        clusters.begin_create_or_update(
            case.group, case.cluster, stale, etag="stale", match_condition=MatchConditions.IfNotModified
        )
