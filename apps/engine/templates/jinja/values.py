"""How values leave a Jinja template: a lone expression keeps its type, anything beside text becomes text.

`tojson` marks its text, so a template that builds JSON gives the value and not its spelling.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from types import GeneratorType
from typing import Any
from uuid import UUID

import orjson
from jinja2 import Undefined

from apps.engine.javascript_values import to_text
from apps.engine.json_values import load_json
from apps.engine.templates.errors import TemplateError
from apps.engine.templates.helpers.codes import json_serialize
from apps.engine.templates.jinja.bounds import admit, bounded_list, current_run

_VIEWS: tuple[type[Iterable[Any]], ...] = (type({}.keys()), type({}.values()), type({}.items()), range, GeneratorType)
_DEEPEST = 100


class JsonText(str):
    """Text that `tojson` wrote."""

    __slots__ = ()


def text_of(value: Any) -> str:
    """Null is empty, booleans are lower case, lists and objects are JSON: what the systems that read it expect."""
    if isinstance(value, str):
        return str(value)
    if value is None or isinstance(value, Undefined):
        return ""
    plain_value = plain(value)
    return json_serialize(plain_value) if isinstance(plain_value, (list, dict)) else to_text(plain_value)


def plain(value: Any, depth: int = 0) -> Any:
    """JSON-shaped data: undefined becomes null, tuples and iterators lists. Raises TemplateError for functions."""
    if value is None or isinstance(value, Undefined):
        return None
    if isinstance(value, str):
        return value if type(value) is str else str(value)
    if isinstance(value, (bool, int, float, Decimal, date, UUID)):
        return value
    if depth > _DEEPEST:
        raise TemplateError(f"a value nests deeper than {_DEEPEST} levels")
    current_run.get().charge(1)
    if isinstance(value, Mapping):
        return {key if isinstance(key, str) else text_of(key): plain(value[key], depth + 1) for key in value}
    if isinstance(value, (list, tuple, set)):
        return [plain(item, depth + 1) for item in value]
    if isinstance(value, _VIEWS):
        return [plain(item, depth + 1) for item in bounded_list(iter(value))]
    raise TemplateError(f"a {type(value).__name__} is not a value that can be written")


def combine(pieces: Iterable[Any]) -> Any:
    """The result of a template, a macro or a set block from the pieces it wrote."""
    run = current_run.get()
    kept: list[Any] = []
    for piece in pieces:
        run.charge(1)
        if isinstance(piece, str):
            run.write(len(piece))
        kept.append(piece)
    filled = [piece for piece in kept if not (type(piece) is str and not piece.strip())]
    if not kept:
        return None
    if len(kept) == 1 or (len(filled) == 1 and not isinstance(filled[0], str)):
        only = kept[0] if len(kept) == 1 else filled[0]
        return _parsed(str(only)) if isinstance(only, JsonText) else plain(only)
    text = admit_output("".join(text_of(piece) for piece in kept))
    if any(isinstance(piece, JsonText) for piece in kept) and text.lstrip()[:1] in ("[", "{"):
        return _parsed(text)
    return text


def admit_output(text: str) -> str:
    run = current_run.get()
    if len(text) > run.env.max_output:
        raise TemplateError(f"the result is longer than {run.env.max_output:,} characters")
    run.charge(len(text) >> 3)
    return text


def _parsed(text: str) -> Any:
    try:
        return load_json(text)
    except orjson.JSONDecodeError:
        return text


def concatenate(values: list[Any]) -> str:
    """The ~ operator."""
    return str(admit("".join([text_of(value) for value in values])))
