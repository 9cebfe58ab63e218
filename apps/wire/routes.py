"""The two addresses every resource has, and what an operation is called in a schema."""

import re
from typing import Any

from django.urls import URLPattern, path

VERBS = {"list": "list", "create": "create", "retrieve": "get", "replace": "replace", "patch_listed": "patch"}
VERBS |= {
    "page": "list",
    "destroy": "delete",
    "GET": "get",
    "POST": "post",
    "PUT": "put",
    "PATCH": "patch",
    "DELETE": "delete",
}


def resource_paths(name: str, viewset: Any) -> list[URLPattern]:
    return [
        path(name, viewset.as_view({"get": "list", "post": "create"}, detail=False)),
        path(
            f"{name}/<str:_id>",
            viewset.as_view(
                {"get": "retrieve", "put": "replace", "patch": "patch_listed", "delete": "destroy"}, detail=True
            ),
        ),
    ]


def operation_name(*, method: str, path: str, view: Any) -> str:
    """Such as listFlows, getFlowsById: unique, since a path is."""
    action = getattr(view, "action", "")
    action = action if action and isinstance(action, str) else method
    if method == "PATCH" and action == "update":
        action = method  # an alias of PUT
    words = [part for part in path.strip("/").split("/") if part not in ("v1", "api", "v2")]
    named = "".join(word(part) for part in words)
    return f"{VERBS.get(action, action)}{named}"


def word(part: str) -> str:
    if part.startswith("{"):
        name = re.sub(r"[^A-Za-z0-9]", "", part)
        return f"By{name[:1].upper()}{name[1:]}"
    return "".join(piece[:1].upper() + piece[1:] for piece in re.split(r"[^A-Za-z0-9]+", part))
