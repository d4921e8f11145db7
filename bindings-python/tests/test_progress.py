"""What is shown while a call runs: on a terminal a bar of tqdm or rich, else lines."""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
from typing import Any

import pytest
from conftest import PutCase
from programs import begin
from simulator import Case

# which hide the other one
OTHERS = {"tqdm": ["rich"], "rich": ["tqdm"], "nothing": ["tqdm", "rich"]}
SLOW: dict[str, Any] = {"secrets": {"namespaces": 5, "each": 60}}
ENABLE = """
    for hidden in {hidden!r}:
        sys.modules[hidden] = None
    signal.signal(signal.SIGINT, signal.default_int_handler)
    report = manager().enable(case["key_ids"][0], progress=True, reencrypt={{"max_requests_per_second": {rate}}})
    print(report.is_proven)
"""
HIDES, SHOWS = "\x1b[?25l", "\x1b[?25h"


def start(case: Case, installed: str, rate: int) -> tuple[subprocess.Popen[str], int]:
    """A program on a terminal of its own."""
    ours, theirs = pty.openpty()
    # one of no width shows nothing
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 120, 0, 0))
    program = ENABLE.format(hidden=OTHERS[installed], rate=rate)
    begun = begin(case, program, stderr=theirs)
    os.close(theirs)
    return begun, ours


def read_some(terminal: int) -> str:
    try:
        return os.read(terminal, 65536).decode()
    except OSError:
        # Linux: nobody has the other end open any more
        return ""


def rest(terminal: int) -> str:
    shown = ""
    while some := read_some(terminal):
        shown += some
    os.close(terminal)
    return shown


@pytest.mark.parametrize("installed", OTHERS)
def test_on_a_terminal(put_case: PutCase, installed: str) -> None:
    begun, terminal = start(put_case(SLOW), installed, 400)
    shown = rest(terminal)
    assert (begun.communicate()[0], begun.returncode) == ("True\n", 0), shown
    assert re.search(r"\[\d/\d\] ", shown), shown
    assert "Traceback" not in shown
    if installed == "nothing":
        assert "\x1b" not in shown
        assert "\r\n[" in shown
        return
    # drawn over itself, and gone at last
    assert shown.count("\r") > 10 * shown.count("\r\n") or "\x1b[2K" in shown
    counts = {int(count) for count in re.findall(r"\b(\d+)/30\d\b", shown)}
    assert installed == "rich" or len(counts) > 3, shown
    assert "%" in shown
    assert shown.count(HIDES) == shown.count(SHOWS) == (1 if installed == "rich" else 0)


@pytest.mark.parametrize("installed", OTHERS)
def test_an_interrupt_leaves_the_terminal_as_it_was(put_case: PutCase, installed: str) -> None:
    begun, terminal = start(put_case(SLOW), installed, 60)
    shown = ""
    while "ewrit" not in shown:
        some = read_some(terminal)
        assert some, shown
        shown += some
    begun.send_signal(signal.SIGINT)
    shown += rest(terminal)
    assert begun.wait(timeout=30) == -signal.SIGINT, shown
    assert shown.rstrip().endswith("KeyboardInterrupt"), shown
    before, _, _ = shown.rpartition("Traceback")
    assert before.count(HIDES) == before.count(SHOWS), shown


def test_without_a_terminal_it_is_a_line_for_each_phase(case: Case) -> None:
    begun = begin(case, ENABLE.format(hidden=[], rate=400))
    output, errors = begun.communicate(timeout=60)
    assert (output, begun.returncode) == ("True\n", 0), errors
    lines = errors.splitlines()
    assert 5 < len(lines) < 40, errors
    assert all(re.match(r"\[\d+/\d+\] \w+ +\S", line) for line in lines), errors
    assert len(set(lines)) > 5
