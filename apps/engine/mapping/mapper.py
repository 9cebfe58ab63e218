"""A compiled mapping: records in, mapped records or one error each out.

Input is never changed; the output may share values with it.
"""

from collections.abc import Callable
from typing import Any

from apps.engine.context import RecordContext
from apps.engine.errors import DocumentError, MappingError
from apps.engine.mapping import members
from apps.engine.mapping.lookups import Lookups, gather_lookups
from apps.engine.mapping.version1 import Version1, first_row, target_of
from apps.engine.mapping.version2 import Version2
from apps.engine.paths import MISSING

Mapped = Any  # a dict, or the list of rows when the mapping's one list has no name
Build = Callable[[Any, RecordContext], Mapped]


class Mapper:
    """Call it with a record. `lookup_names` are those in use that need the context's port."""

    __slots__ = ("_build", "is_identity", "lookup_names")

    def __init__(self, build: Build, *, lookup_names: frozenset[str], is_identity: bool = False) -> None:
        self._build = build
        self.lookup_names = lookup_names
        self.is_identity = is_identity

    def __call__(self, record: Any, context: RecordContext | None = None) -> Mapped:
        """Raises MappingError."""
        context = context or RecordContext()
        context.elements = 0
        return self._build(record, context)

    def map_page(self, records: list[Any], context: RecordContext | None = None) -> list[Mapped | MappingError]:
        """One entry a record, in order; an error concerns its own record only."""
        context = context or RecordContext()
        build = self._build
        mapped: list[Mapped | MappingError] = []
        for record in records:
            context.elements = 0
            try:
                mapped.append(build(record, context))
            except MappingError as error:
                mapped.append(error)
        return mapped

    def wanted_keys(self, records: list[Any], context: RecordContext | None = None) -> dict[str, set[str]]:
        """The keys this page will ask each outside lookup for, so that they can be fetched together beforehand."""
        wanted: dict[str, set[str]] = {name: set() for name in self.lookup_names}
        if not wanted:
            return {}
        context = context or RecordContext()

        def note(name: str, key: str, record: Any) -> str:
            wanted[name].add(key)
            return ""

        noting = RecordContext(context.operation, context.scope, context.values, note, context.env)
        self.map_page(records, noting)
        return wanted


def compile_mapping(
    document: Any, *, lookups: Any = None, version: int = 2, envelope: bool = False, at: str | None = None
) -> Mapper:
    """Version 1: `{fields, lists}`; version 2: the list of nodes. Raises DocumentError with the path of the bad member.

    `lookups` is the list of lookup documents. With `envelope` the input is `{record, **context.scope}`.
    """
    known = Lookups(lookups)
    if version == 1:
        build = _version1(document, known, "mapping" if at is None else at)
    elif version == 2:
        build = _version2(document, known, "mappings" if at is None else at)
    else:
        raise DocumentError("version", "must be 1 or 2")
    if build is None:
        return Mapper(lambda record, context: record, lookup_names=frozenset(), is_identity=True)
    if envelope:
        inner = build
        build = lambda record, context: inner({**context.scope, "record": record}, context)  # noqa: E731
    return Mapper(build, lookup_names=known.outside)


def _version2(document: Any, lookups: Lookups, at: str) -> Build | None:
    compiler = Version2(lookups)
    nodes = members.objects(document, at)
    if not nodes:
        return None
    rows = [i for i, node in enumerate(nodes) if not node.get("generate") and node.get("dataType") == "objectarray"]
    if not rows:
        return compiler.build(nodes, at=at)
    index = rows[0]
    if len(nodes) > 1:
        raise DocumentError(f"{at}[{index}].generate", "a list of rows stands alone")
    if compiler.is_draft(nodes[0], f"{at}[0]"):
        return None
    named = [{**nodes[0], "generate": "rows"}]
    build = compiler.build(named, at=at)
    return lambda record, context: build(record, context).get("rows", [])


def _version1(document: Any, lookups: Lookups, at: str) -> Build | None:
    if document is None:
        return None
    if not isinstance(document, dict):
        raise DocumentError(at, "must be an object")
    compiler = Version1(lookups)
    lists = members.objects(document.get("lists"), f"{at}.lists")
    fields = compiler.fields(document.get("fields"), at=f"{at}.fields")
    if not lists and not document.get("fields"):
        return None
    if not lists:
        return lambda record, context: fields(first_row(record), context)
    return _with_lists(compiler, fields, lists, at=f"{at}.lists")


def _with_lists(compiler: Version1, fields: Build, lists: list[dict[str, Any]], *, at: str) -> Build:
    named, rows = [], None
    for index, document in enumerate(lists):
        here = f"{at}[{index}]"
        if "generate" not in document:
            raise DocumentError(f"{here}.generate", "is required")
        name = members.text(document, "generate", here)
        lines = compiler.lines(document, at=here)
        if name is None:
            rows = lines
        else:
            named.append((target_of(name, f"{here}.generate"), lines))

    def build(record: Any, context: RecordContext) -> Mapped:
        mapped = fields(first_row(record), context)
        for put, lines in named:
            if (made := lines(record, context)) is not MISSING:
                put(mapped, made)
        if rows is None:
            return mapped
        made = rows(record, context)
        return [] if made is MISSING else [{**mapped, **row} for row in made]

    return build


def compile_import_mapping(document: dict[str, Any]) -> Mapper:
    """The mapping of an import: `mapping` or `mappings`, never both, with all its lookups."""
    old, new = document.get("mapping"), document.get("mappings")
    if old and isinstance(old, dict) and (old.get("fields") or old.get("lists")) and new:
        raise DocumentError("mappings", "an import has mapping or mappings, not both")
    lookups = gather_lookups(document)
    if new:
        envelope = document.get("inputContext") == "envelope"
        return compile_mapping(new, lookups=lookups, version=2, envelope=envelope)
    return compile_mapping(old, lookups=lookups, version=1)
