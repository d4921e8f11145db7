"""`aks-kms fleet`: one verb on many clusters."""

from __future__ import annotations

import argparse
import re
import sys
from fnmatch import fnmatchcase
from typing import Any

from aks_kms import ClusterSummary, CustomerManagedKey, Fleet, FleetReport, FleetTotals, InvalidInputError
from aks_kms._cli.files import json_object, unquoted
from aks_kms._cli.options import Parser, add_access, add_argument, command
from aks_kms._cli.report import checked, write_report
from aks_kms._cli.terminal import print_json, show, usage
from aks_kms._generated.table import FLEET_VERBS
from aks_kms._verb import Verb

# What the command line spells its own way.
OWN = ("waves", "key_ids", "key_sources", "dry_run")


def add_fleet(commands: argparse._SubParsersAction[Parser]) -> None:
    """The commands of a fleet."""
    about = "One verb on many clusters, wave by wave; the same command again goes on."
    fleet = commands.add_parser("fleet", help=about, description=about)
    verbs = fleet.add_subparsers(dest="of_fleet", required=True, metavar="VERB")
    for verb in FLEET_VERBS.values():
        added = verbs.add_parser(command(verb), help=verb.summary, description=verb.summary)
        added.set_defaults(verb=verb, is_fleet=True, is_plan=False)
        _add_own(added, verb)
        for argument in verb.arguments:
            if argument.name not in OWN:
                add_argument(added, argument, False)
        added.add_argument(
            "--json", action="store_true", help="Print the result as one JSON document, and nothing else."
        )
        added.add_argument(
            "--report",
            metavar="FILE",
            help="Write the report for auditors to this file, too: as HTML if its name ends with .html, as Markdown if "
            "with .md.",
        )
        if verb.writes:
            added.add_argument(
                "--yes", action="store_true", help="Do it without showing the plan and asking."
            )
        _add_clusters(added)
        access = added.add_argument_group("access")
        add_access(access, "cloud")
        access.add_argument(
            "--kubernetes",
            choices=["cluster-user", "cluster-admin"],
            help="Which credential of each cluster Azure gives. Default: cluster-user.",
        )
        access.add_argument(
            "--state-namespace", metavar="NAME", help="Where each has its record. Default: kube-system."
        )
        add_access(access, "ca_bundle")
        add_access(access, "api_version")


def _add_own(added: argparse.ArgumentParser, verb: Verb) -> None:
    for argument in verb.arguments:
        about = argument.about.replace("%", "%%")
        if argument.name == "waves":
            added.add_argument("--wave", type=waves, metavar="NUMBER,…", help=about)
        elif argument.name in ("key_ids", "key_sources"):
            either = added.add_mutually_exclusive_group(required=True)
            if argument.name == "key_sources":
                either.add_argument(
                    "--platform-managed", action="store_true", help="With a key of the platform's."
                )
            else:
                either.add_argument(
                    "--key",
                    action="append",
                    metavar="CLUSTER=KEY",
                    help="The key of a cluster, by the cluster's resource id; for each cluster once.",
                )
            either.add_argument(
                "--keys",
                metavar="FILE",
                help="A file of JSON: an object with the key of each cluster by its resource id. -: standard input.",
            )
        elif argument.name == "dry_run":
            added.add_argument("--dry-run", action="store_true", help=about)


def _add_clusters(added: argparse.ArgumentParser) -> None:
    clusters = added.add_argument_group(
        "clusters",
        "By their resource ids, or those that are found in subscriptions. Default: all that are seen.",
    )
    clusters.add_argument(
        "--cluster", nargs="+", action="extend", metavar="ID", help="Resource ids, in order."
    )
    clusters.add_argument("--subscription", nargs="+", action="extend", metavar="ID", help="Subscriptions.")
    clusters.add_argument("--location", metavar="NAME", help="Only those that are found in this region.")
    clusters.add_argument(
        "--resource-group", "-g", metavar="PATTERN", help="Only those in such groups: shop-*."
    )
    clusters.add_argument("--name", "-n", metavar="PATTERN", help="Only those of such names: prod-*.")
    clusters.add_argument(
        "--resource-graph",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="Ask Resource Graph first, which can be minutes behind. Default: yes.",
    )


def waves(text: str) -> list[int]:
    """Numbers of `1,10,100`."""
    if not re.fullmatch(r"\d+(,\d+)*", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no list of numbers such as 1,10,100")
    numbers = [int(number) for number in text.split(",")]
    if 0 in numbers:
        raise argparse.ArgumentTypeError(f"{text!r} has a wave of no cluster; pass numbers such as 1,10,100")
    return numbers


def run_fleet(asked: argparse.Namespace, arguments: dict[str, Any]) -> int:
    """Calls a verb on the clusters, after asking where it writes; gives the exit code."""
    verb: Verb = asked.verb
    values = {name: value for name, value in arguments.items() if name not in OWN} | own_values(asked)
    if (problem := checked(asked.report)) is not None:
        usage(problem)
    made = fleet(asked)
    if (
        verb.writes
        and not asked.dry_run
        and not asked.yes
        and (code := confirmed(made, verb, values)) is not None
    ):
        return code
    report = call(made, verb, {**values, "dry_run": asked.dry_run, "progress": True})
    if not write_report(asked.report, report):
        return 1
    if asked.json:
        print_json(report.to_dict())
    else:
        show(str(report))
    return exit_code(report)


def confirmed(made: Fleet, verb: Verb, values: dict[str, Any]) -> int | None:
    """Shows what would be done and asks; None: go on, else the exit code."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        print("aks-kms fleet writes: pass --yes, or see first what --dry-run says", file=sys.stderr)
        return 2
    planned = call(made, verb, {**values, "dry_run": True, "progress": True})
    show(str(planned), sys.stderr)
    if planned.totals.planned == 0:
        return exit_code(planned)
    print(f"{verb.summary} Go on? [y/N] ", end="", file=sys.stderr, flush=True)
    return None if sys.stdin.readline().strip().lower() in ("y", "yes") else 1


def own_values(asked: argparse.Namespace) -> dict[str, Any]:
    """What the command line spells its own way."""
    values: dict[str, Any] = {}
    if asked.wave is not None:
        values["waves"] = asked.wave
    if asked.verb.name == "enable":
        values["key_ids"] = key_ids(asked.keys) if asked.key is None else keys_of(asked.key)
    if asked.verb.name == "set_data_encryption":
        values["key_sources"] = "platform-managed" if asked.platform_managed else key_sources(asked.keys)
    return values


def keys_of(pairs: list[str]) -> dict[str, str]:
    """Keys by cluster, of `CLUSTER=KEY`."""
    keys: dict[str, str] = {}
    for pair in pairs:
        cluster, equals, key = pair.partition("=")
        if not equals or not cluster.startswith("/"):
            usage(f"--key {pair} is not CLUSTER=KEY, with the cluster's resource id")
        if cluster.lower() in map(str.lower, keys):
            usage(f"--key names {cluster} twice")
        keys[cluster] = unquoted(key)
    return keys


def keys_of_file(path: str) -> dict[str, Any]:
    """Keys by cluster, of a file of JSON."""
    found = json_object(f"--keys {path}", path)
    for name in found:
        if not name.startswith("/"):
            usage(f"--keys {path} has the name {name!r}; pass the key of each cluster by its resource id")
    return found


def key_ids(path: str) -> dict[str, str]:
    """The same of keys with their version."""
    found = keys_of_file(path)
    for cluster, key in found.items():
        if not isinstance(key, str):
            usage(f"--keys {path} has no id of a key for {cluster}")
    return found


def key_sources(path: str) -> dict[str, Any]:
    """The same of keys of KMS data encryption: `platform-managed`, or an object as in JSON."""
    found = keys_of_file(path)
    try:
        return {
            cluster: key if isinstance(key, str) else CustomerManagedKey.from_dict(key)
            for cluster, key in found.items()
        }
    except (TypeError, ValueError) as problem:
        usage(f"--keys {path}: {problem}")


def fleet(asked: argparse.Namespace) -> Fleet:
    """The fleet that is named."""
    filters = (asked.location, asked.resource_group, asked.name)
    if asked.cluster is not None and any(one is not None for one in filters):
        usage(
            "--location, --resource-group and --name choose from clusters that are found: leave out --cluster"
        )

    def chosen(cluster: ClusterSummary) -> bool:
        *_, group, _, _, _, name = cluster.id.split("/")
        of_name = ((asked.resource_group, group), (asked.name, name))
        location = asked.location is None or plain(cluster.location) == plain(asked.location)
        return location and all(
            pattern is None or fnmatchcase(text.lower(), pattern.lower()) for pattern, text in of_name
        )

    try:
        return Fleet(
            asked.cluster,
            asked.subscription,
            filter=chosen if any(one is not None for one in filters) else None,
            cloud=asked.cloud,
            kubernetes=asked.kubernetes,
            state_namespace=asked.state_namespace,
            ca_bundle=asked.ca_bundle,
            api_version=asked.api_version,
            resource_graph=asked.resource_graph,
        )
    except InvalidInputError as problem:
        usage(str(problem))


def plain(location: str) -> str:
    """West Europe is westeurope."""
    return location.replace(" ", "").lower()


def call(made: Fleet, verb: Verb, values: dict[str, Any]) -> FleetReport:
    """Calls a verb by its name."""
    report: FleetReport = getattr(made, verb.name)(**values)
    return report


def exit_code(report: FleetReport) -> int:
    """0: nothing is left, or the dry run found nothing against it; else what is."""
    return what_is_left(report.totals, is_all_read=not report.unreadable)


def what_is_left(totals: FleetTotals, *, is_all_read: bool) -> int:
    """The same, of how many clusters ended how."""
    if totals.unfinished > 0:
        return 4
    if totals.clusters == 0:
        return 3
    if totals.planned + totals.not_due + totals.done == totals.clusters and is_all_read:
        return 0
    # those that come after a refused one are not begun
    is_refused = totals.refused > 0 and totals.refused + totals.not_started == totals.clusters
    return 2 if is_refused and is_all_read else 3
