"""What the command line takes: a command for each verb, its arguments from the table of verbs."""

from __future__ import annotations

import argparse

from aks_kms import NetworkMode, OperationReport, __version__
from aks_kms._cli.fleet import add_fleet
from aks_kms._cli.options import ACCESS, Parser, add_access, add_argument, command, words
from aks_kms._generated.table import FUNCTIONS, VERBS
from aks_kms._verb import Verb

EXIT_CODES = """exit codes:
  0  done
  1  another error
  2  refused by rules, or wrong usage; of many clusters: each one that was begun was refused
  3  some secrets are blocked or failed, or not all clusters are done or could be listed, or none was found
  4  a conflict, or an unfinished operation
  130  interrupted; `aks-kms resume`, or the same command again, goes on

Without credentials of its own it signs in as the pod's workload identity, the machine's managed identity, or as
`az login` did, whichever comes first.
"""


def parser() -> argparse.ArgumentParser:
    """What reads the arguments."""
    whole = Parser(
        prog="aks-kms",
        description="Manages KMS etcd encryption on Azure Kubernetes Service.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    whole.add_argument("--version", action="version", version=f"aks-kms {__version__}")
    whole.set_defaults(is_fleet=False)
    commands = whole.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for verb in VERBS.values():
        _add_verb(commands, verb, is_plan=False)
    plan = commands.add_parser(
        "plan", help="What a verb would do, and what stands against it; writes nothing."
    )
    plans = plan.add_subparsers(dest="planned", required=True, metavar="VERB")
    for verb in VERBS.values():
        if verb.writes and any(argument.name == "dry_run" for argument in verb.arguments):
            _add_verb(plans, verb, is_plan=True)
    _add_list(commands)
    add_fleet(commands)
    rules = commands.add_parser("rules", help="The limitations that are checked before anything is written.")
    rules.add_argument("--json", action="store_true", help="Print one JSON document.")
    rules.set_defaults(verb=None)
    return whole


def _add_verb(commands: argparse._SubParsersAction[Parser], verb: Verb, *, is_plan: bool) -> None:
    added = commands.add_parser(command(verb), help=verb.summary, description=verb.summary)
    added.set_defaults(verb=verb, is_plan=is_plan)
    for argument in verb.arguments:
        if argument.name == "key_source":
            _add_key_source(added, verb)
        else:
            add_argument(added, argument, is_plan)
    added.add_argument(
        "--json", action="store_true", help="Print the result as one JSON document, and nothing else."
    )
    if verb.read == OperationReport.from_dict:
        added.add_argument(
            "--report",
            metavar="FILE",
            help="Write the report for auditors to this file, too, also where the call fails: as HTML if its name ends "
            "with .html, as Markdown if with .md.",
        )
    if verb.writes and not is_plan:
        added.add_argument("--yes", action="store_true", help="Do it without showing the plan and asking.")
    _add_cluster(added)


def _add_key_source(added: argparse.ArgumentParser, verb: Verb) -> None:
    # A verb that takes a key with its version, too, has options for its vault.
    takes_version = any(argument.name == "key_vault_id" for argument in verb.arguments)
    either = added.add_mutually_exclusive_group(required=True)
    if takes_version:
        about = "With a key by its id with the version, https://<vault host>/keys/<name>/<version>."
        either.add_argument("key", nargs="?", metavar="KEY", help=about)
    either.add_argument("--platform-managed", action="store_true", help="With a key of the platform's.")
    either.add_argument(
        "--key-id",
        metavar="ID",
        help="With a customer-managed key: its id without a version, https://<vault host>/keys/<name>.",
    )
    if takes_version:
        return
    added.add_argument(
        "--key-vault-id", metavar="ID", help="Resource id of the customer-managed key's vault."
    )
    added.add_argument(
        "--network-mode",
        choices=words(NetworkMode),
        help="How AKS reaches that vault. Private: as a trusted service, past its firewall. Default: public.",
    )


def _add_list(commands: argparse._SubParsersAction[Parser]) -> None:
    function = FUNCTIONS["list_clusters"]
    added = commands.add_parser(command(function), help=function.summary, description=function.summary)
    added.set_defaults(verb=function)
    for argument in function.arguments:
        if argument.name == "subscriptions":
            option = "--subscription"
            added.add_argument(option, nargs="+", action="extend", metavar="ID", help=argument.about)
        elif argument.name not in ACCESS:
            add_argument(added, argument, is_plan=False)
    added.add_argument(
        "--json", action="store_true", help="Print the list as one JSON document, and nothing else."
    )
    access = added.add_argument_group("access")
    for name in ACCESS:
        add_access(access, name)


def _add_cluster(added: argparse.ArgumentParser) -> None:
    cluster = added.add_argument_group("cluster", "By its resource id, or by the three others.")
    cluster.add_argument("--cluster", metavar="ID", help="The cluster's resource id.")
    cluster.add_argument("--subscription", metavar="ID", help="The subscription's id.")
    cluster.add_argument("--resource-group", "-g", metavar="NAME", help="The resource group's name.")
    cluster.add_argument("--name", "-n", metavar="NAME", help="The cluster's name.")
    access = added.add_argument_group("access")
    add_access(access, "cloud")
    access.add_argument(
        "--kubernetes",
        choices=["cluster-user", "cluster-admin", "in-cluster"],
        help="How the Kubernetes API is reached. Default: cluster-user.",
    )
    access.add_argument("--kubeconfig", metavar="FILE", help="A kubeconfig instead.")
    access.add_argument("--context", metavar="NAME", help="The context of the kubeconfig.")
    access.add_argument("--no-journal", action="store_true", help="Record nothing in the cluster.")
    access.add_argument(
        "--state-namespace", metavar="NAME", help="Where it is recorded. Default: kube-system."
    )
    add_access(access, "ca_bundle")
    add_access(access, "api_version")
