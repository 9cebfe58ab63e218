"""Good bodies for POST /v1/exports, which together send every documented member of an export.

Each is written, read back, written again by PUT and read back. A document that names a connection says its
`adaptorType` too, since the answer does; each secret is the text s3cr3t, which reads back masked.
"""

from collections.abc import Callable
from typing import Any

from tests.contracts.world import HTTP_EXPORT, LISTENER, SQL_EXPORT, World

Field = tuple[str, str]  # schema, member


def over_http(world: World) -> dict[str, Any]:
    return {**HTTP_EXPORT, "_connectionId": world.ids["connection"]}


def listener(world: World) -> dict[str, Any]:
    return LISTENER


def of_a_query(world: World) -> dict[str, Any]:
    return {**SQL_EXPORT, "_connectionId": world.ids["database"]}


DOCUMENTS: list[Callable[[World], dict[str, Any]]] = [over_http, listener, of_a_query]
# Documented members that no document can send, or that no answer can hold, and why.
EXCUSED: dict[Field, str] = {}
