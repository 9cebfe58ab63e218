"""Takes secrets out of what is recorded: known values in every usual spelling, and fields that are secret by name."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import islice
from urllib.parse import quote, quote_plus

MASK = "******"
BODY_LIMIT = 16 * 1024
URL_LIMIT = 4_000
HEADER_LIMIT = 2_000
HEADER_COUNT = 100
_OVERLAP = 8 * 1024
_SHORTEST_SECRET = 4

_HEADERS = frozenset(
    (
        "authorization",
        "proxy-authorization",
        "cookie",
        "set-cookie",
        "api-key",
        "api_key",
        "apikey",
        "x-api-key",
        "x-auth-token",
        "x-access-token",
        "x-amz-security-token",
        "x-csrf-token",
        "x-vault-token",
        "private-token",
    )
)
_CREDENTIAL_NAME = re.compile(
    r"auth|token|secret|passw|session|cookie|credential|signature|(?:api|access|account|private)[-_]?key", re.IGNORECASE
)
_NAMES = (
    r"pass(?:word|wd|phrase)?|pwd|secret|client_?secret|api_?(?:key|token|secret)|(?:access|refresh|id|auth|bearer)_?token"
    r"|token|private_?key|secret_?access_?key|authorization|session_?id|sig(?:nature)?|otp|pin|cvv|client_assertion"
    r"|code_verifier"
)
# All of these take time linear to the text: no two quantifiers that can share characters, no start that reads on
# over another start. Bodies are of the size and the making of whoever is called.
_JSON_FIELD = re.compile(
    rf'("(?:[\w-]*[_-])?(?:{_NAMES})"\s*+:\s*+)("[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|-?\d[\d.eE+-]*+)',
    re.IGNORECASE | re.DOTALL,
)
_ANY_JSON_NAME = re.compile(r'"([\w-]++)"\s*+:')
_SECRET_NAME = re.compile(rf"(?:[\w-]*[_-])?(?:{_NAMES})\Z", re.IGNORECASE)
_FORM_FIELD = re.compile(rf"((?:\A|[?&;])(?:{_NAMES})=)[^&#\s]*+", re.IGNORECASE)
_USERINFO = re.compile(r"(?<=://)[^/?#\s]*@")
_XML_FIELD = re.compile(rf"(<(?:\w++:)?(?:{_NAMES})(?:\s[^<>]*+)?>)(?:<!\[CDATA\[)?[^<]++", re.IGNORECASE)


class Redactor:
    """Redacts for one set of known secret values. Build through `redactor_for`, which remembers."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._forms = sorted({form for secret in secrets for form in _spellings(secret)}, key=len, reverse=True)
        self._longest = max((len(form) for form in self._forms), default=0)

    def text(self, text: str) -> str:
        """Known values out, wherever they stand."""
        # One by one: `replace` is linear in the worst case too, an alternation of them is not.
        for form in self._forms:
            text = text.replace(form, MASK)
        return text

    def holds(self, text: str) -> bool:
        """Whether a known value stands in it, in any spelling."""
        return any(form in text for form in self._forms)

    def url(self, url: str) -> str:
        return self.text(_FORM_FIELD.sub(rf"\g<1>{MASK}", _USERINFO.sub(f"{MASK}@", url)))

    def shown_url(self, url: str, *, limit: int = URL_LIMIT) -> str:
        """`url` redacted and cut; a secret that the cut would leave half of goes as well."""
        head = url[: limit + self._longest]
        clean = _storable(self.url(head))
        if len(head) == len(url):
            return clean if len(clean) <= limit else f"{clean[:limit]}…"
        return f"{self._without_rest(clean)[:limit]}…"

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """At most HEADER_COUNT fields, each cut."""
        return {
            _storable(name[:HEADER_LIMIT]): MASK
            if name.lower() in _HEADERS
            else self.shown_url(value, limit=HEADER_LIMIT)
            for name, value in islice(headers.items(), HEADER_COUNT)
        }

    def body(self, body: bytes, *, limit: int = BODY_LIMIT) -> tuple[str, str, bool]:
        """(text, encoding `utf-8` or `base64`, cut?), at most `limit` characters. Cut after redaction, not before."""
        head = body[: limit + _OVERLAP + self._longest * 4]
        cut = len(head) < len(body)
        try:
            text = head.decode("utf-8")
        except UnicodeDecodeError as error:
            if error.reason == "unexpected end of data" and cut:
                text = head[: error.start].decode("utf-8")
            else:
                raw = self.text(head.decode("latin-1"))
                clean = (self._without_rest(raw) if cut else raw).encode("latin-1", "replace")[: limit * 3 // 4]
                return base64.b64encode(clean).decode(), "base64", len(body) > len(clean)
        text = self.text(self.fields(text))
        text = self._without_rest(text) if cut else text
        return text[:limit], "utf-8", len(text) > limit or cut

    def _without_rest(self, redacted: str) -> str:
        """Without the end of a text that goes on: a secret that begins there could not be recognized."""
        return redacted[: max(0, len(redacted) - self._longest)]

    def fields(self, text: str) -> str:
        """Fields that are secret by name, in JSON, forms and XML."""
        start = text[:256].lstrip("\ufeff \t\r\n")[:1]
        if start == "<":
            return _XML_FIELD.sub(rf"\g<1>{MASK}", text)
        # Most bodies have no such field, and telling so by their few distinct names is many times cheaper.
        if '"' in text and any(map(_is_secret_name, set(_ANY_JSON_NAME.findall(text)))):
            text = _JSON_FIELD.sub(rf'\g<1>"{MASK}"', text)
        return _FORM_FIELD.sub(rf"\g<1>{MASK}", text) if start not in "{[" else text


@lru_cache(maxsize=4096)
def is_credential_header(name: str) -> bool:
    """By its name alone: values that nobody has declared secret are written into headers, too."""
    return name.lower() in _HEADERS or _CREDENTIAL_NAME.search(name) is not None


def _storable(text: str) -> str:
    """Without lone surrogates and NUL, which no database keeps."""
    return (
        text if text.isascii() and "\0" not in text else text.encode(errors="replace").decode().replace("\0", "\ufffd")
    )


@lru_cache(maxsize=4096)
def _is_secret_name(name: str) -> bool:
    return _SECRET_NAME.match(name) is not None


@lru_cache(maxsize=256)
def _cached(secrets: tuple[str, ...]) -> Redactor:
    return Redactor(secrets)


def redactor_for(secrets: Sequence[str]) -> Redactor:
    return _cached(tuple(secrets))


def _spellings(secret: str) -> set[str]:
    """The value itself, URL-encoded, JSON-escaped, and base64 at each of the three offsets within a longer text."""
    if len(secret) < _SHORTEST_SECRET:
        return set()
    raw = secret.encode()
    forms = {secret, quote(secret, safe=""), quote(secret), quote_plus(secret)}
    forms |= {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    for shift in range(3):
        whole = base64.b64encode(b"\0" * shift + raw).decode().rstrip("=")
        # Characters that also carry bits of the neighbours differ from text to text: leave them off.
        start = (shift * 8 + 5) // 6
        stable = whole[start : (shift + len(raw)) * 8 // 6]
        if len(stable) >= _SHORTEST_SECRET + 2:
            forms |= {stable, stable.replace("+", "-").replace("/", "_")}
    forms.add(base64.b64encode(raw).decode())
    return forms
