"""Mapping version 1: `fields[]` with bare dot paths, and `lists[]` whose lines follow the lists their fields walk.

A grouped record (a list of rows) is read through its first row outside of lists.
"""

from typing import Any

from apps.engine.context import RecordContext
from apps.engine.errors import DocumentError
from apps.engine.mapping import members
from apps.engine.mapping.codegen import INLINED, Build, Call, Leaf, Place, ReadField, generate
from apps.engine.mapping.convert import is_empty, json_text
from apps.engine.mapping.lines import Line, Walk, parse_line
from apps.engine.mapping.lookups import Lookup, Lookups
from apps.engine.mapping.sources import Read, Source, dot_path, literal, parse_v1
from apps.engine.mapping.values import (
    Finish,
    finisher,
    fresh,
    key_text,
    operation_fits,
    read_dates,
    read_default,
    read_when,
)
from apps.engine.paths import MISSING, STAR, Getter, PathError, Setter, compile_getter, compile_setter

_TYPES = ("string", "number", "boolean", "date", "numberarray", "stringarray")
_WHEN = (
    *("record_created", "record_updated", "extract_not_empty"),
    *("lookup_not_empty", "lookup_empty", "ignore_if_set"),
)


def setter_of(generate_path: str, at: str) -> Setter | None:
    """None for a plain name; dots nest. Raises DocumentError for what cannot be written to."""
    segments = dot_path(generate_path, at)
    if segments == (generate_path,):
        return None
    if STAR in segments or not isinstance(segments[0], str):
        raise DocumentError(at, "must name one field")
    try:
        return compile_setter(generate_path)
    except PathError as error:
        raise DocumentError(at, error.reason) from None


def target_of(generate_path: str, at: str) -> Setter:
    return setter_of(generate_path, at) or compile_setter(generate_path)


class Version1:
    """Compiles fields; one a document, because it collects the lookups in use."""

    def __init__(self, lookups: Lookups) -> None:
        self.lookups = lookups

    def fields(self, documents: Any, *, at: str) -> Build:
        return generate([self._place(field, f"{at}[{i}]") for i, field in enumerate(members.objects(documents, at))])

    def _place(self, field: dict[str, Any], at: str) -> Place:
        name = members.text(field, "generate", at)
        if name is None:
            raise DocumentError(f"{at}.generate", "is required")
        put = setter_of(name, f"{at}.generate")
        plain = dot_path(name, at)[0] if put is None else name
        return Place(str(plain), self._how(field, at=at, name=name), put)

    def _how(self, field: dict[str, Any], *, at: str, name: str) -> Leaf | Call:
        source = self.source(field, at=at, name=name)
        data_type = self.data_type(field, at)
        if (
            data_type in INLINED
            and (start := source.start(data_type))
            and field.get("immutable") is not True
            and members.text(field, "lookupName", at) is None
            and read_when(field, at, _WHEN) is None
            and read_dates(field, at) is None
        ):
            discard = field.get("discardIfEmpty") is True
            default = read_default(field, data_type, at)
            if discard and is_empty(default):
                default = MISSING
            if type(default) not in (list, dict):
                return Leaf(start, data_type, name, default=default, keep_blank=not discard)
        return Call(self.reader(field, source.read, at=at, name=name))

    @staticmethod
    def data_type(field: dict[str, Any], at: str) -> str | None:
        given = members.text(field, "dataType", at)
        return None if given is None else members.choice(given, _TYPES, f"{at}.dataType")

    def source(self, field: dict[str, Any], *, at: str, name: str) -> Source:
        """Hard-coded value, then template, then path; nothing at all reads as null."""
        if "hardCodedValue" in field and members.text(field, "lookupName", at) is None:
            return literal(field["hardCodedValue"])
        extract = members.text(field, "extract", at)
        if extract is None:
            return literal(field.get("hardCodedValue"))
        source = parse_v1(extract, at=f"{at}.extract", field=name, lookups=self.lookups)
        return _first_row(source) if field.get("useFirstRow") is True else source

    def reader(self, field: dict[str, Any], read: Read, *, at: str, name: str) -> ReadField:
        """The whole of a field around where its key or value is read: condition, lookup, type, default."""
        data_type = self.data_type(field, at)
        finish = finisher(data_type, read_dates(field, at, always=data_type == "date"), name)
        looked_up = members.text(field, "lookupName", at)
        lookup = self.lookups.named(looked_up, f"{at}.lookupName") if looked_up else None
        value = _valued(read, lookup, finish=finish, exact=lookup is None and "hardCodedValue" in field, name=name)
        default = read_default(field, data_type, at)
        allowed = self._condition(field, read, at=at, name=name)
        discard = field.get("discardIfEmpty") is True

        def whole(root: Any, context: RecordContext) -> Any:
            if not allowed(root, context):
                return MISSING
            found = value(root, context)
            if found is MISSING or (found == "" and default is not MISSING):
                found = fresh(default)
            return MISSING if discard and is_empty(found) else found

        return whole

    def _condition(self, field: dict[str, Any], read: Read, *, at: str, name: str) -> Read:
        when = read_when(field, at, _WHEN)
        immutable = field.get("immutable") is True
        test: Read = lambda root, context: True  # noqa: E731
        if when == "extract_not_empty":
            test = lambda root, context: bool(read(root, context))  # noqa: E731
        elif when in ("lookup_not_empty", "lookup_empty"):
            conditional = field["conditional"]
            named = members.text(conditional, "lookupName", f"{at}.conditional") or field.get("lookupName")
            if not isinstance(named, str):
                raise DocumentError(f"{at}.conditional.lookupName", "is required")
            test = _lookup_test(self.lookups.named(named, f"{at}.conditional.lookupName"), read, when, name)

        def allowed(root: Any, context: RecordContext) -> bool:
            if immutable and context.operation == "update":
                return False
            return operation_fits(when, context) and bool(test(root, context))

        return allowed

    def lines(self, document: dict[str, Any], *, at: str) -> ReadField:
        """The list of lines, blank ones left out; MISSING when none is left.

        Lines with equal values in the fields that are keys (`isKey`) are one line, as the later ones have it.
        """
        columns: list[tuple[Walk, Setter, ReadField]] = []
        here = f"{at}.fields"
        for index, field in enumerate(members.objects(document.get("fields"), here)):
            spot = f"{here}[{index}]"
            name = members.text(field, "generate", spot)
            if name is None:
                raise DocumentError(f"{spot}.generate", "is required")
            line = self._line(field, at=spot, name=name)
            put = target_of(name, f"{spot}.generate")
            columns.append((line.walk, put, self.reader(field, line.read, at=spot, name=name)))
        keys = [
            compile_getter(field["generate"]) for field in document.get("fields") or [] if field.get("isKey") is True
        ]
        walks = {walk for walk, _, _ in columns if not walk.repeats}
        if along := members.text(document, "jsonPath", at):
            walks.add(Walk((dot_path(along.removesuffix("[*]"), f"{at}.jsonPath"),)))

        def lines(root: Any, context: RecordContext) -> Any:
            first = first_row(root)
            walked = {walk: walk.roots(root, first) for walk in walks}
            made: list[dict[str, Any]] = []
            for index in range(max(map(len, walked.values()), default=1)):
                row: dict[str, Any] = {}
                for walk, put, read in columns:
                    roots = walked.get(walk)
                    current = first if roots is None else roots[index] if index < len(roots) else None
                    value = read(current, context)
                    if value is not MISSING:
                        put(row, value)
                if row:
                    made.append(row)
            return (merged(made, keys) if keys else made) or MISSING

        return lines

    def _line(self, field: dict[str, Any], *, at: str, name: str) -> Line:
        extract = members.text(field, "extract", at)
        hard_coded = "hardCodedValue" in field and members.text(field, "lookupName", at) is None
        if extract is None or hard_coded or field.get("useFirstRow") is True:
            return Line(self.source(field, at=at, name=name).read)
        return parse_line(extract, lambda text: parse_v1(text, at=f"{at}.extract", field=name, lookups=self.lookups))


def merged(lines: list[dict[str, Any]], keys: list[Getter]) -> list[dict[str, Any]]:
    by_key: dict[Any, dict[str, Any]] = {}
    for number, line in enumerate(lines):
        values = [key(line) for key in keys]
        # Without a key there is no line that it could be.
        known = number if any(is_empty(value) for value in values) else json_text(values)
        by_key[known] = {**by_key.get(known, {}), **line}
    return list(by_key.values())


def first_row(root: Any) -> Any:
    if type(root) is list:
        return root[0] if root else {}
    return root


def _first_row(source: Source) -> Source:
    """`*.x` of row 0: the first of what the path gives."""
    if source.segments is None or STAR not in source.segments:
        return source

    def read(root: Any, context: RecordContext) -> Any:
        found = source.read(root, context)
        return found[0] if type(found) is list and found else MISSING

    return Source(read)


def _valued(read: Read, lookup: Lookup | None, *, finish: Finish, exact: bool, name: str) -> ReadField:
    def value(root: Any, context: RecordContext) -> Any:
        found = read(root, context)
        if lookup is not None:
            found = lookup.value(key_text(found), root, context, field=name)
            if found is None:
                return None
        if found is MISSING or found is None:
            return None if exact and found is None else MISSING
        return found if found == "" else finish(found, context)

    return value


def _lookup_test(lookup: Lookup, read: Read, when: str, name: str) -> Read:
    def test(root: Any, context: RecordContext) -> bool:
        found = lookup.peek(key_text(read(root, context)), root, context, field=name)
        return is_empty(found) == (when == "lookup_empty")

    return test
