"""Good bodies for POST /v1/imports, which together send every documented member of an import.

Each is written, read back, written again by PUT and read back. A document that names a connection says its
`adaptorType` too, since the answer does; each secret is the text s3cr3t, which reads back masked.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from apps.core.clock import now
from apps.wire.stamps import stamp
from tests.contracts.celigo_exports import (
    CALL,
    CSV,
    DATES,
    EXPRESSION,
    FTP_PLACES,
    OLDER_FILTER,
    OLDER_TRANSFORM,
    STATIC,
    cache_of,
    nodes,
    script_of,
)
from tests.contracts.world import HTTP_IMPORT, SQL_IMPORT, World

Field = tuple[str, str]  # schema, member


def over_http(world: World) -> dict[str, Any]:
    return {**HTTP_IMPORT, "_connectionId": world.ids["connection"]}


def by_statements(world: World) -> dict[str, Any]:
    return {**SQL_IMPORT, "_connectionId": world.ids["database"]}


def whole(world: World) -> dict[str, Any]:
    """What any import has, and both kinds of request."""
    hook = {**script_of(world), "_stackId": None, "configuration": {"mark": "#"}}
    return {
        "name": "Send orders",
        "description": "into the shop",
        "adaptorType": "HTTPImport",
        "_connectionId": world.ids["connection"],
        "distributed": False,
        "ignoreExisting": False,
        "ignoreMissing": False,
        "oneToMany": True,
        "pathToMany": "lines",
        "traceKeyTemplate": "{{record.number}}",
        "dataURITemplate": "https://shop.example/orders/{{{id}}}",
        "http": {
            "type": "records",
            "formType": "http",
            "method": ["POST", "PUT"],
            "relativeURI": ["/orders", "/orders/{{{data.0.shopId}}}"],
            "requestType": ["CREATE", "UPDATE"],
            "body": ['{"order": {{{jsonSerialize record}}}}', {"order": "{{record.id}}"}],
            "headers": [{"name": "X-Shop", "value": "{{settings.import.shop}}"}],
            "batchSize": 1,
            "requestMediaType": "json",
            "successMediaType": "json",
            "errorMediaType": "plaintext",
            "sendPostMappedData": True,
            "strictHandlebarEvaluation": True,
            "ignoreEmptyNodes": True,
            "existingExtract": "shopId",
            "endPointBodyLimit": 100_000,
            "response": {
                "resourcePath": ["data", "data"],
                "resourceIdPath": ["id", "id"],
                "successPath": ["ok", "ok"],
                "successValues": [["true"], ["true", "1"]],
                "failPath": ["failed", "failed"],
                "failValues": [["true"], ["true"]],
                "errorPath": "why",
                "allowArrayforSuccessPath": True,
            },
        },
        "mappings": nodes(),
        "lookups": [STATIC, CALL, cache_of(world)],
        "filter": EXPRESSION,
        "transform": {"type": "script", "script": script_of(world)},
        "responseTransform": {"type": "expression", "expression": {
            "version": "1", "rules": [[{"extract": "id", "generate": "shopId"}]],
        }},
        "hooks": dict.fromkeys(("preMap", "postMap", "postSubmit", "postAggregate"), hook),
        "mockResponse": [{"id": "1", "statusCode": 200, "errors": [], "_json": {"id": 1}}],
        "settings": {"shop": "eu"},
        "settingsForm": {"form": {"fieldMap": {"shop": {"id": "shop", "type": "text"}}}},
        "sampleData": {"id": 1},
        "_integrationId": world.ids["integration"],
        "externalId": "send-orders",
    }  # fmt: skip


def request(world: World, **http: Any) -> dict[str, Any]:
    return {
        "name": "Send", "adaptorType": "HTTPImport", "_connectionId": world.ids["connection"],
        "http": {"method": ["POST"], "relativeURI": ["/orders"], **http},
    }  # fmt: skip


def looking_first(world: World) -> dict[str, Any]:
    script = {"type": "script", "script": script_of(world)}
    return {**request(world, ignoreLookupName="customers"), "lookups": [CALL], "ignoreExisting": True, "filter": script}


def reading_first(world: World) -> dict[str, Any]:
    newer = {"mode": "create", "mappings": nodes(), "lookups": [STATIC]}
    transform = {"type": "expression", "expression": {"version": "2", "rulesTwoDotZero": newer}}
    return {**request(world, ignoreExtract="shopId"), "ignoreMissing": True, "transform": transform}


def by_lookup(world: World) -> dict[str, Any]:
    http = {
        "method": ["POST", "PATCH"], "relativeURI": ["/orders", "/orders/{{lookup.customers}}"],
        "requestType": ["CREATE", "UPDATE"], "existingLookupName": "customers",
        "response": {"errorPath": ["why", "reason"]},
    }  # fmt: skip
    return {**request(world, **http), "lookups": [CALL]}


def of_blobs(world: World) -> dict[str, Any]:
    return {**request(world, type="file"), "blobKeyPath": "blobKey", "deleteAfterImport": True}


def in_the_older_way(world: World) -> dict[str, Any]:
    """Every member of a mapping of version 1."""
    fields = [
        {"extract": "id", "generate": "id", "dataType": "number", "isKey": True, "immutable": True},
        {"extract": "day", "generate": "day", "dataType": "date", **DATES},
        {"extract": "country", "generate": "country", "lookupName": "countries", "default": "?"},
        {"extract": "fax", "generate": "fax", "discardIfEmpty": True},
        {"generate": "kind", "hardCodedValue": "order", "dataType": "string"},
        {"extract": "*.total", "generate": "total", "useFirstRow": True},
        {"extract": "note", "generate": "note", "conditional": {"when": "lookup_empty", "lookupName": "countries"}},
    ]  # fmt: skip
    lines = {"generate": "lines", "jsonPath": "lines", "fields": [{"extract": "lines[*].sku", "generate": "sku"}]}
    mapping = {"fields": fields, "lists": [lines]}
    older = {"filter": OLDER_FILTER, "transform": OLDER_TRANSFORM}
    return {**request(world), "mapping": mapping, "lookups": [STATIC], **older}


def legacy(world: World) -> dict[str, Any]:
    """Requests of the older form are kept; a run is refused, and says that they stand under http now."""
    return {
        "name": "Older", "adaptorType": "RESTImport", "_connectionId": world.ids["connection"],
        "rest": {"method": ["POST"], "relativeURI": ["/orders"]},
    }  # fmt: skip


def onto_ftp(world: World) -> dict[str, Any]:
    file = {
        "type": "csv", "fileName": "o.csv", "encoding": "win1252", "skipAggregation": True, "batchSize": 100,
        "compressionFormat": "zip", "backupPath": "kept", "lookups": [STATIC], "skipDelete": False,
        "output": "records", "groupByFields": [], "sortByFields": [],
        "csv": {**CSV, "keyColumns": [], "includeHeader": True, "trimSpaces": False, "rowsToSkip": 0},
    }  # fmt: skip
    return {
        "name": "Drop", "adaptorType": "FTPImport", "_connectionId": world.ids["ftp"], "ftp": FTP_PLACES, "file": file,
    }  # fmt: skip


def into_a_folder(**file: Any) -> Callable[[World], dict[str, Any]]:
    return lambda world: {
        "name": "Lay down", "adaptorType": "FileSystemImport", "_connectionId": world.ids["folder"],
        "filesystem": {"directoryPath": "out"}, "file": {"fileName": "o", **file},
    }  # fmt: skip


def watched(world: World) -> dict[str, Any]:
    return {**over_http(world), "debugUntil": stamp(now() + timedelta(hours=1))}


DOCUMENTS: list[Callable[[World], dict[str, Any]]] = [
    over_http,
    watched,
    by_statements,
    whole,
    looking_first,
    reading_first,
    by_lookup,
    of_blobs,
    in_the_older_way,
    legacy,
    onto_ftp,
    into_a_folder(type="json", json={"resourcePath": "orders"}),
    into_a_folder(type="xlsx", xlsx={"includeHeader": False, "hasHeaderRow": True}),
    into_a_folder(type="xml", xml={"resourcePath": "/orders/order", "body": "<o>{{record.id}}</o>"}),
    into_a_folder(type="csv", sortByFields=[{"field": "id", "descending": True}], groupByFields=["id"]),
]
# Documented members that no document can send, or that no answer can hold, and why.
EXCUSED: dict[Field, str] = {
    ("ImportHttp", "_asyncHelperId"): "asynchronous helpers are resources that the contract has no operation for: 422",
    ("HookRef", "_stackId"): "stacks, which host hooks elsewhere, have no operation either: an id of one is 422",
    ("Import", "apiIdentifier"): "a second address of the vendor's to invoke it by: here it has one, by its id",
    ("Import", "_connectorId"): "the vendor's packaged integrations do not exist here",
    ("Import", "_sourceId"): "a copy remembers what it was made of, and cloning is not built",
}
