"""Connection documents as frozen values. Parsing is checking: what cannot run here is refused by the member's name.

Documents are Celigo's (celigo_documents.md §5, §8; ConnectionHttp); a credential of an end user is one of type http.
Type `email`, and `sqlite` of an rdbms connection, are extras of ours, not in that vocabulary.
"""

from collections.abc import Mapping
from typing import Any

from apps.connections.documents.files import (
    FilesystemDocument,
    FtpDocument,
    S3Document,
    parse_filesystem,
    parse_ftp,
    parse_s3,
)
from apps.connections.documents.http import (
    ERROR_MEDIA,
    MEDIA,
    PING_METHODS,
    SUCCESS_MEDIA,
    BasicAuth,
    HttpDocument,
    Ping,
    RateLimit,
    TokenAuth,
    parse_http,
)
from apps.connections.documents.mail import EmailDocument, parse_email
from apps.connections.documents.rdbms import RdbmsDocument, parse_rdbms
from apps.connections.documents.tls import Tls
from apps.connections.reading import Reader
from apps.core.errors import ValidationError

__all__ = [
    "ERROR_MEDIA",
    "MEDIA",
    "PING_METHODS",
    "RUNNABLE",
    "SUCCESS_MEDIA",
    "BasicAuth",
    "Document",
    "EmailDocument",
    "FilesystemDocument",
    "FtpDocument",
    "HttpDocument",
    "Ping",
    "RateLimit",
    "RdbmsDocument",
    "S3Document",
    "Tls",
    "TokenAuth",
    "concurrency_of",
    "parse_document",
]

# The other types of the documents can be kept, not used.
RUNNABLE = ("http", "rdbms", "filesystem", "ftp", "s3", "email")

Document = HttpDocument | RdbmsDocument | FilesystemDocument | FtpDocument | S3Document | EmailDocument


def parse_document(document: Mapping[str, Any], *, type: str, of_connector: bool = False) -> Document:
    """Raises ValidationError naming the member. `document` is whole: secrets in place (a mask does for checking).

    A connector's credential (`of_connector`) may leave the address to its connector.
    """
    match type:
        case "http":
            return parse_http(Reader(document, "").child("http"), of_connector=of_connector)
        case "rdbms":
            return parse_rdbms(Reader(document, "").child("rdbms"))
        case "filesystem":
            return parse_filesystem(Reader(document, "").child("filesystem", required=False))
        case "ftp":
            return parse_ftp(Reader(document, "").child("ftp"))
        case "s3":
            return parse_s3(Reader(document, "").child("s3"))
        case "email":
            return parse_email(Reader(document, "").child("email"))
    raise ValidationError(f"Connections of type {type} are not supported by this deployment.", field="type")


def concurrency_of(document: Mapping[str, Any], *, type: str) -> int:
    """The column's value: what the document asks for, else 5 for databases and mail servers and 25 for the rest."""
    inside = document.get(type)
    level = inside.get("concurrencyLevel") if isinstance(inside, Mapping) else None
    return int(level) if level else 5 if type in ("rdbms", "email") else 25
