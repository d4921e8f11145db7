"""The table of verbs, and the methods of the managers."""

from collections.abc import Callable
from textwrap import wrap
from typing import NamedTuple

from names import is_nullable, is_words, item, kind, prose, referred, word_or_document
from results import typed

# The options of every verb come after its own.
COMMON = [
    "namespaces",
    "pace",
    "max_concurrency",
    "max_requests_per_second",
    "reencrypt",
    "dry_run",
    "allow",
    "give_up_secrets",
    "timeout",
]
FORMS = {
    "array": "texts",
    "string": "text",
    "boolean": "boolean",
    "integer": "integer",
    "number": "seconds",
    "object": "mapping",
}
# What `resume` does not know of: the same call goes on with it.
BEFORE_KMS = {"provision", "create_cluster"}
PROGRESS = {
    "on_progress": "Is called with each `Progress`, on the thread (the event loop) that waits. Default: none. What it raises is reported by `sys.unraisablehook`, and stops nothing.",
    "progress": "Show a bar on standard error: of tqdm or rich where one is installed, else lines. Default: False.",
}


def options(verb: dict) -> list[tuple[str, dict]]:
    listed = verb["options"].get("properties", {})
    own = [name for name in listed if name not in COMMON]
    return [(name, listed[name]) for name in own + [name for name in COMMON if name in listed]]


def arguments(verb: dict) -> list[tuple[str, dict]]:
    return [(name, verb["arguments"]["properties"][name]) for name in verb["required"]]


def has_progress(verb: dict) -> bool:
    return "timeout" in verb["options"].get("properties", {})


def form(schema: dict, definitions: dict) -> str:
    """What an argument takes, as the table says it."""
    name = referred(schema)
    if name == "Reencrypt":
        return "rewrite"
    if name is not None and is_words(definitions[name]):
        return "text"
    if name is not None and word_or_document(definitions[name]):
        return "word_or_document"
    if name is not None:
        return "text" if kind(definitions[name]) == "string" else "document"
    if schema.get("format") == "seconds":
        return "seconds"
    return FORMS[kind(schema)]


def choices(schema: dict, definitions: dict) -> str:
    name = referred(schema)
    return name if name is not None and is_words(definitions[name]) else "None"


def result(verb: dict) -> str:
    given = verb["result"]
    if kind(given) == "array":
        inner = referred(given["items"])
        return f"tuple[{inner}, ...]"
    return referred(given)


def table(schema: dict, of_fleet: Callable[[dict, dict, set[str]], list[str]]) -> str:
    definitions = {**schema["results"], **schema["arguments"]}
    lines = [
        "from __future__ import annotations\n",
        "from aks_kms._generated.results import *  # noqa: F403",
        "from aks_kms._model import many",
        "from aks_kms._verb import Argument, Verb\n",
    ]
    used: set[str] = set()
    for name, verbs in (("VERBS", schema["verbs"]), ("FUNCTIONS", schema["functions"])):
        lines += [f"{name}: dict[str, Verb] = {{", *rows(verbs, definitions, used), "}\n"]
    lines += ["FLEET_VERBS: dict[str, Verb] = {", *of_fleet(schema, definitions, used), "}\n"]
    lines[1] = f"from aks_kms._generated.results import {', '.join(sorted(used))}"
    return "\n".join(lines)


def rows(verbs: list[dict], definitions: dict, used: set[str]) -> list[str]:
    lines = []
    for verb in verbs:
        taken = [
            Taken(name, one, form(one, definitions), not is_nullable(one), True)
            for name, one in arguments(verb)
        ]
        taken += [Taken(name, one, form(one, definitions), False, False) for name, one in options(verb)]
        lines += row(verb, taken, definitions, used)
    return lines


class Taken(NamedTuple):
    """An argument as the table has it."""

    name: str
    schema: dict
    form: str
    is_required: bool
    is_positional: bool


def row(verb: dict, taken: list[Taken], definitions: dict, used: set[str]) -> list[str]:
    """A verb of the table; what it uses of the results is noted."""
    given = verb["result"]
    read = (
        f"many({referred(given['items'])}.from_dict)"
        if kind(given) == "array"
        else f"{referred(given)}.from_dict"
    )
    used.add(read.removeprefix("many(").split(".")[0])
    lines = [
        f'    "{verb["name"]}": Verb(',
        f'        name="{verb["name"]}", summary={prose(verb["description"]).split(chr(10))[0]!r}, writes={verb["writes"]}, read={read},',
        "        arguments=(",
    ]
    for name, one, wanted, is_required, is_positional in taken:
        enum = choices(one, definitions)
        used |= {enum} - {"None"}
        lines.append(
            f'            Argument(name="{name}", form="{wanted}", choices={enum}, is_required={is_required}, '
            f"is_positional={is_positional}, default={one.get('default')!r}, about={prose(one.get('description', ''))!r}),"
        )
    return [*lines, "        ),\n    ),"]


def annotation(schema: dict, definitions: dict) -> str:
    name = referred(schema)
    null = " | None" if is_nullable(schema) else ""
    if name == "Reencrypt":
        return "bool | ReencryptOptions | Mapping[str, Any]"
    if name == "RuleId" or (name is not None and is_words(definitions[name])):
        return f"{name} | str{null}"
    if name is not None and (either := word_or_document(definitions[name])):
        return f"{either[0]} | {either[1]} | Mapping[str, Any]{null}"
    if name is not None and kind(definitions[name]) != "string":
        return f"{name} | Mapping[str, Any]{null}"
    if schema.get("format") == "seconds":
        return f"float | timedelta{null}"
    if kind(schema) == "array":
        return f"Iterable[{annotation(schema['items'], definitions)}]{null}"
    if kind(schema) == "object":
        return f"Mapping[str, Any]{null}"
    return typed(schema, definitions)[0] + null


def default(schema: dict) -> str:
    value = schema.get("default")
    return "()" if value == [] else repr(value)


def signature(verb: dict, definitions: dict, is_async: bool) -> str:
    parts = ["self"]
    for name, one in arguments(verb):
        part = f"{name}: {annotation(one, definitions)}"
        parts.append(f"{part} = None" if is_nullable(one) else part)
    keywords = [f"{name}: {annotation(one, definitions)} = {default(one)}" for name, one in options(verb)]
    if has_progress(verb):
        keywords += ["on_progress: Callable[[Progress], object] | None = None", "progress: bool = False"]
    if keywords:
        parts += ["*", *keywords]
    prefix = "async " if is_async else ""
    return f"    {prefix}def {verb['name']}({', '.join(parts)},) -> {result(verb)}:"


def in_seconds(schema: dict) -> str:
    text = schema.get("description", "")
    return f"{text} A number of seconds, or a timedelta." if schema.get("format") == "seconds" else text


def documentation(verb: dict, definitions: dict, is_async: bool) -> str:
    again = "the same call" if verb["name"] in BEFORE_KMS else "`resume`, or the same call again,"
    described = [(name, in_seconds(one)) for name, one in arguments(verb) + options(verb)]
    if has_progress(verb):
        described += list(PROGRESS.items())
    returns = {
        "OperationReport": "What was done, or with `dry_run` would be done.",
        "KmsStatus": "The state of the cluster's KMS.",
        "Provisioned": "What is there now, or with `dry_run` would be made.",
        "tuple[Finding, ...]": "A finding for each rule that stands against it.",
    }.get(result(verb))
    if returns is None:
        returns = prose(definitions[result(verb)]["description"]).split("\n\n")[0]
    raises = "A subclass for each code; its text says what failed, on what, and what to do. The codes are listed at https://github.com/aks-kms/aks-kms/blob/main/docs/errors.md."
    return method_docstring(verb, again, described, returns, raises, is_async)


def method_docstring(
    verb: dict, again: str, described: list[tuple[str, str]], returns: str, raises: str, is_async: bool
) -> str:
    """What a method says: its verb's description, what goes on with it, arguments, result and errors."""
    first, *paragraphs = prose(verb["description"]).split("\n\n")
    if verb["writes"]:
        stops = "Cancelling the task stops the work at once" if is_async else "Ctrl-C stops the work at once"
        paragraphs.append(f"{stops}, in a state that {again} goes on with from any machine.")
    texts = ["        " + '"""' + first]
    for paragraph in paragraphs:
        lines = wrap(paragraph, 92, break_long_words=False, break_on_hyphens=False)
        texts += ["", *("        " + line for line in lines)]
    if described:
        texts += ["", "        Args:", *(item(name, prose(text), 12) for name, text in described)]
    texts += ["", "        Returns:", f"            {returns}", "", "        Raises:"]
    texts += [item("KmsError", raises, 12), item("TypeError", "An argument is of the wrong type.", 12)]
    return "\n".join([*texts, '        """'])


def methods(schema: dict, *, is_async: bool) -> str:
    definitions = {**schema["results"], **schema["arguments"]}
    base = "Caller" if not is_async else "AsyncCaller"
    module = "_caller" if not is_async else "aio._caller"
    lines = [
        "from __future__ import annotations\n",
        "from collections.abc import Callable, Iterable, Mapping",
        "from datetime import timedelta",
        "from typing import Any, Literal\n",
        f"from aks_kms._generated.results import {', '.join(mentioned_results(schema, definitions))}",
        f"from aks_kms.{module} import {base}\n",
        f"class Verbs({base}):",
        '    """The verbs of a manager."""\n',
    ]
    wait = "await " if is_async else ""
    for verb in schema["verbs"]:
        passed = ", ".join(f'"{name}": {name}' for name, _ in arguments(verb) + options(verb))
        told = ", on_progress, progress" if has_progress(verb) else ""
        lines += [
            signature(verb, definitions, is_async),
            documentation(verb, definitions, is_async),
            f'        result: {result(verb)} = {wait}self._call("{verb["name"]}", {{{passed}}}{told})',
            "        return result\n",
        ]
    return "\n".join(lines)


def mentioned_results(schema: dict, definitions: dict) -> list[str]:
    names = {"Progress", "ReencryptOptions"}
    for verb in schema["verbs"]:
        given = verb["result"]
        names.add(referred(given["items"]) if kind(given) == "array" else referred(given))
        for _, one in arguments(verb) + options(verb):
            name = referred(one) or (referred(one["items"]) if kind(one) == "array" else None)
            if name is not None and name != "Reencrypt" and kind(definitions[name]) != "string":
                either = word_or_document(definitions[name])
                names.add(either[1] if either else name)
    return sorted(names)
