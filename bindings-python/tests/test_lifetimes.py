"""How calls end: interrupted, cancelled, out of time; and what else may happen meanwhile."""

import asyncio
import sys
import threading
import time
from datetime import timedelta
from typing import Any

import aks_kms
import pytest
from aks_kms import KmsError, Phase, Progress, aio
from conftest import PutCase, credential, manager
from programs import begin, interrupted, run
from simulator import Case

# A rewrite takes some seconds.
SLOW: dict[str, Any] = {"secrets": {"namespaces": 5, "each": 60}}
GENTLY: dict[str, Any] = {"max_requests_per_second": 60}
INTERRUPTED = """
    seen = set()
    def told(now):
        seen.add(now.phase)
        # behind the gate
        if "cluster" in seen and now.phase == "reencrypt" and now.done > 20:
            print("now", flush=True)
    manager().enable(case["key_ids"][0], on_progress=told, reencrypt={"max_requests_per_second": 60})
"""


def under(case: Case, key_id: str) -> int:
    count: int = case.secrets()["by_key"].get(key_id, 0)
    return count


RESUMED = """
    said = []
    report = manager().resume(on_progress=lambda now: said.append(now.message))
    print(report.is_proven, any("still holds the cluster's Lease" in text for text in said))
"""


def proven_by_another_process(case: Case, *, watches_the_lease: bool = False) -> None:
    code, output, errors = run(case, RESUMED)
    assert (code, output) == (0, f"True {watches_the_lease}\n"), errors
    truth = case.secrets()
    assert truth["total"] == under(case, case.key_ids[0])
    assert truth["unreadable"] == 0


def test_an_interrupt_ends_it_within_a_second_and_another_process_goes_on(put_case: PutCase) -> None:
    case = put_case(SLOW)
    interrupted(begin(case, INTERRUPTED))
    assert 0 < under(case, case.key_ids[0]) < case.secrets()["total"], "it was in the middle"
    proven_by_another_process(case)


def test_a_process_that_is_killed_is_gone_on_with(put_case: PutCase) -> None:
    case = put_case(SLOW)
    begun = begin(case, INTERRUPTED)
    assert begun.stdout is not None
    assert begun.stdout.readline() == "now\n"
    begun.kill()
    begun.communicate()
    proven_by_another_process(case, watches_the_lease=True)


def test_a_program_that_ends_while_a_thread_of_its_works_gives_the_lease_back(put_case: PutCase) -> None:
    case = put_case(SLOW)
    program = """
        middle = threading.Event()
        def told(now):
            if now.step > 2 and now.phase == "reencrypt" and now.done > 20:
                middle.set()
        def work():
            manager().enable(case["key_ids"][0], on_progress=told, reencrypt={"max_requests_per_second": 60})
        threading.Thread(target=work, daemon=True).start()
        middle.wait()
    """
    at = time.monotonic()
    code, _, errors = run(case, program, seconds=20)
    assert code == 0, errors
    assert time.monotonic() - at < 10
    proven_by_another_process(case)


def test_an_interrupt_in_a_callback_is_not_swallowed(case: Case) -> None:
    def told(now: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        manager(case).enable(case.key_ids[0], on_progress=told)


def test_what_a_callback_raises_is_reported_and_stops_nothing(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    reported: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", reported.append)
    seen: list[Progress] = []

    def told(now: Progress) -> None:
        seen.append(now)
        raise ValueError("not now")

    report = manager(case).enable(case.key_ids[0], on_progress=told)
    assert report.is_proven
    assert len(reported) == len(seen) > 3
    assert {type(problem.exc_value) for problem in reported} == {ValueError}
    assert reported[0].object is told


def test_by_default_that_is_a_traceback_on_standard_error(case: Case) -> None:
    program = """
        def told(now):
            raise ValueError("not now")
        print(manager().enable(case["key_ids"][0], on_progress=told).is_proven)
    """
    code, output, errors = run(case, program)
    assert (code, output) == (0, "True\n")
    assert errors.count("ValueError: not now") > 3
    assert "Exception ignored in" in errors


def test_progress_comes_in_order_on_the_calling_thread_and_ends_with_finished(case: Case) -> None:
    seen: list[Progress] = []
    threads = set()

    def told(now: Progress) -> None:
        seen.append(now)
        threads.add(threading.get_ident())

    manager(case).enable(case.key_ids[0], on_progress=told)
    assert threads == {threading.get_ident()}
    assert [now.finished for now in seen] == [False] * (len(seen) - 1) + [True]
    assert {Phase.OBSERVE, Phase.CLUSTER, Phase.REENCRYPT} <= {now.phase for now in seen}
    assert all(Progress.from_dict(now.to_dict()) == now for now in seen)


def test_a_cancelled_task_stops_the_work(put_case: PutCase) -> None:
    case = put_case(SLOW)
    middle = asyncio.Event()

    async def cancelled() -> None:
        seen: set[str] = set()

        def told(now: Progress) -> None:
            assert asyncio.get_running_loop() is loop
            seen.add(now.phase)
            # behind the gate
            if "cluster" in seen and now.phase == "reencrypt" and now.done > 20:
                middle.set()

        loop = asyncio.get_running_loop()
        async with aio.KmsManager(case.cluster_id, credential=credential(case), cloud=case["arm"]) as kms:
            task = asyncio.create_task(kms.enable(case.key_ids[0], on_progress=told, reencrypt=GENTLY))
            await middle.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(cancelled())
    # what was on its way has come there
    time.sleep(0.3)
    stopped_at = under(case, case.key_ids[0])
    assert 0 < stopped_at < case.secrets()["total"]
    time.sleep(0.5)
    assert under(case, case.key_ids[0]) == stopped_at
    proven_by_another_process(case)


def test_a_time_limit_is_seconds_or_a_timedelta(put_case: PutCase) -> None:
    case = put_case({"faults": {"azure": [{"path": "managedClusters", "status": 200, "latency_ms": 60000}]}})
    for limit in (0.5, timedelta(seconds=0.5)):
        with pytest.raises(aks_kms.TimeoutError) as caught:
            manager(case).enable(case.key_ids[0], timeout=limit)
        assert caught.value.retryable
        assert "time limit" in str(caught.value)


def test_tasks_and_threads_share_a_manager(case: Case) -> None:
    kms = manager(case)
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(kms.status().cluster)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert found == [case.cluster_id] * 6

    async def together() -> list[aks_kms.KmsStatus]:
        kms = aio.KmsManager(case.cluster_id, credential=credential(case), cloud=case["arm"])
        return await asyncio.gather(*(kms.status() for _ in range(6)))

    assert {status.cluster for status in asyncio.run(together())} == {case.cluster_id}


def test_a_manager_is_awaited_on_one_loop_after_another(case: Case) -> None:
    kms = aio.KmsManager(case.cluster_id, credential=credential(case), cloud=case["arm"])
    for _ in range(2):
        assert asyncio.run(kms.status()).cluster == case.cluster_id


def test_the_interpreters_lock_is_free_while_it_works(put_case: PutCase) -> None:
    case = put_case(SLOW)
    counted = 0
    over = threading.Event()

    def count() -> None:
        nonlocal counted
        while not over.is_set():
            counted += 1
            time.sleep(0.001)

    counting = threading.Thread(target=count)
    counting.start()
    at = time.monotonic()
    try:
        manager(case).enable(case.key_ids[0], reencrypt={"max_requests_per_second": 200})
    finally:
        over.set()
        counting.join()
    took = time.monotonic() - at
    assert counted > took * 20, f"{counted} in {took} s"


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes_that_are_made_of_this_one_work(case: Case, method: str) -> None:
    program = f"""
        import multiprocessing
        sys.path.insert(0, {str(__file__).rsplit("/", 1)[0]!r})
        import children
        if __name__ == "__main__":
            kms = manager()
            print(kms.status().cluster, flush=True)
            context = multiprocessing.get_context({method!r})
            inherited = kms if {method!r} == "fork" else None
            children.MANAGER = inherited
            with context.Pool(2) as pool:
                for one in pool.map(children.status, [case] * 4):
                    print(one, flush=True)
            print(kms.status().cluster, flush=True)
    """
    code, output, errors = run(case, program)
    assert (code, output.split()) == (0, [case.cluster_id] * 6), errors


def test_a_program_that_ends_meanwhile_does_not_hang(put_case: PutCase) -> None:
    case = put_case(SLOW)
    program = """
        started = threading.Event()
        def work():
            manager().enable(case["key_ids"][0], on_progress=lambda now: started.set(), reencrypt={"max_requests_per_second": 5})
        threading.Thread(target=work, daemon=True).start()
        started.wait()
        print("over", flush=True)
    """
    at = time.monotonic()
    code, output, errors = run(case, program, seconds=20)
    assert (code, output) == (0, "over\n"), errors
    assert time.monotonic() - at < 10


def test_logs_go_to_logging_at_the_level_that_is_asked_for(
    case: Case, caplog: pytest.LogCaptureFixture
) -> None:
    kms = manager(case)
    with caplog.at_level(5, logger="aks_kms"):
        kms.status()
    told = [record for record in caplog.records if record.name.startswith("aks_kms.")]
    assert any("answered" in record.getMessage() for record in told)
    assert not any("eyJ" in record.getMessage() for record in told), "a token"
    caplog.clear()
    with caplog.at_level("INFO", logger="aks_kms"):
        kms.status()
    assert not [
        record for record in caplog.records if record.levelno < 20 and record.name.startswith("aks_kms")
    ]


def test_every_error_is_a_kms_error(case: Case) -> None:
    for wrong in ("etcd", "https://shop.vault.azure.net/keys/etcd"):
        with pytest.raises(KmsError) as caught:
            manager(case).enable(wrong)
        assert isinstance(caught.value, aks_kms.InvalidInputError)
        assert not caught.value.retryable
