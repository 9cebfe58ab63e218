"""What exports and imports have in common of what this deployment cannot do yet."""

from collections.abc import Iterator
from typing import Any

from apps.connections.media import CONTENT_TYPES
from apps.engine.paths import PathError, compile_getter

NOT_YET = "is not supported by this deployment yet"
Found = Iterator[tuple[str, str]]  # (member, what is wrong with it)
ERROR_BODIES = ("json", "xml", "plaintext")


def of_adaptor(document: dict[str, Any], supported: tuple[str, ...], *, what: str = "") -> Found:
    adaptor = str(document.get("adaptorType") or "")
    if adaptor and adaptor.removesuffix("Export").removesuffix("Import") not in supported:
        yield "adaptorType", f"{adaptor} {NOT_YET}{what}"


def of_encryption(document: dict[str, Any], member: str, *, words: tuple[Any, ...]) -> Found:
    """Keys are those of a connection to where files lie."""
    wanted = (document.get("file") or {}).get(member)
    if wanted not in words:
        yield f"file.{member}", f"{wanted!r} {NOT_YET}"
    elif wanted and not str(document.get("adaptorType") or "").startswith(("FTP", "S3", "FileSystem")):
        yield f"file.{member}", "is for files of a folder, an FTP server or a bucket"


def ignored(document: dict[str, Any], members: tuple[str, ...], wrong: str = NOT_YET) -> Found:
    for member in members:
        value: Any = document
        for name in member.split("."):
            value = value.get(name) if isinstance(value, dict) else None
        if value:
            yield member, wrong


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


def legacy_rest(document: dict[str, Any]) -> Found:
    if document.get("rest") and not document.get("http"):
        yield "rest", f"{NOT_YET}: describe the request under http"


def media(http: dict[str, Any], *, success: tuple[str, ...]) -> Found:
    sent, answered, refused = (http.get(f"{name}MediaType") for name in ("request", "success", "error"))
    if sent and sent not in CONTENT_TYPES:
        yield "http.requestMediaType", f"{sent!r} {NOT_YET}"
    if answered and answered not in success:
        yield "http.successMediaType", f"{answered!r} {NOT_YET}"
    if refused and refused not in ERROR_BODIES:
        yield "http.errorMediaType", f"{refused!r} {NOT_YET}"


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
