"""One row of every kind, made by the services, and the ids that stand for them in addresses and bodies."""

from dataclasses import dataclass, field
from typing import Any

from apps.connections.registration import register_connections
from apps.connections.resource import CONNECTIONS
from apps.core.clock import now
from apps.core.ids import hex24
from apps.executions.models import Execution, RecordError, RetryData, Step
from apps.executions.payloads import pack
from apps.flows.services.lookup_data import upsert_data
from apps.flows.services.resources import EXPORTS, FLOWS, IMPORTS, LOOKUP_CACHES, SCRIPTS
from apps.flows.services.runs import run_flow
from apps.integrations.services import INTEGRATIONS

HTTP_CONNECTION = {
    "name": "Shop",
    "type": "http",
    "http": {
        "baseURI": "https://shop.example/api",
        "mediaType": "json",
        "auth": {"type": "token", "token": {"token": "s3cr3t", "location": "header"}},
    },
}
HTTP_EXPORT = {
    "name": "Orders",
    "adaptorType": "HTTPExport",
    "http": {
        "method": "GET",
        "relativeURI": "/orders?page={{{export.http.paging.page}}}",
        "paging": {"method": "page", "page": 1},
        "response": {"resourcePath": "data"},
    },
    "filter": {"type": "expression", "expression": {"version": "1", "rules": ["notempty", ["extract", "id"]]}},
}
HTTP_IMPORT = {
    "name": "Send orders",
    "adaptorType": "HTTPImport",
    "http": {"method": ["POST"], "relativeURI": ["/orders"], "requestMediaType": "json"},
    "mappings": [{"generate": "id", "dataType": "string", "extract": "$.id", "status": "Active"}],
}
LISTENER = {
    "name": "Listen",
    "type": "webhook",
    "webhook": {"verify": "secret_url", "token": "s3cr3t"},
}
DATABASE = {"name": "Books", "type": "rdbms", "rdbms": {"type": "sqlite", "database": "books.sqlite3"}}
FTP = {
    "name": "Drop box",
    "type": "ftp",
    "ftp": {"type": "sftp", "hostURI": "files.example", "port": 2222, "username": "ann", "password": "s3cr3t"},
}
S3 = {"name": "Bucket", "type": "s3", "s3": {"accessKeyId": "AKIA1", "secretAccessKey": "s3cr3t"}}
FOLDER = {"name": "Folder", "type": "filesystem", "filesystem": {"directoryPath": "walk"}}
SQL_EXPORT = {
    "name": "Numbers",
    "adaptorType": "RDBMSExport",
    "rdbms": {"query": "SELECT 1 AS id UNION SELECT 2"},
    "pageSize": 1,
}
SQL_IMPORT = {
    "name": "Count",
    "adaptorType": "RDBMSImport",
    "rdbms": {"queryType": ["per_record"], "query": ["CREATE TABLE IF NOT EXISTS n{{{record.id}}} (id INTEGER)"]},
    "mappings": [{"generate": "id", "dataType": "number", "extract": "$.id", "status": "Active"}],
}
GROUP = "00112233445566778899aabb"
FOLDER_OF_FLOWS = {"name": "Shop to ERP", "flowGroupings": [{"_id": GROUP, "name": "Nightly"}]}
LOOKUP_CACHE = {"name": "Rates", "description": "by currency", "includeDataInTemplatesAndCloning": True}
OUTSIDE = ("}/ping", "}/export", "}/export/pages", "}/import", "}/import/map", "}/invoke")


@dataclass
class World:
    """`ids` by the name of a path parameter, or kind."""

    actor: Any
    ids: dict[str, str] = field(default_factory=dict)

    def address(self, path: str) -> str:
        """The path with its parameters filled in; what `_id` is depends on the resource it follows.

        What reaches outside goes to a database file of the test's own.
        """
        kind = path.split("/")[2].removesuffix("s")
        if path.endswith(OUTSIDE):
            kind = {"connection": "database", "export": "numbers", "import": "count"}.get(kind, kind)
        if path.endswith("exports/{_id}/{token}/data"):
            kind = "listener"
        elif path.endswith("exports/{_id}/data"):
            kind = "upload"
        values = {**self.ids, "token": "s3cr3t", "_id": self.ids.get(kind, "0" * 24), "_stepId": self.ids["import"]}
        for name in ("_flowId", "_connectionId"):
            values[name] = self.ids[name[1:-2]]
        return path.format(**values)


def build_world(person: Any) -> World:
    world, flow, step = build_rows(person)
    add_run(world, flow=flow, step=step)
    return world


def build_rows(person: Any, *, shop: str = "https://shop.example/api") -> tuple[World, Any, Any]:
    """The world before anything has run in it, its flow, and the import of that. `shop`: where its calls lead."""
    actor = person.actor
    world = World(actor)
    integration = INTEGRATIONS.create(actor=actor, document=FOLDER_OF_FLOWS)
    over_http = {**HTTP_CONNECTION, "http": {**HTTP_CONNECTION["http"], "baseURI": shop}}
    connection = CONNECTIONS.create(actor=actor, document=over_http)
    spare = CONNECTIONS.create(actor=actor, document={**over_http, "name": "Spare"})
    register_connections(actor=actor, integration=integration, ids=[connection.hex_id])
    script = SCRIPTS.create(actor=actor, document={"name": "Hooks", "content": "function f(o) { return o.data }"})
    via = {"_connectionId": connection.hex_id}
    export = EXPORTS.create(actor=actor, document={**HTTP_EXPORT, **via})
    lookup = EXPORTS.create(actor=actor, document={**HTTP_EXPORT, **via, "name": "Look up", "isLookup": True})
    imported = IMPORTS.create(actor=actor, document={**HTTP_IMPORT, **via})
    cache = LOOKUP_CACHES.create(actor=actor, document=LOOKUP_CACHE)
    upsert_data(actor=actor, cache=cache, entries=[{"key": "eur", "value": "1.08"}])
    database = CONNECTIONS.create(actor=actor, document=DATABASE)
    for kind, document in (("ftp", FTP), ("s3", S3), ("folder", FOLDER)):
        world.ids[kind] = CONNECTIONS.create(actor=actor, document=document).hex_id
    numbers = EXPORTS.create(actor=actor, document={**SQL_EXPORT, "_connectionId": database.hex_id})
    count = IMPORTS.create(actor=actor, document={**SQL_IMPORT, "_connectionId": database.hex_id})
    listener = EXPORTS.create(actor=actor, document=LISTENER)
    upload = EXPORTS.create(actor=actor, document={"name": "Upload", "type": "simple"})
    for told in (listener, upload):
        FLOWS.create(
            actor=actor, document={"name": "Started by records", "pageGenerators": [{"_exportId": told.hex_id}]}
        )
    flow = FLOWS.create(
        actor=actor,
        document={
            "name": "Orders to ERP",
            "_integrationId": integration.hex_id,
            "pageGenerators": [{"_exportId": export.hex_id}],
            "pageProcessors": [
                {
                    "type": "export",
                    "_exportId": lookup.hex_id,
                    "responseMapping": {"fields": [{"extract": "data", "generate": "found"}], "lists": []},
                },
                {"type": "import", "_importId": imported.hex_id, "proceedOnFailure": True},
            ],
        },
    )
    for row, kind in (
        (integration, "integration"), (connection, "connection"), (spare, "spare"), (script, "script"),
        (export, "export"), (lookup, "lookup"), (imported, "import"), (flow, "flow"),
        (cache, "lookupcache"), (database, "database"), (numbers, "numbers"), (count, "count"),
        (listener, "listener"), (upload, "upload"),
    ):  # fmt: skip
        world.ids[kind] = row.hex_id
    return world, flow, imported


def add_run(world: World, *, flow: Any, step: Any) -> None:
    """A run that is under way, with one open error that was kept, and one that is resolved."""
    execution = run_flow(actor=world.actor, flow=flow)
    Step.objects.create(execution=execution, path="processors[1]", kind="import", target_id=step.id, state="waiting")
    errors = [add_error(execution, flow=flow, step=step, trace_key=key) for key in ("order-1", "order-2")]
    RecordError.objects.filter(pk=errors[1].pk).update(resolved_at=now(), resolved_by="autopilot")
    world.ids |= {"job": execution.hex_id, "error": errors[0].hex_id, "retryDataKey": errors[0].hex_id}
    world.ids["resolved"] = errors[1].hex_id


def add_error(execution: Execution, *, flow: Any, step: Any, trace_key: str) -> RecordError:
    error = RecordError.objects.create(
        organization_id=execution.organization_id,
        execution=execution,
        flow_id=flow.id,
        step_id=step.id,
        integration_id=flow.integration_id,
        source="application",
        code="400",
        message="The target refused the record.",
        trace_key=trace_key,
        retryable=True,
    )
    RetryData.objects.create(
        error=error,
        stage="import",
        position="processors[1]",
        key_base=hex24(execution.id),
        data=pack({"id": trace_key}),
    )
    return error
