"""Connections over HTTP, and the credentials of end users, which are such."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from apps.connections.documents.tls import DEFAULT_TLS, Tls
from apps.connections.reading import Reader
from apps.connections.signing import signs

ONLY_VALUES = re.compile(r"(?:[^{]|\{(?!\{)|\{\{\{?\s*connection(?:\.\w+)+\s*\}\}\}?)*+")
MEDIA = ("json", "xml", "urlencoded", "form-data", "plaintext")
SUCCESS_MEDIA = ("json", "xml", "csv", "plaintext")
ERROR_MEDIA = ("json", "xml", "plaintext")
PING_METHODS = ("GET", "POST", "PUT", "HEAD")
UNSUPPORTED_AUTH = ("wsse", "cookie", "jwt", "digest", "oauth1", "jwtbearer")
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
    """What the target's answer looks like when it wants less, where 429 always counts; or another login."""

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
class HttpDocument:
    """`base_uri`, header values and ping are templates over `connection`. `auth` None: nothing is added."""

    base_uri: str
    media_type: str = "json"
    success_media_type: str = "json"
    error_media_type: str = "json"
    headers: tuple[tuple[str, str], ...] = ()
    auth: BasicAuth | TokenAuth | None = None
    auth_type: str = "custom"
    login_refused: RateLimit = RateLimit(fail_status=401)  # what an answer looks like that wants a newer token
    retry_header: str = "Retry-After"
    rate_limit: RateLimit = RateLimit()
    ping: Ping = Ping()
    tls: Tls = DEFAULT_TLS

    @cached_property
    def signing_headers(self) -> tuple[tuple[str, str], ...]:
        """Those that are made of the finished request."""
        return tuple(header for header in self.headers if signs(header[1]))

    @cached_property
    def fresh_headers(self) -> tuple[tuple[str, str], ...]:
        """Those that call a helper, such as for the time: each request has its own."""
        others = set(self.signing_headers) | set(self.plain_headers)
        return tuple(header for header in self.headers if header not in others)

    @cached_property
    def plain_headers(self) -> tuple[tuple[str, str], ...]:
        """Those that are the same in each request: no more than values stand in them."""
        return tuple(header for header in self.headers if ONLY_VALUES.fullmatch(header[1]) and not signs(header[1]))


def parse_http(http: Reader, *, of_connector: bool = False) -> HttpDocument:
    base = http.text("baseURI", required=not of_connector)
    if base and not base.startswith(("http://", "https://", "{{")):
        raise http.error("baseURI", "must start with http:// or https://")
    media = http.choice("mediaType", MEDIA, default="json")
    success = http.choice("successMediaType", SUCCESS_MEDIA, default=media if media in SUCCESS_MEDIA else "json")
    logins = http.child("auth", required=False)
    auth_type, auth = _parse_auth(logins, of_connector=of_connector)
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
        login_refused=RateLimit(
            fail_status=logins.number("failStatusCode", low=100, high=599) or 401,
            fail_path=logins.text("failPath"),
            fail_values=logins.texts("failValues"),
        ),
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


def _headers(http: Reader) -> Iterator[tuple[str, str]]:
    for item in http.items("headers"):
        name, value = item.text("name", required=True), item.text("value")
        if not _HEADER_NAME.match(name):
            raise item.error("name", f"{name!r} is not a header name")
        if "\r" in value or "\n" in value:
            raise item.error("value", "must not hold line breaks")
        yield name, value


def _check_oauth(oauth: Reader, *, required: bool) -> None:
    """What the grant cannot do without. Celigo's iClients are not kept here: the client's own members are."""
    if oauth.flag("useIClientFields"):
        raise oauth.error("useIClientFields", "is not supported by this deployment: give clientId and clientSecret")
    grant = oauth.choice("grantType", ("authorizecode", "clientcredentials", "password"), default="authorizecode")
    needed = {"authorizecode": ("authURI",), "password": ("username", "password")}.get(grant, ())
    for name in ("tokenURI", "clientId", *needed):
        oauth.text(name, required=required)
    for name in ("authURI", "tokenURI"):
        if oauth.text(name) and not oauth.text(name).startswith(("http://", "https://")):
            raise oauth.error(name, "must start with http:// or https://")
    oauth.texts("scope")


def _parse_auth(auth: Reader, *, of_connector: bool) -> tuple[str, BasicAuth | TokenAuth | None]:
    kind = auth.text("type") or "custom"
    if kind in UNSUPPORTED_AUTH:
        raise auth.error("type", f"{kind} is not supported by this deployment")
    auth.choice("type", ("custom", "basic", "token", "oauth"), default="custom")
    if kind == "basic":
        basic = auth.child("basic")
        return kind, BasicAuth(basic.text("username"), basic.text("password"))
    if kind == "oauth" and not of_connector and auth.value.get("oauth"):
        stored = auth.child("token", required=False).text("token")  # one that is given works, as long as it lasts
        _check_oauth(auth.child("oauth"), required=not stored)
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
