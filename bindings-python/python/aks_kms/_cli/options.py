"""Options that several commands have."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable
from inspect import signature
from typing import NoReturn

from aks_kms import ActionKind
from aks_kms._generated.results import Action
from aks_kms._generated.table import VERBS
from aks_kms._verb import Argument, Verb

# Commands that are not called as their verb is.
NAMES = {
    "verify_secrets": "verify",
    "check_action": "check",
    "reencrypt_secrets": "reencrypt",
    "list_clusters": "list",
}
# How Azure is reached: what is shown for a value, the default, and what is said of it.
ACCESS = {
    "cloud": (
        "CLOUD",
        "public",
        "public, us-government, china, or the https address of a Resource Manager. Default: public.",
    ),
    "ca_bundle": ("FILE", None, "Certificate authorities in PEM, for Azure."),
    "api_version": ("VERSION", None, "The api-version of managed clusters."),
}
# How a rewrite is made, for verbs that end with one.
REWRITE = {argument.name: argument for argument in VERBS["reencrypt_secrets"].arguments}
UNITS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0}
AGE = "Such as 365d, 12h or 90m."
DURATION = "Such as 2h, 30m or 90s; without a unit in seconds."


class Parser(argparse.ArgumentParser):
    """Says what is wrong, and where the rest is to be read: the usage of a command is longer than a screen."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n`{self.prog} --help` says what it takes\n")


def command(verb: Verb) -> str:
    """What a verb is called here."""
    return NAMES.get(verb.name, verb.name).replace("_", "-")


def add_argument(added: argparse.ArgumentParser, argument: Argument, is_plan: bool) -> None:
    """Adds the option of an argument."""
    option = spelled(argument.name)
    about = argument.about.replace("%", "%%")
    choices = words(argument.choices) if argument.choices is not None else None
    if argument.name == "action":
        added.add_argument(
            "kind", choices=words(ActionKind), metavar="ACTION", help=f"One of {', '.join(ActionKind)}."
        )
        for name in (name for name in Action._fields if name != "kind"):
            kinds = ", ".join(kind for kind in ActionKind if name in action_needs(kind))
            added.add_argument(spelled(name), metavar="VALUE", help=f"Needed for {kinds}.")
    elif argument.form == "mapping":
        about += " A file of JSON; -: standard input."
        added.add_argument(option, required=argument.is_required, metavar="FILE", help=about)
    elif argument.is_positional:
        many = None if argument.is_required else "?"
        added.add_argument(argument.name, nargs=many, choices=choices, help=about)
    elif argument.form == "rewrite":
        added.add_argument("--no-reencrypt", action="store_true", help="Leave secrets as they are.")
        for name in ("pace", "max_concurrency", "max_requests_per_second"):
            add_argument(added, REWRITE[name], is_plan)
    elif argument.name == "dry_run":
        if not is_plan:
            added.add_argument(option, action="store_true", help=about)
    elif argument.form == "boolean" and argument.default is not False:
        # what may be left open, or is so without being asked for
        added.add_argument(option, action=argparse.BooleanOptionalAction, default=None, help=about)
    elif argument.form == "boolean":
        added.add_argument(option, action="store_true", help=about)
    elif argument.name == "when_older_than":
        added.add_argument(
            "--older-than",
            option,
            dest=argument.name,
            type=age,
            required=argument.is_required,
            metavar="AGE",
            help=f"{about} {AGE}",
        )
    elif argument.form == "seconds":
        added.add_argument(
            option,
            type=duration,
            metavar="DURATION",
            help=f"{about.replace(', in seconds', '')} {DURATION}",
        )
    elif argument.form == "texts":
        if argument.name == "allow":
            about += " `aks-kms rules` lists them."
        added.add_argument(option, nargs="+", action="extend", metavar="NAME", help=about)
    else:
        is_number = argument.form == "integer"
        metavar = "NUMBER" if is_number else "VALUE" if choices is None else None
        added.add_argument(
            option, type=whole if is_number else str, choices=choices, metavar=metavar, help=about
        )


def add_access(added: argparse._ArgumentGroup, name: str) -> None:
    """Adds an option of how Azure is reached."""
    metavar, default, about = ACCESS[name]
    added.add_argument(spelled(name), metavar=metavar, default=default, help=about)


def spelled(name: str) -> str:
    """The option of an argument."""
    return "--" + name.replace("_", "-")


def words(choices: Iterable[str]) -> list[str]:
    """Choices as they are typed: an error shows them as Python writes them."""
    return [str(choice) for choice in choices]


def action_needs(kind: str) -> tuple[str, ...]:
    """What an action has to name."""
    return tuple(signature(getattr(Action, kind.replace("-", "_"))).parameters)


def whole(text: str) -> int:
    """A whole number."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number") from None


def age(text: str) -> float:
    """Seconds of `365d`. A number alone is refused: who means days would have every key changed."""
    seconds = timed(text)
    if seconds is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no age with a unit; pass one such as 365d, 12h or 90m")
    return seconds


def duration(text: str) -> float:
    """Seconds of `30m`, or of a number alone."""
    seconds = timed(text if text[-1:].isalpha() else f"{text}s")
    if seconds is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no time; pass one such as 2h, 30m, 90s, or seconds")
    return seconds


def timed(text: str) -> float | None:
    """Seconds of a number with a unit."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([dhms])", text)
    return None if found is None else float(found[1]) * UNITS[found[2]]
