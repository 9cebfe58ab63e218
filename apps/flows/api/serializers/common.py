"""Parts that exports, imports and flows share: filters, transforms, mappings, lookups, files."""

from typing import Any

from apps.integrations.api.serializers import HookPart
from apps.wire.fields import (
    AnyField,
    FlagField,
    IdField,
    ListField,
    ObjectField,
    Part,
    TextField,
    TextsField,
    WholeField,
    WordField,
)

V1_TYPES = ("string", "number", "boolean", "date", "numberarray", "stringarray")
V2_TYPES = [
    "string",
    "number",
    "boolean",
    "object",
    "stringarray",
    "numberarray",
    "booleanarray",
    "objectarray",
    "arrayarray",
    "date",
]  # `date` is an alias of string that prose uses
V1_CONDITIONS = [
    "record_created",
    "record_updated",
    "extract_not_empty",
    "lookup_not_empty",
    "lookup_empty",
    "ignore_if_set",
]

__all__ = ["HookPart"]


class ScriptPart(Part):
    _scriptId = IdField()
    function = TextField()


class RulesPart(Part):
    version = TextField()
    rules = ListField(AnyField())


class FilterPart(Part):
    type = WordField(("expression", "script"))
    version = TextField()
    rules = ListField(AnyField())
    expression = RulesPart()
    script = ScriptPart()


class PairPart(Part):
    extract = TextField()
    generate = TextField(required=True)
    hardCodedValue = AnyField()
    key = TextField()


class LookupPart(Part):
    name = TextField(required=True, allow_blank=False)
    map = ObjectField()
    _lookupCacheId = IdField()
    extract = TextField()
    default = TextField(allow_null=True)
    allowFailures = FlagField()
    method = WordField(("GET", "POST", "PUT"))
    relativeURI = TextField()
    body = TextField()
    query = TextField()
    useImportHeaders = FlagField()


class ConditionV1Part(Part):
    when = WordField(V1_CONDITIONS)
    lookupName = TextField()


class MappingFieldPart(Part):
    extract = TextField()
    generate = TextField(required=True)
    hardCodedValue = TextField(allow_null=True)
    dataType = WordField(V1_TYPES)
    lookupName = TextField()
    default = TextField(allow_null=True)
    discardIfEmpty = FlagField()
    isKey = FlagField()
    immutable = FlagField()
    useFirstRow = FlagField()
    extractDateFormat = TextField()
    extractDateTimezone = TextField()
    generateDateFormat = TextField()
    generateDateTimezone = TextField()
    conditional = ConditionV1Part()


class MappingListPart(Part):
    generate = TextField(required=True)
    jsonPath = TextField()
    fields = ListField(MappingFieldPart(), required=True)


class MappingV1Part(Part):
    fields = ListField(MappingFieldPart())
    lists = ListField(MappingListPart())


class ConditionV2Part(Part):
    when = WordField(("record_created", "record_updated", "extract_not_empty"))


class ConditionOfSourcePart(Part):
    when = WordField(("extract_not_empty",))


class MappingV2Part(Part):
    """A node of a mapping, with nodes below. Its fields are made when asked for, since it contains itself."""

    generate = TextField()
    dataType = WordField(V2_TYPES, required=True)
    extract = TextField()
    hardCodedValue = AnyField()
    status = WordField(("Active", "Draft"), required=True)
    default = AnyField()
    lookupName = TextField()
    extractDateFormat = TextField()
    extractDateTimezone = TextField()
    generateDateFormat = TextField()
    generateDateTimezone = TextField()
    sourceDataType = TextField()
    copySource = TextField()
    description = TextField()
    conditional = ConditionV2Part()

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        fields["mappings"] = ListField(MappingV2Part())
        fields["buildArrayHelper"] = ListField(ArraySourcePart())
        return fields


class ArraySourcePart(Part):
    """Where elements of a mapped list come from."""

    extract = TextField()
    sourceDataType = TextField()
    default = AnyField()
    copySource = TextField()
    conditional = ConditionOfSourcePart()

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        fields["mappings"] = ListField(MappingV2Part())
        return fields


class TransformV2Part(Part):
    mode = WordField(("create", "modify"))
    mappings = ListField(MappingV2Part())
    lookups = ListField(LookupPart())


class TransformExpressionPart(Part):
    version = WordField(("1", "2"))
    rules = ListField(ListField(PairPart()))
    rulesTwoDotZero = TransformV2Part()


class TransformPart(Part):
    type = WordField(("expression", "script"))
    version = TextField()
    rules = ListField(ListField(PairPart()))
    expression = TransformExpressionPart()
    script = ScriptPart()


class SortPart(Part):
    field = TextField(required=True, allow_blank=False)
    descending = FlagField()


class CsvPart(Part):
    columnDelimiter = TextField()
    rowDelimiter = TextField()
    keyColumns = TextsField()
    hasHeaderRow = FlagField()
    includeHeader = FlagField()
    trimSpaces = FlagField()
    rowsToSkip = WholeField(min_value=0)
    wrapWithQuotes = FlagField()
    replaceTabWithSpace = FlagField()
    replaceNewlineWithSpace = FlagField()


class JsonFilePart(Part):
    resourcePath = TextField()


class XlsxPart(Part):
    hasHeaderRow = FlagField()
    includeHeader = FlagField()


class XmlPart(Part):
    resourcePath = TextField()
    body = TextField()


class FilePart(Part):
    type = WordField(("csv", "json", "xlsx", "xml", "filedefinition"))
    output = WordField(("records", "metadata", "blobKeys"))
    fileName = TextField()
    encoding = TextField()
    skipDelete = FlagField()
    skipAggregation = FlagField()
    batchSize = WholeField(min_value=1)
    groupByFields = TextsField()
    sortByFields = ListField(SortPart())
    filter = FilterPart()
    compressionFormat = TextField()
    backupPath = TextField()
    csv = CsvPart()
    json = JsonFilePart()
    xlsx = XlsxPart()
    xml = XmlPart()
    lookups = ListField(LookupPart())


class FtpPathsPart(Part):
    directoryPath = TextField()
    fileName = TextField()
    inProgressFileName = TextField()
    fileNameStartsWith = TextField()
    fileNameEndsWith = TextField()
    backupDirectoryPath = TextField()
