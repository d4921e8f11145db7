"""`set_data_encryption`: what its arguments become, and what comes of it."""

import aks_kms
import pytest
from aks_kms import CustomerManagedKey, Evidence, Experience, KmsChange, NetworkMode, StepKind
from conftest import manager
from simulator import Case

ALLOW = ["data-encryption-irreversible"]


def changes(report: aks_kms.OperationReport) -> list[KmsChange]:
    return [step.target for step in report.plan if isinstance(step.target, KmsChange)]


def customer_managed(case: Case) -> CustomerManagedKey:
    return CustomerManagedKey(key_id=case.filled("{{key}}"), key_vault_id=case["key_vault_id"])


def test_it_moves_to_a_platform_managed_key(case: Case) -> None:
    kms = manager(case)
    plan = kms.set_data_encryption("platform-managed", dry_run=True)
    assert changes(plan) == [KmsChange(platform_managed=True)]
    assert plan.is_refused
    assert [finding.rule for finding in plan.findings if finding.level == "block"] == ALLOW
    assert case.writes() == []

    report = kms.set_data_encryption("platform-managed", allow=ALLOW)
    assert report.is_proven
    assert report.reencryption[-1].evidence == Evidence.METRICS_UNNAMED
    assert StepKind.SET_KMS in [step.step.kind for step in report.steps]
    assert case.secrets()["plaintext"] == 0
    assert kms.status().experience == Experience.PLATFORM_MANAGED


def test_a_customer_managed_key_is_a_class_or_a_mapping(case: Case) -> None:
    kms = manager(case)
    key = customer_managed(case)
    mapping = {"key_id": key.key_id, "key_vault_id": key.key_vault_id, "network_mode": "public"}
    for given in (key, mapping):
        (change,) = changes(kms.set_data_encryption(given, allow=ALLOW, dry_run=True))
        assert change.on is None
        assert change.customer_managed is not None
        assert change.customer_managed.key_id == key.key_id
        assert change.customer_managed.network_mode is NetworkMode.PUBLIC


def test_what_is_no_key_source_is_refused(case: Case) -> None:
    kms = manager(case)
    with pytest.raises(TypeError, match="key_source is 7; pass"):
        kms.set_data_encryption(7)  # type: ignore[arg-type]
    with pytest.raises(aks_kms.InvalidInputError, match='key_source is "platform", which is not'):
        kms.set_data_encryption("platform")  # type: ignore[arg-type]
    with pytest.raises(aks_kms.InvalidInputError, match="key-vault-id-required"):
        kms.set_data_encryption({"key_id": case.key_ids[0]})
    versioned = CustomerManagedKey(key_id=case.key_ids[0], key_vault_id=case["key_vault_id"])
    with pytest.raises(aks_kms.InvalidInputError, match="key-id-version-forbidden"):
        kms.set_data_encryption(versioned)
