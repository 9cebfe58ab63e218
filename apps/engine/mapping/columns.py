"""The columns that a mapping makes, in its order: a file's header must not hang on what its first row has."""

from typing import Any

from apps.engine.mapping import members
from apps.engine.mapping.sources import dot_path


def mapped_columns(document: dict[str, Any]) -> tuple[str, ...]:
    """Top-level names of an import's mapping, or of the rows it makes; none where records go as they are."""
    new, old = document.get("mappings"), document.get("mapping")
    found = _of_nodes(new) if new else _of_fields(old or {})
    return tuple(dict.fromkeys(found))


def _of_nodes(nodes: Any) -> list[str]:
    found: list[str] = []
    for node in members.objects(nodes, "mappings"):
        if node.get("status") == "Draft":
            continue
        if node.get("generate"):
            found.append(node["generate"])
            continue
        for entry in members.objects(node.get("buildArrayHelper"), "mappings.buildArrayHelper"):
            found += _of_nodes(entry.get("mappings"))
    return found


def _of_fields(mapping: dict[str, Any]) -> list[str]:
    found = [_first(field) for field in members.objects(mapping.get("fields"), "mapping.fields")]
    for one in members.objects(mapping.get("lists"), "mapping.lists"):
        if one.get("generate"):
            found.append(_first(one))
        else:
            found += [_first(field) for field in members.objects(one.get("fields"), "mapping.lists.fields")]
    return found


def _first(document: dict[str, Any]) -> str:
    """Dots nest: what stands at the top is the first name."""
    return str(dot_path(document["generate"], "generate")[0])
