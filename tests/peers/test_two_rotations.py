"""What the page warns of: two rotations without rewriting the secrets in between."""

import pytest

from azure_cli import count_under
from page import UPDATE_SECRETS

ROTATE = 'az aks update --name $CLUSTER --resource-group $RESOURCE_GROUP --enable-azure-keyvault-kms --azure-keyvault-kms-key-vault-network-access "Public" --azure-keyvault-kms-key-id '
ROTATE_KEY = "export KEY_ID=$(az keyvault key rotate --name etcd --vault-name $VAULT --query key.kid -o tsv)"


def given(backend: str) -> dict:
    return {
        "cluster": {"backend": backend, "api_servers": 1, "kms": {"key": "{{key.1}}"}},
        "secrets": {"namespaces": 2, "each": 3},
    }


@pytest.mark.parametrize("backend", ["embedded", "real"])
def test_without_rewriting_the_secrets_in_between_they_become_unreadable(sandbox, backend):
    world = sandbox(given(backend))
    world.run("az aks get-credentials --name $CLUSTER --resource-group $RESOURCE_GROUP --admin")
    truth = world.case.secrets()
    assert (truth["total"], truth["unreadable"]) == (6, 0)

    world.run(ROTATE + "$NEW_KEY_ID")
    truth = world.case.secrets()
    assert count_under(truth, world.case.key_ids[0]) == 6
    assert truth["unreadable"] == 0, "the key before is still there to read with"

    world.run(ROTATE_KEY)
    world.run(ROTATE + "$KEY_ID")
    truth = world.case.secrets()
    assert count_under(truth, world.case.key_ids[0]) == 6
    assert truth["unreadable"] == 6
    assert "Internal" in read_a_secret(world)


def test_with_rewriting_the_secrets_in_between_they_stay_readable(sandbox):
    world = sandbox(given("real"))
    world.run("az aks get-credentials --name $CLUSTER --resource-group $RESOURCE_GROUP --admin")
    world.run(ROTATE + "$NEW_KEY_ID")
    world.run(UPDATE_SECRETS)
    world.run(ROTATE_KEY)
    world.run(ROTATE + "$KEY_ID")
    world.run(UPDATE_SECRETS)
    truth = world.case.secrets()
    assert (truth["total"], truth["unreadable"]) == (6, 0)
    assert count_under(truth, world.variable("KEY_ID")) == 6


def read_a_secret(world) -> str:
    """What the API server says about a secret."""
    path = "/api/v1/namespaces/team-1/secrets/secret-1"
    return world.refused(f"kubectl get --raw {path}")
