"""`list_clusters`, which needs no manager, and what it gives."""

import asyncio
import inspect
import pickle
from datetime import timedelta
from typing import Any

import aks_kms
import pytest
from aks_kms import ClusterList, aio
from aks_kms._generated.table import FUNCTIONS
from azure.identity.aio import ClientSecretCredential as AsyncCredential
from conftest import PutCase, credential
from simulator import Case

CLOSED = "cccccccc-0000-4000-8000-00000000000c"
GIVEN: dict[str, Any] = {
    "other_clusters": [{"name": "staging", "kms": {"key": "{{key.2}}", "network_mode": "private"}}],
    "other_subscriptions": [{"id": CLOSED, "readable": False}],
}


def listed(case: Case, *subscriptions: str, **more: Any) -> ClusterList:
    return aks_kms.list_clusters(subscriptions, credential=credential(case), cloud=case["arm"], **more)


def test_it_is_iterated_and_printed_and_stays_what_it_is(put_case: PutCase) -> None:
    case = put_case(GIVEN)
    found = listed(case, case["subscription_id"], CLOSED)
    assert [cluster.id for cluster in found] == [
        case.cluster_id,
        f"{case.cluster_id.rsplit('/', 1)[0]}/staging",
    ]
    assert [cluster.enabled for cluster in found] == [False, True]
    assert not found.is_complete
    assert pickle.loads(pickle.dumps(found)) == ClusterList.from_dict(found.to_dict()) == found
    head, rule, *rows, unreadable = str(found).split("\n")
    assert head.split()[:3] == ["Name", "ResourceGroup", "Location"]
    assert set(rule) == {"-", " "}
    assert [row.split()[0] for row in rows] == [cluster.name for cluster in found]
    assert rows[1].split()[-1] == case.key_ids[1]
    assert unreadable == str(found.unreadable[0])
    assert unreadable.startswith(f"/subscriptions/{CLOSED} was not read (forbidden): ")
    # a manager takes the id as it is
    assert aks_kms.KmsManager(next(iter(found)).id).cluster_id == case.cluster_id


def test_what_is_complete_says_so(case: Case) -> None:
    assert listed(case, case["subscription_id"], timeout=timedelta(minutes=1)).is_complete
    everything = aks_kms.list_clusters(credential=credential(case), cloud=case["arm"], resource_graph=False)
    assert [cluster.id for cluster in everything] == [case.cluster_id]


def test_it_is_awaited_with_a_credential_of_either_kind(case: Case) -> None:
    async def both() -> list[ClusterList]:
        asynchronous = AsyncCredential(
            case["tenant_id"],
            case["client_id"],
            case["client_secret"],
            authority=case["authority"],
            disable_instance_discovery=True,
        )
        async with asynchronous:
            asked = [
                aio.list_clusters([case["subscription_id"]], credential=one, cloud=case["arm"])
                for one in (credential(case), asynchronous)
            ]
            return await asyncio.gather(*asked)

    one, other = asyncio.run(both())
    assert one == other == listed(case, case["subscription_id"])


class Refuses:
    def get_token(self, *scopes: str, **options: Any) -> Any:
        raise LookupError("nobody is signed in")


def test_what_a_credential_raises_is_the_cause(case: Case) -> None:
    with pytest.raises(aks_kms.UnauthenticatedError) as raised:
        aks_kms.list_clusters(credential=Refuses(), cloud=case["arm"])
    assert isinstance(raised.value.__cause__, LookupError)
    with pytest.raises(aks_kms.UnauthenticatedError) as raised:
        asyncio.run(aio.list_clusters(credential=Refuses(), cloud=case["arm"]))
    assert isinstance(raised.value.__cause__, LookupError)


def test_arguments_of_the_wrong_kind_are_named(case: Case) -> None:
    one = case["subscription_id"]
    arguments: dict[str, Any]
    for arguments, named in (
        ({"subscriptions": one}, "subscriptions"),
        ({"subscriptions": [1]}, "subscriptions"),
        ({"cloud": 1}, "cloud"),
        ({"ca_bundle": 1}, "str, bytes or os.PathLike"),
        ({"api_version": 2026}, "api_version"),
        ({"resource_graph": "no"}, "resource_graph"),
        ({"timeout": "2h"}, "timeout"),
        ({"credential": object()}, "credential"),
    ):
        with pytest.raises(TypeError, match=named):
            aks_kms.list_clusters(**arguments)
        with pytest.raises(TypeError, match=named):
            asyncio.run(aio.list_clusters(**arguments))
    for arguments, named in (
        ({"subscriptions": ["shop"]}, "shop"),
        ({"subscriptions": [one], "cloud": "moon"}, "moon"),
        ({"subscriptions": [one], "ca_bundle": "none.pem"}, "none.pem"),
        ({"subscriptions": [one], "timeout": -1}, "timeout"),
    ):
        with pytest.raises(aks_kms.InvalidInputError, match=named):
            aks_kms.list_clusters(credential=credential(case), **arguments)


def test_it_takes_what_the_crate_takes() -> None:
    signature = inspect.signature(aks_kms.list_clusters)
    assert signature == inspect.signature(aio.list_clusters)
    own = {name: one.default for name, one in signature.parameters.items() if name != "credential"}
    of_crate = {one.name: one.default for one in FUNCTIONS["list_clusters"].arguments}
    # where the crate has no word for its default, this has
    assert own == {**of_crate, "cloud": "public"}


def test_cancelling_it_ends_it(case: Case) -> None:
    class Waits:
        async def get_token(self, *scopes: str, **options: Any) -> Any:
            await asyncio.sleep(60)

    async def cancelled() -> None:
        async with asyncio.timeout(0.2):
            await aio.list_clusters(credential=Waits(), cloud=case["arm"])

    with pytest.raises(TimeoutError):
        asyncio.run(cancelled())
