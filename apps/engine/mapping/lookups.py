"""Lookups of an import: static maps answered here, caches and calls through the context's port."""

from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from apps.engine.context import RecordContext
from apps.engine.errors import DocumentError, MappingError
from apps.engine.json_values import load_json
from apps.engine.mapping import members
from apps.engine.paths import MISSING, Getter, PathError, compile_getter

_ADAPTERS = ("http", "rdbms", "file", "wrapper")


class Lookup:
    """One entry of `lookups[]`."""

    __slots__ = (
        "allow_failures",
        "column",
        "default",
        "extract",
        "is_cache",
        "map",
        "name",
        "needs_key",
        "prefers_one",
    )

    def __init__(self, document: dict[str, Any], at: str) -> None:
        name = members.text(document, "name", at)
        if name is None:
            raise DocumentError(f"{at}.name", "is required")
        self.name = name
        self.map = self._map(document.get("map"), at)
        self.is_cache = "_lookupCacheId" in document
        self.needs_key = self.map is not None or self.is_cache
        self.allow_failures = document.get("allowFailures") is True
        self.prefers_one = document.get("useDefaultOnMultipleMatches") is True
        self.default = document.get("default", MISSING)
        extract = members.text(document, "extract", at)
        self.column = extract if "query" in document else None
        self.extract = None if extract is None or self.column else self._getter(extract, at)

    @staticmethod
    def _map(document: Any, at: str) -> dict[str, Any] | None:
        if document is None or isinstance(document, dict):
            return document
        raise DocumentError(f"{at}.map", "must be an object")

    @staticmethod
    def _getter(extract: str, at: str) -> Getter:
        try:
            return compile_getter(extract, "json" if extract.startswith("$") else "dot")
        except PathError as error:
            raise DocumentError(f"{at}.extract", error.reason) from None

    def value(self, key: str, root: Any, context: RecordContext, *, field: str) -> Any:
        """MISSING when failures are allowed and there is no default. Raises MappingError on any other miss."""
        found = self.peek(key, root, context, field=field)
        if found is not MISSING:
            return found
        if not self.allow_failures:
            raise MappingError(field, f"lookup {self.name!r} has no value for {key!r}")
        return self.default

    def peek(self, key: str, root: Any, context: RecordContext, *, field: str) -> Any:
        """MISSING on a miss, whatever the lookup says about failures."""
        return self._find(key, root, context, field) if key or not self.needs_key else MISSING

    def _find(self, key: str, root: Any, context: RecordContext, field: str) -> Any:
        if self.map is not None:
            return self.map.get(key, MISSING)
        answer = context.lookup(self.name, key, root)
        if answer is None or answer is MISSING:
            return MISSING
        return self._cached(answer, field) if self.is_cache else self._answered(answer)

    def _cached(self, answer: Any, field: str) -> Any:
        if self.extract is None:
            return answer
        if isinstance(answer, str | bytes):
            try:
                answer = load_json(answer)
            except orjson.JSONDecodeError:
                raise MappingError(field, f"the value in the cache of lookup {self.name!r} is not JSON") from None
        return self.extract(answer)

    def _answered(self, answer: Any) -> Any:
        if self.column is not None:
            rows = answer.get("data") if type(answer) is dict and type(answer.get("data")) is list else answer
            row = self._only(rows)
            found = row.get(self.column, MISSING) if type(row) is dict else MISSING
        else:
            found = self._only(self.extract(answer) if self.extract else answer)
        return MISSING if found is None or found == "" else found

    def _only(self, hits: Any) -> Any:
        """The first of several hits, unless the lookup wants its default then."""
        if type(hits) is not list:
            return hits
        return MISSING if not hits or (self.prefers_one and len(hits) > 1) else hits[0]


class Lookups:
    """By name; remembers which ones a mapping refers to."""

    def __init__(self, documents: Any = None, at: str = "lookups") -> None:
        self._by_name: dict[str, Lookup] = {}
        self._used: set[str] = set()
        for index, document in enumerate(members.objects(documents, at)):
            lookup = Lookup(document, f"{at}[{index}]")
            self._by_name.setdefault(lookup.name, lookup)

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def __len__(self) -> int:
        return len(self._by_name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __getitem__(self, name: str) -> Lookup:
        return self._by_name[name]

    def use(self, names: Iterable[str]) -> None:
        self._used.update(names)

    def named(self, name: str, at: str) -> Lookup:
        """Raises DocumentError when the document refers to a lookup that is not there."""
        if name not in self._by_name:
            raise DocumentError(at, f"there is no lookup {name!r}")
        self._used.add(name)
        return self._by_name[name]

    @property
    def outside(self) -> frozenset[str]:
        """The ones in use that need the context's port."""
        return frozenset(name for name in self._used if self._by_name[name].map is None)


def gather_lookups(document: dict[str, Any]) -> list[dict[str, Any]]:
    """All lookups of an import: its adapter's come first and win over the import's own of the same name."""
    found: list[dict[str, Any]] = []
    for holder, at in [(document.get(name), f"{name}.lookups") for name in _ADAPTERS] + [(document, "lookups")]:
        if isinstance(holder, dict):
            found.extend(members.objects(holder.get("lookups"), at))
    return found
