"""What is awaited and no verb: made from its twin that blocks, so that arguments and their documentation are there once."""

from pathlib import Path

# What is different in it: each is in the twin, once.
MANAGER = [
    ("whose calls block.", "whose calls are awaited."),
    ("_generated.sync_verbs", "_generated.aio_verbs"),
    (
        """by several threads at once, and by
    processes that are forked from this one. Calls release the interpreter's lock.
""",
        """by several tasks at once.
""",
    ),
    (
        """    Ctrl-C ends a call at once with `KeyboardInterrupt`. What it had begun is recorded in the cluster: `resume`, or the same
    call again, goes on with it from any machine.
""",
        """    Cancelling the task ends a call at once. What it had begun is recorded in the cluster: `resume`, or the same call again,
    goes on with it from any machine. Sync credentials are asked on a thread, async ones on the event loop.
""",
    ),
    ("from azure.identity import", "from azure.identity.aio import"),
    ("print(manager.status())", "print(await manager.status())"),
    ("        self._source = None\n", "        self._source = None\n        self._loop = None\n"),
    ("import TokenSource, own_loop", "import TokenSource"),
    ("TokenSource(credential, own_loop)", "TokenSource(credential, self._current_loop)"),
    ("def close(", "async def close("),
    ("def __enter__(", "async def __aenter__("),
    ("def __exit__(", "async def __aexit__("),
    ("        self.close()\n", "        await self.close()\n"),
]
LIST = [
    ("by a call that blocks.", "by a call that is awaited."),
    ("import os\n", "import asyncio\nimport os\n"),
    ("aks_kms._caller", "aks_kms.aio._caller"),
    ("def list_clusters(", "async def list_clusters("),
    ("print(list_clusters())", "print(await list_clusters())"),
    ("import TokenSource, own_loop", "import TokenSource"),
    (
        "        source = TokenSource(credential, own_loop)\n",
        """        loop = asyncio.get_running_loop()
        source = TokenSource(credential, lambda: loop)
""",
    ),
    ("clusters(ended(", "clusters(await ended("),
]


FLEET = [
    ("by calls that block.", "by calls that are awaited."),
    ("_generated.sync_fleet", "_generated.aio_fleet"),
    (
        """    Ctrl-C ends a call at once with `KeyboardInterrupt`. What it had begun is recorded in each cluster: the same call again
    goes on with it, from any machine.
""",
        """    Cancelling the task ends a call at once. What it had begun is recorded in each cluster: the same call again goes on with
    it, from any machine. Sync credentials are asked on a thread, async ones on the event loop.
""",
    ),
    ("from azure.identity import", "from azure.identity.aio import"),
    ("print(fleet.rotate(", "print(await fleet.rotate("),
    ("        self._source = None\n", "        self._source = None\n        self._loop = None\n"),
    ("import TokenSource, own_loop", "import TokenSource"),
    ("TokenSource(credential, own_loop)", "TokenSource(credential, self._current_loop)"),
]


def awaited(package: Path) -> dict[str, str]:
    """The files, by their names."""
    return {
        "_manager.py": _made(package / "_manager.py", MANAGER),
        "_list.py": _made(package / "_list.py", LIST),
        "_fleet.py": _made(package / "_fleet.py", FLEET),
    }


def _made(twin: Path, differences: list[tuple[str, str]]) -> str:
    text = twin.read_text()
    for blocking, awaited in differences:
        if text.count(blocking) != 1:
            raise SystemExit(
                f"{twin.name} has {blocking!r} {text.count(blocking)} times; see generator/aio.py"
            )
        text = text.replace(blocking, awaited)
    about, rest = text.removeprefix('"""').split('"""', 1)
    made = f"Generated from {twin.name} by `bindings-python/generate`: change it there."
    return f'"""{about}\n\n{made}\n"""{rest}'
