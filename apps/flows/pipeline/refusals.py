"""What documents may say and this deployment cannot do yet. A run that would ignore it is refused before it starts.

The surprise: such documents can be saved, cloned and shown. Only running them is refused, by the member's name.
"""

from collections.abc import Iterator
from typing import Any

from apps.connections.media import CONTENT_TYPES
from apps.core.errors import ValidationError, ValidationErrors
from apps.engine.mapping import gather_lookups
from apps.engine.paths import PathError, compile_getter

NOT_YET = "is not supported by this deployment yet"
Found = Iterator[tuple[str, str]]  # (member, what is wrong with it)

# Members that would be ignored. A path leads into objects; what is there and not empty or false is refused.
EXPORT_MEMBERS = ("idLockTemplate", "http._asyncHelperId", "rdbms.tables")
IMPORT_MEMBERS = ("http._asyncHelperId",)
FILE_IMPORT_MEMBERS = ("hooks.postSubmit",)
RUNNABLE_TYPES = ("delta", "test", "once", "webhook", "simple", "blob")
READABLE_BODIES = ("json", "xml", "csv")
JUDGED_BODIES = ("json", "xml", "plaintext")
WRITABLE_WITHOUT_TEMPLATE = ("json", "urlencoded", "form-data", "csv")
READABLE_HTTP_TYPES = ("file", "csvstream")


def refuse_unsupported(snapshot: dict[str, Any]) -> None:
    """Raises ValidationErrors: all at once, each names the resource and the member."""
    lookups = {p["_exportId"] for p in processors_of(snapshot) if p["type"] == "export"}
    found: list[ValidationError] = []
    for kind, documents in (("Export", snapshot["exports"]), ("Import", snapshot["imports"])):
        for resource_id, document in documents.items():
            found += faults_of(document, kind=kind, is_lookup=resource_id in lookups)
    if found:
        raise ValidationErrors(found)


def refuse_alone(document: dict[str, Any], *, kind: str) -> None:
    """As `refuse_unsupported`, of an export or import outside of any flow."""
    found = faults_of(document, kind=kind.capitalize())
    if document.get("oneToMany") and kind == "import":
        wrong = "oneToMany is for steps of flows: submit the children themselves."
        found.append(ValidationError(wrong, field="oneToMany", code="unsupported"))
    if found:
        raise ValidationErrors(found)


def faults_of(document: dict[str, Any], *, kind: str, is_lookup: bool = False) -> list[ValidationError]:
    found = of_import(document) if kind == "Import" else of_export(document, is_lookup=is_lookup)
    return [
        ValidationError(f"{kind} {document['name']!r}: {member} {wrong}.", field=member, code="unsupported")
        for member, wrong in found
    ]


def processors_of(snapshot: dict[str, Any]) -> list[dict[str, Any]]:
    branches = [branch for router in snapshot["routers"] for branch in router["branches"]]
    return [processor for branch in branches for processor in branch.get("pageProcessors") or []]


def of_export(document: dict[str, Any], *, is_lookup: bool) -> Found:
    if document.get("oneToMany") and not is_lookup:
        yield "oneToMany", "is for lookups and imports: nothing comes before a source"
    yield from many(document)
    yield from ignored(document, EXPORT_MEMBERS)
    yield from of_lookup(document) if is_lookup else of_source(document)
    kind, http = document.get("type"), document.get("http") or {}
    if kind == "once":
        yield from once(document)
    if kind and kind != "blob" and (is_lookup or kind not in RUNNABLE_TYPES):
        yield "type", f"{kind!r} {NOT_YET}{' for lookups' if is_lookup else ''}"
    if http.get("type") not in (None, "", "blob") and (is_lookup or http["type"] not in READABLE_HTTP_TYPES):
        yield "http.type", f"{http['type']!r} {NOT_YET}"
    if kind == "delta" and (document.get("delta") or {}).get("dateField") and "http" in document:
        yield "delta.dateField", "is not for HTTP exports: write {{lastExportDateTime}} into the request"
    if (document.get("file") or {}).get("output", "records") not in ("records", "metadata", "blobKeys"):
        yield "file.output", f"{document['file']['output']!r} {NOT_YET}"
    yield from legacy_rest(document)
    yield from media(http, success=READABLE_BODIES)
    expression = (document.get("transform") or {}).get("expression") or {}
    newer = expression.get("rulesTwoDotZero") or {}
    yield from unanswerable(newer.get("lookups"), document, at="transform.expression.rulesTwoDotZero.lookups")
    if document.get("mappings"):
        yield from unanswerable(gather_lookups(document), document, at="lookups")


def of_import(document: dict[str, Any]) -> Found:
    file, http, rdbms = (document.get(name) or {} for name in ("file", "http", "rdbms"))
    yield from ignored(document, IMPORT_MEMBERS)
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
        yield from ignored(document, FILE_IMPORT_MEMBERS)
        if whole_file and file.get("batchSize"):
            yield "file.batchSize", "splits files of pages: set skipAggregation, or aggregation.type page"
        if file.get("type") == "xml" and file.get("encoding") not in (None, "", "utf8", "utf-8"):
            yield "file.encoding", f"{file['encoding']!r} {NOT_YET}: XML is written in UTF-8"
    if http.get("type") == "file":
        yield "http.type", f"'file' {NOT_YET}"
    if overrides_merge(rdbms) and not rdbms.get("query"):
        yield "rdbms.query", "is what rdbms.bulkLoad.overrideMergeQuery needs"
    yield from legacy_rest(document)
    yield from composite(http)
    yield from exists_checks(document)
    yield from media(http, success=JUDGED_BODIES)
    if http.get("requestMediaType", "json") not in WRITABLE_WITHOUT_TEMPLATE and not http.get("body"):
        yield "http.body", f"is needed to write a body of type {http['requestMediaType']}"
    newer = ((document.get("transform") or {}).get("expression") or {}).get("rulesTwoDotZero") or {}
    yield from unanswerable(newer.get("lookups"), document, at="transform.expression.rulesTwoDotZero.lookups")
    yield from unanswerable(gather_lookups(document), document, at="lookups")


def of_source(document: dict[str, Any]) -> Found:
    if document.get("mappings"):
        yield "mappings", "make the request of a lookup: what a source gives is shaped by its transform"


def of_lookup(document: dict[str, Any]) -> Found:
    if document.get("mappings"):
        if not str(document.get("adaptorType") or "HTTP").startswith(("HTTP", "REST")):
            yield "mappings", "make the request's body, which is for lookups over HTTP"
        elif (document.get("http") or {}).get("body"):
            yield "mappings", "make the request's body, which http.body does already"


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


def many(document: dict[str, Any]) -> Found:
    if not document.get("oneToMany"):
        return
    path = document.get("pathToMany")
    if not path:
        yield "pathToMany", "is needed where oneToMany is set"
        return
    try:
        compile_getter(path)
    except PathError as error:
        yield "pathToMany", error.reason


def once(document: dict[str, Any]) -> Found:
    """How its records are marked must be told, by the adaptor that can."""
    adaptor = str(document.get("adaptorType") or "HTTP")
    if adaptor.startswith("RDBMS"):
        if not ((document.get("rdbms") or {}).get("once") or {}).get("query"):
            yield "rdbms.once.query", "is needed by type once"
    elif not adaptor.startswith(("HTTP", "REST")):
        yield "type", f"'once' {NOT_YET} for {adaptor}"
    elif ((document.get("http") or {}).get("once") or {}).get("relativeURI") is None:
        yield "http.once.relativeURI", "is needed by type once"


def ignored(document: dict[str, Any], members: tuple[str, ...]) -> Found:
    for member in members:
        value: Any = document
        for name in member.split("."):
            value = value.get(name) if isinstance(value, dict) else None
        if value:
            yield member, NOT_YET


def legacy_rest(document: dict[str, Any]) -> Found:
    if document.get("rest") and not document.get("http"):
        yield "rest", f"{NOT_YET}: describe the request under http"


def media(http: dict[str, Any], *, success: tuple[str, ...]) -> Found:
    sent, answered = http.get("requestMediaType"), http.get("successMediaType")
    if sent and sent not in CONTENT_TYPES:
        yield "http.requestMediaType", f"{sent!r} {NOT_YET}"
    if answered and answered not in success:
        yield "http.successMediaType", f"{answered!r} {NOT_YET}"


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


def unanswerable(lookups: Any, document: dict[str, Any], *, at: str) -> Found:
    """Lookups that the document's own connection cannot ask. (Those of a map or a cache need none.)"""
    adaptor = str(document.get("adaptorType") or "HTTP")
    for lookup in lookups or []:
        if lookup.get("map") is not None or lookup.get("_lookupCacheId"):
            continue
        where = f"{at}[{lookup.get('name')}]"
        if lookup.get("query"):
            if not adaptor.startswith("RDBMS"):
                yield where, "is a query, which needs a connection to a database"
        elif lookup.get("relativeURI") is None:
            yield where, "needs a map, a _lookupCacheId, a relativeURI or a query"
        elif not adaptor.startswith(("HTTP", "REST")):
            yield where, "is a call, which needs a connection over HTTP"
