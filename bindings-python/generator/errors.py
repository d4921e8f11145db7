"""A class for each code of error."""

from names import docstring, prose


def error_classes(schema: dict) -> str:
    texts = ["from __future__ import annotations\n\nfrom aks_kms._error import KmsError\n"]
    names = {one["const"]: class_name(one["const"]) for one in schema["error_codes"]["oneOf"]}
    texts.append('__all__ = ["BY_CODE", ' + ", ".join(f'"{name}"' for name in names.values()) + "]\n")
    for one in schema["error_codes"]["oneOf"]:
        text = prose(one["description"]).replace("Error::", "")
        texts.append(
            f'class {names[one["const"]]}(KmsError):\n{docstring(text, 4)}\n\n    code = "{one["const"]}"\n'
        )
    listed = ", ".join(f'"{code}": {name}' for code, name in names.items())
    texts.append(f"BY_CODE: dict[str, type[KmsError]] = {{{listed}}}\n")
    return "\n\n".join(texts)


def class_name(code: str) -> str:
    return "".join(part.capitalize() for part in code.split("_")) + "Error"
