"""The demonstration's documents, as anybody would send them to the API.

Orders page by page → the customer of each → one form → the CRM, over HTTP → a SQL table.
"""

from typing import Any

DATABASE = "demo/sales.sqlite3"
TABLE = """
CREATE TABLE IF NOT EXISTS orders (
    number TEXT PRIMARY KEY, placed_at TEXT NOT NULL, company TEXT NOT NULL, country TEXT NOT NULL,
    total REAL NOT NULL CHECK (total >= 0), currency TEXT NOT NULL, crm_id TEXT NOT NULL
)
"""
ABOUT = (
    "Orders of a sample shop go into a sample CRM and a SQL table. Some are bad on purpose: they wait as failed "
    "records, to be mended and retried. Delete the flow and this integration, and the sample systems are gone too."
)
INTEGRATION: dict[str, Any] = {"name": "Demonstration: shop orders", "description": ABOUT}


def http_connection(*, name: str, external_id: str, base: str, token: str, at_once: int) -> dict[str, Any]:
    """Few calls at once: both systems are served by the process that calls them."""
    return {
        "name": name,
        "type": "http",
        "externalId": external_id,
        "http": {
            "baseURI": base,
            "mediaType": "json",
            "concurrencyLevel": at_once,
            "auth": {"type": "token", "token": {"token": token, "location": "header", "headerName": "X-Demo-Token"}},
            "ping": {"relativeURI": "/orders?size=1", "method": "GET"},
        },
    }


def database_connection() -> dict[str, Any]:
    return {
        "name": "Sample sales database",
        "type": "rdbms",
        "externalId": "demo-database",
        "rdbms": {"type": "sqlite", "database": DATABASE},
    }


def orders_export(connection_id: str) -> dict[str, Any]:
    return {
        "name": "Orders of the shop",
        "adaptorType": "HTTPExport",
        "_connectionId": connection_id,
        "pageSize": 500,
        "traceKeyTemplate": "{{record.number}}",
        "http": {
            "method": "GET",
            "relativeURI": "/orders?page={{export.http.paging.page}}&size=500",
            "response": {"resourcePath": "data"},
            "paging": {"method": "page", "page": 1, "maxPagePath": "pages"},
        },
    }


def customer_lookup(connection_id: str) -> dict[str, Any]:
    return {
        "name": "Customer of the order",
        "adaptorType": "HTTPExport",
        "isLookup": True,
        "_connectionId": connection_id,
        "traceKeyTemplate": "{{record.number}}",
        "http": {"method": "GET", "relativeURI": "/customers/{{record.customer_id}}"},
    }


def crm_import(connection_id: str) -> dict[str, Any]:
    customer = [field("name", "$.customer.name"), field("email", "$.customer.email"), field("city", "$.customer.city")]
    line = [field("sku", "$.lines.sku"), field("quantity", "$.lines.quantity", "number")]
    return {
        "name": "Orders into the CRM",
        "adaptorType": "HTTPImport",
        "_connectionId": connection_id,
        "traceKeyTemplate": "{{record.number}}",
        "http": {
            "method": ["POST"],
            "relativeURI": ["/orders"],
            "batchSize": 50,
            "response": {
                "resourcePath": ["results"],
                "resourceIdPath": ["id"],
                "failPath": ["error"],
                "errorPath": ["error"],
            },
        },
        "mappings": [
            field("number", "$.number"),
            field("placedAt", "$.placed_at"),
            field("total", "$.amount", "number"),
            field("currency", "$.currency"),
            field("source", "sample shop"),
            {"generate": "customer", "dataType": "object", "status": "Active", "mappings": customer},
            {
                "generate": "lines",
                "dataType": "objectarray",
                "status": "Active",
                "buildArrayHelper": [{"extract": "$.lines[*]", "mappings": line}],
            },
        ],
    }


def table_import(connection_id: str) -> dict[str, Any]:
    return {
        "name": "Orders into the sales table",
        "adaptorType": "RDBMSImport",
        "_connectionId": connection_id,
        "traceKeyTemplate": "{{record.number}}",
        "rdbms": {"queryType": ["bulk_load"], "bulkLoad": {"tableName": "orders", "primaryKeys": "number"}},
        "mappings": [
            field("number", "$.number"),
            field("placed_at", "$.placed_at"),
            field("company", "$.customer.company"),
            field("country", "$.customer.country"),
            field("total", "$.amount", "number"),
            field("currency", "$.currency"),
            field("crm_id", "$.crm_id"),
        ],
    }


def flow(*, integration_id: str, export_id: str, lookup_id: str, crm_id: str, table_id: str) -> dict[str, Any]:
    """Without a schedule, so that nothing happens behind a newcomer's back; a new failure settles the old one."""
    return {
        "name": "Shop orders into the CRM",
        "_integrationId": integration_id,
        "autoResolveMatchingTraceKeys": True,
        "pageGenerators": [{"_exportId": export_id}],
        "pageProcessors": [
            {
                "type": "export",
                "_exportId": lookup_id,
                "responseMapping": {"fields": [{"extract": "data[0]", "generate": "customer"}]},
            },
            {
                "type": "import",
                "_importId": crm_id,
                "responseMapping": {"fields": [{"extract": "id", "generate": "crm_id"}]},
            },
            {"type": "import", "_importId": table_id},
        ],
    }


def field(generate: str, extract: str, kind: str = "string") -> dict[str, Any]:
    return {"generate": generate, "dataType": kind, "extract": extract, "status": "Active"}
