"""A verb and its arguments, as the table of verbs has them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from enum import StrEnum
from math import isfinite
from typing import Any, NamedTuple

from aks_kms._model import Model, plain


class Argument(NamedTuple):
    """An argument: what it takes, and what is said of it."""

    name: str
    form: str
    choices: type[StrEnum] | None
    is_required: bool
    is_positional: bool
    default: Any
    about: str

    def written(self, value: Any) -> Any:
        """The value as JSON.

        Raises:
            TypeError: it is of the wrong type.
        """
        if value is None and not self.is_required:
            return None
        if self.form == "of_each":
            return _of_each(value, self.name)
        if (
            self.form in ("texts", "integers")
            and isinstance(value, Iterable)
            and not isinstance(value, str | bytes | Mapping)
        ):
            value = list(value)
        if self.form == "mapping":
            return _document(value, self.name)
        if not FORMS[self.form](value):
            raise TypeError(f"{self.name} is {value!r}; pass {WANTED[self.form]}")
        return plain(value)


class Verb(NamedTuple):
    """A verb: its arguments, and how its result is read."""

    name: str
    summary: str
    writes: bool
    read: Callable[[Any], Any]
    arguments: tuple[Argument, ...]

    def written(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments as JSON, without those that are None.

        Raises:
            TypeError: one is of the wrong type.
        """
        written = {argument.name: argument.written(values[argument.name]) for argument in self.arguments}
        return {name: value for name, value in written.items() if value is not None}


def _document(value: Any, name: str) -> Any:
    """An object of JSON as it was given. What is wrong is named by its place: it may have secrets."""
    if not isinstance(value, Mapping):
        raise TypeError(f"{name} is of type {type(value).__name__}; pass a mapping")
    return _member(value, name)


def _member(value: Any, path: str) -> Any:
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"{path} has a name of type {type(key).__name__}; pass strings")
        return {str(key): _member(one, f"{path}.{key}") for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_member(one, f"{path}[{index}]") for index, one in enumerate(value)]
    if isinstance(value, float) and not isfinite(value):
        raise TypeError(f"{path} is no finite number, which JSON does not have")
    if value is None or isinstance(value, str | bool | int | float):
        return plain(value)
    raise TypeError(f"{path} is of type {type(value).__name__}, which JSON does not have")


def _of_each(value: Any, name: str) -> Any:
    """What each cluster has its own of, or all have the same of."""
    # a resource id begins with /, and no member of a key does
    if isinstance(value, Mapping) and all(isinstance(key, str) and key.startswith("/") for key in value):
        return {"each": {str(key): _own(one, f"{name} of {key}") for key, one in value.items()}}
    return {"all": _own(value, name)}


def _own(value: Any, name: str) -> Any:
    if not FORMS["word_or_document"](value):
        raise TypeError(f"{name} is {value!r}; pass what the method's documentation names")
    return plain(value)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


FORMS: dict[str, Callable[[Any], bool]] = {
    "text": lambda value: isinstance(value, str),
    "texts": _is_texts,
    "boolean": lambda value: isinstance(value, bool),
    "integer": _is_whole,
    "integers": lambda value: isinstance(value, list) and all(map(_is_whole, value)),
    "seconds": lambda value: isinstance(value, int | float | timedelta) and not isinstance(value, bool),
    "rewrite": lambda value: isinstance(value, bool | Model | Mapping),
    "document": lambda value: isinstance(value, Model | Mapping),
    "word_or_document": lambda value: isinstance(value, str | Model | Mapping),
}
WANTED = {
    "text": "a string",
    "texts": "a list of strings",
    "boolean": "True or False",
    "integer": "a whole number",
    "integers": "a list of whole numbers",
    "seconds": "a number of seconds, or a timedelta",
    "rewrite": "True, False or ReencryptOptions",
    "document": "what the method's documentation names",
    "word_or_document": "what the method's documentation names",
}
