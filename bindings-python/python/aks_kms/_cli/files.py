"""What is read of files, and as az writes it."""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext
from typing import Any

from aks_kms._cli.terminal import usage


def json_object(option: str, path: str) -> dict[str, Any]:
    """The object of JSON that a file has; that of standard input, if `path` is -."""
    try:
        with nullcontext(sys.stdin.buffer) if path == "-" else open(path, "rb") as file:
            found = json.load(file)
    except OSError as problem:
        usage(f"{option} cannot be read: {problem.strerror}")
    except ValueError as problem:
        usage(f"{option} is no JSON: {problem}")
    if not isinstance(found, dict):
        usage(f"{option} is no JSON object")
    return found


def unquoted(key: str) -> str:
    """A key's id, which az prints in quotes."""
    return key.strip().strip('"')
