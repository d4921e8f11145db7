"""Whether what was seen is what a conformance case expects: see tests/conformance/README.md."""

import json
from typing import Any


def mismatch(expected: Any, actual: Any, at: str = "$") -> str | None:
    """Where `actual` lacks something that `expected` names; None: nothing is missing."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        for name, value in expected.items():
            if name in actual:
                why = mismatch(value, actual[name], f"{at}.{name}")
            else:
                why = None if value is None else f"{at}.{name} is missing"
            if why:
                return why
        return None
    if isinstance(expected, list) and isinstance(actual, list):
        if len(expected) != len(actual):
            return f"{at} has {len(actual)} entries instead of {len(expected)}: {json.dumps(actual)}"
        pairs = enumerate(zip(expected, actual, strict=True))
        return next(
            (why for index, (one, other) in pairs if (why := mismatch(one, other, f"{at}[{index}]"))), None
        )
    same = expected == actual and isinstance(expected, bool) == isinstance(actual, bool)
    return None if same else f"{at} is {actual!r} instead of {expected!r}"


def writes_mismatch(expected: list[dict[str, Any]], actual: list[dict[str, Any]]) -> str | None:
    """Where the writes that were seen are not those expected; None: they are."""
    if len(expected) != len(actual):
        return f"{len(actual)} writes instead of {len(expected)}: {json.dumps(actual)}"
    for index, (one, other) in enumerate(zip(expected, actual, strict=True)):
        if not _is_write(one, other):
            return f"write {index} is not the one expected: {json.dumps(actual)}"
    return None


def _is_write(expected: dict[str, Any], actual: dict[str, Any]) -> bool:
    if "patch_secrets" in expected or "patch_secrets" in actual:
        return expected.get("patch_secrets") == actual.get("patch_secrets")
    body = expected.get("body")
    return (
        expected["target"] == actual["target"]
        and expected["method"] == actual["method"]
        and expected["path"] in actual["path"]
        and (body is None or mismatch(body, actual.get("body")) is None)
    )
