"""How a call runs while its thread waits."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aks_kms import _native
from aks_kms._settings import Receive, Told, fail, result, start, told

if TYPE_CHECKING:
    from aks_kms._credential import TokenSource
    from aks_kms._generated.results import Progress


class Caller:
    """Calls verbs, and waits for them without the interpreter's lock."""

    _native: _native.Manager
    _source: TokenSource | None

    def _call(
        self,
        verb: str,
        arguments: dict[str, Any],
        on_progress: Callable[[Progress], object] | None = None,
        progress: bool = False,
    ) -> Any:
        shown = told(on_progress, progress)

        def begin(receive: Receive) -> _native.Call:
            return start(self._native, verb, arguments, shown is not None, receive)

        return result(verb, ended(begin, self._source, shown))


def ended(
    begin: Callable[[Receive], _native.Call],
    source: TokenSource | None,
    shown: Told | None = None,
) -> str:
    """Begins a call, and waits for what it gives."""
    from queue import SimpleQueue

    inbox: SimpleQueue[tuple[str, str]] = SimpleQueue()
    call = begin(inbox.put)
    try:
        while True:
            # a signal interrupts this
            kind, payload = inbox.get()
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
