"""A bar on standard error: of tqdm or rich where one is installed and it is a terminal, else a line for each phase."""

from __future__ import annotations

import sys
from typing import Any, Protocol

from aks_kms._generated.results import FleetProgress, Progress


class _Display(Protocol):
    def show(self, now: Progress) -> None: ...

    def end(self) -> None: ...


class Bar:
    """Shows each snapshot of one call."""

    def __init__(self) -> None:
        self._display: _Display | None = None

    def __call__(self, now: Progress) -> None:
        if self._display is None:
            self._display = _chosen()
        self._display.show(now)

    def end(self) -> None:
        """The call has ended, perhaps in the middle."""
        if self._display is not None:
            self._display.end()


class FleetBar:
    """Says when a cluster or a wave begins or ends, with how many are done, in a line each: so much is going on at once."""

    def __call__(self, now: FleetProgress) -> None:
        if now.progress is None and sys.stderr is not None:
            begun = now.totals.clusters - now.totals.not_started
            print(f"[{begun}/{now.totals.clusters}] {now.message}", file=sys.stderr, flush=True)

    def end(self) -> None:
        """A line is whole."""


def _chosen() -> _Display:
    if sys.stderr is not None and sys.stderr.isatty():
        for kind in (_Tqdm, _Rich):
            try:
                return kind()
            except ImportError:
                continue
    return _Lines()


class _Lines:
    """A line for each phase: a log is no screen."""

    def __init__(self) -> None:
        self._phase: tuple[int, str] | None = None

    def show(self, now: Progress) -> None:
        phase = (now.step, now.phase)
        if phase != self._phase or now.finished:
            self._phase = phase
            if sys.stderr is not None:
                print(f"[{now.step}/{now.steps}] {now.phase:<9} {now.message}", file=sys.stderr, flush=True)

    def end(self) -> None:
        pass


def _title(now: Progress) -> str:
    return f"[{now.step}/{now.steps}] {now.message}"


class _Tqdm:
    def __init__(self) -> None:
        from tqdm import tqdm

        self._bar: Any = tqdm(total=0, leave=False, unit=" secrets", file=sys.stderr)

    def show(self, now: Progress) -> None:
        self._bar.set_description_str(_title(now), refresh=False)
        self._bar.total, self._bar.n = now.total or 0, now.done
        self._bar.refresh()

    def end(self) -> None:
        self._bar.close()


class _Rich:
    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import Progress as Bars

        self._bars: Any = Bars(console=Console(stderr=True), transient=True)
        self._task = self._bars.add_task("", total=None)
        self._bars.start()

    def show(self, now: Progress) -> None:
        self._bars.update(self._task, description=_title(now), total=now.total, completed=now.done)

    def end(self) -> None:
        # which shows the cursor again
        self._bars.stop()
