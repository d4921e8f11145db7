"""What is printed: on a terminal in lines that fit it, and with colours."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import textwrap
from collections.abc import Mapping
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
    lines = [part for line in text.splitlines() for part in fitted(line, width)]
    return "\n".join(map(coloured, lines) if has_colours(stream, os.environ) else lines)


def has_colours(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Whether colours are shown: on a terminal that has them, unless NO_COLOR is set to anything."""
    return stream.isatty() and not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"


def coloured(line: str) -> str:
    """The line with the words that weigh in colours."""
    for pattern, colour in COLOURS:
        line = pattern.sub(f"\x1b[{colour}m\\1\x1b[0m", line, count=1)
    return line


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
