"""Connection documents as frozen values. Parsing is checking: what cannot run here is refused by the member's name.

Documents are Celigo's (celigo_documents.md §5, §8; ConnectionHttp); a credential of an end user is one of type http.
Type `sqlite` of an rdbms connection is an extra of ours, not in that vocabulary.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from apps.connections.reading import Reader
from apps.core.errors import ValidationError
from apps.core.gateway.files.sftp import is_host_key

RUNNABLE = ("http", "rdbms", "filesystem", "ftp", "s3")  # the other types of the documents can be kept, not used
MEDIA = ("json", "xml", "urlencoded", "form-data", "plaintext")
SUCCESS_MEDIA = ("json", "xml", "csv", "plaintext")
ERROR_MEDIA = ("json", "xml", "plaintext")
PING_METHODS = ("GET", "POST", "PUT", "HEAD")
UNSUPPORTED_AUTH = ("wsse", "cookie", "jwt", "digest", "oauth1", "jwtbearer")
ENGINES = {"mysql": 3306, "mariadb": 3306, "postgresql": 5432, "sqlite": 0}
UNSUPPORTED_ENGINES = ("azuresynapse", "mssql", "snowflake", "oracle", "bigquery", "redshift")
FILE_PORTS = {"ftp": 21, "sftp": 22, "ftps": 21}
_HOST = re.compile(r"[A-Za-z0-9_:\[\]]([A-Za-z0-9_.:-]*[A-Za-z0-9_.:\]])?\Z")
_REGION = re.compile(r"[a-z0-9-]{1,40}\Z")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")


@dataclass(frozen=True)
class BasicAuth:
    username: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class TokenAuth:
    """Also an OAuth connection's access token, which is stored under auth.token as its documents say."""

    token: str = field(repr=False)
    location: str = "header"
    header_name: str = "Authorization"
    scheme: str = "Bearer"
    param_name: str = "access_token"


@dataclass(frozen=True)
class RateLimit:
    """What the target's answer looks like when it wants less. 429 always counts."""

    fail_status: int = 429
    fail_path: str = ""
    fail_values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ping:
    relative_uri: str = ""
    method: str = "GET"
    body: str = ""
    success_path: str = ""
    success_values: tuple[str, ...] = ()
    fail_path: str = ""
    fail_values: tuple[str, ...] = ()
    error_path: str = ""


@dataclass(frozen=True)
class Tls:
    verify: bool = True
    ca: str = ""
    certificate: str = ""
    key: str = field(default="", repr=False)
    passphrase: str = field(default="", repr=False)


@dataclass(frozen=True)
class HttpDocument:
    """`base_uri`, header values and ping are templates over `connection`. `auth` None: nothing is added."""

    base_uri: str
    media_type: str = "json"
    success_media_type: str = "json"
    error_media_type: str = "json"
    headers: tuple[tuple[str, str], ...] = ()
    auth: BasicAuth | TokenAuth | None = None
    auth_type: str = "custom"
    retry_header: str = "Retry-After"
    rate_limit: RateLimit = RateLimit()
    ping: Ping = Ping()
    tls: Tls = Tls()


@dataclass(frozen=True)
class RdbmsDocument:
    """`database` of an sqlite connection is a path in the organization's folder."""

    engine: str
    host: str = ""
    port: int = 0
    database: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    options: tuple[tuple[str, str], ...] = ()
    tls: Tls | None = None


@dataclass(frozen=True)
class FilesystemDocument:
    """`directory` lies in the organization's folder."""

    directory: str = ""


@dataclass(frozen=True)
class FtpDocument:
    """`kind` ftp, sftp or ftps. `host_key` (ours): what the server must show, else what it showed the first time."""

    kind: str
    host: str
    port: int
    user: str
    password: str = field(default="", repr=False)
    key: str = field(default="", repr=False)
    passphrase: str = field(default="", repr=False)
    host_key: str = ""
    tls: Tls = Tls()


@dataclass(frozen=True)
class S3Document:
    """`endpoint` (ours): another S3 than Amazon's. `ping_bucket`: what a test of the connection lists."""

    key_id: str
    secret: str = field(repr=False)
    region: str = "us-east-1"
    endpoint: str = ""
    ping_bucket: str = ""


Document = HttpDocument | RdbmsDocument | FilesystemDocument | FtpDocument | S3Document


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
            inside = Reader(document, "").child("filesystem", required=False)
            return FilesystemDocument(directory=inside.text("directoryPath") or inside.text("directory"))
        case "ftp":
            return parse_ftp(Reader(document, "").child("ftp"))
        case "s3":
            return parse_s3(Reader(document, "").child("s3"))
    raise ValidationError(f"Connections of type {type} are not supported by this deployment.", field="type")


def parse_http(http: Reader, *, of_connector: bool = False) -> HttpDocument:
    base = http.text("baseURI", required=not of_connector)
    if base and not base.startswith(("http://", "https://", "{{")):
        raise http.error("baseURI", "must start with http:// or https://")
    media = http.choice("mediaType", MEDIA, default="json")
    success = http.choice("successMediaType", SUCCESS_MEDIA, default=media if media in SUCCESS_MEDIA else "json")
    auth_type, auth = _parse_auth(http.child("auth", required=False), of_connector=of_connector)
    ping, rate = http.child("ping", required=False), http.child("rateLimit", required=False)
    certificates = http.child("clientCertificates", required=False)
    rate.number("limit", low=1)
    http.number("concurrencyLevel", low=1, high=50)
    http.number("targetConcurrencyLevel", low=1, high=50)
    return HttpDocument(
        base_uri=base,
        media_type=media,
        success_media_type=success,
        error_media_type=http.choice("errorMediaType", ERROR_MEDIA, default=success if success != "csv" else "json"),
        headers=tuple(_headers(http)),
        auth=auth,
        auth_type=auth_type,
        retry_header=http.text("retryHeader") or "Retry-After",
        rate_limit=RateLimit(
            fail_status=rate.number("failStatusCode", low=100, high=599) or 429,
            fail_path=rate.text("failPath"),
            fail_values=rate.texts("failValues"),
        ),
        ping=Ping(
            relative_uri=ping.text("relativeURI"),
            method=ping.choice("method", PING_METHODS, default="GET"),
            body=ping.text("body"),
            success_path=ping.text("successPath"),
            success_values=ping.texts("successValues"),
            fail_path=ping.text("failPath"),
            fail_values=ping.texts("failValues"),
            error_path=ping.text("errorPath"),
        ),
        tls=Tls(
            verify=not http.flag("disableStrictSSL"),
            certificate=certificates.text("cert"),
            key=certificates.text("key"),
            passphrase=certificates.text("passphrase"),
        ),
    )


def parse_rdbms(rdbms: Reader) -> RdbmsDocument:
    engine = rdbms.text("type", required=True)
    if engine in UNSUPPORTED_ENGINES:
        raise rdbms.error("type", f"{engine} is not supported by this deployment")
    rdbms.choice("type", tuple(ENGINES), default="")
    rdbms.number("concurrencyLevel", low=1, high=50)
    if engine == "sqlite":
        return RdbmsDocument(engine=engine, database=rdbms.text("database", required=True))
    ssl = rdbms.child("ssl", required=False)
    certificate, key = ssl.text("cert"), ssl.text("key")
    if bool(certificate) != bool(key):
        raise ssl.error("key" if certificate else "cert", "must come with the other: a certificate needs its key")
    secured = bool(certificate or ssl.text("ca"))
    return RdbmsDocument(
        engine=engine,
        host=rdbms.text("host", required=True),
        port=rdbms.number("port", low=1, high=65535) or ENGINES[engine],
        database=rdbms.text("database", required=True),
        user=rdbms.text("user", required=True),
        password=rdbms.text("password", required=not certificate),
        options=tuple((item.text("name", required=True), item.text("value")) for item in rdbms.items("options")),
        tls=Tls(
            verify=not rdbms.flag("disableStrictSSL"),
            ca=ssl.text("ca"),
            certificate=certificate,
            key=key,
            passphrase=ssl.text("passphrase"),
        )
        if secured
        else None,
    )


def parse_ftp(ftp: Reader) -> FtpDocument:
    kind = ftp.choice("type", tuple(FILE_PORTS), default="ftp")
    host = ftp.text("hostURI", required=True).removeprefix(f"{kind}://").rstrip("/")
    if not _HOST.match(host):
        raise ftp.error("hostURI", "must be a host name or an address, without a path")
    ftp.number("concurrencyLevel", low=1, high=50)
    key, password = ftp.text("authKey"), ftp.text("password")
    if key and kind != "sftp":
        raise ftp.error("authKey", "is for sftp only")
    if not key and not password:
        raise ftp.error("password", "is required" if kind != "sftp" else "is required, or authKey")
    host_key = ftp.text("hostKey")
    if host_key and not is_host_key(host_key):
        raise ftp.error("hostKey", "must be SHA256:…, or a public key as known_hosts has it")
    implicit = kind == "ftps" and ftp.flag("useImplicitFtps")
    return FtpDocument(
        kind=kind,
        host=host,
        port=ftp.number("port", low=1, high=65535) or (990 if implicit else FILE_PORTS[kind]),
        user=ftp.text("username", required=True),
        password=password,
        key=key,
        passphrase=ftp.text("passphrase"),
        host_key=host_key,
        tls=Tls(verify=not ftp.flag("disableStrictSSL"), ca=ftp.text("ca")),
    )


def parse_s3(s3: Reader) -> S3Document:
    endpoint, region = s3.text("endpoint"), s3.text("region") or "us-east-1"
    if endpoint and not endpoint.startswith(("http://", "https://")):
        raise s3.error("endpoint", "must start with http:// or https://")
    if not _REGION.match(region):
        raise s3.error("region", f"{region!r} is not a region")
    s3.number("concurrencyLevel", low=1, high=50)
    return S3Document(
        key_id=s3.text("accessKeyId", required=True),
        secret=s3.text("secretAccessKey", required=True),
        region=region,
        endpoint=endpoint,
        ping_bucket=s3.text("pingBucket"),
    )


def concurrency_of(document: Mapping[str, Any], *, type: str) -> int:
    """The column's value: what the document asks for, else 5 for databases and 25 for the rest."""
    inside = document.get(type)
    level = inside.get("concurrencyLevel") if isinstance(inside, Mapping) else None
    return int(level) if level else 5 if type == "rdbms" else 25


def _headers(http: Reader) -> Iterator[tuple[str, str]]:
    for item in http.items("headers"):
        name, value = item.text("name", required=True), item.text("value")
        if not _HEADER_NAME.match(name):
            raise item.error("name", f"{name!r} is not a header name")
        if "\r" in value or "\n" in value:
            raise item.error("value", "must not hold line breaks")
        yield name, value


def _parse_auth(auth: Reader, *, of_connector: bool) -> tuple[str, BasicAuth | TokenAuth | None]:
    kind = auth.text("type") or "custom"
    if kind in UNSUPPORTED_AUTH:
        raise auth.error("type", f"{kind} is not supported by this deployment")
    auth.choice("type", ("custom", "basic", "token", "oauth"), default="custom")
    if kind == "basic":
        basic = auth.child("basic")
        return kind, BasicAuth(basic.text("username"), basic.text("password"))
    if kind in ("token", "oauth"):
        token = auth.child("token", required=kind == "token")
        header = token.text("headerName") or "Authorization"
        if not _HEADER_NAME.match(header):
            raise token.error("headerName", f"{header!r} is not a header name")
        # A connector's own programs may be the only ones to use a token: it is then sent nowhere by itself.
        places = ("header", "url", "body", "none") if of_connector else ("header", "url", "body")
        location = token.choice("location", places, default="header")
        # A custom header usually carries the bare key; only Authorization has schemes by itself.
        scheme = token.text("scheme", default="Bearer" if header.lower() == "authorization" else "")
        return kind, TokenAuth(
            token=token.text("token"),
            location=location,
            header_name=header,
            scheme=scheme.strip(),
            param_name=token.text("paramName") or "access_token",
        )
    return kind, None
