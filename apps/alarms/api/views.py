"""/v1/alarms: rules, their log, what fires, and a test that sends real messages. In the Celigo conventions."""

import re
from collections.abc import Sequence
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from apps.alarms import secrets, testing
from apps.alarms.api.serializers import AlarmSerializer, FiringSerializer, MessageSerializer, TestSerializer
from apps.alarms.models import Alarm, Firing, Message
from apps.alarms.services import ALARMS
from apps.alarms.telling import shown
from apps.alarms.texts import text_of
from apps.audit.services import record
from apps.core.actors import Verb
from apps.core.ids import hex24
from apps.wire.paging import SHORT_FORM, list_page, refuse_query
from apps.wire.stamps import stamp
from apps.wire.viewsets import ResourceViewSet

LOG_SHORT = frozenset({"_id", "createdAt"})


class AlarmViewSet(ResourceViewSet):
    resource = ALARMS
    serializer_class = AlarmSerializer
    short_form = SHORT_FORM | {"kind", "state"}
    patchable = re.compile(r"/(?!(_id|createdAt|lastModified|state|numFiring|firingSince|lastToldAt)(/|$)).+")

    def create(self, request: Request) -> Response:
        """The signing secret of a webhook is shown in this answer, and after it to nobody but by `redact=false`."""
        self.resource.require_somewhere(actor=self.actor, verb=Verb.EDIT)
        row = self.resource.create(actor=self.actor, document=self.body())
        shown_row = ALARMS.show(row)
        shown_row["channels"] = [with_signing_secret(row, channel) for channel in shown_row["channels"]]
        return Response(shown_row, status=201, headers={"Cache-Control": "no-store"})

    def retrieve(self, request: Request, **kwargs: str) -> Response:
        """With `redact=false` the secrets are shown, to those who may see secrets, and it is noted who did."""
        row = self.row(Verb.VIEW)
        if request.query_params.get("redact") != "false":
            return Response(ALARMS.show(row))
        self.actor.require(Verb.REVEAL)
        record(
            actor=self.actor, event="reveal", resource_type="alarm", resource_id=row.id, resource_name=row.name,
            integration_id=row.integration_id,
        )  # fmt: skip
        whole = secrets.unseal(row.document, bytes(row.secret), alarm_id=row.id)
        return Response({**ALARMS.show(row), "channels": whole["channels"]}, headers={"Cache-Control": "no-store"})


def with_signing_secret(row: Alarm, channel: dict[str, Any]) -> dict[str, Any]:
    kept = secrets.opened(bytes(row.secret), alarm_id=row.id).get(channel["_id"], {})
    return {**channel, "secret": kept["secret"]} if "secret" in kept else channel


class AlarmTestViewSet(ResourceViewSet):
    """POST: sends to each channel, waits for the outcome, answers it."""

    resource = ALARMS
    serializer_class = TestSerializer
    effect_in_transaction = False
    patchable = re.compile(r"(?!)")

    def test(self, request: Request, **kwargs: str) -> Response:
        messages = testing.send_test(actor=self.actor, alarm=self.row(Verb.EDIT))
        good = all(message.state == Message.State.SENT for message in messages)
        return Response({"ok": good, "messages": [show_message(message) for message in messages]})


class AlarmLogViewSet(ResourceViewSet):
    resource = ALARMS
    serializer_class = MessageSerializer
    patchable = re.compile(r"(?!)")

    def list(self, request: Request, **kwargs: str) -> Response:
        alarm, query = self.row(Verb.VIEW), request.query_params
        rows = Message.objects.filter(alarm=alarm)
        for name, words in (("state", Message.State.values), ("what", Message.What.values)):
            if name in query:
                rows = rows.filter(**{name: read_word(query[name], words=words, field=name)})
        return list_page(rows, request=request, show=show_message, short=LOG_SHORT)


class AlarmFiringViewSet(ResourceViewSet):
    resource = ALARMS
    serializer_class = FiringSerializer
    patchable = re.compile(r"(?!)")

    def list(self, request: Request, **kwargs: str) -> Response:
        alarm, query = self.row(Verb.VIEW), request.query_params
        rows = Firing.objects.filter(alarm=alarm)
        if "state" in query:
            word = read_word(query["state"], words=["firing", "ok"], field="state")
            rows = rows.filter(ended_at__isnull=word == "firing")
        return list_page(rows, request=request, show=show_firing, short=LOG_SHORT)


def read_word(text: str, *, words: Sequence[str], field: str) -> str:
    if text not in words:
        raise refuse_query(f"{field} must be one of {', '.join(words)}.", field=field)
    return text


def show_message(row: Message) -> dict[str, Any]:
    return {
        "_id": row.hex_id,
        "_alarmId": hex24(row.alarm_id) if row.alarm_id else None,
        "what": row.what,
        "channel": row.channel_type,
        "to": row.recipient,
        "subject": row.subject,
        "text": text_of(row.what, row.content),
        "state": row.state,
        "attempts": row.attempts,
        "status": row.status,
        "outcome": row.outcome,
        "sentAt": stamp(row.sent_at),
        "nextAttemptAt": stamp(row.next_at),
        "createdAt": stamp(row.created_at),
        "lastModified": stamp(row.updated_at),
    }


def show_firing(row: Firing) -> dict[str, Any]:
    hidden = ("numUntold", "tellings", "numSubjects")
    members = {name: value for name, value in shown(row).items() if name not in hidden}
    return {
        "_id": row.hex_id, **members, "createdAt": stamp(row.created_at), "lastModified": stamp(row.updated_at)
    }  # fmt: skip
