"""What both managers are made from, and what both do with a call."""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from aks_kms import _native
from aks_kms._cluster import ClusterId
from aks_kms._error import KmsError, from_document
from aks_kms._generated.table import FUNCTIONS, VERBS

if TYPE_CHECKING:
    from aks_kms._credential import TokenSource
    from aks_kms._generated.results import ClusterList, Progress
    from aks_kms._progress import Bar

# Takes what the native module tells of a call.
Receive = Callable[[tuple[str, str]], object]
OFF = 255

# a thread that Python did not make must not be in the interpreter when it ends
atexit.register(_native._end)


def made(settings: dict[str, Any], source: TokenSource | None) -> _native.Manager:
    """The native manager.

    Raises:
        TypeError: a setting is of the wrong type.
        InvalidInputError: a setting is malformed.
    """
    import json

    cluster = settings["cluster"]
    if isinstance(cluster, ClusterId):
        settings["cluster"] = cluster._asdict()
    elif not isinstance(cluster, str):
        raise TypeError(f"cluster_id is {cluster!r}; pass a resource id or a ClusterId")
    for name in ("kubeconfig", "ca_bundle"):
        if settings[name] is not None:
            settings[name] = os.fspath(settings[name])
    for name, value in settings.items():
        if name != "cluster" and value is not None and not isinstance(value, str):
            raise TypeError(f"{name} is {value!r}; pass a string")
    try:
        return _native.Manager(json.dumps(settings), source)
    except _native.Failure as failure:
        fail(str(failure), None)


def start(
    manager: _native.Manager,
    verb: str,
    arguments: dict[str, Any],
    has_progress: bool,
    receive: Receive,
) -> _native.Call:
    """Begins a verb."""
    import json

    written = json.dumps(VERBS[verb].written(arguments))
    return manager.start(verb, written, has_progress, receive, _log_level())


def start_list(arguments: dict[str, Any], source: TokenSource | None) -> Callable[[Receive], _native.Call]:
    """What begins `list_clusters`.

    Raises:
        TypeError: an argument is of the wrong type.
    """
    import json

    if arguments["ca_bundle"] is not None:
        arguments["ca_bundle"] = os.fspath(arguments["ca_bundle"])
    written = json.dumps(FUNCTIONS["list_clusters"].written(arguments))

    def begin(receive: Receive) -> _native.Call:
        try:
            return _native.list_clusters(written, source, receive, _log_level())
        except _native.Failure as failure:
            fail(str(failure), None)

    return begin


def _log_level() -> int:
    """What is wanted of logs: nothing where the program does not use `logging`."""
    logging = sys.modules.get("logging")
    if logging is None:
        return OFF
    level: int = logging.getLogger("aks_kms").getEffectiveLevel()
    return min(level, OFF)


def result(verb: str, payload: str) -> Any:
    """What a verb gave."""
    import json

    return VERBS[verb].read(json.loads(payload))


def clusters(payload: str) -> ClusterList:
    """What `list_clusters` gave."""
    import json

    found: ClusterList = FUNCTIONS["list_clusters"].read(json.loads(payload))
    return found


def fail(payload: str, source: TokenSource | None) -> NoReturn:
    """Raises the error that a call ended with; what a credential raised is its cause.

    Raises:
        KmsError: always.
    """
    import json

    error: KmsError = from_document(json.loads(payload))
    cause = source.failure if source is not None and error.code == "unauthenticated" else None
    raise error from cause


class Told:
    """Who is told of a call's progress: a callable, a bar, or both."""

    def __init__(self, on_progress: Callable[[Progress], object] | None, bar: Bar | None) -> None:
        self._receivers = [one for one in (bar, on_progress) if one is not None]
        self._bar = bar

    def tell(self, payload: str) -> None:
        """Tells of it. What a receiver raises is reported and stops nothing, unless it is to stop the program."""
        import json

        from aks_kms._generated.results import Progress

        now = Progress.from_dict(json.loads(payload))
        for receiver in self._receivers:
            try:
                receiver(now)
            except Exception as problem:
                _native._report(problem, receiver)

    def end(self) -> None:
        """The call has ended, however: a bar leaves the terminal as it was."""
        if self._bar is not None:
            self._bar.end()


def told(on_progress: Callable[[Progress], object] | None, progress: bool) -> Told | None:
    """Who is told of progress; None: nobody.

    Raises:
        TypeError: `on_progress` cannot be called.
    """
    if on_progress is not None and not callable(on_progress):
        raise TypeError(f"on_progress is {on_progress!r}; pass a callable, or progress=True")
    if not progress:
        return None if on_progress is None else Told(on_progress, None)
    from aks_kms._progress import Bar

    return Told(on_progress, Bar())
