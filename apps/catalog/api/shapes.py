"""The documented forms of entities, suggestions and blueprints in the Rely API (`contracts/rely.openapi.yaml`)."""

from apps.wire.rely import Anything, Flag, Items, Object, Part, Slug, Stamp, Text, Word, Written, page_of


class EntityWriteSerializer(Part):
    id = Slug(required=True)
    blueprintId = Slug(required=True)
    title = Text(required=True)
    description = Text(allow_null=True)
    isActive = Flag()
    isHidden = Flag()
    properties = Object(allow_null=True)
    relations = Object(allow_null=True)
    sources = Items(Anything(), allow_null=True)


class EntitySerializer(EntityWriteSerializer, Written):
    """The entity as it is stored."""


class SuggestionWriteSerializer(Part):
    id = Slug(allow_null=True)
    title = Text(required=True)
    description = Text(allow_null=True)
    originType = Word(["automation"], required=True)
    originId = Text(required=True, max_length=255)
    sourceType = Word(["entity"], required=True)
    sourceId = Text(required=True, max_length=255)
    sourceContext = Object(allow_null=True)
    targetType = Word(["entity"], required=True)
    targetId = Text(required=True, max_length=255)
    targetContext = Object(allow_null=True)
    targetIdOverride = Text(allow_null=True, max_length=255)
    data = Object(allow_null=True)
    ignored = Flag()
    autoApply = Flag()
    lastAppliedAt = Stamp(allow_null=True)


class SuggestionSerializer(SuggestionWriteSerializer, Written):
    additionalInfo = Object(allow_null=True)


class ApplySerializer(Part):
    targetIdOverride = Text(allow_null=True, max_length=255)


class AppliedSerializer(Part):
    dryRun = Flag(required=True)
    ignored = Flag(required=True)
    previousState = Object(required=True, allow_null=True)
    newState = Object(required=True, allow_null=True)


class BlueprintSerializer(Part):
    id = Slug(required=True)
    title = Text(required=True)
    description = Text(allow_null=True)
    icon = Text(allow_null=True)
    schemaProperties = Object()
    isActive = Flag()
    options = Object()
    relations = Object()


EntityPageSerializer = page_of(EntitySerializer, "Entity")
SuggestionPageSerializer = page_of(SuggestionSerializer, "Suggestion")
