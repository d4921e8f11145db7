"""How a call on many clusters runs while its thread waits. What the caller's own functions choose is settled before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from aks_kms import _native
from aks_kms._caller import ended
from aks_kms._cluster import ClusterId
from aks_kms._generated.errors import InvalidInputError
from aks_kms._generated.table import FLEET_VERBS
from aks_kms._settings import (
    Receive,
    check_fleet,
    clusters,
    fleet_report,
    start_fleet,
    start_list,
    told_of_fleet,
)

if TYPE_CHECKING:
    from aks_kms._credential import TokenSource
    from aks_kms._generated.results import ClusterList, ClusterSummary, FleetProgress, FleetReport

T = TypeVar("T")

# What each cluster has: the same for all, by the cluster's resource id, or as a function says, which is called with the
# resource id. A cluster that has none is an error, before anything is done.
PerCluster: TypeAlias = T | Mapping[str, T] | Callable[[str], T | None]


class Chosen:
    """Which clusters there are to choose from, and what chooses."""

    def __init__(
        self,
        settings: Mapping[str, Any],
        filter: Callable[[ClusterSummary], bool] | None,
    ) -> None:
        if filter is not None and not callable(filter):
            raise TypeError(f"filter is {filter!r}; pass a callable, or None")
        named = settings["clusters"]
        if filter is not None and named is not None:
            raise InvalidInputError(
                "filter is of clusters that are found by subscription, and clusters are given; leave out those that it "
                "would, or pass subscriptions"
            )
        self.named: list[str] | None = None
        if named is not None:
            self.named = [one if isinstance(one, str) else str(ClusterId(**one)) for one in named]
        self._filter = filter
        of_list = ("subscriptions", "cloud", "ca_bundle", "api_version", "resource_graph")
        self._listed = {"timeout": None, **{name: settings[name] for name in of_list}}

    def __str__(self) -> str:
        """Which clusters, as an argument of the fleet."""
        if self.named is not None:
            return f"clusters={self.named!r}"
        return f"subscriptions={self._listed['subscriptions']!r}"

    def must_ask(self, functions: Mapping[str, Any]) -> bool:
        """Whether a function of the caller's has something to say."""
        return self._filter is not None or bool(functions)

    def begin(self, source: TokenSource | None) -> Callable[[Receive], _native.Call]:
        """What begins to look for the clusters."""
        return start_list(dict(self._listed), source)

    def among(self, found: ClusterList) -> list[str]:
        """Those that the filter leaves.

        Raises:
            TypeError: the filter gave neither True nor False.
        """
        left: list[str] = []
        for cluster in found:
            chosen: object = True if self._filter is None else self._filter(cluster)
            if not isinstance(chosen, bool):
                # an awaitable would count as true
                raise TypeError(f"filter gave {chosen!r} for cluster {cluster.id}; it gives True or False")
            if chosen:
                left.append(cluster.id)
        return left


def functions_of(verb: str, arguments: Mapping[str, Any]) -> dict[str, Callable[[str], Any]]:
    """The functions that say what each cluster has."""
    own = (argument.name for argument in FLEET_VERBS[verb].arguments if argument.form == "of_each")
    return {name: arguments[name] for name in own if callable(arguments[name])}


def said(functions: Mapping[str, Callable[[str], Any]], chosen: list[str]) -> dict[str, dict[str, Any]]:
    """What they say of these clusters, by argument."""
    return {name: _said(of, chosen) for name, of in functions.items()}


def _said(of: Callable[[str], Any], chosen: list[str]) -> dict[str, Any]:
    each = {cluster: of(cluster) for cluster in chosen}
    return {cluster: value for cluster, value in each.items() if value is not None}


class FleetCaller:
    """Calls verbs on many clusters, and waits for them without the interpreter's lock."""

    _native: _native.Fleet
    _source: TokenSource | None
    _chosen: Chosen

    def _call(
        self,
        verb: str,
        arguments: dict[str, Any],
        on_progress: Callable[[FleetProgress], object] | None = None,
        progress: bool = False,
    ) -> FleetReport:
        shown = told_of_fleet(on_progress, progress)
        only: list[str] | None = None
        functions = functions_of(verb, arguments)
        if self._chosen.must_ask(functions):
            # what is malformed is refused before the clusters are looked for
            check_fleet(self._native, verb, arguments | said(functions, []))
            chosen = self._chosen.named
            if chosen is None:
                found = clusters(ended(self._chosen.begin(self._source), self._source))
                chosen = only = self._chosen.among(found)
            arguments = arguments | said(functions, chosen)

        def begin(receive: Receive) -> _native.Call:
            return start_fleet(self._native, verb, arguments, only, shown is not None, receive)

        return fleet_report(verb, ended(begin, self._source, shown))
