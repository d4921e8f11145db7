"""Results, structured arguments and errors as values."""

import copy
import hashlib
import json
import pickle
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aks_kms
import pytest
from aks_kms import (
    Action,
    ActionKind,
    ExpectedKey,
    Experience,
    KmsChange,
    KmsConfiguration,
    KmsStatus,
    LedgerEntry,
    OperationReport,
    Pace,
    ReencryptOptions,
    RuleId,
)
from aks_kms._settings import result
from conftest import manager
from simulator import Case

KEY = "https://shop.vault.azure.net/keys/etcd/0123456789abcdef0123456789abcdef"


@pytest.fixture
def report(case: Case) -> OperationReport:
    return manager(case).enable(case.key_ids[0])


def test_a_report_is_frozen_comparable_and_picklable(report: OperationReport) -> None:
    assert pickle.loads(pickle.dumps(report)) == report == copy.deepcopy(report)
    assert hash(report) == hash(OperationReport.from_dict(report.to_dict()))
    with pytest.raises(AttributeError, match="frozen"):
        report.dry_run = True  # type: ignore[misc]
    assert report.plan[0].kind == "record_operation"
    assert repr(report).startswith("OperationReport(operation='enable', ")


def test_its_document_is_the_one_that_rust_writes(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    documents: list[str] = []

    def kept(verb: str, payload: str) -> object:
        documents.append(payload)
        return result(verb, payload)

    monkeypatch.setattr("aks_kms._caller.result", kept)
    kms = manager(case)
    results = [kms.enable(case.key_ids[0]), kms.rotate(case.key_ids[1]), kms.status(secrets=True)]
    for given, document in zip(results, documents, strict=True):
        assert given.to_dict() == json.loads(document)


def test_its_files_for_auditors_are_the_same_from_its_document(report: OperationReport) -> None:
    html, markdown = report.to_html(), report.to_markdown()
    found = re.search(r'<pre id="json">(.*)</pre>', html)
    assert found
    digest = hashlib.sha256(found[1].encode()).hexdigest()
    assert f'<pre id="sha256">{digest}</pre>' in html
    assert digest in markdown
    assert f"```json\n{found[1]}\n```" in markdown
    # the fields are in another order here, and mean the same
    assert json.loads(found[1]) == report.to_dict()
    again = OperationReport.from_dict(json.loads(json.dumps(report.to_dict(), indent=2)))
    assert (again.to_html(), again.to_markdown()) == (html, markdown)
    assert str(report.after.key_id) in html


def test_results_print_aligned(case: Case) -> None:
    kms = manager(case)
    kms.enable(case.key_ids[0])
    report = kms.rotate(case.key_ids[1])
    assert report.ledger is not None
    status = str(kms.status(secrets=True)).splitlines()
    column = len("Encryption") + 2
    named = {line[:column].rstrip(): line[column:] for line in status[: status.index("")]}
    assert named["Cluster"] == case.cluster_id
    assert named["Encryption"] == f"KMS v2 is on with {case.key_ids[1]} (public access)"
    assert named["Secrets"].endswith(" secrets")
    head, ruler, *rows = str(report.ledger).splitlines()
    assert head.split() == ["Place", "Key", "Since", "Proven", "Removable", "Why"]
    assert next(len(part) for part in ruler.split("  ")) == len("previous")
    assert [row.split()[:2] for row in rows] == [["current", case.key_ids[1]], ["previous", case.key_ids[0]]]
    assert str(report).endswith(str(report.ledger))
    assert str(report).splitlines()[1].split()[:2] == ["1.", "done"]


def test_times_are_aware_and_written_as_rust_does(report: OperationReport) -> None:
    assert report.started_at.tzinfo is UTC
    for microsecond, text in ((0, "12:00:00Z"), (120_000, "12:00:00.12Z"), (123_000, "12:00:00.123Z")):
        since = datetime(2026, 1, 2, 12, tzinfo=UTC, microsecond=microsecond)
        entry = LedgerEntry(
            key_id=KEY,
            experience=Experience.KEY_VAULT,
            key_id_hash=None,
            key_id_hash_since=None,
            since=since,
            proven_at=None,
            evidence=None,
            removable=False,
            reason="in use",
        )
        assert entry.to_dict()["since"] == f"2026-01-02T{text}"
        assert LedgerEntry.from_dict(entry.to_dict()) == entry


def test_enums_are_their_words() -> None:
    assert RuleId("vault-firewall") is RuleId.VAULT_FIREWALL
    word: str = "vault-firewall"
    assert word == RuleId.VAULT_FIREWALL
    assert str(Pace.FAST) == "fast"


def test_a_value_or_a_word_is_both() -> None:
    on = KmsConfiguration(key_id=KEY, network_mode=aks_kms.NetworkMode.PUBLIC)
    for value, document in (
        (ExpectedKey(), "plaintext"),
        (ExpectedKey(key=KEY), {"key": KEY}),
        (ExpectedKey(any_version=KEY), {"any_version": KEY}),
        (ExpectedKey(platform=True), "platform"),
        (KmsChange(), "off"),
        (KmsChange(on=on), {"on": {"key_id": KEY, "network_mode": "public"}}),
        (KmsChange(customer_managed=on), {"customer_managed": {"key_id": KEY, "network_mode": "public"}}),
        (KmsChange(platform_managed=True), "platform_managed"),
    ):
        assert value.to_dict() == document
        assert type(value).from_dict(document) == value
        assert pickle.loads(pickle.dumps(value)) == value


def test_a_value_that_is_unknown_is_not_taken_for_the_word() -> None:
    for document in ({"another": KEY}, {"key": KEY, "any_version": KEY}, {}, "any_version", "another", None):
        with pytest.raises(ValueError, match="is no ExpectedKey"):
            ExpectedKey.from_dict(document)
    with pytest.raises(TypeError, match="takes one argument, not key and platform"):
        ExpectedKey(key=KEY, platform=True)


def test_what_is_missing_or_unknown_is_named() -> None:
    with pytest.raises(ValueError, match="KmsStatus has no cluster"):
        KmsStatus.from_dict({})
    with pytest.raises(TypeError, match="has no argument 'pase'"):
        ReencryptOptions(pase="fast")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="is missing the argument 'kind'"):
        Action()  # type: ignore[call-arg]


def test_actions_are_made_by_their_name() -> None:
    action = Action.delete_key(key_id=KEY)
    assert action == Action(kind=ActionKind.DELETE_KEY, key_id=KEY)
    assert action.to_dict() == {"kind": "delete-key", "key_id": KEY}


def test_the_rules_are_the_catalogue() -> None:
    rules = aks_kms.rules()
    assert {rule.id for rule in rules} == set(RuleId)
    assert all(rule.summary and rule.remedy for rule in rules)


def test_arguments_of_the_wrong_type_are_named(case: Case) -> None:
    kms = manager(case)
    arguments: dict[str, Any]
    for arguments, named in (
        ({"key_id": 1}, "key_id"),
        ({"key_id": KEY, "dry_run": "yes"}, "dry_run"),
        ({"key_id": KEY, "allow": "vault-firewall"}, "allow"),
        ({"key_id": KEY, "timeout": "2h"}, "timeout"),
        ({"key_id": KEY, "reencrypt": "no"}, "reencrypt"),
        ({"key_id": KEY, "on_progress": True}, "on_progress"),
    ):
        with pytest.raises(TypeError, match=named):
            kms.enable(**arguments)
    with pytest.raises(aks_kms.InvalidInputError, match="max_concurrency"):
        kms.enable(KEY, reencrypt={"max_concurrency": -1})
    with pytest.raises(aks_kms.InvalidInputError, match='network_mode is "both"'):
        kms.enable(KEY, network_mode="both")
    with pytest.raises(aks_kms.InvalidInputError, match='"vault-firewall", which cannot be allowed'):
        kms.enable(KEY, allow=["vault-firewall"])
    assert kms.enable(case.key_ids[0], dry_run=True, allow=iter(["access-role-missing"])).dry_run


def test_settings_are_judged_when_a_manager_is_made(case: Case, tmp_path: Path) -> None:
    for settings, named in (
        ({"cloud": "moon"}, "cloud"),
        ({"kubernetes": "root"}, "kubernetes"),
        ({"context": "shop"}, "kubeconfig"),
        ({"ca_bundle": tmp_path / "none.pem"}, "ca_bundle"),
        ({"state_namespace": "kms", "journal": None}, "state_namespace"),
    ):
        with pytest.raises(aks_kms.InvalidInputError, match=named):
            manager(case, **settings)
    with pytest.raises(aks_kms.InvalidInputError, match="managed cluster"):
        aks_kms.KmsManager("production")
    with pytest.raises(TypeError, match="cluster_id"):
        aks_kms.KmsManager(1)  # type: ignore[arg-type]
    _, _, subscription, _, group, *_, name = case.cluster_id.split("/")
    cluster = aks_kms.ClusterId(subscription, group, name)
    assert aks_kms.KmsManager(cluster).cluster_id == str(cluster) == case.cluster_id
