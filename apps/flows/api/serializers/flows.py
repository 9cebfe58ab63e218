"""The documented forms of flows, scripts and lookup caches."""

from apps.flows.api.serializers.common import FilterPart, HookPart, ScriptPart
from apps.integrations.api.serializers import AliasPart
from apps.wire.fields import (
    Document,
    FlagField,
    IdField,
    ListField,
    NameField,
    ObjectField,
    Part,
    StampField,
    TextField,
    WholeField,
    WordField,
)

ROUTE_TO = ("first_matching_branch", "all_matching_branches")
ROUTE_BY = ("input_filters", "script")


class ResponsePairPart(Part):
    extract = TextField(required=True)
    generate = TextField(required=True)


class ResponseListPart(Part):
    generate = TextField(required=True)
    fields = ListField(ResponsePairPart(), required=True)


class ResponseMappingPart(Part):
    fields = ListField(ResponsePairPart())
    lists = ListField(ResponseListPart())


class PageGeneratorPart(Part):
    _id = IdField()
    _exportId = IdField(required=True)
    schedule = TextField()
    skipRetries = FlagField()
    setupInProgress = FlagField()
    _keepDeltaBehindFlowId = IdField()
    _keepDeltaBehindExportId = IdField()


class ProcessorHooksPart(Part):
    postResponseMap = HookPart()


class PageProcessorPart(Part):
    type = WordField(("export", "import"), required=True)
    _exportId = IdField()
    _importId = IdField()
    proceedOnFailure = FlagField()
    responseMapping = ResponseMappingPart()
    hooks = ProcessorHooksPart()
    setupInProgress = FlagField()


class BranchPart(Part):
    name = TextField(required=True)
    description = TextField()
    inputFilter = FilterPart()
    pageProcessors = ListField(PageProcessorPart())
    nextRouterId = TextField()


class RouterPart(Part):
    id = TextField(required=True, allow_blank=False)
    name = TextField()
    routeRecordsTo = WordField(ROUTE_TO)
    routeRecordsUsing = WordField(ROUTE_BY)
    script = ScriptPart()
    branches = ListField(BranchPart(), required=True, min_length=1)


class FlowSerializer(Document):
    name = NameField()
    description = TextField()
    disabled = FlagField()
    timezone = TextField(allow_blank=False)
    schedule = TextField()
    _integrationId = IdField()
    skipRetries = FlagField()
    _exportId = IdField()
    _importId = IdField()
    pageGenerators = ListField(PageGeneratorPart())
    pageProcessors = ListField(PageProcessorPart())
    routers = ListField(RouterPart())
    _runNextFlowIds = ListField(IdField())
    runPageGeneratorsInParallel = FlagField()
    autoResolveMatchingTraceKeys = FlagField()
    _flowGroupingId = IdField()
    settings = ObjectField()
    settingsForm = ObjectField()
    aliases = ListField(AliasPart())
    isAbstract = FlagField()
    _abstractFlowId = IdField()
    overrides = ObjectField()
    lastExecutedAt = StampField(read_only=True)
    resolvedAt = StampField(read_only=True)
    _userId = IdField(read_only=True)


class ScriptSerializer(Document):
    name = NameField(max_length=100)
    description = TextField(max_length=1024)
    content = TextField(required=True)
    postResponseHookToProcessOnChildRecord = FlagField()
    sandbox = FlagField()


class LookupCacheSerializer(Document):
    name = NameField()
    description = TextField()
    includeDataInTemplatesAndCloning = FlagField()
    _integrationId = IdField()
    externalId = TextField(max_length=255)
    _userId = IdField(read_only=True)
    size = WholeField(read_only=True)
    sizeInMB = TextField(read_only=True)
