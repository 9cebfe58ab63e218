"""An alarm's document, its log and what fires, as /v1/alarms writes and shows them."""

from typing import Any

from rest_framework import serializers

from apps.alarms.channels import CHANNELS
from apps.alarms.models import Alarm, Message
from apps.alarms.rules import GROUPINGS
from apps.wire.fields import (
    Document,
    FlagField,
    IdField,
    ListField,
    NameField,
    OptionalMember,
    Part,
    StampField,
    TextField,
    TextsField,
    WholeField,
    WordField,
)


class NumberField(OptionalMember, serializers.FloatField):
    def to_internal_value(self, data: Any) -> float:
        if not isinstance(data, int | float) or isinstance(data, bool):
            self.fail("invalid")
        return super().to_internal_value(data)


class ScopeSerializer(Part):
    """Empty: the whole organization."""

    _integrationId = IdField(allow_null=True)
    _flowId = IdField(allow_null=True)
    _automationId = IdField(allow_null=True)
    _connectionId = IdField(allow_null=True)


class QuietHoursSerializer(Part):
    def get_fields(self) -> dict[str, Any]:
        return {  # `from` is a word of the language
            "from": TextField(required=True),
            "until": TextField(required=True),
            "timezone": TextField(),
            "days": TextsField(),
        }


class ChannelSerializer(Part):
    """`email` takes `to`; `slack` the `url` of an incoming webhook; `webhook` a `url` and the `secret` that signs."""

    _id = IdField(max_length=24)
    type = WordField(list(CHANNELS), required=True)
    to = TextsField()
    url = TextField()
    secret = TextField()


class AlarmSerializer(Document):
    name = NameField()
    kind = WordField(Alarm.Kind.values, required=True)
    enabled = FlagField()
    urgent = FlagField()
    threshold = NumberField()
    window = WholeField()
    minimum = WholeField(min_value=1, max_value=1_000_000_000)
    groupBy = WordField(GROUPINGS)
    period = WholeField()
    tellRecovery = FlagField()
    scope = ScopeSerializer()
    quietHours = QuietHoursSerializer(allow_null=True)
    channels = ListField(ChannelSerializer(), required=True)
    state = WordField(["firing", "ok", "off"], read_only=True)
    numFiring = WholeField(read_only=True)
    firingSince = StampField(read_only=True, allow_null=True)
    lastToldAt = StampField(read_only=True, allow_null=True)


class MessageSerializer(Document):
    _alarmId = IdField(read_only=True, allow_null=True)
    what = WordField(Message.What.values, read_only=True)
    channel = WordField(list(CHANNELS), read_only=True)
    to = TextField(read_only=True)
    subject = TextField(read_only=True)
    text = TextField(read_only=True)
    state = WordField(Message.State.values, read_only=True)
    attempts = WholeField(read_only=True)
    status = WholeField(read_only=True, allow_null=True)
    outcome = TextField(read_only=True)
    sentAt = StampField(read_only=True, allow_null=True)
    nextAttemptAt = StampField(read_only=True, allow_null=True)


class SubjectSerializer(Part):
    kind = TextField()
    _id = TextField()
    name = TextField()
    message = TextField()
    count = WholeField()
    url = TextField()


class FiringSerializer(Document):
    title = TextField(read_only=True)
    state = WordField(["firing", "ok"], read_only=True)
    since = StampField(read_only=True)
    lastAt = StampField(read_only=True)
    endedAt = StampField(read_only=True, allow_null=True)
    endedBy = TextField(read_only=True)
    count = WholeField(read_only=True)
    value = NumberField(read_only=True, allow_null=True)
    subjects = ListField(SubjectSerializer(), read_only=True)


class TestSerializer(Part):
    """What came of a test, a message for each channel."""

    ok = FlagField()
    messages = ListField(MessageSerializer())
