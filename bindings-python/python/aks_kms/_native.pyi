from collections.abc import Callable
from typing import final

__all__ = [
    "Call",
    "Failure",
    "Fleet",
    "Manager",
    "Reply",
    "__version__",
    "_end",
    "_report",
    "_scale_time",
    "is_fleet_complete",
    "is_proven",
    "is_provision_refused",
    "is_refused",
    "list_clusters",
    "rules",
    "shown",
    "to_html",
    "to_markdown",
]

__version__: str

class Failure(Exception): ...

@final
class Call:
    def cancel(self) -> None: ...

@final
class Reply:
    def token(self, token: str, expires_on: int) -> None: ...
    def failed(self, why: str) -> None: ...

@final
class Manager:
    def __new__(cls, settings: str, token_source: Callable[[list[str], Reply], object] | None) -> Manager: ...
    @property
    def cluster_id(self) -> str: ...
    def start(
        self,
        verb: str,
        arguments: str,
        progress: bool,
        receiver: Callable[[tuple[str, str]], object],
        log_level: int,
    ) -> Call: ...

@final
class Fleet:
    def __new__(cls, settings: str, token_source: Callable[[list[str], Reply], object] | None) -> Fleet: ...
    def check(self, verb: str, arguments: str) -> None: ...
    def start(
        self,
        verb: str,
        arguments: str,
        only: list[str] | None,
        progress: bool,
        receiver: Callable[[tuple[str, str]], object],
        log_level: int,
    ) -> Call: ...

def rules() -> str: ...
def is_fleet_complete(report: str) -> bool: ...
def is_proven(report: str) -> bool: ...
def is_refused(report: str) -> bool: ...
def is_provision_refused(provisioned: str) -> bool: ...
def list_clusters(
    arguments: str,
    token_source: Callable[[list[str], Reply], object] | None,
    receiver: Callable[[tuple[str, str]], object],
    log_level: int,
) -> Call: ...
def shown(kind: str, value: str) -> str: ...
def to_html(report: str) -> str: ...
def to_markdown(report: str) -> str: ...
def _end() -> None: ...
def _report(problem: BaseException, callback: object) -> None: ...
def _scale_time(factor: float) -> None: ...
