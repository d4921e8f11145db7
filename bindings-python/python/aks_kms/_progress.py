"""A bar on standard error: of tqdm or rich where one is installed and it is a terminal, else a line for each phase."""

from __future__ import annotations

import sys
from typing import Any, Protocol

from aks_kms._generated.results import Progress


class _Shows(Protocol):
    def __call__(self, now: Progress) -> None: ...


class Bar:
    """Shows each snapshot of one call."""

    def __init__(self) -> None:
        self._show: _Shows | None = None

    def __call__(self, now: Progress) -> None:
        if self._show is None:
            self._show = _chosen()
        self._show(now)


def _chosen() -> _Shows:
    if sys.stderr is not None and sys.stderr.isatty():
        for make in (_tqdm, _rich):
            try:
                return make()
            except ImportError:
                continue
    return _Lines()


class _Lines:
    """A line for each phase: a log is no screen."""

    def __init__(self) -> None:
        self._phase: tuple[int, str] | None = None

    def __call__(self, now: Progress) -> None:
        phase = (now.step, now.phase)
        if phase != self._phase or now.finished:
            self._phase = phase
            if sys.stderr is not None:
                print(f"[{now.step}/{now.steps}] {now.phase:<9} {now.message}", file=sys.stderr, flush=True)


def _title(now: Progress) -> str:
    return f"[{now.step}/{now.steps}] {now.message}"


def _tqdm() -> _Shows:
    from tqdm import tqdm

    bar: Any = tqdm(total=0, leave=False, unit=" secrets", file=sys.stderr)

    def show(now: Progress) -> None:
        bar.set_description_str(_title(now), refresh=False)
        bar.total, bar.n = now.total or 0, now.done
        bar.refresh()
        if now.finished:
            bar.close()

    return show


def _rich() -> _Shows:
    from rich.console import Console
    from rich.progress import Progress as Bars

    bars: Any = Bars(console=Console(stderr=True), transient=True)
    task = bars.add_task("", total=None)
    bars.start()

    def show(now: Progress) -> None:
        bars.update(task, description=_title(now), total=now.total, completed=now.done)
        if now.finished:
            bars.stop()

    return show
