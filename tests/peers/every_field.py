"""A managed cluster with every field of the API, as the SDK's models describe them."""

import inspect
import typing

from azure.mgmt.containerservice import models
from azure.mgmt.containerservice._utils import model_base


class EveryField:
    """`document` has each field once; `read_only` has the paths of those that only Azure sets."""

    def __init__(self):
        self.read_only: set[str] = set()
        self.document = self._value(models.ManagedCluster, "", ())

    def _value(self, kind, path: str, inside: tuple):
        kind = _resolved(kind)
        origin, arguments = typing.get_origin(kind), typing.get_args(kind)
        if origin is typing.Union:
            kinds = [it for it in arguments if it is not type(None)]
            return self._value(str if str in kinds else kinds[0], path, inside)
        if origin is list:
            return [self._value(arguments[0], f"{path}.0", inside)]
        if origin is dict:
            return {"any": self._value(arguments[1], f"{path}.any", inside)}
        if inspect.isclass(kind) and issubclass(kind, model_base.Model):
            return {} if kind in inside else self._members(kind, path, (*inside, kind))
        # No flag is on: what it would turn on is not part of a simulated cluster.
        return {bool: False, int: 7, float: 1.5}.get(kind, f"a value of {path}")

    def _members(self, kind, path: str, inside: tuple) -> dict:
        kind.__new__(kind)  # which names its fields
        members = {}
        for name, field in kind._attr_to_rest_field.items():
            member = field._rest_name
            inner = f"{path}.{member}" if path else member
            if field._visibility == ["read"]:
                self.read_only.add(inner)
            members[member] = self._value(_annotation(kind, name), inner, inside)
        return members


def _annotation(kind, name: str):
    owners = (owner for owner in kind.__mro__ if name in inspect.get_annotations(owner))
    return inspect.get_annotations(next(owners))[name]


def _resolved(kind):
    if isinstance(kind, typing.ForwardRef):
        kind = kind.__forward_arg__
    if isinstance(kind, str):
        names = {**vars(typing), **vars(models), "_models": models, "datetime": __import__("datetime")}
        return _resolved(eval(kind, names))
    return kind
