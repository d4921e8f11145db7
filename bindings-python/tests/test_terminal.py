"""What the command line makes of a text that is wider than the terminal, and of what is typed."""

import argparse
from collections.abc import Callable

import pytest
from aks_kms._cli.arguments import parser
from aks_kms._cli.options import age, duration, whole
from aks_kms._cli.terminal import records

KEYS = """\
State  Succeeded

Place     Key    Since  Why
--------  -----  -----  ---------------------
current   k/2           it is the key in use
previous  k/1    today
warn  key-age  a rotation is due."""


def test_a_table_that_is_too_wide_is_a_paragraph_a_row() -> None:
    assert records(KEYS.splitlines(), 40) == [
        "State  Succeeded",
        "",
        "Place  current",
        "Key    k/2",
        "Why    it is the key in use",
        "",
        "Place  previous",
        "Key    k/1",
        "Since  today",
        "",
        "warn  key-age  a rotation is due.",
    ]


@pytest.mark.parametrize(
    ("text", "width"),
    [
        (KEYS, 50),
        # no row of it, and what only looks like a rule
        ("Place  Key\n-----  ---\n0 clusters are there", 10),
        ("Place  Key\n-----  ---", 5),
        ("one - two\n---\nthree", 5),
    ],
)
def test_other_text_is_left_as_it_is(text: str, width: int) -> None:
    assert records(text.splitlines(), width) == text.splitlines()


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (age, "365d", 31_536_000.0),
        (age, "1.5h", 5_400.0),
        (duration, "30m", 1_800.0),
        (duration, "90", 90.0),
        (duration, "1.5", 1.5),
        (whole, "64", 64),
    ],
)
def test_times_and_numbers_are_read(read: Callable[[str], float], text: str, value: float) -> None:
    assert read(text) == value


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (age, "365"),
        (age, "1y"),
        (age, "-5d"),
        (duration, "5x"),
        (duration, "-1"),
        (duration, ""),
        (whole, "1.5"),
    ],
)
def test_what_is_no_time_or_number_is_named(read: Callable[[str], float], text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is no ") as raised:
        read(text)
    assert repr(text) in str(raised.value)


def test_wrong_usage_is_said_in_short_and_as_it_is_typed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parser().parse_args(["enable", "k", "--network-mode", "Public"])
    assert ended.value.code == 2
    assert capsys.readouterr().err == (
        "aks-kms enable: argument --network-mode: invalid choice: 'Public' (choose from 'public', 'private')\n"
        "`aks-kms enable --help` says what it takes\n"
    )
