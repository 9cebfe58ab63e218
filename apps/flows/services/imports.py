"""Saving and deleting imports."""

from typing import Any

from apps.engine.mapping import compile_import_mapping
from apps.flows.models import Import
from apps.flows.services.checks import check_file, check_filters, check_templates, check_transforms, compiled
from apps.flows.services.reusable import ReusableResource
from apps.integrations.resources import Draft

ADAPTORS = [
    "HTTPImport",
    "RESTImport",
    "FTPImport",
    "S3Import",
    "RDBMSImport",
    "MongodbImport",
    "DynamodbImport",
    "JDBCImport",
    "NetSuiteImport",
    "NetSuiteDistributedImport",
    "SalesforceImport",
    "AS2Import",
    "FileSystemImport",
    "WrapperImport",
    "AiAgentImport",
    "GuardrailImport",
    "ToolImport",
    "EmailImport",  # ours
]
WITHOUT_CONNECTION = ("AiAgentImport", "GuardrailImport", "ToolImport")
QUERY_TYPES = ("per_record", "per_page", "first_page", "bulk_insert", "bulk_load")
LEGACY_QUERY_TYPES = ("INSERT", "UPDATE")


class ImportResource(ReusableResource[Import]):
    kind = "import"
    model = Import
    suffix = "Import"

    def check(self, draft: Draft[Import]) -> None:
        document = draft.document
        self.check_connection(draft, needed=document.get("adaptorType") not in WITHOUT_CONNECTION)
        check_filters(draft, document, "filter")
        check_transforms(draft, "transform", "responseTransform")
        self.check_watch(draft)
        check_templates(draft)
        compiled(draft, lambda: compile_import_mapping(document))
        check_file(draft)
        check_parallel(draft, document.get("http") or {})
        if document.get("rdbms"):
            check_rdbms(draft, document["rdbms"])


def check_parallel(draft: Draft[Import], http: dict[str, Any]) -> None:
    """One address, and one request type where there are any, for each method."""
    count = len(http.get("method") or [])
    for name in ("relativeURI", "requestType"):
        values = http.get(name)
        if values and len(values) != count:
            draft.fail(f"http.{name}", f"must have as many entries as http.method, {count}, not {len(values)}.")


def check_rdbms(draft: Draft[Import], rdbms: dict[str, Any]) -> None:
    kinds, queries = rdbms.get("queryType"), rdbms.get("query")
    if queries is not None and not (isinstance(queries, list) and all(isinstance(text, str) for text in queries)):
        draft.fail("rdbms.query", "must be a list of texts.")
    if kinds is None:
        return
    if not isinstance(kinds, list) or len(kinds) != 1 or not isinstance(kinds[0], str):
        draft.fail("rdbms.queryType", "must be a list of one word.")
    elif kinds[0] in LEGACY_QUERY_TYPES and draft.is_new:
        draft.fail("rdbms.queryType[0]", f"{kinds[0]} is not taken by new imports: use per_record.")
    elif kinds[0] not in (*QUERY_TYPES, *LEGACY_QUERY_TYPES):
        draft.fail("rdbms.queryType[0]", f"must be one of {', '.join(QUERY_TYPES)}.")


IMPORTS = ImportResource()
