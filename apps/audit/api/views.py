"""The change log: /v1/audit in an envelope with the next page's address, a resource's own log as a bare list."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit.models import AuditEntry
from apps.audit.querysets import entries, entries_of
from apps.core.actors import Verb
from apps.core.ids import hex24, parse_id
from apps.wire.fields import AnyField, IdField, ListField, Part, StampField, TextField
from apps.wire.paging import next_address, read_limit, refuse_query
from apps.wire.stamps import read_stamp, stamp
from apps.wire.viewsets import WireView

# The convention knows six words; ours say more, and stand for one of those.
WORDS = {
    "run": "create",
    "retry": "create",
    "erase": "delete",
    "signin": "signin",
    "signin_refused": "signin",
    "create": "create",
    "delete": "delete",
    "view": "view",
}


class PersonPart(Part):
    _id = IdField()
    email = TextField()
    name = TextField()


class FieldChangePart(Part):
    fieldPath = TextField()
    oldValue = AnyField()
    newValue = AnyField()


class AuditEntrySerializer(Part):
    _id = IdField(required=True)
    resourceType = TextField(required=True)
    _resourceId = IdField(required=True)
    source = TextField(required=True)
    event = TextField(required=True)
    time = StampField(required=True)
    byUser = PersonPart()
    fieldChanges = ListField(FieldChangePart(), required=True)


class AuditPageSerializer(Part):
    audit = ListField(AuditEntrySerializer(), required=True)
    nextPageURL = TextField()


def show_entry(row: AuditEntry) -> dict[str, Any]:
    shown = {
        "_id": row.hex_id,
        "resourceType": row.resource_type,
        "_resourceId": hex24(row.resource_id),
        "source": row.source,
        "event": WORDS.get(row.event, "update"),
        "time": stamp(row.created_at),
        "fieldChanges": changes_of(row),
    }
    if row.user:
        shown["byUser"] = {"_id": row.user.hex_id, "email": row.user.email, "name": row.user.name}
    return shown


def changes_of(row: AuditEntry) -> list[dict[str, Any]]:
    """What a word of ours says beyond the convention's stands first."""
    if row.event in (*WORDS.values(), "update"):
        return row.changes
    return [{"fieldPath": "action", "newValue": row.event}, *row.changes]


def of_event(rows: QuerySet[AuditEntry], word: str) -> QuerySet[AuditEntry]:
    """`word` may be the convention's or ours."""
    if word == "update":
        return rows.exclude(event__in=WORDS)
    return rows.filter(event__in=[word, *(own for own, known in WORDS.items() if known == word)])


def within(rows: QuerySet[AuditEntry], request: Request) -> QuerySet[AuditEntry]:
    query = request.query_params
    if query.get("from"):
        rows = rows.filter(created_at__gte=read_stamp(query["from"], field="from"))
    if query.get("to"):
        rows = rows.filter(created_at__lte=read_stamp(query["to"], field="to"))
    return rows


class AuditView(WireView):
    serializer_class = AuditPageSerializer

    def get(self, request: Request) -> Response:
        if not self.actor.shares:
            self.actor.require(Verb.VIEW)
        query = request.query_params
        rows = within(entries(self.actor), request)
        if query.get("action"):
            rows = of_event(rows, query["action"])
        for name, column in (("resourceType", "resource_type"), ("source", "source")):
            if query.get(name):
                rows = rows.filter(**{column: query[name]})
        for name, column in (("_resourceId", "resource_id"), ("_byUserId", "user_id")):
            if query.get(name):
                row_id = parse_id(query[name])
                rows = rows.filter(**{column: row_id}) if row_id else rows.none()
        limit, offset = read_limit(query), read_offset(query.get("offset", ""))
        found = list(rows[offset : offset + limit + 1])
        answer: dict[str, Any] = {"audit": [show_entry(row) for row in found[:limit]]}
        if len(found) > limit:
            answer["nextPageURL"] = next_address(request, offset=str(offset + limit))
        return Response(answer)


def read_offset(text: str) -> int:
    if not text:
        return 0
    if not text.isascii() or not text.isdigit() or len(text) > 7:
        raise refuse_query("offset must be a whole number from 0 on.", field="offset")
    return int(text)


class ResourceAuditView(WireView):
    """The log of one resource: `as_view(resource=…)`."""

    serializer_class = AuditEntrySerializer
    resource: ClassVar[Any] = None

    def get(self, request: Request, _id: str) -> Response:
        row = self.resource.readable(self.actor).find(_id)
        self.resource.require(actor=self.actor, verb=self.resource.read_verb, row=row)
        rows = within(entries_of(self.actor, kind=self.resource.kind, row=row), request)
        return Response([show_entry(entry) for entry in rows[: read_limit(request.query_params)]])
