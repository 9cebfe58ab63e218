"""What imports may say and this deployment cannot do yet."""

from typing import Any

from apps.engine.mapping import gather_lookups
from apps.engine.paths import PathError, compile_getter
from apps.flows.pipeline.refusals.parts import (
    NOT_YET,
    Found,
    ignored,
    legacy_rest,
    many,
    media,
    of_adaptor,
    of_encryption,
    unanswerable,
)

# Members that would be ignored. A path leads into objects; what is there and not empty or false is refused.
IMPORT_MEMBERS = ("http._asyncHelperId", "file.pgp.hashAlgorithm")
WHOLE_FILE_MEMBERS = ("hooks.postSubmit",)
ADAPTORS = ("HTTP", "REST", "RDBMS", "FTP", "S3", "FileSystem", "Email")
# Members of files that say which are read, and how.
READING_MEMBERS = (
    *("ftp.fileNameStartsWith", "ftp.fileNameEndsWith", "file.sortByFields", "file.groupByFields", "file.filter"),
    *("file.csv.keyColumns", "file.csv.rowsToSkip", "file.csv.trimSpaces"),
)
JUDGED_BODIES = ("json", "xml", "plaintext")
WRITABLE_WITHOUT_TEMPLATE = ("json", "urlencoded", "form-data", "csv")


def of_import(document: dict[str, Any]) -> Found:
    file, http, rdbms = (document.get(name) or {} for name in ("file", "http", "rdbms"))
    yield from ignored(document, IMPORT_MEMBERS)
    yield from ignored(document, READING_MEMBERS, "is for exports: it says how files are read")
    yield from ignored(document, ("distributed",), "is for imports into NetSuite")
    yield from of_adaptor(document, ADAPTORS)
    yield from version1(document.get("mapping") or {})
    yield from many(document)
    yield from blobs(document)
    alone = (
        str(document.get("adaptorType") or "HTTP").startswith(("HTTP", "REST")) and (http.get("batchSize") or 1) == 1
    )
    if document.get("idLockTemplate") and not alone:
        yield "idLockTemplate", "is for imports over HTTP that send each record for itself"
    aggregation = (file.get("aggregation") or {}).get("type")
    whole_file = file and aggregation != "page" and not (aggregation is None and file.get("skipAggregation"))
    if not whole_file and any(((document.get("hooks") or {}).get("postAggregate") or {}).values()):
        yield "hooks.postAggregate", "is called when a file of a whole run is written: there is none here"
    if file:
        if whole_file:
            yield from ignored(document, WHOLE_FILE_MEMBERS, "is told of a page's records: set file.skipAggregation")
        if whole_file and file.get("batchSize"):
            yield "file.batchSize", "splits files of pages: set skipAggregation, or aggregation.type page"
        if file.get("type") == "xml" and file.get("encoding") not in (None, "", "utf8", "utf-8"):
            yield "file.encoding", f"{file['encoding']!r} {NOT_YET}: XML is written in UTF-8"
    if http.get("type") == "file" and not document.get("blobKeyPath"):
        yield "http.type", "'file' sends files as they are, and blobKeyPath does not say which"
    if overrides_merge(rdbms) and not rdbms.get("query"):
        yield "rdbms.query", "is what rdbms.bulkLoad.overrideMergeQuery needs"
    yield from of_encryption(document, "encrypt", words=(None, False, True))
    cipher = (file.get("pgp") or {}).get("symmetricKeyAlgorithm")
    if cipher not in (None, "", "aes256"):
        yield "file.pgp.symmetricKeyAlgorithm", f"{cipher!r} {NOT_YET}: files are encrypted with aes256"
    yield from legacy_rest(document)
    yield from composite(http)
    yield from exists_checks(document)
    yield from media(http, success=JUDGED_BODIES)
    made = http.get("body") or document.get("blobKeyPath")
    if http.get("requestMediaType", "json") not in WRITABLE_WITHOUT_TEMPLATE and not made:
        yield "http.body", f"is needed to write a body of type {http['requestMediaType']}"
    newer = ((document.get("transform") or {}).get("expression") or {}).get("rulesTwoDotZero") or {}
    yield from unanswerable(newer.get("lookups"), document, at="transform.expression.rulesTwoDotZero.lookups")
    yield from unanswerable(gather_lookups(document), document, at="lookups")


def version1(mapping: dict[str, Any]) -> Found:
    """What a target holds can be asked of none of those there are."""
    lists = [(f"lists[{i}].", one.get("fields") or []) for i, one in enumerate(mapping.get("lists") or [])]
    for place, fields in [("", mapping.get("fields") or []), *lists]:
        for index, one in enumerate(fields):
            at = f"mapping.{place}fields[{index}]"
            if (one.get("conditional") or {}).get("when") == "ignore_if_set":
                yield f"{at}.conditional.when", "'ignore_if_set' is for imports into NetSuite"
            for member in ("internalId", "subRecordMapping"):
                if one.get(member):
                    yield f"{at}.{member}", "is for imports into NetSuite"


def overrides_merge(rdbms: dict[str, Any]) -> bool:
    load = rdbms.get("bulkLoad") or {}
    return bool(load.get("overrideMergeQuery") or load.get("overrideMergeOrInsertQuery"))


def blobs(document: dict[str, Any]) -> Found:
    """Files that are moved unparsed go one by one, as they are."""
    if not document.get("blobKeyPath"):
        if document.get("deleteAfterImport"):
            yield "deleteAfterImport", "is for imports of blobs: there is no blobKeyPath"
        return
    adaptor, http = str(document.get("adaptorType") or "HTTP"), document.get("http") or {}
    if adaptor.startswith(("RDBMS", "Email")):
        yield "blobKeyPath", "is for imports of files, and for those over HTTP"
    elif adaptor.startswith(("HTTP", "REST")) and (http.get("batchSize") or 1) > 1:
        yield "http.batchSize", "must be 1 where blobs are sent"
    try:
        compile_getter(document["blobKeyPath"])
    except PathError as error:
        yield "blobKeyPath", error.reason


def composite(http: dict[str, Any]) -> Found:
    """Several requests in one document: which of them a record takes must be told."""
    methods, kinds = http.get("method"), http.get("requestType") or []
    count = len(methods) if isinstance(methods, list) else 1
    if count > 1 and (len(kinds) != count or len(set(kinds)) != count):
        yield "http.requestType", "must say of each http.method whether it is CREATE or UPDATE, each once"
    elif count > 1 and not (http.get("existingExtract") or http.get("existingLookupName")):
        yield "http.existingExtract", "or existingLookupName is needed to choose between CREATE and UPDATE"


def exists_checks(document: dict[str, Any]) -> Found:
    name = next((name for name in ("http", "rdbms", "file") if document.get(name)), "http")
    adaptor = document.get(name) or {}
    by_name = {lookup.get("name"): lookup for lookup in gather_lookups(document)}
    for member in ("ignoreLookupName", "existingLookupName"):
        wanted = adaptor.get(member)
        if wanted and wanted not in by_name:
            yield f"{name}.{member}", f"names no lookup: there is no {wanted!r}"
        elif wanted and (by_name[wanted].get("map") is not None or by_name[wanted].get("_lookupCacheId")):
            yield f"{name}.{member}", "must name a lookup that asks the target: one of a map or a cache has no key here"
    if any(adaptor.get(f"ignore{end}") or adaptor.get(f"existing{end}") for end in ("Extract", "LookupName")):
        return
    for member in ("ignoreExisting", "ignoreMissing"):
        if document.get(member):
            yield member, "needs ignoreExtract or ignoreLookupName, which tell whether the target has the record"
