"""The doors of the package: compile once, render often. Compiled templates are immutable and safe to share."""

from collections.abc import Mapping
from typing import Any, Literal, Protocol

from apps.engine.templates.cache import TextCache
from apps.engine.templates.environment import DEFAULT_ENV, RenderEnv
from apps.engine.templates.errors import TemplateError
from apps.engine.templates.handlebars.places import PLACES, Place
from apps.engine.templates.handlebars.template import HandlebarsTemplate
from apps.engine.templates.jinja.template import JinjaTemplate
from apps.engine.templates.sql import Plan, Shape, SqlDialect, read_statement, shape_of, values_of

Grammar = Literal["handlebars", "jinja"]
_MOST_PLANS = 8
_LONGEST_PLAN = 1000


class Template(Protocol):
    def render(self, scope: Mapping[str, Any], *, env: RenderEnv | None = None) -> str: ...

    def render_native(self, scope: Mapping[str, Any], *, env: RenderEnv | None = None) -> Any:
        """Jinja: the value of a lone expression with its type kept. Handlebars: the text."""
        ...


class SqlTemplate:
    """A statement whose double-brace values are bound and whose triple-brace values are text of it."""

    def __init__(self, text: str, *, dialect: SqlDialect | None) -> None:
        self.text = text
        self.dialect = dialect
        self._template = HandlebarsTemplate(text, place="sql")
        self._plans: dict[Shape, Plan] = {}
        self.references = self._template.references

    def bind(self, scope: Mapping[str, Any], *, env: RenderEnv | None = None) -> tuple[str, list[str | None]]:
        """The statement with %s placeholders (literal % doubled) and the values, text or None as quoting would give."""
        pieces = self._template.pieces(scope, env or DEFAULT_ENV)
        return self._plan(pieces).bind(values_of(pieces))

    def render(self, scope: Mapping[str, Any], *, env: RenderEnv | None = None) -> str:
        """The statement with quoted values in it, to show to a person."""
        pieces = self._template.pieces(scope, env or DEFAULT_ENV)
        return self._plan(pieces).quote(values_of(pieces), dialect=self.dialect)

    def _plan(self, pieces: list[Any]) -> Plan:
        """Kept while the texts between the values stay the same, which they do unless blocks or raw values vary."""
        shape = shape_of(pieces)
        plan = self._plans.get(shape)
        if plan is None:
            plan = read_statement(shape, dialect=self.dialect)
            if len(shape) <= _LONGEST_PLAN:
                self._plans = {**self._plans, shape: plan} if len(self._plans) < _MOST_PLANS else {shape: plan}
        return plan


_templates: TextCache[Template] = TextCache(most_characters=8_000_000)
_statements: TextCache[SqlTemplate] = TextCache(most_characters=2_000_000)


def is_template(text: str) -> bool:
    """Whether rendering could change the text; true of a few texts it would not change."""
    return "{{" in text or "{%" in text or "{#" in text


def compile(text: str, grammar: Grammar, *, place: Place = "raw") -> Template:
    """Cached. Raises TemplateError for text the grammar does not allow, unknown helpers and filters included."""
    return _templates.get(
        (grammar, place, text), size=len(text), make=lambda: _compiled(text, grammar=grammar, place=place)
    )


def compile_sql(text: str, *, dialect: SqlDialect | None = None) -> SqlTemplate:
    """Cached. Name the dialect when known: without it, backslashes before quotes are refused as ambiguous."""
    return _statements.get((dialect, text), size=len(text), make=lambda: SqlTemplate(text, dialect=dialect))


def _compiled(text: str, *, grammar: Grammar, place: Place) -> Template:
    if place not in PLACES:
        raise TemplateError(f"{place!r} is not one of the places {', '.join(PLACES)}")
    if grammar == "handlebars":
        return HandlebarsTemplate(text, place=place)
    if grammar == "jinja":
        return JinjaTemplate(text)
    raise TemplateError(f"{grammar!r} is not one of the grammars handlebars, jinja")
