"""How a connector's OAuth server is spoken to: read from the security's `config`, with a hook's changes laid over it.

Members of `config`: authorizationUrl, tokenUrl, refreshUrl, clientId, clientSecret, scopes, scopeDelimiter,
authorizationParameters, tokenParameters, clientAuthentication (basic, post, none), pkce, grantType
(authorization_code, client_credentials). snake_case is understood as well.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from apps.connectors.models import Security
from apps.connectors.securities import whole_config
from apps.core.errors import ValidationError

CODE, CLIENT_CREDENTIALS, PASSWORD = "authorization_code", "client_credentials", "password"
ALIASES = {
    "authorizationurl": "authorization_url", "authorizationuri": "authorization_url", "authurl": "authorization_url",
    "authuri": "authorization_url", "authorizeurl": "authorization_url",
    "tokenurl": "token_url", "tokenuri": "token_url", "accesstokenurl": "token_url",
    "refreshurl": "refresh_url", "refreshuri": "refresh_url",
    "clientid": "client_id", "clientsecret": "client_secret",
    "scopes": "scopes", "scope": "scopes", "scopedelimiter": "delimiter",
    "authorizationparameters": "authorization_parameters", "authorizationparams": "authorization_parameters",
    "tokenparameters": "token_parameters", "tokenparams": "token_parameters",
    "clientauthentication": "client_auth", "tokenendpointauthmethod": "client_auth", "authstyle": "client_auth",
    "accesstokenpath": "token_path",
    "pkce": "pkce", "granttype": "grant", "grant": "grant", "flow": "grant",
}  # fmt: skip
GRANTS = {
    "": CODE, "authorizationcode": CODE, "authorizecode": CODE, "code": CODE,
    "clientcredentials": CLIENT_CREDENTIALS, "password": PASSWORD,
}  # fmt: skip
CLIENT_AUTH = {
    "basic": "basic", "clientsecretbasic": "basic", "header": "basic",
    "post": "post", "clientsecretpost": "post", "body": "post", "none": "none",
}  # fmt: skip


@dataclass(frozen=True)
class OAuthSettings:
    token_url: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    authorization_url: str = ""
    refresh_url: str = ""
    scopes: tuple[str, ...] = ()
    delimiter: str = " "
    authorization_parameters: Mapping[str, str] = field(default_factory=dict)
    token_parameters: Mapping[str, str] = field(default_factory=dict)
    client_auth: str = "basic"
    pkce: bool = True
    grant: str = CODE
    token_path: str = ""  # where in the answer the token is, when not at access_token

    @property
    def scope(self) -> str:
        return self.delimiter.join(self.scopes)


def settings_of(security: Security, *, over: Mapping[str, Any] | None = None) -> OAuthSettings:
    """`over`: a hook's changes, or what a user has brought. Raises ValidationError naming the member of `config`."""
    if security.type != Security.Type.OAUTH2:
        raise ValidationError(f"The security {security.name} is of type {security.type}, not oauth2.", field="type")
    return read_settings({**whole_config(security), **{k: v for k, v in (over or {}).items() if v is not None}})


def grants_itself(security: Security | None) -> bool:
    """Whether a token can be had without a person's consent: by client credentials."""
    config = security.document.get("config") if security else None
    for name, value in config.items() if isinstance(config, dict) else ():
        if ALIASES.get(fold(name)) == "grant":
            return isinstance(value, str) and GRANTS.get(fold(value)) == CLIENT_CREDENTIALS
    return False


def grants_without_consent(whole: Mapping[str, Any]) -> bool:
    """The same of a connection's own document: client credentials, a password, or a token that says how it is
    refreshed."""
    auth = (whole.get("http") or {}).get("auth") or {}
    if auth.get("type") == "token":
        return bool((auth.get("token") or {}).get("refreshRelativeURI"))
    grant = fold(str((auth.get("oauth") or {}).get("grantType") or ""))
    return auth.get("type") == "oauth" and GRANTS.get(grant) in (CLIENT_CREDENTIALS, PASSWORD)


def read_settings(config: Mapping[str, Any]) -> OAuthSettings:
    found: dict[str, Any] = {}
    for name, value in config.items():
        member = ALIASES.get(fold(name))
        if member is not None and value is not None:
            found[member] = _READERS.get(member, _text)(value, f"config.{name}")
    for member, shown in (("token_url", "tokenUrl"), ("client_id", "clientId")):
        if not found.get(member):
            raise ValidationError(f"config.{shown} is missing: OAuth cannot work without it.", field=f"config.{shown}")
    if not found.get("client_secret"):
        found["client_auth"] = "none"
    settings = OAuthSettings(**found)
    if settings.grant == CODE and not settings.authorization_url:
        raise ValidationError("config.authorizationUrl is missing.", field="config.authorizationUrl")
    return settings


def fold(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()


def _text(value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise ValidationError(f"{path} must be a text.", field=path)
    return value


def _address(value: Any, path: str) -> str:
    text = _text(value, path).strip()
    if text and not text.startswith(("http://", "https://")):
        raise ValidationError(f"{path} must start with http:// or https://.", field=path)
    return text


def _scopes(value: Any, path: str) -> tuple[str, ...]:
    if isinstance(value, Mapping):
        value = list(value)  # OpenAPI has {scope: description}
    if isinstance(value, str):
        return tuple(value.split())
    if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
        raise ValidationError(f"{path} must be a text or a list of texts.", field=path)
    return tuple(value)


def _parameters(value: Any, path: str) -> dict[str, str]:
    if not isinstance(value, Mapping) or not all(isinstance(item, str | int | float) for item in value.values()):
        raise ValidationError(f"{path} must be an object of texts.", field=path)
    return {name: item if isinstance(item, str) else str(item).lower() for name, item in value.items()}


def _flag(value: Any, path: str) -> bool:
    if not isinstance(value, bool):
        raise ValidationError(f"{path} must be true or false.", field=path)
    return value


def _word(words: Mapping[str, str]) -> Any:
    def read(value: Any, path: str) -> str:
        found = words.get(fold(_text(value, path)))
        if found is None:
            raise ValidationError(f"{path} must be one of {', '.join(sorted(set(words.values())))}.", field=path)
        return found

    return read


_READERS: dict[str, Any] = {
    "authorization_url": _address,
    "token_url": _address,
    "refresh_url": _address,
    "scopes": _scopes,
    "authorization_parameters": _parameters,
    "token_parameters": _parameters,
    "pkce": _flag,
    "grant": _word(GRANTS),
    "client_auth": _word(CLIENT_AUTH),
}
