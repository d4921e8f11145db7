"""`provision` and `create_cluster`: what their arguments become."""

import copy
import time
from collections import OrderedDict
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import aks_kms
import pytest
from aks_kms import (
    CustomerManagedKey,
    Experience,
    KmsChange,
    KmsConfiguration,
    NetworkMode,
    ProvisionPart,
    Step,
    StepKind,
)
from conftest import credential, manager
from simulator import Case

BODY: dict[str, Any] = {
    "location": "eastus",
    "tags": {"Größe": 'ß ☃ \U0001f600 \\ " \n', "empty": ""},
    "properties": {
        "dnsPrefix": "second",
        "agentPoolProfiles": [
            {
                "name": "system",
                "mode": "System",
                "count": 1,
                "vmSize": "Standard_D4s_v5",
                "spotMaxPrice": 0.25,
                "enableAutoScaling": False,
                "nodeLabels": {"null": None, "list": [1, [], {}], "most": 2**63 - 1},
            }
        ],
    },
}


def second(case: Case) -> aks_kms.KmsManager:
    cluster_id = f"{case.cluster_id.rsplit('/', 1)[0]}/second"
    return aks_kms.KmsManager(cluster_id, credential=credential(case), cloud=case["arm"])


def test_a_body_reaches_azure_as_it_is(case: Case) -> None:
    given = copy.deepcopy(BODY)
    report = second(case).create_cluster(given, case.key_ids[0], identity_id=case["identity_id"])
    assert report.is_proven
    assert given == BODY, "it is the caller's"
    created = next(write for write in case.writes() if write.get("method") == "PUT")
    sent = created["body"]
    assert sent["tags"] == BODY["tags"]
    assert sent["properties"]["agentPoolProfiles"] == BODY["properties"]["agentPoolProfiles"]
    assert sent["properties"]["dnsPrefix"] == "second"


@pytest.mark.parametrize("is_platform", [True, False])
def test_a_new_cluster_has_data_encryption(case: Case, is_platform: bool) -> None:
    body = {**BODY, "properties": {**BODY["properties"], "kubernetesVersion": "1.34"}}
    key = CustomerManagedKey(
        key_id=case.key_ids[0].rsplit("/", 1)[0], key_vault_id=case["key_vault_id"], network_mode="private"
    )
    report = second(case).create_cluster(
        body,
        "platform-managed" if is_platform else key,
        identity_id=case["identity_id"],
        allow=["data-encryption-irreversible"],
    )
    assert report.is_proven
    expected = Experience.PLATFORM_MANAGED if is_platform else Experience.CUSTOMER_MANAGED
    assert report.after.experience == expected
    target = report.plan[0].target
    assert isinstance(target, KmsChange)
    assert target.platform_managed == is_platform


def test_a_customer_managed_key_is_provisioned_without_a_version(case: Case) -> None:
    made = manager(case).provision(experience="customer-managed", network_mode="private")
    assert [step.part for step in made.created][-1] == ProvisionPart.VAULT_READ_ROLE
    assert made.key_id.endswith("/keys/etcd")
    with pytest.raises(aks_kms.InvalidInputError, match="set_data_encryption or create_cluster"):
        manager(case).provision(experience=Experience.PLATFORM_MANAGED)


def test_any_mapping_is_a_body(case: Case) -> None:
    for body in (
        MappingProxyType({**BODY, "properties": MappingProxyType(BODY["properties"])}),
        OrderedDict({**BODY, "properties": {**BODY["properties"], "agentPoolProfiles": ()}}),
    ):
        plan = second(case).create_cluster(
            body, case.key_ids[0], identity_id=case["identity_id"], dry_run=True
        )
        assert plan.dry_run


def test_what_is_no_json_in_a_body_is_named_by_its_place() -> None:
    kms = aks_kms.KmsManager(
        "/subscriptions/8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8/resourceGroups/shop/providers/Microsoft.ContainerService/managedClusters/production"
    )
    key_id = "https://shop.vault.azure.net/keys/etcd/0123456789abcdef0123456789abcdef"
    secret = {"windowsProfile": {"adminPassword": "correct-horse"}}
    body: Any
    for body, said in (
        (None, "body is of type NoneType; pass a mapping"),
        ("{}", "body is of type str; pass a mapping"),
        ([secret], "body is of type list; pass a mapping"),
        ({1: secret}, "body has a name of type int; pass strings"),
        ({"properties": {**secret, "at": datetime.now(UTC)}}, "body.properties.at is of type datetime"),
        ({"properties": [secret, b"correct-horse"]}, r"body.properties\[1\] is of type bytes"),
        ({"properties": {**secret, "x": float("nan")}}, "body.properties.x is no finite number"),
    ):
        with pytest.raises(TypeError, match=said) as raised:
            kms.create_cluster(body, key_id)
        assert "correct-horse" not in str(raised.value)


@pytest.mark.parametrize("validity", [timedelta(days=400), 400 * 24 * 60 * 60, 34_560_000.0], ids=repr)
def test_how_long_a_key_is_valid_is_seconds_or_a_timedelta(case: Case, validity: float | timedelta) -> None:
    made = manager(case).provision(key_expires_in=validity)
    assert [step.part for step in made.created] == [
        ProvisionPart.KEY_VAULT,
        ProvisionPart.KEY,
        ProvisionPart.KEY_ROLE,
    ]
    (written,) = (write["body"] for write in case.writes() if "/keys/etcd" in write.get("path", ""))
    expires = written["properties"]["attributes"]["exp"]
    assert abs(expires - time.time() - timedelta(days=400).total_seconds()) < 120


def test_what_is_provisioned_prints_and_stays_what_it_is(case: Case) -> None:
    kms = manager(case)
    planned = kms.provision(dry_run=True)
    assert not planned.is_refused
    lines = str(planned).splitlines()
    assert lines[:2] == ["Plan of provision", f"1. {planned.plan[0].summary}"]
    assert str(planned.plan[0]) == planned.plan[0].summary
    assert planned.plan[0].command.startswith("az keyvault create ")
    assert type(planned).from_dict(planned.to_dict()) == planned
    # what is left open is not the same as no
    without = kms.provision(purge_protection=False, dry_run=True)
    assert "--enable-purge-protection" in planned.plan[0].command
    assert "--enable-purge-protection" not in without.plan[0].command
    with pytest.raises(TypeError, match="purge_protection"):
        kms.provision(purge_protection="yes")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="key_expires_in"):
        kms.provision(key_expires_in="1y")  # type: ignore[arg-type]


def test_a_profile_is_read_as_its_step_has_it() -> None:
    on = KmsConfiguration(
        key_id="https://shop.vault.azure.net/keys/etcd/0123456789abcdef0123456789abcdef",
        network_mode=NetworkMode.PUBLIC,
    )
    for step in (
        Step(kind=StepKind.CREATE_CLUSTER, summary="Make it", target=KmsChange(on=on)),
        Step(kind=StepKind.SET_KMS, summary="Turn it on", target=KmsChange(on=on)),
        Step(kind=StepKind.SET_KMS, summary="Turn it off", target=KmsChange()),
    ):
        assert Step.from_dict(step.to_dict()) == step
