"""The hot path: one Python function for a list of fields, plain ones inlined, the rest called as closures.

The surprise: it builds source text. Only names and numbered constants are written into it, names through `repr`;
nothing of a document is ever code.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from apps.engine.context import RecordContext
from apps.engine.javascript_values import to_text
from apps.engine.mapping.convert import CONVERTERS, Convert
from apps.engine.mapping.values import bound
from apps.engine.paths import MISSING
from apps.engine.placeholders import Placeholder

Build = Callable[[Any, RecordContext], dict[str, Any]]
ReadField = Callable[[Any, RecordContext], Any]
Store = Callable[[str], str]

INLINED = frozenset({None, "string", "number", "boolean"})


@dataclass(frozen=True, slots=True)
class Leaf:
    """A scalar: its path from the record or the template that gives it, its type, what stands in for nothing.

    A template's function gives text, or the number or truth of its lone expression.
    """

    start: tuple[str, ...] | ReadField
    data_type: str | None
    field: str
    default: Any = MISSING
    keep_blank: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """Anything else: gives the value, or MISSING to leave the field out."""

    read: ReadField


@dataclass(frozen=True, slots=True)
class Place:
    """One member of the output. `put` stores nested names; without it the name is a plain key."""

    name: str
    how: Leaf | Call
    put: Callable[[dict[str, Any], Any], None] | None = None


def generate(places: list[Place]) -> Build:
    names: dict[str, Any] = {"EMPTY": {}, "MISSING": MISSING}
    lines = ["def build(r, c):", "    d = r if r.__class__ is dict else EMPTY", "    o = {}"]
    for index, place in enumerate(places):
        store = _store(place, index, names)
        if isinstance(place.how, Leaf):
            lines += [f"    {line}" for line in _leaf(place.how, store=store, index=index, names=names)]
        else:
            names[f"f{index}"] = place.how.read
            lines += [f"    v = f{index}(r, c)", "    if v is not MISSING:", f"        {store('v')}"]
    lines.append("    return o")
    exec(compile("\n".join(lines), "<mapping>", "exec"), names)  # noqa: S102
    build: Build = names["build"]
    return build


def _store(place: Place, index: int, names: dict[str, Any]) -> Store:
    """How the value of an expression gets into the output."""
    if place.put is None:
        return lambda expression: f"o[{place.name!r}] = {expression}"
    names[f"p{index}"] = place.put
    return lambda expression: f"p{index}(o, {expression})"


_PATH_TESTS = {
    "string": "v.__class__ is str and v",
    "number": "v.__class__ is int or v.__class__ is float",
    "boolean": "v is True or v is False",
}
# A template's number is text that is read again: that changes no fraction, and no whole number below 1e21.
_TEMPLATE_TESTS = {
    "string": "v.__class__ is str and v",
    "number": "v.__class__ is float and not v.is_integer() and -1e16 < v < 1e16"
    f" or v.__class__ is int and {-(10**21)} < v < {10**21}",
    "boolean": "v is True or v is False",
}
# The conversions that real records need most, short of a call: (test, expression).
_FAST_CONVERSIONS = {
    "string": ("v.__class__ is int", "str(v)"),
    "number": ("v.__class__ is str and len(v) < 19 and v.isascii() and v.isdecimal()", "int(v)"),
}


def _of_text(data_type: str | None) -> Convert | None:
    convert = CONVERTERS.get(data_type or "")
    return (lambda value: convert(to_text(value))) if convert else None


def _leaf(leaf: Leaf, *, store: Store, index: int, names: dict[str, Any]) -> list[str]:
    converted = "v"
    if isinstance(leaf.start, tuple):
        first, *rest = leaf.start
        lines = [f"v = d.get({first!r})"]
        lines += [f"v = v.get({key!r}) if v.__class__ is dict or v.__class__ is P else None" for key in rest]
        names["P"] = Placeholder
        fast, convert = _PATH_TESTS.get(leaf.data_type or ""), CONVERTERS.get(leaf.data_type or "")
        quick = _FAST_CONVERSIONS.get(leaf.data_type or "")
    else:
        names[f"t{index}"] = leaf.start
        lines = [f"v = t{index}(r, c)"]
        fast, convert = _TEMPLATE_TESTS.get(leaf.data_type or ""), _of_text(leaf.data_type)
        quick = None
    if fast:
        lines += [f"if {fast}:", f"    {store('v')}"]
    if quick:
        lines += [f"elif {quick[0]}:", f"    {store(quick[1])}"]
    if leaf.default is not MISSING:
        names[f"k{index}"] = leaf.default
        lines += [f"{'elif' if fast else 'if'} v is None or v == '':", f"    {store(f'k{index}')}"]
    else:
        lines += [f"{'elif' if fast else 'if'} v is None:", "    pass"]
        lines += ["elif v == '':", f"    {store('v') if leaf.keep_blank else 'pass'}"]
    if convert:
        names[f"n{index}"] = bound(convert, leaf.field)
        converted = f"n{index}(v)"
    return [*lines, "else:", f"    {store(converted)}"]
