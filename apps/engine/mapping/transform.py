"""Transforms of an export's or import's records by expression; a script transform is not compiled here."""

from collections.abc import Callable
from typing import Any

from apps.engine.context import RecordContext
from apps.engine.errors import DocumentError
from apps.engine.mapping import members
from apps.engine.mapping.mapper import Mapper, compile_mapping
from apps.engine.mapping.response import compile_rules

Transform = Callable[[Any, RecordContext | None], Any]


def _unchanged(record: Any, context: RecordContext | None = None) -> Any:
    return record


def is_script(document: Any) -> bool:
    """Whether a filter's or transform's work is done by a script."""
    return isinstance(document, dict) and document.get("type") == "script"


def compile_transform(document: Any, *, at: str = "transform") -> Transform:
    """`transform(record, context) -> record`. Without rules the record passes as it is. Raises DocumentError."""
    if document is None:
        return _unchanged
    if not isinstance(document, dict):
        raise DocumentError(at, "must be an object")
    if "type" in document:
        members.choice(document["type"], ("expression", "script"), f"{at}.type")
    if is_script(document):
        raise DocumentError(f"{at}.type", "a script is run, not compiled")
    holder, here = document.get("expression"), f"{at}.expression"
    if holder is None:
        holder, here = document, at
    if not isinstance(holder, dict):
        raise DocumentError(here, "must be an object")
    newer = holder.get("rulesTwoDotZero")
    if newer is not None and str(holder.get("version", "2"))[:1] == "2":
        return _version2(newer, f"{here}.rulesTwoDotZero")
    rules = holder.get("rules")
    if not rules or (isinstance(rules, list) and not any(rules)):
        return _unchanged
    return _version1(rules, f"{here}.rules")


def _version1(rules: Any, at: str) -> Transform:
    apply = compile_rules(rules, at=at)

    def transform(record: Any, context: RecordContext | None = None) -> Any:
        return apply(record)

    return transform


def _version2(document: Any, at: str) -> Transform:
    if not isinstance(document, dict):
        raise DocumentError(at, "must be an object")
    mode = members.choice(document.get("mode", "create"), ("create", "modify"), f"{at}.mode")
    nodes = document.get("mappings")
    mapper = compile_mapping(nodes, lookups=document.get("lookups"), version=2, at=f"{at}.mappings")
    if mode == "create" or mapper.is_identity:
        return mapper
    return _modify(mapper, nodes or [])


def _modify(mapper: Mapper, nodes: list[dict[str, Any]]) -> Transform:
    def modify(record: Any, context: RecordContext | None = None) -> Any:
        mapped = mapper(record, context)
        if type(mapped) is not dict or type(record) is not dict:
            return mapped
        return _merged(record, mapped, nodes)

    return modify


def _merged(record: dict[str, Any], mapped: dict[str, Any], nodes: list[dict[str, Any]]) -> dict[str, Any]:
    """Objects that are built field by field keep their other fields; everything else is replaced."""
    result = {**record, **mapped}
    for node in nodes:
        name = node.get("generate")
        built = node.get("dataType") == "object" and node.get("mappings") and not node.get("extract")
        if built and name in mapped and type(record.get(name)) is dict:
            result[name] = _merged(record[name], mapped[name], node["mappings"])
    return result
