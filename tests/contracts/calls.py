"""A good call of every built operation of the Celigo conventions. An operation that is built needs a line here."""

from collections.abc import Callable
from typing import Any

from tests.contracts.world import (
    DATABASE,
    HTTP_CONNECTION,
    HTTP_EXPORT,
    HTTP_IMPORT,
    LOOKUP_CACHE,
    SQL_EXPORT,
    SQL_IMPORT,
    World,
)

Body = Callable[[World], Any]
# What a monitor may do besides reading (celigo.md §10): run flows, retry and resolve.
MONITOR_MAY = {
    ("POST", "/v1/flows/{}/run"),
    ("PUT", "/v1/flows/{}/{}/resolved"),
    ("POST", "/v1/flows/{}/{}/retry"),
    ("PUT", "/v1/flows/{}/{}/errors/assign"),
    ("PUT", "/v1/flows/{}/{}/tags"),
    ("PUT", "/v1/jobs/{}/cancel"),
    ("POST", "/v1/jobs/current"),
    ("POST", "/v1/lookupcaches/{}/getData"),
    ("POST", "/v1/exports/{}/data"),  # of an upload
}
# Whose own check is the door: no key is asked for.
OPEN = {("POST", "/v1/exports/{}/{}/data")}
# Reads that a monitor may not: connections and tokens.
MONITOR_MAY_NOT_READ = ("/v1/connections", "/v1/integrations/{}/connections")
QUERIES = {"/v1/jobs": lambda world: f"?_flowId={world.ids['flow']}"}


PAID = {"version": "1", "rules": ["equals", ["extract", "paid"], True]}


def flow_document(world: World) -> dict[str, Any]:
    return {
        "name": "Another",
        "schedule": "? 0 2 ? * *",
        "timezone": "America/Los_Angeles",
        "pageGenerators": [{"_exportId": world.ids["export"], "skipRetries": True}],
        "routers": [
            {
                "id": "r1",
                "routeRecordsTo": "first_matching_branch",
                "branches": [
                    {
                        "name": "paid",
                        "inputFilter": {"type": "expression", "expression": PAID},
                        "pageProcessors": [{"type": "import", "_importId": world.ids["import"]}],
                    },
                    {"name": "rest"},
                ],
            }
        ],
    }  # fmt: skip


def via(document: dict[str, Any]) -> Body:
    return lambda world: {**document, "_connectionId": world.ids["connection"]}


def rename(world: World) -> Any:
    return [{"op": "replace", "path": "/name", "value": "Renamed"}]


def error_ids(world: World) -> Any:
    return {"errors": [world.ids["error"]]}


BODIES: dict[tuple[str, str], Body] = {
    ("POST", "/v1/connections"): lambda world: HTTP_CONNECTION,
    ("PUT", "/v1/connections/{}"): lambda world: HTTP_CONNECTION,
    ("PATCH", "/v1/connections/{}"): rename,
    ("POST", "/v1/connections/{}/ping"): lambda world: {},
    ("POST", "/v1/connections/ping"): lambda world: DATABASE,
    ("POST", "/v1/connections/{}/export"): lambda world: {"export": SQL_EXPORT},
    ("POST", "/v1/connections/{}/export/pages"): lambda world: {"export": SQL_EXPORT},
    ("POST", "/v1/connections/{}/import"): lambda world: {"import": SQL_IMPORT, "data": [{"id": 1}]},
    ("POST", "/v1/connections/{}/import/map"): lambda world: {"import": SQL_IMPORT, "data": [{"id": "7"}, 5]},
    ("POST", "/v1/exports/preview"): lambda world: {**SQL_EXPORT, "_connectionId": world.ids["database"]},
    ("POST", "/v1/exports/{}/invoke"): lambda world: {},
    ("POST", "/v1/imports/{}/invoke"): lambda world: [{"id": 1}, {"id": "x"}],
    ("POST", "/v1/exports/{}/data"): lambda world: [{"id": 1}],
    ("POST", "/v1/exports/{}/{}/data"): lambda world: {"id": 1},
    ("POST", "/v1/exports"): via(HTTP_EXPORT),
    ("PUT", "/v1/exports/{}"): via(HTTP_EXPORT),
    ("PATCH", "/v1/exports/{}"): rename,
    ("PUT", "/v1/exports/{}/replaceConnection"): lambda world: {"_newConnectionId": world.ids["spare"]},
    ("POST", "/v1/imports"): via(HTTP_IMPORT),
    ("PUT", "/v1/imports/{}"): via(HTTP_IMPORT),
    ("PATCH", "/v1/imports/{}"): rename,
    ("PUT", "/v1/imports/{}/replaceConnection"): lambda world: {"_newConnectionId": world.ids["spare"]},
    ("POST", "/v1/scripts"): lambda world: {"name": "S", "content": "function f() {}", "description": "a script"},
    ("PUT", "/v1/scripts/{}"): lambda world: {"name": "S", "content": "function f() {}"},
    ("PATCH", "/v1/scripts/{}"): rename,
    ("POST", "/v1/lookupcaches"): lambda world: LOOKUP_CACHE,
    ("PUT", "/v1/lookupcaches/{}"): lambda world: LOOKUP_CACHE,
    ("DELETE", "/v1/lookupcaches/{}"): lambda world: None,
    ("POST", "/v1/lookupcaches/{}/data"): lambda world: {"data": [{"key": "a", "value": {"rate": 1.5}}]},
    ("DELETE", "/v1/lookupcaches/{}/data"): lambda world: {"keys": ["eur"]},
    ("POST", "/v1/lookupcaches/{}/getData"): lambda world: {"startsWith": "e"},
    ("DELETE", "/v1/lookupcaches/{}/data/purge"): lambda world: None,
    ("POST", "/v1/flows"): flow_document,
    ("PUT", "/v1/flows/{}"): flow_document,
    ("PATCH", "/v1/flows/{}"): rename,
    ("POST", "/v1/flows/{}/run"): lambda world: {},
    ("PUT", "/v1/flows/{}/replaceConnection"): lambda world: {
        "_connectionId": world.ids["connection"],
        "_newConnectionId": world.ids["spare"],
    },
    ("PUT", "/v1/flows/{}/{}/resolved"): error_ids,
    ("DELETE", "/v1/flows/{}/{}/resolved"): lambda world: {"errors": [world.ids["resolved"]]},
    ("POST", "/v1/flows/{}/{}/retry"): lambda world: {"retryDataKeys": [world.ids["error"]]},
    ("PUT", "/v1/flows/{}/{}/errors/assign"): lambda world: {
        "errorIds": [world.ids["error"]],
        "email": "ann@acme.example",
    },
    ("PUT", "/v1/flows/{}/{}/tags"): lambda world: {"errorIds": [world.ids["error"]], "tagIds": ["vip"]},
    ("PUT", "/v1/flows/{}/{}/{}/data"): lambda world: {"data": {"id": "order-1", "paid": True}},
    ("POST", "/v1/integrations"): lambda world: {"name": "Folder", "settings": {"a": [1]}, "version": "1.0.0"},
    ("PUT", "/v1/integrations/{}"): lambda world: {"name": "Folder", "readme": "read me"},
    ("PATCH", "/v1/integrations/{}"): lambda world: [{"op": "replace", "path": "/version", "value": "1.2.0"}],
    ("PUT", "/v1/integrations/{}/connections/register"): lambda world: [world.ids["spare"]],
    ("PUT", "/v1/integrations/{}/connections/{}/register"): lambda world: {},
    ("DELETE", "/v1/integrations/{}/connections/{}/register"): lambda world: None,
    ("PUT", "/v1/jobs/{}/cancel"): lambda world: {},
    ("POST", "/v1/jobs/current"): lambda world: {},
    ("DELETE", "/v1/connections/{}"): lambda world: None,
    ("DELETE", "/v1/exports/{}"): lambda world: None,
    ("DELETE", "/v1/imports/{}"): lambda world: None,
    ("DELETE", "/v1/scripts/{}"): lambda world: None,
    ("DELETE", "/v1/flows/{}"): lambda world: None,
    ("DELETE", "/v1/integrations/{}"): lambda world: None,
}
# What must be gone before a row of the world can be deleted.
IN_THE_WAY = {
    "/v1/connections/{}": ("flow", "export", "lookup", "import"),
    "/v1/exports/{}": ("flow",),
    "/v1/imports/{}": ("flow",),
    "/v1/integrations/{}": ("flow",),
}
