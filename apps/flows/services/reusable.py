"""What saving an export and an import have in common: the folder, the connection and the adaptor that fits it."""

import uuid
from typing import Any, TypeVar

from apps.connections.models import Connection
from apps.connections.resource import LONGEST_DEBUG, moment_of
from apps.core.clock import now
from apps.core.ids import hex24
from apps.flows.models import Export, Import
from apps.integrations.resources import Draft, Resource

Row = TypeVar("Row", Export, Import)
# The kinds of connection an adaptor works through; one that is not named takes any.
FITTING = {
    "HTTP": ("http", "rest"),
    "REST": ("http", "rest"),
    "FTP": ("ftp",),
    "S3": ("s3",),
    "RDBMS": ("rdbms",),
    "Mongodb": ("mongodb",),
    "FileSystem": ("filesystem",),
    "NetSuite": ("netsuite",),
    "Salesforce": ("salesforce",),
    "Email": ("email",),
}
ADAPTOR_OF = {
    "http": "HTTP",
    "rest": "REST",
    "ftp": "FTP",
    "s3": "S3",
    "rdbms": "RDBMS",
    "mongodb": "Mongodb",
    "filesystem": "FileSystem",
    "netsuite": "NetSuite",
    "salesforce": "Salesforce",
    "email": "Email",
}


class ReusableResource(Resource[Row]):
    columns = frozenset({"name", "adaptorType", "_connectionId", "_integrationId", "externalId"})
    computed = frozenset({"apiIdentifier", "asynchronous"})
    suffix: str  # Export or Import

    def connection_type(self, draft: Draft[Row]) -> str:
        connection_id = draft.ids.get("_connectionId")
        found = Connection.objects.filter(pk=connection_id).values_list("type", flat=True) if connection_id else ()
        return next(iter(found), "")

    def check_watch(self, draft: Draft[Row]) -> None:
        """Until then everything that the step sends is kept, so that a person can look at it."""
        until = moment_of(draft.document.get("debugUntil"))
        known = None if draft.is_new else moment_of(draft.row.document.get("debugUntil"))
        if until is not None and until != known and until > now() + LONGEST_DEBUG:
            draft.fail("debugUntil", "may be at most 24 hours ahead: everything that is sent is kept until then.")

    def check_connection(self, draft: Draft[Row], *, needed: bool) -> None:
        document = draft.document
        if not document.get("_connectionId"):
            if needed:
                draft.fail("_connectionId", "is required.", code="missing_required_field")
            return
        adaptor = str(document.get("adaptorType", "")).removesuffix(self.suffix)
        kind, fitting = self.connection_type(draft), FITTING.get(adaptor)
        if kind and fitting and kind not in fitting:
            draft.fail("adaptorType", f"{document['adaptorType']} does not work through a connection of type {kind}.")

    def fill(self, draft: Draft[Row]) -> None:
        row, document = draft.row, draft.document
        row.name = document["name"]
        row.connection_id = draft.ids.get("_connectionId")
        row.integration_id = draft.ids.get("_integrationId")
        row.external_id = document.get("externalId", "")
        row.adaptor_type = document.get("adaptorType") or self.adaptor_for(draft)

    def adaptor_for(self, draft: Draft[Row]) -> str:
        adaptor = ADAPTOR_OF.get(self.connection_type(draft))
        return f"{adaptor}{self.suffix}" if adaptor else ""

    def members(self, row: Row) -> dict[str, Any]:
        shown: dict[str, Any] = {"name": row.name}
        if row.adaptor_type:
            shown["adaptorType"] = row.adaptor_type
        for name, value in (("_connectionId", row.connection_id), ("_integrationId", row.integration_id)):
            if isinstance(value, uuid.UUID):
                shown[name] = hex24(value)
        if row.external_id:
            shown["externalId"] = row.external_id
        return shown
