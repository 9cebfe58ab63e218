"""What templates see at each place of a flow: the record under `record`, and under its legacy names beside it.

Follows the table of template contexts; `settings` are the resources' own, `connection` has its secrets in place.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

from apps.core.clock import now
from apps.engine.templates import RenderEnv, TemplateError, compile, is_template

Place = Literal["url", "sql", "json", "xml", "raw"]
NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True)
class Surroundings:
    """What is the same for every record of a step in a run."""

    snapshot: Mapping[str, Any]
    resource: Mapping[str, Any] = field(default_factory=dict)
    kind: str = "import"
    job: Mapping[str, Any] = field(default_factory=dict)
    run: Mapping[str, Any] = field(default_factory=dict)  # lastExportDateTime and the like
    connection_settings: Mapping[str, Any] = field(default_factory=dict)

    def base(self, connection: Mapping[str, Any] = NOTHING) -> dict[str, Any]:
        """`connection` is what templates see of it, once it is open."""
        flow = self.snapshot["flow"]
        settings = {
            "flow": flow.get("settings") or {},
            "integration": {},
            "flowGrouping": {},
            **self.snapshot.get("settings", {}),
            self.kind: self.resource.get("settings") or {},
            "connection": self.connection_settings,
        }
        return {
            "settings": settings,
            "connection": dict(connection),
            self.kind: dict(self.resource),
            "job": dict(self.job),
            **self.run,
        }


def record_scope(base: Mapping[str, Any], record: Any) -> dict[str, Any]:
    """Import addresses, headers and bodies, where `data` in older documents is the page."""
    if isinstance(record, dict):
        return {**record, **base, "record": record, "data": [record], "0": record}
    return {**base, "record": record, "data": record}


def lookup_scope(base: Mapping[str, Any], record: Any) -> dict[str, Any]:
    """Lookup requests and SQL statements of one record, where `data` in older documents is the record."""
    return {**record_scope(base, record), "data": record}


def asking_scope(base: Mapping[str, Any], record: Any) -> dict[str, Any]:
    """Lookup requests, where `data` is a copy of the record that knows it as it came."""
    scope = lookup_scope(base, record)
    if isinstance(record, dict):
        scope["data"] = {**record, "_INITDATA": record}
    return scope


def batch_scope(base: Mapping[str, Any], records: list[Any]) -> dict[str, Any]:
    """A body for several records: `batch_of_records`, or `data` in older documents."""
    return {
        **record_scope(base, records[0] if records else {}),
        "batch_of_records": [{"record": record} for record in records],
        "data": records,
    }


def environment(*, strict: bool = False) -> RenderEnv:
    """`strict`: a path that leads nowhere is an error, not empty text."""
    return RenderEnv(now=now(), strict=strict)


class Text:
    """A member of a document that may be a template, compiled once."""

    __slots__ = ("_template", "fixed")

    def __init__(self, text: str | None, *, place: Place = "raw") -> None:
        self.fixed = text or ""
        self._template = compile(text, "handlebars", place=place) if text and is_template(text) else None

    @property
    def is_template(self) -> bool:
        return self._template is not None

    def render(self, scope: Mapping[str, Any], env: RenderEnv) -> str:
        """Raises TemplateError."""
        return self.fixed if self._template is None else str(self._template.render(scope, env=env))


def address_of(template: Text, record: Any) -> str:
    """Blank where the record does not say enough: half an address leads nowhere, and must not stop a record."""
    try:
        return template.render(lookup_scope({}, record), environment(strict=True))
    except TemplateError:
        return ""


class Texts:
    """The members of one document that may be templates, each compiled once."""

    def __init__(self) -> None:
        self._known: dict[tuple[Any, Place], Text] = {}

    def find(self, member: Any, place: Place) -> Text:
        if isinstance(member, dict | list):  # a body may be stored as the JSON it is
            member = orjson.dumps(member).decode()
        known = self._known.get((member, place))
        if known is None:
            known = self._known[member, place] = Text(member, place=place)
        return known
