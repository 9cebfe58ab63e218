"""Where the paths of a generated function begin: in the scope, or wherever its caller keeps what a scope would hold."""

from typing import Protocol

from apps.engine.templates.handlebars.inlines import SourceText


class Roots(Protocol):
    """Where paths begin, written as source over the two parameters of the function. Equal ones give the same source."""

    parameters: tuple[str, str]
    env: str
    whole: str | None

    def first(self, source: SourceText, name: str) -> str | None:
        """An expression for the value of a path's first name; None when it cannot be told."""


class ScopeRoots:
    parameters = ("s", "e")
    env = "e"
    whole: str | None = "s"

    def first(self, source: SourceText, name: str) -> str:
        return step("s", source.constant(name))


SCOPE_ROOTS = ScopeRoots()


def step(value: str, name: str) -> str:
    return f"{value}.get({name}) if {value}.__class__ is dict else step({value}, {name})"
