"""The report for auditors, as a file."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aks_kms import FleetReport, OperationReport


def checked(path: str | None) -> str | None:
    """What is wrong with the name of the file, before anything is done: the end of a long call is too late for that."""
    if path is None:
        return None
    if Path(path).suffix not in (".html", ".md"):
        return f"--report {path} is neither HTML nor Markdown: name a file that ends with .html or .md"
    folder = Path(path).parent
    if not folder.is_dir():
        return f"--report {path} cannot be written: {folder} is no folder"
    if Path(path).is_dir() or not os.access(path if Path(path).exists() else folder, os.W_OK):
        return f"--report {path} cannot be written"
    return None


def write_report(path: str | None, report: FleetReport | OperationReport) -> bool:
    """Writes the file, if one is asked for; what keeps it from that is said."""
    if path is None:
        return True
    text = report.to_html() if Path(path).suffix == ".html" else report.to_markdown()
    try:
        Path(path).write_text(text, encoding="utf-8", newline="\n")
    except OSError as problem:
        print(f"aks-kms: --report {path} cannot be written: {problem.strerror}", file=sys.stderr)
        return False
    return True
