"""Where a field's value comes from: a path, a template or a literal, compiled to `read(root, context)`."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from apps.engine.context import RecordContext
from apps.engine.errors import DocumentError, MappingError
from apps.engine.mapping.lookups import Lookups
from apps.engine.paths import PathError, Segment, getter, parse_path
from apps.engine.templates import compile as compile_template
from apps.engine.templates.errors import TemplateError
from apps.engine.templates.handlebars.inlines import SourceText
from apps.engine.templates.handlebars.template import HandlebarsTemplate

Read = Callable[[Any, RecordContext], Any]

_LOOKUP_MEMBER = re.compile(r"\blookup\.(?:\[([^\]]{1,1000})\]|([A-Za-z_$][\w$-]*))")


@dataclass(frozen=True, slots=True)
class Source:
    """`segments` is set for a path, `native` for a template: it makes a `read` that keeps a lone number or truth."""

    read: Read
    segments: tuple[Segment, ...] | None = None
    native: Callable[[], Read] | None = None

    @property
    def keys(self) -> tuple[str, ...] | None:
        """The path when it is made of plain names."""
        if not self.segments:
            return None
        names = tuple(s for s in self.segments if isinstance(s, str) and not s.isdigit())
        return names if len(names) == len(self.segments) else None

    def start(self, data_type: str | None) -> tuple[str, ...] | Read | None:
        """What the generated function of a list of fields begins a plain field with."""
        if self.native is None:
            return self.keys
        return self.native() if data_type in ("number", "boolean") else self.read


def literal(value: Any) -> Source:
    return Source(lambda root, context: value)


def path_source(segments: tuple[Segment, ...]) -> Source:
    get = getter(segments)
    return Source(lambda root, context: get(root), segments)


def is_json_path(text: str) -> bool:
    return text == "$" or text.startswith(("$.", "$["))


def parse_v2(text: str, *, at: str, field: str, lookups: Lookups) -> Source:
    """`$…` is a path, `{{` a template, anything else means itself."""
    if is_json_path(text):
        try:
            return path_source(parse_path(text, "json"))
        except PathError as error:
            raise DocumentError(at, error.reason) from None
    if "{{" in text:
        return template_source(text, at=at, field=field, lookups=lookups, legacy=False)
    return literal(text)


def parse_v1(text: str, *, at: str, field: str, lookups: Lookups) -> Source:
    if "{{" in text:
        return template_source(text, at=at, field=field, lookups=lookups, legacy=True)
    return path_source(dot_path(text, at))


def dot_path(text: str, at: str) -> tuple[Segment, ...]:
    try:
        return parse_path(text, "json" if is_json_path(text) else "dot")
    except PathError as error:
        raise DocumentError(at, error.reason) from None


def template_source(text: str, *, at: str, field: str, lookups: Lookups, legacy: bool) -> Source:
    try:
        template = compile_template(text, "handlebars", place="raw")
    except TemplateError as error:
        raise DocumentError(at, str(error)) from None
    wanted = [name for found in _LOOKUP_MEMBER.finditer(text) if (name := found[1] or found[2]) in lookups]
    lookups.use(wanted)
    lookups.use(name for name in lookups if f'"{name}"' in text or f"'{name}'" in text)
    calls_lookups = "lookup" in text

    def read(root: Any, context: RecordContext) -> Any:
        env = context.env
        if calls_lookups and lookups and env.lookups is None:
            env = replace(env, lookups=_by_name(lookups, root, context))
        scope = scope_of(root, context, legacy=legacy)
        if wanted:
            scope["lookup"] = {name: lookups[name].value("", root, context, field=field) for name in wanted}
        try:
            return template.render(scope, env=env)
        except TemplateError as error:
            raise MappingError(field, str(error)) from None

    if wanted or not isinstance(template, HandlebarsTemplate):
        return Source(read, native=lambda: read)
    roots = _LEGACY_ROOTS if legacy else _ROOTS
    direct = template.direct(roots, otherwise=read)
    return Source(direct or read, native=lambda: template.direct(roots, otherwise=read, native=True) or read)


class RecordRoots:
    """Begins the paths of a template at the record and the context, where `scope_of` would put their names."""

    parameters = ("r", "c")
    env = "c.env"
    whole: str | None = None

    def __init__(self, *, legacy: bool) -> None:
        self.legacy = legacy

    def first(self, source: SourceText, name: str) -> str | None:
        if name == "record":
            return "r"
        key = source.constant(name)
        own = f"r[{key}] if r.__class__ is dict and {key} in r else "
        around = f"c.scope[{key}] if {key} in c.scope else "
        data = "r" if name == "data" else None
        if self.legacy:
            return own + (data or around + "None")
        return around + own + (data or "None")


_ROOTS, _LEGACY_ROOTS = RecordRoots(legacy=False), RecordRoots(legacy=True)


def _by_name(lookups: Lookups, root: Any, context: RecordContext) -> Callable[[str, str], Any]:
    def find(name: str, key: str) -> Any:
        if name not in lookups:
            raise TemplateError(f"there is no lookup {name!r}")
        try:
            return lookups[name].value(key, root, context, field="")
        except MappingError as error:
            raise TemplateError(error.reason) from None

    return find


def scope_of(root: Any, context: RecordContext, *, legacy: bool) -> dict[str, Any]:
    """`record` and the step's surroundings; the record's own names too, which in version 1 come before those."""
    bare: Mapping[str, Any] = root if type(root) is dict else {}
    if legacy:
        return {**context.scope, "data": root, **bare, "record": root}
    return {"data": root, **bare, **context.scope, "record": root}
