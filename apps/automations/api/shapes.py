"""The documented forms of flows and flow-runs in the Rely API (`contracts/rely.openapi.yaml`)."""

from apps.automations.models import Type
from apps.engine.conditions.rely import OPERATORS
from apps.wire.rely import Anything, Flag, Items, Object, Part, Slug, Stamp, Text, Whole, Word, Written, page_of

PHASES = ("pending", "running", "waitingApproval", "succeeded", "failed", "rejected", "skipped", "stopped")
LEVELS = ("debug", "info", "warning", "error")


class TagPart(Part):
    key = Text(required=True)
    value = Text(required=True)


class ConditionPart(Part):
    field = Text(required=True)
    expression = Flag()
    operator = Word(list(OPERATORS), required=True)
    value = Anything()


class EventPart(Part):
    resource = Word(["entity"], required=True)
    action = Items(Word(["create", "update", "delete", "addedAsSource"]), required=True, allow_empty=False)


class TriggerPart(Part):
    """`event` is onEvent's, `inputSchema` manual's; other kinds have members of their own, which are kept."""

    type = Text(required=True)
    conditions = Items(ConditionPart(), allow_null=True)
    event = EventPart()
    inputSchema = Object(allow_null=True)


class ActionPart(Part):
    type = Text(required=True)
    id = Text(allow_null=True)
    title = Text(allow_null=True)
    description = Text(allow_null=True)
    conditions = Items(ConditionPart(), allow_null=True)
    args = Object(allow_null=True)


class FlowWriteSerializer(Part):
    id = Slug(required=True)
    title = Text(required=True)
    description = Text(allow_null=True)
    icon = Text(allow_null=True)
    isActive = Flag()
    needsApproval = Flag()
    order = Whole(allow_null=True)
    type = Word(list(Type.values), required=True)
    arguments = Object(allow_null=True)
    secrets = Object(allow_null=True)
    triggers = Items(TriggerPart(), allow_null=True)
    actions = Items(ActionPart(), allow_null=True)
    outputs = Object(allow_null=True)
    tags = Items(TagPart(), allow_null=True)


class FlowSerializer(FlowWriteSerializer, Written):
    """The flow as it is stored; its secrets are masked."""


class RunCreateSerializer(Part):
    id = Slug(allow_null=True)
    flowId = Slug(required=True)
    flowType = Word([Type.SELF_SERVICE.value])
    args = Object(allow_null=True)
    tags = Items(TagPart(), allow_null=True)


class RunActionPart(Part):
    id = Text()
    phase = Word(PHASES)
    startTime = Stamp(allow_null=True)
    endTime = Stamp(allow_null=True)


class LogPart(Part):
    timestamp = Stamp()
    message = Text()
    level = Word(LEVELS)
    action = Text(allow_null=True)


class RunSerializer(Written):
    id = Slug(allow_null=True)
    flowId = Slug(required=True)
    flowType = Word(list(Type.values), required=True)
    args = Object(allow_null=True)
    phase = Word(PHASES, allow_null=True)
    startTime = Stamp(allow_null=True)
    endTime = Stamp(allow_null=True)
    actions = Items(RunActionPart(), allow_null=True)
    outputs = Object(allow_null=True)
    logs = Items(LogPart(), allow_null=True)
    tags = Items(TagPart(), allow_null=True)
    reviewedBy = Whole(allow_null=True)
    reviewedAt = Stamp(allow_null=True)


FlowPageSerializer = page_of(FlowSerializer, "Flow")
RunPageSerializer = page_of(RunSerializer, "FlowRun")
