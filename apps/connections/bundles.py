"""A credential as its callers write it (`key`, `basic` or `oauth`), and as the document that calls are made by.

The surprise: what a caller wrote is kept as it was, secrets under `http.encrypted`, the rest under `http.unencrypted`;
`http.auth` follows from it. So it reads back member by member, and programs find all of it.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils.dateparse import parse_datetime

from apps.connectors.models import Security
from apps.core import clock
from apps.core.errors import ValidationError
from apps.core.vault import MASK

FORMS = ("key", "basic", "oauth")
FORM_OF_AUTH = {"token": "key", "basic": "basic", "oauth": "oauth"}
PLAIN = frozenset({"tokenType", "scope", "expiresAt", "username"})  # what is no secret; all else is
NEARLY_OVER = timedelta(seconds=30)
KEY_NAMES = ("key", "token", "apiKey", "api_key", "accessToken", "access_token", "value", "secret")
OAUTH_NAMES = {
    "access_token": "accessToken",
    "refresh_token": "refreshToken",
    "token_type": "tokenType",
    "expires_at": "expiresAt",
    "client_id": "clientId",
    "client_secret": "clientSecret",
}
ALLOWED = {
    Security.Type.OAUTH2: ("oauth",),
    Security.Type.API_KEY: ("key", "basic"),
    Security.Type.BASIC: ("basic",),
    Security.Type.NONE: (),
}


def read_bundle(body: Mapping[str, Any], *, security: Security) -> tuple[str, dict[str, Any]]:
    """(form, values) of a body with one of `key`, `basic`, `oauth`. Raises ValidationError naming the member."""
    given = [form for form in FORMS if body.get(form) is not None]
    if len(given) != 1:
        raise ValidationError("Exactly one of key, basic and oauth must be given.", field=given[1] if given else "key")
    form = given[0]
    require_form(form, security=security)
    values = body[form]
    if form == "key" and isinstance(values, str):
        values = {"key": values}
    if not isinstance(values, Mapping):
        raise ValidationError(f"{form} must be an object.", field=form)
    return form, checked(form, values)


def require_form(form: str, *, security: Security) -> None:
    allowed = ALLOWED[Security.Type(security.type)]
    if form not in allowed:
        wanted = " or ".join(allowed) or "no credential"
        raise ValidationError(
            f"The security {security.name} is of type {security.type}: it takes {wanted}.", field=form
        )


def checked(form: str, values: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(values)
    if form == "basic":
        for name in ("username", "password"):
            _text(found, name, form=form, required=True)
    elif form == "key":
        main = key_name(found)
        if main is None:
            raise ValidationError("key needs a member that holds the secret, such as key.", field="key")
        _text(found, main, form=form, required=True)
    else:
        found = {OAUTH_NAMES.get(name, name): value for name, value in found.items()}
        for name in ("accessToken", "refreshToken", "tokenType", "clientId", "clientSecret"):
            _text(found, name, form=form)
        _scope(found)
        _expiry(found)
    return found


def key_name(values: Mapping[str, Any]) -> str | None:
    """Which member is the key: one of the usual names, else the only text there is."""
    texts = [name for name, value in values.items() if isinstance(value, str) and value]
    usual = next((name for name in KEY_NAMES if name in texts), None)
    return usual or (texts[0] if len(texts) == 1 else None)


def document_of(form: str, values: Mapping[str, Any], *, base_uri: str = "", oauth: Any = None) -> dict[str, Any]:
    """The whole connection document, secrets in place. `oauth`: what a hook has laid over the security's settings."""
    auth: dict[str, Any] = {"type": {"key": "token", "basic": "basic", "oauth": "oauth"}[form]}
    if form == "basic":
        auth["basic"] = {"username": values["username"], "password": values["password"]}
    elif form == "key":
        auth["token"] = {"token": values[key_name(values) or "key"]}
    else:
        auth["token"] = {"token": values.get("accessToken") or ""}
        expires_at = expiry_of(values)
        if expires_at is not None:
            left = max(expires_at - clock.now(), timedelta(0))
            auth["token"]["freshUntil"] = spell_expiry(expires_at - min(NEARLY_OVER, left / 5))
        if oauth:
            auth["oauth"] = dict(oauth)
    http: dict[str, Any] = {"auth": auth}
    if base_uri:
        http["baseURI"] = base_uri
    http["unencrypted"] = {name: value for name, value in values.items() if name in PLAIN}
    http["encrypted"] = {name: value for name, value in values.items() if name not in PLAIN}
    return {"http": http}


def bundle_of(document: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """(form, values) of a whole document."""
    http = document.get("http") or {}
    auth = http.get("auth") or {}
    form = FORM_OF_AUTH.get(auth.get("type", ""), "key")
    parts = (http.get("encrypted"), http.get("unencrypted"))
    values = {name: value for part in parts if isinstance(part, Mapping) for name, value in part.items()}
    if values:
        return form, values
    if form == "basic":
        return form, dict(auth.get("basic") or {})
    token = (auth.get("token") or {}).get("token")
    return form, {"accessToken" if form == "oauth" else "key": token} if token else {}


def redacted(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same members; each secret is a fixed text, and nothing stays nothing."""
    return {name: value if name in PLAIN or value is None else MASK for name, value in values.items()}


def unredacted(values: Mapping[str, Any], *, stored: Mapping[str, Any]) -> dict[str, Any]:
    """What was read masked and is written back so is what it was."""
    return {name: stored[name] if value == MASK and name in stored else value for name, value in values.items()}


def expiry_of(values: Mapping[str, Any]) -> datetime | None:
    text = values.get("expiresAt")
    return parse_datetime(text) if isinstance(text, str) else None


def fresh_until(document: Mapping[str, Any]) -> datetime | None:
    """From when on a token is not sent any more, since it might end on the way."""
    token = ((document.get("http") or {}).get("auth") or {}).get("token") or {}
    text = token.get("freshUntil")
    return parse_datetime(text) if isinstance(text, str) else None


def spell_expiry(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _text(values: dict[str, Any], name: str, *, form: str, required: bool = False) -> None:
    value = values.get(name)
    if value is None and not required:
        return
    if not isinstance(value, str):
        raise ValidationError(f"{form}.{name} must be a text.", field=f"{form}.{name}")
    if not value.isprintable():
        raise ValidationError(f"{form}.{name} holds a line break or a control character.", field=f"{form}.{name}")
    if required and not value and name != "password":
        raise ValidationError(f"{form}.{name} must not be blank.", field=f"{form}.{name}")


def _scope(values: dict[str, Any]) -> None:
    scope = values.get("scope")
    if isinstance(scope, list) and all(isinstance(part, str) for part in scope):
        values["scope"] = " ".join(scope)
    elif scope is not None and not isinstance(scope, str):
        raise ValidationError("oauth.scope must be a text or a list of texts.", field="oauth.scope")


def _expiry(values: dict[str, Any]) -> None:
    """`expires_in` counts from now; a moment may be text or seconds since 1970."""
    seconds = values.pop("expires_in", values.pop("expiresIn", None))
    if seconds is not None and "expiresAt" not in values:
        values["expiresAt"] = clock.now().timestamp() + _seconds(seconds, "oauth.expires_in")
    moment = values.get("expiresAt")
    if moment is None:
        return
    try:
        found = parse_datetime(moment) if isinstance(moment, str) else None
        if found is None:
            found = datetime.fromtimestamp(_seconds(moment, "oauth.expiresAt"), UTC)
        found = found if found.tzinfo else found.replace(tzinfo=UTC)
        values["expiresAt"] = spell_expiry(found)
    except (ValueError, OverflowError, OSError):
        raise ValidationError("oauth.expiresAt is no moment.", field="oauth.expiresAt") from None


def _seconds(value: Any, field: str) -> float:
    try:
        number = float(value) if not isinstance(value, bool | list | dict) else float("nan")
    except ValueError:
        number = float("nan")
    if not 0 <= number < 1e12:
        raise ValidationError(f"{field} must be a number of seconds.", field=field)
    return number


def lifetime(seconds: object) -> timedelta | None:
    """`expires_in` of a token answer, as servers write it; unreadable is unknown."""
    try:
        number = float(seconds)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return timedelta(seconds=number) if 0 < number < 1e9 else None
