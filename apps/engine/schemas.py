"""JSON Schema checks of inputs and outputs, with the extensions that Interactor documents carry.

Surprise: `x-required: true` on a property counts like its name in the parent's `required`. Messages never repeat the
value that was checked, since it may be a secret. Schemas are compiled once and cached by content; nothing is fetched.
The validator cannot be stopped and lets no other thread run, so its work is reckoned before: see `schema_costs`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import jsonschema_rs
import orjson

from apps.engine.schema_costs import BACKTRACKING, MAX_WORK, Cost, cost_of
from apps.engine.schema_graph import PATTERN_SIZE, SchemaError, looks_around

__all__ = ["InputField", "Problem", "SchemaError", "check", "check_schema", "input_fields"]

MAX_PROBLEMS = 50
MAX_DEPTH = 64
MAX_SCHEMA_BYTES = 1024 * 1024
EXPLAINED_WORK = 10_000  # units; all problems are told up to here, since each visit may add to the messages
SHORT_TEXT = 256  # characters; what costly patterns may read where they would have too much to read
EXTENSIONS = ("x-required", "x-datatype", "x-onChange")
# Keywords whose members are schemas by name; everything else that is an object or a list may hold schemas itself.
NAMED_SCHEMAS = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
DATA = frozenset({"const", "enum", "default", "examples", "x-datatype", "x-onChange"})

Problem = tuple[str, str]


@dataclass(frozen=True, slots=True)
class InputField:
    """One property of an input schema as a form needs it."""

    path: str
    title: str
    type: str | None
    required: bool
    datatype: Any
    on_change: Any


def check(schema: Any, value: Any) -> list[Problem]:
    """Every way in which `value` does not fit: (path, message). A path reads `items[0].name`; "" is the value itself.

    Raises SchemaError for a schema that cannot be used.
    """
    return _compiled(schema).problems(value)


def check_schema(schema: Any) -> None:
    """Raises SchemaError naming the member that is wrong."""
    _compiled(schema)


def input_fields(schema: Any) -> list[InputField]:
    """The properties of an object schema, in their order, with their extensions."""
    return list(_fields(schema, prefix="", depth=0))


def _fields(schema: Any, *, prefix: str, depth: int) -> Iterator[InputField]:
    if not isinstance(schema, Mapping) or depth > MAX_DEPTH:
        return
    properties = schema.get("properties")
    required = schema.get("required")
    named = required if isinstance(required, list) else []
    for name, inner in properties.items() if isinstance(properties, Mapping) else ():
        if not isinstance(inner, Mapping):
            continue
        kind = inner.get("type")
        yield InputField(
            path=f"{prefix}{name}",
            title=str(inner.get("title") or name),
            type=kind if isinstance(kind, str) else None,
            required=name in named or inner.get("x-required") is True,
            datatype=inner.get("x-datatype"),
            on_change=inner.get("x-onChange"),
        )
        yield from _fields(inner, prefix=f"{prefix}{name}.", depth=depth + 1)


class _Checker:
    """A compiled schema and what it costs."""

    def __init__(self, schema: Any, cost: Cost) -> None:
        self._schema = schema
        self._cost = cost
        self._validator = _validator(schema)

    def problems(self, value: Any) -> list[Problem]:
        try:
            return self._problems(value)
        except ValueError as error:  # lone surrogates, numbers as names, and what else JSON has not
            return [("", f"is not JSON: {str(error)[:200]}")]

    def _problems(self, value: Any) -> list[Problem]:
        work = self._cost.of(value)
        validator = self._validator
        if work <= MAX_WORK and self._cost.lookarounds is not None:
            fixed, repeated = self._cost.of_lookaround(value)
            work = max(work, fixed) if fixed > MAX_WORK else work
            validator = self._guarded if repeated > MAX_WORK else validator
        if work > MAX_WORK:
            return [("", "is too large or too deeply nested to be checked against this schema")]
        if validator.is_valid(value):
            return []
        if work > EXPLAINED_WORK:
            return [self._first_problem(validator, value)]
        problems: list[Problem] = []
        for error in validator.iter_errors(value):
            problems.append((_problem_path(error), error.message[:500]))
            if len(problems) == MAX_PROBLEMS:
                break
        return sorted(problems)

    def _first_problem(self, validator: jsonschema_rs.Validator, value: Any) -> Problem:
        """Of a value that all problems would be too many of."""
        if not self._cost.explains:
            try:
                validator.validate(value)
            except jsonschema_rs.ValidationError as error:
                return _problem_path(error), error.message[:500]
        return "", "does not fit this schema, and is too large to tell where"

    @cached_property
    def _guarded(self) -> jsonschema_rs.Validator:
        """For values with much text: patterns that may read it again and again get short ones only."""
        return _validator(_with_short_texts(self._schema))


def _validator(schema: Any) -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for(
        schema,
        offline=True,
        validate_formats=True,
        mask="the value",
        pattern_options=jsonschema_rs.FancyRegexOptions(backtrack_limit=BACKTRACKING, size_limit=PATTERN_SIZE),
    )


def _compiled(schema: Any) -> _Checker:
    try:
        text = orjson.dumps(schema)
    except (TypeError, ValueError) as error:
        raise SchemaError("", f"is not JSON: {error}") from None
    if len(text) > MAX_SCHEMA_BYTES:
        raise SchemaError("", f"is larger than {MAX_SCHEMA_BYTES} bytes")
    return _compile(_Text(text))


class _Text:
    """Schema text that hashes by digest, so that the cache keeps no second copy of large keys to compare."""

    __slots__ = ("digest", "text")

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.digest = hashlib.sha256(text).digest()

    def __hash__(self) -> int:
        return hash(self.digest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Text) and other.digest == self.digest


@lru_cache(maxsize=1024)
def _compile(key: _Text) -> _Checker:
    schema = orjson.loads(key.text)
    if not isinstance(schema, dict | bool):
        raise SchemaError("", "must be an object, true or false")
    _refuse_remote(schema, path="", depth=0)
    # Before the validator sees it: some schemas multiply already while it reads them.
    cost = cost_of(schema)
    try:
        return _Checker(_with_required(schema), cost)
    except jsonschema_rs.ValidationError as error:
        raise SchemaError(_path_text(error.instance_path), error.message) from None
    except (jsonschema_rs.ReferencingError, ValueError) as error:
        raise SchemaError("", str(error).splitlines()[0]) from None


def _members(schema: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The places in a schema that may hold schemas, with their path below it."""
    for keyword, value in schema.items():
        if keyword in DATA:
            continue
        if isinstance(value, dict):
            if keyword in NAMED_SCHEMAS:
                yield from ((f"{keyword}.{name}", inner) for name, inner in value.items())
            else:
                yield keyword, value
        elif isinstance(value, list):
            yield from ((f"{keyword}[{index}]", inner) for index, inner in enumerate(value))


def _refuse_remote(schema: Any, *, path: str, depth: int) -> None:
    if not isinstance(schema, dict):
        return
    if depth > MAX_DEPTH:
        raise SchemaError(path, f"is nested more than {MAX_DEPTH} deep")
    for keyword in ("$ref", "$dynamicRef", "$recursiveRef"):
        target = schema.get(keyword)
        if isinstance(target, str) and not target.startswith("#"):
            raise SchemaError(_join(path, keyword), f"'{target[:200]}' is outside this schema; only '#…' is followed")
    for member, inner in _members(schema):
        _refuse_remote(inner, path=_join(path, member), depth=depth + 1)


def _with_required(schema: Any) -> Any:
    """The schema with every `x-required` property named in `required`."""
    if not isinstance(schema, dict):
        return schema
    result: dict[str, Any] = {}
    for keyword, value in schema.items():
        if keyword in DATA:
            result[keyword] = value
        elif isinstance(value, dict):
            if keyword in NAMED_SCHEMAS:
                result[keyword] = {name: _with_required(inner) for name, inner in value.items()}
            else:
                result[keyword] = _with_required(value)
        elif isinstance(value, list):
            result[keyword] = [_with_required(inner) for inner in value]
        else:
            result[keyword] = value
    properties = schema.get("properties")
    if isinstance(properties, dict):
        marked = [n for n, inner in properties.items() if isinstance(inner, dict) and inner.get("x-required") is True]
        named = schema.get("required", [])
        if marked and isinstance(named, list):
            result["required"] = [*named, *(name for name in marked if name not in named)]
    return result


def _with_short_texts(schema: Any) -> Any:
    """The schema with each costly `pattern` behind a `maxLength`, by means that every draft has."""
    if isinstance(schema, list):
        return [_with_short_texts(inner) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    # Data too: a property may have such a keyword's name, and a reference may lead anywhere.
    result = {keyword: _with_short_texts(value) for keyword, value in schema.items()}
    pattern = schema.get("pattern")
    if isinstance(pattern, str) and looks_around(pattern):
        most = schema.get("maxLength")
        result["maxLength"] = min(most, SHORT_TEXT) if isinstance(most, int) else SHORT_TEXT
        unread = {"type": "string", "minLength": SHORT_TEXT + 1}
        others = schema.get("allOf")
        others = result["allOf"] if isinstance(others, list) else []
        result["allOf"] = [*others, {"anyOf": [unread, {"pattern": result.pop("pattern")}]}]
    return result


def _problem_path(error: jsonschema_rs.ValidationError) -> str:
    path = _path_text(error.instance_path)
    missing = getattr(error.kind, "property", None) if error.kind.name == "required" else None
    return _join(path, missing) if isinstance(missing, str) else path


def _path_text(parts: list[str | int]) -> str:
    text = ""
    for part in parts:
        text = f"{text}[{part}]" if isinstance(part, int) else _join(text, part)
    return text


def _join(path: str, member: str) -> str:
    return f"{path}.{member}" if path else member
