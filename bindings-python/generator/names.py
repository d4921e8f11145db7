"""Names, types and texts of the schema, as Python has them."""

import re
import textwrap

PLAIN = {"string": "str", "integer": "int", "number": "float", "boolean": "bool"}


def referred(schema: dict) -> str | None:
    """The definition that a schema is, whether it may be null or not."""
    if "$ref" in schema:
        return schema["$ref"].rsplit("/", 1)[1]
    for one in schema.get("anyOf", []):
        if "$ref" in one:
            return one["$ref"].rsplit("/", 1)[1]
    return None


def is_nullable(schema: dict) -> bool:
    kind = schema.get("type")
    return (isinstance(kind, list) and "null" in kind) or {"type": "null"} in schema.get("anyOf", [])


def kind(schema: dict) -> str | None:
    """The JSON type, without null."""
    found = schema.get("type")
    return next(one for one in found if one != "null") if isinstance(found, list) else found


def is_words(schema: dict) -> bool:
    """Whether it is one of some words."""
    return bool(schema.get("oneOf")) and all(one.get("type") == "string" for one in schema["oneOf"])


def is_choice(schema: dict) -> bool:
    """Whether it is an object of one of some members, or one of some words."""
    variants = schema.get("oneOf", [])
    objects = [one for one in variants if one.get("type") == "object"]
    words = [one for one in variants if one.get("type") == "string"]
    if not objects or not words or len(objects) + len(words) < len(variants):
        return False
    return all(len(one["properties"]) == 1 and "kind" not in one["properties"] for one in objects)


def word_or_document(schema: dict) -> tuple[str, str] | None:
    """The type of the text and the definition of an argument that is either."""
    variants = schema.get("anyOf", [])
    texts = [one for one in variants if kind(one) == "string"]
    documents = [referred(one) for one in variants if "$ref" in one]
    if not len(texts) == len(documents) == 1:
        return None
    word = texts[0].get("const")
    return ("str" if word is None else f'Literal["{word}"]', documents[0])


def is_tagged(schema: dict) -> bool:
    """Whether it is an object whose member `kind` says which others it has."""
    return bool(schema.get("oneOf")) and all("kind" in one.get("properties", {}) for one in schema["oneOf"])


def constant(word: str) -> str:
    return re.sub(r"\W", "_", word).upper()


def prose(text: str) -> str:
    """A description without what only Rust has."""
    text = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    text = re.sub(r"\[`([^`\]]+)`\]\([^)]*\)", r"`\1`", text)
    text = re.sub(r"\[`([^`\]]+)`\]", r"`\1`", text)
    text = re.sub(r"\[`?([^`\]]+)`?\]\(Self::\w+\)", r"`\1`", text)
    text = text.replace("this crate", "this library").replace("KmsManager::builder", "KmsManager")
    text = text.replace("`Display` is", "It prints as")
    paragraphs = [" ".join(part.split()) for part in text.strip().split("\n\n")]
    return "\n\n".join(part for part in paragraphs if part)


def docstring(text: str, indent: int) -> str:
    margin = " " * indent
    lines = []
    for paragraph in text.split("\n\n"):
        lines += [*textwrap.wrap(paragraph, 100 - indent, break_long_words=False, break_on_hyphens=False), ""]
    body = ("\n" + margin).join(lines).rstrip().replace("\n" + margin + "\n", "\n\n")
    return (
        f'{margin}"""{body}"""' if len(lines) == 2 and len(body) < 90 else f'{margin}"""{body}\n{margin}"""'
    )


def item(name: str, text: str, indent: int) -> str:
    """A line of a Google-style section."""
    margin = " " * indent
    wrapped = textwrap.wrap(
        f"{name}: {' '.join(text.split())}", 100 - indent, break_long_words=False, break_on_hyphens=False
    )
    return ("\n" + margin + "    ").join([margin + wrapped[0], *wrapped[1:]])
