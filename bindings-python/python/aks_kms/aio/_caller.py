"""How a call runs while its task waits."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aks_kms import _native
from aks_kms._settings import Receive, Told, fail, result, start, told

if TYPE_CHECKING:
    from aks_kms._credential import TokenSource
    from aks_kms._generated.results import Progress


class AsyncCaller:
    """Calls verbs, and awaits them. Cancelling the task drops the work."""

    _native: _native.Manager
    _source: TokenSource | None
    _loop: asyncio.AbstractEventLoop | None

    async def _call(
        self,
        verb: str,
        arguments: dict[str, Any],
        on_progress: Callable[[Progress], object] | None = None,
        progress: bool = False,
    ) -> Any:
        shown = told(on_progress, progress)
        # an async credential is awaited on the loop that calls
        self._loop = asyncio.get_running_loop()

        def begin(receive: Receive) -> _native.Call:
            return start(self._native, verb, arguments, shown is not None, receive)

        return result(verb, await ended(begin, self._source, shown))

    def _current_loop(self) -> asyncio.AbstractEventLoop:
        assert self._loop is not None, "a call has begun"
        return self._loop


async def ended(
    begin: Callable[[Receive], _native.Call],
    source: TokenSource | None,
    shown: Told | None = None,
) -> str:
    """Begins a call, and awaits what it gives.

    This is all that lies between the library's runtime and asyncio: a message to the loop for each snapshot and for the
    result. Crates that bridge the two map futures one by one, and none is for the PyO3 that is used here.
    """
    loop = asyncio.get_running_loop()
    inbox: asyncio.Queue[tuple[str, str]] = asyncio.Queue()

    def receive(message: tuple[str, str]) -> None:
        # a loop that is closed waits for nothing
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(inbox.put_nowait, message)

    call = begin(receive)
    try:
        while True:
            kind, payload = await inbox.get()
            if kind == "progress" and shown is not None:
                shown.tell(payload)
            elif kind == "done":
                return payload
            elif kind == "failed":
                fail(payload, source)
    except BaseException:
        call.cancel()
        raise
    finally:
        if shown is not None:
            shown.end()
