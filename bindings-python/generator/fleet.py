"""The verbs of a fleet: their table, and the methods of both fleets."""

from names import kind
from verbs import PROGRESS, Taken, annotation, default, form, in_seconds, method_docstring, options, row

OF_EACH = "A function, called with the resource id, may say it as well."


def of_each(schema: dict) -> dict | None:
    """What each cluster has its own of."""
    variants = schema.get("oneOf", [])
    alls = [one["properties"]["all"] for one in variants if "all" in one.get("properties", {})]
    return alls[0] if alls else None


def given(verb: dict) -> list[tuple[str, dict]]:
    """The arguments that come first: each cluster has its own."""
    properties = verb["arguments"].get("properties", {})
    return [(name, properties[name]) for name in verb["required"] if of_each(properties[name])]


def named(schema: dict, verb: dict) -> list[tuple[str, dict]]:
    """The others, in order: what is required, how the clusters are gone through, and the verb's own options."""
    properties = verb["arguments"].get("properties", {})
    required = [(name, properties[name]) for name in verb["required"] if not of_each(properties[name])]
    run = schema["fleet"]["options"]["properties"]
    own = options({**verb, "options": {"properties": {**verb["options"].get("properties", {}), **run}}})
    first = [name for name in ("waves", "max_clusters", "stop_after_failures") if name in run]
    return required + [(name, run[name]) for name in first] + [one for one in own if one[0] not in first]


def takes(one: dict, definitions: dict) -> str:
    """What an argument takes, as the table says it."""
    if of_each(one):
        return "of_each"
    if kind(one) == "array" and kind(one["items"]) == "integer":
        return "integers"
    return form(one, definitions)


def rows(schema: dict, definitions: dict, used: set[str]) -> list[str]:
    lines = []
    for verb in schema["fleet"]["verbs"]:
        first = given(verb)
        taken = [
            Taken(name, one, takes(one, definitions), name in verb["required"], (name, one) in first)
            for name, one in first + named(schema, verb)
        ]
        lines += row(verb, taken, definitions, used)
    return lines


def typed(one: dict, definitions: dict) -> str:
    """The annotation of an argument."""
    each = of_each(one)
    if each is not None:
        return f"PerCluster[{annotation(each, definitions)}]"
    if takes(one, definitions) == "integers":
        return "Iterable[int]"
    return annotation(one, definitions)


def method(schema: dict, verb: dict, definitions: dict, is_async: bool) -> str:
    first, others = given(verb), named(schema, verb)
    parts = ["self", *(f"{name}: {typed(one, definitions)}" for name, one in first), "*"]
    for name, one in others:
        part = f"{name}: {typed(one, definitions)}"
        parts.append(part if name in verb["required"] else f"{part} = {default(one)}")
    parts += ["on_progress: Callable[[FleetProgress], object] | None = None", "progress: bool = False"]
    prefix, wait = ("async ", "await ") if is_async else ("", "")
    passed = ", ".join(f'"{name}": {name}' for name, _ in first + others)
    return "\n".join(
        [
            f"    {prefix}def {verb['name']}({', '.join(parts)},) -> FleetReport:",
            documentation(verb, first, others, is_async),
            f'        return {wait}self._call("{verb["name"]}", {{{passed}}}, on_progress, progress)\n',
        ]
    )


def documentation(verb: dict, first: list, others: list, is_async: bool) -> str:
    described = [(name, f"{one['description']} {OF_EACH}") for name, one in first]
    described += [(name, in_seconds(one)) for name, one in others]
    described += [
        ("on_progress", PROGRESS["on_progress"].replace("`Progress`", "`FleetProgress`")),
        ("progress", PROGRESS["progress"]),
    ]
    raises = "An argument is malformed, or a cluster has no key; or the clusters of subscriptions could not be looked for. What becomes of one cluster is in its row, and no error."
    return method_docstring(
        verb, "the same call", described, "What became of each cluster.", raises, is_async
    )


def fleet_methods(schema: dict, *, is_async: bool) -> str:
    definitions = {**schema["results"], **schema["arguments"]}
    base, module = ("AsyncFleetCaller", "aio._fleet_caller") if is_async else ("FleetCaller", "_fleet_caller")
    body = "\n".join(method(schema, verb, definitions, is_async) for verb in schema["fleet"]["verbs"])
    used = sorted(
        name for name in definitions if f"{name} " in body or f"{name}]" in body or f"{name}:" in body
    )
    return "\n".join(
        [
            "from __future__ import annotations\n",
            "from collections.abc import Callable, Iterable, Mapping",
            "from datetime import timedelta",
            "from typing import Any, Literal\n",
            "from aks_kms._fleet_caller import PerCluster" if is_async else "",
            f"from aks_kms._generated.results import {', '.join(used)}",
            f"from aks_kms.{module} import {base}{'' if is_async else ', PerCluster'}\n",
            f"class FleetVerbs({base}):",
            '    """The verbs of a fleet."""\n',
            body,
        ]
    )
