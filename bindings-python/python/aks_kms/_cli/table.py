"""Rules as a table."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Sequence

from aks_kms import Rule


def rules_table(rules: Sequence[Rule]) -> str:
    """A table of rules: level, id, the limitation and where it is documented."""
    return table([(str(rule.level), str(rule.id), [rule.summary, rule.url]) for rule in rules])


def table(rows: list[tuple[str, str, list[str]]]) -> str:
    """Rows of two short columns and a long one, which is wrapped."""
    if not rows:
        return ""
    first = max(len(row[0]) for row in rows)
    second = max(len(row[1]) for row in rows)
    margin = first + second + 4
    width = max(shutil.get_terminal_size((120, 24)).columns - margin, 40)
    lines = []
    for level, name, parts in rows:
        wrapped = [
            line
            for part in parts
            for line in textwrap.wrap(part, width, break_long_words=False, break_on_hyphens=False)
        ]
        head = f"{level:<{first}}  {name:<{second}}  "
        lines += [(head if index == 0 else " " * margin) + line for index, line in enumerate(wrapped)]
    return "\n".join(line.rstrip() for line in lines)
