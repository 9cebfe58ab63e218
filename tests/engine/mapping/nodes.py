"""Nodes of version 2, written short."""

from typing import Any


def node(name: str, data_type: str = "string", extract: str | None = None, **more: Any) -> dict[str, Any]:
    made = {"generate": name, "dataType": data_type, "status": "Active", **more}
    return made if extract is None else {**made, "extract": extract}
