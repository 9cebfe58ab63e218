"""Saving and deleting exports. Listener secrets leave the document for the vault, as a connection's do."""

import uuid
from collections.abc import Sequence
from typing import Any

from apps.connections.secrets import seal
from apps.engine.mapping import compile_mapping, gather_lookups
from apps.flows.models import Export
from apps.flows.services.checks import check_file, check_filters, check_templates, check_transforms, compiled
from apps.flows.services.reusable import ReusableResource
from apps.integrations.resources import Draft

ADAPTORS = [
    "HTTPExport",
    "RESTExport",
    "FTPExport",
    "S3Export",
    "RDBMSExport",
    "MongodbExport",
    "DynamodbExport",
    "JDBCExport",
    "NetSuiteExport",
    "SalesforceExport",
    "WebhookExport",
    "AS2Export",
    "SimpleExport",
    "FileSystemExport",
    "WrapperExport",
]
TYPES = ("delta", "once", "test", "webhook", "simple", "blob", "distributed", "stream")
PAGING_METHODS = ("linkheader", "page", "skip", "token", "url", "relativeuri", "body")
WITHOUT_CONNECTION = ("WebhookExport", "SimpleExport")
MOST_FILES = 1000
# What each paging method cannot do without.
PAGING_NEEDS = {"token": "path", "url": "path", "relativeuri": "relativeURI", "body": "body"}


class ExportResource(ReusableResource[Export]):
    """The surprise: `type` and `isLookup` are columns, for queries, and stay in the document as they were written."""

    kind = "export"
    model = Export
    suffix = "Export"

    def check(self, draft: Draft[Export]) -> None:
        document = draft.document
        adaptor = document.get("adaptorType")
        self.check_connection(draft, needed=adaptor not in (None, *WITHOUT_CONNECTION) or "http" in document)
        check_filters(draft, document, "filter", "inputFilter")
        check_filters(draft, document.get("file") or {}, "filter", at="file.")
        check_transforms(draft, "transform")
        self.check_watch(draft)
        check_templates(draft)
        if document.get("mappings"):
            lookups = gather_lookups(document)
            compiled(draft, lambda: compile_mapping(document["mappings"], lookups=lookups))
        self.check_paging(draft)
        check_file(draft)
        if ((document.get("file") or {}).get("batchSize") or 0) > MOST_FILES:
            draft.fail("file.batchSize", f"is of files that are read together: at most {MOST_FILES}.")
        rdbms = document.get("rdbms")
        if rdbms and not isinstance(rdbms.get("query", ""), str):
            draft.fail("rdbms.query", "must be one text.")

    def check_paging(self, draft: Draft[Export]) -> None:
        paging = (draft.document.get("http") or {}).get("paging") or {}
        needed = PAGING_NEEDS.get(paging.get("method", ""))
        if needed and not paging.get(needed):
            message = f"is needed by the paging method {paging['method']}."
            draft.fail(f"http.paging.{needed}", message, code="missing_required_field")

    def fill(self, draft: Draft[Export]) -> None:
        super().fill(draft)
        row, document = draft.row, draft.document
        row.type = document.get("type") or ""
        row.is_lookup = bool(document.get("isLookup"))
        sealed = draft.try_check(
            lambda: seal(document, type="webhook", connection_id=row.id, previous=bytes(row.secret))
        )
        if sealed:
            draft.document, row.secret = sealed

    def counted(self, rows: Sequence[Export], *, alone: bool = False) -> dict[uuid.UUID, dict[str, Any]]:
        """`asynchronous`: it is read in its own time, page by page; a lookup is asked while its record waits."""
        found = super().counted(rows, alone=alone)
        for row in rows:
            found[row.pk]["asynchronous"] = not row.is_lookup
        return found

    def adaptor_for(self, draft: Draft[Export]) -> str:
        kinds = {"webhook": "WebhookExport", "simple": "SimpleExport"}
        return kinds.get(draft.document.get("type") or "") or super().adaptor_for(draft)


EXPORTS = ExportResource()
