"""What is printed: on a terminal in lines that fit it, and with colours."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import NoReturn, TextIO

# Words that weigh, where the library's text has them.
COLOURS = (
    (re.compile(r"^(block)(?=  )"), "31"),
    (re.compile(r"^(warn)(?=  )"), "33"),
    (re.compile(r"^(info)(?=  )"), "36"),
    (re.compile(r"(?<=; )(not complete)$"), "31"),
    (re.compile(r"(?<=; )(complete)$"), "32"),
    (re.compile(r"^(error)(?=: )"), "31"),
)
# So narrow a last column is not wrapped.
NARROWEST = 40


def shown(text: str, stream: TextIO) -> str:
    """The text for this stream: as it is, unless it is a terminal."""
    if not stream.isatty():
        return text
    width = shutil.get_terminal_size((120, 24)).columns
    lines = [part for line in records(text.splitlines(), width) for part in fitted(line, width)]
    return "\n".join(map(coloured, lines) if has_colours(stream, os.environ) else lines)


def has_colours(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Whether colours are shown: on a terminal that has them, unless NO_COLOR is set to anything."""
    return stream.isatty() and not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"


def coloured(line: str) -> str:
    """The line with the words that weigh in colours."""
    for pattern, colour in COLOURS:
        line = pattern.sub(f"\x1b[{colour}m\\1\x1b[0m", line, count=1)
    return line


def records(lines: Sequence[str], width: int) -> list[str]:
    """The lines, with each table that is wider as a paragraph a row: each cell behind the name of its column."""
    shown: list[str] = []
    at = 0
    while at < len(lines):
        table = table_of(lines[at:])
        if table and max(map(len, table)) > width:
            shown += paragraphs(table)
            at += len(table)
            if at < len(lines) and lines[at]:
                shown.append("")
        else:
            shown.append(lines[at])
            at += 1
    return shown


def table_of(lines: Sequence[str]) -> list[str]:
    """The table that these lines begin with: names of columns, a rule below them, and rows; empty, where there is none."""
    if len(lines) < 3 or not re.fullmatch(r"-+(  -+)+", lines[1]):
        return []
    gaps = [found.span() for found in re.finditer("  ", lines[1])]

    def is_row(line: str) -> bool:
        # only the last cells may be missing
        return len(line) > gaps[0][1] and all(not line[slice(*gap)].strip() for gap in gaps)

    rows = list(takewhile(is_row, lines[2:]))
    return [*lines[:2], *rows] if rows else []


def paragraphs(table: list[str]) -> list[str]:
    """The rows of a table as paragraphs, without what a row has nothing of."""
    names, rule, *rows = table
    columns = [slice(*found.span()) for found in re.finditer("-+", rule)]
    longest = max(len(names[column].strip()) for column in columns)
    shown: list[str] = []
    for row in rows:
        cells = ((names[column].strip(), row[column].strip()) for column in columns)
        shown += [*([""] if shown else []), *(f"{name:<{longest}}  {cell}" for name, cell in cells if cell)]
    return shown


def fitted(line: str, width: int) -> list[str]:
    """The line in lines that are no wider; those that follow stand below its last column."""
    if len(line) <= width:
        return [line]
    columns = re.match(r"(?:.*\S)?  +(?=\S)", line)
    indent = len(columns[0]) if columns else 0
    if width - indent < NARROWEST:
        return [line]
    return textwrap.wrap(
        line[indent:],
        width,
        initial_indent=line[:indent],
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def show(text: str, stream: TextIO | None = None) -> None:
    """Prints a text for people, on standard output where no stream is named."""
    to: TextIO = sys.stdout if stream is None else stream
    print(shown(text, to), file=to)


def print_json(value: object) -> None:
    """One document on standard output."""
    print(json.dumps(value, indent=2))


def usage(problem: str) -> NoReturn:
    """Ends the program for wrong usage."""
    print(f"aks-kms: {problem}", file=sys.stderr)
    raise SystemExit(2)
