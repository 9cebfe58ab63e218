"""The documented form of an export."""

from apps.connections.api.serializers import HeaderPart
from apps.flows.api.serializers.common import (
    FilePart,
    FilterPart,
    FtpPathsPart,
    HookPart,
    LookupPart,
    MappingV2Part,
    TransformPart,
)
from apps.flows.services.exports import ADAPTORS, PAGING_METHODS, TYPES
from apps.wire.fields import (
    AnyField,
    Document,
    FlagField,
    IdField,
    ListField,
    NameField,
    ObjectField,
    Part,
    StampField,
    TextField,
    TextsField,
    WholeField,
    WordField,
)

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


class PagingPart(Part):
    method = WordField(PAGING_METHODS, required=True)
    page = WholeField()
    skip = WholeField()
    token = TextField()
    path = TextField()
    pathLocation = WordField(("body", "header"))
    pathAfterFirstRequest = TextField()
    relativeURI = TextField()
    body = TextField()
    linkHeaderRelation = TextField()
    resourcePath = TextField()
    lastPageStatusCode = WholeField()
    lastPagePath = TextField()
    lastPageValues = TextsField()
    maxPagePath = TextField()
    maxCountPath = TextField()


class ResponsePart(Part):
    resourcePath = TextField()
    resourceIdPath = TextField()
    successPath = TextField()
    successValues = TextsField()
    failPath = TextField()
    failValues = TextsField()
    errorPath = TextField()
    allowArrayforSuccessPath = FlagField()
    blobFormat = TextField()


class OnceCallPart(Part):
    relativeURI = TextField()
    method = TextField()
    body = TextField()


class ExportHttpPart(Part):
    type = WordField(("file", "blob", "csvstream"))
    method = WordField(METHODS, required=True)
    relativeURI = TextField(required=True)
    headers = ListField(HeaderPart())
    body = TextField()
    requestMediaType = TextField()
    successMediaType = TextField()
    errorMediaType = TextField()
    once = OnceCallPart()
    paging = PagingPart()
    response = ResponsePart()
    _asyncHelperId = IdField()


class DeltaPart(Part):
    dateField = TextField()
    dateFormat = TextField()
    lagOffset = WholeField()
    startDate = StampField(allow_null=True)


class WebhookPart(Part):
    provider = TextField()
    verify = WordField(("token", "hmac", "basic", "secret_url"))
    token = TextField()
    algorithm = WordField(("sha1", "sha256", "sha384", "sha512"))
    encoding = WordField(("hex", "base64"))
    key = TextField()
    header = TextField()
    path = TextField()
    tokenLocation = WordField(("body", "header", "queryParam"))
    tokenHeaderName = TextField()
    tokenHeaderScheme = WordField(("bearer", "custom", "none"))
    customTokenScheme = TextField()
    tokenQueryParamName = TextField()
    username = TextField()
    password = TextField()
    requestMediaType = WordField(("json", "xml", "csv", "urlencoded", "plaintext"))
    pathToRecords = TextField()
    includeParentData = FlagField()
    successStatusCode = WholeField(min_value=200, max_value=299)
    successBody = TextField()
    successMediaType = TextField()
    successResponseHeaders = ListField(HeaderPart())
    challengeSuccessBody = TextField()
    challengeSuccessStatusCode = WholeField(min_value=200, max_value=299)
    challengeSuccessMediaType = WordField(("json", "xml", "plaintext"))
    challengeResponseHeaders = ListField(HeaderPart())


class OncePart(Part):
    booleanField = TextField()


class TestPart(Part):
    limit = WholeField(min_value=1, max_value=100)


class ExportHooksPart(Part):
    preSavePage = HookPart()


class MockRecordPart(Part):
    record = ObjectField()


class MockOutputPart(Part):
    page_of_records = ListField(MockRecordPart(), max_length=10)


class ExportSerializer(Document):
    name = NameField()
    description = TextField()
    _connectionId = IdField(allow_null=True)
    adaptorType = WordField(ADAPTORS)
    type = WordField(TYPES, allow_null=True)
    isLookup = FlagField()
    asynchronous = FlagField(read_only=True)
    oneToMany = FlagField()
    pathToMany = TextField()
    pageSize = WholeField(min_value=1, max_value=100_000)
    dataURITemplate = TextField()
    traceKeyTemplate = TextField()
    groupByFields = TextsField()
    delta = DeltaPart()
    once = OncePart()
    test = TestPart()
    webhook = WebhookPart()
    http = ExportHttpPart()
    ftp = FtpPathsPart()
    file = FilePart()
    rdbms = ObjectField()
    netsuite = ObjectField()
    salesforce = ObjectField()
    filter = FilterPart()
    inputFilter = FilterPart()
    transform = TransformPart()
    mappings = ListField(MappingV2Part())
    lookups = ListField(LookupPart())
    hooks = ExportHooksPart()
    mockOutput = MockOutputPart()
    skipRetries = FlagField()
    settings = ObjectField()
    settingsForm = ObjectField()
    sampleData = AnyField()
    rawData = TextField()
    _integrationId = IdField()
    externalId = TextField(max_length=255)
    debugUntil = StampField()
