"""Tokens of any credential of azure-identity, or of anything that is like one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import asyncio

    from aks_kms import _native


class _Token(Protocol):
    @property
    def token(self) -> str: ...
    @property
    def expires_on(self) -> int: ...


class GetsToken(Protocol):
    """What has `get_token`: every credential of azure-identity, sync or async."""

    def get_token(self, *scopes: str, **options: Any) -> Any:
        """Gives a token, or what can be awaited for one."""


class GetsTokenInfo(Protocol):
    """What has `get_token_info`, as newer credentials of azure-identity have."""

    def get_token_info(self, *scopes: str, options: Any = None) -> Any:
        """Gives a token, or what can be awaited for one."""


Credential = GetsToken | GetsTokenInfo


class TokenSource:
    """Asks a credential for tokens, and keeps what it raised for the caller.

    It asks on a thread for that. What an async credential gives is awaited on the event loop that `loop` names.
    """

    def __init__(self, credential: Credential, loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
        ask = getattr(credential, "get_token_info", None) or getattr(credential, "get_token", None)
        if not callable(ask):
            raise TypeError(
                f"credential is of type {type(credential).__name__}, which has no get_token; pass one of azure-identity, "
                "or None"
            )
        self._ask = ask
        self._loop = loop
        self.failure: BaseException | None = None

    def __call__(self, scopes: list[str], reply: _native.Reply) -> None:
        """Begins to get a token, which is answered later."""
        # of Python's own, which the end of the interpreter can leave as it is
        threading.Thread(target=self._answer, args=(scopes, reply), name="aks-kms-token", daemon=True).start()

    def _answer(self, scopes: list[str], reply: _native.Reply) -> None:
        try:
            token: Any = self._ask(*scopes)
            if hasattr(token, "__await__"):
                import asyncio

                token = asyncio.run_coroutine_threadsafe(_awaited(token), self._loop()).result()
            reply.token(str(token.token), int(token.expires_on))
            self.failure = None
        except BaseException as failure:
            self.failure = failure
            reply.failed(f"{type(failure).__name__}: {failure}")


async def _awaited(token: Any) -> _Token:
    found: _Token = await token
    return found


class _Loop:
    """An event loop on a thread of its own, for async credentials where nobody else has one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._process = 0

    def __call__(self) -> asyncio.AbstractEventLoop:
        import asyncio
        import os

        with self._lock:
            # a child made by fork has no thread of its parent
            if self._loop is None or self._process != os.getpid():
                self._loop, self._process = asyncio.new_event_loop(), os.getpid()
                threading.Thread(
                    target=self._loop.run_forever, name="aks-kms-credential", daemon=True
                ).start()
            return self._loop


own_loop = _Loop()
