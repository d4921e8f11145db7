"""The classes of results."""

from names import (
    PLAIN,
    constant,
    docstring,
    is_choice,
    is_nullable,
    is_tagged,
    is_words,
    item,
    kind,
    prose,
    referred,
)

IMPORTS = """
from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from aks_kms._model import Choice, Model, many, moment
from aks_kms._text import ClusterListText, FindingText, FleetText, LedgerText, ProvisionedText, ReportText, StatusText, Steps, StepText, UnreadableText

"""
# What prints otherwise than field by field.
TEXTS = {
    "OperationReport": "ReportText",
    "FleetReport": "FleetText",
    "KmsStatus": "StatusText",
    "KeyLedger": "LedgerText",
    "Finding": "FindingText",
    "Step": "StepText",
    "Provisioned": "ProvisionedText",
    "ProvisionStep": "StepText",
    "ClusterList": "ClusterListText",
    "UnreadableResource": "UnreadableText",
}


def result_classes(schema: dict) -> str:
    arguments = schema["arguments"]
    definitions = {**arguments, **schema["results"]}
    texts = [words(name, one) for name, one in sorted(definitions.items()) if is_words(one)]
    tagged = {name: one for name, one in definitions.items() if is_tagged(one)}
    for name, one in tagged.items():
        about = {
            "description": f"What kind of {name} it is.",
            "oneOf": [
                {**variant["properties"]["kind"], "description": variant.get("description", "")}
                for variant in one["oneOf"]
            ],
        }
        texts.append(words(f"{name}Kind", about))
    done, order = set(), []

    def visit(name: str):
        if name in done:
            return
        done.add(name)
        for other in mentioned(definitions[name]):
            visit(other)
        order.append(name)

    for name in sorted(definitions):
        visit(name)
    for name in order:
        one = definitions[name]
        if name == "Steps" or is_words(one):
            continue
        if is_choice(one):
            texts.append(choice(name, one, definitions))
        elif is_tagged(one):
            texts.append(union(name, one, definitions, name in arguments))
        elif kind(one) == "object":
            texts.append(model(name, one, definitions, name in arguments))
    names = sorted(
        {
            line.split()[1].split("(")[0]
            for text in texts
            for line in text.splitlines()
            if line.startswith("class ")
        }
    )
    exported = "__all__ = [" + ", ".join(f'"{name}"' for name in names) + "]\n"
    return IMPORTS + exported + "\n\n".join(texts) + "\n"


def mentioned(schema: object) -> list[str]:
    if isinstance(schema, dict):
        own = [schema["$ref"].rsplit("/", 1)[1]] if "$ref" in schema else []
        return own + [name for value in schema.values() for name in mentioned(value)]
    if isinstance(schema, list):
        return [name for value in schema for name in mentioned(value)]
    return []


def words(name: str, schema: dict) -> str:
    lines = [f"class {name}(StrEnum):", docstring(prose(schema["description"]), 4), ""]
    for one in schema["oneOf"]:
        lines.append(f'    {constant(one["const"])} = "{one["const"]}"')
        if one.get("description"):
            lines.append(docstring(prose(one["description"]), 4))
    return "\n".join(lines)


def typed(schema: dict, definitions: dict) -> tuple[str, str]:
    """Python's type, and how it is read from JSON."""
    name = referred(schema)
    if name == "Steps":
        return "Steps", "lambda steps: Steps(map(Step.from_dict, steps))"
    if name is not None:
        one = definitions[name]
        if is_words(one):
            return name, name
        if kind(one) == "string":
            return "str", "None"
        return name, f"{name}.from_dict"
    if schema.get("format") == "date-time":
        return "datetime", "moment"
    if kind(schema) == "array":
        inner, read = typed(schema["items"], definitions)
        return f"tuple[{inner}, ...]", f"many({read})"
    if kind(schema) == "object":
        return "dict[str, Any]", "None"
    return PLAIN[kind(schema)], "None"


def fields(schema: dict) -> list[str]:
    required = schema.get("required", [])
    return required + [name for name in schema["properties"] if name not in required]


def body(
    lines: list[str],
    members: list[tuple[str, dict, str | None, bool]],
    definitions: dict,
    is_argument: bool = False,
) -> str:
    """The fields: name, schema, default as Python's source, whether JSON omits it where it is None."""
    reads, omitted = [], []
    for name, schema, default, is_omitted in members:
        python, read = typed(schema, definitions)
        other = referred(schema)
        is_enum = other is not None and is_words(definitions[other])
        if is_argument and is_enum:
            python += " | str"
            default = f"{other}({default})" if default not in (None, "None") else default
        if is_argument:
            python = python.replace("tuple[str, ...]", "Sequence[str]")
        if is_nullable(schema) or default == "None":
            python += " | None"
        lines.append(f"    {name}: {python}" + ("" if default is None else f" = {default}"))
        reads.append(f'"{name}": {read}')
        if is_omitted:
            omitted.append(f'"{name}"')
    lines.append("    _fields = {" + ", ".join(reads) + "}")
    if omitted:
        lines.append("    _omitted = frozenset({" + ", ".join(omitted) + "})")
    return "\n".join(lines)


def about(schema: dict, members: list[tuple[str, str]]) -> str:
    listed = "\n".join(item(name, prose(text), 8) for name, text in members)
    text = docstring(prose(schema["description"]), 4).rstrip()
    text = text.removesuffix('"""').rstrip()
    return f'{text}\n\n    Attributes:\n{listed}\n    """' if listed else f'{text}"""'


def bases(name: str) -> str:
    return f"{TEXTS[name]}, Model" if name in TEXTS else "Model"


def model(name: str, schema: dict, definitions: dict, is_argument: bool) -> str:
    required = schema.get("required", [])
    members = []
    for field in fields(schema):
        one = schema["properties"][field]
        default = None
        if field not in required:
            default = repr(one["default"]) if is_argument and one.get("default") is not None else "None"
        members.append((field, one, default, field not in required))
    documented = [(field, one.get("description", "")) for field, one, *_ in members]
    return body(
        [f"class {name}({bases(name)}):", about(schema, documented)], members, definitions, is_argument
    )


def choice(name: str, schema: dict, definitions: dict) -> str:
    # the last word is what there is without a value; each other one is a member that is True
    *words, default = [one for one in schema["oneOf"] if one["type"] == "string"]
    members, documented = [], []
    for variant in schema["oneOf"]:
        if variant["type"] == "object":
            ((field, one),) = variant["properties"].items()
            members.append((field, {"anyOf": [one, {"type": "null"}]}, "None", False))
            documented.append((field, prose(variant["description"])))
    for word in words:
        members.append((word["const"], {"type": "boolean"}, "False", False))
        documented.append((word["const"], prose(word["description"])))
    field, text = documented[-1]
    documented[-1] = (field, f"{text} None of these: {default['const']}.")
    lines = [f"class {name}(Choice):", about(schema, documented), f'    _word = "{default["const"]}"']
    return body(lines, members, definitions)


def union(name: str, schema: dict, definitions: dict, is_argument: bool) -> str:
    members, documented, forms = {}, {}, {}
    for variant in schema["oneOf"]:
        word = variant["properties"]["kind"]["const"]
        for field, one in variant["properties"].items():
            if field != "kind":
                members.setdefault(field, one)
                documented.setdefault(field, []).append((word, one.get("description", "")))
                forms.setdefault(field, {})[word] = typed(one, definitions)
    # members of one name and different types
    mixed = {field: of for field, of in forms.items() if len(set(of.values())) > 1}
    texts = [("kind", "What kind it is; which of the others it has depends on that.")]
    for field, uses in documented.items():
        if field in mixed:
            uses = [(word, f"{text} A `{mixed[field][word][0]}`.") for word, text in uses]
        described = {prose(text) for _, text in uses}
        text = (
            described.pop()
            if len(described) == 1
            else "; ".join(f"{word}: {prose(text).rstrip('.')}" for word, text in uses) + "."
        )
        texts.append((field, f"{text} Of {', '.join(f'`{word}`' for word, _ in uses)}."))
    common = schema.get("properties", {})
    texts += [(field, one.get("description", "")) for field, one in common.items()]
    definitions = {**definitions, f"{name}Kind": {"oneOf": [{"type": "string"}]}}
    listed = [("kind", {"$ref": f"#/{name}Kind"}, None, False)]
    listed += [(field, one, None, False) for field, one in common.items()]
    listed += [(field, one, "None", True) for field, one in members.items()]
    text = body([f"class {name}({bases(name)}):", about(schema, texts)], listed, definitions, False)
    for field, of in mixed.items():
        first = typed(members[field], definitions)[0]
        every = " | ".join(dict.fromkeys(python for python, _ in of.values()))
        text = text.replace(f"    {field}: {first} | None", f"    {field}: {every} | None")
    if mixed:
        reads = (
            f'"{field}": {{' + ", ".join(f'"{word}": {read}' for word, (_, read) in of.items()) + "}"
            for field, of in mixed.items()
        )
        text += "\n    _of_kind = {" + ", ".join(reads) + "}"
    if is_argument:
        text += "\n\n" + "\n\n".join(constructor(name, variant, definitions) for variant in schema["oneOf"])
    return text


def constructor(name: str, variant: dict, definitions: dict) -> str:
    word = variant["properties"]["kind"]["const"]
    own = [field for field in variant["properties"] if field != "kind"]
    parameters = "".join(f", {field}: {typed(variant['properties'][field], definitions)[0]}" for field in own)
    passed = "".join(f", {field}={field}" for field in own)
    arguments = "\n".join(
        item(field, prose(variant["properties"][field].get("description", "")), 12) for field in own
    )
    text = f'        """{prose(variant["description"])}'
    text += f'\n\n        Args:\n{arguments}\n        """' if own else '"""'
    star = ", *" if own else ""
    return (
        f"    @classmethod\n    def {constant(word).lower()}(cls{star}{parameters}) -> {name}:\n"
        f"{text}\n        return cls(kind={name}Kind.{constant(word)}{passed})"
    )
