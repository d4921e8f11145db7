"""The conformance cases that every language runs: tests/conformance.

All of them by the manager that blocks, every fifth also by the one that is awaited. What comes of the former is written to
the folder that AKS_KMS_RESULTS names, for a comparison of the languages: `bindings-node/test/results.mjs`.
"""

import asyncio
import contextlib
import inspect
import json
import os
import pickle
from pathlib import Path
from typing import Any

import aks_kms
import pytest
from aks_kms import Action, ClusterList, Finding, KmsError, KmsStatus, OperationReport, Provisioned, aio
from conftest import PutCase, credential
from matching import mismatch, writes_mismatch
from simulator import Case

FILES = sorted(
    path
    for path in (Path(__file__).parents[2] / "tests" / "conformance").glob("*.json")
    if path.stem != "schema"
)


def test_there_are_cases() -> None:
    assert len(FILES) > 220


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_sync(path: Path, put_case: PutCase) -> None:
    run(path, put_case, is_async=False)


@pytest.mark.parametrize("path", FILES[::5], ids=lambda path: path.stem)
def test_async(path: Path, put_case: PutCase) -> None:
    run(path, put_case, is_async=True)


def run(path: Path, put_case: PutCase, *, is_async: bool) -> None:
    document = json.loads(path.read_text())
    case = put_case(document.get("given", {}))
    for call in document.get("earlier", []):
        # whatever came of it is where the case begins
        with contextlib.suppress(KmsError):
            perform(case, case.filled(call), is_async)
    case.ask("writes", "DELETE")
    then = case.filled(document["then"])
    try:
        outcome = perform(case, case.filled(document["when"]), is_async)
    except KmsError as error:
        if not is_async:
            keep(path.stem, case, {"error": error_document(error)})
        check_error(then.get("error"), error)
        findings = [finding.to_dict() for finding in error.findings]
    else:
        assert "error" not in then, f"no error came: {outcome}"
        given = plain(outcome)
        if not is_async:
            keep(path.stem, case, {"result": given})
        why = mismatch(then.get("report", {} if isinstance(given, dict) else given), given)
        assert why is None, why
        findings = given if isinstance(given, list) else given.get("findings", [])
    for expected in then.get("findings", []):
        assert any(mismatch(expected, finding) is None for finding in findings), (expected, findings)
    why = writes_mismatch(then["writes"], case.writes())
    assert why is None, why
    truth = case.secrets()
    assert truth.get("violations", []) == []
    why = mismatch(then.get("secrets") or {}, truth)
    assert why is None, why


def keep(name: str, case: Case, document: dict[str, Any]) -> None:
    """Writes what came of a case."""
    folder = os.environ.get("AKS_KMS_RESULTS")
    if folder is None:
        return
    ids = {name: case[f"{name}_id"] for name in ("subscription", "tenant", "client", "principal")}
    document["ids"] = {"case": case.id, "arm": case["arm"], **ids}
    Path(folder).mkdir(parents=True, exist_ok=True)
    (Path(folder) / f"{name}.json").write_text(json.dumps(document))


def error_document(error: KmsError) -> dict[str, Any]:
    return {
        "code": error.code,
        "message": str(error),
        "retryable": error.retryable,
        "service_code": error.service_code,
        "findings": [finding.to_dict() for finding in error.findings],
        "report": None if error.report is None else error.report.to_dict(),
    }


def check_error(expected: dict[str, Any] | None, error: KmsError) -> None:
    assert expected is not None, f"an error came: {error!r}"
    blocking = [finding for finding in error.findings if finding.level == "block"]
    assert (error.code, sorted(finding.rule for finding in blocking)) == (
        expected["code"],
        sorted(expected.get("rules", [])),
    ), str(error)
    if expected.get("service_code") is not None:
        assert error.service_code == expected["service_code"]
    for finding in blocking:
        assert finding.rule in str(error)
        assert finding.remedy.removesuffix(".") in str(error)
    report = None if error.report is None else error.report.to_dict()
    why = None if expected.get("report") is None else mismatch(expected["report"], report)
    assert why is None, why
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.findings, again.report) == (
        type(error),
        str(error),
        error.findings,
        error.report,
    )


Result = OperationReport | KmsStatus | Provisioned | ClusterList | tuple[Finding, ...]


def perform(case: Case, call: dict[str, Any], is_async: bool) -> Result:
    settings = {"credential": credential(case), "cloud": case["arm"]}
    options = dict(call.get("options", {}))
    if call["operation"] == "list_clusters":
        if is_async:
            return asyncio.run(aio.list_clusters(**settings, **options))
        return aks_kms.list_clusters(**settings, **options)
    settings["kubernetes"] = call.get("kubernetes")
    cluster_id = case.cluster_id
    if call.get("cluster") is not None:
        cluster_id = f"{cluster_id.rsplit('/', 1)[0]}/{call['cluster']}"
    arguments: list[Any] = []
    if call["operation"] == "check_action":
        arguments, options = [Action.from_dict(options)], {}
    else:
        method = getattr(aks_kms.KmsManager, call["operation"])
        for name, parameter in list(inspect.signature(method).parameters.items())[1:]:
            if parameter.kind is not parameter.KEYWORD_ONLY and name in options:
                arguments.append(options.pop(name))
    if is_async:
        return asyncio.run(awaited(cluster_id, settings, call["operation"], arguments, options))
    with aks_kms.KmsManager(cluster_id, **settings) as manager:
        result: Result = getattr(manager, call["operation"])(*arguments, **options)
    return result


async def awaited(
    cluster_id: str, settings: dict[str, Any], operation: str, arguments: list[Any], options: dict[str, Any]
) -> Result:
    async with aio.KmsManager(cluster_id, **settings) as manager:
        result: Result = await getattr(manager, operation)(*arguments, **options)
        return result


def plain(outcome: Result) -> Any:
    """A result as JSON, from which it can be read back."""
    assert pickle.loads(pickle.dumps(outcome)) == outcome
    if isinstance(outcome, tuple):
        given = [finding.to_dict() for finding in outcome]
        assert tuple(map(Finding.from_dict, given)) == outcome
        return given
    given = outcome.to_dict()
    assert type(outcome).from_dict(json.loads(json.dumps(given))) == outcome
    return given
