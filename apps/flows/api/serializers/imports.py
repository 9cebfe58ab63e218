"""The documented form of an import. The surprise: members of `http` are parallel lists, one entry a kind of request."""

from typing import Any

from apps.connections.api.serializers import HeaderPart
from apps.flows.api.serializers.common import (
    FilePart,
    FilterPart,
    FtpPathsPart,
    HookPart,
    LookupPart,
    MappingV1Part,
    MappingV2Part,
    TransformPart,
)
from apps.flows.services.imports import ADAPTORS
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


class ImportResponsePart(Part):
    resourcePath = TextsField()
    resourceIdPath = TextsField()
    successPath = TextsField()
    successValues = ListField(TextsField())
    failPath = TextsField()
    failValues = ListField(TextsField())
    errorPath = AnyField()  # one text, or a list of them
    allowArrayforSuccessPath = FlagField()


class ImportHttpPart(Part):
    type = WordField(("file", "records"))
    formType = TextField()
    method = ListField(WordField(METHODS), required=True, min_length=1)
    relativeURI = ListField(TextField(), required=True, min_length=1)
    requestType = ListField(WordField(("CREATE", "UPDATE")))
    body = ListField(AnyField())
    headers = ListField(HeaderPart())
    batchSize = WholeField(min_value=1, max_value=10_000)
    requestMediaType = TextField()
    successMediaType = TextField()
    errorMediaType = TextField()
    sendPostMappedData = FlagField()
    strictHandlebarEvaluation = FlagField()
    ignoreEmptyNodes = FlagField()
    existingExtract = TextField()
    existingLookupName = TextField()
    ignoreExtract = TextField()
    ignoreLookupName = TextField()
    endPointBodyLimit = WholeField(min_value=1)
    response = ImportResponsePart()
    lookups = ListField(LookupPart())
    _asyncHelperId = IdField()


class AttachmentPart(Part):
    fileName = TextField(required=True, allow_blank=False)
    contentType = TextField()
    content = TextField(required=True)
    encoding = WordField(("utf8", "base64"))


class EmailPart(Part):
    """A mail a record: an extra of ours. All texts are templates; `html` escapes what it inserts."""

    to = TextsField()
    cc = TextsField()
    bcc = TextsField()
    replyTo = TextsField()
    subject = TextField()
    body = TextField()
    html = TextField()
    attachments = ListField(AttachmentPart(), max_length=20)

    def get_fields(self) -> dict[str, Any]:
        return {**super().get_fields(), "from": TextField()}  # a word of the language


class ImportHooksPart(Part):
    preMap = HookPart()
    postMap = HookPart()
    postSubmit = HookPart()
    postAggregate = HookPart()


class ImportSerializer(Document):
    name = NameField()
    description = TextField()
    _connectionId = IdField(allow_null=True)
    adaptorType = WordField(ADAPTORS)
    distributed = FlagField()
    ignoreExisting = FlagField()
    ignoreMissing = FlagField()
    oneToMany = FlagField()
    pathToMany = TextField()
    traceKeyTemplate = TextField()
    dataURITemplate = TextField()
    idLockTemplate = TextField()
    blobKeyPath = TextField()
    deleteAfterImport = FlagField()
    http = ImportHttpPart()
    rest = ObjectField()
    ftp = FtpPathsPart()
    file = FilePart()
    rdbms = ObjectField()
    email = EmailPart()
    mapping = MappingV1Part()
    mappings = ListField(MappingV2Part())
    lookups = ListField(LookupPart())
    filter = FilterPart()
    transform = TransformPart()
    responseTransform = TransformPart()
    hooks = ImportHooksPart()
    mockResponse = ListField(ObjectField())
    settings = ObjectField()
    settingsForm = ObjectField()
    sampleData = AnyField()
    _integrationId = IdField()
    externalId = TextField(max_length=255)
    debugUntil = StampField()
