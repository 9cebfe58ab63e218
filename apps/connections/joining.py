"""Joins a base address and what a document adds to it, so that nothing in the second part leads somewhere else.

The surprise: it is not RFC 3986 resolution. `/users` is added below the base's path, as the documents have it, and
`..` is refused, because the HTTP client would fold it and leave the base.
"""

import re
from urllib.parse import SplitResult, urlsplit

from apps.core.gateway import InvalidRequest

_ABSOLUTE = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://")
_UNSAFE = re.compile(r"[\x00-\x20\x7f\\]")
_DOTS = re.compile(r"(?:\A|/)(?:\.|%2e){2}(?:/|\Z)", re.IGNORECASE)
_REST = re.compile(r"[?#]")
_PORTS = {"http": 80, "https": 443}


def join(base: str, relative: str, *, foreign: bool = False) -> tuple[str, bool]:
    """(address, whether it is at the base's origin). An absolute `relative` elsewhere needs `foreign`.

    Raises InvalidRequest (a GatewayError).
    """
    relative = relative.strip()
    if _UNSAFE.search(relative):
        raise InvalidRequest(f"The address {relative!r} holds a blank, a backslash or a control character.")
    if _ABSOLUTE.match(relative):
        at_base = bool(base) and origin(relative) == origin(base)
        if not at_base and not foreign:
            raise InvalidRequest(f"The address {relative} leads away from the connection's {base}.")
        return relative, at_base
    if not base:
        raise InvalidRequest(f"The address {relative!r} is relative, and the connection has no base address.")
    path, separator, rest = _cut(relative)
    if _DOTS.search(path):
        raise InvalidRequest(f"The address {relative!r} leads out of the connection's base address.")
    if path:
        base_path, _, base_rest = _cut(base)
        if base_rest:
            raise InvalidRequest(f"The base address {base} has a query and takes no path.")
        return f"{base_path.rstrip('/')}/{path.lstrip('/')}{separator}{rest}", True
    return f"{base}{separator}{rest}", True


def origin(address: str) -> tuple[str, str, int]:
    """Raises InvalidRequest for what is not an http address."""
    try:
        parts: SplitResult = urlsplit(address)
        port = parts.port or _PORTS[parts.scheme]
    except (ValueError, KeyError):
        raise InvalidRequest(f"{address!r} is not an http or https address.") from None
    if not parts.hostname:
        raise InvalidRequest(f"{address!r} names no host.")
    return parts.scheme, parts.hostname.lower().rstrip("."), port


def _cut(text: str) -> tuple[str, str, str]:
    found = _REST.search(text)
    return (text[: found.start()], found.group(), text[found.end() :]) if found else (text, "", "")
