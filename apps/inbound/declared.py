"""What components declare about coming in: how an event is verified, and how a trigger is matched and polled.

An event component's `config` has these members, all optional:

| member | value |
|---|---|
| `security` | how a notification proves where it comes from; see below; absent: `none` |
| `challenge` | `{"in": "query", "body" or "header", "name": …}`: a call that has it is answered by its value |
| `id` | `{"header": …}` or `{"path": …}`: the provider's own id of the notification, which is taken once |
| `respond` | `sync`: the `response` hook answers in the same call; else the answer is 202 at once |

A challenge may have `token`, the query member that must equal the secret, and `before`: true, to be answered before
anything is verified.

`security.type` is `none`, `token` (in `header`, perhaps after `prefix`, or in `query`), `basic` (the secret is
`name:password`), `standardwebhooks`, or `hmac-sha256`, `hmac-sha1`, `hmac-sha512`:

| member | value |
|---|---|
| `header` | where the signature stands |
| `prefix` | what stands before it: `sha256=`, `v0=` |
| `encoding` | `hex` (default) or `base64` |
| `signed` | what is signed, `{body}` (default) and `{timestamp}` in it: `v0:{timestamp}:{body}` |
| `timestamp` | the header with the time, in seconds |
| `fields` | `{"timestamp": "t", "signature": "v1"}`: the header itself is a list `t=…,v1=…` |
| `tolerance` | seconds that the time may be off, 300 unless said |

A trigger's schema has `x-key`, the names of the variables whose values, joined by `/`, a notification must name as its
key, and `x-poll`: `{"every": seconds, "id": path of an item's id}`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from apps.connectors.models import ComponentVersion
from apps.core.errors import ValidationError

HMAC = ("hmac-sha256", "hmac-sha1", "hmac-sha512")
TYPES = ("none", "token", "basic", "standardwebhooks", *HMAC)
TOLERANCE = 300
SHORTEST_POLL = 30
DEFAULT_POLL = 300


@dataclass(frozen=True)
class Security:
    type: str = "none"
    header: str = ""
    query: str = ""
    prefix: str = ""
    encoding: str = "hex"
    signed: str = "{body}"
    timestamp: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    tolerance: int = TOLERANCE


@dataclass(frozen=True)
class Challenge:
    place: str
    name: str
    token: str = ""
    before: bool = False


@dataclass(frozen=True)
class Inlet:
    """An event component, as far as receiving is concerned."""

    name: str
    security: Security
    challenge: Challenge | None
    id_header: str
    id_path: str
    sync: bool


@dataclass(frozen=True)
class Polling:
    every: int
    id_path: str


def inlet_of(version: ComponentVersion) -> Inlet:
    """Raises ValidationError naming the member that is wrong."""
    document = version.document or {}
    config = _object(document.get("config"), "config")
    security = config.get("security") or document.get("security")
    return read_inlet({**config, "security": security}, name=version.component.name)


def read_inlet(config: Mapping[str, Any], *, name: str = "", at: str = "config") -> Inlet:
    """Raises ValidationError naming the member that is wrong, below `at`."""
    identity = _object(config.get("id"), f"{at}.id")
    return Inlet(
        name=name,
        security=_security(_object(config.get("security"), f"{at}.security"), f"{at}.security"),
        challenge=_challenge(config.get("challenge"), f"{at}.challenge"),
        id_header=_text(identity, "header", f"{at}.id"),
        id_path=_text(identity, "path", f"{at}.id"),
        sync=config.get("respond") == "sync",
    )


def polling_of(trigger: ComponentVersion) -> Polling | None:
    """None for a trigger that is not polled."""
    found = trigger.schema.get("x-poll")
    if not isinstance(found, Mapping):
        return None
    every = found.get("every", DEFAULT_POLL)
    if isinstance(every, bool) or not isinstance(every, int | float):
        every = DEFAULT_POLL
    id_path = found.get("id", "id")
    return Polling(every=max(SHORTEST_POLL, int(every)), id_path=id_path if isinstance(id_path, str) else "id")


def key_of(trigger: ComponentVersion, variables: Mapping[str, Any]) -> str:
    names = trigger.schema.get("x-key")
    if not isinstance(names, list) or not names:
        return ""
    return key_text([variables.get(name) for name in names if isinstance(name, str)])


def key_text(value: Any) -> str:
    """A key as it is compared: a text, or a list's texts with `/` between; case does not count."""
    parts = value if isinstance(value, list) else [value]
    return "/".join("" if part is None else str(part) for part in parts).lower()[:255]


def _security(found: Mapping[str, Any], at: str) -> Security:
    kind = found.get("type", "none")
    if kind not in TYPES:
        raise ValidationError(f"{at}.type must be one of {', '.join(TYPES)}.", field=f"{at}.type")
    fields = _object(found.get("fields"), f"{at}.fields")
    tolerance = found.get("tolerance", TOLERANCE)
    security = Security(
        type=kind,
        header=_text(found, "header", at),
        query=_text(found, "query", at),
        prefix=_text(found, "prefix", at),
        encoding=_text(found, "encoding", at) or "hex",
        signed=_text(found, "signed", at) or "{body}",
        timestamp=_text(found, "timestamp", at),
        fields={str(name): str(value) for name, value in fields.items()},
        tolerance=tolerance if type(tolerance) is int and tolerance > 0 else TOLERANCE,
    )
    if kind in HMAC and not security.header:
        raise ValidationError(f"{at}.header is required for {kind}.", field=f"{at}.header")
    if kind == "token" and not (security.header or security.query):
        raise ValidationError(f"{at} needs a header or a query member for its token.", field=at)
    if security.encoding not in ("hex", "base64"):
        raise ValidationError(f"{at}.encoding must be hex or base64.", field=f"{at}.encoding")
    return security


def _challenge(value: Any, at: str) -> Challenge | None:
    if value is None:
        return None
    found = _object(value, at)
    place, name = found.get("in"), _text(found, "name", at)
    if place not in ("query", "body", "header") or not name:
        raise ValidationError(f"{at} needs in (query, body or header) and name.", field=at)
    token = _text(found, "token", at)
    return Challenge(place=place, name=name, token=token, before=found.get("before") is True)


def _object(value: Any, path: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ValidationError(f"{path} must be an object.", field=path)
    return value


def _text(found: Mapping[str, Any], name: str, path: str) -> str:
    value = found.get(name)
    if value is not None and not isinstance(value, str):
        raise ValidationError(f"{path}.{name} must be a text.", field=f"{path}.{name}")
    return value or ""
