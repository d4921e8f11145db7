"""Runs a command."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from typing import Any

from aks_kms import (
    Action,
    ActionKind,
    ClusterId,
    CustomerManagedKey,
    KmsError,
    KmsManager,
    OperationReport,
    Provisioned,
    list_clusters,
    rules,
)
from aks_kms._cli.files import json_object, unquoted
from aks_kms._cli.fleet import run_fleet
from aks_kms._cli.options import action_needs, spelled
from aks_kms._cli.report import checked, write_report
from aks_kms._cli.table import rules_table
from aks_kms._cli.terminal import print_json, show, usage
from aks_kms._text import findings_text
from aks_kms._verb import Argument, Verb

EXIT = {"invalid_input": 2, "preflight_failed": 2, "reencrypt_incomplete": 3, "conflict": 4}
REWRITE = ("pace", "max_concurrency", "max_requests_per_second")
# Of a customer-managed key.
OF_KEY = ("key_vault_id", "network_mode")


def run(asked: argparse.Namespace) -> int:
    """Runs a command; gives the exit code."""
    if asked.verb is None:
        catalogue = rules()
        if asked.json:
            print_json([rule.to_dict() for rule in catalogue])
        else:
            print(rules_table(catalogue))
        return 0
    try:
        if asked.is_fleet:
            return run_fleet(asked, arguments(asked, asked.verb))
        return run_list(asked) if asked.verb.name == "list_clusters" else run_verb(asked, asked.verb)
    except KmsError as error:
        if error.report is not None:
            write_report(getattr(asked, "report", None), error.report)
        if asked.json:
            print_json({"error": document(error)})
        else:
            tell(error)
        return EXIT.get(error.code, 1)


def run_list(asked: argparse.Namespace) -> int:
    """Lists clusters; what could not be read makes it incomplete."""
    found = list_clusters(
        asked.subscription,
        cloud=asked.cloud,
        ca_bundle=asked.ca_bundle,
        api_version=asked.api_version,
        **given(asked, ("resource_graph", "timeout")),
    )
    if asked.json:
        print_json(found.to_dict())
    else:
        show(str(found))
    return 0 if found.is_complete else 3


def given(asked: argparse.Namespace, names: Iterable[str]) -> dict[str, Any]:
    """Those of some arguments that were given."""
    return {name: getattr(asked, name) for name in names if getattr(asked, name) is not None}


def run_verb(asked: argparse.Namespace, verb: Verb) -> int:
    """Calls a verb, after asking where it writes."""
    values = arguments(asked, verb)
    if (problem := checked(getattr(asked, "report", None))) is not None:
        usage(problem)
    has_plan = any(argument.name == "dry_run" for argument in verb.arguments)
    if asked.is_plan or values.get("dry_run"):
        values["dry_run"] = True
    elif verb.writes and not asked.yes:
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            first = f"plan {asked.command}" if has_plan else "status"
            print(
                f"aks-kms {asked.command} writes: pass --yes, or see first what `aks-kms {first}` says",
                file=sys.stderr,
            )
            return 2
        with manager(asked) as made:
            if has_plan:
                planned: OperationReport | Provisioned = call(made, verb, {**values, "dry_run": True})
                show(text(planned), sys.stderr)
                if planned.is_refused:
                    return 2
        print(f"{verb.summary} Go on? [y/N] ", end="", file=sys.stderr, flush=True)
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            return 1
    with manager(asked) as made:
        if any(argument.name == "timeout" for argument in verb.arguments):
            values["progress"] = True
        result = call(made, verb, values)
    if isinstance(result, OperationReport) and not write_report(asked.report, result):
        return 1
    if asked.json:
        plain = [one.to_dict() for one in result] if isinstance(result, tuple) else result.to_dict()
        print_json(plain)
    else:
        show(text(result))
    if isinstance(result, tuple):
        return 2 if any(finding.level == "block" for finding in result) else 0
    return 2 if isinstance(result, OperationReport | Provisioned) and result.is_refused else 0


def manager(asked: argparse.Namespace) -> KmsManager:
    """The manager of the cluster that is named."""
    parts = (asked.subscription, asked.resource_group, asked.name)
    if (asked.cluster is not None) == any(part is not None for part in parts):
        usage("name a cluster: --cluster, or --subscription, --resource-group and --name")
    if asked.cluster is None and None in parts:
        usage("--subscription, --resource-group and --name are all needed")
    return KmsManager(
        asked.cluster if asked.cluster is not None else ClusterId(*parts),
        cloud=asked.cloud,
        kubernetes=asked.kubernetes,
        kubeconfig=asked.kubeconfig,
        context=asked.context,
        journal=None if asked.no_journal else "cluster",
        state_namespace=asked.state_namespace,
        ca_bundle=asked.ca_bundle,
        api_version=asked.api_version,
    )


def arguments(asked: argparse.Namespace, verb: Verb) -> dict[str, Any]:
    """The arguments of a verb that were given."""
    values: dict[str, Any] = {}
    for argument in verb.arguments:
        if argument.name == "action":
            values["action"] = action(asked)
        elif argument.name == "key_source":
            values["key_source"] = key_source(asked)
        elif argument.form == "rewrite":
            options = given(asked, REWRITE)
            if asked.no_reencrypt:
                values["reencrypt"] = False
            elif options:
                values["reencrypt"] = options
        elif argument.form == "mapping":
            values[argument.name] = document_of(argument, getattr(asked, argument.name))
        elif (value := getattr(asked, argument.name, None)) is not None:
            is_key = argument.name in ("key_id", "key")
            values[argument.name] = unquoted(value) if is_key else value
    if isinstance(values.get("key_source"), CustomerManagedKey):
        # They are named with the key.
        values = {name: value for name, value in values.items() if name not in OF_KEY}
    return values


def action(asked: argparse.Namespace) -> Action:
    """What is about to be done, with all that it has to name and nothing else."""
    fields = given(asked, (name for name in Action._fields if name != "kind"))
    needed = action_needs(asked.kind)
    if missing := [spelled(name) for name in needed if name not in fields]:
        usage(f"check {asked.kind} needs {' and '.join(missing)}")
    if others := [spelled(name) for name in fields if name not in needed]:
        usage(f"check {asked.kind} takes no {' and no '.join(others)}: leave it out")
    return Action(kind=ActionKind(asked.kind), **fields)


def key_source(asked: argparse.Namespace) -> str | CustomerManagedKey:
    """The key of KMS data encryption, or the id of a key with its version."""
    if (key := getattr(asked, "key", None)) is not None:
        return unquoted(key)
    of_key = given(asked, OF_KEY)
    if asked.platform_managed:
        if of_key:
            usage("--key-vault-id and --network-mode are of a customer-managed key: name it with --key-id")
        return "platform-managed"
    if "key_vault_id" not in of_key:
        usage("--key-vault-id is needed with --key-id, in both network modes")
    return CustomerManagedKey(key_id=unquoted(asked.key_id), **of_key)


def document_of(argument: Argument, path: str) -> Any:
    """The object of JSON that a file has; that of standard input, if `path` is -."""
    option = f"--{argument.name} {path}"
    found = json_object(option, path)
    try:
        return argument.written(found)
    except TypeError as problem:
        # a number that Python reads and JSON does not have
        usage(f"{option} is no JSON: {problem}")


def call(made: KmsManager, verb: Verb, values: dict[str, Any]) -> Any:
    """Calls a verb by its name."""
    return getattr(made, verb.name)(**values)


def text(result: Any) -> str:
    """A result for people."""
    if isinstance(result, tuple):
        return findings_text(result) or "nothing stands against it"
    return str(result)


def tell(error: KmsError) -> None:
    """An error for people: findings below each other, or the message."""
    if error.findings:
        show(f"error: {error.code}\n{findings_text(error.findings)}", sys.stderr)
    else:
        show(f"error: {error}", sys.stderr)


def document(error: KmsError) -> dict[str, Any]:
    """An error as JSON."""
    report = error.report
    return {
        "code": error.code,
        "message": str(error),
        "retryable": error.retryable,
        "service_code": error.service_code,
        "findings": [finding.to_dict() for finding in error.findings],
        "report": None if report is None else report.to_dict(),
    }
