"""The command line `aks-kms`. It has no logic of its own: each command is a verb of the library."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Sequence

from aks_kms._cli.arguments import parser
from aks_kms._cli.run import run


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command.

    Returns:
        0 done; 1 another error; 2 refused by rules, or wrong usage; 3 some secrets are blocked or failed, or not all
        clusters are done or could be listed, or none was found; 4 a conflict, or an unfinished operation; 130 interrupted.
    """
    asked = parser().parse_args(arguments)
    try:
        return run(asked)
    except KeyboardInterrupt:
        print(interrupted(asked), file=sys.stderr)
        return 130
    except BrokenPipeError:
        # whoever reads has seen enough: nothing is to be written at exit either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def interrupted(asked: Namespace) -> str:
    """What an interrupted command says."""
    if asked.verb is None or not asked.verb.writes or asked.is_plan:
        return "interrupted: nothing is left to go on with"
    if asked.verb.name in ("provision", "create_cluster") or asked.is_fleet:
        return "interrupted: the same command again goes on with what was begun"
    return "interrupted: `aks-kms resume` goes on with what was begun"
