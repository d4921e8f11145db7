"""What managers and fleets are made from, and what they do with a call."""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from aks_kms import _native
from aks_kms._cluster import ClusterId
from aks_kms._error import KmsError, from_document
from aks_kms._generated.table import FLEET_VERBS, FUNCTIONS, VERBS

if TYPE_CHECKING:
    from aks_kms._credential import TokenSource
    from aks_kms._generated.results import ClusterList, FleetProgress, FleetReport, Progress
    from aks_kms._progress import Bar, FleetBar

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

    settings["cluster"] = _cluster(settings["cluster"], "cluster_id")
    _check_texts(settings, besides=("cluster",))
    try:
        return _native.Manager(json.dumps(settings), source)
    except _native.Failure as failure:
        fail(str(failure), None)


def made_fleet(settings: dict[str, Any], source: TokenSource | None) -> _native.Fleet:
    """The native fleet.

    Raises:
        TypeError: a setting is of the wrong type.
        InvalidInputError: a setting is malformed.
    """
    import json

    if settings["clusters"] is not None:
        named = enumerate(_listed(settings["clusters"], "clusters", "resource ids"))
        settings["clusters"] = [_cluster(one, f"clusters[{index}]") for index, one in named]
    if settings["subscriptions"] is not None:
        subscriptions = _listed(settings["subscriptions"], "subscriptions", "their ids")
        for index, one in enumerate(subscriptions):
            if not isinstance(one, str):
                raise TypeError(f"subscriptions[{index}] is {one!r}; pass a string")
        settings["subscriptions"] = subscriptions
    if not isinstance(settings["resource_graph"], bool):
        raise TypeError(f"resource_graph is {settings['resource_graph']!r}; pass True or False")
    _check_texts(settings, besides=("clusters", "subscriptions", "resource_graph"))
    try:
        return _native.Fleet(json.dumps({"journal": "cluster", **settings}), source)
    except _native.Failure as failure:
        fail(str(failure), None)


def _listed(given: Any, name: str, of: str) -> list[Any]:
    if isinstance(given, str | bytes | ClusterId | Mapping) or not isinstance(given, Iterable):
        raise TypeError(f"{name} is {given!r}; pass a list of {of}")
    return list(given)


def _cluster(given: Any, name: str) -> Any:
    if isinstance(given, ClusterId):
        return given._asdict()
    if not isinstance(given, str):
        raise TypeError(f"{name} is {given!r}; pass a resource id or a ClusterId")
    return given


def _check_texts(settings: dict[str, Any], *, besides: tuple[str, ...]) -> None:
    """Each of the others is a string or left out; a path becomes one."""
    for name in ("kubeconfig", "ca_bundle"):
        if settings.get(name) is not None:
            settings[name] = os.fspath(settings[name])
    for name, value in settings.items():
        if name not in besides and value is not None and not isinstance(value, str):
            raise TypeError(f"{name} is {value!r}; pass a string")


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


def check_fleet(fleet: _native.Fleet, verb: str, arguments: dict[str, Any]) -> None:
    """Refuses what the verb would refuse before any request."""
    import json

    try:
        fleet.check(verb, json.dumps(FLEET_VERBS[verb].written(arguments)))
    except _native.Failure as failure:
        fail(str(failure), None)


def start_fleet(
    fleet: _native.Fleet,
    verb: str,
    arguments: dict[str, Any],
    only: list[str] | None,
    has_progress: bool,
    receive: Receive,
) -> _native.Call:
    """Begins a verb on many clusters."""
    import json

    written = json.dumps(FLEET_VERBS[verb].written(arguments))
    return fleet.start(verb, written, only, has_progress, receive, _log_level())


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


def fleet_report(verb: str, payload: str) -> FleetReport:
    """What a verb on many clusters gave."""
    import json

    report: FleetReport = FLEET_VERBS[verb].read(json.loads(payload))
    return report


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

    def __init__(
        self,
        on_progress: Callable[[Any], object] | None,
        bar: Bar | FleetBar | None,
        read: Callable[[Any], Any],
    ) -> None:
        self._receivers = [one for one in (bar, on_progress) if one is not None]
        self._bar = bar
        self._read = read

    def tell(self, payload: str) -> None:
        """Tells of it. What a receiver raises is reported and stops nothing, unless it is to stop the program."""
        import json

        now = self._read(json.loads(payload))
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
    _check_receiver(on_progress)
    if on_progress is None and not progress:
        return None
    from aks_kms._generated.results import Progress
    from aks_kms._progress import Bar

    return Told(on_progress, Bar() if progress else None, Progress.from_dict)


def told_of_fleet(on_progress: Callable[[FleetProgress], object] | None, progress: bool) -> Told | None:
    """The same, of many clusters."""
    _check_receiver(on_progress)
    if on_progress is None and not progress:
        return None
    from aks_kms._generated.results import FleetProgress
    from aks_kms._progress import FleetBar

    return Told(on_progress, FleetBar() if progress else None, FleetProgress.from_dict)


def _check_receiver(on_progress: Any) -> None:
    if on_progress is not None and not callable(on_progress):
        raise TypeError(f"on_progress is {on_progress!r}; pass a callable, or progress=True")
