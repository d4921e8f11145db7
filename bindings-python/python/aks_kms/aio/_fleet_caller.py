"""How a call on many clusters runs while its task waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aks_kms import _native
from aks_kms._fleet_caller import Chosen, functions_of, said
from aks_kms._settings import Receive, check_fleet, clusters, fleet_report, start_fleet, told_of_fleet
from aks_kms.aio._caller import ended

if TYPE_CHECKING:
    from aks_kms._credential import TokenSource
    from aks_kms._generated.results import FleetProgress, FleetReport


class AsyncFleetCaller:
    """Calls verbs on many clusters, and awaits them. Cancelling the task drops the work."""

    _native: _native.Fleet
    _source: TokenSource | None
    _chosen: Chosen
    _loop: asyncio.AbstractEventLoop | None

    async def _call(
        self,
        verb: str,
        arguments: dict[str, Any],
        on_progress: Callable[[FleetProgress], object] | None = None,
        progress: bool = False,
    ) -> FleetReport:
        shown = told_of_fleet(on_progress, progress)
        # an async credential is awaited on the loop that calls
        self._loop = asyncio.get_running_loop()
        only: list[str] | None = None
        functions = functions_of(verb, arguments)
        if self._chosen.must_ask(functions):
            # what is malformed is refused before the clusters are looked for
            check_fleet(self._native, verb, arguments | said(functions, []))
            chosen = self._chosen.named
            if chosen is None:
                found = clusters(await ended(self._chosen.begin(self._source), self._source))
                chosen = only = self._chosen.among(found)
            arguments = arguments | said(functions, chosen)

        def begin(receive: Receive) -> _native.Call:
            return start_fleet(self._native, verb, arguments, only, shown is not None, receive)

        return fleet_report(verb, await ended(begin, self._source, shown))

    def _current_loop(self) -> asyncio.AbstractEventLoop:
        assert self._loop is not None, "a call has begun"
        return self._loop
