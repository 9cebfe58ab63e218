"""Good bodies for POST /v1/exports, which together send every documented member of an export.

Each is written, read back, written again by PUT and read back. A document that names a connection says its
`adaptorType` too, since the answer does; each secret is the text s3cr3t, which reads back masked.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from apps.core.clock import now
from apps.wire.stamps import stamp
from tests.contracts.world import HTTP_EXPORT, LISTENER, SQL_EXPORT, World

Field = tuple[str, str]  # schema, member
RULES = ["and", ["notempty", ["extract", "id"]], ["greaterthan", ["number", ["extract", "qty"]], 0]]
EXPRESSION = {"type": "expression", "expression": {"version": "1", "rules": RULES}}
OLDER_FILTER = {"type": "expression", "version": "1", "rules": RULES}
OLDER_TRANSFORM = {
    "type": "expression", "version": "1",
    "rules": [[{"extract": "a", "generate": "b", "key": "k"}, {"generate": "c", "hardCodedValue": 5}]],
}  # fmt: skip
DATES = {
    "extractDateFormat": "DD/MM/YYYY",
    "extractDateTimezone": "Europe/Berlin",
    "generateDateFormat": "YYYY-MM-DD",
    "generateDateTimezone": "UTC",
}
STATIC = {"name": "countries", "map": {"CA": "Canada"}, "default": "?", "allowFailures": True}
CALL = {
    "name": "customers", "method": "POST", "relativeURI": "/customers", "body": '{"mail": "{{record.mail}}"}',
    "extract": "rows[0].id", "useImportHeaders": True,
}  # fmt: skip
HEADERS = [{"name": "X-Shop", "value": "{{settings.export.shop}}"}]
HTTP_RULES = {
    "resourcePath": "data",
    "resourceIdPath": "id",
    "successPath": "ok",
    "successValues": ["true"],
    "failPath": "failed",
    "failValues": ["true"],
    "errorPath": "why",
    "allowArrayforSuccessPath": True,
}
PAGING: dict[str, dict[str, Any]] = {
    "page": {
        "page": 1, "maxPagePath": "pages", "maxCountPath": "total", "resourcePath": "data", "lastPageStatusCode": 410,
    },
    "skip": {"skip": 100, "lastPagePath": "more", "lastPageValues": ["false"]},
    "token": {"path": "next", "pathLocation": "body", "token": "first", "pathAfterFirstRequest": "meta.next"},
    "url": {"path": "next"},
    "linkheader": {"linkHeaderRelation": "next"},
    "relativeuri": {"relativeURI": "/orders?after={{{previous_page.last_record.id}}}"},
    "body": {"body": '{"after": {{previous_page.last_record.id}}}'},
}  # fmt: skip


def nodes() -> list[dict[str, Any]]:
    """Every member of a mapping of version 2."""
    node = {"status": "Active", "dataType": "string"}
    when = {"when": "extract_not_empty"}
    return [
        {**node, "generate": "id", "extract": "$.id", "sourceDataType": "number", "description": "its number"},
        {**node, "generate": "day", "extract": "$.day", **DATES, "conditional": when},
        {**node, "generate": "country", "extract": "$.country", "lookupName": "countries", "default": "?"},
        {"generate": "bill", "dataType": "object", "status": "Active", "extract": "$.bill", "copySource": "yes"},
        {"generate": "ship", "dataType": "object", "status": "Active",
         "mappings": [{**node, "generate": "mail", "extract": "$.ship.mail"}]},
        {"generate": "lines", "dataType": "objectarray", "status": "Active", "buildArrayHelper": [
            {"extract": "$.lines[*]", "sourceDataType": "objectarray", "conditional": when,
             "mappings": [{**node, "generate": "sku", "extract": "$.lines.sku"}]},
            {"extract": "$.gifts", "copySource": "yes"},
        ]},
        {"generate": "tags", "dataType": "stringarray", "status": "Active",
         "buildArrayHelper": [{"extract": "$.tags", "default": "none"}]},
    ]  # fmt: skip


def script_of(world: World) -> dict[str, Any]:
    return {"_scriptId": world.ids["script"], "function": "f"}


def cache_of(world: World) -> dict[str, Any]:
    return {"name": "rates", "_lookupCacheId": world.ids["lookupcache"], "extract": "rate"}


def over_http(world: World) -> dict[str, Any]:
    return {**HTTP_EXPORT, "_connectionId": world.ids["connection"]}


def listener(world: World) -> dict[str, Any]:
    return {**LISTENER, "adaptorType": "WebhookExport"}


def of_a_query(world: World) -> dict[str, Any]:
    return {**SQL_EXPORT, "_connectionId": world.ids["database"]}


def whole(world: World) -> dict[str, Any]:
    """What any export has, and requests for changes."""
    return {
        **over_http(world),
        "name": "Changed orders",
        "description": "since the last run",
        "type": "delta",
        "oneToMany": False,
        "pageSize": 50,
        "dataURITemplate": "https://shop.example/orders/{{{record.id}}}",
        "traceKeyTemplate": "{{record.number}}",
        "groupByFields": ["customer"],
        "delta": {
            "dateField": "updated", "dateFormat": "YYYY-MM-DD", "lagOffset": 5000,
            "startDate": "2026-01-01T00:00:00.000Z",
        },
        "filter": {"type": "script", "script": script_of(world)},
        "transform": {
            "type": "expression",
            "expression": {
                "version": "2",
                "rulesTwoDotZero": {"mode": "modify", "mappings": nodes(), "lookups": [STATIC, CALL, cache_of(world)]},
            },
        },
        "hooks": {"preSavePage": {**script_of(world), "_stackId": None, "configuration": {"deep": [1, None]}}},
        "mockOutput": {"page_of_records": [{"record": {"id": 1, "lines": []}}]},
        "skipRetries": True,
        "settings": {"shop": "eu"},
        "settingsForm": {"form": {"fieldMap": {"shop": {"id": "shop", "type": "text"}}}},
        "sampleData": [{"id": 1}],
        "rawData": '[{"id": 1}]',
        "_integrationId": world.ids["integration"],
        "externalId": "changed-orders",
    }  # fmt: skip


def request(world: World, **http: Any) -> dict[str, Any]:
    return {
        "name": "Orders", "adaptorType": "HTTPExport", "_connectionId": world.ids["connection"],
        "http": {"method": "POST", "relativeURI": "/orders", **http},
    }  # fmt: skip


def to_be_marked(world: World) -> dict[str, Any]:
    once = {"relativeURI": "/orders/{{record.id}}", "method": "PUT", "body": '{"read": true}'}
    http = {
        "headers": HEADERS, "body": '{"open": true}', "requestMediaType": "json", "successMediaType": "json",
        "errorMediaType": "xml", "once": once, "response": HTTP_RULES,
    }  # fmt: skip
    return {
        **request(world, **http), "type": "once", "once": {"booleanField": "read"}, "transform": OLDER_TRANSFORM,
        "filter": OLDER_FILTER,
    }  # fmt: skip


def paged(method: str) -> Callable[[World], dict[str, Any]]:
    return lambda world: request(world, paging={"method": method, **PAGING[method]})


def for_blobs(world: World) -> dict[str, Any]:
    return {**request(world, type="blob", response={"blobFormat": "base64"}), "type": "blob"}


def limited(world: World) -> dict[str, Any]:
    pairs = [{"extract": "a", "generate": "b"}]
    transform = {"type": "expression", "expression": {"version": "1", "rules": [pairs]}}
    return {**over_http(world), "type": "test", "test": {"limit": 10}, "transform": transform}


def lookup(world: World) -> dict[str, Any]:
    return {
        **request(world), "isLookup": True, "oneToMany": True, "pathToMany": "lines", "inputFilter": EXPRESSION,
        "mappings": nodes(), "lookups": [STATIC, CALL, cache_of(world)],
        "transform": {"type": "script", "script": script_of(world)},
    }  # fmt: skip


def files(**file: Any) -> dict[str, Any]:
    return {
        "type": "csv", "output": "records", "encoding": "utf8", "skipDelete": True, "batchSize": 5,
        "groupByFields": ["id"], "sortByFields": [{"field": "id", "descending": True}], "compressionFormat": "gzip",
        "backupPath": "done", **file,
    }  # fmt: skip


CSV = {
    "columnDelimiter": ";", "rowDelimiter": "\r\n", "keyColumns": ["id"], "hasHeaderRow": True, "includeHeader": False,
    "trimSpaces": True, "rowsToSkip": 1, "wrapWithQuotes": False, "replaceTabWithSpace": False,
    "replaceNewlineWithSpace": False,
}  # fmt: skip
FTP_PLACES = {
    "directoryPath": "in", "fileName": "orders.csv", "inProgressFileName": "orders.part",
    "fileNameStartsWith": "ord", "fileNameEndsWith": ".csv", "backupDirectoryPath": "done",
}  # fmt: skip


def from_ftp(world: World) -> dict[str, Any]:
    return {
        "name": "Dropped orders", "adaptorType": "FTPExport", "_connectionId": world.ids["ftp"], "ftp": FTP_PLACES,
        "file": files(csv=CSV, fileName="orders.csv", skipAggregation=False, lookups=[STATIC]),
    }  # fmt: skip


def from_a_folder(**file: Any) -> Callable[[World], dict[str, Any]]:
    return lambda world: {
        "name": "Laid down", "adaptorType": "FileSystemExport", "_connectionId": world.ids["folder"],
        "filesystem": {"directoryPath": "in"}, "file": files(**file),
    }  # fmt: skip


def told(**webhook: Any) -> Callable[[World], dict[str, Any]]:
    return lambda world: {"name": "Told", "adaptorType": "WebhookExport", "type": "webhook", "webhook": webhook}


def of_another_system(**members: Any) -> Callable[[World], dict[str, Any]]:
    """What is for systems that nobody here can speak to is kept with the document."""
    return lambda world: {"name": "Elsewhere", "adaptorType": "SimpleExport", "type": "simple", **members}


def watched(world: World) -> dict[str, Any]:
    return {**over_http(world), "debugUntil": stamp(now() + timedelta(hours=1))}


DOCUMENTS: list[Callable[[World], dict[str, Any]]] = [
    over_http,
    watched,
    listener,
    of_a_query,
    whole,
    to_be_marked,
    *map(paged, PAGING),
    for_blobs,
    limited,
    lookup,
    from_ftp,
    from_a_folder(type="json", json={"resourcePath": "orders"}),
    from_a_folder(type="xlsx", xlsx={"hasHeaderRow": True, "includeHeader": False}),
    from_a_folder(type="xml", xml={"resourcePath": "/orders/order", "body": ""}),
    told(verify="token", token="s3cr3t", path="auth.token", tokenLocation="body", provider="custom"),
    told(
        verify="token", token="s3cr3t", tokenLocation="header", tokenHeaderName="X-Shop", tokenHeaderScheme="custom",
        customTokenScheme="Shop", pathToRecords="orders", includeParentData=True, requestMediaType="json",
        successStatusCode=202, successBody="got {{order}}", successMediaType="plaintext",
    ),
    told(verify="token", token="s3cr3t", tokenLocation="queryParam", tokenQueryParamName="t"),
    told(verify="hmac", key="s3cr3t", algorithm="sha256", encoding="hex", header="X-Signature"),
    told(verify="basic", username="ann", password="s3cr3t"),
    of_another_system(netsuite={"type": "restlet", "restlet": {"recordType": "salesorder"}}),
    of_another_system(salesforce={"type": "soql", "soql": {"query": "SELECT Id FROM Order"}}),
]  # fmt: skip
# Documented members that no document can send, or that no answer can hold, and why.
EXCUSED: dict[Field, str] = {
    ("ExportHttp", "_asyncHelperId"): "asynchronous helpers are resources that the contract has no operation for: 422",
    ("HookRef", "_stackId"): "stacks, which host hooks elsewhere, have no operation either: an id of one is 422",
    ("Export", "apiIdentifier"): "a second address of the vendor's to invoke it by: here it has one, by its id",
    ("Export", "_connectorId"): "the vendor's packaged integrations do not exist here",
    ("Export", "_sourceId"): "a copy remembers what it was made of, and cloning is not built",
}
