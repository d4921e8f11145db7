"""`Fleet`: one verb on many clusters."""

import asyncio
import pickle
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from aks_kms import (
    ClusterId,
    ClusterSummary,
    CustomerManagedKey,
    Fleet,
    FleetProgress,
    FleetReport,
    InvalidInputError,
    aio,
)
from conftest import PutFleet, credential
from programs import begin, interrupted
from simulator import Case, SimulatedFleet

WITH_KMS = {"cluster": {"kms": {"key": "{{key.1}}"}}, "secrets": {"namespaces": 2, "each": 5}}
WITHOUT_KMS = {"secrets": {"namespaces": 2, "each": 5}}
FAULT = {"azure": [{"path": "managedClusters", "status": 404, "code": "ResourceNotFound"}]}
DAY = timedelta(days=1)


def of(simulated: SimulatedFleet, **more: Any) -> Fleet:
    return Fleet(credential=credential(simulated), cloud=simulated["arm"], **more)


def outcomes(report: FleetReport) -> list[str]:
    return [row.outcome.value for row in report.clusters]


def untouched(cases: list[Case]) -> None:
    assert cases
    for case in cases:
        assert case.writes() == []


def test_keys_are_rotated_by_age_wave_after_wave_and_a_second_call_leaves_them_alone(
    put_fleet: PutFleet,
) -> None:
    simulated = put_fleet(clusters=4, subscriptions=2, given=WITH_KMS)
    fleet = of(simulated, subscriptions=simulated["subscription_ids"])
    seen: list[FleetProgress] = []
    report = fleet.rotate(when_older_than=DAY, waves=[1, 2], max_clusters=2, on_progress=seen.append)
    assert outcomes(report) == ["done"] * 4, str(report)
    assert report.is_complete
    assert all(row.proven for row in report.clusters)
    assert [row.wave for row in report.clusters] == [1, 2, 2, 3]
    assert (report.operation, report.dry_run, report.stopped) == ("rotate", False, None)
    last = seen[-1]
    assert (last.finished, last.wave, last.waves, last.at_work, last.totals) == (
        True,
        3,
        3,
        0,
        report.totals,
    )
    assert max(now.at_work for now in seen) <= 2
    assert sorted(now.cluster or "" for now in seen if now.outcome is not None) == sorted(simulated.ids)
    rows = {row.cluster: row for row in report.clusters}
    cases = simulated.cases()
    for case in cases:
        assert rows[case.cluster_id].previous_key_id == case.key_ids[0]
        assert list(case.secrets()["by_key"]) == [rows[case.cluster_id].key_id]
        case.ask("writes", "DELETE")
    again = fleet.rotate(when_older_than=DAY.total_seconds(), waves=[1, 2])
    assert outcomes(again) == ["not-due"] * 4
    assert again.is_complete
    untouched(cases)
    # what it is
    assert pickle.loads(pickle.dumps(report)) == FleetReport.from_dict(report.to_dict()) == report
    assert str(report).endswith("4 clusters: 4 done")
    assert report.to_html().startswith("<!DOCTYPE html>")
    assert report.clusters[0].cluster.rsplit("/", 1)[1] in report.to_markdown()


def test_a_cluster_that_fails_stops_the_next_wave_and_after_it_is_mended_the_same_call_goes_on(
    put_fleet: PutFleet,
) -> None:
    simulated = put_fleet(clusters=3, given=WITH_KMS)
    first, second, _ = cases = simulated.cases()
    second.ask("faults", "PUT", FAULT)
    fleet = of(simulated, clusters=simulated.ids)
    stopped = fleet.rotate(when_older_than=DAY, waves=[2])
    assert outcomes(stopped) == ["done", "failed", "not-started"], str(stopped)
    assert not stopped.is_complete
    assert stopped.clusters[1].code == "not_found"
    assert (stopped.stopped or "").startswith("wave 2 was not begun: 1 of 2 clusters of wave 1")
    before = first.secrets()
    first.ask("writes", "DELETE")
    second.ask("faults", "PUT", {})
    mended = fleet.rotate(when_older_than=DAY, waves=[2])
    assert outcomes(mended) == ["not-due", "done", "done"], str(mended)
    assert first.secrets() == before
    untouched(cases[:1])


def test_a_filter_chooses_and_each_chosen_cluster_has_its_state(put_fleet: PutFleet) -> None:
    simulated = put_fleet(
        clusters=4, subscriptions=2, given=WITH_KMS, some=[{"clusters": [1], "given": WITHOUT_KMS}]
    )
    asked: list[str] = []

    def enabled(cluster: ClusterSummary) -> bool:
        asked.append(cluster.id)
        return cluster.enabled

    report = of(simulated, filter=enabled).status(secrets=True, when_older_than=DAY)
    assert sorted(asked) == sorted(simulated.ids)
    chosen = sorted(one for index, one in enumerate(simulated.ids) if index != 1)
    assert [row.cluster for row in report.clusters] == chosen
    for row in report.clusters:
        assert row.status is not None
        assert row.status.secrets is not None
        assert (row.outcome, row.status.enabled, row.status.secrets.total) == ("done", True, 10)
        assert "key-age" in row.rules
    nothing = of(simulated, filter=lambda _: False).verify_secrets()
    assert (nothing.clusters, nothing.is_complete) == ((), False), "nobody was asked"
    assert (nothing.stopped or "").startswith("the filter left out all 4 clusters"), str(nothing)


def test_the_record_is_where_it_is_said_to_be(put_fleet: PutFleet) -> None:
    simulated = put_fleet(clusters=1, given=WITH_KMS)
    elsewhere = of(simulated, clusters=simulated.ids, state_namespace="default")
    assert elsewhere.reencrypt_secrets().is_complete
    for fleet, is_known in ((elsewhere, True), (of(simulated, clusters=simulated.ids), False)):
        (row,) = fleet.status().clusters
        assert ("secrets-unproven" not in row.rules) == is_known, row.rules


def test_each_cluster_has_its_own_key(put_fleet: PutFleet) -> None:
    simulated = put_fleet(clusters=2, subscriptions=2, given=WITHOUT_KMS)
    cases = simulated.cases()
    keys = {case.cluster_id: case.key_ids[1] for case in cases}
    found = of(simulated, subscriptions=simulated["subscription_ids"])
    ways: tuple[Any, ...] = (keys, keys.get)
    for key_ids in ways:
        planned = found.enable(key_ids, dry_run=True)
        assert (outcomes(planned), planned.is_complete) == (["planned"] * 2, False), str(planned)
    named = of(simulated, clusters=[ClusterId(*id_parts(one)) for one in simulated.ids])
    first, second = simulated.ids
    lacks: tuple[Any, ...] = ({first: keys[first]}, lambda one: keys[one] if one == first else None)
    for key_ids in lacks:
        with pytest.raises(InvalidInputError, match=f"key_ids has nothing for cluster {second}"):
            named.enable(key_ids)
    source = CustomerManagedKey(key_id=cases[0].filled("{{key}}"), key_vault_id=cases[0]["key_vault_id"])
    refused = named.set_data_encryption(source, dry_run=True)
    assert all("data-encryption-irreversible" in row.rules for row in refused.clusters)
    assert outcomes(refused) == ["refused"] * 2
    allow = ["data-encryption-irreversible"]
    assert (
        outcomes(named.set_data_encryption("platform-managed", allow=allow, dry_run=True)) == ["planned"] * 2
    )
    untouched(cases)
    report = named.enable(keys.get)
    assert report.is_complete, str(report)
    assert [row.key_id for row in report.clusters] == [keys[one] for one in simulated.ids]


def id_parts(cluster_id: str) -> list[str]:
    parts = cluster_id.split("/")
    return [parts[2], parts[4], parts[8]]


def test_what_a_filter_or_a_function_raises_is_raised_and_nothing_is_done(put_fleet: PutFleet) -> None:
    simulated = put_fleet(clusters=2, given=WITHOUT_KMS)
    cases = simulated.cases()

    def raises(given: object) -> Any:
        raise LookupError("not today")

    calls: list[Callable[[], object]] = [
        lambda: of(simulated, filter=raises).reencrypt_secrets(),
        lambda: of(simulated).enable(raises),
        lambda: of(simulated, clusters=simulated.ids).enable(raises),
    ]
    for call in calls:
        with pytest.raises(LookupError, match=r"^not today$"):
            call()

    class Later:
        """As a coroutine is, which would count as true."""

        def __await__(self) -> Any: ...

    def late(given: object) -> Any:
        return Later()

    with pytest.raises(TypeError, match=r"^filter gave <.*Later.* it gives True or False$"):
        of(simulated, filter=late).reencrypt_secrets()
    with pytest.raises(TypeError, match=r"^key_ids of /sub.* is 7; pass "):
        of(simulated).enable(lambda _: 7)  # type: ignore[arg-type, return-value]
    untouched(cases)


@pytest.mark.parametrize(
    ("arguments", "kind", "said"),
    [
        ({"clusters": [], "subscriptions": ["x"]}, InvalidInputError, "clusters and subscriptions"),
        ({"clusters": "all"}, TypeError, "^clusters is 'all'; pass a list of resource ids"),
        ({"clusters": [7]}, TypeError, r"^clusters\[0\] is 7"),
        ({"subscriptions": [7]}, TypeError, r"^subscriptions\[0\] is 7"),
        ({"subscriptions": []}, InvalidInputError, "subscriptions is an empty list"),
        ({"filter": 7}, TypeError, "^filter is 7"),
        ({"kubernetes": "in-cluster"}, InvalidInputError, "kubernetes is .in-cluster"),
        ({"resource_graph": 1}, TypeError, "^resource_graph is 1"),
        ({"cloud": "moon"}, InvalidInputError, "cloud is .moon"),
        ({"credential": "token"}, TypeError, "^credential is of type str"),
    ],
)
def test_what_is_wrong_is_told_when_it_is_made(
    arguments: dict[str, Any], kind: type[Exception], said: str
) -> None:
    with pytest.raises(kind, match=said):
        Fleet(**arguments)


def test_malformed_options_are_told_before_any_request() -> None:
    class Never:
        def get_token(self, *scopes: str, **options: Any) -> Any:
            raise AssertionError("nothing is asked")

    fleet = Fleet(subscriptions=["8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8"], credential=Never(), filter=bool)
    with pytest.raises(TypeError, match=r"^waves is"):
        fleet.rotate(when_older_than=DAY, waves=["1"])  # type: ignore[list-item]
    with pytest.raises(InvalidInputError, match="waves"):
        fleet.rotate(when_older_than=DAY, waves=[0])
    with pytest.raises(TypeError, match=r"^allow is <.*; pass a list of strings$"):
        fleet.verify_secrets(allow=str.upper)  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match="max_clusters"):
        fleet.status(max_clusters=0)
    with pytest.raises(TypeError, match="when_older_than"):
        fleet.rotate()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"^on_progress is 7"):
        fleet.status(on_progress=7)  # type: ignore[arg-type]


def test_it_is_awaited_and_cancelled_and_the_same_call_goes_on(put_fleet: PutFleet) -> None:
    given = {**WITH_KMS, "secrets": {"namespaces": 4, "each": 100}}
    simulated = put_fleet(clusters=2, given=given)

    async def both() -> FleetReport:
        fleet = aio.Fleet(simulated.ids, credential=credential(simulated), cloud=simulated["arm"])
        rewrites = asyncio.Event()

        def tell(now: FleetProgress) -> None:
            on = now.progress
            if on is not None and on.phase == "reencrypt" and on.step > 3 and on.done > 0:
                rewrites.set()

        slowly = {"max_requests_per_second": 200}
        task = asyncio.ensure_future(fleet.rotate(when_older_than=DAY, reencrypt=slowly, on_progress=tell))
        await asyncio.wait_for(rewrites.wait(), 60)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        status = await fleet.status()
        begun = [row.status.operation_in_progress for row in status.clusters if row.status is not None]
        assert any(one is not None and one.operation == "rotate" for one in begun), str(status)
        return await fleet.rotate(when_older_than=DAY)

    report = asyncio.run(both())
    assert report.is_complete, str(report)
    rows = {row.cluster: row for row in report.clusters}
    for case in simulated.cases():
        assert list(case.secrets()["by_key"]) == [rows[case.cluster_id].key_id]


INTERRUPTED = """
    from datetime import timedelta

    def tell(now):
        on = now.progress
        if on is not None and on.phase == "reencrypt" and on.step > 3 and on.done > 0:
            print("now", flush=True)

    clusters = [one["cluster_id"] for one in case["clusters"]]
    fleet = aks_kms.Fleet(clusters, credential=credential(), cloud=case["arm"])
    slowly = {"max_requests_per_second": 200}
    fleet.rotate(when_older_than=timedelta(days=1), reencrypt=slowly, on_progress=tell)
"""


def test_an_interrupt_ends_it_within_a_second_and_the_same_call_goes_on(put_fleet: PutFleet) -> None:
    simulated = put_fleet(clusters=2, given={**WITH_KMS, "secrets": {"namespaces": 4, "each": 100}})
    interrupted(begin(simulated, INTERRUPTED))
    cases = simulated.cases()
    assert any(len(case.secrets()["by_key"]) > 1 for case in cases), "it was in the middle"
    report = of(simulated, clusters=simulated.ids).rotate(when_older_than=DAY)
    assert report.is_complete, str(report)
    rows = {row.cluster: row for row in report.clusters}
    for case in cases:
        assert list(case.secrets()["by_key"]) == [rows[case.cluster_id].key_id]


def test_progress_is_lines_and_no_credential_is_shown(
    put_fleet: PutFleet, capfd: pytest.CaptureFixture[str]
) -> None:
    simulated = put_fleet(clusters=1, given=WITH_KMS)
    fleet = of(simulated, clusters=simulated.ids)
    assert repr(fleet) == f"Fleet(clusters={simulated.ids!r})"
    assert simulated["client_secret"] not in repr(fleet)
    assert repr(of(simulated)) == "Fleet(subscriptions=None)"
    fleet.status(progress=True)
    out, err = capfd.readouterr()
    lines = err.splitlines()
    assert out == ""
    assert len(lines) >= 2
    assert all(line.startswith("[") for line in lines), err
