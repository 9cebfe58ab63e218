"""JSON as XML: members are elements, lists repeat theirs, `@name` is an attribute and `&txt` the text beside them."""

import re
from collections.abc import Iterable, Iterator
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from apps.engine.javascript_values import to_text
from apps.engine.xml_paths import TEXT_NAME

from .cursor import FormatError
from .xml_files import path_of

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
_UNUSABLE = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # no XML 1.0 can hold these
_NOT_IN_NAMES = re.compile(r"[^\w.-]")
_FIRST_OF_NAMES = re.compile(r"[^\W\d]")


def xml_text(records: Iterable[Any], *, resource_path: str = "") -> Iterator[str]:
    """The file as pieces of text, a record each. The path's last name is each record's, those before it lie around.

    Without a path that is `/records/record`.
    """
    names = names_of(resource_path)
    around, name = names[:-1], names[-1]
    yield DECLARATION + "".join(f"<{outer}>" for outer in around) + "\n"
    for record in records:
        yield "".join(_element(name, record)) + "\n"
    yield "".join(f"</{outer}>" for outer in reversed(around)) + "\n"


def names_of(resource_path: str) -> list[str]:
    """Raises FormatError: a file is written below plain names only, and has one root."""
    path = path_of(resource_path or "/records/record")
    if path is None or any(step.anywhere or step.attributes or step.name == "*" for step in path.steps):
        raise FormatError("xml.resourcePath of a file to write must be plain names, as /orders/order.")
    names = [step.name for step in path.steps]
    return names if len(names) > 1 else ["records", *names]


def _element(name: str, value: Any) -> Iterator[str]:
    for one in value if isinstance(value, list) else [value]:
        if not isinstance(one, dict):
            yield f"<{name}>{_escaped(_scalar(one))}</{name}>"
            continue
        attributes = {k[1:]: v for k, v in one.items() if k.startswith("@") and not isinstance(v, dict | list)}
        shown = "".join(f" {_named(k)}={quoteattr(_clean(_scalar(v)))}" for k, v in attributes.items())
        yield f"<{name}{shown}>"
        for key, member in one.items():
            if key == TEXT_NAME:
                yield _escaped(_scalar(member))
            elif key[1:] not in attributes or not key.startswith("@"):
                yield from _element(_named(key), member)
        yield f"</{name}>"


def _scalar(value: Any) -> str:
    if isinstance(value, list):  # a list in a list has no name of its own
        return ",".join(map(_scalar, value))
    return "" if value is None else to_text(value)


def _escaped(text: str) -> str:
    return escape(_clean(text)).replace("\r", "&#13;")


def _clean(text: str) -> str:
    return _UNUSABLE.sub("\ufffd", text)


def _named(key: str) -> str:
    """A member's name, as near to it as XML allows."""
    name = _NOT_IN_NAMES.sub("_", key)
    return name if _FIRST_OF_NAMES.match(name) else f"_{name}"
