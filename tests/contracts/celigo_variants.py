"""Further good calls of built operations, beside the one in `calls`: for members that no single call sends or shows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from apps.core.ids import hex24
from tests.contracts.world import SQL_EXPORT, World

Key = tuple[str, str]  # method, path with {} for each parameter
Field = tuple[str, str]  # schema, member
SINCE, UNTIL = "2020-01-01T00:00:00.000Z", "2099-01-01T00:00:00.000Z"


@dataclass(frozen=True)
class Variant:
    """`body` sees what the operation has answered before. `ids`: which of the world's stand for others."""

    body: Callable[[World, list[Any]], Any] | None = None
    query: Callable[[World], Mapping[str, str]] = lambda world: {}
    ids: Mapping[str, str] = field(default_factory=dict)

    def address(self, world: World, path: str) -> str:
        ids = {**world.ids, **{name: world.ids[other] for name, other in self.ids.items()}}
        query = urlencode(self.query(world))
        return World(world.actor, ids).address(path) + (f"?{query}" if query else "")


def asking(**query: str) -> Variant:
    return Variant(query=lambda world: query)


def of(**ids: str) -> Variant:
    return Variant(ids=ids)


def sending(make: Callable[[World], Any]) -> Variant:
    return Variant(body=lambda world, before: make(world))


def jobs(**query: str) -> Variant:
    """What is asked by an id names one of the world's."""

    def found(world: World) -> dict[str, str]:
        return {name: world.ids[text] if name.startswith("_") else text for name, text in query.items()}

    return Variant(query=found)


LISTS = [asking(limit="1"), asking(include="description"), asking(exclude="description")]
ERRORS = [
    Variant(query=lambda world: {"source": "application", "_flowJobId": world.ids["job"]}),
    asking(limit="1"),
]
OPEN = [*ERRORS, asking(occurredAt_gte=SINCE, occurredAt_lte=UNTIL, classification="value")]
FAILING = {
    **SQL_EXPORT,
    "traceKeyTemplate": "{{{record.id}}}",
    "dataURITemplate": "https://shop.example/numbers/{{{record.id}}}",
}


def failing_preview(world: World, before: list[Any]) -> Any:
    script = {"type": "script", "script": {"_scriptId": world.ids["script"], "function": "unknown"}}
    return {**FAILING, "_connectionId": world.ids["database"], "transform": script}


def next_page(world: World, before: list[Any]) -> Any:
    return {"export": SQL_EXPORT, "pagedExportState": before[0]["pagedExportState"]}


MORE: dict[Key, list[Variant]] = {
    **{("GET", f"/v1/{name}"): LISTS for name in ("flows", "integrations", "connections", "exports", "imports")},
    ("GET", "/v1/scripts"): LISTS,
    ("GET", "/v1/lookupcaches"): LISTS,
    ("GET", "/v1/integrations/{}/audit"): [asking(**{"from": SINCE, "to": UNTIL})],
    ("GET", "/v1/audit"): [
        asking(**{"from": SINCE, "to": UNTIL, "resourceType": "integration", "action": "update", "source": "api"}),
        Variant(query=lambda world: {"_resourceId": world.ids["integration"], "_byUserId": world.actor.user_id.hex}),
        asking(limit="1", offset="1"),
    ],
    ("GET", "/v1/flows/{}/{}/errors"): OPEN,
    ("GET", "/v1/flows/{}/{}/errors/signedURL"): OPEN,
    ("GET", "/v1/flows/{}/{}/resolved"): [*ERRORS, asking(resolvedAt_gte=SINCE, resolvedAt_lte=UNTIL)],
    ("GET", "/v1/jobs"): [
        jobs(_flowJobId="job", type="import"),
        jobs(_exportId="source", type_in="export,import"),
        jobs(_importId="import", retriable="true"),
        jobs(_parentJobId="job", type="retry"),
        jobs(_bulkJobId="job"),
        jobs(_integrationId="integration", _flowId_in="flow", status="completed"),
        jobs(createdAt_gte=SINCE, createdAt_lte=UNTIL, numSuccess_gte="0", numSuccess_lte="9", numError_gte="0"),
        jobs(createdAt_gte=SINCE, numError_lte="9", numExport_gte="0", numExport_lte="9", numIgnore_gte="0"),
        jobs(createdAt_gte=SINCE, numIgnore_lte="9"),
    ],
    ("GET", "/v1/jobs/{}"): [of(job="retry"), of(job="canceled")],
    ("GET", "/v1/jobs/{}/joberrors"): [of(job="retry")],
    ("GET", "/v1/connections/{}/ping"): [of(database="refusing")],
    ("POST", "/v1/jobs/current"): [
        sending(lambda world: {"_integrationId": world.ids["integration"], "_flowId": world.ids["flow"]})
    ],
    ("POST", "/v1/flows/{}/run"): [
        sending(lambda world: {"export": {"startDate": SINCE, "endDate": UNTIL}, "_exportIds": [world.ids["source"]]}),
        sending(lambda world: {"runKey": "none of its exports is one of uploads"}),
    ],
    ("POST", "/v1/flows/{}/{}/retry"): [sending(lambda world: {"errorIds": [world.ids["error4"]]})],
    ("PUT", "/v1/flows/{}/{}/errors/assign"): [
        sending(
            lambda world: {
                "errorIds": [world.ids["error"]],
                "email": "walker@acme.example",
                "_userId": hex24(world.actor.user_id),
            }
        )
    ],
    ("PUT", "/v1/flows/{}/{}/{}/data"): [
        sending(lambda world: {"data": {"id": "order-3"}, "stage": "import", "traceKey": "order-3"})
    ],
    ("POST", "/v1/exports/preview"): [
        Variant(body=failing_preview),
        sending(lambda world: {**FAILING, "_connectionId": world.ids["database"]}),
    ],
    ("POST", "/v1/connections/{}/export/pages"): [
        Variant(body=next_page),
        sending(lambda world: {"export": FAILING}),
    ],
    ("POST", "/v1/lookupcaches/{}/getData"): [
        sending(lambda world: {"keys": ["eur"]}),
        sending(lambda world: {"startAfterKey": "a"}),
    ],
    ("POST", "/v1/imports/{}/invoke"): [
        Variant(body=lambda world, before: [{"id": "order-9", "amount": "1"}], ids={"count": "sink"})
    ],
}
# Where another row than the one of its kind is what the good call is about.
STANDING_IN: dict[Key, dict[str, str]] = {
    ("PUT", "/v1/connections/{}"): {"connection": "refusing"},
    ("PUT", "/v1/flows/{}"): {"flow": "idle"},
    ("PUT", "/v1/jobs/{}/cancel"): {"job": "running"},
    ("PUT", "/v1/flows/{}/{}/resolved"): {"error": "error2"},
    ("POST", "/v1/flows/{}/{}/retry"): {"error": "error3"},
}

EXCUSED: dict[Field, str] = {
    ("Job", "_bulkJobId"): "there are no bulk jobs: one call retries as many records as a bulk job would",
    ("RetryRequest", "errorFileId"): "files of errors are made when they are fetched, not kept: it is refused by name",
    ("StepError", "retryDataKey"): "of records that are submitted with no job, nothing is kept",
    ("StepResponse", "data"): "a lookup's answer; only imports are asked with no job",
    ("LegacyJobError", "extract"): "a mapping says which field it could not make, not what that is made of",
    ("LegacyJobError", "extracted"): "a mapping says which field it could not make, not what that is made of",
    ("LegacyJobError", "generated"): "a field that could not be made has no value",
}
