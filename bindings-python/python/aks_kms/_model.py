"""What results and structured arguments have in common: frozen, comparable, picklable, and JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, ClassVar, Self, dataclass_transform

Read = Callable[[Any], Any]


def many(read: Read | None) -> Read:
    """Reads a list, each entry as told."""
    if read is None:
        return tuple
    return lambda values: tuple(map(read, values))


def moment(text: str) -> datetime:
    """Reads a time."""
    return datetime.fromisoformat(text)


def _written(value: datetime) -> str:
    text = value.astimezone(UTC).replace(tzinfo=None).isoformat()
    # as the crate writes it: no zeros at the end of a fraction
    return (text.rstrip("0") if "." in text else text) + "Z"


def plain(value: Any) -> Any:
    """A value as JSON has it."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Model):
        return value.to_dict()
    if isinstance(value, datetime):
        return _written(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Mapping):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, bytes | bytearray):
        return [plain(entry) for entry in value]
    raise TypeError(f"{value!r} is of type {type(value).__name__}, which is no part of a document")


@dataclass_transform(kw_only_default=True, frozen_default=True, eq_default=True)
class Model:
    """A frozen value with named fields. `to_dict` and `from_dict` are JSON as every language writes it."""

    # How each field is read from JSON; none: as it is.
    _fields: ClassVar[dict[str, Read | None]] = {}
    # Fields that are read otherwise for some values of `kind`.
    _of_kind: ClassVar[dict[str, dict[str, Read | None]]] = {}
    # Fields that JSON does not have where they are None.
    _omitted: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, **values: Any) -> None:
        for name in self._fields:
            if name in values:
                value = values.pop(name)
            elif hasattr(type(self), name):
                value = getattr(type(self), name)
            else:
                raise TypeError(f"{type(self).__name__}() is missing the argument {name!r}")
            object.__setattr__(self, name, tuple(value) if type(value) is list else value)
        if values:
            raise TypeError(f"{type(self).__name__}() has no argument {next(iter(values))!r}")

    @classmethod
    def from_dict(cls, document: Any) -> Self:
        """Reads what `to_dict` gave, or what another language wrote.

        Raises:
            ValueError: something is missing or has another form.
        """
        if not isinstance(document, Mapping):
            raise ValueError(f"{document!r} is no {cls.__name__}")
        values = {}
        for name, read in cls._fields.items():
            value = document.get(name)
            if value is None and name not in document and not hasattr(cls, name):
                raise ValueError(f"{cls.__name__} has no {name}")
            if name not in document and value is None and hasattr(cls, name):
                continue
            if name in cls._of_kind:
                read = cls._of_kind[name].get(str(document.get("kind")), read)
            values[name] = value if value is None or read is None else read(value)
        return cls(**values)

    def to_dict(self) -> Any:
        """The JSON of it, the same as in every language: dictionaries, lists, texts, numbers, booleans, None."""
        return {
            name: plain(value)
            for name in self._fields
            if (value := getattr(self, name)) is not None or name not in self._omitted
        }

    def _values(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in self._fields)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen: {name} cannot be set")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen: {name} cannot be deleted")

    def __eq__(self, other: object) -> bool:
        return self._values() == other._values() if type(other) is type(self) else NotImplemented

    def __hash__(self) -> int:
        return hash((type(self), self._values()))

    def __repr__(self) -> str:
        values = ((name, getattr(self, name)) for name in self._fields)
        shown = (
            f"{name}={(value.value if isinstance(value, Enum) else value)!r}"
            for name, value in values
            if value is not None
        )
        return f"{type(self).__name__}({', '.join(shown)})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (type(self), self._values())


def _restored(kind: type[Model], values: tuple[Any, ...]) -> Model:
    return kind(**dict(zip(kind._fields, values, strict=True)))


class Choice(Model):
    """One value of several, or a word, as JSON has it."""

    # The word that stands for no value. A member that is True stands for the word of its name.
    _word: ClassVar[str] = ""

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        given = self._given()
        if len(given) > 1:
            raise TypeError(f"{type(self).__name__}() takes one argument, not {' and '.join(given)}")

    def _given(self) -> list[str]:
        return [name for name in self._fields if getattr(self, name) not in (None, False)]

    @classmethod
    def from_dict(cls, document: Any) -> Self:
        """Reads what `to_dict` gave, or what another language wrote.

        Raises:
            ValueError: it is none of them.
        """
        if document == cls._word:
            return cls()
        if isinstance(document, str) and isinstance(getattr(cls, document, None), bool):
            return cls(**{document: True})
        if not isinstance(document, Mapping) or len(document) != 1 or not set(document) <= set(cls._fields):
            raise ValueError(f"{document!r} is no {cls.__name__}")
        return super().from_dict(document)

    def to_dict(self) -> Any:
        """The JSON of it, the same as in every language."""
        for name in self._given():
            value = getattr(self, name)
            return name if value is True else {name: plain(value)}
        return self._word
