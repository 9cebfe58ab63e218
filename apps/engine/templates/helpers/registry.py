"""How a function becomes a helper: its own signature says how many arguments it takes and whether it wants the run.

A first parameter called `run` receives the running template, one called `body` the programs of a block; keyword-only
parameters are the named arguments. Arguments past the last are dropped, as Handlebars does.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Helper:
    name: str
    function: Callable[..., Any]
    least: int
    most: int | None
    wants_run: bool
    named: frozenset[str]
    # The annotated type of its results: str, bool, int and float are sure, anything else is open.
    gives: Any
    # A bare word that is also a field of the context: does the field win?
    yields_to_field: bool = False


@dataclass(frozen=True, slots=True)
class BlockHelper:
    name: str
    function: Callable[..., Any]
    least: int
    most: int | None
    named: frozenset[str]
    # Positions of arguments that are words, not paths: `{{#some items isString}}`.
    words: frozenset[int] = frozenset()
    # It only chooses by what the helper of its name answers.
    asks: bool = False


HELPERS: dict[str, Helper] = {}
BLOCKS: dict[str, BlockHelper] = {}


def helper(*names: str, yields_to_field: bool = False) -> Callable[[Function], Function]:
    def register(function: Function) -> Function:
        least, most, leading, named = _shape(function)
        gives = inspect.signature(function).return_annotation
        for name in names:
            HELPERS[name] = Helper(name, function, least, most, leading == "run", named, gives, yields_to_field)
        return function

    return register


def block(*names: str, words: frozenset[int] = frozenset()) -> Callable[[Function], Function]:
    def register(function: Function) -> Function:
        least, most, _, named = _shape(function)
        for name in names:
            BLOCKS[name] = BlockHelper(name, function, least, most, named, words)
        return function

    return register


def condition(name: str) -> Callable[[Function], Function]:
    """A question that is a block (`{{#and a b}}…{{else}}…{{/and}}`) and, within an expression, a boolean."""

    def register(function: Function) -> Function:
        least, most, _, named = _shape(function)

        def choose(body: Any, *arguments: Any) -> None:
            body.choose(function(*arguments))

        HELPERS[name] = Helper(name, function, least, most, False, named, bool)
        BLOCKS[name] = BlockHelper(name, choose, least, most, named, asks=True)
        return function

    return register


def _shape(function: Callable[..., Any]) -> tuple[int, int | None, str, frozenset[str]]:
    parameters = list(inspect.signature(function).parameters.values())
    leading = parameters[0].name if parameters and parameters[0].name in ("run", "body") else ""
    parameters = parameters[1:] if leading else parameters
    named = frozenset(p.name for p in parameters if p.kind is p.KEYWORD_ONLY)
    positional = [p for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    least = sum(p.default is p.empty for p in positional)
    endless = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    return least, None if endless else len(positional), leading, named
