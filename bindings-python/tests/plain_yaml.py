"""Reads the YAML that the documentation is written in: mappings, lists, plain and quoted texts, blocks of text. Nothing else:
what it cannot read is refused, and does not belong into an example."""

import re
from typing import Any

Lines = list[tuple[int, str]]


def documents(text: str) -> list[Any]:
    """Each document of a file."""
    return [load(part) for part in re.split(r"^---\n", text, flags=re.MULTILINE)]


def load(text: str) -> Any:
    """A document."""
    lines = [(len(line) - len(line.lstrip()), line) for line in text.splitlines()]
    value, rest = _value(lines, 0)
    assert not _significant(rest), rest[0]
    return value


def _significant(lines: Lines) -> Lines:
    while lines and (not lines[0][1].strip() or lines[0][1].lstrip().startswith("#")):
        lines = lines[1:]
    return lines


def _value(lines: Lines, least: int) -> tuple[Any, Lines]:
    lines = _significant(lines)
    if not lines or lines[0][0] < least:
        raise ValueError("a value is missing")
    depth, line = lines[0]
    if line.lstrip().startswith("- ") or line.strip() == "-":
        return _list(lines, depth)
    return _mapping(lines, depth)


def _list(lines: Lines, depth: int) -> tuple[list[Any], Lines]:
    found: list[Any] = []
    while (lines := _significant(lines)) and lines[0][0] == depth and lines[0][1].lstrip().startswith("- "):
        entry = lines[0][1].lstrip().removeprefix("- ")
        if _key(entry) is not None:
            inner = depth + 2
            value, lines = _mapping([(inner, " " * inner + entry), *lines[1:]], inner)
            found.append(value)
        else:
            found.append(_scalar(entry))
            lines = lines[1:]
    return found, lines


def _mapping(lines: Lines, depth: int) -> tuple[dict[str, Any], Lines]:
    found: dict[str, Any] = {}
    while (lines := _significant(lines)) and lines[0][0] == depth:
        pair = _key(lines[0][1].lstrip())
        if pair is None:
            break
        name, text = pair
        assert name not in found, f"{name} is there twice"
        lines = lines[1:]
        if text == "|":
            found[name], lines = _text(lines, depth)
        elif text:
            found[name] = _scalar(text)
        elif (after := _significant(lines)) and after[0][0] > depth:
            found[name], lines = _value(lines, depth + 1)
        else:
            found[name] = None
    return found, lines


def _key(text: str) -> tuple[str, str] | None:
    found = re.fullmatch(r"([\w./-]+):(?: +(.*))?", text.rstrip())
    return None if found is None else (found[1], found[2] or "")


def _text(lines: Lines, depth: int) -> tuple[str, Lines]:
    """All that is further in, without what is before all of it."""
    taken = []
    while lines and (not lines[0][1].strip() or lines[0][0] > depth):
        taken.append(lines[0][1])
        lines = lines[1:]
    margin = min(len(line) - len(line.lstrip()) for line in taken if line.strip())
    return "\n".join(line[margin:] for line in taken).rstrip("\n") + "\n", lines


def _scalar(text: str) -> Any:
    if re.fullmatch(r'"[^"\\]*"', text):
        return text[1:-1]
    if re.fullmatch(r"\[[\w./, -]*\]", text):
        return [_scalar(part.strip()) for part in text[1:-1].split(",") if part.strip()]
    if text == '[""]':
        return [""]
    if text[0] in "\"'{[&*!>|%@`" or " #" in text or ": " in text:
        raise ValueError(f"write it plainly: {text}")
    if text in ("true", "false"):
        return text == "true"
    return int(text) if re.fullmatch(r"\d+", text) else text
