"""Options that several commands have."""

from __future__ import annotations

import argparse
import re

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
UNITS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "": 1.0}
AGE = "Such as 365d, 12h, 90m; without a unit in seconds"


def command(verb: Verb) -> str:
    """What a verb is called here."""
    return NAMES.get(verb.name, verb.name).replace("_", "-")


def add_argument(added: argparse.ArgumentParser, argument: Argument, is_plan: bool) -> None:
    """Adds the option of an argument."""
    option = "--" + argument.name.replace("_", "-")
    about = argument.about.replace("%", "%%")
    choices = list(argument.choices) if argument.choices is not None else None
    if argument.name == "action":
        added.add_argument(
            "kind", choices=list(ActionKind), metavar="ACTION", help=f"One of {', '.join(ActionKind)}."
        )
        for name in Action._fields:
            if name != "kind":
                added.add_argument("--" + name.replace("_", "-"), metavar="VALUE")
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
            help=f"{about} {AGE}.",
        )
    elif argument.form == "texts":
        added.add_argument(option, nargs="+", action="extend", metavar="NAME", help=about)
    else:
        kind = {"integer": int, "seconds": float}.get(argument.form, str)
        metavar = {"integer": "NUMBER", "seconds": "SECONDS"}.get(argument.form)
        if choices is None and metavar is None:
            metavar = "VALUE"
        added.add_argument(option, type=kind, choices=choices, metavar=metavar, help=about)


def add_access(added: argparse._ArgumentGroup, name: str) -> None:
    """Adds an option of how Azure is reached."""
    metavar, default, about = ACCESS[name]
    added.add_argument("--" + name.replace("_", "-"), metavar=metavar, default=default, help=about)


def age(text: str) -> float:
    """Seconds of `365d`."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([dhms]?)", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no age; pass one like 365d, 12h, 90m, or seconds")
    return float(found[1]) * UNITS[found[2]]
